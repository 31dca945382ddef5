//! What the passing of time does: questions to workers, losses, and waits that end.

use std::time::Duration;

use tokio::time::Instant;

use super::{Cause, LinkId, Presence, Registry, Stage, WorkerId, flush_later};
use crate::call::{CallId, FailureReason};
use crate::frame::Frame;

/// Questions that may stay unanswered. When the next one is due, the worker is lost.
const UNANSWERED_PINGS_MAX: u32 = 2;

/// How long what a dead process has sent may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Registry {
    /// Does what is due. To be called several times per ping interval.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.close_silent_strangers(now);
        self.close_dead(now);
        self.ask_workers(now);
        self.give_up_on_workers(now);
        self.end_waits(now);
        self.end_company();
        self.settle(now);
    }

    /// What has waited for another frame since the last tick is sent without one.
    fn end_company(&mut self) {
        for worker in self.workers.values() {
            if let Presence::Connected { outbox, .. } = &worker.presence
                && outbox.waiting() > 0
            {
                flush_later(&mut self.to_flush, outbox);
            }
        }
    }

    fn close_silent_strangers(&mut self, now: Instant) {
        let is_due = |link: &super::Link| link.worker.is_none() && link.hello_by <= now;
        let due: Vec<LinkId> = self.links.iter().filter(|(_, link)| is_due(link)).map(|(id, _)| *id).collect();
        for link in due {
            self.close_link(link, Cause::Lost, now);
        }
    }

    /// A connection of a dead process that does not end is held open by a process that it started.
    fn close_dead(&mut self, now: Instant) {
        let is_due = |worker: &super::Worker| worker.dead_since.is_some_and(|since| since + LAST_WORDS <= now);
        let due: Vec<LinkId> =
            self.workers.values().filter(|worker| is_due(worker)).filter_map(super::Worker::link).collect();
        for link in due {
            self.close_link(link, Cause::Dead, now);
        }
    }

    fn ask_workers(&mut self, now: Instant) {
        let due: Vec<(WorkerId, LinkId)> = self
            .workers
            .iter()
            .filter(|(_, worker)| worker.ping_at <= now)
            .filter_map(|(id, worker)| Some((*id, worker.link()?)))
            .collect();
        for (id, link) in due {
            let Some(worker) = self.workers.get_mut(&id) else {
                continue;
            };
            if worker.unanswered_pings >= UNANSWERED_PINGS_MAX {
                tracing::warn!(worker = worker.name, "a worker is silent; it counts as lost");
                self.close_link(link, Cause::Lost, now);
                continue;
            }
            worker.unanswered_pings += 1;
            worker.ping_at = now + self.settings.ping_interval;
            self.send(id, Frame::Ping);
        }
    }

    fn give_up_on_workers(&mut self, now: Instant) {
        let reclaim_for = self.settings.reclaim_for;
        let is_due = |worker: &super::Worker| match worker.presence {
            Presence::Away { since } => since + reclaim_for <= now,
            Presence::Connected { .. } => false,
        };
        let due: Vec<WorkerId> = self.workers.iter().filter(|(_, worker)| is_due(worker)).map(|(id, _)| *id).collect();
        for worker in due {
            self.fail_open(worker, &FailureReason::WorkerLost);
            self.forget_if_idle(worker);
        }
    }

    fn end_waits(&mut self, now: Instant) {
        let due: Vec<CallId> = self
            .services
            .values()
            .flat_map(|pool| &pool.queue)
            .filter(
                |id| matches!(self.calls.get(id).map(|call| call.stage), Some(Stage::Queued { until }) if until <= now),
            )
            .copied()
            .collect();
        for call in due {
            let reason = self.reason_to_give_up(call, now);
            if reason != FailureReason::DeadlineExceeded {
                self.metrics.dispatch_timeouts.increment();
            }
            self.fail(call, reason);
            self.remove(call, now);
        }
    }

    fn reason_to_give_up(&self, call: CallId, now: Instant) -> FailureReason {
        let Some(call) = self.calls.get(&call) else {
            return FailureReason::NoWorker;
        };
        if call.deadline.is_some_and(|deadline| deadline <= now) {
            return FailureReason::DeadlineExceeded;
        }
        let serves =
            |id: &WorkerId| self.workers.get(id).is_some_and(|worker| worker.link().is_some() && !worker.draining);
        match self.services.get(&call.request.service) {
            Some(pool) if pool.workers.iter().any(serves) => FailureReason::Overloaded,
            _ => FailureReason::NoWorker,
        }
    }
}
