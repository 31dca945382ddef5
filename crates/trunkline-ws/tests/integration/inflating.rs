//! Compressed messages from a client: content, limits, violations, memory.

use std::time::Instant;

use flate2::{Compress, Compression, FlushCompress};
use http::HeaderValue;
use proptest::prelude::*;
use tokio::io::AsyncWriteExt as _;
use trunkline_ws::{Closed, Decoder, Deflate, Limits, Options, Violation, close::Code, deflate::negotiate};

use crate::{
    compressing::noise,
    splitting::{Owned, check_compressed_fuzz_input, feed, inflate},
    wire::{
        BINARY, CONTINUATION, PING, PONG, TEXT, close, compressed, converse, echo_until_closed, fragment, frame, pipe,
    },
};

/// What a client agreed to that offered `permessage-deflate` and nothing else.
fn agreed() -> Deflate {
    negotiate([&HeaderValue::from_static("permessage-deflate")]).expect("acceptable")
}

fn options(limits: Limits) -> Options {
    Options { limits, deflate: Some(agreed()), queue_bytes: 4 << 20, ..Options::default() }
}

/// The payload of a compressed message, made from one piece after the other, each with its own flush.
fn deflate(pieces: &[(&[u8], FlushCompress)], level: u32, window: u8) -> Vec<u8> {
    let mut stream = Compress::new_with_window_bits(Compression::new(level), false, window);
    let mut payload = Vec::new();
    for (piece, flush) in pieces.iter().chain(&[(&b""[..], FlushCompress::Sync)]) {
        add(&mut stream, piece, *flush, &mut payload);
    }
    assert!(payload.ends_with(&[0, 0, 0xFF, 0xFF]));
    payload.truncate(payload.len() - 4);
    payload
}

/// Compresses `piece` as far as `flush` asks for, which also brings out what earlier pieces left in the stream.
fn add(stream: &mut Compress, mut piece: &[u8], flush: FlushCompress, payload: &mut Vec<u8>) {
    loop {
        payload.reserve(piece.len() + 100);
        let before = stream.total_in();
        stream.compress_vec(piece, payload, flush).expect("a stream that goes on");
        piece = &piece[usize::try_from(stream.total_in() - before).expect("a part of the piece")..];
        // Room that is left over says that nothing waits for it.
        if payload.len() < payload.capacity() {
            assert!(piece.is_empty());
            return;
        }
    }
}

fn deflated(content: &[u8]) -> Vec<u8> {
    deflate(&[(content, FlushCompress::Sync)], 6, 15)
}

fn check(limits: Limits, bytes: &[u8], expected: &[Owned], violation: Option<Violation>) {
    for length in [1, 3, usize::MAX] {
        let (messages, found) = inflate(limits, bytes, || length);
        assert_eq!(found, violation, "in bursts of {length}");
        assert!(messages == expected, "in bursts of {length}");
    }
}

fn text(text: &str) -> Owned {
    Owned::Text(text.to_owned())
}

#[test]
fn compressed_and_plain_messages_alternate() {
    let hello = deflated(b"hello");
    let stream = [
        compressed(TEXT, true, &hello),
        frame(TEXT, b"plain"),
        compressed(BINARY, false, &hello[..2]),
        frame(PING, b"?"),
        fragment(CONTINUATION, b""),
        fragment(CONTINUATION, &hello[2..]),
        frame(CONTINUATION, b""),
        fragment(TEXT, b"pl"),
        frame(CONTINUATION, b"ain"),
        compressed(TEXT, true, &deflated(b"")),
    ]
    .concat();
    let expected = [
        text("hello"),
        text("plain"),
        Owned::Ping(b"?".to_vec()),
        Owned::Binary(b"hello".to_vec()),
        text("plain"),
        text(""),
    ];
    check(Limits::AUTHENTICATED, &stream, &expected, None);
}

#[test]
fn row_18_a_compressed_frame_where_there_can_be_none_is_1002() {
    let hello = deflated(b"hello");
    let start = compressed(TEXT, false, &hello[..2]);
    for (bytes, violation) in [
        ([&start[..], &compressed(CONTINUATION, true, &hello[2..])].concat(), Violation::ReservedBits),
        (compressed(PING, true, b""), Violation::ReservedBits),
        (compressed(PONG, true, b""), Violation::ReservedBits),
        (compressed(8, true, b""), Violation::ReservedBits),
        ([&start[..], &compressed(TEXT, true, &hello)].concat(), Violation::InterleavedMessage),
    ] {
        check(Limits::AUTHENTICATED, &bytes, &[], Some(violation));
        assert_eq!(violation.code(), Code::PROTOCOL_ERROR);
    }
}

#[tokio::test(start_paused = true)]
async fn row_23_nothing_compressed_is_taken_before_the_owner_says_so() {
    let hello = compressed(TEXT, true, &deflated(b"hello"));
    let (story, _) = converse(&Options::default(), &[hello.clone(), close(1000)].concat()).await;
    assert!(matches!(story.closed, Closed::Violation(Violation::ReservedBits)));

    let (mut client, mut connection) = pipe(1 << 20, &Options::default());
    client.write_all(&[frame(TEXT, b"plain"), hello.clone()].concat()).await.expect("room");
    let mut messages = Vec::new();
    connection.drive(|message, _| messages.push(Owned::from(message))).await.expect("read");
    assert_eq!(messages, [text("plain")]);
    assert!(connection.is_closing());

    let (mut client, mut connection) = pipe(1 << 20, &Options::default());
    assert_eq!(connection.deflate(), None);
    connection.accept_deflate(agreed());
    assert_eq!(connection.deflate(), Some(agreed()));
    client.write_all(&[hello, close(1000)].concat()).await.expect("room");
    assert_eq!(echo_until_closed(connection).await.messages[..1], [text("hello")]);
}

#[test]
fn content_may_come_later_than_the_sender_compressed_it() {
    // At level 0 and with a window of 10 bits, all three pieces come out with the flush behind the last of them.
    let pieces = [(125, FlushCompress::None), (456, FlushCompress::None), (424, FlushCompress::Full)];
    let pieces = pieces.map(|(bytes, flush)| (vec![b'a'; bytes], flush));
    let payload = deflate(&pieces.each_ref().map(|(piece, flush)| (&piece[..], *flush)), 0, 10);
    let expected = [Owned::Binary(vec![b'a'; 125 + 456 + 424])];
    check(Limits::AUTHENTICATED, &compressed(BINARY, true, &payload), &expected, None);
}

#[test]
fn row_25_compressed_text_must_be_utf8() {
    let euro = "€".as_bytes();
    for invalid in [&b"\xff"[..], b"ok \xe2\x82", b"\xed\xa0\x80"] {
        check(Limits::AUTHENTICATED, &compressed(TEXT, true, &deflated(invalid)), &[], Some(Violation::InvalidUtf8));
    }
    let split = deflate(&[(&euro[..1], FlushCompress::Sync), (&euro[1..], FlushCompress::Sync)], 6, 15);
    for at in 0..=split.len() {
        let stream = [compressed(TEXT, false, &split[..at]), frame(CONTINUATION, &split[at..])].concat();
        check(Limits::AUTHENTICATED, &stream, &[text("€")], None);
    }
}

#[test]
fn row_25_invalid_compressed_text_is_refused_before_its_end() {
    let mut decoder = Decoder::new(Limits::AUTHENTICATED);
    decoder.accept_deflate();
    let start = compressed(TEXT, false, &deflated(b"\xff"));
    let verdict = feed(&mut decoder, &start, Instant::now(), &mut Vec::new());
    assert_eq!(verdict, Err(Violation::InvalidUtf8));
}

#[test]
fn corrupt_data_is_1007() {
    let hello = deflated(b"hello");
    for corrupt in [&b"\xff"[..], b"\x07", b"\x02\x03", b"\x00\x05\x00\x05\x00hello\x00", &hello[..4]] {
        for opcode in [TEXT, BINARY] {
            let stream = compressed(opcode, true, corrupt);
            check(Limits::AUTHENTICATED, &stream, &[], Some(Violation::CorruptCompression));
        }
    }
    assert_eq!(Violation::CorruptCompression.code(), Code::INVALID_PAYLOAD);
}

/// Zeros: a kilobyte for each megabyte.
fn bomb(megabytes: usize) -> Vec<u8> {
    let zeros = vec![0; 1 << 20];
    let mut piece = deflate(&[(&zeros, FlushCompress::Full)], 9, 15);
    piece.extend([0, 0, 0xFF, 0xFF]);
    let mut bomb = piece.repeat(megabytes);
    bomb.truncate(bomb.len() - 4);
    bomb
}

#[tokio::test(start_paused = true)]
async fn row_23_a_bomb_is_1009_at_the_limit() {
    let bomb = bomb(1024);
    assert!(bomb.len() < 3 << 19, "{} bytes", bomb.len());
    let start = compressed(BINARY, false, &bomb[..bomb.len() / 2]);
    for (limits, stream) in [
        // After and before authentication, in one frame and in a fragment that is not the last.
        (Limits::AUTHENTICATED, &start),
        (Limits::AUTHENTICATED, &compressed(TEXT, true, &bomb[..1 << 20])),
        (Limits::UNAUTHENTICATED, &compressed(BINARY, true, &bomb[..16 << 10])),
    ] {
        let mut held_most = 0;
        let (mut client, mut connection) = pipe(4 << 20, &options(limits));
        client.write_all(stream).await.expect("room");
        while !connection.is_closing() {
            connection.drive(|_, _| panic!("no message")).await.expect("not over yet");
            held_most = held_most.max(connection.buffered_bytes());
        }
        assert!(held_most <= limits.message_bytes + (48 << 10) + 1024, "{held_most} bytes");
        drop(client);
        let closed = echo_until_closed(connection).await.closed;
        assert!(matches!(closed, Closed::Violation(Violation::MessageTooBig)), "{closed:?}");
        assert_eq!(closed.code(), Code::MESSAGE_TOO_BIG);
    }
}

#[test]
fn row_30_the_limit_is_that_of_the_inflated_message() {
    for content in [vec![b'a'; 16_385], noise(16_385)] {
        for level in [0, 1, 9] {
            let limits = Limits::UNAUTHENTICATED;
            let fitting = deflate(&[(&content[..16_384], FlushCompress::Sync)], level, 9);
            let expected = [Owned::Binary(content[..16_384].to_vec())];
            check(limits, &compressed(BINARY, true, &fitting), &expected, None);
            let excess = deflate(&[(&content, FlushCompress::Sync)], level, 9);
            check(limits, &compressed(BINARY, true, &excess), &[], Some(Violation::MessageTooBig));
        }
    }
}

#[test]
fn row_22_blocks_without_content_are_bounded() {
    let empty = [0, 0, 0, 0xFF, 0xFF];
    let few = [&empty.repeat(3000)[..], &[0]].concat();
    check(Limits::UNAUTHENTICATED, &compressed(BINARY, true, &few), &[Owned::Binary(vec![])], None);
    let many = compressed(BINARY, true, &empty.repeat(4000));
    check(Limits::UNAUTHENTICATED, &many, &[], Some(Violation::MessageTooBig));
    let fragments = [
        compressed(BINARY, false, &empty.repeat(2000)),
        fragment(CONTINUATION, &empty.repeat(1000)),
        fragment(CONTINUATION, &empty.repeat(1000)),
    ];
    check(Limits::UNAUTHENTICATED, &fragments.concat(), &[], Some(Violation::MessageTooBig));
}

#[test]
fn row_20_an_announced_length_is_refused_before_it_is_believed() {
    check(Limits::AUTHENTICATED, b"\xc2\xff\0\0\0\0\0\x20\0\0mask", &[], Some(Violation::MessageTooBig));
}

#[tokio::test(start_paused = true)]
async fn an_inflater_is_held_for_an_unfinished_message_alone() {
    let (mut client, mut connection) = pipe(1 << 20, &options(Limits::AUTHENTICATED));
    assert_eq!(connection.buffered_bytes(), 0);
    let content = vec![b'a'; 50_000];
    let payload = deflated(&content);
    let message = compressed(TEXT, true, &payload);

    client.write_all(&message).await.expect("room");
    assert_eq!(connection.drive(|_, _| {}).await.expect("open").messages, 1);
    assert_eq!(connection.buffered_bytes(), 0);

    // The header alone holds nothing yet.
    client.write_all(&message[..message.len() - payload.len()]).await.expect("room");
    connection.drive(|_, _| {}).await.expect("open");
    assert_eq!(connection.buffered_bytes(), 0);
    client.write_all(&message[message.len() - payload.len()..message.len() - 1]).await.expect("room");
    connection.drive(|_, _| {}).await.expect("open");
    assert!(connection.buffered_bytes() >= 48 << 10);
    client.write_all(&message[message.len() - 1..]).await.expect("room");
    let mut length = 0;
    let take = |message: trunkline_ws::Message<'_>, _: &mut _| {
        if let trunkline_ws::Message::Text(text) = message {
            length = text.len();
        }
    };
    connection.drive(take).await.expect("open");
    assert_eq!(length, 50_000);
    assert_eq!(connection.buffered_bytes(), 0);
}

#[test]
fn the_corpus_of_the_fuzzer() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/ws_inflater");
    let mut count = 0;
    for entry in std::fs::read_dir(corpus).expect("the corpus is part of the repository") {
        let path = entry.expect("a readable folder").path();
        check_compressed_fuzz_input(&std::fs::read(path).expect("a readable file"));
        count += 1;
    }
    assert!(count >= 20, "{count} inputs");
}

/// A message as a compressing client may send it.
#[derive(Clone, Debug)]
struct Plan {
    pieces: Vec<(String, u8)>,
    level: u32,
    window: u8,
    is_text: bool,
    /// Where the compressed payload is cut into fragments.
    cuts: Vec<prop::sample::Index>,
    /// Between which fragments a ping stands.
    pings: Vec<bool>,
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let piece = prop_oneof![
        (any::<char>(), 0..3000_usize).prop_map(|(character, count)| character.to_string().repeat(count)),
        ".{0,300}",
        "[a-f \n]{0,2000}",
    ];
    let plan = (
        prop::collection::vec((piece, 0..4_u8), 0..5),
        (0..10_u32, 9..16_u8, any::<bool>()),
        prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        prop::collection::vec(any::<bool>(), 7),
    );
    let plan = plan.prop_map(|(pieces, (level, window, is_text), cuts, pings)| Plan {
        pieces,
        level,
        window,
        is_text,
        cuts,
        pings,
    });
    prop::collection::vec(plan, 1..4)
}

impl Plan {
    fn content(&self) -> String {
        self.pieces.iter().map(|(piece, _)| piece.as_str()).collect()
    }

    fn payload(&self) -> Vec<u8> {
        let pieces = self.pieces.iter().map(|(piece, flush)| {
            let flush = match flush {
                0 => FlushCompress::None,
                1 => FlushCompress::Partial,
                2 => FlushCompress::Full,
                _ => FlushCompress::Sync,
            };
            (piece.as_bytes(), flush)
        });
        deflate(&pieces.collect::<Vec<_>>(), self.level, self.window)
    }

    /// The client's bytes, and what they mean.
    fn spell(&self) -> (Vec<u8>, Vec<Owned>) {
        let payload = self.payload();
        let mut ends: Vec<_> = self.cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
        ends.push(payload.len());
        ends.sort_unstable();
        let opcode = if self.is_text { TEXT } else { BINARY };
        let (mut stream, mut expected, mut start) = (Vec::new(), Vec::new(), 0);
        for (index, end) in ends.iter().copied().enumerate() {
            let (part, last) = (&payload[start..end], index + 1 == ends.len());
            stream.extend(match (index, last) {
                (0, last) => compressed(opcode, last, part),
                (_, false) => fragment(CONTINUATION, part),
                (_, true) => frame(CONTINUATION, part),
            });
            if self.pings[index] && !last {
                stream.extend(frame(PING, b"between"));
                expected.push(Owned::Ping(b"between".to_vec()));
            }
            start = end;
        }
        let content = self.content();
        expected.push(if self.is_text { Owned::Text(content) } else { Owned::Binary(content.into_bytes()) });
        (stream, expected)
    }
}

proptest! {
    #[test]
    fn any_compression_any_fragments_any_bursts_give_the_message(
        plans in plans(),
        lengths in prop::collection::vec(1_usize..3000, 1..20),
    ) {
        let (streams, expected): (Vec<_>, Vec<_>) = plans.iter().map(Plan::spell).unzip();
        let mut lengths = lengths.into_iter().cycle();
        let (messages, violation) =
            inflate(Limits::AUTHENTICATED, &streams.concat(), || lengths.next().expect("endless"));
        prop_assert_eq!(violation, None);
        prop_assert!(messages == expected.concat());
    }

    #[test]
    fn damage_and_bursts_change_nothing_but_the_content(
        plans in plans(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        seed: u8,
    ) {
        let mut stream: Vec<u8> = plans.iter().flat_map(|plan| plan.spell().0).collect();
        for (index, byte) in damage {
            let index = index.index(stream.len());
            stream[index] = byte;
        }
        check_compressed_fuzz_input(&[&[seed], &stream[..]].concat());
    }
}
