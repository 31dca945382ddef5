//! What becomes of a run when the gateway stops: it goes on for a while, is left to the gateway's next life, or ends.

use std::sync::Arc;

use trunkline_broker::BrokerError;
use trunkline_core::retry::Failure;
use trunkline_protocol::ErrorCode;

use super::driver::{Driver, Worker};
use super::store;
use super::task::RunTask;
use super::writing::{RETRY_AFTER, Writing};

/// How far the gateway has come with its end, as far as a run knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    Draining,
    CutOff,
}

impl Driver {
    /// The gateway drains. A run that waits for a person, or that no worker has, is left to its next life, which goes on
    /// with it. Returns whether it is left.
    pub(super) async fn leave_unseen(&mut self) -> bool {
        if self.run.is_ending() || self.run.is_cancelling() {
            return false;
        }
        if self.calls_again || self.run.is_to_be_called_again() || self.run.is_waiting() {
            return self.leave_asked();
        }
        if let Worker::Repeating(noted) = &mut self.worker {
            // Whatever becomes of the note is taken back.
            drop(noted.await);
            self.worker = Worker::None;
            self.take_back_called().await;
            return true;
        }
        match &self.worker {
            Worker::Expected(_) => true,
            Worker::Calling(call) if !call.take_back() => false,
            Worker::None if self.run.is_called() || self.is_writing() => false,
            _ => {
                self.take_back_called().await;
                true
            }
        }
    }

    /// The question is still there after the next start, and its worker may be, too. Returns whether the run is left: first
    /// everything is stored that clients and worker were promised.
    fn leave_asked(&mut self) -> bool {
        if self.is_writing() {
            return false;
        }
        self.leave_call();
        true
    }

    /// Nothing more comes. Letting go of the call tells the worker to forget it, which is too early before its end is stored.
    pub(super) fn call_ended(&mut self) {
        self.worker = match std::mem::replace(&mut self.worker, Worker::None) {
            Worker::Calling(call) if self.run.is_ending() => Worker::Ended(call),
            _ => Worker::None,
        };
    }

    /// The worker keeps what is not stored, and offers it to the gateway's next life.
    pub(super) fn leave_call(&mut self) {
        if let Worker::Calling(call) | Worker::Ended(call) = std::mem::replace(&mut self.worker, Worker::None) {
            call.leave();
        }
    }

    const fn is_writing(&self) -> bool {
        self.write.is_some() || self.retry.is_some()
    }

    /// Whether it is being stored that a worker may have the run, before one has it.
    fn is_being_called(&self) -> bool {
        let writing = self.write.as_ref().map(|(_, writing)| writing);
        matches!(writing.or(self.retry.as_ref().map(|(_, writing)| writing)), Some(Writing::Called))
    }

    /// The time of runs is over. One that a worker has which outlives this gateway is left to the two; any other has lost
    /// its worker. `false` when this task has no part in it any more.
    pub(super) async fn cut_off(&mut self) -> bool {
        while let Worker::Calling(call) = &mut self.worker
            && let Some(event) = call.try_next()
        {
            self.worker_event(event);
        }
        let ends = self.run.is_ending() || self.run.is_cancelling();
        if ends || self.run.is_waiting() || self.is_being_called() {
            return true;
        }
        let outcomes = &Arc::clone(&self.task.runs.stopping).outcomes;
        if self.leave_unseen().await {
            outcomes.left_to_next_start();
            return false;
        }
        match std::mem::replace(&mut self.worker, Worker::None) {
            Worker::Calling(call) if call.outlives_us() => {
                tracing::info!("left to its worker");
                call.leave();
                outcomes.left_to_worker();
                false
            }
            _ => {
                let error = ErrorCode::WorkerLost.with_message("the gateway was stopped before the run ended");
                self.call_failed(Failure::Lost { idempotent: self.idempotent }, error);
                true
            }
        }
    }

    /// No worker has seen the run, or what it did counts for nothing: it is to be called after the next start. One that has
    /// asked keeps the mark, and its next life finds that its worker is lost.
    async fn take_back_called(&mut self) {
        let RunTask { runs, channel, open, .. } = &self.task;
        if !open.called || self.run.has_asked() {
            return;
        }
        let calls = self.run.attempts().made() - u32::from(self.run.is_called());
        loop {
            match store::take_back_called(&*runs.broker, channel, calls, runs.durability).await {
                Ok(()) => return,
                // Many runs are left at the same moment.
                Err(BrokerError::Overloaded) if !runs.stopping.leaving.is_cancelled() => {
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Err(error) => {
                    return tracing::error!(%error, "a run that no worker has seen cannot be left as such");
                }
            }
        }
    }
}
