//! Gathers the text deltas of a run into segments, so that one record carries many.
//!
//! The first delta goes out at once, so that an answer is seen to begin; then a segment is
//! due every 40 ms, 4 KiB or 32 deltas. A segment is taken only when the one before it is stored, so
//! segments grow by themselves when the store is slow.

use std::time::Duration;

use crate::Moment;

/// How long text may wait for company.
pub const SEGMENT_INTERVAL: Duration = Duration::from_millis(40);

/// Deltas that are enough for a segment of their own: half of the window that a worker has, so that a fast one is not
/// stopped by it.
pub const SEGMENT_DELTAS: u64 = 32;

/// Text that is enough for a segment of its own.
pub const SEGMENT_BYTES: usize = 4 * 1024;

/// Consecutive text deltas of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Number of the first delta.
    pub seq: u64,
    /// Number of the last delta.
    pub seq_end: u64,
    /// Their text.
    pub text: String,
}

/// Gathers text until it is due. Bounded by the credit that the worker has.
#[derive(Debug, Default)]
pub struct Segmenter {
    open: Option<Segment>,
    last_taken: Option<Moment>,
}

impl Segmenter {
    /// Adds the delta with number `seq`.
    pub fn push(&mut self, seq: u64, text: &str) {
        match &mut self.open {
            Some(segment) => {
                segment.seq_end = seq;
                segment.text.push_str(text);
            }
            None => self.open = Some(Segment { seq, seq_end: seq, text: text.to_owned() }),
        }
    }

    /// When the open segment is due; `None` when there is none.
    pub fn due(&self) -> Option<Moment> {
        let segment = self.open.as_ref()?;
        match self.last_taken {
            Some(taken) if segment.text.len() < SEGMENT_BYTES && self.len() < SEGMENT_DELTAS => {
                Some(taken + SEGMENT_INTERVAL)
            }
            _ => Some(Moment::ZERO),
        }
    }

    /// Number of deltas that are gathered and not taken.
    pub fn len(&self) -> u64 {
        self.open.as_ref().map_or(0, |segment| segment.seq_end + 1 - segment.seq)
    }

    /// Bytes of text that are gathered and not taken.
    pub fn bytes(&self) -> usize {
        self.open.as_ref().map_or(0, |segment| segment.text.len())
    }

    /// Whether there is nothing to take.
    pub const fn is_empty(&self) -> bool {
        self.open.is_none()
    }

    /// Takes the open segment, due or not, and lets the next one wait for company.
    pub fn take(&mut self, now: Moment) -> Option<Segment> {
        let segment = self.open.take()?;
        self.last_taken = Some(now);
        Some(segment)
    }

    /// Takes the open segment because something else follows it.
    pub fn close(&mut self) -> Option<Segment> {
        self.open.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(count: u64) -> Moment {
        Moment::from_millis(count)
    }

    #[test]
    fn the_first_delta_is_due_at_once_and_the_next_after_the_interval() {
        let mut segmenter = Segmenter::default();
        assert_eq!(segmenter.due(), None);
        segmenter.push(0, "He");
        assert_eq!(segmenter.due(), Some(Moment::ZERO));
        assert_eq!(segmenter.take(ms(7)).map(|segment| segment.text), Some("He".to_owned()));
        segmenter.push(1, "l");
        segmenter.push(2, "lo");
        assert_eq!(segmenter.due(), Some(ms(47)));
        assert_eq!(segmenter.take(ms(47)), Some(Segment { seq: 1, seq_end: 2, text: "llo".to_owned() }));
        assert_eq!(segmenter.take(ms(48)), None);
    }

    #[test]
    fn much_text_does_not_wait() {
        let mut segmenter = Segmenter::default();
        segmenter.push(0, "a");
        segmenter.take(ms(0));
        segmenter.push(1, &"b".repeat(SEGMENT_BYTES));
        assert_eq!(segmenter.due(), Some(Moment::ZERO));
    }
}
