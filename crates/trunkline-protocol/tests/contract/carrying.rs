//! Whatever a dialect reads, it writes again with the same content, and every other dialect can carry.
//!
//! Shared with the fuzz target, so that every input which it finds can be replayed here.

use trunkline_protocol::{Dialect, Envelope};

use crate::respelling::{Spelling, respelled, scalars};

/// Small enough for a fuzzer to reach.
const DEPTH_MAX: usize = 12;

/// What wrapping adds at most: an object within `metadata`, `_tl` and `_beside`.
const DEPTH_CARRIED: usize = DEPTH_MAX + 8;

/// Reads the input as a frame of each dialect.
pub(crate) fn check_fuzz_input(input: &[u8]) {
    let Ok(frame) = std::str::from_utf8(input) else { return };
    for dialect in Dialect::ALL {
        check_frame(dialect, frame);
    }
}

/// Checks one frame, unless its dialect refuses it.
pub(crate) fn check_frame(from: Dialect, frame: &str) {
    let Ok(envelope) = from.decode(frame, DEPTH_MAX) else { return };
    check_content(from, frame, &spelled(from, &envelope));
    let meant = meaning(&envelope);
    for by in Dialect::ALL {
        let carried = spelled(by, &envelope);
        let read = by.decode(&carried, DEPTH_CARRIED);
        let read = read.unwrap_or_else(|error| panic!("{} refuses {carried} for {frame}: {error}", by.name()));
        assert_eq!(meaning(&read), meant, "{} by {}: {frame} as {carried}", from.name(), by.name());
        let plain = |text: &str| respelled(text, Spelling::Plain);
        assert_eq!(plain(&spelled(by, &read)), plain(&carried), "{} by {}: {frame}", from.name(), by.name());
    }
}

/// What stands in a frame stands in it when it is written again. Of an error only what is known is kept, and `_content`
/// says what its sender need not have said.
fn check_content(dialect: Dialect, frame: &str, written: &str) {
    let plain = respelled(frame, Spelling::Plain).expect("what was read is JSON");
    if !plain.contains(r#""error":"#) && !plain.contains(r#""_content":"#) {
        assert_eq!(scalars(written), scalars(frame), "{}: {frame} as {written}", dialect.name());
    }
}

/// Everything that an envelope says, in one spelling.
pub(crate) fn meaning(envelope: &Envelope<'_>) -> String {
    respelled(&spelled(Dialect::Native, envelope), Spelling::Sorted).expect("what is written is JSON")
}

fn spelled(dialect: Dialect, envelope: &Envelope<'_>) -> String {
    let mut out = Vec::new();
    dialect.encode(envelope, &mut out);
    String::from_utf8(out).expect("what is written is UTF-8")
}
