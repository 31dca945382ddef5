//! What a call's failure is: to clients, and to the rule by which it is made again. Knows no run.

use trunkline_bridge::frame::WorkerError;
use trunkline_bridge::{Bridge, CallFailure, FailureReason};
use trunkline_core::retry::Failure;
use trunkline_protocol::{ErrorBody, ErrorCode};

/// Services that are named in the log to who looks for another one.
const SERVICES_TOLD_MAX: usize = 20;

/// What the bridge says of a call, as far as a repetition is concerned. One that has waited in vain for a worker has
/// waited long enough.
pub(super) const fn kind(reason: &FailureReason, idempotent: bool) -> Failure {
    match reason {
        FailureReason::QueueFull => Failure::Unseen,
        FailureReason::WorkerLost => Failure::Lost { idempotent },
        _ => Failure::Final,
    }
}

/// A worker's own error, as clients see it. A code that the protocol does not know is `upstream_error`.
pub(super) fn worker_error(error: WorkerError) -> ErrorBody<'static> {
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
pub(super) fn bridge_error(failure: &CallFailure, service: &str, bridge: Option<&Bridge>) -> ErrorBody<'static> {
    tracing::warn!(reason = ?failure.reason, handed_over = failure.handed_over, "the call failed");
    let code = match &failure.reason {
        FailureReason::NoWorker => {
            let served = bridge.map(Bridge::services).unwrap_or_default();
            let served: Vec<&str> = served.iter().take(SERVICES_TOLD_MAX).map(|status| &*status.name).collect();
            tracing::warn!(service, ?served, "no worker serves this");
            let reason =
                format!("no worker serves {service:?} now; is its worker running, and registered under this name?");
            return ErrorCode::NoWorker.with_message(reason);
        }
        FailureReason::TooLarge => ErrorCode::PayloadTooLarge,
        reason => ErrorCode::from_name(reason.code()).unwrap_or(ErrorCode::Internal),
    };
    code.body()
}
