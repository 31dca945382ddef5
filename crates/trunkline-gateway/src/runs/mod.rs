//! Runs on this node: accepting a message that starts one, finding a live one, and taking
//! up those that another life of the gateway left open.
//!
//! What a run may do is decided by `trunkline_core::run`; [`driver`] is the loop of one,
//! [`task`] what stands around it, [`roster`] the list of the open ones.

mod answers;
mod calls;
mod driver;
mod failures;
mod inputs;
mod leaving;
mod mailbox;
mod mark;
mod past;
mod recovery;
mod roster;
mod store;
mod task;
mod writing;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use futures_util::FutureExt as _;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use trunkline_bridge::Bridge;
use trunkline_broker::{Broker, Durability};
use trunkline_core::channel::ChannelKey;
use trunkline_core::identity::run_id;
use trunkline_core::retry::Allowance;
use trunkline_core::run::Answer;
use trunkline_core::turns::WhileBusy;
use trunkline_core::words::Origin;
use trunkline_protocol::{Dialect, ErrorBody, ErrorCode};

use crate::clock::{Clock, timestamp, wall_ms};
use crate::config::OnLeave;
use crate::connection::InFlight;
use crate::disk::{self, DiskWatch};
use crate::hub::Hub;
use crate::retention::Keep;
use crate::sessions::Session;
use crate::stopping::Stopping;
use crate::telemetry::Metrics;

use answers::{Given, NotGiven};
use inputs::Offers;
pub(crate) use recovery::Recovery;
use roster::{Cancelled, NoPlace, Place, Roster};
pub(crate) use store::is_open_run_of;
use store::{AcceptedMessage, OpenRun};
use task::RunTask;

/// A message that is to start a run.
pub(crate) struct NewRun<'a> {
    pub(crate) session: &'a Arc<Session>,
    pub(crate) service: String,
    pub(crate) message: &'a trunkline_protocol::Envelope<'a>,
    pub(crate) message_id: &'a str,
    pub(crate) deadline_ms: u64,
    pub(crate) while_busy: WhileBusy,
    pub(crate) on_leave: OnLeave,
}

/// What everything that drives a run needs.
pub(crate) struct Runs {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) durability: Durability,
    pub(crate) keep: Keep,
    bridge: OnceLock<Bridge>,
    roster: Arc<Roster>,
    /// What this node has to spare for calls that are made again.
    allowance: Mutex<Allowance>,
    /// Messages accepted by this process: orders those of one millisecond.
    accepted: AtomicU64,
    /// Those who read the channel of a run that is over, to say what became of an answer.
    looking_up: Semaphore,
    /// Whether somebody was told that messages of a route that steers have to wait.
    told_of_no_input: AtomicBool,
    tracker: TaskTracker,
    stopping: Arc<Stopping>,
    /// Whether the disk has room for what is new.
    pub(crate) disk: Arc<DiskWatch>,
}

/// Channels of runs that are read at once for answers that come late.
const LOOKING_UP_MAX: usize = 4;

impl Runs {
    /// `stopping` ends every run's task; the bridge follows with [`Runs::connect`], because it asks for open runs when it starts.
    pub(crate) fn new(
        broker: Arc<dyn Broker>,
        hub: Arc<Hub>,
        clock: Clock,
        metrics: Arc<Metrics>,
        durability: Durability,
        keep: Keep,
        stopping: Arc<Stopping>,
    ) -> Self {
        Self {
            broker,
            hub,
            clock,
            metrics,
            durability,
            keep,
            bridge: OnceLock::new(),
            roster: Arc::default(),
            allowance: Mutex::default(),
            accepted: AtomicU64::new(0),
            looking_up: Semaphore::new(LOOKING_UP_MAX),
            told_of_no_input: AtomicBool::new(false),
            tracker: TaskTracker::new(),
            stopping,
            disk: Arc::default(),
        }
    }

    /// Gives the runs their way to the workers. Only the first call counts.
    pub(crate) fn connect(&self, bridge: Bridge) {
        let _ = self.bridge.set(bridge);
    }

    /// Accepts a message: it is stored together with the run that it starts, and `origin` gets the `ack` or the
    /// `error`. What is stored keeps the order of these calls.
    pub(crate) fn accept(self: &Arc<Self>, new: NewRun<'_>, origin: InFlight) -> Result<(), ErrorBody<'static>> {
        if self.disk.is_full() {
            return Err(ErrorCode::Overloaded.with_message(disk::FULL));
        }
        let session = new.session;
        let id = run_id(&session.realm, &session.id, new.message_id);
        let channel = ChannelKey::run(&session.realm, &id);
        let place = match self.roster.enlist(&channel, session, &new.service, new.while_busy) {
            Ok(place) => place,
            Err(NoPlace::Full) => {
                let reason = "this gateway has as many open runs as it can hold";
                return Err(ErrorCode::Overloaded.with_message(reason));
            }
            Err(NoPlace::Busy) => {
                self.refuse_as_busy(&channel, &new, origin);
                return Ok(());
            }
        };
        let (accepted_ms, ts) = (wall_ms(), timestamp());
        let is_old = origin.wire().dialect() != Dialect::Native;
        let asked = is_old.then(|| Origin::of(&new.service, &ts, new.message.payload.as_ref()));
        let (payload, packed) = store::kept_payload(new.message);
        let waits = place.as_ref().is_some_and(|place| !place.turn_is_now);
        let taker = if waits { self.taker(&channel, &new) } else { None };
        let open = OpenRun {
            session: session.id.clone(),
            user: session.user.clone(),
            service: new.service,
            kind: new.message.kind.clone().into_owned(),
            message: new.message_id.to_owned(),
            payload,
            packed,
            accepted_ms,
            order: self.accepted.fetch_add(1, Ordering::Relaxed),
            deadline_at_ms: accepted_ms.saturating_add(new.deadline_ms),
            called: place.as_ref().is_some_and(|place| place.turn_is_now) && !self.stopping.is_draining(),
            repetitions: 0,
            parallel: new.while_busy == WhileBusy::Parallel,
            interrupts: new.while_busy == WhileBusy::Interrupt,
            input_to: taker.as_ref().map(|(run, _)| run.clone()),
            ends_when_left: new.on_leave == OnLeave::Cancel,
            traceparent: new.message.traceparent(),
            origin: asked,
        };
        let stored = open.to_value();
        let batch = store::accept_batch(&AcceptedMessage {
            session: &session.channel,
            run: &channel,
            open: &open,
            stored: &stored,
            message: new.message,
            ts: &ts,
            durability: self.durability,
        });
        // Before it is stored, so that messages are offered in the order in which they came.
        let held = taker.and_then(|(_, offers)| inputs::offer(&channel, &open, false, &offers));
        // Written or queued now, so that messages are stored in the order in which they came.
        let commit = self.broker.commit(batch);
        let mut task = RunTask::new(Arc::clone(self), channel, Arc::clone(session), open, stored);
        task.held = held;
        // Begun here: where the message is stored already, the worker has its call before this connection writes a byte.
        let mut task = Box::pin(task.accept(place, commit, origin));
        if (&mut task).now_or_never().is_none() {
            self.tracker.spawn(task);
        }
        Ok(())
    }

    /// The run that is offered a new message as input: its id, and its mailbox.
    fn taker(&self, run: &ChannelKey, new: &NewRun<'_>) -> Option<(String, Arc<Offers>)> {
        let steers = new.while_busy == WhileBusy::Steer;
        let taker = steers.then(|| self.roster.can_take(run, new.session, &new.service)).flatten()?;
        if self.bridge.get().is_none_or(|bridge| bridge.takes_input(&new.service)) {
            return Some(taker);
        }
        self.metrics.inputs_refused.inc();
        if !self.told_of_no_input.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                service = new.service,
                "a route says while_busy = \"steer\", and a worker of its service does not say takes_input: messages wait \
                 their turn, as with \"queue\""
            );
        }
        None
    }

    /// Refuses a message whose run has no place in its session, unless it is a repetition: that has its `ack` whatever
    /// else the session is doing.
    fn refuse_as_busy(self: &Arc<Self>, run: &ChannelKey, new: &NewRun<'_>, origin: InFlight) {
        let commit = self.broker.commit(store::look_up_batch(run, new.message));
        let (runs, run, message) = (Arc::clone(self), run.clone(), new.message_id.to_owned());
        let mut refusing = Box::pin(async move {
            let outcome = commit.await;
            task::answer(&runs, &message, &run, None, origin, outcome).await;
        });
        if (&mut refusing).now_or_never().is_none() {
            self.tracker.spawn(refusing);
        }
    }

    /// Asks a live run of this session to stop. `false` when there is none: unknown, over, and another's are the same.
    pub(crate) fn cancel(&self, session: &Session, run: &str) -> bool {
        let channel = ChannelKey::run(&session.realm, run);
        let cancelled = self.roster.cancel(&channel, &session.channel);
        if cancelled == Some(Cancelled::Now) {
            // Written or queued now; the client hears of it at once.
            drop(self.broker.commit(store::cancelled_batch(&channel, self.keep)));
        }
        cancelled.is_some()
    }

    fn allowance(&self) -> MutexGuard<'_, Allowance> {
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a run of this session an answer to one of its questions. `origin` gets the `ack` or the `error`.
    pub(crate) fn answer(self: &Arc<Self>, session: &Arc<Session>, run: &str, answer: Answer, origin: InFlight) {
        self.give(session, &ChannelKey::run(&session.realm, run), Given { answer, origin });
    }

    fn give(self: &Arc<Self>, session: &Arc<Session>, channel: &ChannelKey, given: Given) {
        match self.roster.answer(channel, &session.channel, given) {
            Ok(()) => {}
            Err(NotGiven::Full(given)) => given.refuse(self, ErrorCode::Busy.body()),
            Err(NotGiven::NoRun(given)) => {
                let (runs, session, channel) = (Arc::clone(self), Arc::clone(session), channel.clone());
                self.tracker.spawn(async move { answers::look_up(&runs, &channel, &session.id, given).await });
            }
        }
    }

    /// Gives up a place whose run does not go on in this task. What clients answered there is for whoever has the run.
    fn give_up(self: &Arc<Self>, session: &Arc<Session>, channel: &ChannelKey, place: Place) {
        let answers = Arc::clone(&place.answers);
        drop(place);
        // Nobody puts anything in any more.
        for given in answers.take() {
            self.give(session, channel, given);
        }
    }

    /// Whether this run is open on this node.
    pub(crate) fn is_live(&self, channel: &ChannelKey) -> bool {
        self.roster.contains(channel)
    }

    /// Number of open runs on this node.
    pub(crate) fn live_count(&self) -> usize {
        self.roster.len()
    }

    /// Number of open runs that do not wait for a person.
    pub(crate) fn under_way(&self) -> usize {
        self.live_count().saturating_sub(self.metrics.runs_that_wait())
    }

    /// Resolves when no run has a task: each has ended, or is left to the next life of this gateway.
    pub(crate) async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

#[cfg(test)]
mod tests;
