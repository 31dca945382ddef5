//! What a channel's log promises: one order, a chain of tags, an end, and an honest answer
//! to "may I go on from here?".
//!
//! Every broker follows these rules, so that a position means the same in each of them.
//! The rules know nothing of how records are kept.

use std::hash::Hasher;

use bytes::Bytes;
use siphasher::sip::SipHasher13;
use trunkline_protocol::Position;

/// One entry of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub position: Position,
    /// Where the record before it stands; [`Position::start`] for the first one.
    pub previous: Position,
    /// When it was accepted, in milliseconds since 1970.
    pub accepted_ms: u64,
    /// Whether nothing follows it, ever.
    pub seals: bool,
    /// The content; see [`crate::record`].
    pub data: Bytes,
}

/// The state of a channel that outlives its records.
///
/// It is kept while the channel lives, so that a channel whose records were all trimmed can
/// still be resumed at its top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Where the newest record stands, or the start.
    pub top: Position,
    /// Offset of the oldest record that is retained; `top.offset + 1` when none is.
    pub oldest: u64,
    /// Bytes of data in the retained records.
    pub bytes: u64,
    /// Whether the newest record sealed the channel.
    pub sealed: bool,
}

/// Why an append was refused. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendRefused {
    /// The channel has ended.
    #[error("the channel is sealed")]
    Sealed,
    /// The channel is not where the writer believed: another writer was faster.
    #[error("the channel's top is {top}, not the one expected")]
    Conflict {
        /// Where the channel is.
        top: Position,
    },
}

impl Head {
    /// A new channel's head.
    pub const fn new(epoch: u64) -> Self {
        Self { top: Position::start(epoch), oldest: 1, bytes: 0, sealed: false }
    }

    /// Number of retained records.
    pub const fn retained(&self) -> u64 {
        self.top.offset + 1 - self.oldest
    }

    /// Adds a record after the top. `expected`, where given, is the offset that the writer
    /// believes to be the top (0 for an empty channel) and fences out every other writer.
    pub fn append(
        &mut self,
        data: Bytes,
        seals: bool,
        expected: Option<u64>,
        now_ms: u64,
    ) -> Result<Record, AppendRefused> {
        if self.sealed {
            return Err(AppendRefused::Sealed);
        }
        if expected.is_some_and(|offset| offset != self.top.offset) {
            return Err(AppendRefused::Conflict { top: self.top });
        }
        let previous = self.top;
        let position =
            Position { epoch: previous.epoch, offset: previous.offset + 1, tag: chain_tag(previous.tag, &data) };
        self.top = position;
        self.bytes += data.len() as u64;
        self.sealed = seals;
        Ok(Record { position, previous, accepted_ms: now_ms, seals, data })
    }

    /// Notes that the oldest record, with `bytes` of data, was removed.
    pub fn trimmed(&mut self, bytes: u64) {
        debug_assert!(self.retained() > 0, "only a retained record can be trimmed");
        self.oldest += 1;
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// The tag of a record: a hash of its data and of the tag before it. It tells forked logs
/// apart; it is no protection against somebody who can write the log.
fn chain_tag(previous: u64, data: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write_u64(previous);
    hasher.write(data);
    hasher.finish()
}

/// How much of a channel is kept. The oldest records go first; the newest one always stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Most records.
    pub records_max: u64,
    /// Most bytes of data.
    pub bytes_max: u64,
}

impl Retention {
    /// Says whether trimming is worth its price now: the channel holds a sixteenth more than is
    /// kept, so that a long channel is trimmed rarely and several records at a time. Then the
    /// oldest record goes while [`Retention::exceeded`] says so.
    pub const fn due(&self, head: &Head) -> bool {
        head.retained() > 1
            && (head.retained() > with_slack(self.records_max) || head.bytes > with_slack(self.bytes_max))
    }

    /// Says whether the channel holds more than is kept.
    pub const fn exceeded(&self, head: &Head) -> bool {
        head.retained() > 1 && (head.retained() > self.records_max || head.bytes > self.bytes_max)
    }
}

const fn with_slack(limit: u64) -> u64 {
    limit.saturating_add(limit / 16)
}

/// Why a channel cannot be resumed at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResetReason {
    /// The session or channel is unknown, or not this client's.
    Unknown,
    /// The channel's life is another one: its store was lost or it was made again.
    EpochChanged,
    /// What follows the position is no longer retained.
    TooFar,
    /// The log has other content up to this position than the client saw.
    Forked,
}

impl ResetReason {
    /// The reason on the wire and as a metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::EpochChanged => "epoch_changed",
            Self::TooFar => "too_far",
            Self::Forked => "forked",
        }
    }
}

/// Answers whether reading may go on after `cursor`.
///
/// `tag_at` gives the tag of the record with an offset that is retained: for the offset
/// `oldest - 1` the tag that the oldest record names as the one before it.
pub fn check_cursor<E>(
    head: &Head,
    cursor: Position,
    tag_at: impl FnOnce(u64) -> Result<Option<u64>, E>,
) -> Result<Result<(), ResetReason>, E> {
    if cursor.epoch != head.top.epoch {
        return Ok(Err(ResetReason::EpochChanged));
    }
    if cursor.offset > head.top.offset {
        return Ok(Err(ResetReason::Forked));
    }
    if cursor.offset + 1 < head.oldest {
        return Ok(Err(ResetReason::TooFar));
    }
    let tag = if cursor.offset == head.top.offset { Some(head.top.tag) } else { tag_at(cursor.offset)? };
    Ok(match tag {
        Some(tag) if tag == cursor.tag => Ok(()),
        Some(_) => Err(ResetReason::Forked),
        None => Err(ResetReason::TooFar),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(records: u64) -> Head {
        let mut head = Head::new(7);
        for number in 0..records {
            head.append(Bytes::from(number.to_string()), false, None, 0).unwrap();
        }
        head
    }

    #[test]
    fn logs_that_differ_anywhere_differ_in_their_tops() {
        let (mut one, mut other) = (filled(1), Head::new(7));
        other.append("other".into(), false, None, 0).unwrap();
        for head in [&mut one, &mut other] {
            head.append("same".into(), false, None, 0).unwrap();
        }
        assert_eq!((one.top.epoch, one.top.offset), (other.top.epoch, other.top.offset));
        assert_ne!(one.top.tag, other.top.tag);
    }

    #[test]
    fn a_refused_append_changes_nothing() {
        let mut head = filled(2);
        let before = head;
        let conflict = head.append("x".into(), true, Some(1), 0);
        assert_eq!(conflict, Err(AppendRefused::Conflict { top: before.top }));
        assert_eq!(head, before);
        head.append("end".into(), true, Some(2), 0).unwrap();
        assert_eq!(head.append("late".into(), false, Some(3), 0), Err(AppendRefused::Sealed));
    }

    #[test]
    fn trimming_is_due_a_sixteenth_late_and_never_takes_the_newest() {
        let retention = Retention { records_max: 32, bytes_max: u64::MAX };
        assert!(!retention.due(&filled(34)));
        assert!(retention.due(&filled(35)));
        assert!(retention.exceeded(&filled(33)));
        assert!(!retention.exceeded(&filled(32)));
        let nothing = Retention { records_max: 0, bytes_max: 0 };
        assert!(!nothing.due(&filled(1)) && !nothing.exceeded(&filled(1)));
    }
}
