//! Removes what nobody can see any more: expired values, expired idempotency keys, and the
//! records of removed channels. One pass does a bounded amount of work.

use fjall::OwnedWriteBatch;

use crate::embedded::layout::{self, Expiring};
use crate::embedded::store::Store;
use crate::interface::Durability;
use crate::view::StoreError;

/// Most entries that one pass looks at: a few milliseconds of the writer's time.
const ENTRIES_MAX: usize = 1024;

/// What a pass did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Swept {
    /// Entries looked at, and removed with what they stand for.
    pub(super) entries: usize,
    /// Whether there is more to do.
    pub(super) more: bool,
}

/// Does one pass.
pub(super) fn sweep(store: &Store, now_ms: u64) -> Result<Swept, StoreError> {
    let mut batch = store.batch(Durability::Os);
    let expired = sweep_expired(store, &mut batch, now_ms)?;
    let removed = sweep_removed(store, &mut batch, ENTRIES_MAX - expired)?;
    batch.commit()?;
    let entries = expired + removed;
    Ok(Swept { entries, more: entries == ENTRIES_MAX })
}

fn sweep_expired(store: &Store, batch: &mut OwnedWriteBatch, now_ms: u64) -> Result<usize, StoreError> {
    let end = now_ms.saturating_add(1).to_be_bytes();
    let mut count = 0;
    for entry in store.expiries.range(..end).take(ENTRIES_MAX) {
        let expiry = entry.key()?;
        let (expires_ms, kind, key) = layout::parse_expiry_key(&expiry)?;
        let keyspace = match kind {
            Expiring::Value => &store.values,
            Expiring::Idempotency => &store.idempotency,
        };
        let stored = keyspace.get(key)?.map(|stored| expires_ms_of(kind, &stored)).transpose()?;
        // What was set again has an expiry of its own, before or after this one.
        if stored.flatten() == Some(expires_ms) {
            batch.remove(keyspace, key);
        }
        batch.remove(&store.expiries, expiry);
        count += 1;
    }
    Ok(count)
}

fn expires_ms_of(kind: Expiring, stored: &[u8]) -> Result<Option<u64>, StoreError> {
    match kind {
        Expiring::Value => layout::value_expires_ms(stored),
        Expiring::Idempotency => layout::remembered_expires_ms(stored).map(Some),
    }
}

fn sweep_removed(store: &Store, batch: &mut OwnedWriteBatch, entries_max: usize) -> Result<usize, StoreError> {
    let mut left = entries_max;
    for entry in store.removals.iter() {
        if left == 0 {
            break;
        }
        let (life, value) = entry.into_inner()?;
        let (first, end) = layout::parse_removal(&value)?;
        let stop = end.min(first.saturating_add(left as u64));
        for offset in first..stop {
            batch.remove(&store.records, [&*life, &offset.to_be_bytes()].concat());
            left -= 1;
        }
        if stop == end {
            batch.remove(&store.removals, life);
            // An empty channel costs something too, so that many of them are no endless pass.
            left = left.saturating_sub(1);
        } else {
            batch.insert(&store.removals, life, layout::removal_rest(stop, end));
        }
    }
    Ok(entries_max - left)
}
