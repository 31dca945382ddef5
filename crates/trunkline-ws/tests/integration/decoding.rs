//! The decoder: messages, limits and violations.

use std::{
    io::{self, Read, Write},
    time::{Duration, Instant},
};

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::{self, protocol::Role};
use trunkline_ws::{Decoder, Limits, Violation, close::Code};

use crate::{
    splitting::{Owned, check_fuzz_input, decode, feed},
    wire::{BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, fragment, frame},
};

fn check(bytes: &[u8], expected: &[Owned], violation: Option<Violation>) {
    for length in [1, 3, usize::MAX] {
        let (messages, found) = decode(Limits::AUTHENTICATED, bytes, || length);
        assert_eq!((messages.as_slice(), found), (expected, violation), "in bursts of {length}");
    }
}

fn text(text: &str) -> Owned {
    Owned::Text(text.to_owned())
}

#[test]
fn control_frames_may_stand_inside_a_message() {
    let stream = [
        fragment(TEXT, b"he"),
        frame(PING, b"?"),
        fragment(CONTINUATION, b"l"),
        frame(PONG, b""),
        frame(CONTINUATION, b"lo"),
        frame(BINARY, b"next"),
    ]
    .concat();
    check(
        &stream,
        &[Owned::Ping(b"?".to_vec()), Owned::Pong(vec![]), text("hello"), Owned::Binary(b"next".to_vec())],
        None,
    );
}

#[test]
fn row_18_broken_frames_are_1002() {
    let good = frame(TEXT, b"good");
    let broken: [(&[u8], Violation); 5] = [
        (b"\x81\x02hi", Violation::Unmasked),
        (b"\xc1\x80mask", Violation::ReservedBits),
        (b"\x83\x80mask", Violation::ReservedOpcode(3)),
        (b"\x09\x80mask", Violation::FragmentedControl),
        (b"\x89\xfe\x00\x7emask", Violation::OversizedControl),
    ];
    for (bytes, violation) in broken {
        check(&[&good, bytes].concat(), &[text("good")], Some(violation));
        assert_eq!(violation.code(), Code::PROTOCOL_ERROR);
    }
    check(&frame(CONTINUATION, b"x"), &[], Some(Violation::UnexpectedContinuation));
    check(&[fragment(TEXT, b"a"), frame(TEXT, b"b")].concat(), &[], Some(Violation::InterleavedMessage));
}

#[test]
fn row_19_broken_lengths_are_1002() {
    check(b"\x82\xff\x80\0\0\0\0\0\0\0mask", &[], Some(Violation::LengthOutOfRange));
    check(b"\x82\xff\0\0\0\0\0\0\0\x7fmask", &[], Some(Violation::LengthNotMinimal));
    check(b"\x82\xfe\0\x05mask", &[], Some(Violation::LengthNotMinimal));
}

#[test]
fn row_20_an_announced_length_is_refused_before_it_is_believed() {
    let mut decoder = Decoder::new(Limits::AUTHENTICATED);
    let verdict = feed(&mut decoder, b"\x82\xff\x40\0\0\0\0\0\0\0mask", Instant::now(), &mut Vec::new());
    assert_eq!(verdict, Err(Violation::MessageTooBig));
    assert_eq!(Violation::MessageTooBig.code(), Code::MESSAGE_TOO_BIG);
    assert_eq!(decoder.buffered_bytes(), 0);
}

#[test]
fn an_announced_length_within_the_limit_is_not_allocated() {
    let mut decoder = Decoder::new(Limits::AUTHENTICATED);
    let start = &frame(BINARY, &vec![0; 1 << 20])[..100];
    feed(&mut decoder, start, Instant::now(), &mut Vec::new()).expect("within the limit");
    assert!((1..=200).contains(&decoder.buffered_bytes()), "{}", decoder.buffered_bytes());
}

#[test]
fn row_21_tiny_fragments_are_counted() {
    let mut decoder = Decoder::new(Limits::AUTHENTICATED);
    let now = Instant::now();
    let mut messages = Vec::new();
    feed(&mut decoder, &fragment(BINARY, b"x"), now, &mut messages).expect("the first");
    let accepted = (1..131_000)
        .take_while(|_| {
            assert!(decoder.buffered_bytes() <= 2048);
            feed(&mut decoder, &fragment(CONTINUATION, b"x"), now, &mut messages).is_ok()
        })
        .count();
    assert_eq!(accepted + 1, 1024);
    assert_eq!(Violation::TooManyFragments.code(), Code::POLICY_VIOLATION);
    assert_eq!(decoder.buffered_bytes(), 0);
}

#[test]
fn row_22_empty_continuations_are_counted() {
    let stream = [fragment(TEXT, b""), fragment(CONTINUATION, b"").repeat(1024)].concat();
    check(&stream, &[], Some(Violation::TooManyFragments));
    let finished = [fragment(TEXT, b""), fragment(CONTINUATION, b"").repeat(1022), frame(CONTINUATION, b"")].concat();
    check(&finished, &[text("")], None);
}

#[test]
fn row_22_endless_continuations_run_out_of_time_or_room() {
    let start = Instant::now();
    let mut decoder = Decoder::new(Limits::AUTHENTICATED);
    let mut messages = Vec::new();
    feed(&mut decoder, &fragment(BINARY, b"x"), start, &mut messages).expect("the first");
    for second in 1..10 {
        let now = start + Duration::from_secs(second);
        feed(&mut decoder, &fragment(CONTINUATION, b"x"), now, &mut messages).expect("in time");
    }
    assert_eq!(decoder.deadline(), Some(start + Duration::from_secs(10)));
    let late = start + Duration::from_secs(10);
    let verdict = feed(&mut decoder, &fragment(CONTINUATION, b"x"), late, &mut messages);
    assert_eq!(verdict, Err(Violation::ReassemblyTimeout));
    assert_eq!(Violation::ReassemblyTimeout.code(), Code::POLICY_VIOLATION);

    let big = [fragment(BINARY, &vec![0; 1 << 19]), fragment(CONTINUATION, &vec![0; 1 << 19])].concat();
    check(&[big, fragment(CONTINUATION, b"x")].concat(), &[], Some(Violation::MessageTooBig));
}

#[test]
fn the_clock_of_a_message_starts_with_its_own_first_byte() {
    let start = Instant::now();
    let mut decoder = Decoder::new(Limits::AUTHENTICATED);
    let mut messages = Vec::new();
    let message = frame(TEXT, b"hello");
    // Every burst ends inside a message, for a minute: each message in itself is quick.
    feed(&mut decoder, &message[..6], start, &mut messages).expect("in time");
    for second in 1..60 {
        let now = start + Duration::from_secs(second);
        feed(&mut decoder, &[&message[6..], &message[..6]].concat(), now, &mut messages).expect("in time");
    }
    assert_eq!(messages.len(), 59);
}

#[test]
fn row_25_text_must_be_utf8() {
    for invalid in [&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ok \xe2\x82"] {
        check(&frame(TEXT, invalid), &[], Some(Violation::InvalidUtf8));
        check(&[fragment(TEXT, invalid), frame(CONTINUATION, b"")].concat(), &[], Some(Violation::InvalidUtf8));
    }
    assert_eq!(Violation::InvalidUtf8.code(), Code::INVALID_PAYLOAD);
    let euro = "€".as_bytes();
    let split = [fragment(TEXT, &euro[..1]), fragment(CONTINUATION, &euro[1..2]), frame(CONTINUATION, &euro[2..])];
    check(&split.concat(), &[text("€")], None);
}

#[test]
fn row_25_invalid_text_is_refused_before_its_end() {
    let mut decoder = Decoder::new(Limits::AUTHENTICATED);
    let start = &frame(TEXT, &[&b"\xff"[..], &[b'a'; 1000]].concat())[..9];
    let verdict = feed(&mut decoder, start, Instant::now(), &mut Vec::new());
    assert_eq!(verdict, Err(Violation::InvalidUtf8));
}

#[test]
fn row_26_close_frames() {
    for code in [0, 999, 1005, 1006, 5000] {
        check(&close(code), &[], Some(Violation::InvalidCloseCode(code)));
        assert_eq!(Violation::InvalidCloseCode(code).code(), Code::PROTOCOL_ERROR);
    }
    check(&frame(CLOSE, b"\x03"), &[], Some(Violation::TruncatedCloseCode));
    check(&frame(CLOSE, b"\x03\xe8\xff"), &[], Some(Violation::InvalidUtf8));
    check(&frame(CLOSE, &[b'a'; 126]), &[], Some(Violation::OversizedControl));
    let longest = [&b"\x03\xe8"[..], &[b'a'; 123]].concat();
    check(&frame(CLOSE, &longest), &[Owned::Close(Some(1000), "a".repeat(123))], None);
}

#[test]
fn row_27_what_follows_a_close_frame_is_ignored() {
    let stream = [close(1000), frame(TEXT, b"late"), b"\xff\xff\xff".to_vec()].concat();
    check(&stream, &[Owned::Close(Some(1000), String::new())], None);
}

#[test]
fn row_30_the_limit_is_exact() {
    for limits in [Limits::AUTHENTICATED, Limits::UNAUTHENTICATED] {
        let limit = limits.message_bytes;
        let (messages, violation) = decode(limits, &frame(BINARY, &vec![7; limit]), || 4096);
        assert_eq!((messages.len(), violation), (1, None));
        let (messages, violation) = decode(limits, &frame(BINARY, &vec![7; limit + 1]), || 4096);
        assert_eq!((messages.len(), violation), (0, Some(Violation::MessageTooBig)));
        let parts = [fragment(BINARY, &vec![7; limit]), frame(CONTINUATION, b"x")].concat();
        assert_eq!(decode(limits, &parts, || 4096).1, Some(Violation::MessageTooBig));
    }
    let (_, violation) = decode(Limits::UNAUTHENTICATED, &frame(TEXT, &vec![b'a'; 17 << 10]), || usize::MAX);
    assert_eq!(violation, Some(Violation::MessageTooBig));
}

#[test]
fn an_idle_decoder_owns_no_memory() {
    let mut decoder = Decoder::new(Limits::AUTHENTICATED);
    let mut messages = Vec::new();
    let stream = [frame(BINARY, &[1; 5000]), frame(PING, &[2; 125]), fragment(TEXT, b"a"), frame(CONTINUATION, b"b")];
    for bytes in stream.concat().chunks(100) {
        feed(&mut decoder, bytes, Instant::now(), &mut messages).expect("a good stream");
    }
    assert_eq!(messages.len(), 3);
    assert_eq!(decoder.buffered_bytes(), 0);
    assert_eq!(decoder.deadline(), None);
}

#[test]
fn the_corpus_of_the_fuzzer() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/ws_decoder");
    let mut count = 0;
    for entry in std::fs::read_dir(corpus).expect("the corpus is part of the repository") {
        let path = entry.expect("a readable folder").path();
        check_fuzz_input(&std::fs::read(path).expect("a readable file"));
        count += 1;
    }
    assert!(count >= 20, "{count} inputs");
}

/// One message as a client may send it: a kind, its fragments, and a control frame after each.
type Plan = (bool, Vec<(String, Option<Vec<u8>>)>);

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let payload = (any::<char>(), prop_oneof![0..10_usize, 40..200_usize, 16_000..70_000_usize])
        .prop_map(|(character, count)| character.to_string().repeat(count));
    let control = prop::option::of(prop::collection::vec(any::<u8>(), 0..=125));
    prop::collection::vec((any::<bool>(), prop::collection::vec((payload, control), 1..4)), 1..6)
}

fn spell(plans: &[Plan]) -> (Vec<u8>, Vec<Owned>) {
    let mut stream = Vec::new();
    let mut expected = Vec::new();
    for (is_text, fragments) in plans {
        let mut content = String::new();
        for (index, (part, control)) in fragments.iter().enumerate() {
            let opcode = if index > 0 {
                CONTINUATION
            } else if *is_text {
                TEXT
            } else {
                BINARY
            };
            let last = index + 1 == fragments.len();
            stream.extend(if last { frame(opcode, part.as_bytes()) } else { fragment(opcode, part.as_bytes()) });
            content.push_str(part);
            if last {
                let content = std::mem::take(&mut content);
                expected.push(if *is_text { Owned::Text(content) } else { Owned::Binary(content.into_bytes()) });
            }
            if let Some(payload) = control {
                stream.extend(frame(PING, payload));
                expected.push(Owned::Ping(payload.clone()));
            }
        }
    }
    (stream, expected)
}

/// A finished recording, seen as a socket.
struct Recording<'a>(&'a [u8]);

impl Read for Recording<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Recording<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn decode_with_tungstenite(stream: &[u8]) -> Vec<Owned> {
    let mut socket = tungstenite::WebSocket::from_raw_socket(Recording(stream), Role::Server, None);
    std::iter::from_fn(|| socket.read().ok())
        .map(|message| match message {
            tungstenite::Message::Text(text) => Owned::Text(text.to_string()),
            tungstenite::Message::Binary(bytes) => Owned::Binary(bytes.to_vec()),
            tungstenite::Message::Ping(bytes) => Owned::Ping(bytes.to_vec()),
            tungstenite::Message::Pong(bytes) => Owned::Pong(bytes.to_vec()),
            tungstenite::Message::Close(reason) => reason.map_or_else(
                || Owned::Close(None, String::new()),
                |reason| Owned::Close(Some(reason.code.into()), reason.reason.to_string()),
            ),
            tungstenite::Message::Frame(_) => unreachable!("never read"),
        })
        .collect()
}

proptest! {
    #[test]
    fn any_split_gives_the_same_messages(plans in plans(), lengths in prop::collection::vec(1_usize..3000, 1..20)) {
        let (stream, expected) = spell(&plans);
        let mut lengths = lengths.into_iter().cycle();
        let (messages, violation) = decode(Limits::AUTHENTICATED, &stream, || lengths.next().expect("endless"));
        prop_assert_eq!(violation, None);
        prop_assert!(messages == expected);
    }

    #[test]
    fn agrees_with_tungstenite(plans in plans(), closing in prop::option::of((3000_u16..5000, "[a-zä]{0,40}"))) {
        let (mut stream, _) = spell(&plans);
        if let Some((code, reason)) = closing {
            stream.extend(frame(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat()));
        }
        let (messages, violation) = decode(Limits::AUTHENTICATED, &stream, || usize::MAX);
        prop_assert_eq!(violation, None);
        prop_assert!(messages == decode_with_tungstenite(&stream));
    }

    #[test]
    fn what_is_accepted_of_a_damaged_stream_is_what_tungstenite_accepts(
        plans in plans(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (mut stream, _) = spell(&plans);
        for (index, byte) in damage {
            let index = index.index(stream.len());
            stream[index] = byte;
        }
        let (messages, _) = decode(Limits::AUTHENTICATED, &stream, || usize::MAX);
        let theirs = decode_with_tungstenite(&stream);
        prop_assert!(theirs.starts_with(&messages), "we accept what tungstenite refuses");
    }

    #[test]
    fn random_bytes_never_panic(input: Vec<u8>) {
        check_fuzz_input(&input);
    }
}
