//! What a run was given and has not looked at.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What may wait in one mailbox.
pub(super) const WAITING_MAX: usize = 64;

/// See the module's comment.
pub(super) struct Mailbox<T> {
    waiting: Mutex<VecDeque<T>>,
    arrived: Notify,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), arrived: Notify::new() }
    }
}

impl<T> Mailbox<T> {
    /// Puts something in; it comes back where there is too much.
    pub(super) fn put(&self, given: T) -> Result<(), T> {
        let mut waiting = self.lock();
        if waiting.len() >= WAITING_MAX {
            return Err(given);
        }
        waiting.push_back(given);
        drop(waiting);
        self.look();
        Ok(())
    }

    pub(super) fn take(&self) -> VecDeque<T> {
        std::mem::take(&mut *self.lock())
    }

    /// Wakes who waits in [`Mailbox::arrived`]: something that was put in has changed.
    pub(super) fn look(&self) {
        self.arrived.notify_one();
    }

    /// Resolves after [`Mailbox::put`] and [`Mailbox::look`]; there may be nothing left by then. Cancel-safe.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
