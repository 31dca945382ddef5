//! The monotonic clock as every process of this machine reads it, so that a token can carry when it was made.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The monotonic clock's time, as Python's `time.monotonic_ns` gives it.
pub(crate) fn now() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// How old each of these tokens is: times in nanoseconds between spaces.
pub(crate) fn ages(tokens: &str) -> impl Iterator<Item = Duration> {
    let now = now();
    let made = tokens.split_whitespace().filter_map(|token| token.parse().ok());
    made.map(move |nanoseconds| now.saturating_sub(Duration::from_nanos(nanoseconds)))
}

/// How old the first of these tokens is; without any, as old as the clock, which cannot be overlooked.
pub(crate) fn age_of_first(tokens: &str) -> Duration {
    ages(tokens).next().unwrap_or_else(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ages_from_when_it_was_made() {
        let made = now().saturating_sub(Duration::from_secs(5));
        let text = format!("{} {} ", made.as_nanos(), made.as_nanos());
        let ages: Vec<_> = ages(&text).collect();
        assert_eq!(ages.len(), 2);
        assert!(ages.iter().all(|age| *age >= Duration::from_secs(5) && *age < Duration::from_mins(1)));
    }
}
