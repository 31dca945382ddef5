//! What waits for the writer: bounded in batches and in bytes.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::interface::{Batch, BrokerError, Committed, Op};
use crate::metrics::Metrics;

/// Something for the writer to do.
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

/// What the writer finds when it looks.
#[derive(Debug)]
pub(super) enum Taken {
    /// All that waited.
    Tasks(Vec<Task>),
    /// Nothing came in time.
    Nothing,
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
}

impl Queue {
    pub(super) fn new(batches_max: usize, bytes_max: usize, metrics: Arc<Metrics>) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), batches_max, bytes_max, metrics }
    }

    /// Adds a task, or says why not. Never waits.
    pub(super) fn push(&self, task: Task) -> Result<(), TurnedAway> {
        let bytes = bytes_of(&task);
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
        let writer_sleeps = state.waiting.is_empty();
        state.waiting.push(task);
        state.bytes += bytes;
        self.measure(&state);
        drop(state);
        // The writer takes everything that waits, so only the first task has to wake it.
        if writer_sleeps {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Takes everything that waits, as soon as there is anything, but waits no longer than `deadline`.
    pub(super) fn take(&self, deadline: Instant) -> Taken {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return Taken::Closed;
            }
            let Some(patience) = deadline.checked_duration_since(Instant::now()) else {
                return Taken::Nothing;
            };
            state = self.changed.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner).0;
        }
        let tasks = std::mem::take(&mut state.waiting);
        state.bytes = 0;
        self.measure(&state);
        Taken::Tasks(tasks)
    }

    /// Lets nothing in any more. What waits can still be taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
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

fn bytes_of(task: &Task) -> usize {
    match task {
        Task::Commit { batch, .. } => batch.ops.iter().map(bytes_of_op).sum(),
        Task::Sweep { .. } => 0,
    }
}

fn bytes_of_op(op: &Op) -> usize {
    match op {
        Op::Append(append) => append.data.len(),
        Op::Put(put) => put.key.len() + put.value.len(),
        Op::Delete { key } => key.len(),
        Op::Open { .. } | Op::Remove { .. } => 0,
    }
}
