//! How far a gateway has come with its end: what everything that lives in it asks.
//!
//! The phases follow each other and are never taken back. What is done in each is `gateway`'s and each part's own.
//! What becomes of runs meanwhile is counted here, for whoever waits for the end.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    /// What became of runs since the beginning of the stop.
    pub(crate) outcomes: Outcomes,
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

/// What became of the runs of a gateway that stops.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    ended: AtomicUsize,
    cut_off: AtomicUsize,
    left_to_worker: AtomicUsize,
    left_to_next_start: AtomicUsize,
}

impl Outcomes {
    /// A run ended by itself.
    pub(crate) fn ended(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// A run was ended, because its time was over.
    pub(crate) fn cut_off(&self) {
        self.cut_off.fetch_add(1, Ordering::Relaxed);
    }

    /// A run goes on in its worker, which offers it to the next start.
    pub(crate) fn left_to_worker(&self) {
        self.left_to_worker.fetch_add(1, Ordering::Relaxed);
    }

    /// A run waits for the next start: for a person's answer, or to be called.
    pub(crate) fn left_to_next_start(&self) {
        self.left_to_next_start.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a person reads: `2 runs ended, 1 was left to its worker`.
impl fmt::Display for Outcomes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let was = |count| if count == 1 { "was" } else { "were" };
        let its = |count| if count == 1 { "its worker" } else { "their workers" };
        let said = |count: &AtomicUsize, what: &dyn Fn(usize) -> String| {
            let count = count.load(Ordering::Relaxed);
            (count > 0).then(|| (count, what(count)))
        };
        let parts = [
            said(&self.ended, &|_| "ended".to_owned()),
            said(&self.cut_off, &|count| format!("{} cut off", was(count))),
            said(&self.left_to_worker, &|count| format!("{} left to {}", was(count), its(count))),
            said(&self.left_to_next_start, &|count| format!("{} left to the next start", was(count))),
        ];
        let mut parts = parts.into_iter().flatten();
        let Some((count, first)) = parts.next() else { return formatter.write_str("no run was open") };
        write!(formatter, "{count} {} {first}", if count == 1 { "run" } else { "runs" })?;
        parts.try_for_each(|(count, part)| write!(formatter, ", {count} {part}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_runs_is_said_in_words() {
        let outcomes = Outcomes::default();
        assert_eq!(outcomes.to_string(), "no run was open");
        outcomes.left_to_next_start();
        assert_eq!(outcomes.to_string(), "1 run was left to the next start");
        outcomes.ended();
        outcomes.ended();
        outcomes.left_to_worker();
        assert_eq!(outcomes.to_string(), "2 runs ended, 1 was left to its worker, 1 was left to the next start");
        outcomes.cut_off();
        outcomes.left_to_worker();
        let said = "2 runs ended, 1 was cut off, 2 were left to their workers, 1 was left to the next start";
        assert_eq!(outcomes.to_string(), said);
    }
}
