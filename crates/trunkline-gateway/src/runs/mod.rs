//! Runs on this node: accepting a message that starts one, finding a live one, and taking
//! up those that another life of the gateway left open.
//!
//! What a run may do is decided by `trunkline_core::run`; [`task`] drives one.

mod recovery;
mod store;
mod task;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trunkline_bridge::Bridge;
use trunkline_broker::{Broker, Durability};
use trunkline_core::channel::ChannelKey;
use trunkline_core::identity::run_id;
use trunkline_core::turns::Turn;
use trunkline_protocol::{ErrorBody, ErrorCode};

use crate::clock::{Clock, timestamp, wall_ms};
use crate::connection::Subscriber;
use crate::hub::Hub;
use crate::retention::Keep;
use crate::sessions::Session;
use crate::telemetry::Metrics;

pub(crate) use recovery::Recovery;
pub(crate) use store::is_open_run_of;
use store::{AcceptedMessage, OpenRun};
use task::RunTask;

/// Runs that may be open on this node at once; one more message is `overloaded`.
const OPEN_RUNS_MAX: usize = 50_000;

/// A message that is to start a run.
pub(crate) struct NewRun<'a> {
    pub(crate) session: &'a Arc<Session>,
    pub(crate) service: &'a str,
    pub(crate) message: &'a trunkline_protocol::Envelope<'a>,
    pub(crate) message_id: &'a str,
    pub(crate) deadline_ms: u64,
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
    live: Mutex<HashMap<ChannelKey, LiveRun>>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

/// A run's place among the live ones, and in the line of its session.
struct Place {
    run: LiveRun,
    turn_is_now: bool,
}

/// How others reach a run's task.
#[derive(Clone)]
struct LiveRun {
    session: ChannelKey,
    cancel: CancellationToken,
    turn: CancellationToken,
}

impl Runs {
    /// `stop` ends every run's task; the bridge follows with [`Runs::connect`], because it asks for open runs when it starts.
    pub(crate) fn new(
        broker: Arc<dyn Broker>,
        hub: Arc<Hub>,
        clock: Clock,
        metrics: Arc<Metrics>,
        durability: Durability,
        keep: Keep,
        stop: CancellationToken,
    ) -> Self {
        Self {
            broker,
            hub,
            clock,
            metrics,
            durability,
            keep,
            bridge: OnceLock::new(),
            live: Mutex::default(),
            tracker: TaskTracker::new(),
            stop,
        }
    }

    /// Gives the runs their way to the workers. Only the first call counts.
    pub(crate) fn connect(&self, bridge: Bridge) {
        let _ = self.bridge.set(bridge);
    }

    /// Accepts a message: it is stored together with the run that it starts, and `origin` gets the `ack` or the
    /// `error`. What is stored keeps the order of these calls.
    pub(crate) fn accept(
        self: &Arc<Self>,
        new: &NewRun<'_>,
        origin: &Arc<Subscriber>,
    ) -> Result<(), ErrorBody<'static>> {
        let session = new.session;
        let id = run_id(&session.realm, &session.id, new.message_id);
        let channel = ChannelKey::run(&session.realm, &id);
        let place = self.enlist(&channel, session)?;
        let accepted_ms = wall_ms();
        let open = OpenRun {
            session: session.id.clone(),
            user: session.user.clone(),
            service: new.service.to_owned(),
            kind: new.message.kind.clone().into_owned(),
            message: new.message_id.to_owned(),
            payload: store::raw_payload(new.message),
            accepted_ms,
            deadline_at_ms: accepted_ms.saturating_add(new.deadline_ms),
            called: matches!(&place, Some(place) if place.turn_is_now),
        };
        let batch = store::accept_batch(&AcceptedMessage {
            session: &session.channel,
            run: &channel,
            open: &open,
            message: new.message,
            ts: &timestamp(),
            durability: self.durability,
        });
        // Queued now, so that messages are stored in the order in which they came.
        let commit = self.broker.commit(batch);
        let task = RunTask::new(Arc::clone(self), channel, Arc::clone(session), open);
        self.tracker.spawn(task.accept(place, commit, Arc::clone(origin)));
        Ok(())
    }

    /// Asks a live run of this session to stop. `false` when there is none: unknown, over, and another's are the same.
    pub(crate) fn cancel(&self, session: &Session, run: &str) -> bool {
        let live = self.lock();
        let Some(found) = live.get(&ChannelKey::run(&session.realm, run)) else { return false };
        let own = found.session == session.channel;
        if own {
            found.cancel.cancel();
        }
        own
    }

    /// Whether this run is open on this node.
    pub(crate) fn is_live(&self, channel: &ChannelKey) -> bool {
        self.lock().contains_key(channel)
    }

    /// Number of open runs on this node.
    pub(crate) fn live_count(&self) -> usize {
        self.lock().len()
    }

    /// Resolves when no run is open, by itself or because `stop` was cancelled.
    pub(crate) async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    fn bridge(&self) -> Option<&Bridge> {
        self.bridge.get()
    }

    /// Makes a run findable and lines it up for its turn. `None` when a task drives it already: its message was
    /// repeated.
    fn enlist(&self, channel: &ChannelKey, session: &Session) -> Result<Option<Place>, ErrorBody<'static>> {
        let mut live = self.lock();
        if live.contains_key(channel) {
            return Ok(None);
        }
        if live.len() >= OPEN_RUNS_MAX {
            return Err(ErrorCode::Overloaded.with_message("this gateway has as many open runs as it can hold"));
        }
        let turn = session.turns().request(channel.id());
        if turn == Turn::Busy {
            return Err(ErrorCode::Busy.body());
        }
        let run = LiveRun {
            session: session.channel.clone(),
            cancel: CancellationToken::new(),
            turn: CancellationToken::new(),
        };
        live.insert(channel.clone(), run.clone());
        Ok(Some(Place { run, turn_is_now: turn == Turn::Now }))
    }

    /// A run is over: the next one of its session has its turn.
    fn retire(&self, channel: &ChannelKey, session: &Session) {
        let mut live = self.lock();
        live.remove(channel);
        let next = session.turns().ended(channel.id()).map(|run| ChannelKey::run(&session.realm, run));
        if let Some(next) = next.and_then(|next| live.get(&next)) {
            next.turn.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChannelKey, LiveRun>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
