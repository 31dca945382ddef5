//! How far a gateway has come with its end: what everything that lives in it asks.
//!
//! The phases follow each other and are never taken back. What is done in each is `gateway`'s and each part's own.

use std::sync::OnceLock;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use trunkline_core::departure::{Departure, Departures};

use crate::random;

/// The phases of a stop.
#[derive(Debug, Default)]
pub(crate) struct Stopping {
    /// Nothing new is begun: this node is not ready, takes no clients and calls no service. Clients are told in their turn.
    pub(crate) draining: CancellationToken,
    /// Runs may go on no longer.
    pub(crate) cut_off: CancellationToken,
    /// Every client is sent away that is left.
    pub(crate) leaving: CancellationToken,
    departures: OnceLock<Departures>,
}

impl Stopping {
    /// Begins with it: this many clients are told `within` a time. Returns how long it takes to tell them.
    pub(crate) fn begin(&self, clients: usize, within: Duration) -> Duration {
        let telling = self.departures.get_or_init(|| Departures::of(clients, within)).telling();
        self.draining.cancel();
        telling
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Resolves when it is one client's turn to be told, or all are sent away.
    pub(crate) async fn told(&self) {
        self.draining.cancelled().await;
        tokio::select! {
            () = tokio::time::sleep(self.departure().told_after) => {}
            () = self.leaving.cancelled() => {}
        }
    }

    /// When one client is told, and comes back.
    pub(crate) fn departure(&self) -> Departure {
        let departures = self.departures.get_or_init(|| Departures::of(0, Duration::ZERO));
        departures.at(random::fraction())
    }
}
