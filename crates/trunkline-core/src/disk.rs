//! Whether the disk has room for new work. What was accepted has to be carried out and told, which takes room, too: so
//! nothing new is begun while there is little left.

/// Of this part of the disk nothing new takes anything: a tenth.
const RESERVE_PART: u64 = 10;

/// A tenth of a large disk is more than what was accepted can need: a run has at most 8 MiB of events, and the engine
/// rewrites tables of 64 MiB.
const RESERVE_BYTES_MAX: u64 = 1 << 30;

/// Once the disk was full, there is room again when a fifth more than the reserve is free, so that it does not come and go.
const RELIEF_PART: u64 = 5;

/// The disk as it was measured last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    is_full: bool,
}

impl Disk {
    /// Takes a measurement in, and says whether nothing new is to be begun.
    pub fn measured(&mut self, size: u64, free: u64) -> bool {
        let reserve = (size / RESERVE_PART).min(RESERVE_BYTES_MAX);
        let needed = if self.is_full { reserve + reserve / RELIEF_PART } else { reserve };
        self.is_full = free < needed;
        self.is_full
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn a_disk_is_full_at_90_percent_and_a_large_one_when_a_gibibyte_is_left() {
        let full = |size, free| Disk::default().measured(size, free);
        assert_eq!([full(100, 11), full(100, 10), full(100, 9)], [false, false, true]);
        assert_eq!([full(2_000 * GIB, GIB), full(2_000 * GIB, GIB - 1)], [false, true]);
    }

    #[test]
    fn it_has_room_again_when_more_than_the_reserve_is_free() {
        let mut disk = Disk::default();
        let measured: Vec<_> = [9, 10, 11, 12, 11, 10, 9].map(|free| disk.measured(100, free)).into();
        assert_eq!(measured, [true, true, true, false, false, false, true]);
    }

    proptest! {
        #[test]
        fn whoever_measures_twice_hears_the_same(measured in proptest::collection::vec((0_u64.., 0_u64..), 0..20)) {
            let mut disk = Disk::default();
            for (size, free) in measured {
                let first = disk.measured(size, free);
                prop_assert_eq!(disk.measured(size, free), first);
                prop_assert!(first || free >= (size / 10).min(GIB), "nothing new is begun with little left");
            }
        }
    }
}
