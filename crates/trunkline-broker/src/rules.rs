//! What a batch does: operations go in, changes or a refusal come out.
//!
//! Batches of a group are applied one after the other; each sees what those before it did.
//! A batch that is refused leaves no trace. Nothing is written here: a broker takes the
//! [`Changes`] of the whole group and makes them durable.

use std::collections::HashMap;

use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{AppendRefused, Head, Record, Retention};
use trunkline_protocol::Position;

use crate::environment::{Epochs, Options};
use crate::interface::{
    Append, BrokerError, Committed, Duplicate, Expect, Idempotency, KEY_BYTES_MAX, Listener, Op, Put, Refusal, Written,
};
use crate::view::{IdempotencyKey, Life, Remembered, StoreError, Value, View};

/// Most records that one append trims. It adds one, so this catches up with any backlog, while
/// a retention that was made shorter does not hold up the writer.
const TRIM_RECORDS_MAX: usize = 256;

/// The settings that the rules depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    retention: Retention,
    idempotency_ms: u64,
}

impl From<&Options> for Rules {
    fn from(options: &Options) -> Self {
        Self { retention: options.retention, idempotency_ms: options.idempotency_ms() }
    }
}

/// What a group changes, ready to be written at once.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Channels that came into being, or were removed: `None`.
    pub(crate) lives: HashMap<ChannelKey, Option<Life>>,
    /// Channels as they are afterwards; `None`: removed.
    pub(crate) heads: HashMap<ChannelKey, Option<Head>>,
    /// New records, in the order of their appends. Some may be trimmed or removed by now: see [`Changes::keeps`].
    pub(crate) appended: Vec<Appended>,
    /// Records that go because a channel holds more than is kept.
    pub(crate) trimmed: Vec<Span>,
    /// Records that go with their channel.
    pub(crate) removed: Vec<Span>,
    /// Idempotency keys to remember.
    pub(crate) remembered: HashMap<IdempotencyKey, Remembered>,
    /// Values as they are afterwards; `None`: removed.
    pub(crate) values: HashMap<String, Option<Value>>,
}

impl Changes {
    /// Says whether a record of this group is still there at its end.
    pub(crate) fn keeps(&self, appended: &Appended) -> bool {
        let Position { epoch, offset, .. } = appended.record.position;
        let head = self.heads.get(&appended.channel).copied().flatten();
        head.is_some_and(|head| head.top.epoch == epoch && head.oldest <= offset)
    }

    /// Says whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.heads.is_empty() && self.remembered.is_empty() && self.values.is_empty()
    }

    /// Moves the changes of a batch that took effect behind those of the batches before it.
    fn absorb(&mut self, batch: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, batch);
            return;
        }
        self.lives.extend(batch.lives.drain());
        self.heads.extend(batch.heads.drain());
        self.appended.append(&mut batch.appended);
        self.trimmed.append(&mut batch.trimmed);
        self.removed.append(&mut batch.removed);
        self.remembered.extend(batch.remembered.drain());
        self.values.extend(batch.values.drain());
    }

    fn clear(&mut self) {
        let Self { lives, heads, appended, trimmed, removed, remembered, values } = self;
        lives.clear();
        heads.clear();
        appended.clear();
        trimmed.clear();
        removed.clear();
        remembered.clear();
        values.clear();
    }
}

/// A new record.
#[derive(Clone, Debug)]
pub(crate) struct Appended {
    pub(crate) channel: ChannelKey,
    pub(crate) record: Record,
    /// The channel after it, and after the trimming that it caused. Kept with the newest record, this is the channel's
    /// state, so nothing else has to be written for it.
    pub(crate) head: Head,
}

/// Tells the listener of records, neighbours of one channel together.
pub(crate) fn tell(listener: &dyn Listener, appended: &[Appended]) {
    for together in appended.chunk_by(|one, next| one.channel == next.channel) {
        match together {
            [Appended { channel, record, .. }] => listener.appended(channel, std::slice::from_ref(record)),
            several => {
                let records: Vec<_> = several.iter().map(|new| new.record.clone()).collect();
                listener.appended(&several[0].channel, &records);
            }
        }
    }
}

/// Consecutive records of one life of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) channel: ChannelKey,
    pub(crate) epoch: u64,
    /// Offset of the first one.
    pub(crate) first: u64,
    /// Offset after the last one.
    pub(crate) end: u64,
}

/// Batches that are written together.
pub(crate) struct Group<'a, V> {
    view: &'a V,
    rules: Rules,
    epochs: &'a mut Epochs,
    now_ms: u64,
    /// Of the batches that took effect.
    accepted: Changes,
    /// Of the batch being applied.
    pending: Changes,
}

/// Why applying a batch ended early.
enum Stop {
    Refused(Refusal),
    Failed(StoreError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<AppendRefused> for Stop {
    fn from(refused: AppendRefused) -> Self {
        Self::Refused(refused.into())
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl<'a, V: View> Group<'a, V> {
    pub(crate) fn new(view: &'a V, rules: Rules, epochs: &'a mut Epochs, now_ms: u64) -> Self {
        Self { view, rules, epochs, now_ms, accepted: Changes::default(), pending: Changes::default() }
    }

    /// Applies one batch to what is stored and to the batches before it.
    pub(crate) fn apply(&mut self, ops: Vec<Op>) -> Result<Result<Committed, BrokerError>, StoreError> {
        let mut written = Vec::with_capacity(ops.len());
        for (index, op) in ops.into_iter().enumerate() {
            match self.apply_op(op) {
                Ok(outcome) => written.push(outcome),
                Err(Stop::Refused(refusal)) => {
                    self.pending.clear();
                    return Ok(Err(BrokerError::Refused { index, refusal }));
                }
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
        self.accepted.absorb(&mut self.pending);
        Ok(Ok(Committed { written }))
    }

    /// What the batches that took effect change together.
    pub(crate) fn into_changes(self) -> Changes {
        self.accepted
    }

    fn apply_op(&mut self, op: Op) -> Result<Written, Stop> {
        match op {
            Op::Open { channel, unique } => self.open(channel, unique),
            Op::Append(append) => self.append(append),
            Op::Put(put) => self.put(put),
            Op::Delete { key } => self.delete(key),
            Op::Remove { channel, expected } => self.remove(channel, expected),
        }
    }

    fn open(&mut self, channel: ChannelKey, unique: Option<[u8; 16]>) -> Result<Written, Stop> {
        check_key(channel.as_str())?;
        match (self.life(&channel)?, unique) {
            (None, _) => {
                let head = self.begin(&channel, unique);
                self.pending.heads.insert(channel, Some(head));
            }
            (Some(_), None) => {}
            (Some(life), Some(_)) => return Err(Refusal::Exists { same_content: life.digest == unique }.into()),
        }
        Ok(Written::Stored)
    }

    /// Makes a channel.
    fn begin(&mut self, channel: &ChannelKey, digest: Option<[u8; 16]>) -> Head {
        let life = Life { epoch: self.epochs.next(self.now_ms), digest };
        self.pending.lives.insert(channel.clone(), Some(life));
        Head::new(life.epoch)
    }

    fn append(&mut self, append: Append) -> Result<Written, Stop> {
        let Append { channel, data, expected, seals, idempotency, retention } = append;
        check_key(channel.as_str())?;
        let mut head = match self.head(&channel)? {
            Some(head) => head,
            None => self.begin(&channel, None),
        };
        let idempotency =
            idempotency.map(|idempotency| self.check_repetition(&channel, head.top.epoch, idempotency)).transpose()?;
        let record = head.append(data, seals, expected, self.now_ms)?;
        let position = record.position;
        if let Some((key, digest)) = idempotency {
            let expires_ms = self.now_ms.saturating_add(self.rules.idempotency_ms);
            self.pending.remembered.insert(key, Remembered { position, digest, expires_ms });
        }
        self.trim(&channel, &mut head, retention.unwrap_or(self.rules.retention))?;
        self.pending.heads.insert(channel.clone(), Some(head));
        self.pending.appended.push(Appended { channel, record, head });
        Ok(Written::Appended(position))
    }

    /// Refuses a key that is remembered. Otherwise gives what is needed to remember it.
    fn check_repetition(
        &self,
        channel: &ChannelKey,
        epoch: u64,
        idempotency: Idempotency,
    ) -> Result<(IdempotencyKey, [u8; 16]), Stop> {
        let Idempotency { key, digest } = idempotency;
        check_key(&key)?;
        let key = IdempotencyKey { channel: channel.clone(), epoch, key };
        if let Some(first) = self.remembered(&key)?.filter(|first| self.now_ms < first.expires_ms) {
            return Err(Refusal::Duplicate(Duplicate {
                position: first.position,
                same_content: first.digest == digest,
            })
            .into());
        }
        Ok((key, digest))
    }

    /// Trims a channel whose newest record, which always stays, is not among the changes yet.
    fn trim(&mut self, channel: &ChannelKey, head: &mut Head, retention: Retention) -> Result<(), StoreError> {
        if !retention.due(head) {
            return Ok(());
        }
        let (epoch, first) = (head.top.epoch, head.oldest);
        let stored = self.view.records(channel, epoch, first);
        let stored = stored.map(|record| record.map(|record| record.data.len()));
        // A short retention makes this search frequent, but the queue bounds what it looks through.
        let new = self.accepted.appended.iter().chain(&self.pending.appended);
        let new = new.filter(|new| new.channel == *channel).map(|new| &new.record);
        let new = new.filter(|record| record.position.epoch == epoch && record.position.offset >= first);
        let new = new.map(|record| Ok(record.data.len()));
        for bytes in stored.chain(new).take(TRIM_RECORDS_MAX) {
            if !retention.exceeded(head) {
                break;
            }
            head.trimmed(bytes? as u64);
        }
        let span = Span { channel: channel.clone(), epoch, first, end: head.oldest };
        self.pending.trimmed.push(span);
        Ok(())
    }

    fn put(&mut self, put: Put) -> Result<Written, Stop> {
        let Put { key, value: data, expect, keep_ms } = put;
        check_key(&key)?;
        self.check_expectation(&key, &expect)?;
        let expires_ms = keep_ms.and_then(|keep_ms| self.now_ms.checked_add(keep_ms));
        self.pending.values.insert(key, Some(Value { data, expires_ms }));
        Ok(Written::Stored)
    }

    fn delete(&mut self, key: String) -> Result<Written, Stop> {
        check_key(&key)?;
        self.pending.values.insert(key, None);
        Ok(Written::Stored)
    }

    /// Refuses what is at a key, if it is not what was expected. Only an expectation is worth a read.
    fn check_expectation(&self, key: &str, expect: &Expect) -> Result<(), Stop> {
        if *expect == Expect::Anything {
            return Ok(());
        }
        let current = self.value(key)?.and_then(|value| value.live_at(self.now_ms));
        let met = match expect {
            Expect::Anything => true,
            Expect::Absent => current.is_none(),
            Expect::Value(expected) => current.as_ref() == Some(expected),
        };
        if met { Ok(()) } else { Err(Refusal::Value(current).into()) }
    }

    fn remove(&mut self, channel: ChannelKey, expected: Option<Position>) -> Result<Written, Stop> {
        check_key(channel.as_str())?;
        if let Some(head) = self.head(&channel)? {
            if expected.is_some_and(|expected| expected != head.top) {
                return Err(AppendRefused::Conflict { top: head.top }.into());
            }
            let (epoch, first, end) = (head.top.epoch, head.oldest, head.top.offset + 1);
            self.pending.removed.push(Span { channel: channel.clone(), epoch, first, end });
            self.pending.lives.insert(channel.clone(), None);
            self.pending.heads.insert(channel, None);
        }
        Ok(Written::Stored)
    }

    fn life(&self, channel: &ChannelKey) -> Result<Option<Life>, StoreError> {
        let changed = self.pending.lives.get(channel).or_else(|| self.accepted.lives.get(channel));
        changed.map_or_else(|| self.view.life(channel), |life| Ok(*life))
    }

    fn head(&self, channel: &ChannelKey) -> Result<Option<Head>, StoreError> {
        let changed = self.pending.heads.get(channel).or_else(|| self.accepted.heads.get(channel));
        changed.map_or_else(|| self.view.head(channel), |head| Ok(*head))
    }

    fn remembered(&self, key: &IdempotencyKey) -> Result<Option<Remembered>, StoreError> {
        let changed = self.pending.remembered.get(key).or_else(|| self.accepted.remembered.get(key));
        changed.map_or_else(|| self.view.remembered(key), |remembered| Ok(Some(*remembered)))
    }

    fn value(&self, key: &str) -> Result<Option<Value>, StoreError> {
        let changed = self.pending.values.get(key).or_else(|| self.accepted.values.get(key));
        changed.map_or_else(|| self.view.value(key), |value| Ok(value.clone()))
    }
}

fn check_key(key: &str) -> Result<(), Refusal> {
    if (1..=KEY_BYTES_MAX).contains(&key.len()) { Ok(()) } else { Err(Refusal::Key) }
}
