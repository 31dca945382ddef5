//! The messages of the worker protocol as Rust types.
//!
//! Source: `protocol/worker.md` §1–§5. Knows what a frame says, not who may say it when: that is the registry's.

mod decode;
mod encode;
mod json;
pub mod stream;

use std::collections::BTreeMap;

use bytes::Bytes;
use trunkline_protocol::Codec;

pub use decode::{DecodeError, decode};
pub use encode::encode;

/// The version that this code speaks.
pub const VERSION: u64 = 1;
/// A message has at most this many parts, header and payload included.
pub const PARTS_MAX: usize = 16;
/// The longest `name` of a header, in bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// The largest correlation number, 2^53 − 1.
pub const CORR_MAX: u64 = (1 << 53) - 1;

/// The parts of a message as they travel: header, payload, buffers.
pub type Parts = Vec<Bytes>;

/// One message of the worker protocol.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// A worker says who it is.
    Hello(Hello),
    /// The gateway accepts a worker.
    Welcome(Welcome),
    /// The gateway asks whether the worker lives.
    Ping,
    /// The worker lives, and so much is going on.
    Pong(Load),
    /// A call begins.
    Call(CallFrame),
    /// A call ended with a value.
    Result {
        /// The call.
        corr: u64,
        /// The number of this event.
        seq: u64,
        /// How the value is written.
        codec: Codec,
        /// The value.
        payload: Bytes,
        /// Parts beyond the payload.
        buffers: Vec<Bytes>,
    },
    /// A call ended with an error, or, with `corr` 0, a HELLO was refused.
    Error {
        /// The call, or 0.
        corr: u64,
        /// The number of this event; a refused HELLO has none.
        seq: Option<u64>,
        /// What went wrong.
        error: WorkerError,
    },
    /// One event of a call's stream.
    Chunk(Chunk),
    /// A call's stream ended without a value.
    End {
        /// The call.
        corr: u64,
        /// The number of this event.
        seq: u64,
    },
    /// The caller wants the call to stop.
    Cancel {
        /// The call.
        corr: u64,
    },
    /// The caller has stored every event below `ack`.
    Credit {
        /// The call.
        corr: u64,
        /// Count of stored events.
        ack: u64,
    },
    /// The latest state of a call; only the newest value per key matters.
    Event {
        /// The call.
        corr: u64,
        /// The event's type.
        name: String,
        /// What the value is of.
        key: Option<String>,
        /// JSON.
        payload: Bytes,
    },
    /// A call asks a person; one event of its stream.
    Ask(Ask),
    /// What was answered to a question of a call.
    Answer {
        /// The call.
        corr: u64,
        /// The question.
        request: String,
        /// The answer, in JSON.
        payload: Bytes,
    },
    /// A further message for a call.
    Input(Input),
    /// A call took an input; one event of its stream.
    Taken {
        /// The call.
        corr: u64,
        /// The number of this event.
        seq: u64,
        /// The id of the input's message.
        message: String,
    },
    /// A kind that is reserved: SUB, UNSUB or STATUS.
    Reserved,
    /// No new calls.
    Drain,
    /// The gateway does not know the peer, which should say HELLO.
    UnknownPeer,
}

/// What a worker says of itself. `protocol/worker.md` §2.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hello {
    /// The worker's name, for people; several workers may share it.
    pub name: String,
    /// Random and constant for the life of the process.
    pub instance: String,
    /// The SDK and its version, for people.
    pub sdk: String,
    /// The process id.
    pub pid: Option<u64>,
    /// How many calls may be outstanding.
    pub concurrency: u64,
    /// What the worker serves.
    pub services: Vec<Service>,
    /// The value of `TRUNKLINE_GENERATION` that the process was spawned with.
    pub generation: Option<String>,
    /// The secret that the gateway may ask for.
    pub token: Option<String>,
    /// Whether it reads payloads in MessagePack, and not in JSON only.
    pub reads_messagepack: bool,
    /// Calls that are held from an earlier connection.
    pub open: Vec<Offer>,
}

/// A service of a worker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// The service's name.
    pub name: String,
    /// JSON Schema of what it takes.
    pub input: Option<serde_json::Value>,
    /// Whether calling it twice does no harm.
    pub idempotent: bool,
    /// Whether a call that waits for an answer can be made again, with the checkpoint of its question.
    pub resumable: bool,
    /// Whether its calls take further messages as input.
    pub takes_input: bool,
}

/// A call that a worker still holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The run.
    pub run: String,
    /// The number of the next event that the worker will produce.
    pub next: u64,
    /// How many events the gateway had called stored.
    pub ack: u64,
    /// Whether the terminal message was produced.
    pub ended: bool,
    /// Which call of the run it is; 1 where it is left out.
    pub attempt: Option<u64>,
    /// The questions that it waits for.
    pub asks: Vec<String>,
}

/// The gateway's answer to HELLO.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Welcome {
    /// Of this gateway process.
    pub epoch: String,
    /// A PING comes this often, in milliseconds.
    pub ping_ms: u64,
    /// Default of a call's window, in events.
    pub window: u64,
    /// The largest message, in bytes.
    pub message_bytes_max: u64,
    /// Calls that go on.
    pub resumed: Vec<Resumed>,
    /// Runs that the gateway no longer wants.
    pub dropped: Vec<String>,
}

/// A call that goes on after a reconnect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// The run.
    pub run: String,
    /// The call's new correlation number.
    pub corr: u64,
    /// The worker sends every event from here on again.
    pub ack: u64,
}

/// What a worker says of its load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Calls being executed.
    pub running: u64,
    /// Calls that wait inside the worker.
    pub queued: u64,
    /// How late the worker's event loop is, in milliseconds.
    pub lag_ms: u64,
}

/// A call as it travels. `protocol/worker.md` §3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFrame {
    /// The call.
    pub corr: u64,
    /// The service.
    pub service: String,
    /// The run.
    pub run: String,
    /// The session; empty, as the next three, in a call of a worker, which the gateway fills in.
    pub session: String,
    /// The realm.
    pub realm: String,
    /// The id of the client's message.
    pub message: String,
    /// The type of the client's message.
    pub kind: String,
    /// The user, unless anonymous.
    pub user: Option<String>,
    /// 1 for the first try.
    pub attempt: Option<u64>,
    /// What is left of the deadline, in milliseconds.
    pub deadline_ms: Option<u64>,
    /// Events that may be sent before they are stored.
    pub window: Option<u64>,
    /// The payload's codec, JSON where it is not named.
    pub codec: Option<Codec>,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// What the last call of the run gave with its last question.
    pub checkpoint: Option<Bytes>,
    /// What was answered to the questions of the last call, in order.
    pub answers: Vec<serde_json::Value>,
    /// The client's payload.
    pub payload: Bytes,
    /// Parts beyond the payload.
    pub buffers: Vec<Bytes>,
}

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The call.
    pub corr: u64,
    /// The number of this event.
    pub seq: u64,
    /// What the payload is.
    pub kind: ChunkKind,
    /// Text or a value.
    pub payload: Bytes,
    /// Parts beyond the payload.
    pub buffers: Vec<Bytes>,
}

/// A question of a call to a person. `protocol/worker.md` §3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The call.
    pub corr: u64,
    /// The number of this event.
    pub seq: u64,
    /// Names the question in its run.
    pub request: String,
    /// How the payload is written.
    pub codec: Codec,
    /// What is asked.
    pub payload: Bytes,
    /// What a resumable service needs to go on from here in another process.
    pub checkpoint: Option<Bytes>,
}

/// A message of a client for a call that goes on. `protocol/worker.md` §3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// The call.
    pub corr: u64,
    /// The message's id.
    pub message: String,
    /// The message's type.
    pub kind: String,
    /// How the payload is written.
    pub codec: Codec,
    /// The client's payload.
    pub payload: Bytes,
}

/// What an event of a stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkKind {
    /// UTF-8 text; neighbours may be joined.
    Text,
    /// Any other value.
    Event {
        /// The event's type.
        name: String,
        /// How the value is written.
        codec: Codec,
    },
}

/// An error as a worker words it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkerError {
    /// A code of `errors.json`; what is none becomes `upstream_error` at the gateway.
    pub code: String,
    /// For people.
    pub message: String,
    /// Whether a repetition may succeed.
    pub retryable: bool,
    /// When to repeat, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// More, as JSON.
    pub details: BTreeMap<String, serde_json::Value>,
    /// Where to look in the traces.
    pub trace_id: Option<String>,
}

impl WorkerError {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), ..Self::default() }
    }
}

impl Frame {
    /// The call that the frame is about; `None` where its kind is about the connection.
    pub fn corr(&self) -> Option<u64> {
        match self {
            Self::Call(call) => Some(call.corr),
            Self::Chunk(chunk) => Some(chunk.corr),
            Self::Ask(ask) => Some(ask.corr),
            Self::Input(input) => Some(input.corr),
            Self::Result { corr, .. }
            | Self::Error { corr, .. }
            | Self::End { corr, .. }
            | Self::Cancel { corr }
            | Self::Credit { corr, .. }
            | Self::Answer { corr, .. }
            | Self::Taken { corr, .. }
            | Self::Event { corr, .. } => Some(*corr),
            _ => None,
        }
    }

    /// The bytes of payload and buffers: what makes a queue grow.
    pub(crate) fn payload_bytes(&self) -> usize {
        let (payload, buffers): (&Bytes, &[Bytes]) = match self {
            Self::Call(call) => (&call.payload, &call.buffers),
            Self::Chunk(chunk) => (&chunk.payload, &chunk.buffers),
            Self::Result { payload, buffers, .. } => (payload, buffers),
            Self::Event { payload, .. } | Self::Answer { payload, .. } => (payload, &[]),
            Self::Ask(ask) => (&ask.payload, ask.checkpoint.as_slice()),
            Self::Input(input) => (&input.payload, &[]),
            _ => return 0,
        };
        payload.len() + buffers.iter().map(Bytes::len).sum::<usize>()
    }
}

#[cfg(test)]
mod tests;
