//! Reads from the store: where the caller is while they are fast, and on threads of their own when they are not.
//!
//! Most of what is asked for was written a moment ago and is in memory; then two changes of thread would cost more than
//! the read. A read that took long says that the disk is at work, and others are kept away from it for a while. One that
//! does not end holds up whoever came with it, who are few.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::embedded::store::{Store, StoreView};
use crate::interface::BrokerError;
use crate::metrics::Metrics;
use crate::view::StoreError;

/// A read that takes longer would hold up a caller's other work. Reading a page from memory takes 5 to 50 µs.
const READ_IS_SLOW: Duration = Duration::from_micros(500);

/// After a slow one, so many reads have to be fast before callers read themselves again.
const FAST_READS: u32 = 16;

/// A caller reads no more than this: a long log is read on a thread.
const CALLER_BYTES_MAX: usize = 64 * 1024;

/// Reads in the caller's thread, or on the runtime's threads for blocking work, a bounded number at a time.
#[derive(Clone)]
pub(super) struct Reader {
    store: Arc<Store>,
    turns: Arc<Semaphore>,
    /// For callers, of whom half as many may read at once as there are cores: a disk that hangs leaves the other threads.
    callers: Arc<Semaphore>,
    pace: Arc<Pace>,
    metrics: Arc<Metrics>,
}

impl Reader {
    pub(super) fn new(store: Arc<Store>, readers_max: usize, metrics: Arc<Metrics>) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let [turns, callers] = [readers_max, cores.div_ceil(2)].map(|count| Arc::new(Semaphore::new(count)));
        Self { store, turns, callers, pace: Arc::default(), metrics }
    }

    /// Reads about so many bytes from one moment of the store.
    pub(super) async fn read<T: Send + 'static>(
        self,
        bytes: usize,
        job: impl FnOnce(&StoreView<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, BrokerError> {
        // Whoever reads on and on gives way to others.
        tokio::task::consume_budget().await;
        let is_little = bytes <= CALLER_BYTES_MAX && !self.pace.is_slow();
        let Some(_turn) = is_little.then(|| self.callers.try_acquire().ok()).flatten() else {
            return self.clone().search(job).await;
        };
        Metrics::add(&self.metrics.reads_by_caller, 1);
        told(self.pace.take_time(|| job(&self.store.view())))
    }

    /// Reads from one moment of the store what may be far apart, always on a thread for that. A read that nobody waits for
    /// any more goes on to its end, which is near.
    pub(super) async fn search<T: Send + 'static>(
        self,
        job: impl FnOnce(&StoreView<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, BrokerError> {
        let Self { store, turns, pace, metrics, .. } = self;
        Metrics::add(&metrics.reads_by_threads, 1);
        let turn = turns.acquire_owned().await.map_err(unavailable)?;
        let work = move || {
            let _turn = turn;
            pace.take_time(|| job(&store.view()))
        };
        told(spawn_blocking(work).await.map_err(unavailable)?)
    }
}

/// Whether reads were slow lately.
#[derive(Default)]
struct Pace {
    /// Fast reads that are missing.
    missing: AtomicU32,
}

impl Pace {
    fn is_slow(&self) -> bool {
        self.missing.load(Ordering::Relaxed) > 0
    }

    fn take_time<T>(&self, read: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let outcome = read();
        self.took(began.elapsed());
        outcome
    }

    fn took(&self, time: Duration) {
        if time > READ_IS_SLOW {
            self.missing.store(FAST_READS, Ordering::Relaxed);
        } else if self.is_slow() {
            // An error means that another one was the last that was missing.
            let _ = self.missing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |missing| missing.checked_sub(1));
        }
    }
}

fn told<T>(outcome: Result<T, StoreError>) -> Result<T, BrokerError> {
    outcome.map_err(|error| {
        tracing::error!(%error, "a read from the store failed");
        unavailable(error)
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn unavailable(error: impl ToString) -> BrokerError {
    BrokerError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::embedded::open;
    use crate::environment::Options;

    #[tokio::test]
    async fn callers_that_a_disk_holds_up_are_few_and_the_others_read_on_threads() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Arc::new(open::open(folder.path(), &Options::default()).expect("a store"));
        let metrics = Arc::<Metrics>::default();
        let reader = Reader::new(store, 4, metrics.clone());
        let callers = reader.callers.available_permits();
        let (begun, goes_on) = (Arc::new(Barrier::new(callers + 1)), Arc::new(Barrier::new(callers + 1)));
        let held_up: Vec<_> = (0..callers)
            .map(|_| {
                let (reader, begun, goes_on) = (reader.clone(), begun.clone(), goes_on.clone());
                let hang = move |_: &StoreView<'_>| {
                    begun.wait();
                    goes_on.wait();
                    Ok(())
                };
                thread::spawn(move || reader.read(0, hang).now_or_never())
            })
            .collect();
        begun.wait();
        assert_eq!(reader.read(0, |_| Ok(1)).await, Ok(1));
        goes_on.wait();
        for caller in held_up {
            assert_eq!(caller.join().expect("it ends"), Some(Ok(())), "it read where it was");
        }
        assert_eq!(Metrics::get(&metrics.reads_by_threads), 1);
    }

    #[test]
    fn after_a_slow_read_callers_wait_for_some_that_are_fast() {
        let pace = Pace::default();
        let mut told = Vec::new();
        for time in [READ_IS_SLOW, 2 * READ_IS_SLOW].into_iter().chain([READ_IS_SLOW; FAST_READS as usize]) {
            pace.took(time);
            told.push(pace.is_slow());
        }
        assert_eq!(told.iter().filter(|is_slow| **is_slow).count(), FAST_READS as usize);
        assert_eq!((told.first(), told.last()), (Some(&false), Some(&false)));
    }
}
