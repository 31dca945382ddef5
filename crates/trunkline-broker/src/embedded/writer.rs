//! The one thread that writes.
//!
//! It takes whatever waits, applies it batch by batch, writes all of it at once, tells the
//! listener and then answers. While one group is written the next one gathers, so groups
//! grow with the load and no timer is needed.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use crate::embedded::Condition;
use crate::embedded::queue::{Queue, Taken, Task};
use crate::embedded::store::Store;
use crate::embedded::sweep::{Swept, sweep};
use crate::environment::{Environment, Epochs};
use crate::interface::{BrokerError, Committed, Durability};
use crate::metrics::Metrics;
use crate::rules::{Changes, Group, Rules};
use crate::view::StoreError;

/// How often what has expired is looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Pause between passes while there is more to sweep: batches come first, but a busy broker still sweeps
/// 50,000 entries a second.
const SWEEP_BACKLOG_INTERVAL: Duration = Duration::from_millis(20);

/// Carries out what is in the queue until that is closed and empty, or the store fails.
pub(super) struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) store: Arc<Store>,
    pub(super) rules: Rules,
    pub(super) epochs: Epochs,
    pub(super) environment: Environment,
    pub(super) metrics: Arc<Metrics>,
    pub(super) condition: watch::Sender<Condition>,
}

/// A batch whose outcome is known but not yet durable.
type Answer = (oneshot::Sender<Result<Committed, BrokerError>>, Result<Committed, BrokerError>);

impl Writer {
    /// Starts the thread.
    pub(super) fn start(self) -> std::io::Result<JoinHandle<()>> {
        thread::Builder::new().name("trunkline-writer".to_owned()).spawn(move || self.run())
    }

    fn run(mut self) {
        let mut ending = Ending {
            queue: self.queue.clone(),
            condition: self.condition.clone(),
            last: Condition::Failed("the writer panicked".to_owned()),
        };
        ending.last = match self.work() {
            Ok(()) => Condition::Closed,
            Err(error) => {
                tracing::error!(%error, "the store failed; the broker stops");
                Condition::Failed(error.to_string())
            }
        };
    }

    fn work(&mut self) -> Result<(), StoreError> {
        let mut sweep_at = Instant::now() + SWEEP_INTERVAL;
        loop {
            match self.queue.take(sweep_at) {
                Taken::Tasks(tasks) => self.carry_out(tasks)?,
                Taken::Nothing => {}
                Taken::Closed => return Ok(()),
            }
            if Instant::now() >= sweep_at {
                let pause = if self.sweep()?.more { SWEEP_BACKLOG_INTERVAL } else { SWEEP_INTERVAL };
                sweep_at = Instant::now() + pause;
            }
        }
    }

    fn carry_out(&mut self, tasks: Vec<Task>) -> Result<(), StoreError> {
        let started = Instant::now();
        let store = self.store.clone();
        let view = store.newest();
        let now_ms = (self.environment.clock)();
        let mut group = Group::new(&view, self.rules, &mut self.epochs, now_ms);
        let mut durability = Durability::Os;
        let mut answers: Vec<Answer> = Vec::with_capacity(tasks.len());
        let mut sweeps = Vec::new();
        for task in tasks {
            match task {
                Task::Commit { batch, answer } => {
                    let outcome = group.apply(batch.ops)?;
                    if outcome.is_ok() {
                        durability = durability.max(batch.durability);
                    }
                    answers.push((answer, outcome));
                }
                Task::Sweep { answer } => sweeps.push(answer),
            }
        }
        let changes = group.into_changes();
        drop(view);
        self.write(&changes, durability)?;
        self.count(&answers, &changes, started.elapsed());
        self.deliver(&changes, answers);
        self.sweep_for(sweeps)
    }

    fn write(&self, changes: &Changes, durability: Durability) -> Result<(), StoreError> {
        match (changes.is_empty(), durability) {
            (false, _) => self.store.write(changes, durability),
            // What makes this batch superfluous may have been written at the lower level.
            (true, Durability::Disk) => self.store.sync(),
            (true, Durability::Os) => Ok(()),
        }
    }

    fn deliver(&self, changes: &Changes, answers: Vec<Answer>) {
        for (channel, record) in &changes.appended {
            self.environment.listener.appended(channel, record);
        }
        for (answer, outcome) in answers {
            // An error means that nobody waits for the answer.
            let _ = answer.send(outcome);
        }
    }

    fn count(&self, answers: &[Answer], changes: &Changes, took: Duration) {
        let took_effect = answers.iter().filter(|(_, outcome)| outcome.is_ok()).count();
        let trimmed = changes.trimmed.iter().map(|span| span.end - span.first).sum::<u64>();
        Metrics::add(&self.metrics.groups, 1);
        Metrics::add(&self.metrics.batches, took_effect);
        Metrics::add(&self.metrics.refused, answers.len() - took_effect);
        Metrics::add(&self.metrics.records, changes.appended.len());
        Metrics::add(&self.metrics.bytes, changes.appended.iter().map(|(_, record)| record.data.len()).sum());
        Metrics::add(&self.metrics.trimmed, usize::try_from(trimmed).unwrap_or(usize::MAX));
        Metrics::add(&self.metrics.commit_us, usize::try_from(took.as_micros()).unwrap_or(usize::MAX));
    }

    fn sweep_for(&self, sweeps: Vec<oneshot::Sender<()>>) -> Result<(), StoreError> {
        for answer in sweeps {
            while self.sweep()?.more {}
            // An error means that nobody waits for the answer.
            let _ = answer.send(());
        }
        Ok(())
    }

    fn sweep(&self) -> Result<Swept, StoreError> {
        let swept = sweep(&self.store, (self.environment.clock)())?;
        Metrics::add(&self.metrics.swept, swept.entries);
        Ok(swept)
    }
}

/// Says that the writer ended, however it ended.
struct Ending {
    queue: Arc<Queue>,
    condition: watch::Sender<Condition>,
    last: Condition,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.queue.close();
        let last = std::mem::replace(&mut self.last, Condition::Closed);
        self.condition.send_replace(last);
        // Whoever waits is answered by the end of the channel that the answer would come through.
        drop(self.queue.take(Instant::now()));
    }
}
