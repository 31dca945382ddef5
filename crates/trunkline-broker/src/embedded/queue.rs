//! Who may write, and what waits for the next one: bounded in batches and in bytes.
//!
//! There is one [`Permit`]. While nothing waits, the caller of a small batch gets it and saves two changes of thread;
//! everything else waits for the writer's thread. When the engine has work to catch up with, or the last write took
//! long, callers leave the writing to the thread, until it is fast again.

use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::interface::{Batch, BrokerError, Committed, Durability, Op};
use crate::metrics::Metrics;

/// A write that takes longer would hold up a caller's other work. Writing a small batch takes 10 to 50 µs.
const WRITE_IS_SLOW: Duration = Duration::from_millis(1);

/// How often the thread looks whether the permit is back. Whoever has it tells only if something waits.
const PERMIT_POLL: Duration = Duration::from_millis(1);

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
pub(super) enum Found<'q> {
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
    permit_is_out: bool,
    /// The last write at the level `os` was slow.
    slow: bool,
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit<'q> {
    queue: &'q Queue,
    /// Whether a write was slow, if there was one.
    slow: Cell<Option<bool>>,
}

impl Permit<'_> {
    /// Says how long a write at the level `os` took.
    pub(super) fn wrote_in(&self, duration: Duration) {
        self.slow.set(Some(duration > WRITE_IS_SLOW));
    }
}

impl Queue {
    pub(super) fn new(batches_max: usize, bytes_max: usize, metrics: Arc<Metrics>) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), batches_max, bytes_max, metrics }
    }

    /// The permit for the caller of `batch`, if it may write that itself. An engine that is behind may hold up a write.
    pub(super) fn permit_for(&self, batch: &Batch, engine_is_behind: bool) -> Option<Permit<'_>> {
        let is_small = batch.durability == Durability::Os && bytes_of(batch) <= CALLER_BYTES_MAX;
        if !is_small || engine_is_behind {
            return None;
        }
        let mut state = self.lock();
        let is_free = state.waiting.is_empty() && !state.closed && !state.permit_is_out && !state.slow;
        is_free.then(|| self.grant(&mut state))
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
        let thread_sleeps = state.waiting.is_empty() && !state.permit_is_out;
        state.waiting.push(task);
        state.bytes += bytes;
        self.measure(&state);
        drop(state);
        if thread_sleeps {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Waits for tasks, no longer than until `deadline`, and takes all of them and the permit.
    pub(super) fn wait_for_tasks(&self, deadline: Instant) -> Found<'_> {
        let mut state = self.lock();
        loop {
            let is_idle = state.waiting.is_empty();
            let left = deadline.saturating_duration_since(Instant::now());
            if is_idle && state.closed && !state.permit_is_out {
                return Found::Closed;
            }
            if !state.permit_is_out && (!is_idle || left.is_zero()) {
                break;
            }
            state = self.changed.wait_timeout(state, left.max(PERMIT_POLL)).unwrap_or_else(PoisonError::into_inner).0;
        }
        let tasks = self.empty(&mut state);
        Found::Tasks(self.grant(&mut state), tasks)
    }

    /// Drops everything that waits: whoever waits for an answer is told by its absence.
    pub(super) fn clear(&self) {
        let mut state = self.lock();
        let tasks = self.empty(&mut state);
        drop(state);
        drop(tasks);
    }

    /// Lets nothing in any more. What waits can still be taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn grant(&self, state: &mut State) -> Permit<'_> {
        state.permit_is_out = true;
        Permit { queue: self, slow: Cell::new(None) }
    }

    fn empty(&self, state: &mut State) -> Vec<Task> {
        let tasks = std::mem::take(&mut state.waiting);
        state.bytes = 0;
        self.measure(state);
        tasks
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
        state.permit_is_out = false;
        state.slow = self.slow.get().unwrap_or(state.slow);
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

/// What the removal of a channel counts for, which takes reads.
const REMOVAL_BYTES: usize = 1024;

fn bytes_of_op(op: &Op) -> usize {
    match op {
        Op::Append(append) => append.data.len(),
        Op::Put(put) => put.key.len() + put.value.len(),
        Op::Delete { key } => key.len(),
        Op::Open { .. } => 0,
        Op::Remove { .. } => REMOVAL_BYTES,
    }
}
