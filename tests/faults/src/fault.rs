//! What goes wrong in a scenario, in which order, and how often it really did. Pure.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use simulation::Chance;

use crate::device::lock;
use crate::proxy::Way;
use crate::toxic::Toxic;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Everything of a client comes late, and not evenly.
    Latency,
    /// A client has a slow link.
    Bandwidth,
    /// A client reads one byte a second.
    ByteASecond,
    /// Bytes come one by one.
    SingleBytes,
    /// Bytes come in odd pieces.
    OddPieces,
    /// Nothing comes through for a while, and then all of it.
    BlackHoleHeals,
    /// Nothing comes through for a while, and then the connection is torn.
    BlackHoleDies,
    /// A connection is torn in the middle of a frame.
    Reset,
    /// A client ends its half of the connection.
    HalfClose,
    /// The gateway is killed.
    GatewayKilled,
    /// The gateway is told to stop.
    GatewayStopped,
    /// A worker is killed.
    WorkerKilled,
    /// A worker stands still, and goes on.
    WorkerFrozen,
    /// A client repeats a message that was acknowledged.
    Repetition,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::Latency,
        Self::Bandwidth,
        Self::ByteASecond,
        Self::SingleBytes,
        Self::OddPieces,
        Self::BlackHoleHeals,
        Self::BlackHoleDies,
        Self::Reset,
        Self::HalfClose,
        Self::GatewayKilled,
        Self::GatewayStopped,
        Self::WorkerKilled,
        Self::WorkerFrozen,
        Self::Repetition,
    ];

    /// What the network does, one after the other up and down; nothing if it is no fault of the network.
    pub(crate) fn weather(self, chance: &mut Chance) -> Vec<(Way, Toxic)> {
        let both = |toxic| vec![(Way::Up, toxic), (Way::Down, toxic)];
        match self {
            Self::Latency => both(Toxic::Latency {
                least: Duration::from_millis(chance.between(1, 60)),
                jitter: Duration::from_millis(chance.between(1, 100)),
            }),
            Self::Bandwidth => both(Toxic::Bandwidth { bytes_per_second: chance.between(2_000, 40_000) }),
            Self::ByteASecond => vec![(Way::Down, Toxic::Bandwidth { bytes_per_second: 1 })],
            Self::SingleBytes => both(Toxic::Slices { bytes_max: 1 }),
            Self::OddPieces => both(Toxic::Slices { bytes_max: 13 }),
            Self::BlackHoleHeals | Self::BlackHoleDies => both(Toxic::BlackHole),
            Self::Reset => {
                let way = if chance.one_in(2) { Way::Up } else { Way::Down };
                vec![(way, Toxic::Reset { after_bytes: 1 })]
            }
            Self::HalfClose => vec![(Way::Up, Toxic::HalfClose)],
            Self::GatewayKilled | Self::GatewayStopped | Self::WorkerKilled | Self::WorkerFrozen | Self::Repetition => {
                Vec::new()
            }
        }
    }
}

/// The faults of one scenario, in order: each kind that the world makes, and then some of them again.
pub(crate) fn plan(count: usize, chance: &mut Chance) -> Vec<Fault> {
    let mut faults = Vec::with_capacity(count);
    while faults.len() < count {
        // Clients repeat themselves without being told.
        let mut round: Vec<_> = Fault::ALL.into_iter().filter(|fault| *fault != Fault::Repetition).collect();
        while !round.is_empty() {
            let drawn = usize::try_from(chance.between(0, round.len() as u64 - 1)).expect("small");
            faults.push(round.swap_remove(drawn));
        }
    }
    faults.truncate(count);
    faults
}

/// How often each fault was felt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<BTreeMap<Fault, u64>>>);

impl Tally {
    pub(crate) fn add(&self, fault: Fault) {
        *lock(&self.0).entry(fault).or_default() += 1;
    }

    pub(crate) fn counts(&self) -> BTreeMap<Fault, u64> {
        lock(&self.0).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_has_every_fault_before_it_has_one_again() {
        let plan = plan(26, &mut Chance::new(5, 1));
        for round in plan.chunks(13) {
            let mut kinds = round.to_vec();
            kinds.sort_unstable();
            assert_eq!(kinds, Fault::ALL[..13], "all but what clients do by themselves");
        }
        assert_ne!(plan[..13], plan[13..], "in another order");
    }

    #[test]
    fn every_fault_is_one_of_the_network_or_of_processes() {
        let networks = Fault::ALL.into_iter().filter(|fault| !fault.weather(&mut Chance::new(1, 1)).is_empty());
        assert_eq!(networks.count(), 9);
    }
}
