//! What is stored, as the rules see it, whatever it is stored in.

use bytes::Bytes;
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{Head, Record};
use trunkline_protocol::Position;

/// The committed state at one moment.
pub(crate) trait View {
    /// Whether a channel is there, and which one.
    fn life(&self, channel: &ChannelKey) -> Result<Option<Life>, StoreError>;

    /// The state of a channel.
    fn head(&self, channel: &ChannelKey) -> Result<Option<Head>, StoreError>;

    /// The retained records of one life of a channel, from this offset on, in order.
    fn records(&self, channel: &ChannelKey, epoch: u64, from: u64) -> impl Iterator<Item = Result<Record, StoreError>>;

    /// What is known of an idempotency key, expired or not.
    fn remembered(&self, key: &IdempotencyKey) -> Result<Option<Remembered>, StoreError>;

    /// What is at a key, expired or not.
    fn value(&self, key: &str) -> Result<Option<Value>, StoreError>;
}

/// One life of a channel: from its making to its removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) epoch: u64,
    /// Of what it was opened for, if that had to be told from a repetition.
    pub(crate) digest: Option<[u8; 16]>,
}

/// An idempotency key, unique within one life of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct IdempotencyKey {
    pub(crate) channel: ChannelKey,
    pub(crate) epoch: u64,
    pub(crate) key: String,
}

/// What is known of an append with an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) position: Position,
    pub(crate) digest: [u8; 16],
    pub(crate) expires_ms: u64,
}

/// A value and when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) data: Bytes,
    pub(crate) expires_ms: Option<u64>,
}

impl Value {
    /// The value, unless its time has passed.
    pub(crate) fn live_at(self, now_ms: u64) -> Option<Bytes> {
        self.expires_ms.is_none_or(|expires_ms| now_ms < expires_ms).then_some(self.data)
    }
}

/// The store cannot be read or written. Nobody can go on from here: the broker stops.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The engine failed.
    #[error("the storage engine failed: {0}")]
    Engine(#[from] fjall::Error),
    /// What was read is not what this program writes.
    #[error("the store is corrupt: {0}")]
    Corrupt(String),
}
