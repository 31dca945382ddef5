//! When a client that was cut off tries again, and when it gives up. Plain code: time and randomness are passed in.

use std::time::Duration;

use tokio::time::Instant;

/// The first ceiling; each further one is twice as high.
const FIRST: Duration = Duration::from_millis(250);
/// The highest ceiling.
const LAST: Duration = Duration::from_secs(5);

/// The time since a client lost its connection, for as long as it has heard nothing on a new one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Absence {
    since: Instant,
    attempts: u32,
    /// From when to when the gateway asked its clients to come back.
    window: (Duration, Duration),
}

impl Absence {
    /// Begins now; a gateway that sends its clients away says in which `window` they are to come back.
    pub(crate) fn begin(now: Instant, window: Option<(Duration, Duration)>) -> Self {
        Self { since: now, attempts: 0, window: window.unwrap_or((Duration::ZERO, FIRST)) }
    }

    /// How long it has lasted.
    pub(crate) fn lasted(&self, now: Instant) -> Duration {
        now - self.since
    }

    /// How long to wait before the next attempt; `random` is from 0 to 1. Full jitter, so that the clients of a
    /// gateway that was restarted do not all come at once.
    pub(crate) fn next_wait(&mut self, random: f64) -> Duration {
        let doublings = self.attempts.min(16);
        let (first, last) = match doublings {
            0 => self.window,
            _ => (Duration::ZERO, FIRST.saturating_mul(1 << doublings).min(LAST)),
        };
        self.attempts = self.attempts.saturating_add(1);
        first + last.saturating_sub(first).mul_f64(random)
    }
}

/// A number from 0 to 1, from the system; without one, the whole wait, which is the safe side.
pub(crate) fn random() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_double_up_to_the_last() {
        let mut absence = Absence::begin(Instant::now(), None);
        let waits: Vec<u128> = (0..7).map(|_| absence.next_wait(1.0).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
        assert_eq!(absence.next_wait(0.0), Duration::ZERO);
    }

    #[test]
    fn the_first_wait_is_in_the_window_that_the_gateway_named() {
        let window = Some((Duration::from_secs(1), Duration::from_secs(3)));
        let first = |random| Absence::begin(Instant::now(), window).next_wait(random).as_secs();
        assert_eq!([first(0.0), first(0.5), first(1.0)], [1, 2, 3]);
    }
}
