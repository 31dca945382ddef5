//! What becomes of a run while its worker asks people: its time, its worker's loss, and what another life of the gateway
//! must know of it.

use std::time::Duration;

use bytes::Bytes;
use trunkline_protocol::{Codec, ErrorCode};

use super::questions::{self, Answer, CHECKPOINT_BYTES_MAX, Decision, Questions};
use super::{Pending, Run};
use crate::Moment;
use crate::retry::{Attempts, Circumstances, Failure, Repetition};

/// What a worker asks a person.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Names the question in its run.
    pub request: String,
    /// How its content is written.
    pub codec: Codec,
    /// What clients are told of it, as the worker wrote it.
    pub payload: Bytes,
    /// Whether the service can be called again with `checkpoint` and the answer, should its worker be lost.
    pub resumable: bool,
    /// What the service needs then; opaque, and told to nobody else.
    pub checkpoint: Option<Bytes>,
    /// How long the question is open at most. The worker may want less.
    pub expires_in_max: Duration,
}

/// What is left of a run's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLeft {
    /// It has no deadline.
    Unbounded,
    /// It has to be over at this moment.
    Until(Moment),
    /// It waits for a person, and has this long after the answer.
    Paused(Duration),
}

/// What is known of a run that has asked something, beside what stands in its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What is left of its time.
    pub time: TimeLeft,
    /// How often its service was called, repetitions before its first event aside.
    pub attempt: u64,
    /// The run's events before those of this call.
    pub base: u64,
    /// See [`Ask::resumable`].
    pub resumable: bool,
    /// See [`Ask::checkpoint`].
    pub checkpoint: Option<Bytes>,
    /// How often the service was called with the newest answer.
    pub answered_calls: u32,
    /// The questions that are open, and when they expire.
    pub open: Vec<(String, Moment)>,
}

/// The worker's side of a run, as far as it decides what the loss of it means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Worker {
    /// It may be there.
    #[default]
    There,
    /// It is lost, and the run waits for its answers without one.
    Gone,
    /// It is lost, and the service is called again at this time, once that is stored.
    CallAgain(Moment),
}

/// The questions of a run, and its calls.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Waiting {
    pub(super) questions: Questions,
    /// No event came since the last answer: the worker may not have it.
    pub(super) quiet_since_answer: bool,
    pub(super) worker: Worker,
    /// A question was asked, though its record may be gone.
    asked: bool,
    resumable: bool,
    checkpoint: Option<Bytes>,
    attempt: u64,
    /// Calls that had the newest answer.
    answered_calls: Attempts,
    /// The run's events before those of this call.
    pub(super) base: u64,
    /// What [`Mark`] tells has changed since it was stored.
    mark_is_due: bool,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            questions: Questions::default(),
            quiet_since_answer: false,
            worker: Worker::There,
            asked: false,
            resumable: false,
            checkpoint: None,
            attempt: 1,
            answered_calls: Attempts::default(),
            base: 0,
            mark_is_due: false,
        }
    }
}

impl Waiting {
    /// The worker has what no checkpoint of it knows: only its next question makes it resumable again.
    pub(super) const fn takes_input(&mut self) {
        self.quiet_since_answer = false;
        self.mark_is_due |= self.resumable;
        self.resumable = false;
    }

    pub(super) fn is_without_worker(&self) -> bool {
        self.worker != Worker::There
    }

    /// When the service is called again, if it is.
    pub(super) const fn call_at(&self) -> Option<Moment> {
        match self.worker {
            Worker::CallAgain(at) => Some(at),
            Worker::There | Worker::Gone => None,
        }
    }

    /// The next call's events are numbered from `next_seq` of the run on.
    pub(super) const fn begin_call(&mut self, next_seq: u64) {
        self.attempt += 1;
        self.answered_calls.call();
        self.base = next_seq;
        self.mark_is_due = true;
    }

    /// What is to be stored beside the channel, if that has changed.
    pub(super) fn take_mark(&mut self, time: TimeLeft) -> Option<Box<Mark>> {
        let Self { attempt, base, resumable, ref checkpoint, .. } = *self;
        let mark = || {
            Box::new(Mark {
                time,
                attempt,
                base,
                resumable,
                checkpoint: checkpoint.clone(),
                answered_calls: self.answered_calls.made(),
                open: self.questions.expiries(),
            })
        };
        let mark = self.mark_is_due.then(mark);
        self.mark_is_due = false;
        mark
    }
}

impl Run {
    /// A recovered run that has asked something: its questions, whether the last record of its channel is an answer, and
    /// its newest mark. A question of which that does not know when it expires is open for `expires_in_max` from now on.
    #[must_use]
    pub fn having_asked(
        self,
        questions: Questions,
        quiet_since_answer: bool,
        mark: Mark,
        now: Moment,
        expires_in_max: Duration,
    ) -> Self {
        let Mark { time, attempt, base, resumable, checkpoint, answered_calls, open } = mark;
        let questions = questions.expiring(&open, now + expires_in_max);
        // The mark may be of the batch before or after that of the question.
        let time = match (time, questions.has_open()) {
            (TimeLeft::Until(deadline), true) => TimeLeft::Paused(deadline.saturating_sub(now)),
            (TimeLeft::Paused(left), false) => TimeLeft::Until(now + left),
            (time, _) => time,
        };
        let waiting = Waiting {
            questions,
            quiet_since_answer,
            asked: true,
            resumable,
            checkpoint,
            attempt,
            answered_calls: Attempts::new(answered_calls),
            base,
            ..Waiting::default()
        };
        Self { time, waiting, ..self }
    }

    /// How often its service was called, before its first event and after questions.
    pub fn attempt(&self) -> u64 {
        self.waiting.attempt + u64::from(self.attempts.made().saturating_sub(1))
    }

    /// What the service gave with its last question.
    pub const fn checkpoint(&self) -> Option<&Bytes> {
        self.waiting.checkpoint.as_ref()
    }

    /// Whether its worker has ever asked a person.
    pub const fn has_asked(&self) -> bool {
        self.waiting.asked
    }

    /// Whether it waits for a person.
    pub fn is_waiting(&self) -> bool {
        self.end.is_none() && self.waiting.questions.has_open()
    }

    /// When it ends by itself: its deadline, or the time of the first of its open questions.
    pub(super) fn expires(&self) -> Option<Moment> {
        [self.deadline(), self.waiting.questions.expire()].into_iter().flatten().min()
    }

    /// Whether its worker is lost and its service is to be called again.
    pub const fn is_to_be_called_again(&self) -> bool {
        self.waiting.call_at().is_some()
    }

    /// Whether the loss of the worker costs nothing, because the run waits for a person: its service can be called again
    /// with its checkpoint and the answer.
    pub(super) fn can_wait_without_worker(&self) -> bool {
        self.cancel_by.is_none() && self.waiting.resumable && self.waiting.questions.has_open()
    }

    /// The worker of a resumable run is lost. Where nothing came after the last answer the service is called again with
    /// that, as often as one that fails before its first event.
    pub(super) fn repeat_answered(&mut self, failure: Failure, circumstances: &mut Circumstances<'_>) -> Repetition {
        let waiting = &self.waiting;
        let has_only_heard = waiting.resumable && waiting.quiet_since_answer && !waiting.questions.has_open();
        let Failure::Lost { .. } = failure else { return Repetition::No };
        if !has_only_heard || waiting.is_without_worker() {
            return Repetition::No;
        }
        let harmless = Failure::Lost { idempotent: true };
        let repetition = waiting.answered_calls.repeat(harmless, self.deadline(), circumstances);
        if let Repetition::At(at) = repetition {
            self.waiting.worker = Worker::CallAgain(at);
        }
        repetition
    }

    /// The worker asks a person. The run waits until every question is answered, and its deadline with it; when one
    /// expires, the run does. `wall_clock` gives the time after a while, RFC 3339.
    pub fn ask(&mut self, ask: Ask, now: Moment, wall_clock: impl FnOnce(Duration) -> String) {
        if self.end.is_some() || self.waiting.is_without_worker() {
            return;
        }
        let Ask { request, codec, payload, resumable, checkpoint, expires_in_max } = ask;
        if checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.len() > CHECKPOINT_BYTES_MAX) {
            let reason = format!("a checkpoint may have {CHECKPOINT_BYTES_MAX} bytes");
            return self.break_off(ErrorCode::PayloadTooLarge.with_message(reason));
        }
        let asked = match questions::content(&request, codec, &payload, expires_in_max, wall_clock) {
            Ok(asked) => asked,
            Err(error) => return self.break_off(error),
        };
        if let Err(reason) = self.waiting.questions.ask(&request, &asked, now + asked.expires_in) {
            return self.break_off(ErrorCode::WorkerProtocol.with_message(reason));
        }
        if !self.accepts(asked.told.json_bytes()) {
            return;
        }
        self.push_event("run_waiting".to_owned(), asked.told);
        if let TimeLeft::Until(deadline) = self.time {
            self.time = TimeLeft::Paused(deadline.saturating_sub(now));
        }
        let waiting = &mut self.waiting;
        (waiting.asked, waiting.resumable) = (true, resumable);
        (waiting.quiet_since_answer, waiting.mark_is_due) = (false, true);
        waiting.checkpoint = checkpoint.filter(|_| resumable);
    }

    /// A client answers. What is accepted is told ([`super::Action::Answered`]) once it is stored.
    pub fn answer(&mut self, answer: Answer, now: Moment) -> Decision {
        let decision = self.waiting.questions.answer(&answer, self.end.is_none() && self.cancel_by.is_none());
        if decision != Decision::Accepted {
            return decision;
        }
        self.pending.extend(self.segmenter.close().map(Pending::Text));
        self.pending.push_back(Pending::Answer(answer));
        (self.waiting.quiet_since_answer, self.waiting.mark_is_due) = (true, true);
        self.waiting.answered_calls = Attempts::new(u32::from(!self.waiting.is_without_worker()));
        if !self.waiting.questions.has_open() {
            if let TimeLeft::Paused(left) = self.time {
                self.time = TimeLeft::Until(now + left);
            }
            if self.waiting.worker == Worker::Gone {
                self.waiting.worker = Worker::CallAgain(now);
            }
        }
        decision
    }
}
