//! What is kept when a gateway dies: a broker in memory that each life of the gateway opens again, with faults of its own,
//! and, to try the checker, with mistakes that a broker or a gateway might make.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, pending, ready};
use tokio::sync::watch;
use trunkline_broker::memory::MemoryBroker;
use trunkline_broker::{
    Append, Batch, Broker, BrokerError, Capabilities, Committed, Environment, Listener, Op, Options, Page, Written,
};
use trunkline_core::channel::{ChannelKey, ChannelKind};
use trunkline_core::log::{Head, Record, ResetReason, Retention};
use trunkline_core::record::{self, RecordKind};
use trunkline_protocol::Position;

use crate::chance::Chance;
use crate::history::{Fault, History, What};

/// How long sessions are kept that nobody uses, and runs that have ended.
pub(crate) const KEPT: Duration = Duration::from_mins(4);

/// How long topics are kept that nobody uses, and repetitions of what was published are known.
pub(crate) const TOPICS_KEPT: Duration = Duration::from_mins(2);

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
    /// One client is not told of a message in a topic.
    SkippedPublication,
    /// A message in a topic that is repeated is stored again.
    PublishedTwice,
    /// A message in a topic is acknowledged that was not stored.
    LostPublication,
    /// A client is not told that somebody has left.
    PresenceGhost,
    /// A worker that comes back has forgotten its calls.
    ForgetfulWorker,
    /// A channel whose time is over stays.
    KeptChannel,
    /// A run goes although its session's turn is another's.
    JumpedQueue,
    /// One device is not told of a message to its user.
    SkippedDevice,
    /// A user is taken for another one.
    MistakenIdentity,
    /// An old client is not told another device's message, as if it were its own.
    TakenForOwn,
    /// An old client is told half of an answer.
    ShortAnswer,
    /// A session that is in use is not renewed.
    ForgottenRenewal,
}

impl Sabotage {
    /// Every kind.
    pub const ALL: [Self; 22] = [
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
        Self::SkippedPublication,
        Self::PublishedTwice,
        Self::LostPublication,
        Self::PresenceGhost,
        Self::ForgetfulWorker,
        Self::KeptChannel,
        Self::JumpedQueue,
        Self::SkippedDevice,
        Self::MistakenIdentity,
        Self::TakenForOwn,
        Self::ShortAnswer,
        Self::ForgottenRenewal,
    ];
}

/// What outlives gateways.
pub(crate) struct Store {
    memory: MemoryBroker,
    relay: Arc<Relay>,
    sabotage: Option<Sabotage>,
    chance: Mutex<Chance>,
    /// Those that are there.
    channels: Mutex<BTreeSet<ChannelKey>>,
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
    pub(crate) fn new(seed: u64, sabotage: Option<Sabotage>, history: History) -> Arc<Self> {
        let clock = history.clone();
        let clock = Arc::new(move || clock.now_ms());
        let relay = Arc::new(Relay { history, listener: Mutex::default() });
        let retention = Retention { records_max: RECORDS_KEPT, bytes_max: u64::MAX };
        let options = Options { retention, idempotency: TOPICS_KEPT, ..Options::default() };
        let environment = Environment { clock, epoch_source: seed, listener: Arc::<Relay>::clone(&relay) };
        let memory = MemoryBroker::new(&options, environment);
        let (chance, channels) = (Mutex::new(Chance::new(seed, 100)), Mutex::default());
        Arc::new(Self { memory, relay, sabotage, chance, channels })
    }

    /// Opens it for one life of the gateway.
    pub(crate) fn open(self: &Arc<Self>, listener: Arc<dyn Listener>, calm: bool) -> Arc<Life> {
        *lock(&self.relay.listener) = Some(listener);
        Arc::new(Life { store: Arc::clone(self), calm, end: watch::Sender::new(None) })
    }

    /// The names of all channels and values.
    pub(crate) fn names(&self) -> Vec<String> {
        let values = self.memory.list("", None, usize::MAX).now_or_never().expect("a broker in memory answers at once");
        let values = values.expect("it does not fail").into_iter().map(|(name, _)| name);
        lock(&self.channels).iter().map(|channel| channel.public_name().to_owned()).chain(values).collect()
    }

    /// Notes what a batch has done that was written.
    fn written(&self, made: Vec<ChannelKey>, removed: Vec<ChannelKey>, renewed: Vec<(String, u64)>) {
        for (session, keep_ms) in renewed {
            let until_ms = self.relay.history.now_ms() + keep_ms;
            self.relay.history.add(What::Renewed { session, until_ms });
        }
        let mut channels = lock(&self.channels);
        channels.extend(made);
        for channel in removed {
            if channels.remove(&channel) {
                self.relay.history.add(What::Removed { channel: channel.public_name().to_owned() });
            }
        }
    }

    /// True about once in `count` times, if this mistake is planted.
    fn errs(&self, sabotage: Sabotage, count: u64) -> bool {
        self.sabotage == Some(sabotage) && lock(&self.chance).one_in(count)
    }
}

impl Store {
    /// Takes out of a batch what a mistake that is planted forgets.
    fn forget(&self, batch: &mut Batch) {
        for op in &mut batch.ops {
            match op {
                Op::Open { unique, .. } if self.sabotage == Some(Sabotage::ForgottenRepetition) => *unique = None,
                Op::Append(append) if self.sabotage == Some(Sabotage::PublishedTwice) => append.idempotency = None,
                _ => {}
            }
        }
        if self.sabotage == Some(Sabotage::ForgottenRenewal)
            && matches!(&batch.ops[..], [op] if session_of(op).is_some())
        {
            batch.ops.clear();
        }
        if self.sabotage == Some(Sabotage::KeptChannel) {
            batch.ops.retain(|op| !matches!(op, Op::Remove { .. }) || !lock(&self.chance).one_in(3));
        }
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
    calm: bool,
    end: watch::Sender<Option<End>>,
}

impl Life {
    /// Resolves when the store has ended this life so.
    pub(crate) async fn ended(&self, wanted: End) {
        let mut end = self.end.subscribe();
        // The sender lives as long as this.
        let _ = end.wait_for(|end| *end == Some(wanted)).await;
    }

    /// The gateway dies here and now.
    pub(crate) fn crash(&self) {
        drop(self.end(End::Crashed));
    }

    fn draw_fault(&self) -> Option<Fault> {
        if self.calm {
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
        let appends = |kind, of| {
            let fits = |append: &Append| append.channel.kind() == of && record::kind(&append.data) == Some(kind);
            batch.ops.iter().any(|op| matches!(op, Op::Append(append) if fits(append)))
        };
        let is_message = appends(RecordKind::Message, ChannelKind::Session);
        let is_answer = appends(RecordKind::Message, ChannelKind::Run);
        let is_publication = appends(RecordKind::Message, ChannelKind::Topic);
        let is_end = appends(RecordKind::Terminal, ChannelKind::Run);
        let is_lost = (is_message && store.errs(Sabotage::LostAcknowledgement, 30))
            || (is_answer && store.errs(Sabotage::LostApproval, 5))
            || (is_publication && store.errs(Sabotage::LostPublication, 30))
            || (is_end && store.errs(Sabotage::NoEnd, 30));
        if is_lost {
            return ready(Ok(Committed { written: vec![Written::Stored; batch.ops.len()] })).boxed();
        }
        store.forget(&mut batch);
        let second = batch.ops.iter().find_map(|op| match op {
            Op::Append(append) if append.seals && store.errs(Sabotage::TwoEnds, 30) => Some(append.channel.clone()),
            _ => None,
        });
        let made = batch.ops.iter().filter_map(|op| match op {
            Op::Open { channel, .. } => Some(channel.clone()),
            Op::Append(append) => Some(append.channel.clone()),
            _ => None,
        });
        let removed = batch.ops.iter().filter_map(|op| match op {
            Op::Remove { channel, .. } => Some(channel.clone()),
            _ => None,
        });
        let renewed = batch.ops.iter().filter_map(session_of);
        let (made, removed, renewed) = (made.collect(), removed.collect(), renewed.collect());
        let outcome = store.memory.commit(batch).now_or_never().expect("a broker in memory answers at once");
        if outcome.is_ok() {
            store.written(made, removed, renewed);
        }
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
        ready(outcome).boxed()
    }

    /// What is read now, and told later.
    fn slowly<T: Send + 'static>(&self, read: BoxFuture<'static, T>) -> BoxFuture<'static, T> {
        let is_slow = !self.calm && lock(&self.store.chance).one_in(50);
        if !is_slow {
            return read;
        }
        self.store.relay.history.fault(Fault::SlowRead);
        let delay = Duration::from_millis(lock(&self.store.chance).between(1, 500));
        async move {
            let read = read.await;
            tokio::time::sleep(delay).await;
            read
        }
        .boxed()
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
            let page = page.now_or_never().expect("a broker in memory answers at once");
            return self.slowly(ready(page).boxed());
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

/// The session whose time begins with this, and how long it is.
fn session_of(op: &Op) -> Option<(String, u64)> {
    let Op::Put(put) = op else { return None };
    let session = put.key.strip_prefix("session/default/")?;
    Some((session.to_owned(), put.keep_ms?))
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
