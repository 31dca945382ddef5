//! Answers of clients on their way to a run and back: who waits for an `ack`, and what is said to whom.
//!
//! What an answer means is decided by `trunkline_core::run`.

use trunkline_core::channel::ChannelKey;
use trunkline_core::run::{Answer, Decision};
use trunkline_protocol::{ErrorBody, ErrorCode};

use super::mailbox::{Mailbox, WAITING_MAX};
use super::{Runs, past};
use crate::connection::InFlight;
use crate::message;

/// The answers that a run was given.
pub(super) type Answers = Mailbox<Given>;

/// What a client answers, and who wants to hear what became of it.
pub(crate) struct Given {
    pub(super) answer: Answer,
    pub(super) origin: InFlight,
}

impl Given {
    fn acknowledge(self, run: &str, duplicate: bool) {
        let Self { answer, origin } = self;
        origin.acknowledge(|wire| message::ack_frame(wire, &answer.message, Some(run), duplicate));
    }

    /// Tells the sender why this is no answer.
    pub(super) fn refuse(self, runs: &Runs, error: ErrorBody<'_>) {
        let Self { answer, origin } = self;
        runs.metrics.client_error(&error.code);
        origin.refuse(&answer.message, |wire| message::error_frame(wire, Some(&answer.message), error));
    }
}

/// Why a run was not given an answer.
pub(super) enum NotGiven {
    /// The session has no open run of this name.
    NoRun(Given),
    /// The run has as many as it can hold.
    Full(Given),
}

/// Accepted answers that are not stored yet. Repetitions wait for the first of their kind.
#[derive(Default)]
pub(super) struct Accepted(Vec<Given>);

impl Accepted {
    /// Tells the sender of an answer what the run has decided, now or when it is stored.
    pub(super) fn decided(&mut self, runs: &Runs, run: &str, given: Given, decision: Decision) {
        match decision {
            Decision::Accepted => {
                runs.metrics.answers.inc();
                self.0.push(given);
            }
            Decision::Repeated { stored: false } if self.0.len() < WAITING_MAX => self.0.push(given),
            Decision::Repeated { stored: false } => given.refuse(runs, ErrorCode::Busy.body()),
            decision => tell(runs, run, given, decision),
        }
    }

    /// An answer to this question is stored.
    pub(super) fn stored(&mut self, run: &str, request: &str) {
        let of_request = |given: &mut Given| given.answer.request == *request;
        for (index, given) in self.0.extract_if(.., of_request).enumerate() {
            given.acknowledge(run, index > 0);
        }
    }

    /// The run's task ends: what is not stored now will not be.
    pub(super) fn lost(&mut self, runs: &Runs) {
        let error = || ErrorCode::Internal.with_message("the answer was not stored; send it again with the same id");
        self.0.drain(..).for_each(|given| given.refuse(runs, error()));
    }
}

/// Tells the sender of an answer that nothing is stored for it.
fn tell(runs: &Runs, run: &str, given: Given, decision: Decision) {
    match decision {
        Decision::Accepted | Decision::Repeated { .. } => given.acknowledge(run, true),
        Decision::AlreadyAnswered => given.refuse(runs, ErrorCode::AlreadyAnswered.body()),
        Decision::Refused(reason) => given.refuse(runs, ErrorCode::BadRequest.with_message(reason)),
    }
}

/// Said of a run that is unknown, another session's, or gone: always the same.
const NO_SUCH_RUN: &str = "no run of this session has asked this";

/// Answers for a run that is not open: by what its channel says of it.
pub(super) async fn look_up(runs: &Runs, run: &ChannelKey, session: &str, given: Given) {
    let Ok(_reading) = runs.looking_up.acquire().await else { return };
    match past::past(&*runs.broker, run).await {
        Ok(Some(mut past)) if past.sealed && past.session.as_deref() == Some(session) => {
            let decision = past.questions.decision_at_the_end(&given.answer);
            tell(runs, run.id(), given, decision);
        }
        // The run is left to the next life of this gateway, to which its client sends again what has no `ack`.
        Ok(Some(past)) if runs.stopping.is_draining() && past.session.as_deref() == Some(session) => drop(given),
        Ok(_) => given.refuse(runs, ErrorCode::BadRequest.with_message(NO_SUCH_RUN)),
        Err(error) => {
            tracing::error!(run = run.id(), %error, "the run of an answer cannot be read");
            given.refuse(runs, ErrorCode::Internal.body());
        }
    }
}
