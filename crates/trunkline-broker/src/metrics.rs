//! What a broker counts. The gateway gives these numbers their public names.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the broker was opened, and gauges. Read with [`Metrics::get`].
#[derive(Debug, Default)]
pub struct Metrics {
    /// Batches that took effect.
    pub batches: AtomicU64,
    /// Batches that were refused.
    pub refused: AtomicU64,
    /// Batches that were turned away because the queue was full.
    pub overloaded: AtomicU64,
    /// Records appended.
    pub records: AtomicU64,
    /// Bytes of data in them.
    pub bytes: AtomicU64,
    /// Groups of batches that were written together; `batches / groups` is the mean size.
    pub groups: AtomicU64,
    /// Of these, those that their caller wrote.
    pub groups_by_caller: AtomicU64,
    /// Time spent writing groups, in microseconds.
    pub commit_us: AtomicU64,
    /// Groups that were synced to the disk.
    pub synced: AtomicU64,
    /// Gauge: batches that wait to be written.
    pub queue_batches: AtomicU64,
    /// Gauge: bytes of data that wait to be written.
    pub queue_bytes: AtomicU64,
    /// Records removed because a channel held more than is kept.
    pub trimmed: AtomicU64,
    /// What was swept: expired values and idempotency keys, outdated times at which one would have expired, and
    /// records of removed channels.
    pub swept: AtomicU64,
    /// Pages read.
    pub pages: AtomicU64,
    /// Reads that were answered from memory.
    pub pages_from_memory: AtomicU64,
    /// Reads from the store in the caller's thread.
    pub reads_by_caller: AtomicU64,
    /// Reads from the store on threads of their own.
    pub reads_by_threads: AtomicU64,
}

impl Metrics {
    /// The value of a counter or gauge.
    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    pub(crate) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn set(gauge: &AtomicU64, value: usize) {
        gauge.store(value as u64, Ordering::Relaxed);
    }
}
