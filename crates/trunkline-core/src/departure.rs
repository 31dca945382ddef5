//! How clients are sent away when their gateway stops: not all in one moment, and not all back in one.
//!
//! Each client has a place between 0 and 1, which its gateway draws. The place says when the client is told, and when
//! it may come back. Knows no client, and no clock.

use std::time::Duration;

/// Time in which one client is told, and in which one comes back: a thousand a second, each of whom reads its log.
const PER_CLIENT: Duration = Duration::from_millis(1);

/// How long a client may take to come back beyond its place in the line: whoever is alone need not hurry.
const RETURN_WITHIN: Duration = Duration::from_secs(2);

/// The departure of all clients of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departures {
    /// The time in which they are told.
    telling: Duration,
    /// The time over which they come back.
    returning: Duration,
}

/// The departure of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// When it is told, counted from the beginning.
    pub told_after: Duration,
    /// When it may come back at the earliest, counted from its end.
    pub return_after: Duration,
    /// When it should be back at the latest.
    pub return_before: Duration,
}

impl Departures {
    /// For this many clients, who have to be told `within` a time.
    pub fn of(clients: usize, within: Duration) -> Self {
        let line = PER_CLIENT.saturating_mul(u32::try_from(clients).unwrap_or(u32::MAX));
        Self { telling: line.min(within), returning: line }
    }

    /// The time after which every client has been told.
    pub const fn telling(self) -> Duration {
        self.telling
    }

    /// What is said to the client that has drawn `place`.
    pub fn at(self, place: f64) -> Departure {
        let place = place.clamp(0.0, 1.0);
        let return_after = self.returning.mul_f64(place);
        Departure {
            told_after: self.telling.mul_f64(place),
            return_after,
            return_before: return_after.saturating_add(RETURN_WITHIN),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nobody_is_told_late_and_no_second_has_many_returns(clients in 1_usize..20_000, within_ms in 0_u64..20_000) {
            let within = Duration::from_millis(within_ms);
            let departures = Departures::of(clients, within);
            prop_assert!(departures.telling() <= within);
            let mut told = 0;
            let mut earliest = std::collections::HashMap::<u64, usize>::new();
            for client in 0..clients {
                #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                let departure = departures.at(client as f64 / clients as f64);
                prop_assert!(departure.told_after <= departures.telling());
                prop_assert!(departure.return_before >= departure.return_after + RETURN_WITHIN);
                told += usize::from(departure.told_after <= Duration::from_secs(1));
                *earliest.entry(departure.return_after.as_secs()).or_default() += 1;
            }
            prop_assert!(earliest.values().all(|count| *count <= 1_002), "{earliest:?}");
            prop_assert!(told <= 1_002 || departures.telling() == within, "{told} are told in the first second");
        }
    }

    #[test]
    fn whoever_is_alone_is_told_at_once_and_may_come_back_at_once() {
        let alone = Departures::of(1, Duration::from_secs(10)).at(0.5);
        assert!(alone.told_after <= PER_CLIENT && alone.return_after <= PER_CLIENT);
    }
}
