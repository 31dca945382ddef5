//! Numbers of several rounds, and latencies of many messages.

use std::fmt;
use std::time::Duration;

/// What several rounds gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of at least one round.
    pub(crate) fn of(rounds: impl IntoIterator<Item = f64>) -> Self {
        let mut rounds: Vec<f64> = rounds.into_iter().collect();
        rounds.sort_unstable_by(f64::total_cmp);
        let [min, .., max] = rounds[..] else {
            let only = rounds.first().copied().unwrap_or(f64::NAN);
            return Self { median: only, min: only, max: only };
        };
        let middle = rounds.len() / 2;
        let median =
            if rounds.len() % 2 == 1 { rounds[middle] } else { f64::midpoint(rounds[middle - 1], rounds[middle]) };
        Self { median, min, max }
    }

    /// Round by round against a peer: the ratio of rounds that stood next to each other.
    pub(crate) fn of_ratios(rounds: &[f64], peer: &[f64]) -> Self {
        Self::of(rounds.iter().zip(peer).map(|(own, other)| own / other))
    }
}

/// `median (min–max)`, with as many digits as the median's size is worth.
impl fmt::Display for Spread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match self.median.abs() {
            100.0.. => 0,
            10.0.. => 1,
            _ => 2,
        };
        let Self { median, min, max } = self;
        write!(formatter, "{median:.digits$} ({min:.digits$}–{max:.digits$})")
    }
}

/// Latencies, pooled before anything is said about them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The latency that this many of a hundred stay at or below, in microseconds; not a number if there are none.
    pub(crate) fn percentile_us(&mut self, percent: usize) -> f64 {
        self.0.sort_unstable();
        let index = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(index).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_names_the_middle_and_both_ends() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Spread::of([4.0, 1.0]), Spread { median: 2.5, min: 1.0, max: 4.0 });
        assert_eq!(Spread::of([7.0]), Spread { median: 7.0, min: 7.0, max: 7.0 });
        assert_eq!(Spread::of_ratios(&[2.0, 9.0], &[1.0, 3.0]), Spread { median: 2.5, min: 2.0, max: 3.0 });
    }

    #[test]
    fn digits_follow_the_size() {
        assert_eq!(Spread::of([1.0, 2.345, 3.0]).to_string(), "2.35 (1.00–3.00)");
        assert_eq!(Spread::of([12.34]).to_string(), "12.3 (12.3–12.3)");
        assert_eq!(Spread::of([123.4]).to_string(), "123 (123–123)");
    }

    #[test]
    fn a_percentile_is_a_latency_that_occurred() {
        let mut latencies = Latencies((1..=200).rev().map(Duration::from_micros).collect());
        let percentiles = [0, 50, 99, 100].map(|percent| latencies.percentile_us(percent).round());
        assert!(percentiles.iter().zip([1.0, 100.0, 198.0, 200.0]).all(|(own, right)| (own - right).abs() < 0.5));
        assert!(Latencies::default().percentile_us(50).is_nan());
    }
}
