//! What writes: one at a time, whoever has the permit.
//!
//! A group of batches is applied one by one, written at once, told to the listener, and then answered. The
//! [`Writer`]'s thread takes whatever waits: while one group is written the next one gathers, so groups grow with the
//! load and no timer is needed. When nothing waits, a small batch is a group of its own, written by its caller.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use crate::embedded::queue::{Found, Permit, Queue, Task};
use crate::embedded::store::Store;
use crate::embedded::sweep::{Backlog, Swept};
use crate::embedded::{Condition, stopped};
use crate::environment::{Environment, Epochs};
use crate::interface::{Batch, BrokerError, Committed, Durability};
use crate::metrics::Metrics;
use crate::rules::{Changes, Group, Rules, tell};
use crate::view::StoreError;

/// How often what has expired is looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Pause between passes while there is more to sweep: batches come first, but a busy broker still sweeps 30,000 entries
/// a second.
const SWEEP_BACKLOG_INTERVAL: Duration = Duration::from_millis(5);

/// Writes for whoever has the permit: a caller, or the thread until the queue is closed and empty or the store fails.
pub(super) struct Writer {
    queue: Arc<Queue>,
    store: Arc<Store>,
    /// For who has the permit, so that nobody ever waits for it.
    pen: Mutex<Pen>,
    condition: watch::Sender<Condition>,
}

/// What a batch is answered.
type Outcome = Result<Committed, BrokerError>;

impl Writer {
    pub(super) fn new(queue: Arc<Queue>, pen: Pen, condition: watch::Sender<Condition>) -> Self {
        Self { queue, store: pen.store.clone(), pen: Mutex::new(pen), condition }
    }

    /// Starts the thread.
    pub(super) fn start(self: Arc<Self>) -> std::io::Result<JoinHandle<()>> {
        thread::Builder::new().name("trunkline-writer".to_owned()).spawn(move || self.work())
    }

    /// Carries out a small batch in the caller's thread, if nothing is in its way; otherwise gives it back.
    pub(super) fn commit_now(&self, batch: Batch) -> Result<Outcome, Batch> {
        let Some(permit) = self.queue.permit_for(&batch, self.store.is_behind()) else { return Err(batch) };
        let outcome = self.with_pen(|pen| pen.carry_out_one(batch, &permit));
        Ok(outcome.unwrap_or_else(|| Err(stopped())))
    }

    fn work(&self) {
        let mut sweep_at = Instant::now() + SWEEP_INTERVAL;
        while let Found::Tasks(permit, tasks) = self.queue.wait_for_tasks(sweep_at) {
            self.with_pen(|pen| {
                if !tasks.is_empty() {
                    pen.carry_out(tasks, &permit)?;
                }
                if Instant::now() >= sweep_at {
                    let pause = if pen.sweep()?.more { SWEEP_BACKLOG_INTERVAL } else { SWEEP_INTERVAL };
                    sweep_at = Instant::now() + pause;
                }
                Ok(())
            });
        }
        self.end(Condition::Closed);
    }

    /// Does something that only who has the permit may do. `None` when it failed or panicked: the broker is at its end.
    fn with_pen<T>(&self, work: impl FnOnce(&mut Pen) -> Result<T, StoreError>) -> Option<T> {
        let mut pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = match catch_unwind(AssertUnwindSafe(|| work(&mut pen))) {
            Ok(Ok(done)) => return Some(done),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the writer panicked".to_owned(),
        };
        tracing::error!(%reason, "the store failed; the broker stops");
        self.end(Condition::Failed(reason));
        None
    }

    /// Lets nothing in any more. The first reason counts.
    fn end(&self, reason: Condition) {
        self.queue.close();
        self.condition.send_if_modified(|condition| {
            let first = *condition == Condition::Working;
            if first {
                *condition = reason;
            }
            first
        });
        // Whoever waits is answered by the end of the channel that the answer would come through.
        self.queue.clear();
    }
}

/// What is needed to write, held by who has the permit.
pub(super) struct Pen {
    pub(super) store: Arc<Store>,
    pub(super) rules: Rules,
    pub(super) epochs: Epochs,
    pub(super) environment: Environment,
    pub(super) metrics: Arc<Metrics>,
    pub(super) backlog: Backlog,
}

impl Pen {
    fn carry_out_one(&mut self, batch: Batch, permit: &Permit<'_>) -> Result<Outcome, StoreError> {
        let mut outcomes = self.write_group(vec![batch], permit)?;
        Metrics::add(&self.metrics.groups_by_caller, 1);
        Ok(outcomes.pop().expect("one outcome for each batch"))
    }

    fn carry_out(&mut self, tasks: Vec<Task>, permit: &Permit<'_>) -> Result<(), StoreError> {
        let (mut batches, mut answers, mut sweeps) = (Vec::with_capacity(tasks.len()), Vec::new(), Vec::new());
        for task in tasks {
            match task {
                Task::Commit { batch, answer } => {
                    batches.push(batch);
                    answers.push(answer);
                }
                Task::Sweep { answer } => sweeps.push(answer),
            }
        }
        for (answer, outcome) in answers.into_iter().zip(self.write_group(batches, permit)?) {
            // An error means that nobody waits for the answer.
            let _ = answer.send(outcome);
        }
        self.sweep_for(sweeps)
    }

    /// Makes a group of batches durable and tells the listener.
    fn write_group(&mut self, batches: Vec<Batch>, permit: &Permit<'_>) -> Result<Vec<Outcome>, StoreError> {
        let started = Instant::now();
        let store = self.store.clone();
        let view = store.newest();
        let now_ms = (self.environment.clock)();
        let mut group = Group::new(&view, self.rules, &mut self.epochs, now_ms);
        let mut durability = Durability::Os;
        let mut outcomes = Vec::with_capacity(batches.len());
        for batch in batches {
            // Also of one that is refused: a repetition is answered by what was perhaps written at the lower level.
            durability = durability.max(batch.durability);
            outcomes.push(group.apply(batch.ops)?);
        }
        let changes = group.into_changes();
        drop(view);
        self.write(&changes, durability)?;
        let took = started.elapsed();
        Metrics::add(&self.metrics.synced, usize::from(durability == Durability::Disk));
        if durability == Durability::Os && !changes.is_empty() {
            permit.wrote_in(took);
        }
        self.count(&outcomes, &changes, took);
        tell(&*self.environment.listener, &changes.appended);
        Ok(outcomes)
    }

    fn write(&self, changes: &Changes, durability: Durability) -> Result<(), StoreError> {
        match (changes.is_empty(), durability) {
            (false, _) => self.store.write(changes, durability),
            // What makes this batch superfluous may have been written at the lower level.
            (true, Durability::Disk) => self.store.sync(),
            (true, Durability::Os) => Ok(()),
        }
    }

    fn count(&self, outcomes: &[Outcome], changes: &Changes, took: Duration) {
        let took_effect = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let trimmed = changes.trimmed.iter().map(|span| span.end - span.first).sum::<u64>();
        Metrics::add(&self.metrics.groups, 1);
        Metrics::add(&self.metrics.batches, took_effect);
        Metrics::add(&self.metrics.refused, outcomes.len() - took_effect);
        Metrics::add(&self.metrics.records, changes.appended.len());
        Metrics::add(&self.metrics.bytes, changes.appended.iter().map(|new| new.record.data.len()).sum());
        Metrics::add(&self.metrics.trimmed, usize::try_from(trimmed).unwrap_or(usize::MAX));
        Metrics::add(&self.metrics.commit_us, usize::try_from(took.as_micros()).unwrap_or(usize::MAX));
    }

    fn sweep_for(&mut self, sweeps: Vec<oneshot::Sender<()>>) -> Result<(), StoreError> {
        for answer in sweeps {
            // Everything is looked for: also what a backlog's passes left behind them.
            self.backlog = Backlog::default();
            while self.sweep()?.more {}
            // An error means that nobody waits for the answer.
            let _ = answer.send(());
        }
        Ok(())
    }

    fn sweep(&mut self) -> Result<Swept, StoreError> {
        let swept = self.backlog.sweep(&self.store, (self.environment.clock)())?;
        Metrics::add(&self.metrics.swept, swept.entries);
        Ok(swept)
    }
}
