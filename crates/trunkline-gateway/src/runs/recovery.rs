//! Runs that another life of the gateway left open.
//!
//! A run that no worker can have seen is called as if nothing had happened. One that a
//! worker may have is not called again: its worker has [`RECLAIM_WITHIN`] to offer it,
//! then it ends with `worker_lost`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use trunkline_bridge::frame::Offer;
use trunkline_bridge::{Bridge, Call, Claimed, Claims};
use trunkline_broker::{Broker, BrokerError};
use trunkline_core::channel::ChannelKey;
use trunkline_core::run::Run;

use super::Runs;
use super::mark;
use super::past::{self, Past};
use super::roster::Place;
use super::store::{self, OPEN_RUNS, OpenRun, run_of_key};
use super::task::RunTask;
use crate::sessions::Sessions;
use crate::stopping::Stopping;

/// How long a worker may take to offer a run again after the gateway was started.
pub(crate) const RECLAIM_WITHIN: Duration = Duration::from_secs(30);

/// Calls of one service that may wait while runs of another life are called: a quarter of what the bridge lets wait, so
/// that new ones find room.
const CALLS_WAITING_MAX: usize = 64;

/// Time between two looks at what waits.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Open runs read from the broker at a time.
const PAGE: usize = 256;

/// Runs whose workers may come back, by run id.
#[derive(Default)]
pub(crate) struct Recovery {
    stopping: Arc<Stopping>,
    waiting: Mutex<BTreeMap<String, Waiting>>,
}

struct Waiting {
    claimed: Claimed,
    attempt: u64,
    call: Option<oneshot::Sender<Call>>,
}

/// Runs that were found open.
pub(crate) struct RecoveredRuns(Vec<Recovered>);

struct Recovered {
    task: RunTask,
    run: Run,
    place: Place,
    call: Option<oneshot::Receiver<Call>>,
}

impl RecoveredRuns {
    /// Goes on with them. Those that are to be called have their turns as the bridge has room for them.
    pub(crate) fn go(self, runs: &Arc<Runs>) {
        if !self.0.is_empty() {
            let to_reclaim = self.0.iter().filter(|recovered| recovered.call.is_some()).count();
            tracing::info!(to_call = self.0.len() - to_reclaim, to_reclaim, "open runs were found");
        }
        let mut turns = Turns::new();
        for Recovered { task, run, mut place, call } in self.0 {
            if call.is_none() && std::mem::take(&mut place.turn_is_now) {
                turns.entry(task.open.service.clone()).or_default().push_back(place.turn.clone());
            }
            runs.tracker.spawn(task.recover(run, place, call));
        }
        if !turns.is_empty() {
            runs.tracker.spawn(give_turns(Arc::clone(runs), turns));
        }
    }
}

/// Runs whose turn it is in their sessions, by service, in their order.
type Turns = BTreeMap<String, VecDeque<CancellationToken>>;

/// Gives runs their turn, of each service only as many as may wait for its workers.
async fn give_turns(runs: Arc<Runs>, mut turns: Turns) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    while !turns.is_empty() {
        tokio::select! {
            () = runs.stopping.draining.cancelled() => return,
            _ = look.tick() => {}
        }
        let services = runs.bridge.get().map(Bridge::services).unwrap_or_default();
        turns.retain(|service, turns| {
            let waiting = services.iter().find(|status| status.name == *service).map_or(0, |status| status.queued);
            let room = CALLS_WAITING_MAX.saturating_sub(waiting).min(turns.len());
            turns.drain(..room).for_each(|turn| turn.cancel());
            !turns.is_empty()
        });
    }
}

impl Recovery {
    pub(crate) fn new(stopping: Arc<Stopping>) -> Self {
        Self { stopping, waiting: Mutex::default() }
    }

    /// Finds every open run. Call it before workers can connect, so that what they offer is known; the runs go on with
    /// [`RecoveredRuns::go`], once they can be called.
    pub(crate) async fn find(&self, runs: &Arc<Runs>, sessions: &Sessions) -> Result<RecoveredRuns, BrokerError> {
        let mut found = open_runs(&*runs.broker).await?;
        // A run that was called has had its turn; the others are lined up as their messages came.
        found.sort_by_key(|(_, open, _)| (!open.called, open.accepted_ms, open.order));
        let mut recovered = RecoveredRuns(Vec::with_capacity(found.len()));
        for (channel, open, stored) in found {
            let past = match past::past(&*runs.broker, &channel).await {
                Ok(Some(past)) if !past.sealed => past,
                Ok(_) => {
                    runs.broker.commit(store::forget_batch(&channel)).await?;
                    continue;
                }
                Err(error) => {
                    // It stays on the list: the next start tries again.
                    tracing::error!(run = %channel, %error, "an open run cannot be read");
                    continue;
                }
            };
            let session = sessions.of_recovered_run(channel.realm(), &open.session, open.user.clone());
            let mut task = RunTask::new(Arc::clone(runs), channel, session, open, stored);
            let mut place = task.take_over();
            if store::is_cancelled(&*runs.broker, &task.channel).await? {
                place.cancel.cancel();
            }
            task.offer_again();
            // Those before it are lined up already; a stop may have come between storing it and asking them to end.
            task.interrupt();
            let (run, call) = if task.open.called {
                place.turn_is_now = true;
                let run = match recovered_run(&task, past).await {
                    Ok(run) => run,
                    Err(error) => {
                        tracing::error!(run = %task.channel, %error, "an open run cannot be read");
                        continue;
                    }
                };
                let call = self.expect_worker(&task, &run);
                (run, Some(call))
            } else {
                (task.new_run(), None)
            };
            recovered.0.push(Recovered { task, run, place, call });
        }
        Ok(recovered)
    }

    fn expect_worker(&self, task: &RunTask, run: &Run) -> oneshot::Receiver<Call> {
        let RunTask { channel, session, open, .. } = task;
        let (sender, call) = oneshot::channel();
        let claimed = Claimed {
            ack: run.stored_of_call(),
            service: open.service.clone(),
            session: session.id.clone(),
            realm: session.realm.clone(),
            user: open.user.clone(),
        };
        self.lock().insert(channel.id().to_owned(), Waiting { claimed, attempt: run.attempt(), call: Some(sender) });
        call
    }

    /// After [`RECLAIM_WITHIN`], runs that nobody offered end. A gateway that stops before leaves them to its next life.
    pub(crate) async fn give_up_later(self: Arc<Self>) {
        tokio::select! {
            () = tokio::time::sleep(RECLAIM_WITHIN) => self.lock().clear(),
            () = self.stopping.draining.cancelled() => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claims for Recovery {
    fn claim(&self, offer: &Offer) -> Option<Claimed> {
        let waiting = self.lock();
        let waiting = waiting.get(&offer.run)?;
        // A worker that no longer has what is missing cannot go on.
        let goes_on = waiting.claimed.ack >= offer.ack && waiting.claimed.ack <= offer.next;
        let is_last_call = offer.attempt.unwrap_or(1) == waiting.attempt;
        (goes_on && is_last_call).then(|| waiting.claimed.clone())
    }

    fn resume(&self, run: &str, call: Call) {
        let sender = self.lock().remove(run).and_then(|waiting| waiting.call);
        let unwanted = match sender {
            Some(sender) => sender.send(call).err(),
            None => Some(call),
        };
        // Without a receiver the run has ended meanwhile, and dropping the call tells the worker; or it is left to the next
        // life of this gateway, and the worker is to keep it.
        if let Some(call) = unwanted.filter(|_| self.stopping.is_draining()) {
            call.leave();
        }
    }
}

/// A run that was called, as its channel and its mark say.
async fn recovered_run(task: &RunTask, past: Past) -> Result<Run, BrokerError> {
    let (runs, channel) = (&task.runs, &task.channel);
    let run = Run::recovered(channel.id(), &task.session.id, Some(task.deadline()), past.top, past.events);
    let run = task.answering(run).called_before(task.open.attempts());
    let now = runs.clock.now();
    Ok(match mark::mark_of(&*runs.broker, channel, now).await? {
        Some(mark) => run.having_asked(past.questions, past.quiet_since_answer, mark, now, runs.keep.time()),
        None => run,
    })
}

async fn open_runs(broker: &dyn Broker) -> Result<Vec<(ChannelKey, OpenRun, Bytes)>, BrokerError> {
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
            found.extend(run_of_key(&key).map(|channel| (channel, open, value)));
        }
    }
}
