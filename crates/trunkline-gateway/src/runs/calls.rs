//! How a run calls its service: once, again because a call failed early, or again because its worker was lost while it
//! asked a person.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use trunkline_bridge::CallSpec;
use trunkline_broker::BrokerError;
use trunkline_core::run::WorkerEvent;
use trunkline_protocol::ErrorCode;

use super::driver::{Driver, Worker};
use super::past::{self, Past};
use super::store::{self, OpenRun};
use super::task::RunTask;
use crate::random;

impl Driver {
    /// Tells a worker that came back what was answered meanwhile.
    pub(super) async fn tell_again(&mut self) {
        let requests = std::mem::take(&mut self.asked_again);
        let past = self.past().await;
        let Worker::Calling(call) = &self.worker else { return };
        for answer in past.answers.iter().filter(|answer| requests.contains(&answer.request)) {
            call.answer(&answer.request, Bytes::copy_from_slice(answer.content.get().as_bytes()));
        }
    }

    /// Calls the service once more, with what it said when it asked and what was answered since.
    pub(super) async fn resume_from_checkpoint(&mut self) {
        let RunTask { runs, channel, open, .. } = &mut self.task;
        match store::open_run(&*runs.broker, channel).await {
            Ok(Some(stored)) => *open = stored,
            Ok(None) => return self.run.fail(ErrorCode::WorkerLost.body()),
            Err(error) => {
                tracing::error!(%error, "an open run cannot be read");
                return self.run.fail(ErrorCode::Internal.body());
            }
        }
        let past = self.past().await;
        let (run, now) = (&mut self.run, self.task.runs.clock.now());
        run.tick(now);
        if run.is_cancelling() {
            run.handle_worker(WorkerEvent::Failed(ErrorCode::Cancelled.body()));
        }
        if run.is_ending() {
            return;
        }
        let new = past.answers.into_iter().filter(|answer| answer.is_new);
        let answers = new.filter_map(|answer| serde_json::from_str(answer.content.get()).ok()).collect();
        tracing::info!(attempt = self.run.attempt(), "called again");
        self.call_with(answers);
    }

    /// What the run's channel says. A run whose channel cannot be read fails.
    async fn past(&mut self) -> Past {
        let RunTask { runs, channel, .. } = &self.task;
        match past::past(&*runs.broker, channel).await {
            Ok(past) => past.unwrap_or_default(),
            Err(error) => {
                tracing::error!(%error, "the channel of an open run cannot be read");
                self.run.fail(ErrorCode::Internal.body());
                Past::default()
            }
        }
    }

    /// Calls the service, for the first time or because a call failed early. What a second call needs is only in the
    /// store.
    pub(super) fn call(&mut self) {
        let RunTask { runs, channel, open, .. } = &self.task;
        if self.run.attempts() == open.attempts() {
            runs.allowance().earn();
            self.call_with(Vec::new());
        } else {
            let noted = store::note_repetition(Arc::clone(&runs.broker), channel.clone(), runs.durability);
            self.worker = Worker::Repeating(noted.boxed());
        }
    }

    /// That a call is made again is noted.
    pub(super) fn repeat_call(&mut self, noted: Result<Box<OpenRun>, BrokerError>) -> bool {
        self.worker = Worker::None;
        match noted {
            Ok(_) if self.run.is_cancelling() => {
                self.run.handle_worker(WorkerEvent::Failed(ErrorCode::Cancelled.body()));
            }
            // Its time was over before that was noted.
            Ok(_) if self.run.is_ending() => {}
            Ok(open) => {
                self.task.open = OpenRun { traceparent: self.task.open.traceparent.take(), ..*open };
                self.call_with(Vec::new());
            }
            Err(error) => {
                tracing::warn!(%error, "a call cannot be made again");
                let code = if error == BrokerError::Overloaded { ErrorCode::Overloaded } else { ErrorCode::Internal };
                self.run.handle_worker(WorkerEvent::Failed(code.body()));
            }
        }
        true
    }

    fn call_with(&mut self, answers: Vec<serde_json::Value>) {
        let RunTask { runs, channel, session, open, stored, .. } = &mut self.task;
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
            attempt: self.run.attempt(),
            deadline: self.run.deadline().map(|deadline| runs.clock.instant(deadline)),
            codec,
            traceparent: Some(open.traceparent.get_or_insert_with(random::traceparent).clone()),
            payload,
            checkpoint: self.run.checkpoint().cloned(),
            answers,
        };
        let call = bridge.call(spec);
        self.give_inputs(&call);
        self.worker = Worker::Calling(call);
    }
}
