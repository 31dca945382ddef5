//! The loop of one run: feeds `trunkline_core::run::Run` with its worker, the clock, clients
//! and the broker, and does what it says. It decides nothing itself.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFuture;
use trunkline_bridge::{Call, CallEvent, CallFailure, CallSpec, EventKind, FailureReason, Outcome};
use trunkline_broker::{BrokerError, Committed};
use trunkline_core::run::{Action, AppendRequest, End, Run, WorkerEvent};
use trunkline_protocol::{Class, ErrorBody, ErrorCode, class_of};

use super::roster::Place;
use super::store;
use super::task::RunTask;
use crate::clock::timestamp;
use crate::message::State;
use crate::random;

/// How long a write waits before it is tried again when the broker's queue is full.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// Events taken from the worker before they are looked at together.
const EVENTS_PER_TURN_MAX: usize = 256;

/// Largest value of latest state.
const LATEST_BYTES_MAX: usize = 16 * 1024;

/// A write to the broker that is under way.
pub(super) type Commit = BoxFuture<'static, Result<Committed, BrokerError>>;

/// The worker's side of a run: a call, none any more, or one that is expected to come back.
pub(super) enum Worker {
    /// Not called, or the call has ended.
    None,
    Calling(Call),
    /// Another life of the gateway made the call; its worker may offer it again until the sender is dropped.
    Expected(oneshot::Receiver<Call>),
}

/// What the loop was woken by.
enum Wake {
    Stop,
    Cancelled,
    Written(Result<Committed, BrokerError>),
    Turn,
    Worker(Option<CallEvent>),
    Reclaimed(Option<Call>),
    Time,
}

/// A write that is not answered yet, kept to be made again if the broker had no room.
enum Writing {
    /// That a worker may have the run.
    Called,
    Events(AppendRequest),
}

/// How far the gateway has come with its end, as far as this run knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    Draining,
    CutOff,
}

/// Waits that go on from one turn of the loop to the next.
struct Waits<'w, 't> {
    /// The next phase of a stop.
    stop: Pin<&'w mut WaitForCancellationFuture<'t>>,
    cancel: Pin<&'w mut WaitForCancellationFuture<'t>>,
    turn: Pin<&'w mut WaitForCancellationFuture<'t>>,
    timer: Pin<&'w mut Sleep>,
    phase: Phase,
    cancelled: bool,
    started: bool,
}

/// See the module's comment.
pub(super) struct Driver {
    task: RunTask,
    run: Run,
    worker: Worker,
    write: Option<(Commit, Writing)>,
    /// When a write that found no room is made again.
    retry: Option<(Instant, Writing)>,
}

impl Driver {
    pub(super) fn new(task: RunTask, run: Run, worker: Worker) -> Self {
        Self { task, run, worker, write: None, retry: None }
    }

    /// Drives the run until it is over, or until this process has no part in it any more.
    pub(super) async fn go(mut self, place: &Place) {
        let stopping = Arc::clone(&self.task.runs.stopping);
        let (stopped, cancelled) = (pin!(stopping.draining.cancelled()), pin!(place.cancel.cancelled()));
        let (turned, timer) = (pin!(place.turn.cancelled()), pin!(tokio::time::sleep(Duration::ZERO)));
        let mut waits = Waits {
            stop: stopped,
            cancel: cancelled,
            turn: turned,
            timer,
            phase: Phase::Running,
            cancelled: false,
            started: place.turn_is_now,
        };
        if place.turn_is_now && !stopping.is_draining() {
            self.take_turn();
        }
        while self.advance() {
            // Where everything is there at once nothing else in this loop would give way to others.
            tokio::task::consume_budget().await;
            let goes_on = match self.wait(&mut waits).await {
                Wake::Stop if waits.phase == Phase::Running => {
                    waits.phase = Phase::Draining;
                    waits.stop.set(stopping.cut_off.cancelled());
                    !self.leave_unseen().await
                }
                Wake::Stop => {
                    waits.phase = Phase::CutOff;
                    self.cut_off().await
                }
                Wake::Cancelled => self.cancel(&mut waits),
                Wake::Written(outcome) => self.written(outcome, waits.phase).await,
                Wake::Turn => {
                    waits.started = true;
                    self.take_turn();
                    true
                }
                Wake::Worker(event) => self.worker_events(event),
                Wake::Reclaimed(call) => self.reclaimed(call),
                Wake::Time => self.retry(),
            };
            if !goes_on {
                return;
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
        if self.write.is_none()
            && self.retry.is_none()
            && let Some(request) = self.run.poll_append(now, timestamp)
        {
            self.begin(Writing::Events(request));
        }
        !self.run.is_over()
    }

    async fn wait(&mut self, waits: &mut Waits<'_, '_>) -> Wake {
        let due = self.run.poll_timeout().map(|moment| self.task.runs.clock.instant(moment));
        let due = due.into_iter().chain(self.retry.as_ref().map(|(at, _)| *at)).min();
        if let Some(due) = due.filter(|due| *due != waits.timer.deadline()) {
            waits.timer.as_mut().reset(due);
        }
        tokio::select! {
            biased;
            outcome = written(&mut self.write) => Wake::Written(outcome),
            () = &mut waits.stop, if waits.phase != Phase::CutOff => Wake::Stop,
            () = &mut waits.cancel, if !waits.cancelled => Wake::Cancelled,
            () = &mut waits.turn, if !waits.started => Wake::Turn,
            wake = next_of(&mut self.worker) => wake,
            () = &mut waits.timer, if due.is_some() => Wake::Time,
        }
    }

    /// Its turn has come. That a worker may have the run is stored before it has, so that it is never called twice.
    fn take_turn(&mut self) {
        if self.task.open.called {
            self.run.start();
        } else if !self.run.is_ending() {
            // A run that was not started writes nothing before its end is decided.
            debug_assert!(self.write.is_none() && self.retry.is_none());
            self.begin(Writing::Called);
        }
    }

    fn cancel(&mut self, waits: &mut Waits<'_, '_>) -> bool {
        waits.cancelled = true;
        tracing::info!("cancel requested");
        self.run.cancel(self.task.runs.clock.now());
        true
    }

    /// The gateway drains. A run that no worker has is left to its next life, which calls it, or waits for its worker.
    /// Returns whether it is left.
    async fn leave_unseen(&mut self) -> bool {
        if self.run.is_ending() || self.run.is_cancelling() {
            return false;
        }
        match &self.worker {
            Worker::Expected(_) => true,
            Worker::Calling(call) if !call.take_back() => false,
            Worker::None if self.run.is_called() || self.write.is_some() => false,
            Worker::None | Worker::Calling(_) => {
                self.take_back_called().await;
                true
            }
        }
    }

    /// The time of runs is over. One that a worker has which outlives this gateway is left to the two; any other ends now.
    /// `false` when this task has no part in it any more.
    async fn cut_off(&mut self) -> bool {
        while let Worker::Calling(call) = &mut self.worker
            && let Some(event) = call.try_next()
        {
            self.worker_event(event);
        }
        if self.run.is_ending() || self.run.is_cancelling() {
            return true;
        }
        if self.leave_unseen().await {
            return false;
        }
        if let Worker::Calling(call) = &mut self.worker
            && call.leave_to_worker()
        {
            tracing::info!("left to its worker");
            return false;
        }
        self.run.fail(ErrorCode::WorkerLost.with_message("the gateway was stopped before the run ended"));
        true
    }

    /// No worker has seen the run: it is to be called after the next start.
    async fn take_back_called(&mut self) {
        let RunTask { runs, channel, open, .. } = &self.task;
        if !open.called {
            return;
        }
        if let Err(error) = store::take_back_called(&*runs.broker, channel, runs.durability).await {
            tracing::error!(%error, "a run that no worker has seen cannot be left as such");
        }
    }

    fn call(&mut self) {
        let RunTask { runs, channel, session, open, stored } = &mut self.task;
        // It is stored; nobody here needs it again.
        *stored = Bytes::new();
        let (codec, payload) = match open.take_payload() {
            Ok(payload) => payload,
            Err(error) => {
                tracing::error!(run = channel.id(), %error, "the stored payload of an open run cannot be read");
                let error = ErrorCode::Internal.with_message("the stored payload cannot be read");
                return self.run.fail(error);
            }
        };
        let Some(bridge) = runs.bridge.get() else {
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
            deadline: Some(runs.clock.instant(self.run.deadline().unwrap_or_default())),
            codec,
            traceparent: Some(open.traceparent.take().unwrap_or_else(random::traceparent)),
            payload,
        };
        self.worker = Worker::Calling(bridge.call(spec));
    }

    /// Takes one event of the worker, and those that are there already.
    fn worker_events(&mut self, first: Option<CallEvent>) -> bool {
        let mut next = first;
        for _ in 0..EVENTS_PER_TURN_MAX {
            let Some(event) = next.take() else {
                self.worker = Worker::None;
                return true;
            };
            self.worker_event(event);
            let Worker::Calling(call) = &mut self.worker else { return true };
            next = call.try_next();
            if next.is_none() {
                return true;
            }
        }
        if let Some(event) = next {
            self.worker_event(event);
        }
        true
    }

    fn worker_event(&mut self, event: CallEvent) {
        let event = match event {
            CallEvent::Started { worker } => return tracing::debug!(worker, "called"),
            CallEvent::Latest { name, key, payload } => return self.latest(&name, key.as_deref(), &payload),
            CallEvent::Event { kind: EventKind::Text, payload, .. } => WorkerEvent::Text(payload),
            CallEvent::Event { kind: EventKind::Event { name, codec }, payload, .. } => {
                WorkerEvent::Other { name, codec, payload }
            }
            CallEvent::Ended { outcome: Outcome::End, .. } => WorkerEvent::Ended,
            CallEvent::Ended { outcome: Outcome::Result { codec, payload }, .. } => {
                WorkerEvent::Returned { codec, payload }
            }
            CallEvent::Ended { outcome: Outcome::Error(error), .. } => WorkerEvent::Failed(worker_error(error)),
            CallEvent::Failed(failure) => WorkerEvent::Failed(bridge_error(&failure, &self.task.open.service)),
        };
        self.run.handle_worker(event);
    }

    fn reclaimed(&mut self, call: Option<Call>) -> bool {
        let Some(call) = call else {
            self.worker = Worker::None;
            self.run.handle_worker(WorkerEvent::Failed(ErrorCode::WorkerLost.body()));
            return true;
        };
        tracing::info!("its worker came back");
        if self.run.is_cancelling() || self.run.is_ending() {
            call.cancel();
        }
        self.worker = Worker::Calling(call);
        true
    }

    fn begin(&mut self, writing: Writing) {
        let RunTask { runs, channel, open, stored, .. } = &self.task;
        let batch = match &writing {
            Writing::Called => store::called_batch(channel, open, stored.clone(), runs.durability),
            Writing::Events(request) => store::events_batch(channel, request, runs.durability, runs.keep),
        };
        self.write = Some((runs.broker.commit(batch), writing));
    }

    fn retry(&mut self) -> bool {
        let due = self.retry.take_if(|(at, _)| *at <= Instant::now());
        if let Some((_, writing)) = due {
            self.begin(writing);
        }
        true
    }

    /// Handles the outcome of a write. `false` when this task can do nothing more.
    async fn written(&mut self, outcome: Result<Committed, BrokerError>, phase: Phase) -> bool {
        let Some((_, writing)) = self.write.take() else { return true };
        match (outcome, writing) {
            (Ok(_), Writing::Called) => {
                self.task.open.called = true;
                if phase != Phase::Running && !self.run.is_ending() {
                    self.take_back_called().await;
                    return false;
                }
                self.run.start();
            }
            (Ok(_), Writing::Events(request)) => {
                self.run.appended();
                if let Some(end) = &request.end {
                    // A line for each message would cost too much; the others are worth it.
                    match end {
                        End::Completed(_) => tracing::debug!("completed"),
                        End::Failed(error) => tracing::info!(
                            state = end.state(),
                            code = %error.code,
                            trace_id = error.trace_id.as_deref(),
                            "ended"
                        ),
                        End::Cancelled | End::Expired => tracing::info!(state = end.state(), "ended"),
                    }
                    self.task.runs.metrics.run_ended(end.state());
                }
            }
            (Err(BrokerError::Overloaded), writing) if phase != Phase::CutOff => {
                self.retry = Some((Instant::now() + RETRY_AFTER, writing));
            }
            (Err(error @ BrokerError::Refused { .. }), _) => {
                tracing::warn!(%error, "somebody else ended this run");
                self.forget().await;
                return false;
            }
            (Err(error), _) => {
                tracing::error!(%error, "a run cannot be stored");
                return false;
            }
        }
        true
    }

    /// The channel is sealed: the run must not be found open after the next start.
    async fn forget(&mut self) {
        let RunTask { runs, channel, .. } = &self.task;
        if let Err(error) = runs.broker.commit(store::forget_batch(channel)).await {
            tracing::warn!(%error, "the run is taken off the list of open ones after the next start");
        }
    }

    fn latest(&self, name: &str, key: Option<&str>, content: &[u8]) {
        let RunTask { runs, channel, session, .. } = &self.task;
        if self.run.is_ending() {
            return;
        }
        let acceptable = class_of(name) == Class::Latest && content.len() <= LATEST_BYTES_MAX;
        let state = if acceptable { State::new(name, channel.id(), &session.id, content) } else { None };
        let Some(state) = state else {
            runs.metrics.latest_refused.inc();
            tracing::warn!(
                name,
                bytes = content.len(),
                "a worker's state was left out: its type, size or form is wrong"
            );
            return;
        };
        runs.hub.publish_latest(channel, format!("{name}/{}", key.unwrap_or_default()), state);
    }
}

async fn written(write: &mut Option<(Commit, Writing)>) -> Result<Committed, BrokerError> {
    match write {
        Some((commit, _)) => commit.await,
        None => std::future::pending().await,
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
    let details = (!error.details.is_empty()).then(|| Box::new(error.details.into_iter().collect()));
    ErrorBody {
        details,
        retryable: error.retryable,
        retry_after_ms: error.retry_after_ms,
        trace_id: error.trace_id.map(Into::into),
        ..code.with_message(error.message)
    }
}

/// The bridge's error, as clients see it.
fn bridge_error(failure: &CallFailure, service: &str) -> ErrorBody<'static> {
    tracing::warn!(reason = ?failure.reason, handed_over = failure.handed_over, "the call failed");
    let code = match &failure.reason {
        FailureReason::NoWorker => {
            return ErrorCode::NoWorker.with_message(format!("no worker serves {service:?} now"));
        }
        FailureReason::TooLarge => ErrorCode::PayloadTooLarge,
        reason => ErrorCode::from_name(reason.code()).unwrap_or(ErrorCode::Internal),
    };
    code.body()
}
