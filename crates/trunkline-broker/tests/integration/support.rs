//! A broker with a clock that tests move and a listener that remembers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tempfile::TempDir;
use trunkline_broker::embedded::EmbeddedBroker;
use trunkline_broker::memory::MemoryBroker;
use trunkline_broker::{
    Append, Batch, Broker, BrokerError, Committed, Durability, Environment, Expect, Idempotency, Listener, Op, Options,
    Page, Put, Refusal, Written,
};
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{Record, Retention};
use trunkline_protocol::Position;

/// The implementations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Memory,
    Embedded,
}

/// Remembers every record that it is told of.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Vec<(ChannelKey, Record)>>);

impl Recorder {
    pub(crate) fn heard(&self) -> Vec<(ChannelKey, Record)> {
        self.0.lock().unwrap().clone()
    }
}

impl Listener for Recorder {
    fn appended(&self, channel: &ChannelKey, records: &[Record]) {
        self.0.lock().unwrap().extend(records.iter().map(|record| (channel.clone(), record.clone())));
    }
}

enum Handle {
    Memory(MemoryBroker),
    Embedded(EmbeddedBroker),
    Gone,
}

/// A broker and the world around it.
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) recorder: Arc<Recorder>,
    now_ms: Arc<AtomicU64>,
    folder: TempDir,
    opened: u64,
    handle: Handle,
}

impl World {
    pub(crate) fn new(kind: Kind, options: Options) -> Self {
        let mut world = Self {
            options,
            recorder: Arc::default(),
            now_ms: Arc::new(AtomicU64::new(1_000_000)),
            folder: TempDir::new().unwrap(),
            opened: 0,
            handle: Handle::Gone,
        };
        world.handle = match kind {
            Kind::Memory => {
                let environment = world.environment();
                Handle::Memory(MemoryBroker::new(&world.options, environment))
            }
            Kind::Embedded => world.open_embedded(),
        };
        world
    }

    pub(crate) fn broker(&self) -> &dyn Broker {
        match &self.handle {
            Handle::Memory(broker) => broker,
            Handle::Embedded(broker) => broker,
            Handle::Gone => unreachable!("a broker is opened again at once"),
        }
    }

    pub(crate) fn embedded(&self) -> &EmbeddedBroker {
        match &self.handle {
            Handle::Embedded(broker) => broker,
            _ => panic!("this test is about the embedded broker"),
        }
    }

    /// Closes a broker that is kept somewhere and opens it again.
    pub(crate) fn reopen(&mut self) {
        if let Handle::Embedded(_) = &self.handle {
            self.handle = Handle::Gone;
            self.handle = self.open_embedded();
        }
    }

    pub(crate) async fn sweep(&self) {
        if let Handle::Embedded(broker) = &self.handle {
            broker.sweep().await.unwrap();
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn advance(&self, milliseconds: u64) {
        self.now_ms.fetch_add(milliseconds, Ordering::Relaxed);
    }

    pub(crate) fn environment(&mut self) -> Environment {
        self.opened += 1;
        let now_ms = self.now_ms.clone();
        Environment {
            clock: Arc::new(move || now_ms.load(Ordering::Relaxed)),
            epoch_source: self.opened,
            listener: self.recorder.clone(),
        }
    }

    fn open_embedded(&mut self) -> Handle {
        let environment = self.environment();
        Handle::Embedded(EmbeddedBroker::open(self.folder.path(), &self.options, environment).unwrap())
    }

    pub(crate) async fn commit(&self, ops: impl Into<Vec<Op>>) -> Result<Committed, BrokerError> {
        self.broker().commit(batch(ops)).await
    }

    /// Appends one record that nothing can be said against.
    pub(crate) async fn append(&self, channel: &ChannelKey, data: &str) -> Position {
        position(&self.commit([append(channel, data)]).await.unwrap())
    }

    pub(crate) async fn refusal(&self, ops: impl Into<Vec<Op>>) -> Refusal {
        match self.commit(ops).await {
            Err(BrokerError::Refused { refusal, .. }) => refusal,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    /// All that follows a cursor.
    pub(crate) async fn page(&self, channel: &ChannelKey, cursor: Option<Position>) -> Page {
        self.broker().read(channel, cursor, usize::MAX).await.unwrap().unwrap()
    }
}

/// Runs a check on each implementation.
pub(crate) async fn on_each(options: Options, check: impl AsyncFn(&mut World)) {
    for kind in [Kind::Memory, Kind::Embedded] {
        check(&mut World::new(kind, options.clone())).await;
    }
}

/// Options that keep a few records only.
pub(crate) fn short_retention(records_max: u64) -> Options {
    Options { retention: Retention { records_max, bytes_max: 1 << 20 }, ..Options::default() }
}

pub(crate) fn batch(ops: impl Into<Vec<Op>>) -> Batch {
    Batch { ops: ops.into(), durability: Durability::Os }
}

pub(crate) fn channel(name: &str) -> ChannelKey {
    ChannelKey::run("acme", name)
}

pub(crate) fn plain(channel: &ChannelKey, data: &str) -> Append {
    let data = Bytes::copy_from_slice(data.as_bytes());
    Append { channel: channel.clone(), data, expected: None, seals: false, idempotency: None, retention: None }
}

pub(crate) fn append(channel: &ChannelKey, data: &str) -> Op {
    Op::Append(plain(channel, data))
}

pub(crate) fn once(channel: &ChannelKey, data: &str, key: &str, digest: u8) -> Op {
    let idempotency = Some(Idempotency { key: key.to_owned(), digest: [digest; 16] });
    Op::Append(Append { idempotency, ..plain(channel, data) })
}

pub(crate) fn put(key: &str, value: &'static str, expect: Expect, keep_ms: Option<u64>) -> Op {
    Op::Put(Put { key: key.to_owned(), value: value.into(), expect, keep_ms })
}

/// Where the only record of a batch stands.
pub(crate) fn position(committed: &Committed) -> Position {
    match committed.written.as_slice() {
        [Written::Appended(position)] => *position,
        other => panic!("expected one record, got {other:?}"),
    }
}

pub(crate) fn texts(page: &Page) -> Vec<&str> {
    page.records.iter().map(|record| std::str::from_utf8(&record.data).unwrap()).collect()
}

/// Appends a record and gives the epoch of its channel.
pub(crate) async fn epoch_of(broker: &dyn Broker, channel: &ChannelKey) -> u64 {
    position(&broker.commit(batch([append(channel, "x")])).await.unwrap()).epoch
}
