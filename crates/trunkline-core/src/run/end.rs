//! How a run ends. Knows neither its channel nor its worker.

use trunkline_protocol::{ErrorBody, ErrorCode, Payload};

/// How a run ended.
#[derive(Clone, Debug)]
pub enum End {
    /// The service is done; the payload is its result, if it has one.
    Completed(Option<Payload<'static>>),
    /// The service, its worker or the gateway failed.
    Failed(ErrorBody<'static>),
    /// Somebody cancelled it.
    Cancelled,
    /// Its time was over.
    Expired(Overdue),
}

/// What was not there in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// The end of the run.
    End,
    /// The answer to one of its questions.
    Answer,
}

impl Overdue {
    /// What clients are told.
    pub(super) fn error(self) -> ErrorBody<'static> {
        match self {
            Self::End => ErrorCode::DeadlineExceeded.body(),
            Self::Answer => ErrorCode::DeadlineExceeded.with_message("nobody answered a question of the run in time"),
        }
    }
}

impl End {
    /// The state in the run's record, in logs and as a metric label.
    pub const fn state(&self) -> &'static str {
        match self {
            Self::Completed(_) => "completed",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired(_) => "expired",
        }
    }
}
