//! Removes what nobody can see any more: expired values, expired idempotency keys, and the
//! records of removed channels. One pass does a bounded amount of work.

use fjall::{OwnedWriteBatch, UserKey};

use crate::embedded::layout::{self, Expiring};
use crate::embedded::store::Store;
use crate::interface::Durability;
use crate::view::StoreError;

/// Most entries that one pass looks at: one to three milliseconds of the writer's time, most of it for reading what an
/// expiry stands for.
const ENTRIES_MAX: usize = 256;

/// What a pass did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Swept {
    /// Entries looked at, and removed with what they stand for.
    pub(super) entries: usize,
    /// Whether there is more to do.
    pub(super) more: bool,
}

/// Where the passes of one backlog are.
///
/// The engine keeps what was removed for a while, and reads past it. A pass that began at the front again would read past
/// all that the passes before it removed: with 300,000 entries to remove that was most of the time.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    expiries_from: Vec<u8>,
    removals_from: Vec<u8>,
}

impl Backlog {
    /// Does one pass. When there is more to do, the next one goes on from there; otherwise it begins at the front.
    pub(super) fn sweep(&mut self, store: &Store, now_ms: u64) -> Result<Swept, StoreError> {
        let mut batch = store.batch(Durability::Os);
        let expired = self.sweep_expired(store, &mut batch, now_ms)?;
        let removed = self.sweep_removed(store, &mut batch, ENTRIES_MAX - expired)?;
        batch.commit()?;
        let entries = expired + removed;
        let more = entries == ENTRIES_MAX;
        if !more {
            *self = Self::default();
        }
        Ok(Swept { entries, more })
    }

    fn sweep_expired(&mut self, store: &Store, batch: &mut OwnedWriteBatch, now_ms: u64) -> Result<usize, StoreError> {
        let end = now_ms.saturating_add(1).to_be_bytes();
        // The clock may have been set back.
        let from = Some(&*self.expiries_from).filter(|from| *from < &end[..]).unwrap_or_default();
        let mut count = 0;
        let mut last = None;
        for entry in store.expiries.range(from..&end[..]).take(ENTRIES_MAX) {
            let expiry = entry.key()?;
            sweep_expiry(store, batch, &expiry)?;
            last = Some(expiry);
            count += 1;
        }
        if let Some(last) = last {
            self.expiries_from = last.to_vec();
        }
        Ok(count)
    }

    fn sweep_removed(
        &mut self,
        store: &Store,
        batch: &mut OwnedWriteBatch,
        entries_max: usize,
    ) -> Result<usize, StoreError> {
        let mut left = entries_max;
        for entry in store.removals.range(self.removals_from.clone()..) {
            if left == 0 {
                break;
            }
            let (life, value) = entry.into_inner()?;
            self.removals_from = life.to_vec();
            left -= sweep_removal(store, batch, life, &value, left)?;
        }
        Ok(entries_max - left)
    }
}

fn sweep_expiry(store: &Store, batch: &mut OwnedWriteBatch, expiry: &[u8]) -> Result<(), StoreError> {
    let (expires_ms, kind, key) = layout::parse_expiry_key(expiry)?;
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
    Ok(())
}

fn expires_ms_of(kind: Expiring, stored: &[u8]) -> Result<Option<u64>, StoreError> {
    match kind {
        Expiring::Value => layout::value_expires_ms(stored),
        Expiring::Idempotency => layout::remembered_expires_ms(stored).map(Some),
    }
}

/// Removes records of one removed life of a channel, and gives what was spent of `entries_max`, which is not 0.
fn sweep_removal(
    store: &Store,
    batch: &mut OwnedWriteBatch,
    life: UserKey,
    value: &[u8],
    entries_max: usize,
) -> Result<usize, StoreError> {
    let (first, end) = layout::parse_removal(value)?;
    let stop = end.min(first.saturating_add(entries_max as u64));
    let mut spent = 0;
    for offset in first..stop {
        batch.remove(&store.records, [&*life, &offset.to_be_bytes()].concat());
        spent += 1;
    }
    if stop == end {
        batch.remove(&store.removals, life);
        // An empty channel costs something too, so that many of them are no endless pass.
        spent = entries_max.min(spent + 1);
    } else {
        batch.insert(&store.removals, life, layout::removal_rest(stop, end));
    }
    Ok(spent)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::embedded::open;
    use crate::environment::Options;
    use crate::rules::Changes;
    use crate::view::Value;

    fn store(folder: &TempDir) -> Store {
        open::open(folder.path(), &Options::default()).unwrap()
    }

    /// Sets a value for each number, all with the same end.
    fn set(store: &Store, count: usize, expires_ms: u64) {
        let value = |number| {
            let value = Value { data: "v".into(), expires_ms: Some(expires_ms) };
            (format!("acme/{expires_ms}/{number}"), Some(value))
        };
        let changes = Changes { values: (0..count).map(value).collect(), ..Changes::default() };
        store.write(&changes, Durability::Os).unwrap();
    }

    fn left(store: &Store) -> (usize, usize) {
        (store.values.iter().count(), store.expiries.iter().count())
    }

    #[test]
    fn what_comes_before_the_place_of_a_backlog_is_swept_after_it() {
        let folder = TempDir::new().unwrap();
        let store = store(&folder);
        set(&store, ENTRIES_MAX + 10, 20);
        let mut backlog = Backlog::default();
        assert_eq!(backlog.sweep(&store, 20).unwrap(), Swept { entries: ENTRIES_MAX, more: true });
        set(&store, 5, 10);
        assert_eq!(backlog.sweep(&store, 20).unwrap(), Swept { entries: 10, more: false });
        assert_eq!(left(&store), (5, 5));
        assert_eq!(backlog.sweep(&store, 20).unwrap(), Swept { entries: 5, more: false });
        assert_eq!(left(&store), (0, 0));
    }

    #[test]
    fn a_clock_that_is_set_back_within_a_backlog_sweeps_nothing_early() {
        let folder = TempDir::new().unwrap();
        let store = store(&folder);
        set(&store, ENTRIES_MAX + 10, 20);
        let mut backlog = Backlog::default();
        assert!(backlog.sweep(&store, 20).unwrap().more);
        assert_eq!(backlog.sweep(&store, 19).unwrap(), Swept { entries: 0, more: false });
        assert_eq!(left(&store), (10, 10));
        assert_eq!(backlog.sweep(&store, 20).unwrap(), Swept { entries: 10, more: false });
        assert_eq!(left(&store), (0, 0));
    }
}
