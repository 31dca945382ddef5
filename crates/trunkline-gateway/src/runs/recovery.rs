//! Runs that another life of the gateway left open.
//!
//! A run that no worker can have seen is called as if nothing had happened. One that a
//! worker may have is not called again: its worker has [`RECLAIM_WITHIN`] to offer it,
//! then it ends with `worker_lost`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use trunkline_bridge::frame::Offer;
use trunkline_bridge::{Call, Claimed, Claims};
use trunkline_broker::{Broker, BrokerError};
use trunkline_core::channel::ChannelKey;
use trunkline_core::record;
use trunkline_core::run::Run;

use super::store::{OPEN_RUNS, OpenRun, run_of_key};
use super::task::RunTask;
use super::{Place, Runs};
use crate::sessions::Sessions;

/// How long a worker may take to offer a run again after the gateway was started.
pub(crate) const RECLAIM_WITHIN: Duration = Duration::from_secs(30);

/// Open runs read from the broker at a time.
const PAGE: usize = 256;

/// Bytes of a run's log read at a time.
const READ_BYTES: usize = 256 * 1024;

/// Runs whose workers may come back, by run id.
#[derive(Default)]
pub(crate) struct Recovery {
    waiting: Mutex<HashMap<String, Waiting>>,
}

struct Waiting {
    claimed: Claimed,
    call: Option<oneshot::Sender<Call>>,
}

/// How many runs were found open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecoveredRuns {
    pub(crate) to_call: usize,
    pub(crate) to_reclaim: usize,
}

impl Recovery {
    /// Takes up every open run. Call it before workers can connect; then [`Recovery::give_up_later`].
    pub(crate) async fn start(&self, runs: &Arc<Runs>, sessions: &Sessions) -> Result<RecoveredRuns, BrokerError> {
        let mut found = open_runs(&*runs.broker).await?;
        found.sort_by_key(|(_, open)| open.accepted_ms);
        let mut recovered = RecoveredRuns::default();
        for (channel, open) in found {
            let realm = channel.realm().to_owned();
            let session = sessions.of_recovered_run(&realm, &open.session, open.user.clone());
            let place = match runs.enlist(&channel, &session) {
                Ok(Some(place)) => place,
                Ok(None) => continue,
                Err(error) => {
                    tracing::error!(run = %channel, code = %error.code, "an open run was left for the next start");
                    continue;
                }
            };
            let task = RunTask::new(Arc::clone(runs), channel.clone(), session, open.clone());
            if open.called {
                let (run, call) = self.expect_worker(&*runs.broker, &channel, &open, &task).await?;
                recovered.to_reclaim += 1;
                // It was called: whatever its place in the line, its turn has been.
                let place = Place { turn_is_now: true, ..place };
                runs.tracker.spawn(task.recover(run, place, Some(call)));
            } else {
                recovered.to_call += 1;
                let run = task.new_run();
                runs.tracker.spawn(task.recover(run, place, None));
            }
        }
        Ok(recovered)
    }

    async fn expect_worker(
        &self,
        broker: &dyn Broker,
        channel: &ChannelKey,
        open: &OpenRun,
        task: &RunTask,
    ) -> Result<(Run, oneshot::Receiver<Call>), BrokerError> {
        let (top, stored) = end_of_log(broker, channel).await?;
        let (sender, call) = oneshot::channel();
        let claimed = Claimed {
            ack: stored,
            service: open.service.clone(),
            session: open.session.clone(),
            realm: channel.realm().to_owned(),
            user: open.user.clone(),
        };
        self.lock().insert(channel.id().to_owned(), Waiting { claimed, call: Some(sender) });
        Ok((Run::recovered(channel.id(), &open.session, Some(task.deadline()), top, stored), call))
    }

    /// After [`RECLAIM_WITHIN`], runs that nobody offered end.
    pub(crate) async fn give_up_later(self: Arc<Self>, stop: CancellationToken) {
        tokio::select! {
            () = tokio::time::sleep(RECLAIM_WITHIN) => {}
            () = stop.cancelled() => {}
        }
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claims for Recovery {
    fn claim(&self, offer: &Offer) -> Option<Claimed> {
        let waiting = self.lock();
        let waiting = waiting.get(&offer.run)?;
        // A worker that no longer has what is missing cannot go on.
        (waiting.claimed.ack >= offer.ack && waiting.claimed.ack <= offer.next).then(|| waiting.claimed.clone())
    }

    fn resume(&self, run: &str, call: Call) {
        let sender = self.lock().remove(run).and_then(|waiting| waiting.call);
        // Without a receiver the run has ended meanwhile: dropping the call tells the worker.
        if let Some(sender) = sender {
            let _ = sender.send(call);
        }
    }
}

async fn open_runs(broker: &dyn Broker) -> Result<Vec<(ChannelKey, OpenRun)>, BrokerError> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = broker.list(OPEN_RUNS, after.as_deref(), PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(found) };
        after = Some(last.clone());
        for (key, value) in page {
            let Ok(open) = serde_json::from_slice::<OpenRun>(&value) else {
                tracing::error!(key, "an open run cannot be read by this version");
                continue;
            };
            found.extend(run_of_key(&key).map(|channel| (channel, open)));
        }
    }
}

/// The offset of a run's last record, and the number of its events that are stored.
async fn end_of_log(broker: &dyn Broker, channel: &ChannelKey) -> Result<(u64, u64), BrokerError> {
    let (mut top, mut stored, mut cursor) = (0, 0, None);
    loop {
        let page = match broker.read(channel, cursor, READ_BYTES).await? {
            Ok(page) => page,
            Err(reason) => {
                return Err(BrokerError::Unavailable(format!("{channel} cannot be read: {}", reason.name())));
            }
        };
        let Some(last) = page.records.last() else { return Ok((top, stored)) };
        let (_, event) = record::message(&last.data).map_err(|error| BrokerError::Unavailable(error.to_string()))?;
        top = last.position.offset;
        stored = event.seq_end.or(event.seq).map_or(stored, |seq| seq + 1);
        cursor = Some(last.position);
    }
}
