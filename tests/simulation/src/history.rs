//! What happened in a simulation, in order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::Record;
use trunkline_core::record;
use trunkline_protocol::Dialect;

/// What was done to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A client's connection broke.
    ClientCut,
    /// Nothing came through any more, and nobody was told.
    ClientHalfOpen,
    /// A client read a few bytes a second.
    SlowReader,
    /// A client was away for a long time.
    LongAbsence,
    /// A client came back with a position that was never given out.
    ForgedPosition,
    /// A client repeated a message that was acknowledged.
    Repetition,
    /// A worker died with everything that it had.
    WorkerKilled,
    /// A worker did nothing for a while.
    WorkerFrozen,
    /// A worker's connection broke.
    WorkerCut,
    /// The gateway died before a write.
    CrashBeforeWrite,
    /// The gateway died after a write, before it told anybody.
    CrashAfterWrite,
    /// The gateway was told to stop.
    OrderedStop,
    /// The store had no room for one more write.
    StoreFull,
    /// The store took its time.
    StoreSlow,
    /// The store failed.
    StoreFailed,
}

impl Fault {
    /// Every kind.
    pub(crate) const ALL: [Self; 15] = [
        Self::ClientCut,
        Self::ClientHalfOpen,
        Self::SlowReader,
        Self::LongAbsence,
        Self::ForgedPosition,
        Self::Repetition,
        Self::WorkerKilled,
        Self::WorkerFrozen,
        Self::WorkerCut,
        Self::CrashBeforeWrite,
        Self::CrashAfterWrite,
        Self::OrderedStop,
        Self::StoreFull,
        Self::StoreSlow,
        Self::StoreFailed,
    ];
}

/// A record as a client was told of it, or as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are the envelope's of the same names")]
pub struct Told {
    pub channel: String,
    pub pos: String,
    pub prev: String,
    pub kind: String,
    pub id: Option<String>,
    pub run: Option<String>,
    pub reply_to: Option<String>,
    /// The first and the last number of the run's events in it.
    pub seq: Option<(u64, u64)>,
    pub payload: Value,
}

impl Told {
    /// Reads a frame of dialect native; `None` if it is no record.
    pub fn read(message: &Value) -> Option<Self> {
        let text = |name: &str| message[name].as_str().map(str::to_owned);
        let seq = message["seq"].as_u64();
        Some(Self {
            channel: text("channel")?,
            pos: text("pos")?,
            prev: text("prev")?,
            kind: text("type")?,
            id: text("id"),
            run: text("run"),
            reply_to: text("reply_to"),
            seq: seq.map(|seq| (seq, message["seq_end"].as_u64().unwrap_or(seq))),
            payload: message["payload"].clone(),
        })
    }

    /// Reads a record as it is kept; `None` if it cannot be told to anybody.
    pub fn stored(channel: &ChannelKey, stored: &Record) -> Option<Self> {
        let mut frame = Vec::new();
        record::render_native(trunkline_protocol::Codec::Json, channel, stored, &mut frame).ok()?;
        debug_assert!(Dialect::Native.decode(std::str::from_utf8(&frame).ok()?, 64).is_ok());
        Self::read(&serde_json::from_slice(&frame).ok()?)
    }

    /// The text of a piece of an answer.
    pub(crate) fn text(&self) -> Option<&str> {
        if self.kind == "run_event" { self.payload["text"].as_str() } else { None }
    }

    /// Whether it ends a run.
    pub fn is_terminal(&self) -> bool {
        ["run_completed", "run_failed", "run_cancelled", "run_expired"].contains(&&*self.kind)
    }

    /// Where it stands in its channel.
    pub(crate) fn offset(&self) -> u64 {
        offset(&self.pos)
    }
}

/// The offset in a position; 0 for what is none.
pub(crate) fn offset(pos: &str) -> u64 {
    pos.split('-').nth(1).and_then(|offset| u64::from_str_radix(offset, 16).ok()).unwrap_or(0)
}

/// What a client heard of a channel when it came back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are those of a welcome's channels, where nothing else is said")]
pub struct Verdict {
    pub channel: String,
    /// The position that it sent.
    pub asked: Option<String>,
    /// The position was never given out.
    pub forged: bool,
    pub word: String,
    pub reason: Option<String>,
    pub pos: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "a client by its number, all else by the name that it has in the protocol")]
pub enum What {
    /// A client sent a message, perhaps again.
    Sent { client: usize, message: String },
    /// It was acknowledged.
    Acknowledged { client: usize, message: String, run: String, duplicate: bool },
    /// It was refused.
    Refused { client: usize, message: String, code: String },
    /// A client was welcomed.
    Opened { client: usize, session: String, verdicts: Vec<Verdict> },
    /// A client was told of a record.
    Told { client: usize, told: Told },
    /// A client was told to forget a channel.
    Reset { client: usize, channel: String, reason: String, pos: Option<String> },
    /// A heartbeat said how far the client was brought.
    Heartbeat { client: usize, positions: BTreeMap<String, String> },
    /// A worker was called.
    Called { run: String, message: String },
    /// A worker was given a person's answer.
    Answered { run: String, request: String, granted: bool },
    /// A worker was given a call back after a loss.
    Resumed { run: String },
    /// The world was hurt.
    Fault(Fault),
    /// A record was stored.
    Stored(Told),
    /// Everything had the time to come to rest.
    Calm,
}

/// Everything that happened.
#[derive(Clone, Debug, Default)]
pub struct History(Arc<Mutex<Vec<What>>>);

impl History {
    /// Writes down what happened next.
    pub fn add(&self, what: What) {
        self.lock().push(what);
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.add(What::Fault(fault));
    }

    /// The store has a new record.
    pub(crate) fn stored(&self, channel: &ChannelKey, record: &Record) {
        let stored = Told::stored(channel, record).expect("what the gateway stores can be read");
        self.add(What::Stored(stored));
    }

    /// All of it, in order.
    pub fn take(&self) -> Vec<What> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<What>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
