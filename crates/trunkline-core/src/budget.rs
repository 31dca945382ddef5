//! How many bytes the buffers of all connections may take together, whatever each of them may take alone.
//!
//! A connection has a [`Share`], which it takes in chunks, so that frames that come and go are not counted one by one:
//! the count that all connections write to is touched only when a buffer has grown or shrunk by much. Knows no buffer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a connection has without asking: a few frames on their way. With 100,000 connections this is 400 MiB at worst.
pub const UNCOUNTED_BYTES: usize = 4 * 1024;

/// What is taken at a time.
const CHUNK_BYTES: usize = 16 * 1024;

/// The bytes of one node.
#[derive(Debug)]
pub struct Budget {
    total: usize,
    taken: AtomicUsize,
}

impl Budget {
    /// A budget of this many bytes.
    pub const fn new(total: usize) -> Self {
        Self { total, taken: AtomicUsize::new(0) }
    }

    /// Bytes that are taken, chunks counted whole. What [`Share::hold`] takes may be more than there are.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Whether anything is left.
    pub fn has_room(&self) -> bool {
        self.taken() < self.total
    }

    /// Whether less than a quarter is left: what only saves work gives way then.
    pub fn is_scarce(&self) -> bool {
        self.taken() > self.total / 4 * 3
    }

    fn take(&self, bytes: usize) {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    fn try_take(&self, bytes: usize) -> bool {
        let more = |taken: usize| taken.checked_add(bytes).filter(|more| *more <= self.total);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What one buffer has of the budget; given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Share {
    /// The share of a buffer that is empty.
    pub const fn new(budget: Arc<Budget>) -> Self {
        Self { budget, bytes: 0 }
    }

    /// The buffer holds this many bytes, and cannot be made to hold fewer: for what has a bound of its own.
    pub fn hold(&mut self, bytes: usize) {
        let needed = in_chunks(bytes);
        if needed > self.bytes {
            self.budget.take(needed - self.bytes);
            self.bytes = needed;
        } else {
            self.give_back_beyond(needed);
        }
    }

    /// Whether the buffer may grow to this many bytes; then they are taken.
    pub fn try_hold(&mut self, bytes: usize) -> bool {
        let needed = in_chunks(bytes);
        if needed > self.bytes {
            if !self.budget.try_take(needed - self.bytes) {
                return false;
            }
            self.bytes = needed;
        }
        true
    }

    /// A buffer that grows and shrinks by a little keeps what it has.
    fn give_back_beyond(&mut self, needed: usize) {
        if self.bytes > needed + CHUNK_BYTES || (needed == 0 && self.bytes > 0) {
            self.budget.give_back(self.bytes - needed);
            self.bytes = needed;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.give_back(self.bytes);
        }
    }
}

const fn in_chunks(bytes: usize) -> usize {
    if bytes <= UNCOUNTED_BYTES { 0 } else { bytes.next_multiple_of(CHUNK_BYTES) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Hold(usize, usize),
        TryHold(usize, usize),
        Drop(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let (share, bytes) = (0..4_usize, 0..200_000_usize);
        let step = prop_oneof![
            (share.clone(), bytes.clone()).prop_map(|(share, bytes)| Step::Hold(share, bytes)),
            (share.clone(), bytes).prop_map(|(share, bytes)| Step::TryHold(share, bytes)),
            share.prop_map(Step::Drop),
        ];
        proptest::collection::vec(step, 0..60)
    }

    proptest! {
        #[test]
        fn what_is_taken_covers_every_buffer_and_all_comes_back(steps in steps()) {
            const TOTAL: usize = 300_000;
            let budget = Arc::new(Budget::new(TOTAL));
            let mut shares: Vec<_> = (0..4).map(|_| (Share::new(Arc::clone(&budget)), 0)).collect();
            for step in steps {
                match step {
                    Step::Hold(index, bytes) => {
                        shares[index].0.hold(bytes);
                        shares[index].1 = bytes;
                    }
                    Step::TryHold(index, bytes) => {
                        let before = budget.taken();
                        let (share, held) = &mut shares[index];
                        if share.try_hold(bytes) {
                            prop_assert!(budget.taken() == before || budget.taken() <= TOTAL);
                            *held = bytes;
                        } else {
                            prop_assert_eq!(budget.taken(), before, "whoever is refused takes nothing");
                        }
                    }
                    Step::Drop(index) => shares[index] = (Share::new(Arc::clone(&budget)), 0),
                }
                let held: usize = shares.iter().map(|(_, held)| held).sum();
                prop_assert!(budget.taken() + 4 * UNCOUNTED_BYTES >= held);
            }
            for (share, _) in &mut shares {
                share.hold(0);
            }
            prop_assert_eq!(budget.taken(), 0, "an idle connection has nothing");
        }
    }
}
