//! A broker that forgets everything when it is dropped: for tests and throw-away use.
//!
//! It works at once, in the thread that calls it, so a test with a paused clock never
//! waits for another thread. It has no queue and is never overloaded.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{Head, Record, ResetReason};
use trunkline_protocol::Position;

use crate::environment::{Environment, Epochs, Options};
use crate::interface::{Batch, Broker, BrokerError, Capabilities, Committed, Durability, Page};
use crate::metrics::Metrics;
use crate::page;
use crate::rules::{Changes, Group, Rules, tell};
use crate::view::{IdempotencyKey, Life, Remembered, StoreError, Value, View};

/// Most entries of what expires that one commit removes.
const SWEEP_ENTRIES_MAX: usize = 64;

/// Keeps channels and values in memory.
#[derive(Debug)]
pub struct MemoryBroker {
    /// Held while the listener is called, which keeps a channel's records in order.
    state: Mutex<State>,
    rules: Rules,
    idempotency_ms: u64,
    environment: Environment,
    metrics: Arc<Metrics>,
}

impl MemoryBroker {
    /// An empty broker. Of the options it needs retention and idempotency.
    pub fn new(options: &Options, environment: Environment) -> Self {
        Self {
            state: Mutex::new(State { tables: Tables::default(), epochs: Epochs::new(environment.epoch_source) }),
            rules: Rules::from(options),
            idempotency_ms: options.idempotency_ms(),
            environment,
            metrics: Arc::default(),
        }
    }

    /// What it counts.
    pub fn metrics(&self) -> Arc<Metrics> {
        self.metrics.clone()
    }

    fn commit_now(&self, batch: Batch) -> Result<Committed, BrokerError> {
        let now_ms = (self.environment.clock)();
        let mut state = self.lock();
        let State { tables, epochs } = &mut *state;
        let mut group = Group::new(tables, self.rules, epochs, now_ms);
        let outcome = group.apply(batch.ops).map_err(|error| unavailable(&error))?;
        let changes = group.into_changes();
        self.count(&outcome, &changes);
        tell(&*self.environment.listener, &changes.appended);
        tables.write(changes);
        tables.sweep(now_ms);
        outcome
    }

    fn count(&self, outcome: &Result<Committed, BrokerError>, changes: &Changes) {
        let counter = if outcome.is_ok() { &self.metrics.batches } else { &self.metrics.refused };
        Metrics::add(counter, 1);
        Metrics::add(&self.metrics.groups, 1);
        Metrics::add(&self.metrics.records, changes.appended.len());
        Metrics::add(&self.metrics.bytes, changes.appended.iter().map(|new| new.record.data.len()).sum());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A listener that panics leaves whole tables behind: they are changed after it returns.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable(error: &StoreError) -> BrokerError {
    BrokerError::Unavailable(error.to_string())
}

impl Broker for MemoryBroker {
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<Committed, BrokerError>> {
        ready(self.commit_now(batch)).boxed()
    }

    fn read(
        &self,
        channel: &ChannelKey,
        cursor: Option<Position>,
        bytes_max: usize,
    ) -> BoxFuture<'static, Result<Result<Page, ResetReason>, BrokerError>> {
        Metrics::add(&self.metrics.pages, 1);
        Metrics::add(&self.metrics.pages_from_memory, 1);
        let page = page::read(&self.lock().tables, channel, cursor, bytes_max);
        ready(page.map_err(|error| unavailable(&error))).boxed()
    }

    fn head(&self, channel: &ChannelKey) -> BoxFuture<'static, Result<Option<Head>, BrokerError>> {
        let head = self.lock().tables.head(channel);
        ready(head.map_err(|error| unavailable(&error))).boxed()
    }

    fn get(&self, key: &str) -> BoxFuture<'static, Result<Option<Bytes>, BrokerError>> {
        let now_ms = (self.environment.clock)();
        let value = self.lock().tables.values.get(key).cloned();
        ready(Ok(value.and_then(|value| value.live_at(now_ms)))).boxed()
    }

    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        count_max: usize,
    ) -> BoxFuture<'static, Result<Vec<(String, Bytes)>, BrokerError>> {
        let now_ms = (self.environment.clock)();
        let state = self.lock();
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let found = state.tables.values.range::<str, _>((start, Bound::Unbounded));
        let found = found.take_while(|(key, _)| key.starts_with(prefix));
        let found = found.filter_map(|(key, value)| Some((key.clone(), value.clone().live_at(now_ms)?)));
        ready(Ok(found.take(count_max).collect())).boxed()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { durability: Durability::Os, idempotency_ms: self.idempotency_ms }
    }
}

#[derive(Debug)]
struct State {
    tables: Tables,
    epochs: Epochs,
}

#[derive(Debug, Default)]
struct Tables {
    lives: BTreeMap<ChannelKey, Life>,
    heads: BTreeMap<ChannelKey, Head>,
    records: BTreeMap<ChannelKey, BTreeMap<u64, Record>>,
    remembered: BTreeMap<IdempotencyKey, Remembered>,
    values: BTreeMap<String, Value>,
    /// What expires, by time. An entry may be outdated: what is at the key was set again or deleted since.
    expiries: BTreeSet<(u64, Expiring)>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Expiring {
    Value(String),
    Idempotency(IdempotencyKey),
}

impl Tables {
    fn write(&mut self, changes: Changes) {
        for span in &changes.removed {
            self.records.remove(&span.channel);
        }
        for span in &changes.trimmed {
            if let Some(records) = self.records.get_mut(&span.channel) {
                records.retain(|offset, _| !(span.first..span.end).contains(offset));
            }
        }
        for new in changes.appended.iter().filter(|new| changes.keeps(new)) {
            let records = self.records.entry(new.channel.clone()).or_default();
            records.insert(new.record.position.offset, new.record.clone());
        }
        for (channel, life) in changes.lives {
            match life {
                Some(life) => self.lives.insert(channel, life),
                None => self.lives.remove(&channel),
            };
        }
        for (channel, head) in changes.heads {
            match head {
                Some(head) => self.heads.insert(channel, head),
                None => self.heads.remove(&channel),
            };
        }
        for (key, remembered) in changes.remembered {
            self.expiries.insert((remembered.expires_ms, Expiring::Idempotency(key.clone())));
            self.remembered.insert(key, remembered);
        }
        for (key, value) in changes.values {
            self.set(key, value);
        }
    }

    fn set(&mut self, key: String, value: Option<Value>) {
        let Some(value) = value else {
            self.values.remove(&key);
            return;
        };
        if let Some(expires_ms) = value.expires_ms {
            self.expiries.insert((expires_ms, Expiring::Value(key.clone())));
        }
        self.values.insert(key, value);
    }

    fn sweep(&mut self, now_ms: u64) {
        for _ in 0..SWEEP_ENTRIES_MAX {
            if self.expiries.first().is_none_or(|(expires_ms, _)| now_ms < *expires_ms) {
                return;
            }
            let Some((expires_ms, expiring)) = self.expiries.pop_first() else { return };
            self.expire(expires_ms, &expiring);
        }
    }

    /// Removes what expires at this time; what was set again expires at another one, and has an entry for that.
    fn expire(&mut self, expires_ms: u64, expiring: &Expiring) {
        match expiring {
            Expiring::Value(key) => {
                if self.values.get(key).is_some_and(|value| value.expires_ms == Some(expires_ms)) {
                    self.values.remove(key);
                }
            }
            Expiring::Idempotency(key) => {
                if self.remembered.get(key).is_some_and(|remembered| remembered.expires_ms == expires_ms) {
                    self.remembered.remove(key);
                }
            }
        }
    }
}

impl View for Tables {
    fn life(&self, channel: &ChannelKey) -> Result<Option<Life>, StoreError> {
        Ok(self.lives.get(channel).copied())
    }

    fn head(&self, channel: &ChannelKey) -> Result<Option<Head>, StoreError> {
        Ok(self.heads.get(channel).copied())
    }

    fn records(&self, channel: &ChannelKey, epoch: u64, from: u64) -> impl Iterator<Item = Result<Record, StoreError>> {
        let records = self.records.get(channel).into_iter();
        let records = records.flat_map(move |records| records.range(from..).map(|(_, record)| record));
        records.filter(move |record| record.position.epoch == epoch).cloned().map(Ok)
    }

    fn remembered(&self, key: &IdempotencyKey) -> Result<Option<Remembered>, StoreError> {
        Ok(self.remembered.get(key).copied())
    }

    fn value(&self, key: &str) -> Result<Option<Value>, StoreError> {
        Ok(self.values.get(key).cloned())
    }
}
