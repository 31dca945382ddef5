//! The loop of one run: feeds `trunkline_core::run::Run` with its worker, the clock, clients
//! and the broker, and does what it says. It decides nothing itself.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFuture;
use trunkline_bridge::{Call, CallEvent, EventKind, Outcome};
use trunkline_broker::{BrokerError, Committed};
use trunkline_core::retry::{Circumstances, Failure, Repetition};
use trunkline_core::run::{Action, Ask, Run, WorkerEvent};
use trunkline_protocol::{Class, ErrorBody, ErrorCode, class_of};

use super::answers::{Accepted, Answers};
use super::failures;
use super::inputs::{Inputs, Offers};
use super::leaving::Phase;
use super::roster::Place;
use super::store::OpenRun;
use super::task::RunTask;
use super::writing::{Commit, Writing, written};
use crate::clock::{timestamp, timestamp_after};
use crate::message::State;
use crate::random;
use crate::telemetry::Counted;

/// Events taken from the worker before they are looked at together.
const EVENTS_PER_TURN_MAX: usize = 256;

/// Largest value of latest state.
const LATEST_BYTES_MAX: usize = 16 * 1024;

/// The worker's side of a run: a call, none any more, or one that is expected to come back.
pub(super) enum Worker {
    /// Not called, or the call has ended.
    None,
    Calling(Call),
    /// Everything of it was heard, and is not stored yet.
    Ended(Call),
    /// The call is made again, as soon as that is noted.
    Repeating(BoxFuture<'static, Result<Box<OpenRun>, BrokerError>>),
    /// Another life of the gateway made the call; its worker may offer it again until the sender is dropped.
    Expected(oneshot::Receiver<Call>),
}

/// What the loop was woken by.
enum Wake {
    Stop,
    Cancelled,
    Left,
    Written(Result<Committed, BrokerError>),
    Answers,
    Offers,
    Turn,
    Worker(Option<CallEvent>),
    Repeat(Result<Box<OpenRun>, BrokerError>),
    Reclaimed(Option<Call>),
    Time,
}

/// Waits that go on from one turn of the loop to the next.
struct Waits<'w, 't> {
    answers: &'w Answers,
    offers: &'w Offers,
    /// The next phase of a stop.
    stop: Pin<&'w mut WaitForCancellationFuture<'t>>,
    cancel: Pin<&'w mut WaitForCancellationFuture<'t>>,
    turn: Pin<&'w mut WaitForCancellationFuture<'t>>,
    /// The session has no connection any more, where that ends the run.
    left: BoxFuture<'static, ()>,
    timer: Pin<&'w mut Sleep>,
    phase: Phase,
    cancelled: bool,
    started: bool,
}

/// See the module's comment.
pub(super) struct Driver {
    pub(super) task: RunTask,
    pub(super) run: Run,
    pub(super) worker: Worker,
    /// Whether the worker of the last call says that a second one does no harm.
    pub(super) idempotent: bool,
    pub(super) write: Option<(Commit, Writing)>,
    /// When a write that found no room is made again.
    pub(super) retry: Option<(Instant, Writing)>,
    /// Answers whose senders have no `ack` yet.
    accepted: Accepted,
    /// Messages that it is offered.
    pub(super) inputs: Inputs,
    /// Questions to which a worker that came back does not know the answers.
    pub(super) asked_again: Vec<String>,
    /// The service is to be called again.
    pub(super) calls_again: bool,
    /// Whether it was asked to stop: that may be noted in the store.
    pub(super) cancelled: bool,
    waiting: Option<Counted>,
}

impl Driver {
    pub(super) fn new(task: RunTask, run: Run, worker: Worker) -> Self {
        Self {
            task,
            run,
            worker,
            idempotent: false,
            write: None,
            retry: None,
            accepted: Accepted::default(),
            inputs: Inputs::default(),
            asked_again: Vec::new(),
            calls_again: false,
            cancelled: false,
            waiting: None,
        }
    }

    /// Drives the run until it is over, or until this process has no part in it any more. `return_within` is how long its
    /// session may have no connection at first, where that ends the run.
    pub(super) async fn go(mut self, place: &Place, return_within: Duration) {
        self.drive(place, return_within).await;
        self.accepted.lost(&self.task.runs);
    }

    async fn drive(&mut self, place: &Place, return_within: Duration) {
        let stopping = Arc::clone(&self.task.runs.stopping);
        let (stopped, cancelled) = (pin!(stopping.draining.cancelled()), pin!(place.cancel.cancelled()));
        let (turned, timer) = (pin!(place.turn.cancelled()), pin!(tokio::time::sleep(Duration::ZERO)));
        let mut waits = Waits {
            answers: &place.answers,
            offers: &place.offers,
            stop: stopped,
            cancel: cancelled,
            turn: turned,
            left: self.left(return_within),
            timer,
            phase: Phase::Running,
            cancelled: false,
            started: place.turn_is_now,
        };
        // One that was cancelled before it began is not called any more.
        if place.turn_is_now && !place.cancel.is_cancelled() && !stopping.is_draining() {
            self.take_turn();
        }
        while self.advance() {
            if waits.phase != Phase::Running && self.leave_unseen().await {
                stopping.outcomes.left_to_next_start();
                return;
            }
            if self.catch_up(waits.phase).await {
                continue;
            }
            // Where everything is there at once nothing else in this loop would give way to others.
            tokio::task::consume_budget().await;
            let goes_on = match self.wait(&mut waits).await {
                Wake::Stop if waits.phase == Phase::Running => {
                    waits.phase = Phase::Draining;
                    waits.stop.set(stopping.cut_off.cancelled());
                    true
                }
                Wake::Stop => {
                    waits.phase = Phase::CutOff;
                    self.cut_off().await
                }
                Wake::Cancelled => self.cancel(&mut waits, "asked for"),
                Wake::Left => {
                    self.task.runs.metrics.runs_left.inc();
                    self.cancel(&mut waits, "left")
                }
                Wake::Written(outcome) => self.written(outcome, waits.phase).await,
                Wake::Answers => self.answers(waits.answers),
                Wake::Offers => self.take_offers(waits.offers),
                Wake::Turn => {
                    waits.started = true;
                    self.take_turn();
                    true
                }
                Wake::Worker(event) => self.worker_events(event),
                Wake::Repeat(noted) => self.repeat_call(noted),
                Wake::Reclaimed(call) => self.reclaimed(call),
                Wake::Time => self.retry(),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Resolves when the run's session has been left, where that ends the run.
    fn left(&self, return_within: Duration) -> BoxFuture<'static, ()> {
        if !self.task.open.ends_when_left {
            return std::future::pending().boxed();
        }
        let session = Arc::clone(&self.task.session);
        async move { session.left(return_within).await }.boxed()
    }

    /// Does what needs something from the store; `true` if it did anything.
    async fn catch_up(&mut self, phase: Phase) -> bool {
        let tells = !self.asked_again.is_empty();
        let calls = phase == Phase::Running && std::mem::take(&mut self.calls_again);
        if tells {
            self.tell_again().await;
        }
        if calls {
            self.resume_from_checkpoint().await;
        }
        tells || calls
    }

    /// Does everything that is due now. `false` when the run is over.
    fn advance(&mut self) -> bool {
        let now = self.task.runs.clock.now();
        self.run.tick(now);
        while let Some(action) = self.run.poll_action() {
            match (action, &self.worker) {
                (Action::Call, _) => self.call(),
                (Action::CallAgain, _) => self.calls_again = true,
                (Action::CancelCall, Worker::Calling(call)) => call.cancel(),
                (Action::Stored(count), Worker::Calling(call) | Worker::Ended(call)) => call.stored(count),
                (Action::Answered { request, content }, worker) => {
                    self.accepted.stored(self.task.channel.id(), &request);
                    if let Worker::Calling(call) = worker {
                        call.answer(&request, content.into());
                    }
                }
                (Action::TookInput(message), _) => {
                    self.task.runs.metrics.inputs_taken.inc();
                    self.inputs.taken(&message);
                }
                (Action::CancelCall | Action::Stored(_), _) => {}
            }
        }
        if self.run.is_waiting() != self.waiting.is_some() {
            self.waiting = self.run.is_waiting().then(|| self.task.runs.metrics.run_waits());
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
            () = &mut waits.left, if !waits.cancelled => Wake::Left,
            () = &mut waits.turn, if !waits.started => Wake::Turn,
            () = waits.answers.arrived() => Wake::Answers,
            () = waits.offers.arrived() => Wake::Offers,
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

    fn cancel(&mut self, waits: &mut Waits<'_, '_>, why: &'static str) -> bool {
        (waits.cancelled, self.cancelled) = (true, true);
        tracing::info!(why, "is cancelled");
        self.run.cancel(self.task.runs.clock.now());
        true
    }

    /// Takes what clients answer.
    fn answers(&mut self, mailbox: &Answers) -> bool {
        let (now, run) = (self.task.runs.clock.now(), self.task.channel.id());
        for given in mailbox.take() {
            let decision = self.run.answer(given.answer.clone(), now);
            self.accepted.decided(&self.task.runs, run, given, decision);
        }
        true
    }

    /// Takes one event of the worker, and those that are there already.
    fn worker_events(&mut self, first: Option<CallEvent>) -> bool {
        let mut next = first;
        for _ in 0..EVENTS_PER_TURN_MAX {
            let Some(event) = next.take() else {
                self.call_ended();
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

    pub(super) fn worker_event(&mut self, event: CallEvent) {
        let event = match event {
            CallEvent::Started { worker, idempotent } => {
                self.idempotent = idempotent;
                return tracing::debug!(worker, "called");
            }
            CallEvent::Latest { name, key, payload } => return self.latest(&name, key.as_deref(), &payload),
            CallEvent::Asked { request, codec, payload, checkpoint, resumable, .. } => {
                // Somebody who comes back later than this finds no session to answer in.
                let expires_in_max = self.task.runs.keep.time();
                let ask = Ask { request, codec, payload, resumable, checkpoint, expires_in_max };
                return self.run.ask(ask, self.task.runs.clock.now(), timestamp_after);
            }
            CallEvent::TookInput { message, .. } => return self.took_input(&message),
            CallEvent::AsksAgain { requests } => return self.asked_again.extend(requests),
            CallEvent::Event { kind: EventKind::Text, payload, .. } => WorkerEvent::Text(payload),
            CallEvent::Event { kind: EventKind::Event { name, codec }, payload, .. } => {
                WorkerEvent::Other { name, codec, payload }
            }
            CallEvent::Ended { outcome: Outcome::End, .. } => WorkerEvent::Ended,
            CallEvent::Ended { outcome: Outcome::Result { codec, payload }, .. } => {
                WorkerEvent::Returned { codec, payload }
            }
            CallEvent::Ended { outcome: Outcome::Error(error), .. } => {
                let error = failures::worker_error(error);
                return self.call_failed(Failure::said_by_worker(&error, self.idempotent), error);
            }
            CallEvent::Failed(failure) => {
                let error = failures::bridge_error(&failure, &self.task.open.service, self.task.runs.bridge.get());
                return self.call_failed(failures::kind(&failure.reason, self.idempotent), error);
            }
        };
        self.run.handle_worker(event);
    }

    /// The call has failed. It is made again, or the run with it.
    pub(super) fn call_failed(&mut self, failure: Failure, error: ErrorBody<'static>) {
        let runs = &self.task.runs;
        let (now, chance) = (runs.clock.now(), random::fraction());
        let repetition = self.run.repeat(failure, &mut Circumstances { now, chance, allowance: &mut runs.allowance() });
        match repetition {
            Repetition::At(_) => {
                runs.metrics.calls_repeated.inc();
                tracing::info!(code = %error.code, attempt = self.run.attempt(), "the call is made again");
                // The worker may forget the call.
                self.worker = Worker::None;
                return;
            }
            Repetition::TooMany => {
                runs.metrics.calls_not_repeated.inc();
            }
            Repetition::No => {}
        }
        self.run.handle_worker(WorkerEvent::Failed(error));
    }

    fn reclaimed(&mut self, call: Option<Call>) -> bool {
        let Some(call) = call else {
            self.worker = Worker::None;
            let RunTask { runs, open, .. } = &self.task;
            // What the worker that is lost said of itself is not known any more.
            let idempotent = runs.bridge.get().is_some_and(|bridge| bridge.is_idempotent(&open.service));
            self.call_failed(Failure::Lost { idempotent }, ErrorCode::WorkerLost.body());
            return true;
        };
        tracing::info!("its worker came back");
        if self.run.is_cancelling() || self.run.is_ending() {
            call.cancel();
        }
        self.give_inputs(&call);
        self.worker = Worker::Calling(call);
        true
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

async fn next_of(worker: &mut Worker) -> Wake {
    match worker {
        Worker::None | Worker::Ended(_) => std::future::pending().await,
        Worker::Calling(call) => Wake::Worker(call.next().await),
        Worker::Repeating(noted) => Wake::Repeat(noted.await),
        Worker::Expected(call) => Wake::Reclaimed(call.await.ok()),
    }
}
