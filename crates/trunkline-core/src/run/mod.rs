//! One call to a service: from its turn to the one terminal event that seals its channel.
//!
//! A [`Run`] is fed with what its worker, its clients and the clock do, and says what to
//! append, what to tell the worker, and when to ask again. It knows neither worker nor
//! broker, and it holds at most what the worker's credit allows.

mod end;
mod events;
mod inputs;
mod pending;
mod questions;
mod repeating;
mod waiting;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;
use trunkline_protocol::{Class, Codec, ErrorBody, ErrorCode, Limits, Payload, class_of};

use crate::Moment;
use crate::record::{FOLDED_TEXT_BYTES_MAX, RecordKind};
use crate::retry::Attempts;
use crate::segment::Segmenter;
pub use end::{End, Overdue};
use events::Writer;
pub use events::{TOOK_INPUT, TookInput};
use inputs::Inputs;
use pending::{InFlight, Pending};
pub use questions::{
    ANSWER_BYTES_MAX, Answer, CHECKPOINT_BYTES_MAX, Decision, OPEN_QUESTIONS_MAX, QUESTIONS_MAX, Questions, Said,
};

pub use waiting::{Ask, Mark, TimeLeft};
use waiting::{Waiting, Worker};

/// How long a worker has to confirm a cancel before the run is sealed without it.
pub const CANCEL_CONFIRM_WITHIN: Duration = Duration::from_secs(2);

/// Most bytes of events in one run; one more byte fails it.
pub const RUN_BYTES_MAX: u64 = Limits::DEFAULT.run_bytes_max;

/// Most bytes of one event or result; one more fails the run.
pub const EVENT_BYTES_MAX: usize = Limits::DEFAULT.event_bytes_max;

/// Bytes of records after which an append is not made larger.
const APPEND_BYTES_MAX: usize = 1024 * 1024;

/// Most events in one run; one more fails it.
pub const RUN_EVENTS_MAX: u64 = Limits::DEFAULT.run_events_max;

/// What a run's worker did.
#[derive(Clone, Debug)]
pub enum WorkerEvent {
    /// The next delta of text, which must be UTF-8.
    Text(Bytes),
    /// The next other event, of this type.
    Other {
        /// The event's type.
        name: String,
        /// How its content is written.
        codec: Codec,
        /// Its content, as the worker wrote it.
        payload: Bytes,
    },
    /// The stream ended without a value.
    Ended,
    /// The call returned a value.
    Returned {
        /// How it is written.
        codec: Codec,
        /// The value, as the worker wrote it.
        payload: Bytes,
    },
    /// The call failed, on either side of the bridge.
    Failed(ErrorBody<'static>),
}

/// What the driver of a run has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Call the service.
    Call,
    /// Call the service again, with its checkpoint and the answers since.
    CallAgain,
    /// An answer is stored: its sender gets the `ack`, and the worker is told.
    Answered {
        /// The question.
        request: String,
        /// The answer's content.
        content: String,
    },
    /// That the worker took this message as input is stored.
    TookInput(String),
    /// Tell the worker to stop.
    CancelCall,
    /// Tell the worker that this many of its events are stored.
    Stored(u64),
}

/// Records to append to the run's channel in one batch.
#[derive(Clone, Debug)]
pub struct AppendRequest {
    /// The offset that the channel's top must have.
    pub expected: u64,
    /// Their kinds and data, in order.
    pub records: Vec<(RecordKind, Bytes)>,
    /// How the run ends with the last of them, if it does.
    pub end: Option<End>,
    /// Whether answers of clients are among them.
    pub has_answers: bool,
    /// Messages that the worker took as input with one of them.
    pub took_inputs: Vec<String>,
    /// What another life of the gateway must know beside the channel, where that has changed.
    pub mark: Option<Box<Mark>>,
}

/// The state of one run.
#[derive(Debug)]
pub struct Run {
    writer: Writer,
    /// Whether a worker may have the call.
    called: bool,
    attempts: Attempts,
    /// When a call that failed is made again.
    call_at: Option<Moment>,
    next_seq: u64,
    top: u64,
    stored: u64,
    bytes: u64,
    segmenter: Segmenter,
    pending: VecDeque<Pending>,
    end: Option<End>,
    in_flight: Option<InFlight>,
    sealed: bool,
    time: TimeLeft,
    cancel_by: Option<Moment>,
    actions: VecDeque<Action>,
    waiting: Waiting,
    inputs: Inputs,
}

impl Run {
    /// A run that was accepted and waits for its turn.
    pub fn new(id: &str, session: &str, deadline: Option<Moment>) -> Self {
        Self {
            writer: Writer::new(id, session),
            called: false,
            attempts: Attempts::default(),
            call_at: None,
            next_seq: 0,
            top: 0,
            stored: 0,
            bytes: 0,
            segmenter: Segmenter::default(),
            pending: VecDeque::new(),
            end: None,
            in_flight: None,
            sealed: false,
            time: deadline.map_or(TimeLeft::Unbounded, TimeLeft::Until),
            cancel_by: None,
            actions: VecDeque::new(),
            waiting: Waiting::default(),
            inputs: Inputs::default(),
        }
    }

    /// A run that another life of the gateway called: `top` is its channel's offset, and `stored`
    /// the number of its events there.
    pub fn recovered(id: &str, session: &str, deadline: Option<Moment>, top: u64, stored: u64) -> Self {
        let attempts = Attempts::new(1);
        Self { called: true, attempts, next_seq: stored, top, stored, ..Self::new(id, session, deadline) }
    }

    /// The message that it answers, and what its end keeps of that (`words::Origin`), if it keeps anything.
    #[must_use]
    pub fn answering(self, message: &str, origin: Option<Box<RawValue>>) -> Self {
        Self { writer: self.writer.answering(message, origin), ..self }
    }

    /// Number of stored events of the call that the worker has.
    pub const fn stored_of_call(&self) -> u64 {
        self.stored.saturating_sub(self.waiting.base)
    }

    /// When it has to be over; a run that waits for a person has no such moment.
    pub const fn deadline(&self) -> Option<Moment> {
        match self.time {
            TimeLeft::Until(deadline) => Some(deadline),
            TimeLeft::Unbounded | TimeLeft::Paused(_) => None,
        }
    }

    /// Whether its end is decided, stored or not.
    pub const fn is_ending(&self) -> bool {
        self.end.is_some()
    }

    /// Whether its worker was told to stop.
    pub const fn is_cancelling(&self) -> bool {
        self.cancel_by.is_some()
    }

    /// Whether the terminal event is stored: nothing more will happen.
    pub const fn is_over(&self) -> bool {
        self.sealed
    }

    /// Its turn has come.
    pub fn start(&mut self) {
        if self.end.is_none() && !self.called && self.call_at.is_none() {
            self.call();
        }
    }

    /// The worker did something. What comes after the end is decided, or from a worker that is gone, is ignored.
    pub fn handle_worker(&mut self, event: WorkerEvent) {
        if self.end.is_some() || self.waiting.is_without_worker() {
            return;
        }
        if !matches!(event, WorkerEvent::Failed(_)) {
            self.waiting.quiet_since_answer = false;
        }
        match event {
            WorkerEvent::Text(text) => match std::str::from_utf8(&text) {
                Ok(text) => self.add_text(text),
                Err(_) => self.break_off(ErrorCode::WorkerProtocol.with_message("the worker's text is not UTF-8")),
            },
            WorkerEvent::Other { name, codec, payload } => self.add_other(name, codec, &payload),
            WorkerEvent::Ended => self.end = Some(End::Completed(None)),
            WorkerEvent::Returned { codec, payload } => self.add_result(codec, &payload),
            WorkerEvent::Failed(error) if error.code == ErrorCode::Cancelled.name() && self.cancel_by.is_some() => {
                self.end = Some(End::Cancelled);
            }
            WorkerEvent::Failed(error) if error.code == ErrorCode::DeadlineExceeded.name() => {
                self.end = Some(End::Expired(Overdue::End));
            }
            WorkerEvent::Failed(error)
                if error.code == ErrorCode::WorkerLost.name() && self.can_wait_without_worker() =>
            {
                self.waiting.worker = Worker::Gone;
            }
            WorkerEvent::Failed(error) => self.end = Some(End::Failed(error)),
        }
    }

    /// A client wants the run to stop. `false` when its end is decided already.
    pub fn cancel(&mut self, now: Moment) -> bool {
        if self.end.is_some() {
            return false;
        }
        if !self.called || self.waiting.is_without_worker() {
            self.end = Some(End::Cancelled);
        } else if self.cancel_by.is_none() {
            self.cancel_by = Some(now + CANCEL_CONFIRM_WITHIN);
            self.actions.push_back(Action::CancelCall);
        }
        true
    }

    /// The run fails for a reason that is not its worker's: nobody can carry it on.
    pub fn fail(&mut self, error: ErrorBody<'static>) {
        if self.end.is_none() {
            self.break_off(error);
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Moment) {
        if self.end.is_some() {
            return;
        }
        if self.cancel_by.is_some_and(|by| by <= now) {
            self.end = Some(End::Cancelled);
        } else if self.expires().is_some_and(|at| at <= now) {
            // A deadline stands still while a question is open.
            let overdue = if self.waiting.questions.has_open() { Overdue::Answer } else { Overdue::End };
            self.end = Some(End::Expired(overdue));
            self.stop_worker();
        } else if self.call_at.is_some_and(|at| at <= now) {
            self.call_at = None;
            self.call();
        }
    }

    /// When [`Run::tick`] or [`Run::poll_append`] should be called again at the latest.
    pub fn poll_timeout(&self) -> Option<Moment> {
        if self.end.is_some() {
            return None;
        }
        let append = [self.segmenter.due(), self.waiting.call_at()].into_iter().flatten().min();
        let append = append.filter(|_| self.in_flight.is_none());
        [append, self.expires(), self.cancel_by, self.call_at].into_iter().flatten().min()
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next batch to append, if one is due and none is in flight. `ts` gives the wall clock's time, RFC 3339.
    pub fn poll_append(&mut self, now: Moment, ts: impl FnOnce() -> String) -> Option<AppendRequest> {
        if self.sealed || self.in_flight.is_some() {
            return None;
        }
        let text_is_due = self.segmenter.due().is_some_and(|due| due <= now);
        if self.end.is_some() || text_is_due {
            self.close_segment(now);
        }
        let calls_again = self.end.is_none() && self.waiting.call_at().is_some_and(|at| at <= now);
        if self.end.is_none() && self.pending.is_empty() && !calls_again {
            return None;
        }
        let ts = &*ts();
        let (mut records, mut bytes, mut events) = (Vec::new(), 0, 0);
        let (mut answers, mut took_inputs) = (Vec::new(), Vec::new());
        while bytes < APPEND_BYTES_MAX
            && let Some(pending) = self.pending.pop_front()
        {
            let (kind, data) = match &pending {
                Pending::Text(segment) => self.writer.text(segment, ts),
                Pending::Other { seq, name, payload } => self.writer.other(*seq, name, payload, ts),
                Pending::Answer(answer) => self.writer.answer(answer, ts),
                Pending::Input { seq, message } => self.writer.input(*seq, message, ts),
            };
            events += pending.events();
            bytes += data.len();
            records.push((kind, data));
            match pending {
                Pending::Answer(answer) => answers.push(answer),
                Pending::Input { message, .. } => took_inputs.push(message),
                Pending::Text(_) | Pending::Other { .. } => {}
            }
        }
        // Once everything before is on its way the next call may begin: its events are numbered anew.
        let calls_again = calls_again && self.pending.is_empty();
        if calls_again {
            self.waiting.begin_call(self.next_seq);
        }
        let end = if self.pending.is_empty() { self.end.clone() } else { None };
        if let Some(end) = &end {
            records.push(self.writer.terminal(self.next_seq, end, ts));
        }
        let mark = self.waiting.take_mark(self.time);
        let has_answers = !answers.is_empty();
        let (count, seals, taken) = (records.len() as u64, end.is_some(), took_inputs.clone());
        self.in_flight = Some(InFlight { records: count, events, seals, answers, took_inputs: taken, calls_again });
        Some(AppendRequest { expected: self.top, records, end, has_answers, took_inputs, mark })
    }

    /// The batch of [`Run::poll_append`] is stored.
    pub fn appended(&mut self) {
        let Some(done) = self.in_flight.take() else { return };
        self.top += done.records;
        self.stored += done.events;
        self.sealed = done.seals;
        let terminal = u64::from(done.seals);
        if done.events + terminal > 0 {
            self.actions.push_back(Action::Stored(self.stored_of_call() + terminal));
        }
        for Answer { request, content, .. } in done.answers {
            self.waiting.questions.stored(&request);
            self.actions.push_back(Action::Answered { request, content: Box::<str>::from(content).into() });
        }
        self.actions.extend(done.took_inputs.into_iter().map(Action::TookInput));
        if done.calls_again && self.end.is_none() {
            self.waiting.worker = Worker::There;
            self.actions.push_back(Action::CallAgain);
        }
    }

    fn add_text(&mut self, text: &str) {
        if self.accepts(text.len()) {
            if self.segmenter.bytes() + text.len() > FOLDED_TEXT_BYTES_MAX {
                self.pending.extend(self.segmenter.close().map(Pending::Text));
            }
            self.segmenter.push(self.next_seq, text);
            self.next_seq += 1;
        }
    }

    fn add_other(&mut self, name: String, codec: Codec, payload: &[u8]) {
        if events::is_reserved(&name) {
            let reason = match class_of(&name) {
                Class::Latest => {
                    format!("{name:?} is latest state, not an event; a worker tells it as such (run.latest)")
                }
                _ => format!("the type {name:?} belongs to the gateway; a worker cannot emit it"),
            };
            return self.break_off(ErrorCode::WorkerProtocol.with_message(reason));
        }
        if let Some(payload) = self.take_payload(codec, payload) {
            self.push_event(name, payload);
        }
    }

    fn push_event(&mut self, name: String, payload: Payload<'static>) {
        self.pending.extend(self.segmenter.close().map(Pending::Text));
        self.pending.push_back(Pending::Other { seq: self.next_seq, name, payload });
        self.next_seq += 1;
    }

    fn add_result(&mut self, codec: Codec, payload: &[u8]) {
        if let Some(result) = self.take_payload(codec, payload) {
            self.end = Some(End::Completed(Some(result)));
        }
    }

    /// What a worker wrote, unless it fails the run.
    fn take_payload(&mut self, codec: Codec, payload: &[u8]) -> Option<Payload<'static>> {
        match events::payload(codec, payload) {
            Ok(payload) => self.accepts(payload.json_bytes()).then_some(payload),
            Err(error) => {
                self.break_off(error);
                None
            }
        }
    }

    /// Counts one more event of `bytes`; an event over the run's bounds fails the run.
    fn accepts(&mut self, bytes: usize) -> bool {
        if !self.is_small(bytes) {
            return false;
        }
        self.bytes += bytes as u64;
        if self.bytes > RUN_BYTES_MAX || self.next_seq >= RUN_EVENTS_MAX {
            let reason =
                format!("a run may have {RUN_EVENTS_MAX} events and {RUN_BYTES_MAX} bytes, and this one has more");
            self.break_off(ErrorCode::PayloadTooLarge.with_message(reason));
            return false;
        }
        true
    }

    /// Whether an event has a size that is allowed; any other fails the run.
    fn is_small(&mut self, bytes: usize) -> bool {
        if bytes > EVENT_BYTES_MAX {
            let reason = format!("an event may have {EVENT_BYTES_MAX} bytes, and this one has {bytes}");
            self.break_off(ErrorCode::PayloadTooLarge.with_message(reason));
            return false;
        }
        true
    }

    fn break_off(&mut self, error: ErrorBody<'static>) {
        self.end = Some(End::Failed(error));
        self.stop_worker();
    }

    fn stop_worker(&mut self) {
        if self.called && self.cancel_by.is_none() {
            self.actions.push_back(Action::CancelCall);
        }
    }

    fn close_segment(&mut self, now: Moment) {
        self.pending.extend(self.segmenter.take(now).map(Pending::Text));
    }
}

#[cfg(test)]
mod input_tests;
#[cfg(test)]
mod question_tests;
#[cfg(test)]
mod tests;
