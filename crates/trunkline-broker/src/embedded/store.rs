//! The engine's keyspaces: groups of changes are written, and one moment of them is read.

use std::cell::OnceCell;
use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable, Snapshot};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, UnitWeighter};
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{Head, Record};

use crate::embedded::layout::{self, Expiring};
use crate::environment::Options;
use crate::interface::Durability;
use crate::rules::{Appended, Changes, Span};
use crate::view::{IdempotencyKey, Life, Remembered, StoreError, Value, View};

/// Size at which the engine moves records from memory to a table: small, so that the journal is
/// replaced early and little of it has to be read when a store is opened again.
const RECORDS_MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// The same for the other keyspaces, which are smaller.
const OTHER_MEMORY_BYTES: u64 = 4 * 1024 * 1024;

/// Share of the channels in memory that are kept because they are used again and again, as sessions are. The others are
/// there for having come last: a run is opened, then nothing comes for a while, and then its first record. With the
/// cache's own 97 % a run was forgotten when 2,000 others had come in between, and its state read from disk.
const HEADS_USED_AGAIN: f64 = 0.5;

/// Everything that is kept.
pub(super) struct Store {
    database: Database,
    pub(super) lives: Keyspace,
    pub(super) records: Keyspace,
    pub(super) idempotency: Keyspace,
    pub(super) values: Keyspace,
    pub(super) expiries: Keyspace,
    pub(super) removals: Keyspace,
    /// The newest state of the channels in use; only who has the permit changes it.
    heads_cached: Cache<ChannelKey, Head>,
    /// How a batch is made safe at each level; `None` only in the test that must fail.
    os_level: Option<PersistMode>,
    /// Last, so that the folder is unlocked when the engine is closed. A read may outlive the broker.
    _lock: Arc<File>,
}

impl Store {
    /// The keyspaces of an open engine. `lock` is what keeps other processes out.
    pub(super) fn new(database: Database, lock: Arc<File>, options: &Options) -> fjall::Result<Self> {
        let keyspace = |name, memory_bytes| {
            database.keyspace(name, || KeyspaceCreateOptions::default().max_memtable_size(memory_bytes))
        };
        Ok(Self {
            lives: keyspace("lives", OTHER_MEMORY_BYTES)?,
            records: keyspace("records", RECORDS_MEMORY_BYTES)?,
            idempotency: keyspace("idempotency", OTHER_MEMORY_BYTES)?,
            values: keyspace("values", OTHER_MEMORY_BYTES)?,
            expiries: keyspace("expiries", OTHER_MEMORY_BYTES)?,
            removals: keyspace("removals", OTHER_MEMORY_BYTES)?,
            heads_cached: heads_cache(options.heads_cached_max),
            os_level: (!options.acknowledge_unpersisted).then_some(PersistMode::Buffer),
            database,
            _lock: lock,
        })
    }

    /// The newest state of a channel, if it is in memory.
    pub(super) fn cached_head(&self, channel: &ChannelKey) -> Option<Head> {
        self.heads_cached.get(channel)
    }

    /// One moment of the store, for readers. It sees whole groups only.
    pub(super) fn view(&self) -> StoreView<'_> {
        StoreView { store: self, snapshot: OnceCell::new(), cached: None }
    }

    /// The newest moment, for who has the permit and so knows that the states in memory belong to it.
    pub(super) fn newest(&self) -> StoreView<'_> {
        StoreView { cached: Some(&self.heads_cached), ..self.view() }
    }

    /// Whether the engine has memory to move to tables: it may hold up a write until that is done.
    pub(super) fn is_behind(&self) -> bool {
        self.database.outstanding_flushes() > 0
    }

    /// An empty set of writes.
    pub(super) fn batch(&self, durability: Durability) -> OwnedWriteBatch {
        let mode = match durability {
            Durability::Os => self.os_level,
            Durability::Disk => self.os_level.map(|_| PersistMode::SyncData),
        };
        self.database.batch().durability(mode)
    }

    /// Makes everything that was written before durable on the disk.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        Ok(self.database.persist(PersistMode::SyncData)?)
    }

    /// Writes a group at once and makes it durable. After an error nothing is known of it.
    pub(super) fn write(&self, changes: &Changes, durability: Durability) -> Result<(), StoreError> {
        let mut batch = self.batch(durability);
        self.put_records(&mut batch, changes);
        for (channel, life) in &changes.lives {
            match life {
                Some(life) => batch.insert(&self.lives, channel.as_str(), layout::life_value(life)),
                None => batch.remove(&self.lives, channel.as_str()),
            }
        }
        for (key, remembered) in &changes.remembered {
            let key = layout::idempotency_key(key);
            self.put_expiry(&mut batch, remembered.expires_ms, Expiring::Idempotency, &key);
            batch.insert(&self.idempotency, key, layout::remembered_value(remembered));
        }
        for (key, value) in &changes.values {
            self.put_value(&mut batch, key, value.as_ref());
        }
        batch.commit()?;
        self.cache_heads(changes);
        Ok(())
    }

    fn put_records(&self, batch: &mut OwnedWriteBatch, changes: &Changes) {
        for Span { channel, epoch, first, end } in &changes.trimmed {
            for offset in *first..*end {
                batch.remove(&self.records, layout::record_key(channel, *epoch, offset));
            }
        }
        for span in &changes.removed {
            let key = layout::life_prefix(&span.channel, span.epoch);
            batch.insert(&self.removals, key, layout::removal_value(span));
        }
        // A record that is trimmed in its own group is not written: one batch must not write and remove a key.
        for Appended { channel, record, head } in changes.appended.iter().filter(|new| changes.keeps(new)) {
            let key = layout::record_key(channel, record.position.epoch, record.position.offset);
            batch.insert(&self.records, key, layout::record_value(record, head));
        }
    }

    fn put_value(&self, batch: &mut OwnedWriteBatch, key: &str, value: Option<&Value>) {
        let Some(value) = value else {
            batch.remove(&self.values, key);
            return;
        };
        if let Some(expires_ms) = value.expires_ms {
            self.put_expiry(batch, expires_ms, Expiring::Value, key.as_bytes());
        }
        batch.insert(&self.values, key, layout::value_value(value));
    }

    /// Notes when to look at a key. The entry stays when the key is set again or deleted: finding it would take a read.
    fn put_expiry(&self, batch: &mut OwnedWriteBatch, expires_ms: u64, kind: Expiring, key: &[u8]) {
        batch.insert(&self.expiries, layout::expiry_key(expires_ms, kind, key), layout::expiry_value());
    }

    fn cache_heads(&self, changes: &Changes) {
        for (channel, head) in &changes.heads {
            match head {
                Some(head) => self.heads_cached.insert(channel.clone(), *head),
                None => drop(self.heads_cached.remove(channel)),
            }
        }
    }
}

fn heads_cache(channels_max: usize) -> Cache<ChannelKey, Head> {
    let options = OptionsBuilder::new()
        .estimated_items_capacity(channels_max)
        .weight_capacity(channels_max as u64)
        .hot_allocation(HEADS_USED_AGAIN)
        .build()
        .expect("both capacities are given");
    Cache::with_options(options, UnitWeighter, DefaultHashBuilder::default(), DefaultLifecycle::default())
}

/// One moment of the store: that of the first read.
pub(super) struct StoreView<'a> {
    store: &'a Store,
    /// Made for the first read: many a group needs none.
    snapshot: OnceCell<Snapshot>,
    cached: Option<&'a Cache<ChannelKey, Head>>,
}

impl StoreView<'_> {
    fn snapshot(&self) -> &Snapshot {
        self.snapshot.get_or_init(|| self.store.database.snapshot())
    }

    /// The state of a channel, which its newest record knows.
    fn newest_head(&self, channel: &ChannelKey, epoch: u64) -> Result<Head, StoreError> {
        let Some(newest) = self.entries(channel, epoch, 0).next_back() else { return Ok(Head::new(epoch)) };
        let (key, value) = newest.into_inner()?;
        layout::parse_head(&key, &value)
    }

    /// The records of one life of a channel, as they are stored.
    fn entries(&self, channel: &ChannelKey, epoch: u64, from: u64) -> fjall::Iter {
        let range = layout::record_key(channel, epoch, from)..=layout::record_key(channel, epoch, u64::MAX);
        self.snapshot().range(&self.store.records, range)
    }

    /// Live values whose keys start with `prefix` and follow `after`.
    pub(super) fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        count_max: usize,
        now_ms: u64,
    ) -> Result<Vec<(String, Bytes)>, StoreError> {
        let start = after.filter(|after| *after >= prefix).unwrap_or(prefix);
        let mut found = Vec::new();
        for entry in self.snapshot().range(&self.store.values, start.as_bytes()..) {
            let (key, value) = entry.into_inner()?;
            if found.len() == count_max || !key.starts_with(prefix.as_bytes()) {
                break;
            }
            let value = layout::parse_value(&value)?.live_at(now_ms);
            if let Some(value) = value.filter(|_| after.is_none_or(|after| *key != *after.as_bytes())) {
                found.push((text(&key)?, value));
            }
        }
        Ok(found)
    }
}

fn text(key: &[u8]) -> Result<String, StoreError> {
    String::from_utf8(key.to_vec()).map_err(|_| StoreError::Corrupt("a key is not text".to_owned()))
}

impl View for StoreView<'_> {
    fn life(&self, channel: &ChannelKey) -> Result<Option<Life>, StoreError> {
        let stored = self.snapshot().get(&self.store.lives, channel.as_str())?;
        stored.map(|value| layout::parse_life(&value)).transpose()
    }

    fn head(&self, channel: &ChannelKey) -> Result<Option<Head>, StoreError> {
        if let Some(head) = self.cached.and_then(|cached| cached.get(channel)) {
            return Ok(Some(head));
        }
        self.life(channel)?.map(|life| self.newest_head(channel, life.epoch)).transpose()
    }

    fn records(&self, channel: &ChannelKey, epoch: u64, from: u64) -> impl Iterator<Item = Result<Record, StoreError>> {
        self.entries(channel, epoch, from).map(|entry| {
            let (key, value) = entry.into_inner()?;
            layout::parse_record(&key, &value)
        })
    }

    fn remembered(&self, key: &IdempotencyKey) -> Result<Option<Remembered>, StoreError> {
        let stored = self.snapshot().get(&self.store.idempotency, layout::idempotency_key(key))?;
        stored.map(|value| layout::parse_remembered(key.epoch, &value)).transpose()
    }

    fn value(&self, key: &str) -> Result<Option<Value>, StoreError> {
        let stored = self.snapshot().get(&self.store.values, key)?;
        stored.map(|value| layout::parse_value(&value)).transpose()
    }
}
