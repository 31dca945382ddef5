//! The interface of every broker.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{Head, Record, ResetReason, Retention};
use trunkline_protocol::Position;

/// Most records in one page, so that a channel of tiny records is read in pieces too.
pub const PAGE_RECORDS_MAX: usize = 4096;

/// Longest key of a value, name of a channel and idempotency key.
pub const KEY_BYTES_MAX: usize = 1024;

/// Keeps channels and values.
///
/// **Order.** Batches take effect in the order in which [`Broker::commit`] was called by one
/// caller. Every appended record is handed to the [`Listener`] in the channel's order, after
/// it is durable at the batch's level and before the commit's future resolves.
pub trait Broker: Send + Sync + 'static {
    /// Carries out all operations of a batch, or none.
    ///
    /// The work is done or queued when this is called, not when the future is first polled, and goes on when
    /// the future is dropped. A broker that has nothing else to do may call the [`Listener`] before this returns, so
    /// the caller must hold no lock that the listener takes. A full queue is [`BrokerError::Overloaded`]: nothing was
    /// done.
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<Committed, BrokerError>>;

    /// Reads a channel's records after `cursor` (`None`: from the oldest that is retained), at least one if
    /// there is any, until `bytes_max` of data or [`PAGE_RECORDS_MAX`] records. A channel that was never opened is
    /// [`ResetReason::Unknown`].
    fn read(
        &self,
        channel: &ChannelKey,
        cursor: Option<Position>,
        bytes_max: usize,
    ) -> BoxFuture<'static, Result<Result<Page, ResetReason>, BrokerError>>;

    /// The state of a channel, or `None` if it was never written to.
    fn head(&self, channel: &ChannelKey) -> BoxFuture<'static, Result<Option<Head>, BrokerError>>;

    /// The value of a key. A value whose time has passed is gone.
    fn get(&self, key: &str) -> BoxFuture<'static, Result<Option<Bytes>, BrokerError>>;

    /// Keys that start with `prefix`, after `after`, with their values, in key order, at most `count_max`.
    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        count_max: usize,
    ) -> BoxFuture<'static, Result<Vec<(String, Bytes)>, BrokerError>>;

    /// What this broker promises.
    fn capabilities(&self) -> Capabilities;
}

/// Is told of every record, in its channel's order. Called by whoever writes, under the broker's own lock: it must neither
/// block nor call the broker.
pub trait Listener: Send + Sync + 'static {
    /// These records, at least one, were appended to a channel one after the other and are durable at their level.
    fn appended(&self, channel: &ChannelKey, records: &[Record]);
}

/// How safe a batch has to be before it is answered and its records are delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Handed to the operating system: survives the end of the process, kill -9 included.
    #[default]
    Os,
    /// Synced to the disk: survives loss of power.
    Disk,
}

/// Operations that take effect together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// In this order.
    pub ops: Vec<Op>,
    /// The level for all of them.
    pub durability: Durability,
}

/// One operation of a batch.
#[derive(Clone, Debug)]
pub enum Op {
    /// Makes an empty channel.
    Open {
        /// Its name.
        channel: ChannelKey,
        /// `None`: a channel that is there stays as it is. Otherwise it must not be there, in whatever state, and this
        /// hash of what the caller considers its content is kept for as long as the channel: a repetition, which has the
        /// same one, is refused with [`Refusal::Exists`].
        unique: Option<[u8; 16]>,
    },
    /// Adds a record to a channel.
    Append(Append),
    /// Sets a value.
    Put(Put),
    /// Removes a value, if there.
    Delete {
        /// Its key.
        key: String,
    },
    /// Removes a channel with all that is known of it, if there. A channel of this name that is
    /// opened later is another one, with another epoch.
    Remove {
        /// Its name.
        channel: ChannelKey,
        /// Where its top must stand, if it is there; refused with [`AppendRefused::Conflict`] where that is elsewhere, so
        /// that nothing is removed that came after it was looked at.
        ///
        /// [`AppendRefused::Conflict`]: trunkline_core::log::AppendRefused::Conflict
        expected: Option<Position>,
    },
}

/// Adds a record to a channel, which comes into being with its first record or with [`Op::Open`].
#[derive(Clone, Debug)]
pub struct Append {
    /// To which channel.
    pub channel: ChannelKey,
    /// The content.
    pub data: Bytes,
    /// The channel's top as the writer believes it to be (0: empty); refused if it is not.
    pub expected: Option<u64>,
    /// Whether the record is the channel's last.
    pub seals: bool,
    /// Makes a repetition of this append harmless.
    pub idempotency: Option<Idempotency>,
    /// How much of the channel is kept from now on; `None`: as much as of any channel.
    pub retention: Option<Retention>,
}

/// Marks an append, so that the same one can be told again later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Unique within the channel.
    pub key: String,
    /// Hash of what the caller considers its content; a repetition has the same one.
    pub digest: [u8; 16],
}

/// Sets a value.
#[derive(Clone, Debug)]
pub struct Put {
    /// Its key: parts joined by `/`, the realm among them.
    pub key: String,
    /// The value.
    pub value: Bytes,
    /// What must be there before.
    pub expect: Expect,
    /// How long it is kept, in milliseconds; `None` for ever.
    pub keep_ms: Option<u64>,
}

/// What must be at a key before it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything or nothing.
    Anything,
    /// Nothing.
    Absent,
    /// Exactly this value.
    Value(Bytes),
}

/// The outcome of a batch that took effect: one entry per operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// In the order of the operations.
    pub written: Vec<Written>,
}

/// The outcome of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The record stands here.
    Appended(Position),
    /// The value is set or removed, or the channel is there or removed.
    Stored,
}

/// Records that follow a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In order, without a gap.
    pub records: Vec<Record>,
    /// The channel's state when it was read; when the last record is its top, the page reaches the end.
    pub head: Head,
}

/// What a broker promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The safest level it can give.
    pub durability: Durability,
    /// How long an idempotency key is remembered, in milliseconds.
    pub idempotency_ms: u64,
}

/// A repetition of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// Where the first one stands.
    pub position: Position,
    /// Whether its digest is the same.
    pub same_content: bool,
}

/// Why the operation with this index refused the whole batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The idempotency key was used before.
    #[error("the idempotency key was used before")]
    Duplicate(Duplicate),
    /// The channel that had to be new is there.
    #[error("the channel exists")]
    Exists {
        /// Whether it was opened with the same hash of its content. One that was opened without any has no content to
        /// compare.
        same_content: bool,
    },
    /// The log refused the append.
    #[error(transparent)]
    Append(#[from] trunkline_core::log::AppendRefused),
    /// The key did not hold what was expected; this is what it holds.
    #[error("the key holds another value")]
    Value(Option<Bytes>),
    /// A key or a channel's name is empty or longer than [`KEY_BYTES_MAX`].
    #[error("a key has 1 to {KEY_BYTES_MAX} bytes")]
    Key,
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// One operation could not be done, so none was.
    #[error("operation {index} was refused: {refusal}")]
    Refused {
        /// Which operation.
        index: usize,
        /// Why.
        refusal: Refusal,
    },
    /// Too much is waiting to be written; nothing was done.
    #[error("the broker's queue is full")]
    Overloaded,
    /// The store failed or is closed. Whether the batch took effect is not known.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
}
