//! Times that look random and are the same in every run, so that all peers lose the same connections.

use std::time::Duration;

/// Numbers from a seed (`SplitMix64`).
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    /// A sequence of its own for each number.
    pub(super) const fn new(number: usize) -> Self {
        Self((number as u64).wrapping_mul(0xd1b5_4a32_d192_ed03))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A time to the next of events that know nothing of each other and are so far apart on average.
    pub(super) fn around(&mut self, mean: Duration) -> Duration {
        let part = f64::from(u32::try_from(self.next() >> 32).unwrap_or(u32::MAX)) + 1.0;
        mean.mul_f64(-(part / (f64::from(u32::MAX) + 1.0)).ln())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_their_mean_and_can_be_repeated() {
        let mean = Duration::from_secs(20);
        let times = |number| {
            let mut random = Random::new(number);
            (0..1_000).map(|_| random.around(mean)).collect::<Vec<_>>()
        };
        let found = times(7).iter().sum::<Duration>() / 1_000;
        assert!(found > mean / 10 * 9 && found < mean / 10 * 11, "{found:?}");
        assert_eq!(times(7), times(7));
        assert_ne!(times(7), times(8));
    }
}
