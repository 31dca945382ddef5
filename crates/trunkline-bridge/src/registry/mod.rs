//! The state of the bridge: connections, workers, services and calls, and what each event does to them.
//!
//! Plain code: it is told what happened and when, and answers by putting frames into outboxes and events into
//! inboxes, which are queues in memory. It knows no socket, task or clock, and never waits.
//!
//! The invariants:
//! 1. A call ends with exactly one terminal event at its caller (the inbox enforces it once more).
//! 2. A worker is never given a call while as many as its `concurrency` are outstanding; those that wait for a person do not count.
//! 3. What a caller has not called stored is asked for again when its worker comes back.

mod asks;
mod calls;
mod hello;
mod inputs;
mod links;
mod relay;
mod status;
mod stream;
mod time;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::call::CallId;
use crate::config::BridgeConfig;
use crate::frame::{CallFrame, Frame, Input, Load, Service};
use crate::inbox::Inbox;
use crate::metrics::BridgeMetrics;
use crate::outbox::Outbox;

use links::Cause;
pub use status::{ServiceStatus, WorkerPresence, WorkerStatus};

/// Frames that wait for each other before they are sent without another one.
const COMPANY_MAX: usize = 32;

/// Names a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId(u64);

/// Names a worker process for as long as the registry remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct WorkerId(u64);

/// What the registry is told once, at the start.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) epoch: String,
    pub(crate) generation: String,
    pub(crate) token: Option<String>,
    pub(crate) ping_interval: Duration,
    pub(crate) reclaim_for: Duration,
    pub(crate) hello_within: Duration,
    pub(crate) dispatch_wait: Duration,
    pub(crate) window: u64,
    pub(crate) message_bytes_max: usize,
    pub(crate) pending_calls_max: usize,
    pub(crate) links_max: usize,
}

impl Settings {
    pub(crate) fn new(config: &BridgeConfig, epoch: String, generation: String) -> Self {
        Self {
            epoch,
            generation,
            token: config.token.clone(),
            ping_interval: config.ping_interval,
            reclaim_for: config.reclaim_for,
            hello_within: config.hello_within,
            dispatch_wait: config.dispatch_wait,
            window: config.window,
            message_bytes_max: config.message_bytes_max,
            pending_calls_max: config.pending_calls_max,
            links_max: config.links_max,
        }
    }
}

/// See the module's comment.
#[derive(Debug)]
pub(crate) struct Registry {
    settings: Settings,
    metrics: Arc<BridgeMetrics>,
    links: BTreeMap<LinkId, Link>,
    workers: BTreeMap<WorkerId, Worker>,
    instances: HashMap<String, WorkerId>,
    services: HashMap<String, Pool>,
    calls: BTreeMap<CallId, CallState>,
    /// Links whose outbox overflowed; they are cut when the event at hand is dealt with.
    overflowed: Vec<LinkId>,
    /// Outboxes whose frames are to leave when the event at hand is dealt with, each once.
    to_flush: Vec<Arc<Outbox>>,
    last_id: u64,
    /// The corr that the next call gets. Never used twice, so a late frame cannot hit another call.
    next_corr: u64,
    stopping: bool,
}

#[derive(Debug)]
struct Link {
    outbox: Arc<Outbox>,
    /// None until HELLO.
    worker: Option<WorkerId>,
    hello_by: Instant,
    /// A peer is told once that it is unknown; more would only help it to flood us.
    told_unknown: bool,
}

#[derive(Debug)]
struct Worker {
    name: String,
    instance: String,
    generation: Option<String>,
    pid: Option<u64>,
    concurrency: usize,
    services: Vec<Service>,
    /// Whether it reads MessagePack, and not JSON only.
    reads_messagepack: bool,
    presence: Presence,
    draining: bool,
    /// Since when the process is known to be dead. What it has sent before is still read.
    dead_since: Option<Instant>,
    load: Load,
    ping_at: Instant,
    unanswered_pings: u32,
    /// Calls that it executes, or has ended and not yet been allowed to forget, by corr.
    open: BTreeMap<u64, CallId>,
    /// How many of those it executes; calls that wait for a person are not among them.
    outstanding: usize,
    /// How many of those wait for a person.
    waiting: usize,
    /// Calls that it made, by its corr.
    made: BTreeMap<u64, CallId>,
}

#[derive(Debug)]
enum Presence {
    Connected { link: LinkId, outbox: Arc<Outbox> },
    Away { since: Instant },
}

impl Worker {
    fn link(&self) -> Option<LinkId> {
        match &self.presence {
            Presence::Connected { link, .. } => Some(*link),
            Presence::Away { .. } => None,
        }
    }

    fn is_idempotent(&self, service: &str) -> bool {
        self.services.iter().any(|known| known.name == service && known.idempotent)
    }

    fn is_free(&self) -> bool {
        match &self.presence {
            Presence::Connected { outbox, .. } => {
                let is_willing = !self.draining && self.dead_since.is_none() && self.unanswered_pings <= 1;
                is_willing && self.outstanding < self.concurrency && !outbox.is_busy()
            }
            Presence::Away { .. } => false,
        }
    }
}

/// The workers that serve a service, and the calls that wait for one of them.
#[derive(Debug, Default)]
struct Pool {
    workers: Vec<WorkerId>,
    queue: VecDeque<CallId>,
}

#[derive(Debug)]
struct CallState {
    caller: Caller,
    /// The CALL frame, its corr not yet set; the payload leaves it when the call is handed over.
    request: CallFrame,
    deadline: Option<Instant>,
    stage: Stage,
    window: u64,
    /// Events accepted, the terminal one included.
    received: u64,
    /// The number that the worker must send next. Below `received` while it repeats itself after a reconnect.
    wire_next: u64,
    /// Events that the caller called stored.
    acked: u64,
    /// The number of the terminal event, once it came.
    terminal: Option<u64>,
    cancelled: bool,
    /// Questions that its worker waits for.
    asks: BTreeSet<String>,
    /// Further messages that its worker has not taken.
    inputs: Vec<Input>,
    occupies: Occupies,
}

/// What a call takes of its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Occupies {
    Nothing,
    /// One of the calls that it executes at a time.
    Slot,
    /// It waits for a person.
    Memory,
}

#[derive(Debug)]
enum Caller {
    /// The gateway.
    Local(Arc<Inbox>),
    /// A worker, on behalf of a call that it executes itself.
    Worker { worker: WorkerId, corr: u64, parent: CallId },
    /// The caller has gone or has got its terminal event; the worker has not been told all yet.
    Nobody,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Queued { until: Instant },
    Open { worker: WorkerId, corr: u64 },
}

impl Registry {
    pub(crate) fn new(settings: Settings, metrics: Arc<BridgeMetrics>) -> Self {
        Self {
            settings,
            metrics,
            links: BTreeMap::new(),
            workers: BTreeMap::new(),
            instances: HashMap::new(),
            services: HashMap::new(),
            calls: BTreeMap::new(),
            overflowed: Vec::new(),
            to_flush: Vec::new(),
            last_id: 0,
            next_corr: 2,
            stopping: false,
        }
    }

    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn new_corr(&mut self) -> u64 {
        let corr = self.next_corr;
        self.next_corr += 2;
        corr
    }

    /// Sends a frame to a worker that is connected; one that is away learns what it must when it comes back.
    fn send(&mut self, worker: WorkerId, frame: Frame) {
        self.queue(worker, frame, 1);
    }

    /// Sends a frame that nobody waits for: together with the next one, with others of its kind, or at the next tick.
    fn send_in_company(&mut self, worker: WorkerId, frame: Frame) {
        let is_draining = self.workers.get(&worker).is_some_and(|worker| worker.draining);
        self.queue(worker, frame, if is_draining { 1 } else { COMPANY_MAX });
    }

    /// Queues a frame, and has the outbox flushed when as many wait.
    fn queue(&mut self, worker: WorkerId, frame: Frame, flush_at: usize) {
        let Some(Presence::Connected { link, outbox }) = self.workers.get(&worker).map(|worker| &worker.presence)
        else {
            return;
        };
        if !outbox.push(frame) && !self.overflowed.contains(link) {
            self.overflowed.push(*link);
        }
        if outbox.waiting() >= flush_at {
            flush_later(&mut self.to_flush, outbox);
        }
    }

    /// The outboxes that have to be flushed now, when the lock is let go.
    pub(crate) fn take_to_flush(&mut self) -> Vec<Arc<Outbox>> {
        std::mem::take(&mut self.to_flush)
    }

    /// Cuts the connections that overflowed while an event was dealt with. Each cut may overflow another, but
    /// removes a link, so this ends.
    fn settle(&mut self, now: Instant) {
        while let Some(link) = self.overflowed.pop() {
            self.metrics.outbox_overflows.increment();
            tracing::warn!(?link, "a worker does not read what it is sent; its connection is cut");
            self.close_link(link, Cause::Lost, now);
        }
    }
}

/// Notes that an outbox is to be flushed.
fn flush_later(to_flush: &mut Vec<Arc<Outbox>>, outbox: &Arc<Outbox>) {
    if !to_flush.iter().any(|other| Arc::ptr_eq(other, outbox)) {
        to_flush.push(Arc::clone(outbox));
    }
}

#[cfg(test)]
mod tests;
