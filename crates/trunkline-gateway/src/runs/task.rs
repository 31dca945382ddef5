//! Drives one run: feeds `trunkline_core::run::Run` with its worker, the clock, clients and
//! the broker, and does what it says. It decides nothing itself.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tracing::Instrument;
use trunkline_bridge::{Call, CallEvent, CallFailure, CallSpec, EventKind, FailureReason, Outcome};
use trunkline_broker::{Batch, BrokerError, Committed, Duplicate, Refusal};
use trunkline_core::Moment;
use trunkline_core::channel::ChannelKey;
use trunkline_core::run::{Action, AppendRequest, Run, WorkerEvent};
use trunkline_protocol::{ErrorBody, ErrorCode};

use super::store::{self, OpenRun};
use super::{LiveRun, Place, Runs};
use crate::clock::{timestamp, wall_ms};
use crate::connection::Subscriber;
use crate::message;
use crate::sessions::Session;

/// How long an append waits before it is tried again when the broker's queue is full.
const RETRY_APPEND_AFTER: Duration = Duration::from_millis(50);

/// Events taken from the worker before they are looked at together.
const EVENTS_PER_TURN_MAX: usize = 256;

type Commit = BoxFuture<'static, Result<Committed, BrokerError>>;

/// The task of one run.
pub(super) struct RunTask {
    runs: Arc<Runs>,
    channel: ChannelKey,
    session: Arc<Session>,
    open: OpenRun,
}

/// The worker's side of a run: a call, none any more, or one that is expected to come back.
enum Worker {
    /// Not called, or the call has ended.
    None,
    Calling(Call),
    /// Another life of the gateway made the call; its worker may offer it again until then.
    Expected(tokio::sync::oneshot::Receiver<Call>),
}

/// What a run's task was woken by.
enum Wake {
    Stop,
    Cancelled,
    Committed(Result<Committed, BrokerError>),
    Turn,
    Worker(Option<CallEvent>),
    Reclaimed(Option<Call>),
    Time,
}

impl RunTask {
    pub(super) fn new(runs: Arc<Runs>, channel: ChannelKey, session: Arc<Session>, open: OpenRun) -> Self {
        Self { runs, channel, session, open }
    }

    /// Waits until the run is stored, tells its sender, and drives it.
    pub(super) async fn accept(self, place: Option<Place>, commit: Commit, origin: Arc<Subscriber>) {
        let outcome = commit.await;
        origin.release_in_flight();
        let (frame, stored) = self.answer(&origin, outcome);
        origin.push_control(frame);
        drop(origin);
        let place = match (stored, place) {
            (true, None) => self.runs.enlist(&self.channel, &self.session).ok().flatten(),
            (_, place) => place,
        };
        let Some(place) = place else { return };
        if stored {
            self.runs.metrics.runs_started.inc();
            let run = self.new_run();
            self.drive(run, place, Worker::None).await;
        } else {
            self.runs.retire(&self.channel, &self.session);
        }
    }

    /// Goes on with a run that another life of the gateway left open.
    pub(super) async fn recover(self, run: Run, place: Place, call: Option<tokio::sync::oneshot::Receiver<Call>>) {
        self.drive(run, place, call.map_or(Worker::None, Worker::Expected)).await;
    }

    /// A run that was not called yet.
    pub(super) fn new_run(&self) -> Run {
        Run::new(self.channel.id(), &self.session.id, Some(self.deadline()))
    }

    pub(super) fn deadline(&self) -> Moment {
        self.runs.clock.now() + Duration::from_millis(self.open.deadline_at_ms.saturating_sub(wall_ms()))
    }

    /// The sender's `ack` or `error`, and whether this message began the run.
    fn answer(&self, origin: &Subscriber, outcome: Result<Committed, BrokerError>) -> (Bytes, bool) {
        let (dialect, message, run) = (origin.dialect(), &self.open.message, self.channel.id());
        match outcome {
            Ok(_) => (message::ack_frame(dialect, message, run, false), true),
            Err(BrokerError::Refused { refusal: Refusal::Duplicate(Duplicate { same_content: true, .. }), .. }) => {
                (message::ack_frame(dialect, message, run, true), false)
            }
            Err(error) => (message::error_frame(dialect, Some(message), accept_error(&error, run)), false),
        }
    }

    async fn drive(self, run: Run, place: Place, worker: Worker) {
        let span = tracing::info_span!("run", run = self.channel.id(), service = %self.open.service);
        let turn_is_now = place.turn_is_now;
        let mut driver = Driver { task: self, run, worker, commit: None, appending: None, started: false };
        driver.go(&place.run, turn_is_now).instrument(span).await;
        let RunTask { runs, channel, session, .. } = &driver.task;
        runs.retire(channel, session);
    }
}

/// The error of a message that was not stored.
fn accept_error(error: &BrokerError, run: &str) -> ErrorBody<'static> {
    match error {
        BrokerError::Refused { refusal: Refusal::Duplicate(_), .. } => ErrorCode::DuplicateId.body(),
        BrokerError::Overloaded => ErrorCode::Overloaded.body(),
        BrokerError::Refused { .. } | BrokerError::Unavailable(_) => {
            tracing::error!(%error, run, "a message was not stored");
            ErrorCode::Internal.with_message("the message was not stored; send it again with the same id")
        }
    }
}

/// The loop of one run.
struct Driver {
    task: RunTask,
    run: Run,
    worker: Worker,
    /// The batch that is being written.
    commit: Option<Commit>,
    /// What that batch holds, to write it again if the broker had no room.
    appending: Option<AppendRequest>,
    started: bool,
}

impl Driver {
    async fn go(&mut self, live: &LiveRun, turn_is_now: bool) {
        if turn_is_now {
            self.start();
        }
        let (mut stop_seen, mut cancel_seen) = (false, false);
        while self.advance() {
            match self.wait(live, stop_seen, cancel_seen).await {
                Wake::Stop => {
                    stop_seen = true;
                    self.stopped();
                }
                Wake::Cancelled => {
                    cancel_seen = true;
                    tracing::info!("cancel requested");
                    self.run.cancel(self.task.runs.clock.now());
                }
                Wake::Committed(outcome) => {
                    if !self.committed(outcome).await {
                        return;
                    }
                }
                Wake::Turn => self.take_turn().await,
                Wake::Worker(event) => self.worker_events(event),
                Wake::Reclaimed(call) => self.reclaimed(call),
                Wake::Time => {}
            }
        }
    }

    /// Does everything that is due now. `false` when the run is over.
    fn advance(&mut self) -> bool {
        let now = self.task.runs.clock.now();
        self.run.tick(now);
        while let Some(action) = self.run.poll_action() {
            match (action, &self.worker) {
                (Action::Call, _) => self.call(),
                (Action::CancelCall, Worker::Calling(call)) => call.cancel(),
                (Action::Stored(count), Worker::Calling(call)) => call.stored(count),
                (Action::CancelCall | Action::Stored(_), _) => {}
            }
        }
        if self.commit.is_none()
            && let Some(request) = self.run.poll_append(now, &timestamp())
        {
            self.append(request);
        }
        !self.run.is_over()
    }

    async fn wait(&mut self, live: &LiveRun, stop_seen: bool, cancel_seen: bool) -> Wake {
        let clock = self.task.runs.clock;
        let timeout = self.run.poll_timeout().map(|moment| clock.instant(moment));
        let stop = &self.task.runs.stop;
        tokio::select! {
            biased;
            outcome = async { self.commit.as_mut().expect("checked by the branch").await }, if self.commit.is_some() => {
                Wake::Committed(outcome)
            }
            () = stop.cancelled(), if !stop_seen => Wake::Stop,
            () = live.cancel.cancelled(), if !cancel_seen => Wake::Cancelled,
            () = live.turn.cancelled(), if !self.started => Wake::Turn,
            wake = next_of(&mut self.worker) => wake,
            () = async { tokio::time::sleep_until(timeout.expect("checked by the branch")).await }, if timeout.is_some() => {
                Wake::Time
            }
        }
    }

    fn start(&mut self) {
        self.started = true;
        self.run.start();
    }

    /// The run waited for its turn and has it now: that a worker may have it is stored before it has.
    async fn take_turn(&mut self) {
        self.task.open.called = true;
        let batch = store::called_batch(&self.task.channel, &self.task.open);
        if let Err(error) = self.task.runs.broker.commit(batch).await {
            tracing::error!(%error, "a run cannot be called");
            self.run.fail(ErrorCode::Overloaded.body());
        }
        self.start();
    }

    fn call(&mut self) {
        let RunTask { runs, channel, session, open } = &self.task;
        let Some(bridge) = runs.bridge() else {
            return self.run.handle_worker(WorkerEvent::Failed(ErrorCode::NoWorker.body()));
        };
        let spec = CallSpec {
            service: open.service.clone(),
            run: channel.id().to_owned(),
            session: session.id.clone(),
            realm: session.realm.clone(),
            user: session.user.clone(),
            message: open.message.clone(),
            kind: open.kind.clone(),
            attempt: 1,
            deadline: Some(runs.clock.instant(self.task.deadline())),
            codec: "json".to_owned(),
            traceparent: None,
            payload: Bytes::copy_from_slice(open.payload.get().as_bytes()),
        };
        self.worker = Worker::Calling(bridge.call(spec));
    }

    /// Takes one event of the worker, and those that are there already.
    fn worker_events(&mut self, first: Option<CallEvent>) {
        let mut next = first;
        for _ in 0..EVENTS_PER_TURN_MAX {
            let Some(event) = next else {
                self.worker = Worker::None;
                return;
            };
            self.worker_event(event);
            next = match &mut self.worker {
                Worker::Calling(call) => match call.try_next() {
                    Some(event) => Some(event),
                    None => return,
                },
                _ => return,
            };
        }
        if let Some(event) = next {
            self.worker_event(event);
        }
    }

    fn worker_event(&mut self, event: CallEvent) {
        let event = match event {
            CallEvent::Started { worker } => {
                tracing::info!(worker, "called");
                return;
            }
            CallEvent::Latest { name, key, payload } => return self.latest(&name, key.as_deref(), &payload),
            CallEvent::Event { kind: EventKind::Text, payload, .. } => match String::from_utf8(payload.into()) {
                Ok(text) => WorkerEvent::Text(text),
                Err(_) => WorkerEvent::Failed(ErrorCode::WorkerProtocol.with_message("the worker's text is not UTF-8")),
            },
            CallEvent::Event { kind: EventKind::Json { name }, payload, .. } => WorkerEvent::Json { name, payload },
            CallEvent::Ended { outcome: Outcome::End, .. } => WorkerEvent::Ended,
            CallEvent::Ended { outcome: Outcome::Result(payload), .. } => WorkerEvent::Returned(payload),
            CallEvent::Ended { outcome: Outcome::Error(error), .. } => WorkerEvent::Failed(worker_error(error)),
            CallEvent::Failed(failure) => WorkerEvent::Failed(bridge_error(&failure)),
        };
        self.run.handle_worker(event);
    }

    fn reclaimed(&mut self, call: Option<Call>) {
        let Some(call) = call else {
            self.worker = Worker::None;
            return self.run.handle_worker(WorkerEvent::Failed(ErrorCode::WorkerLost.body()));
        };
        tracing::info!("its worker came back");
        self.worker = Worker::Calling(call);
    }

    fn append(&mut self, request: AppendRequest) {
        let batch = store::events_batch(&self.task.channel, &request, self.task.runs.durability, self.task.runs.keep);
        self.appending = Some(request);
        self.commit = Some(self.write(batch));
    }

    fn write(&self, batch: Batch) -> Commit {
        self.task.runs.broker.commit(batch)
    }

    /// Handles the outcome of an append. `false` when this task can do nothing more.
    async fn committed(&mut self, outcome: Result<Committed, BrokerError>) -> bool {
        self.commit = None;
        let Some(request) = self.appending.take() else { return true };
        match outcome {
            Ok(_) => {
                self.run.appended();
                if let Some(end) = &request.end {
                    tracing::info!(state = end.state(), "ended");
                    self.task.runs.metrics.run_ended(end.state());
                }
                true
            }
            Err(BrokerError::Overloaded) => {
                tokio::time::sleep(RETRY_APPEND_AFTER).await;
                self.append(request);
                true
            }
            Err(error @ BrokerError::Refused { .. }) => {
                tracing::warn!(%error, "somebody else ended this run");
                false
            }
            Err(error @ BrokerError::Unavailable(_)) => {
                tracing::error!(%error, "a run's events cannot be stored");
                false
            }
        }
    }

    /// The gateway stops: what is not done now will not be.
    fn stopped(&mut self) {
        self.run.fail(ErrorCode::WorkerLost.with_message("the gateway was stopped before the run ended"));
    }

    fn latest(&self, name: &str, key: Option<&str>, content: &[u8]) {
        let RunTask { runs, channel, session, .. } = &self.task;
        let Some(frames) = message::latest_frames(name, channel.id(), &session.id, content) else {
            tracing::warn!(name, "a worker's state is no JSON; it was left out");
            return;
        };
        runs.hub.publish_latest(channel, format!("{name}/{}", key.unwrap_or_default()), frames);
    }
}

async fn next_of(worker: &mut Worker) -> Wake {
    match worker {
        Worker::None => std::future::pending().await,
        Worker::Calling(call) => Wake::Worker(call.next().await),
        Worker::Expected(call) => Wake::Reclaimed(call.await.ok()),
    }
}

/// A worker's own error, as clients see it. A code that the protocol does not know is `upstream_error`.
fn worker_error(error: trunkline_bridge::frame::WorkerError) -> ErrorBody<'static> {
    let code = ErrorCode::from_name(&error.code).unwrap_or(ErrorCode::UpstreamError);
    ErrorBody {
        retryable: error.retryable,
        retry_after_ms: error.retry_after_ms,
        trace_id: error.trace_id.map(Into::into),
        ..code.with_message(error.message)
    }
}

/// The bridge's error, as clients see it.
fn bridge_error(failure: &CallFailure) -> ErrorBody<'static> {
    tracing::warn!(reason = ?failure.reason, handed_over = failure.handed_over, "the call failed");
    let code = match &failure.reason {
        FailureReason::TooLarge => ErrorCode::PayloadTooLarge,
        reason => ErrorCode::from_name(reason.code()).unwrap_or(ErrorCode::Internal),
    };
    code.body()
}
