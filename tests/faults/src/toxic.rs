//! What a bad network does with the bytes of one direction. Pure: what waits goes in, what to do with it comes out.
//!
//! Knows no socket and no clock.

use std::time::Duration;

use simulation::Chance;

/// One thing that goes wrong. Several may go wrong at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toxic {
    /// Each piece comes so much later, and up to `jitter` more.
    Latency {
        /// The least.
        least: Duration,
        /// What may come on top.
        jitter: Duration,
    },
    /// So much goes through in a second.
    Bandwidth {
        /// At least 1.
        bytes_per_second: u64,
    },
    /// Bytes come in pieces of 1 to so many.
    Slices {
        /// At least 1.
        bytes_max: usize,
    },
    /// Nothing comes out. What goes in is kept, as TCP would send it again.
    BlackHole,
    /// The connection is torn once so many bytes of a longer piece are through.
    Reset {
        /// What still arrives.
        after_bytes: usize,
    },
    /// This direction ends once everything that waits is through; the other one goes on.
    HalfClose,
}

/// What to do with the bytes that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Pass this many on, after a while.
    Forward {
        /// How many, of those that wait.
        bytes: usize,
        /// When.
        after: Duration,
    },
    /// Do nothing until the weather is another.
    Hold,
    /// Pass this many on, and tear the connection.
    Reset {
        /// How many, of those that wait.
        bytes: usize,
    },
    /// Pass everything on, and end this direction.
    HalfClose,
}

impl Step {
    /// Whether something is not as it would be on a good network, where everything passes at once.
    pub fn is_felt(self, waiting: usize) -> bool {
        self != Self::Forward { bytes: waiting, after: Duration::ZERO }
    }
}

/// Decides about the bytes that wait: at least one.
pub fn step(toxics: &[Toxic], waiting: usize, chance: &mut Chance) -> Step {
    debug_assert!(waiting > 0, "there is nothing to decide about");
    if toxics.contains(&Toxic::BlackHole) {
        return Step::Hold;
    }
    let (mut bytes, mut after) = (waiting, Duration::ZERO);
    for toxic in toxics {
        match *toxic {
            Toxic::Reset { after_bytes } if after_bytes < waiting => return Step::Reset { bytes: after_bytes },
            Toxic::HalfClose => return Step::HalfClose,
            Toxic::Slices { bytes_max } => bytes = bytes.min(between(chance, 1, bytes_max)),
            Toxic::Latency { least, jitter } => after += least + part(jitter, chance),
            // A tenth of a second at a time, so that a slow link trickles instead of coming in bursts.
            Toxic::Bandwidth { bytes_per_second } => {
                bytes = bytes.min(usize::try_from(bytes_per_second / 10).unwrap_or(usize::MAX).max(1));
            }
            Toxic::Reset { .. } | Toxic::BlackHole => {}
        }
    }
    Step::Forward { bytes, after: after + transmission(toxics, bytes) }
}

/// How long `bytes` take on the slowest link.
fn transmission(toxics: &[Toxic], bytes: usize) -> Duration {
    let rates = toxics.iter().filter_map(|toxic| match toxic {
        Toxic::Bandwidth { bytes_per_second } => Some(*bytes_per_second),
        _ => None,
    });
    let nanoseconds = |rate: u64| 1_000_000_000_u64.saturating_mul(bytes as u64) / rate.max(1);
    Duration::from_nanos(rates.map(nanoseconds).max().unwrap_or(0))
}

fn part(whole: Duration, chance: &mut Chance) -> Duration {
    Duration::from_nanos(chance.between(0, u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX)))
}

fn between(chance: &mut Chance, least: usize, most: usize) -> usize {
    usize::try_from(chance.between(least as u64, most.max(least) as u64)).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of 1,000 bytes: the steps until all are through or nothing more comes of it.
    fn steps(toxics: &[Toxic]) -> Vec<Step> {
        let (mut waiting, mut chance, mut taken) = (1_000, Chance::new(1, 1), Vec::new());
        while waiting > 0 {
            let next = step(toxics, waiting, &mut chance);
            taken.push(next);
            match next {
                Step::Forward { bytes, .. } => waiting -= bytes,
                _ => break,
            }
        }
        taken
    }

    fn pieces(toxics: &[Toxic]) -> Vec<(usize, Duration)> {
        let piece = |step: &Step| match *step {
            Step::Forward { bytes, after } => (bytes, after),
            other => panic!("{other:?}"),
        };
        steps(toxics).iter().map(piece).collect()
    }

    #[test]
    fn in_good_weather_everything_passes_at_once_and_nothing_is_felt() {
        let all = Step::Forward { bytes: 1_000, after: Duration::ZERO };
        assert_eq!(steps(&[]), [all]);
        assert!(!all.is_felt(1_000));
    }

    #[test]
    fn latency_stays_within_its_jitter() {
        let toxic = Toxic::Latency { least: Duration::from_millis(20), jitter: Duration::from_millis(30) };
        let mut chance = Chance::new(3, 1);
        let mut delays = Vec::new();
        for _ in 0..200 {
            let Step::Forward { bytes: 10, after } = step(&[toxic], 10, &mut chance) else { panic!("all of it") };
            assert!((Duration::from_millis(20)..=Duration::from_millis(50)).contains(&after), "{after:?}");
            delays.push(after);
        }
        delays.dedup();
        assert!(delays.len() > 100, "they differ");
    }

    #[test]
    fn a_byte_a_second_takes_a_second_for_each_byte() {
        let pieces = pieces(&[Toxic::Bandwidth { bytes_per_second: 1 }]);
        assert_eq!(pieces, vec![(1, Duration::from_secs(1)); 1_000]);
    }

    #[test]
    fn a_bandwidth_is_kept_over_all_pieces() {
        let pieces = pieces(&[Toxic::Bandwidth { bytes_per_second: 500 }]);
        assert_eq!(pieces.iter().map(|(_, after)| *after).sum::<Duration>(), Duration::from_secs(2));
        assert!(pieces.iter().all(|(bytes, _)| *bytes <= 50), "{pieces:?}");
    }

    #[test]
    fn slices_are_of_odd_sizes_and_lose_nothing() {
        assert_eq!(pieces(&[Toxic::Slices { bytes_max: 1 }]).len(), 1_000);
        let mut sizes: Vec<_> = pieces(&[Toxic::Slices { bytes_max: 7 }]).iter().map(|(bytes, _)| *bytes).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 1_000);
        sizes.sort_unstable();
        sizes.dedup();
        assert_eq!(sizes, [1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_black_hole_holds_whatever_else_there_is() {
        assert_eq!(steps(&[Toxic::Slices { bytes_max: 3 }, Toxic::BlackHole]), [Step::Hold]);
    }

    #[test]
    fn a_reset_comes_in_the_middle_of_a_piece() {
        let toxic = Toxic::Reset { after_bytes: 10 };
        assert_eq!(steps(&[toxic]), [Step::Reset { bytes: 10 }]);
        assert_eq!(
            step(&[toxic], 10, &mut Chance::new(1, 1)),
            Step::Forward { bytes: 10, after: Duration::ZERO },
            "a piece that would be whole goes through"
        );
    }

    #[test]
    fn a_half_close_lets_through_what_waits() {
        assert_eq!(steps(&[Toxic::HalfClose]), [Step::HalfClose]);
    }
}
