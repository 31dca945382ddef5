//! What is kept when a gateway dies: a broker in memory that each life of the gateway opens again, with faults of its own,
//! and, to try the checker, with mistakes that a broker or a gateway might make.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, pending, ready};
use tokio::sync::watch;
use trunkline_broker::memory::MemoryBroker;
use trunkline_broker::{
    Batch, Broker, BrokerError, Capabilities, Committed, Environment, Listener, Op, Options, Page, Written,
};
use trunkline_core::channel::{ChannelKey, ChannelKind};
use trunkline_core::log::{Head, Record, ResetReason, Retention};
use trunkline_core::record::{self, RecordKind};
use trunkline_protocol::Position;

use crate::chance::Chance;
use crate::history::{Fault, History};

/// Records that a channel keeps: few, so that whoever was away for long has lost some.
pub(crate) const RECORDS_KEPT: u64 = 60;

/// A mistake to plant, so that the checker has something to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A message is acknowledged that was not stored.
    LostAcknowledgement,
    /// A message that is repeated is stored again.
    ForgottenRepetition,
    /// A record is left out when a log is read.
    SkippedRecord,
    /// A record is told again when a log is read.
    DoubleDelivery,
    /// The store comes back without its newest records, gives their places to others, and nobody looks at tags.
    Fork,
    /// A position that nobody gave out is taken for a good one.
    StaleResume,
    /// A run ends a second time.
    TwoEnds,
    /// A run never ends.
    NoEnd,
    /// Two pieces of an answer change places.
    ReorderedText,
    /// A person's answer is acknowledged that was not stored.
    LostApproval,
}

impl Sabotage {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::LostAcknowledgement,
        Self::ForgottenRepetition,
        Self::SkippedRecord,
        Self::DoubleDelivery,
        Self::Fork,
        Self::StaleResume,
        Self::TwoEnds,
        Self::NoEnd,
        Self::ReorderedText,
        Self::LostApproval,
    ];
}

/// What outlives gateways.
pub(crate) struct Store {
    memory: MemoryBroker,
    relay: Arc<Relay>,
    sabotage: Option<Sabotage>,
    chance: Mutex<Chance>,
}

/// Hears of each record, and tells the gateway that lives now.
struct Relay {
    history: History,
    listener: Mutex<Option<Arc<dyn Listener>>>,
}

impl Listener for Relay {
    fn appended(&self, channel: &ChannelKey, records: &[Record]) {
        for record in records {
            self.history.stored(channel, record);
        }
        let listener = lock(&self.listener).clone();
        if let Some(listener) = listener {
            listener.appended(channel, records);
        }
    }
}

impl Store {
    pub(crate) fn new(
        seed: u64,
        sabotage: Option<Sabotage>,
        history: History,
        clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    ) -> Arc<Self> {
        let relay = Arc::new(Relay { history, listener: Mutex::default() });
        let options =
            Options { retention: Retention { records_max: RECORDS_KEPT, bytes_max: u64::MAX }, ..Options::default() };
        let environment = Environment { clock, epoch_source: seed, listener: Arc::<Relay>::clone(&relay) };
        let memory = MemoryBroker::new(&options, environment);
        Arc::new(Self { memory, relay, sabotage, chance: Mutex::new(Chance::new(seed, 100)) })
    }

    /// Opens it for one life of the gateway.
    pub(crate) fn open(self: &Arc<Self>, listener: Arc<dyn Listener>, calm: bool) -> Arc<Life> {
        *lock(&self.relay.listener) = Some(listener);
        Arc::new(Life { store: Arc::clone(self), calm: AtomicBool::new(calm), end: watch::Sender::new(None) })
    }

    /// True about once in `count` times, if this mistake is planted.
    fn errs(&self, sabotage: Sabotage, count: u64) -> bool {
        self.sabotage == Some(sabotage) && lock(&self.chance).one_in(count)
    }
}

/// How a life of the gateway ends by its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The process died.
    Crashed,
    /// The store failed, and says so.
    Failed,
}

/// The store in one life of the gateway.
pub(crate) struct Life {
    store: Arc<Store>,
    calm: AtomicBool,
    end: watch::Sender<Option<End>>,
}

impl Life {
    /// Resolves when the store has ended this life so.
    pub(crate) async fn ended(&self, wanted: End) {
        let mut end = self.end.subscribe();
        // The sender lives as long as this.
        let _ = end.wait_for(|end| *end == Some(wanted)).await;
    }

    /// No more faults.
    pub(crate) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    fn draw_fault(&self) -> Option<Fault> {
        if self.calm.load(Ordering::Relaxed) {
            return None;
        }
        let mut chance = lock(&self.store.chance);
        match chance.between(1, 16_000) {
            1..=4 => Some(Fault::CrashBeforeWrite),
            5..=8 => Some(Fault::CrashAfterWrite),
            9 => Some(Fault::StoreFailed),
            10..=60 => Some(Fault::StoreFull),
            61..=300 => Some(Fault::StoreSlow),
            _ => None,
        }
    }

    fn end(&self, end: End) -> BoxFuture<'static, Result<Committed, BrokerError>> {
        *lock(&self.store.relay.listener) = None;
        self.end.send_replace(Some(end));
        pending().boxed()
    }

    /// Carries a batch out, or, where a mistake is planted, something else.
    fn write(&self, mut batch: Batch) -> BoxFuture<'static, Result<Committed, BrokerError>> {
        let store = &self.store;
        let appends = |kind| {
            batch.ops.iter().any(|op| matches!(op, Op::Append(append) if record::kind(&append.data) == Some(kind)))
        };
        let (is_message, is_end) = (appends(RecordKind::Message), appends(RecordKind::Terminal));
        let is_answer = is_message && batch.ops.iter().all(|op| !matches!(op, Op::Open { .. }));
        let is_lost = (is_message && !is_answer && store.errs(Sabotage::LostAcknowledgement, 30))
            || (is_answer && store.errs(Sabotage::LostApproval, 5))
            || (is_end && store.errs(Sabotage::NoEnd, 30));
        if is_lost {
            return ready(Ok(Committed { written: vec![Written::Stored; batch.ops.len()] })).boxed();
        }
        if store.sabotage == Some(Sabotage::ForgottenRepetition) {
            for op in &mut batch.ops {
                if let Op::Open { unique, .. } = op {
                    *unique = None;
                }
            }
        }
        let second = batch.ops.iter().find_map(|op| match op {
            Op::Append(append) if append.seals && store.errs(Sabotage::TwoEnds, 30) => Some(append.channel.clone()),
            _ => None,
        });
        let outcome = store.memory.commit(batch);
        if let Some(channel) = second {
            let page = store.memory.read(&channel, None, usize::MAX).now_or_never();
            if let Some(Ok(Ok(page))) = page
                && let Some(end) = page.records.last()
            {
                let mut again = end.clone();
                again.previous = end.position;
                again.position.offset += 1;
                store.relay.appended(&channel, &[again]);
            }
        }
        outcome
    }
}

impl Broker for Life {
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<Committed, BrokerError>> {
        if self.end.borrow().is_some() {
            return pending().boxed();
        }
        let fault = self.draw_fault();
        if let Some(fault) = fault {
            self.store.relay.history.fault(fault);
        }
        match fault {
            Some(Fault::CrashBeforeWrite) => self.end(End::Crashed),
            Some(Fault::CrashAfterWrite) => {
                *lock(&self.store.relay.listener) = None;
                // The gateway is dead: nobody hears of the outcome.
                drop(self.write(batch));
                self.end(End::Crashed)
            }
            Some(Fault::StoreFailed) => {
                drop(self.end(End::Failed));
                ready(Err(BrokerError::Unavailable("the disk is gone".to_owned()))).boxed()
            }
            Some(Fault::StoreFull) => ready(Err(BrokerError::Overloaded)).boxed(),
            Some(Fault::StoreSlow) => {
                let delay = Duration::from_millis(lock(&self.store.chance).between(1, 3000));
                let outcome = self.write(batch);
                async move {
                    tokio::time::sleep(delay).await;
                    outcome.await
                }
                .boxed()
            }
            _ => self.write(batch),
        }
    }

    fn read(
        &self,
        channel: &ChannelKey,
        cursor: Option<Position>,
        bytes_max: usize,
    ) -> BoxFuture<'static, Result<Result<Page, ResetReason>, BrokerError>> {
        let store = &self.store;
        let page = store.memory.read(channel, cursor, bytes_max);
        if store.sabotage.is_none() {
            return page;
        }
        let mut page = page.now_or_never().expect("a broker in memory answers at once");
        if store.sabotage == Some(Sabotage::StaleResume)
            && matches!(page, Ok(Err(_)))
            && let Some(cursor) = cursor
        {
            page = store.memory.read(channel, None, bytes_max).now_or_never().expect("as above");
            if let Ok(Ok(page)) = &mut page {
                page.records.retain(|record| record.position.offset > cursor.offset);
            }
        }
        if let Ok(Ok(page)) = &mut page {
            self.spoil(channel, &mut page.records);
        }
        ready(page).boxed()
    }

    fn head(&self, channel: &ChannelKey) -> BoxFuture<'static, Result<Option<Head>, BrokerError>> {
        self.store.memory.head(channel)
    }

    fn get(&self, key: &str) -> BoxFuture<'static, Result<Option<Bytes>, BrokerError>> {
        self.store.memory.get(key)
    }

    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        count_max: usize,
    ) -> BoxFuture<'static, Result<Vec<(String, Bytes)>, BrokerError>> {
        self.store.memory.list(prefix, after, count_max)
    }

    fn capabilities(&self) -> Capabilities {
        self.store.memory.capabilities()
    }
}

impl Life {
    /// Plants mistakes in what was read.
    fn spoil(&self, channel: &ChannelKey, records: &mut Vec<Record>) {
        let store = &self.store;
        if records.len() >= 3 && store.errs(Sabotage::SkippedRecord, 5) {
            records.remove(records.len() / 2);
        }
        let is_session = channel.kind() == ChannelKind::Session;
        for stored in records {
            match record::kind(&stored.data) {
                Some(RecordKind::Message) if is_session && store.errs(Sabotage::Fork, 5) => {
                    rewrite(stored, |text| text.replace("texts", "other"));
                }
                Some(RecordKind::Text) if store.errs(Sabotage::ReorderedText, 5) => {
                    rewrite(stored, |text| text.split(' ').rev().collect::<Vec<_>>().join(" "));
                }
                _ => {}
            }
        }
    }
}

/// Changes the payload of a stored message.
fn rewrite(stored: &mut Record, change: impl FnOnce(&str) -> String) {
    let Ok((kind, message)) = record::message(&stored.data) else { return };
    let Some(payload) = message.payload.as_ref().and_then(trunkline_protocol::Payload::as_json) else { return };
    let mut value: serde_json::Value = serde_json::from_str(payload.get()).expect("it is JSON");
    match value.get_mut("text") {
        Some(serde_json::Value::String(text)) => *text = change(text),
        _ => value = serde_json::from_str(&change(payload.get())).expect("only names were changed"),
    }
    let payload = serde_json::value::to_raw_value(&value).expect("it serialises");
    let changed = trunkline_protocol::Envelope { payload: Some((&payload).into()), ..message.clone() };
    stored.data = record::data(kind, &changed);
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
