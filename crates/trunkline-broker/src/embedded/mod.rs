//! A broker in a folder of this machine: nothing to install, and nothing acknowledged is lost.
//!
//! [`EmbeddedBroker`] writes a batch itself when nobody else writes, or hands it through a bounded `queue` to the
//! `writer`'s thread, and reads through a few `reader`s. `store` holds the engine, `layout` says how things are spelled on
//! disk, `sweep` removes what has expired, `open` finds the store and locks it.

mod layout;
mod open;
mod queue;
mod reader;
mod store;
mod sweep;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::{oneshot, watch};
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{Head, ResetReason};
use trunkline_protocol::Position;

pub use self::open::OpenError;
use self::queue::{Queue, Task, TurnedAway};
use self::reader::Reader;
use self::store::{Store, StoreView};
use self::sweep::Backlog;
use self::writer::{Pen, Writer};
use crate::environment::{Environment, Epochs, Options};
use crate::interface::{Batch, Broker, BrokerError, Capabilities, Committed, Durability, Page};
use crate::metrics::Metrics;
use crate::page;
use crate::rules::Rules;
use crate::view::{StoreError, View};

/// Keeps channels and values in a folder.
///
/// Dropping it carries out what is queued, stops its thread and unlocks the folder.
pub struct EmbeddedBroker {
    store: Arc<Store>,
    reader: Reader,
    queue: Arc<Queue>,
    writer: Arc<Writer>,
    thread: Mutex<Option<JoinHandle<()>>>,
    condition: watch::Receiver<Condition>,
    environment: Environment,
    metrics: Arc<Metrics>,
    idempotency_ms: u64,
}

/// How the writer is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Working,
    Closed,
    Failed(String),
}

impl EmbeddedBroker {
    /// Opens the store in `folder`, or makes it. Blocks for up to a second after a crash.
    pub fn open(folder: &Path, options: &Options, environment: Environment) -> Result<Self, OpenError> {
        let store = Arc::new(open::open(folder, options)?);
        let metrics = Arc::<Metrics>::default();
        let queue = Arc::new(Queue::new(options.queue_batches_max, options.queue_bytes_max, metrics.clone()));
        let (condition, watched) = watch::channel(Condition::Working);
        let pen = Pen {
            store: store.clone(),
            rules: Rules::from(options),
            epochs: Epochs::new(environment.epoch_source),
            environment: environment.clone(),
            metrics: metrics.clone(),
            backlog: Backlog::default(),
        };
        let writer = Arc::new(Writer::new(queue.clone(), pen, condition));
        let thread = writer.clone().start().map_err(|source| OpenError::Io { path: folder.to_owned(), source })?;
        Ok(Self {
            reader: Reader::new(store.clone(), options.readers_max, metrics.clone()),
            store,
            queue,
            writer,
            thread: Mutex::new(Some(thread)),
            condition: watched,
            environment,
            metrics,
            idempotency_ms: options.idempotency_ms(),
        })
    }

    /// Resolves with the reason once the store has failed, and never otherwise. Nothing can be written or
    /// read from then on, so the node has to stop: writing again after a failed sync could acknowledge what is lost.
    pub fn failed(&self) -> BoxFuture<'static, String> {
        let mut condition = self.condition.clone();
        async move {
            // An error means that it was closed; a closed broker does not fail.
            if condition.wait_for(|condition| matches!(condition, Condition::Failed(_))).await.is_err() {
                std::future::pending::<()>().await;
            }
            let reached = condition.borrow().clone();
            match reached {
                Condition::Failed(reason) => reason,
                Condition::Working | Condition::Closed => std::future::pending().await,
            }
        }
        .boxed()
    }

    /// Lets nothing in any more, carries out what is queued, and resolves when that is done. The folder is
    /// unlocked when the broker is dropped.
    pub fn close(&self) -> BoxFuture<'static, ()> {
        self.queue.close();
        let mut condition = self.condition.clone();
        async move {
            // An error means that the writer is gone, which is what is waited for.
            let _ = condition.wait_for(|condition| *condition != Condition::Working).await;
        }
        .boxed()
    }

    /// Dropping it waits for its thread no longer: that hangs, as on a disk that does not answer. The folder stays locked
    /// until the process ends.
    pub fn leave_behind(&self) {
        drop(self.thread().take());
    }

    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes everything that has expired, now instead of within the next seconds.
    pub fn sweep(&self) -> BoxFuture<'static, Result<(), BrokerError>> {
        let (answer, answered) = oneshot::channel();
        self.enqueue(Task::Sweep { answer }, answered.map(|outcome| outcome.map_err(|_| stopped())))
    }

    /// What it counts.
    pub fn metrics(&self) -> Arc<Metrics> {
        self.metrics.clone()
    }

    fn enqueue<T: Send + 'static>(
        &self,
        task: Task,
        answered: impl Future<Output = Result<T, BrokerError>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, BrokerError>> {
        match self.queue.push(task) {
            Ok(()) => answered.boxed(),
            Err(TurnedAway::Full) => {
                Metrics::add(&self.metrics.overloaded, 1);
                ready(Err(BrokerError::Overloaded)).boxed()
            }
            Err(TurnedAway::Closed) => ready(Err(stopped())).boxed(),
        }
    }

    /// The newest state of a channel, if it is in memory and the broker works.
    fn cached_head(&self, channel: &ChannelKey) -> Option<Head> {
        self.store.cached_head(channel).filter(|_| self.works())
    }

    fn works(&self) -> bool {
        *self.condition.borrow() == Condition::Working
    }

    /// Runs a read of about so many bytes, unless the broker has stopped.
    fn read_store<T: Send + 'static>(
        &self,
        bytes: usize,
        job: impl FnOnce(&StoreView<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, BrokerError>> {
        if !self.works() {
            return ready(Err(stopped())).boxed();
        }
        self.reader.clone().read(bytes, job).boxed()
    }
}

fn stopped() -> BrokerError {
    BrokerError::Unavailable("the broker has stopped".to_owned())
}

impl Broker for EmbeddedBroker {
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<Committed, BrokerError>> {
        let batch = match self.writer.commit_now(batch) {
            Ok(outcome) => return ready(outcome).boxed(),
            Err(batch) => batch,
        };
        let (answer, answered) = oneshot::channel();
        let answered = answered.map(|outcome| outcome.unwrap_or_else(|_| Err(stopped())));
        self.enqueue(Task::Commit { batch, answer }, answered)
    }

    fn read(
        &self,
        channel: &ChannelKey,
        cursor: Option<Position>,
        bytes_max: usize,
    ) -> BoxFuture<'static, Result<Result<Page, ResetReason>, BrokerError>> {
        Metrics::add(&self.metrics.pages, 1);
        let head = self.cached_head(channel);
        if let Some(page) = head.zip(cursor).and_then(|(head, cursor)| page::at_the_top(head, cursor)) {
            Metrics::add(&self.metrics.pages_from_memory, 1);
            return ready(Ok(page)).boxed();
        }
        let channel = channel.clone();
        self.read_store(bytes_max, move |view| page::read(view, &channel, cursor, bytes_max))
    }

    fn head(&self, channel: &ChannelKey) -> BoxFuture<'static, Result<Option<Head>, BrokerError>> {
        if let Some(head) = self.cached_head(channel) {
            return ready(Ok(Some(head))).boxed();
        }
        let channel = channel.clone();
        self.read_store(0, move |view| view.head(&channel))
    }

    fn get(&self, key: &str) -> BoxFuture<'static, Result<Option<Bytes>, BrokerError>> {
        let key = key.to_owned();
        let now_ms = (self.environment.clock)();
        self.read_store(0, move |view| Ok(view.value(&key)?.and_then(|value| value.live_at(now_ms))))
    }

    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        count_max: usize,
    ) -> BoxFuture<'static, Result<Vec<(String, Bytes)>, BrokerError>> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let now_ms = (self.environment.clock)();
        if !self.works() {
            return ready(Err(stopped())).boxed();
        }
        self.reader.clone().search(move |view| view.list(&prefix, after.as_deref(), count_max, now_ms)).boxed()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { durability: Durability::Disk, idempotency_ms: self.idempotency_ms }
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        self.queue.close();
        // A listener may hold the last handle, and then this is the thread itself.
        let thread = self.thread().take();
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id()) {
            // A panic of the writer was told through its condition already.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for EmbeddedBroker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EmbeddedBroker").field("condition", &*self.condition.borrow()).finish_non_exhaustive()
    }
}
