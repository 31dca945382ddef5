//! When a worker that ended is started again. Plain code: time and randomness are passed in.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The first ceiling; each further one is twice as high.
const FIRST: Duration = Duration::from_millis(200);
/// The highest ceiling.
const LAST: Duration = Duration::from_secs(30);
/// A life this long clears the record.
const GOOD_LIFE: Duration = Duration::from_mins(1);
/// This many ends within [`LOOP_SPAN`] are a crash loop.
const LOOP_ENDS: usize = 5;
/// See [`LOOP_ENDS`].
const LOOP_SPAN: Duration = Duration::from_mins(1);

/// The record of one worker's ends.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Ends since the last good life.
    ends: u32,
    /// The newest ends, [`LOOP_ENDS`] at most.
    recent: VecDeque<Instant>,
}

impl Backoff {
    /// The worker ended, or did not start, after so long a life.
    pub(super) fn ended(&mut self, lived: Duration, now: Instant) {
        if lived >= GOOD_LIFE {
            *self = Self::default();
        }
        self.ends = self.ends.saturating_add(1);
        if self.recent.len() == LOOP_ENDS {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
    }

    /// Whether it ended so often that starting it again is unlikely to help.
    pub(super) fn is_looping(&self, now: Instant) -> bool {
        self.recent.len() == LOOP_ENDS && self.recent.front().is_some_and(|first| now - *first <= LOOP_SPAN)
    }

    /// How long to wait; `random` is from 0 to 1. Full jitter, and never less than half the last ceiling in a loop.
    pub(super) fn delay(&self, random: f64, now: Instant) -> Duration {
        if self.is_looping(now) {
            return LAST / 2 + (LAST / 2).mul_f64(random);
        }
        let doublings = self.ends.saturating_sub(1).min(16);
        FIRST.saturating_mul(1 << doublings).min(LAST).mul_f64(random)
    }
}

/// The wait before a command that is not there is tried again.
pub(super) const MISSING_RETRY: Duration = LAST;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_double_and_a_good_life_resets_them() {
        let mut backoff = Backoff::default();
        let mut now = Instant::now();
        for ceiling_ms in [200, 400, 800, 1600] {
            backoff.ended(Duration::ZERO, now);
            assert_eq!(backoff.delay(1.0, now), Duration::from_millis(ceiling_ms));
            assert_eq!(backoff.delay(0.0, now), Duration::ZERO);
            now += Duration::from_secs(40);
        }
        backoff.ended(GOOD_LIFE, now);
        assert_eq!(backoff.delay(1.0, now), FIRST);
    }

    #[test]
    fn the_last_ceiling_stays() {
        let mut backoff = Backoff::default();
        let mut now = Instant::now();
        for _ in 0..100 {
            now += Duration::from_secs(50);
            backoff.ended(Duration::ZERO, now);
        }
        assert!(!backoff.is_looping(now));
        assert_eq!(backoff.delay(1.0, now), LAST);
    }

    #[test]
    fn five_ends_in_a_minute_are_a_loop_and_tried_slowly() {
        let mut backoff = Backoff::default();
        let start = Instant::now();
        for end in 0..5 {
            assert!(!backoff.is_looping(start));
            backoff.ended(Duration::ZERO, start + Duration::from_secs(end * 15));
        }
        let now = start + Duration::from_mins(1);
        assert!(backoff.is_looping(now));
        assert_eq!(backoff.delay(0.0, now), LAST / 2);
        assert!(!backoff.is_looping(now + Duration::from_secs(1)));
    }
}
