//! What is left to chance, decided by the seed.

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

/// A source of chance of its own for each part of the world, so that what one part draws changes nothing for another.
#[derive(Debug)]
pub struct Chance(StdRng);

impl Chance {
    /// The same seed and part draw the same.
    pub fn new(seed: u64, part: u64) -> Self {
        let mut mixed = StdRng::seed_from_u64(seed);
        let first = mixed.next_u64();
        Self(StdRng::seed_from_u64(first ^ part.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// A number from `least` to `most`.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0.random_range(least..=most)
    }

    /// True once in `count` times.
    pub fn one_in(&mut self, count: u64) -> bool {
        self.between(1, count) == 1
    }
}
