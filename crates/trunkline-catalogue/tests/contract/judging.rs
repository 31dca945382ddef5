//! The verdict on a frame: it does not depend on how the frame is spelled, is never better than what JSON parsers say, and
//! is the same once the envelope was read.
//!
//! Shared with the fuzz target, so that every input which it finds can be replayed here.

use trunkline_catalogue::check::{Refused, Sender, check_envelope, check_frame, check_type};
use trunkline_protocol::Dialect;

use crate::respelling::{Spelling, respelled};

const DEPTH_MAX: usize = 64;

/// Reads the input as a frame of each dialect, from each side.
pub(crate) fn check_fuzz_input(input: &[u8]) {
    for dialect in Dialect::ALL {
        for sender in [Sender::Client, Sender::Gateway] {
            let verdict = verdict(dialect, sender, input);
            match std::str::from_utf8(input) {
                Ok(frame) => check_text(dialect, sender, frame, &verdict),
                Err(_) => assert!(matches!(verdict, Err(Refused::NotJson { .. }))),
            }
        }
    }
}

/// The type's name, or what is wrong; places in the text depend on the spelling.
fn verdict(dialect: Dialect, sender: Sender, frame: &[u8]) -> Result<&'static str, Refused> {
    match check_frame(dialect, sender, frame) {
        Ok(message) => Ok(&message.name),
        Err(Refused::NotJson { what, .. }) => Err(Refused::NotJson { what, at: 0 }),
        Err(other) => Err(other),
    }
}

fn check_text(dialect: Dialect, sender: Sender, frame: &str, verdict: &Result<&'static str, Refused>) {
    for spelling in [Spelling::Plain, Spelling::Escaped] {
        match respelled(frame, spelling) {
            Some(other) => assert_eq!(&self::verdict(dialect, sender, other.as_bytes()), verdict, "{frame} as {other}"),
            None => assert!(verdict.is_err(), "{frame} is no JSON"),
        }
    }
    let Ok(envelope) = dialect.decode(frame, DEPTH_MAX) else { return };
    let without_envelope = |home| check_envelope(dialect, home, sender, &envelope, frame).map(|message| &*message.name);
    if verdict.is_ok() {
        assert_eq!(&without_envelope(dialect), verdict, "{frame}");
        assert_eq!(check_type(dialect, dialect, sender, &envelope.kind).map(|message| &*message.name), verdict.clone());
    }
    for home in Dialect::ALL {
        let known = check_type(dialect, home, sender, &envelope.kind).is_ok();
        assert!(known || without_envelope(home).is_err(), "{frame}");
    }
}
