//! Reads from the store without holding up the threads of the runtime.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::embedded::store::{Store, StoreView};
use crate::interface::BrokerError;
use crate::view::StoreError;

/// Runs reads on the runtime's threads for blocking work, a bounded number at a time.
#[derive(Clone)]
pub(super) struct Reader {
    store: Arc<Store>,
    turns: Arc<Semaphore>,
}

impl Reader {
    pub(super) fn new(store: Arc<Store>, readers_max: usize) -> Self {
        Self { store, turns: Arc::new(Semaphore::new(readers_max)) }
    }

    /// Reads one moment of the store. A read that nobody waits for any more goes on to its end, which is near.
    pub(super) async fn read<T: Send + 'static>(
        self,
        job: impl FnOnce(&StoreView<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, BrokerError> {
        let turn = self.turns.acquire_owned().await.map_err(unavailable)?;
        let work = move || {
            let _turn = turn;
            job(&self.store.view())
        };
        let outcome = spawn_blocking(work).await.map_err(unavailable)?;
        outcome.map_err(|error| {
            tracing::error!(%error, "a read from the store failed");
            unavailable(error)
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn unavailable(error: impl ToString) -> BrokerError {
    BrokerError::Unavailable(error.to_string())
}
