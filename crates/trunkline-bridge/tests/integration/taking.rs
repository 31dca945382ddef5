//! Any bytes from a worker: how they are split into bursts makes no difference, and what is read is written and read again.
//!
//! Shared with the fuzz target, so that every input which it finds can be replayed here.

use bytes::{Bytes, BytesMut};
use trunkline_bridge::frame::stream::{take_message, write_message};
use trunkline_bridge::frame::{Parts, decode, encode};

/// Small enough for a fuzzer to reach.
const MESSAGE_BYTES_MAX: usize = 1000;

/// The first byte chooses how the others are split.
pub(crate) fn check_fuzz_input(input: &[u8]) {
    let Some((&seed, stream)) = input.split_first() else { return };
    let whole = take(stream, || usize::MAX);
    let mut state = u32::from(seed);
    let split = take(stream, || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as usize % (1 + usize::from(seed))
    });
    assert_eq!(whole, split);
    whole.0.iter().for_each(check_message);
}

/// The messages of a stream that comes in bursts of the lengths that `lengths` gives, and what ended it.
fn take(mut stream: &[u8], mut lengths: impl FnMut() -> usize) -> (Vec<Parts>, Option<&'static str>) {
    let mut incoming = BytesMut::new();
    let mut messages = Vec::new();
    while !stream.is_empty() {
        let (burst, rest) = stream.split_at(lengths().clamp(1, stream.len()));
        incoming.extend_from_slice(burst);
        stream = rest;
        loop {
            match take_message(&mut incoming, MESSAGE_BYTES_MAX) {
                Ok(Some(parts)) => messages.push(parts),
                Ok(None) => break,
                Err(reason) => return (messages, Some(reason)),
            }
        }
    }
    (messages, None)
}

fn check_message(parts: &Parts) {
    assert!(parts.iter().map(Bytes::len).sum::<usize>() <= MESSAGE_BYTES_MAX + 64);
    let mut written = BytesMut::new();
    write_message(parts, &mut written);
    assert_eq!(take_message(&mut written, MESSAGE_BYTES_MAX).as_ref(), Ok(&Some(parts.clone())));
    let Ok(frame) = decode(parts.clone()) else { return };
    let again = encode(frame.clone());
    assert_eq!(decode(again.clone()).as_ref(), Ok(&frame), "{again:?}");
    assert_eq!(encode(frame), again);
}
