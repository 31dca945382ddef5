//! Who may write, and what waits for the next one: bounded in batches and in bytes.
//!
//! One [`Permit`] is taken at a time. While nothing waits, the caller of a small batch takes it and saves two
//! changes of thread; everything else waits for the writer's thread. A write that took long says
//! that the disk is slow now: callers then leave the writing to the thread until it is fast again.

use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::interface::{Batch, BrokerError, Committed, Durability, Op};
use crate::metrics::Metrics;

/// A write that takes longer would hold up a caller's other work. Writing a small batch takes 10 to 50 µs.
const WRITE_IS_SLOW: Duration = Duration::from_millis(1);

/// Most bytes of a batch that its caller writes.
const CALLER_BYTES_MAX: usize = 16 * 1024;

/// Something for the writer's thread to do.
#[derive(Debug)]
pub(super) enum Task {
    /// Carry out a batch.
    Commit {
        batch: Batch,
        /// Nobody may be waiting any more; the batch is carried out all the same.
        answer: oneshot::Sender<Result<Committed, BrokerError>>,
    },
    /// Remove what has expired, now.
    Sweep { answer: oneshot::Sender<()> },
}

/// What the writer's thread finds when it looks.
#[derive(Debug)]
pub(super) enum Taken<'q> {
    /// All that waited; nothing if nothing came in time.
    Tasks(Permit<'q>, Vec<Task>),
    /// Nothing waits, and nothing will.
    Closed,
}

/// Why a task was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnedAway {
    Full,
    Closed,
}

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    batches_max: usize,
    bytes_max: usize,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Task>,
    bytes: usize,
    closed: bool,
    /// Somebody has the permit.
    taken: bool,
    /// The last write was slow.
    slow: bool,
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit<'q> {
    queue: &'q Queue,
    /// What was written took long.
    slow: Cell<bool>,
}

impl Permit<'_> {
    /// Says how long it took to write to the store.
    pub(super) fn took(&self, duration: Duration) {
        self.slow.set(duration > WRITE_IS_SLOW);
    }
}

impl Queue {
    pub(super) fn new(batches_max: usize, bytes_max: usize, metrics: Arc<Metrics>) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), batches_max, bytes_max, metrics }
    }

    /// The permit for the caller of `batch`, if it may write that itself.
    pub(super) fn permit_for(&self, batch: &Batch) -> Option<Permit<'_>> {
        if batch.durability != Durability::Os || bytes_of(batch) > CALLER_BYTES_MAX {
            return None;
        }
        let mut state = self.lock();
        let free = state.waiting.is_empty() && !state.closed && !state.taken && !state.slow;
        free.then(|| self.grant(&mut state))
    }

    /// Adds a task, or says why not. Never waits.
    pub(super) fn push(&self, task: Task) -> Result<(), TurnedAway> {
        let bytes = task.bytes();
        let mut state = self.lock();
        if state.closed {
            return Err(TurnedAway::Closed);
        }
        // One task alone is always let in, however large: it could never be otherwise.
        let too_many = state.waiting.len() >= self.batches_max;
        let too_large = !state.waiting.is_empty() && state.bytes.saturating_add(bytes) > self.bytes_max;
        if too_many || too_large {
            return Err(TurnedAway::Full);
        }
        // The thread takes everything that waits, so only the first task has to wake it; who has the permit now wakes
        // it afterwards.
        let thread_sleeps = state.waiting.is_empty() && !state.taken;
        state.waiting.push(task);
        state.bytes += bytes;
        self.measure(&state);
        drop(state);
        if thread_sleeps {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Takes the permit and everything that waits, as soon as there is anything, but waits no longer than `deadline`.
    pub(super) fn take(&self, deadline: Instant) -> Taken<'_> {
        let mut state = self.lock();
        loop {
            let patience = deadline.saturating_duration_since(Instant::now());
            if !state.taken {
                if state.waiting.is_empty() && state.closed {
                    return Taken::Closed;
                }
                if !state.waiting.is_empty() || patience.is_zero() {
                    break;
                }
            }
            // The end of a write is told only if something waits for it.
            let patience = patience.max(WRITE_IS_SLOW);
            state = self.changed.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner).0;
        }
        let tasks = std::mem::take(&mut state.waiting);
        state.bytes = 0;
        self.measure(&state);
        Taken::Tasks(self.grant(&mut state), tasks)
    }

    /// Drops everything that waits: whoever waits for an answer is told by its absence.
    pub(super) fn clear(&self) {
        let mut state = self.lock();
        let tasks = std::mem::take(&mut state.waiting);
        state.bytes = 0;
        self.measure(&state);
        drop(state);
        drop(tasks);
    }

    /// Lets nothing in any more. What waits can still be taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn grant(&self, state: &mut State) -> Permit<'_> {
        state.taken = true;
        Permit { queue: self, slow: Cell::new(false) }
    }

    fn measure(&self, state: &State) {
        Metrics::set(&self.metrics.queue_batches, state.waiting.len());
        Metrics::set(&self.metrics.queue_bytes, state.bytes);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that could panic runs while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.taken = false;
        state.slow = self.slow.get();
        let awaited = state.closed || !state.waiting.is_empty();
        drop(state);
        if awaited {
            self.queue.changed.notify_all();
        }
    }
}

impl Task {
    fn bytes(&self) -> usize {
        match self {
            Self::Commit { batch, .. } => bytes_of(batch),
            Self::Sweep { .. } => 0,
        }
    }
}

fn bytes_of(batch: &Batch) -> usize {
    batch.ops.iter().map(bytes_of_op).sum()
}

fn bytes_of_op(op: &Op) -> usize {
    match op {
        Op::Append(append) => append.data.len(),
        Op::Put(put) => put.key.len() + put.value.len(),
        Op::Delete { key } => key.len(),
        Op::Open { .. } | Op::Remove { .. } => 0,
    }
}
