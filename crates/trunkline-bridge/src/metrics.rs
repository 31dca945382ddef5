//! Counters of the bridge, for the gateway to export.
//!
//! Plain atomics: the module knows no metrics library and no labels.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The value now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn increment(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}

/// A number that grows and shrinks.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// The value now.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, difference: i64) {
        self.0.fetch_add(difference, Ordering::Relaxed);
    }
}

/// What the bridge counts. One per [`Bridge`](crate::Bridge).
#[derive(Debug, Default)]
pub struct BridgeMetrics {
    /// Calls accepted, from the gateway and from workers.
    pub calls: Counter,
    /// Stream events accepted from workers.
    pub chunks: Counter,
    /// Calls refused because the service's queue was full.
    pub queue_full: Counter,
    /// Calls that waited in vain for a free worker.
    pub dispatch_timeouts: Counter,
    /// Calls that ended with the loss of their worker.
    pub worker_lost: Counter,
    /// Calls that went on after their worker came back.
    pub resumed: Counter,
    /// Frames that came for calls that were over.
    pub late_frames: Counter,
    /// Breaches of the worker protocol, by a call or by a connection.
    pub protocol_errors: Counter,
    /// Connections cut because the peer did not read what it was sent.
    pub outbox_overflows: Counter,
    /// Values of latest state that were dropped because a call used too many keys.
    pub latest_dropped: Counter,
    /// HELLOs that were refused.
    pub hello_refused: Counter,
    /// Connections refused because there were too many.
    pub links_refused: Counter,
    /// Events of workers' output that were not logged because there were too many.
    pub output_dropped: Counter,
    /// Workers that are registered, connected or awaited.
    pub workers: Gauge,
    /// Open connections of workers.
    pub links: Gauge,
}
