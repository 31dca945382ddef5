//! What the driver of a run has stored: each batch by itself, and again where the broker had no room.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use trunkline_broker::{BrokerError, Committed};
use trunkline_core::run::{AppendRequest, End};

use super::driver::Driver;
use super::leaving::Phase;
use super::store;
use super::task::RunTask;
use crate::clock::timestamp;

/// How long a write waits before it is tried again when the broker's queue is full.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(50);

/// A write to the broker that is under way.
pub(super) type Commit = BoxFuture<'static, Result<Committed, BrokerError>>;

/// A write that is not answered yet, kept to be made again if the broker had no room.
pub(super) enum Writing {
    /// That a worker may have the run.
    Called,
    Events(AppendRequest),
}

impl Driver {
    pub(super) fn begin(&mut self, writing: Writing) {
        let RunTask { runs, channel, session, open, stored, .. } = &self.task;
        let mut batch = match &writing {
            Writing::Called => store::called_batch(channel, open, stored.clone(), runs.durability),
            Writing::Events(request) => {
                let asked = self.run.has_asked();
                store::events_batch(channel, request, asked, runs.clock.now(), runs.durability, runs.keep)
            }
        };
        if self.cancelled && matches!(&writing, Writing::Events(request) if request.end.is_some()) {
            batch.ops.push(store::forget_cancel(channel));
        }
        if let Writing::Events(request) = &writing {
            for (own, message) in self.inputs.claimed(&request.took_inputs) {
                let taken = store::taken_ops(own, &session.id, channel.id(), message, &timestamp(), runs.keep);
                batch.ops.extend(taken);
            }
        }
        // Whoever follows the session is attached to the run before it has a record.
        batch.ops.splice(..0, self.task.announcement());
        self.write = Some((runs.broker.commit(batch), writing));
    }

    pub(super) fn retry(&mut self) -> bool {
        let due = self.retry.take_if(|(at, _)| *at <= Instant::now());
        if let Some((_, writing)) = due {
            self.begin(writing);
        }
        true
    }

    /// Handles the outcome of a write. `false` when this task can do nothing more.
    pub(super) async fn written(&mut self, outcome: Result<Committed, BrokerError>, phase: Phase) -> bool {
        let Some((_, writing)) = self.write.take() else { return true };
        match (outcome, writing) {
            (Ok(_), Writing::Called) => {
                self.task.announced();
                self.task.open.called = true;
                if phase == Phase::Running || self.run.is_ending() {
                    self.run.start();
                }
            }
            (Ok(_), Writing::Events(request)) => {
                self.task.announced();
                self.run.appended();
                if let Some(end) = &request.end {
                    // A line for each message would cost too much; the others are worth it.
                    match end {
                        End::Completed(_) => tracing::debug!("completed"),
                        End::Failed(error) => tracing::info!(
                            state = end.state(),
                            code = %error.code,
                            trace_id = error.trace_id.as_deref(),
                            "ended"
                        ),
                        End::Cancelled | End::Expired(_) => tracing::info!(state = end.state(), "ended"),
                    }
                    self.task.runs.metrics.run_ended(end.state());
                    self.count_end(end, phase);
                }
            }
            (Err(BrokerError::Overloaded), writing) if phase != Phase::CutOff => {
                self.retry = Some((Instant::now() + RETRY_AFTER, writing));
            }
            (Err(error @ BrokerError::Refused { .. }), _) => {
                tracing::warn!(%error, "somebody else ended this run");
                self.forget().await;
                return false;
            }
            (Err(error), _) => {
                tracing::error!(%error, "a run cannot be stored");
                self.leave_call();
                return false;
            }
        }
        true
    }

    /// Counts the end of a run for whoever has stopped the gateway.
    fn count_end(&self, end: &End, phase: Phase) {
        let stopping = &self.task.runs.stopping;
        match (phase, end) {
            _ if !stopping.is_draining() => {}
            (Phase::CutOff, End::Failed(_)) => stopping.outcomes.cut_off(),
            _ => stopping.outcomes.ended(),
        }
    }

    /// The channel is sealed: the run must not be found open after the next start.
    async fn forget(&mut self) {
        let RunTask { runs, channel, .. } = &self.task;
        if let Err(error) = runs.broker.commit(store::forget_batch(channel)).await {
            tracing::warn!(%error, "the run is taken off the list of open ones after the next start");
        }
    }
}

pub(super) async fn written(write: &mut Option<(Commit, Writing)>) -> Result<Committed, BrokerError> {
    match write {
        Some((commit, _)) => commit.await,
        None => std::future::pending().await,
    }
}
