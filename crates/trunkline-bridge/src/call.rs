//! A call as its caller sees it: what goes in, what comes out, and the handle between.
//!
//! Knows nothing of workers' choice or of the wire.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;
use trunkline_protocol::Codec;

use crate::frame::{Input, WorkerError};
use crate::inbox::Inbox;
use crate::switchboard::Switchboard;

/// What a worker is asked to do. `protocol/worker.md` §3.
#[derive(Clone, Debug, Default)]
pub struct CallSpec {
    /// The service that is called.
    pub service: String,
    /// The run.
    pub run: String,
    /// The session.
    pub session: String,
    /// The realm.
    pub realm: String,
    /// The user, unless anonymous.
    pub user: Option<String>,
    /// The id of the client's message.
    pub message: String,
    /// The type of the client's message.
    pub kind: String,
    /// 1 for the first try.
    pub attempt: u64,
    /// When the call is no longer wanted. The worker is told what is left; a call that still waits for a worker
    /// then ends, a call that a worker has is its caller's to cancel.
    pub deadline: Option<Instant>,
    /// The payload's codec.
    pub codec: Codec,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// The client's payload in that codec.
    pub payload: Bytes,
    /// What the last call of the run gave with its last question.
    pub checkpoint: Option<Bytes>,
    /// What was answered to the questions of the last call.
    pub answers: Vec<serde_json::Value>,
}

/// What happens to a call. The last one is `Ended` or `Failed`, and there is exactly one of them.
#[derive(Clone, Debug, PartialEq)]
pub enum CallEvent {
    /// The call was handed to this worker (its name).
    Started {
        /// The worker's name.
        worker: String,
        /// Whether the worker says that calling the service twice does no harm.
        idempotent: bool,
    },
    /// The next event of the stream; `seq` grows from 0 without gaps.
    Event {
        /// Its number.
        seq: u64,
        /// What it holds.
        kind: EventKind,
        /// Text or a value.
        payload: Bytes,
    },
    /// The worker asks a person; numbered like an event of the stream.
    Asked {
        /// Its number.
        seq: u64,
        /// Names the question in its run.
        request: String,
        /// How the payload is written.
        codec: Codec,
        /// What is asked.
        payload: Bytes,
        /// What the service needs to be called again, should its worker be lost.
        checkpoint: Option<Bytes>,
        /// Whether the service can be called again.
        resumable: bool,
    },
    /// The worker came back and does not know the answers to these questions.
    AsksAgain {
        /// The questions.
        requests: Vec<String>,
    },
    /// The worker took an input of [`Call::input`]; numbered like an event of the stream.
    TookInput {
        /// Its number.
        seq: u64,
        /// The id of the input's message.
        message: String,
    },
    /// The newest value of a state; older ones that were not read yet are gone.
    Latest {
        /// The state's type, such as `progress`.
        name: String,
        /// What the value is of.
        key: Option<String>,
        /// JSON.
        payload: Bytes,
    },
    /// The worker ended the call.
    Ended {
        /// The number of this event.
        seq: u64,
        /// How it ended.
        outcome: Outcome,
    },
    /// The bridge ended the call.
    Failed(CallFailure),
}

impl CallEvent {
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Failed(_))
    }
}

pub use crate::frame::ChunkKind as EventKind;

/// How a worker ended a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// With a value.
    Result {
        /// How it is written.
        codec: Codec,
        /// The value.
        payload: Bytes,
    },
    /// The stream is over; there is no value.
    End,
    /// With this error.
    Error(WorkerError),
}

/// Why the bridge ended a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFailure {
    /// The reason.
    pub reason: FailureReason,
    /// Whether the call may have reached a worker. Where it is false, a repetition is safe.
    pub handed_over: bool,
}

/// The reasons for which the bridge ends a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureReason {
    /// No worker serves the service, and none came in time.
    NoWorker,
    /// Every worker of the service was busy for too long.
    Overloaded,
    /// Too many calls of the service wait already; this one did not begin to.
    QueueFull,
    /// The worker is gone and did not come back in time.
    WorkerLost,
    /// The worker broke the protocol.
    Protocol(String),
    /// The payload does not fit in a message.
    TooLarge,
    /// The deadline passed before a worker was free.
    DeadlineExceeded,
    /// The caller cancelled before a worker was free.
    Cancelled,
    /// The bridge is stopping.
    Stopping,
}

impl FailureReason {
    /// The wire code, as in `errors.json`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoWorker | Self::Stopping => "no_worker",
            Self::Overloaded | Self::QueueFull => "overloaded",
            Self::WorkerLost => "worker_lost",
            Self::Protocol(_) => "worker_protocol",
            Self::TooLarge => "payload_too_large",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Names a call inside one bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CallId(pub(crate) u64);

/// A call that is under way. Dropping it cancels it, unless it was left to its worker.
#[derive(Debug)]
pub struct Call {
    id: CallId,
    inbox: Arc<Inbox>,
    switchboard: Arc<Switchboard>,
    is_left: bool,
}

impl Call {
    pub(crate) fn new(id: CallId, inbox: Arc<Inbox>, switchboard: Arc<Switchboard>) -> Self {
        Self { id, inbox, switchboard, is_left: false }
    }

    /// The next thing that happens; `None` after the terminal event. Cancel-safe.
    pub async fn next(&mut self) -> Option<CallEvent> {
        self.inbox.next().await
    }

    /// What has happened already; `None` when there is nothing yet.
    pub fn try_next(&mut self) -> Option<CallEvent> {
        self.inbox.try_next()
    }

    /// Every event with a number below `count` is stored. The worker may send as many more, and forgets them;
    /// a worker that comes back after a loss sends everything from here on again. Numbers never go back, and
    /// counting the terminal event lets the worker forget the call.
    pub fn stored(&self, count: u64) {
        self.switchboard.stored(self.id, count);
    }

    /// Tells the worker what was answered to one of its questions. A worker that is away asks again when it is back.
    pub fn answer(&self, request: &str, payload: Bytes) {
        self.switchboard.answer(self.id, request, payload);
    }

    /// Gives the worker a further message, in order with others. It is sent again to a worker that comes back, until the
    /// worker takes it; a worker that takes no input is not sent it. `corr` is set here.
    pub fn input(&self, input: Input) {
        self.switchboard.input(self.id, input);
    }

    /// Lets go of the call without cancelling it: a worker that outlives this gateway keeps what is not stored, and offers
    /// the call to the next one.
    pub fn leave(mut self) {
        self.is_left = true;
    }

    /// Asks the worker to stop. The call still ends with its terminal event: the worker's, or
    /// [`FailureReason::Cancelled`] where no worker has it yet.
    pub fn cancel(&self) {
        self.switchboard.cancel(self.id);
    }

    /// Takes the call back if it was not handed to a worker: nothing more happens to it, and making it again is safe.
    pub fn take_back(&self) -> bool {
        self.switchboard.take_back(self.id)
    }

    /// Whether the call goes on when this gateway ends. `false` for a call of a worker that this gateway has spawned, for one
    /// that waits for a worker, and for one whose end can be read already.
    pub fn outlives_us(&self) -> bool {
        self.switchboard.outlives_us(self.id)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.is_left {
            self.switchboard.abandon(self.id);
        }
    }
}
