//! What a broker is given from outside: settings, the clock, a unique number, and who
//! wants to hear of records. Nothing in this crate asks the system for time or chance.

use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;
use std::time::Duration;

use siphasher::sip::SipHasher13;
use trunkline_core::log::Retention;

use crate::interface::Listener;

/// How a broker keeps what it is given.
#[derive(Clone, Debug)]
pub struct Options {
    /// How much of each channel is kept.
    pub retention: Retention,
    /// How long an idempotency key is remembered.
    pub idempotency: Duration,
    /// Most batches that wait to be written; one more is `Overloaded`. Also the largest group.
    pub queue_batches_max: usize,
    /// Most bytes of data that wait to be written; more is `Overloaded`.
    pub queue_bytes_max: usize,
    /// Most reads from disk at a time; further ones wait for their turn.
    pub readers_max: usize,
    /// Most channels whose state is held in memory, about 200 bytes each.
    pub heads_cached_max: usize,
    /// Memory for blocks read from disk.
    pub cache_bytes_max: u64,
    /// Answers before anything is handed to the operating system. It exists so that the test
    /// that kills the process can show that it notices a broker that does so.
    #[doc(hidden)]
    pub acknowledge_unpersisted: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retention: Retention { records_max: 10_000, bytes_max: 16 * 1024 * 1024 },
            idempotency: Duration::from_hours(24),
            queue_batches_max: 8192,
            queue_bytes_max: 32 * 1024 * 1024,
            readers_max: 4,
            heads_cached_max: 65_536,
            cache_bytes_max: 32 * 1024 * 1024,
            acknowledge_unpersisted: false,
        }
    }
}

impl Options {
    /// The idempotency window in milliseconds.
    pub(crate) fn idempotency_ms(&self) -> u64 {
        u64::try_from(self.idempotency.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The world around a broker.
#[derive(Clone)]
pub struct Environment {
    /// Milliseconds since 1970.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Random, another one each time that a store is opened: what tells channels of a wiped store from
    /// channels of the same names in a new one.
    pub epoch_source: u64,
    /// Who is told of every record.
    pub listener: Arc<dyn Listener>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Environment").finish_non_exhaustive()
    }
}

/// Makes the epochs of new channels.
#[derive(Debug)]
pub(crate) struct Epochs {
    source: u64,
    made: u64,
}

impl Epochs {
    pub(crate) const fn new(source: u64) -> Self {
        Self { source, made: 0 }
    }

    /// An epoch that no other channel has, whether in this store or in one that was here before.
    pub(crate) fn next(&mut self, now_ms: u64) -> u64 {
        self.made += 1;
        let mut hasher = SipHasher13::new();
        for part in [self.source, now_ms, self.made] {
            hasher.write_u64(part);
        }
        hasher.finish()
    }
}
