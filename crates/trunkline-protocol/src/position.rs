//! Where a record stands in its channel.
//!
//! Clients treat a position as an opaque string; only the gateway and the broker look
//! inside (`protocol/client.md` §7).

use std::fmt;
use std::str::FromStr;

/// A place in a channel's log: after the record with this offset.
///
/// `offset` 0 is the start of the channel, before any record; its tag is 0. The tag is
/// derived from the record and all before it, so two logs that differ anywhere up to
/// this place differ in it, even when epoch and offset agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Tells one life of a channel from another: a channel that was lost and made again has another epoch.
    pub epoch: u64,
    /// Number of the record in its channel, from 1; 0 stands for the start.
    pub offset: u64,
    /// Hash of the record and the tag before it.
    pub tag: u64,
}

impl Position {
    /// The start of a channel's life, before its first record.
    pub const fn start(epoch: u64) -> Self {
        Self { epoch, offset: 0, tag: 0 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:x}-{:x}-{:x}", self.epoch, self.offset, self.tag)
    }
}

/// The text is no position: it is not `<epoch>-<offset>-<tag>` in lower-case hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position is <epoch>-<offset>-<tag> in lower-case hexadecimal, exactly as the gateway sent it")]
pub struct PositionError;

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let mut parts = text.split('-').map(parse_part);
        let mut next = || parts.next().unwrap_or(Err(PositionError));
        let position = Self { epoch: next()?, offset: next()?, tag: next()? };
        match parts.next() {
            None => Ok(position),
            Some(_) => Err(PositionError),
        }
    }
}

fn parse_part(part: &str) -> Result<u64, PositionError> {
    let canonical = part == "0" || !part.starts_with('0');
    let digits = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !canonical || !digits {
        return Err(PositionError);
    }
    u64::from_str_radix(part, 16).map_err(|_| PositionError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_and_back(epoch: u64, offset: u64, tag: u64) {
            let position = Position { epoch, offset, tag };
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }

        #[test]
        fn any_text_that_parses_is_canonical(text in "[0-9a-fA-F+ -]{0,40}") {
            if let Ok(position) = text.parse::<Position>() {
                prop_assert_eq!(position.to_string(), text);
            }
        }
    }

    #[test]
    fn refuses_other_forms() {
        for text in ["", "1", "1-2", "1-2-3-4", "-1-2-3", "1--3", "g-1-2", "1-+2-3", "10000000000000000-0-0"] {
            assert_eq!(text.parse::<Position>(), Err(PositionError), "{text:?}");
        }
    }
}
