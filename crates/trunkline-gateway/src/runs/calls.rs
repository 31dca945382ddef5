//! How a run calls its service, once or again, and how the failures of a call are told.

use bytes::Bytes;
use trunkline_bridge::{CallFailure, CallSpec, FailureReason};
use trunkline_core::run::WorkerEvent;
use trunkline_protocol::{ErrorBody, ErrorCode};

use super::driver::{Driver, Worker};
use super::store::{self, Past};
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
    pub(super) async fn call_again(&mut self) {
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
        let new = past.answers.into_iter().filter(|answer| answer.is_new);
        let answers = new.filter_map(|answer| serde_json::from_str(answer.content.get()).ok()).collect();
        tracing::info!(attempt = self.run.attempt(), "called again");
        self.call_with(answers);
    }

    /// What the run's channel says. A run whose channel cannot be read fails.
    async fn past(&mut self) -> Past {
        let RunTask { runs, channel, .. } = &self.task;
        match store::past(&*runs.broker, channel).await {
            Ok(past) => past.unwrap_or_default(),
            Err(error) => {
                tracing::error!(%error, "the channel of an open run cannot be read");
                self.run.fail(ErrorCode::Internal.body());
                Past::default()
            }
        }
    }

    /// Calls the service for the first time.
    pub(super) fn call(&mut self) {
        self.call_with(Vec::new());
    }

    fn call_with(&mut self, answers: Vec<serde_json::Value>) {
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
            attempt: self.run.attempt(),
            deadline: self.run.deadline().map(|deadline| runs.clock.instant(deadline)),
            codec,
            traceparent: Some(open.traceparent.take().unwrap_or_else(random::traceparent)),
            payload,
            checkpoint: self.run.checkpoint().cloned(),
            answers,
        };
        self.worker = Worker::Calling(bridge.call(spec));
    }
}

/// A worker's own error, as clients see it. A code that the protocol does not know is `upstream_error`.
pub(super) fn worker_error(error: trunkline_bridge::frame::WorkerError) -> ErrorBody<'static> {
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
pub(super) fn bridge_error(failure: &CallFailure, service: &str) -> ErrorBody<'static> {
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
