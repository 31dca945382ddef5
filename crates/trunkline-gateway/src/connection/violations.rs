//! Counts a client's mistakes and pings, so that a client that does little else is let go.

use std::time::Duration;

use trunkline_core::Moment;
use trunkline_protocol::Limits;

/// Mistakes that are forgiven in [`WINDOW`].
const MISTAKES_MAX: u32 = Limits::DEFAULT.mistakes_per_minute_max;

/// The time over which mistakes are counted.
const WINDOW: Duration = Duration::from_mins(1);

/// Pings that a client may send in [`PING_WINDOW`]: far above what any client needs, far below a flood.
const PINGS_MAX: u32 = Limits::DEFAULT.pings_per_second_max;

/// The time over which pings are counted.
const PING_WINDOW: Duration = Duration::from_secs(1);

/// What one connection did wrong lately.
#[derive(Debug, Default)]
pub(super) struct Violations {
    mistakes: Window,
    pings: Window,
}

impl Violations {
    /// Counts a mistake; `true` when there were too many.
    pub(super) fn add(&mut self, now: Moment) -> bool {
        self.mistakes.add(now, WINDOW) > MISTAKES_MAX
    }

    /// Counts a ping; `true` when there were too many.
    pub(super) fn add_ping(&mut self, now: Moment) -> bool {
        self.pings.add(now, PING_WINDOW) > PINGS_MAX
    }
}

#[derive(Debug, Default)]
struct Window {
    since: Moment,
    count: u32,
}

impl Window {
    fn add(&mut self, now: Moment, length: Duration) -> u32 {
        if now.saturating_sub(self.since) >= length {
            *self = Self { since: now, count: 0 };
        }
        self.count += 1;
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_mistakes_a_minute_are_forgiven() {
        let mut violations = Violations::default();
        let start = Moment::from_secs(100);
        assert!((0..10).all(|_| !violations.add(start)));
        assert!(violations.add(start));
        assert!(!violations.add(start + WINDOW), "a new minute");
    }
}
