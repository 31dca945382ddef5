//! Connections: how they begin, what their frames are about, and how they end.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Caller, Link, LinkId, Presence, Registry, Stage, WorkerId, flush_later};
use crate::call::{CallId, FailureReason};
use crate::frame::{DecodeError, Frame, WorkerError};
use crate::outbox::Outbox;

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It broke, or its worker is silent: calls wait for the worker's return.
    Lost,
    /// The worker's process is known to be dead: nobody will come back.
    Dead,
    /// Its HELLO was refused, and it is owed the reason.
    Refused,
    /// The worker broke the protocol: what it would say of its calls is not believed.
    Protocol(&'static str),
}

impl Registry {
    /// A peer connected. None when there are too many.
    pub(crate) fn connect(&mut self, now: Instant) -> Option<(LinkId, Arc<Outbox>)> {
        if self.links.len() >= self.settings.links_max || self.stopping {
            self.metrics.links_refused.increment();
            return None;
        }
        let link = LinkId(self.new_id());
        let outbox = Arc::new(Outbox::default());
        let hello_by = now + self.settings.hello_within;
        self.links.insert(link, Link { outbox: Arc::clone(&outbox), worker: None, hello_by, told_unknown: false });
        self.metrics.links.add(1);
        Some((link, outbox))
    }

    /// The peer's connection is gone. A link that was closed already is no longer known.
    pub(crate) fn disconnected(&mut self, link: LinkId, now: Instant) {
        self.close_link(link, Cause::Lost, now);
        self.settle(now);
    }

    /// The worker has read enough to be given calls again.
    pub(crate) fn relieved(&mut self, link: LinkId, now: Instant) {
        if let Some(worker) = self.links.get(&link).and_then(|link| link.worker) {
            self.fill(worker, now);
            self.settle(now);
        }
    }

    /// A frame came that is no HELLO.
    pub(crate) fn frame(&mut self, link: LinkId, frame: Frame, now: Instant) {
        if let Some(worker) = self.speaker(link) {
            self.dispatch_frame(link, worker, frame, now);
            self.settle(now);
        }
    }

    /// Parts came that are no frame.
    pub(crate) fn broken_frame(&mut self, link: LinkId, error: &DecodeError, now: Instant) {
        match *error {
            DecodeError::Connection(reason) => self.breach(link, reason, now),
            DecodeError::Call { corr, reason } => {
                if let Some(worker) = self.speaker(link) {
                    self.broken_call(link, worker, corr, reason, now);
                }
            }
        }
        self.settle(now);
    }

    /// The worker at the other end, who has just given a sign of life; a stranger is asked for HELLO.
    fn speaker(&mut self, link: LinkId) -> Option<WorkerId> {
        let state = self.links.get_mut(&link)?;
        if let Some(worker) = state.worker {
            self.workers.get_mut(&worker)?.unanswered_pings = 0;
            return Some(worker);
        }
        if !state.told_unknown {
            state.told_unknown = state.outbox.push(Frame::UnknownPeer);
            flush_later(&mut self.to_flush, &state.outbox);
        }
        None
    }

    fn dispatch_frame(&mut self, link: LinkId, worker: WorkerId, frame: Frame, now: Instant) {
        match frame {
            Frame::Pong(load) => self.pong(worker, load, now),
            Frame::Chunk(_)
            | Frame::Ask(_)
            | Frame::Taken { .. }
            | Frame::Result { .. }
            | Frame::End { .. }
            | Frame::Event { .. } => self.stream_frame(link, worker, frame, now),
            Frame::Error { corr, .. } if corr != 0 => self.stream_frame(link, worker, frame, now),
            Frame::Call(call) => self.relay_call(link, worker, call, now),
            Frame::Cancel { corr } => self.relay_cancel(link, worker, corr, now),
            Frame::Credit { corr, ack } => self.relay_credit(link, worker, corr, ack, now),
            Frame::Drain => self.worker_drains(worker),
            Frame::Reserved => {}
            Frame::Hello(_)
            | Frame::Welcome(_)
            | Frame::Ping
            | Frame::UnknownPeer
            | Frame::Answer { .. }
            | Frame::Input(_)
            | Frame::Error { .. } => {
                self.breach(link, "a frame that a worker does not send", now);
            }
        }
    }

    fn pong(&mut self, worker: WorkerId, load: crate::frame::Load, now: Instant) {
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.load = load;
        }
        // A worker that had not answered got no new calls; now it may.
        self.fill(worker, now);
    }

    fn worker_drains(&mut self, worker: WorkerId) {
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.draining = true;
        }
    }

    /// The connection broke the protocol: it is told so and ends, and so do its calls.
    pub(super) fn breach(&mut self, link: LinkId, reason: &'static str, now: Instant) {
        self.metrics.protocol_errors.increment();
        tracing::warn!(?link, reason, "a worker broke the protocol; its connection is closed");
        if let Some(link) = self.links.get(&link) {
            let error = WorkerError::new("worker_protocol", reason);
            link.outbox.push(Frame::Error { corr: 0, seq: None, error });
            flush_later(&mut self.to_flush, &link.outbox);
        }
        self.close_link(link, Cause::Protocol(reason), now);
    }

    /// Ends a connection. What was not handed to it yet goes to another worker; the rest depends on the cause.
    pub(super) fn close_link(&mut self, link: LinkId, cause: Cause, now: Instant) {
        let Some(state) = self.links.remove(&link) else {
            return;
        };
        self.metrics.links.add(-1);
        let unsent = match cause {
            // The peer is owed the reason, which is the last frame in the outbox.
            Cause::Protocol(_) | Cause::Refused => {
                state.outbox.close();
                Vec::new()
            }
            Cause::Lost | Cause::Dead => state.outbox.cut(),
        };
        if let Some(worker) = state.worker {
            self.worker_left(worker, unsent, cause, now);
        }
    }

    pub(super) fn worker_left(&mut self, id: WorkerId, unsent: Vec<Frame>, cause: Cause, now: Instant) {
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        let cause = if worker.dead_since.is_some() && cause == Cause::Lost { Cause::Dead } else { cause };
        worker.presence = Presence::Away { since: now };
        let made: Vec<CallId> = std::mem::take(&mut worker.made).into_values().collect();
        for call in made {
            self.abandon_call(call, now);
        }
        self.take_back(id, unsent, now);
        match cause {
            Cause::Lost | Cause::Refused => self.forget_unwanted(id),
            Cause::Dead => self.fail_open(id, &FailureReason::WorkerLost),
            Cause::Protocol(reason) => self.fail_open(id, &FailureReason::Protocol(reason.to_owned())),
        }
        self.forget_if_idle(id);
    }

    /// Calls that never left the gateway go back to the head of their queue: another worker may have them.
    fn take_back(&mut self, id: WorkerId, unsent: Vec<Frame>, now: Instant) {
        let mut calls: Vec<_> = unsent
            .into_iter()
            .filter_map(|frame| match frame {
                Frame::Call(call) => Some(call),
                _ => None,
            })
            .collect();
        calls.sort_by_key(|call| std::cmp::Reverse(call.corr));
        for frame in calls {
            let Some(call) = self.workers.get(&id).and_then(|worker| worker.open.get(&frame.corr)).copied() else {
                continue;
            };
            self.detach(call);
            self.requeue(call, frame, now);
        }
    }

    /// Calls whose caller has gone need not wait for the worker's return.
    fn forget_unwanted(&mut self, id: WorkerId) {
        let unwanted: Vec<CallId> =
            self.open_calls(id).filter(|(_, call)| matches!(call.caller, Caller::Nobody)).map(|(id, _)| id).collect();
        for call in unwanted {
            self.detach(call);
            self.calls.remove(&call);
        }
    }

    /// Ends every call of a worker that will not come back.
    pub(super) fn fail_open(&mut self, id: WorkerId, reason: &FailureReason) {
        let calls: Vec<CallId> = self.open_calls(id).map(|(id, _)| id).collect();
        for call in calls {
            self.fail(call, reason.clone());
            self.detach(call);
            self.calls.remove(&call);
        }
    }

    /// A worker that is away and holds no call is nothing to remember.
    pub(super) fn forget_if_idle(&mut self, id: WorkerId) {
        let idle = self.workers.get(&id).is_some_and(|worker| worker.open.is_empty() && worker.link().is_none());
        if !idle {
            return;
        }
        if let Some(worker) = self.workers.remove(&id) {
            self.metrics.workers.add(-1);
            self.instances.remove(&worker.instance);
            self.leave_pools(id, worker.services.iter().map(|service| service.name.as_str()));
        }
    }

    pub(super) fn open_calls(&self, id: WorkerId) -> impl Iterator<Item = (CallId, &super::CallState)> {
        let open = self.workers.get(&id).into_iter().flat_map(|worker| worker.open.values());
        open.filter_map(|call| Some((*call, self.calls.get(call)?)))
    }

    /// Takes a call off its worker's list; frees the slot that it had.
    pub(super) fn detach(&mut self, call: CallId) {
        let Some(state) = self.calls.get(&call) else {
            return;
        };
        let Stage::Open { worker, corr } = state.stage else {
            return;
        };
        let held = self.workers.get_mut(&worker).and_then(|worker| worker.open.remove(&corr));
        if held.is_some() {
            self.vacate(call, worker);
        }
    }

    /// The supervisor knows that a process of this gateway's is dead: its calls need not wait.
    pub(crate) fn process_gone(&mut self, pid: u32, now: Instant) {
        let is_gone = |worker: &super::Worker| {
            worker.pid == Some(u64::from(pid))
                && worker.generation.as_deref() == Some(self.settings.generation.as_str())
        };
        let gone: Vec<WorkerId> =
            self.workers.iter().filter(|(_, worker)| is_gone(worker)).map(|(id, _)| *id).collect();
        for worker in gone {
            match self.workers.get_mut(&worker) {
                // Its last words may still be on their way to us; the connection ends when they are read.
                Some(worker) if worker.link().is_some() => worker.dead_since = Some(now),
                _ => {
                    self.fail_open(worker, &FailureReason::WorkerLost);
                    self.forget_if_idle(worker);
                }
            }
        }
        self.settle(now);
    }

    /// Tells every worker to finish.
    pub(crate) fn drain_workers(&mut self, now: Instant) {
        let workers: Vec<WorkerId> = self.workers.keys().copied().collect();
        for id in workers {
            if let Some(worker) = self.workers.get_mut(&id) {
                worker.draining = true;
            }
            self.send(id, Frame::Drain);
        }
        self.settle(now);
    }
}
