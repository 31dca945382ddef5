//! Decoding a stream of bytes in bursts of any sizes, and the rule that the sizes make no difference.
//!
//! Shared with the fuzz target, so that every input which it finds can be replayed here.

use std::time::{Duration, Instant};

use trunkline_ws::{Burst, Decoder, Limits, Message, Violation, close::Code};

/// What an inflater may take beside the message.
const INFLATER_BYTES: usize = 48 << 10;

/// Small enough for a fuzzer to reach.
const LIMITS: Limits =
    Limits { message_bytes: 1000, fragments: 8, reassembly: Duration::from_secs(10), authenticated: true };

/// A message that outlives its burst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owned {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

impl From<Message<'_>> for Owned {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Text(text) => Self::Text(text.to_owned()),
            Message::Binary(bytes) => Self::Binary(bytes.to_vec()),
            Message::Ping(bytes) => Self::Ping(bytes.to_vec()),
            Message::Pong(bytes) => Self::Pong(bytes.to_vec()),
            Message::Close(reason) => Self::Close(reason.code.map(Code::get), reason.text.to_owned()),
        }
    }
}

/// Feeds one burst and appends what comes out of it.
pub(crate) fn feed(
    decoder: &mut Decoder,
    bytes: &[u8],
    now: Instant,
    messages: &mut Vec<Owned>,
) -> Result<(), Violation> {
    let mut bytes = bytes.to_vec();
    let mut burst = Burst::new(&mut bytes);
    while let Some(message) = decoder.next(&mut burst, now)? {
        messages.push(message.into());
    }
    Ok(())
}

/// Decodes `bytes` in bursts of the lengths that `lengths` gives: the messages, and the violation that ended them.
pub(crate) fn decode(limits: Limits, bytes: &[u8], lengths: impl FnMut() -> usize) -> (Vec<Owned>, Option<Violation>) {
    decode_with(Decoder::new(limits), 2 * (limits.message_bytes + 125), bytes, lengths)
}

/// As [`decode`], where compression was agreed on.
pub(crate) fn inflate(limits: Limits, bytes: &[u8], lengths: impl FnMut() -> usize) -> (Vec<Owned>, Option<Violation>) {
    let mut decoder = Decoder::new(limits);
    decoder.accept_deflate();
    decode_with(decoder, limits.message_bytes + INFLATER_BYTES + 125, bytes, lengths)
}

fn decode_with(
    mut decoder: Decoder,
    buffered_bytes_max: usize,
    mut bytes: &[u8],
    mut lengths: impl FnMut() -> usize,
) -> (Vec<Owned>, Option<Violation>) {
    let now = Instant::now();
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let (burst, rest) = bytes.split_at(lengths().clamp(1, bytes.len()));
        bytes = rest;
        let outcome = feed(&mut decoder, burst, now, &mut messages);
        assert!(decoder.buffered_bytes() <= buffered_bytes_max, "memory is bounded");
        if let Err(violation) = outcome {
            assert_eq!(feed(&mut decoder, rest, now, &mut messages), Ok(()), "what follows is ignored");
            assert_eq!(decoder.buffered_bytes(), 0, "a broken connection holds nothing");
            return (messages, Some(violation));
        }
    }
    (messages, None)
}

/// The first byte chooses how the others, a client's stream, are split.
pub(crate) fn check_fuzz_input(input: &[u8]) {
    check_split(input, |stream, lengths| decode(LIMITS, stream, lengths));
}

/// As [`check_fuzz_input`], where compression was agreed on.
pub(crate) fn check_compressed_fuzz_input(input: &[u8]) {
    check_split(input, |stream, lengths| inflate(LIMITS, stream, lengths));
}

fn check_split(input: &[u8], decode: impl Fn(&[u8], &mut dyn FnMut() -> usize) -> (Vec<Owned>, Option<Violation>)) {
    let Some((&seed, stream)) = input.split_first() else { return };
    let whole = decode(stream, &mut || usize::MAX);
    let mut state = u32::from(seed);
    let split = decode(stream, &mut || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as usize % (1 + usize::from(seed))
    });
    assert_eq!(whole, split);
}
