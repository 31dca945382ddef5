//! What happened in a simulation, in order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::time::Instant;
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
    /// A client was away for longer than its session is kept.
    Gone,
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
    /// A worker was too busy for a call.
    WorkerRefused,
    /// A handler said that it can be called again.
    WorkerRetryable,
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
    /// A read of a log took its time, and brought what was there when it began.
    SlowRead,
    /// The gateway was told to stop, and died before it was done.
    CrashWhileStopping,
}

impl Fault {
    /// Every kind.
    pub(crate) const ALL: [Self; 20] = [
        Self::ClientCut,
        Self::ClientHalfOpen,
        Self::SlowReader,
        Self::LongAbsence,
        Self::Gone,
        Self::ForgedPosition,
        Self::Repetition,
        Self::WorkerKilled,
        Self::WorkerFrozen,
        Self::WorkerCut,
        Self::WorkerRefused,
        Self::WorkerRetryable,
        Self::CrashBeforeWrite,
        Self::CrashAfterWrite,
        Self::OrderedStop,
        Self::StoreFull,
        Self::StoreSlow,
        Self::StoreFailed,
        Self::SlowRead,
        Self::CrashWhileStopping,
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
    pub session: Option<String>,
    pub run: Option<String>,
    pub reply_to: Option<String>,
    /// The first and the last number of the run's events in it.
    pub seq: Option<(u64, u64)>,
    pub payload: Value,
    /// The code of the error, if it tells of one.
    pub code: Option<String>,
    /// How an old front end was told of it.
    pub old: Option<Old>,
}

/// What an old front end is told of a record in words of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Old {
    /// Its dialect.
    pub dialect: String,
    /// Where a piece of an answer stands among those that its connection was told.
    pub index: Option<u64>,
    /// The whole text, which the end of a run has.
    pub whole: Option<String>,
    /// It says that this is not the whole text.
    pub is_cut: bool,
}

impl Old {
    fn read(message: &Value) -> Option<Self> {
        Some(Self {
            dialect: message["dialect"].as_str()?.to_owned(),
            index: message["index"].as_u64(),
            whole: message["whole"].as_str().map(str::to_owned),
            is_cut: message["is_cut"] == true,
        })
    }
}

impl Told {
    /// Reads a frame of dialect native, or what an old front end makes of one of its own; `None` if it is no record.
    pub fn read(message: &Value) -> Option<Self> {
        let text = |name: &str| message[name].as_str().map(str::to_owned);
        let seq = message["seq"].as_u64();
        Some(Self {
            channel: text("channel")?,
            pos: text("pos")?,
            prev: text("prev")?,
            kind: text("type")?,
            id: text("id"),
            session: text("session"),
            run: text("run"),
            reply_to: text("reply_to"),
            seq: seq.map(|seq| (seq, message["seq_end"].as_u64().unwrap_or(seq))),
            payload: message["payload"].clone(),
            code: message["error"]["code"].as_str().map(str::to_owned),
            old: Old::read(&message["old"]),
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

impl Verdict {
    /// A client asks for a channel from where it stands in it.
    pub(crate) fn asked(channel: &str, asked: Option<String>) -> Self {
        Self { channel: channel.to_owned(), asked, forged: false, word: String::new(), reason: None, pos: None }
    }

    /// What the gateway says to it.
    pub(crate) fn said(self, said: &Value) -> Self {
        let text = |name: &str| said[name].as_str().map(str::to_owned);
        Self { word: text("verdict").expect("a verdict"), reason: text("reason"), pos: text("pos"), ..self }
    }
}

/// What a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A run of the session, by a route of this path.
    Run {
        /// Its id.
        session: String,
        /// As it stands in the configuration.
        path: &'static str,
    },
    /// Everybody who listens to this topic.
    Topic(String),
    /// All devices of this user.
    User(String),
    /// The question of this run.
    Answer,
}

/// Who is in a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// All of them and what they do, and the first time which one the client is that is told.
    Members {
        /// The client that is told.
        you: Option<String>,
        /// All of them.
        members: BTreeMap<String, String>,
    },
    /// One more.
    Joined(String),
    /// One less.
    Left(String),
    /// Somebody does something else.
    State(String, String),
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "a client by its number, all else by the name that it has in the protocol")]
pub enum What {
    /// The gateway began to live, again.
    Began,
    /// A client sent a message, perhaps again.
    Sent { client: usize, message: String, purpose: Purpose },
    /// It was acknowledged, with its run if it has one.
    Acknowledged { client: usize, message: String, run: Option<String>, duplicate: bool },
    /// It was refused.
    Refused { client: usize, message: String, code: String },
    /// A client was welcomed, as the user that it has proved to be.
    Opened { client: usize, session: String, user: Option<String>, verdicts: Vec<Verdict> },
    /// A client was told this before it was welcomed.
    ToldEarly { client: usize, kind: String },
    /// A client was welcomed in a new session, as its old one is no more.
    SessionLost { client: usize, session: String },
    /// A client's page was loaded anew: another device has found that their session is no more.
    Reloaded { client: usize },
    /// A client's connection is over.
    Closed { client: usize },
    /// A client was asked to come back later.
    SentAway { client: usize },
    /// A client got one more channel, or was told why not.
    Attached { client: usize, verdict: Verdict },
    /// A client gave a channel up.
    Detached { client: usize, channel: String },
    /// A client wants a run to end.
    Cancel { client: usize, run: String },
    /// A client was told of a record.
    Told { client: usize, told: Told },
    /// A client was told to forget a channel.
    Reset { client: usize, channel: String, reason: String, pos: Option<String> },
    /// A heartbeat said how far the client was brought.
    Heartbeat { client: usize, positions: BTreeMap<String, String> },
    /// A client reads slowly from now on.
    Slowed { client: usize },
    /// A client says what it is doing in a topic, and is seen there from the first time on.
    Present { client: usize, topic: String, state: String },
    /// A client was told who is in a topic.
    Seen { client: usize, topic: String, presence: Presence },
    /// A worker took a call.
    Called { run: String, message: String, service: String, attempt: u64, goes_on: bool },
    /// A worker gave the call back that it had just taken.
    Declined { run: String },
    /// A worker was given a person's answer.
    Answered { run: String, request: String, granted: bool },
    /// A worker was given a call back after a loss.
    Resumed { run: String },
    /// A worker is no more, and has lost these runs.
    WorkerDied { runs: Vec<String> },
    /// The world was hurt.
    Fault(Fault),
    /// A record was stored.
    Stored(Told),
    /// A session is kept until then, by the wall clock, if its time does not begin anew.
    Renewed { session: String, until_ms: u64 },
    /// A channel was removed.
    Removed { channel: String },
    /// Everything had the time to come to rest.
    Calm,
    /// What is in the store when everything had the time to go that is not wanted any more: channels and values.
    Remains { names: Vec<String> },
}

/// One thing that happened, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// By the clock on the wall, in milliseconds since 1970; 0 where there is none.
    pub at_ms: u64,
    /// The thing.
    pub what: What,
}

/// Everything that happened.
#[derive(Clone, Debug, Default)]
pub struct History(Arc<Mutex<Written>>);

#[derive(Debug, Default)]
struct Written {
    entries: Vec<Entry>,
    /// When this life of the gateway began, by the wall clock and by its runtime's.
    begun: Option<(u64, Instant)>,
}

impl Written {
    fn now_ms(&self) -> u64 {
        self.begun.map_or(0, |(wall_ms, begun)| wall_ms + u64::try_from(begun.elapsed().as_millis()).expect("short"))
    }
}

impl History {
    /// A life of the gateway begins at this time.
    pub(crate) fn begin(&self, wall_ms: u64) {
        self.lock().begun = Some((wall_ms, Instant::now()));
        self.add(What::Began);
    }

    /// The time on the wall.
    pub(crate) fn now_ms(&self) -> u64 {
        self.lock().now_ms()
    }

    /// Writes down what happened next.
    pub fn add(&self, what: What) {
        let mut written = self.lock();
        let at_ms = written.now_ms();
        written.entries.push(Entry { at_ms, what });
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
    pub fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut self.lock().entries)
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
