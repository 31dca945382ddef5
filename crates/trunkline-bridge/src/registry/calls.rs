//! Calls as their callers drive them: begun, handed to a worker, stored, cancelled, let go.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;
use trunkline_protocol::{Codec, DecodeError, msgpack};

use super::{CallState, Caller, Occupies, Pool, Registry, Stage, WorkerId};
use crate::call::{CallEvent, CallFailure, CallId, CallSpec, FailureReason};
use crate::config::HEADER_BYTES_MAX;
use crate::frame::{CallFrame, Frame, WorkerError};
use crate::inbox::Inbox;

/// Nesting of a payload that is converted for a worker; clients' are bounded before.
const PAYLOAD_DEPTH_MAX: usize = 64;

impl Registry {
    /// The gateway calls a service.
    pub(crate) fn call(&mut self, spec: CallSpec, now: Instant) -> (CallId, Arc<Inbox>) {
        let inbox = Arc::new(Inbox::default());
        let (deadline, window) = (spec.deadline, self.settings.window);
        let call = self.begin(Caller::Local(Arc::clone(&inbox)), request(spec, window), deadline, now);
        self.settle(now);
        (call, inbox)
    }

    /// Queues a call and hands it over if a worker is free.
    pub(super) fn begin(
        &mut self,
        caller: Caller,
        request: CallFrame,
        deadline: Option<Instant>,
        now: Instant,
    ) -> CallId {
        self.metrics.calls.increment();
        let id = CallId(self.new_id());
        let wait = now + self.settings.dispatch_wait;
        let until = deadline.map_or(wait, |deadline| deadline.min(wait));
        let service = request.service.clone();
        let refusal = self.refusal(&request);
        let window = request.window.unwrap_or(self.settings.window);
        let stage = Stage::Queued { until };
        self.calls.insert(
            id,
            CallState {
                caller,
                request,
                deadline,
                stage,
                window,
                received: 0,
                wire_next: 0,
                acked: 0,
                terminal: None,
                cancelled: false,
                asks: BTreeSet::new(),
                inputs: Vec::new(),
                occupies: Occupies::Nothing,
            },
        );
        if let Some(reason) = refusal {
            self.fail(id, reason);
            self.calls.remove(&id);
            return id;
        }
        self.services.entry(service.clone()).or_default().queue.push_back(id);
        if let Some(worker) = self.choose(&service) {
            self.fill(worker, now);
        }
        id
    }

    fn refusal(&self, request: &CallFrame) -> Option<FailureReason> {
        let bytes = request.payload.len() + request.buffers.iter().map(Bytes::len).sum::<usize>();
        let waiting = self.services.get(&request.service).map_or(0, |pool| pool.queue.len());
        if self.stopping {
            Some(FailureReason::Stopping)
        } else if bytes + HEADER_BYTES_MAX > self.settings.message_bytes_max {
            Some(FailureReason::TooLarge)
        } else if waiting >= self.settings.pending_calls_max {
            self.metrics.queue_full.increment();
            Some(FailureReason::QueueFull)
        } else {
            None
        }
    }

    /// The free worker of a service with the fewest calls outstanding.
    fn choose(&self, service: &str) -> Option<WorkerId> {
        let pool = self.services.get(service)?;
        let free = pool.workers.iter().filter_map(|id| {
            let worker = self.workers.get(id)?;
            worker.is_free().then_some((worker.outstanding, *id))
        });
        free.min().map(|(_, id)| id)
    }

    /// Gives a worker calls while it is free, the one that has waited longest first.
    pub(super) fn fill(&mut self, id: WorkerId, now: Instant) {
        while let Some(call) = self.next_call_for(id) {
            self.hand_over(call, id, now);
        }
    }

    fn next_call_for(&mut self, id: WorkerId) -> Option<CallId> {
        let worker = self.workers.get(&id).filter(|worker| worker.is_free())?;
        let head = |service: &str| self.services.get(service)?.queue.front().copied();
        // Ids grow with time, so the smallest is the oldest.
        let (_, service) =
            worker.services.iter().filter_map(|service| Some((head(&service.name)?, &service.name))).min()?;
        self.services.get_mut(service)?.queue.pop_front()
    }

    fn hand_over(&mut self, id: CallId, worker_id: WorkerId, now: Instant) {
        let (codec, payload) = match self.payload_for(worker_id, id) {
            Ok(readable) => readable,
            Err(reason) => {
                self.fail(id, reason);
                self.calls.remove(&id);
                return;
            }
        };
        let corr = self.new_corr();
        let (Some(call), Some(worker)) = (self.calls.get_mut(&id), self.workers.get_mut(&worker_id)) else {
            return;
        };
        call.stage = Stage::Open { worker: worker_id, corr };
        worker.open.insert(corr, id);
        worker.outstanding += 1;
        call.occupies = Occupies::Slot;
        if codec == call.request.codec {
            call.request.payload = Bytes::new();
        }
        let buffers = std::mem::take(&mut call.request.buffers);
        let deadline_ms = call.deadline.map(|deadline| milliseconds(deadline.saturating_duration_since(now)));
        let frame = CallFrame { corr, deadline_ms, codec, payload, buffers, ..call.request.clone() };
        if let Caller::Local(inbox) = &call.caller {
            let idempotent = worker.is_idempotent(&call.request.service);
            inbox.push(CallEvent::Started { worker: worker.name.clone(), idempotent });
        }
        self.send(worker_id, Frame::Call(frame));
        self.send_inputs(id, 0);
    }

    /// A call's payload as this worker reads it.
    fn payload_for(&mut self, worker: WorkerId, id: CallId) -> Result<(Option<Codec>, Bytes), FailureReason> {
        let request = self.calls.get_mut(&id).map(|call| match call.request.codec {
            // Every worker reads it.
            codec @ (None | Some(Codec::Json)) => (codec, std::mem::take(&mut call.request.payload)),
            codec => (codec, call.request.payload.clone()),
        });
        let (codec, payload) = request.unwrap_or_default();
        let (readable, payload) = self.readable_by(worker, codec.unwrap_or_default(), payload)?;
        Ok((codec.map(|_| readable), payload))
    }

    /// A value as this worker reads it: one that reads JSON only gets bytes as base64.
    pub(super) fn readable_by(
        &self,
        worker: WorkerId,
        codec: Codec,
        payload: Bytes,
    ) -> Result<(Codec, Bytes), FailureReason> {
        let reads_messagepack = || self.workers.get(&worker).is_none_or(|worker| worker.reads_messagepack);
        if codec == Codec::Json || reads_messagepack() {
            return Ok((codec, payload));
        }
        let bytes_max = self.settings.message_bytes_max.saturating_sub(HEADER_BYTES_MAX);
        match msgpack::worker_to_json(&payload, PAYLOAD_DEPTH_MAX, bytes_max) {
            Ok(text) => Ok((Codec::Json, text.into())),
            Err(DecodeError::TooLarge(_)) => Err(FailureReason::TooLarge),
            Err(error) => Err(FailureReason::Protocol(format!("a payload that cannot be converted: {error}"))),
        }
    }

    /// Puts a call that never left the gateway back to the head of its queue.
    pub(super) fn requeue(&mut self, id: CallId, frame: CallFrame, now: Instant) {
        let until = now + self.settings.dispatch_wait;
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let CallFrame { codec, payload, .. } = &mut call.request;
        // Where a worker that reads JSON only was given other bytes, the first ones are still here.
        let first = (*codec != frame.codec).then(|| (*codec, std::mem::take(payload)));
        let (codec, payload) = first.unwrap_or((frame.codec, frame.payload));
        call.request = CallFrame { corr: 0, codec, payload, buffers: frame.buffers, ..call.request.clone() };
        call.stage = Stage::Queued { until: call.deadline.map_or(until, |deadline| deadline.min(until)) };
        if call.cancelled || matches!(call.caller, Caller::Nobody) {
            self.fail(id, FailureReason::Cancelled);
            self.calls.remove(&id);
            return;
        }
        let service = call.request.service.clone();
        self.services.entry(service.clone()).or_default().queue.push_front(id);
        if let Some(worker) = self.choose(&service) {
            self.fill(worker, now);
        }
    }

    /// The caller has stored every event below `count`.
    pub(crate) fn stored(&mut self, id: CallId, count: u64, now: Instant) {
        self.acknowledge(id, count, now);
        self.settle(now);
    }

    pub(super) fn acknowledge(&mut self, id: CallId, count: u64, now: Instant) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let count = count.min(call.received);
        if count <= call.acked {
            return;
        }
        call.acked = count;
        let is_over = call.terminal.is_some_and(|terminal| count > terminal);
        let stage = call.stage;
        match stage {
            // The worker only forgets the call.
            Stage::Open { worker, corr } if is_over => self.send_in_company(worker, Frame::Credit { corr, ack: count }),
            Stage::Open { worker, corr } => self.send(worker, Frame::Credit { corr, ack: count }),
            Stage::Queued { .. } => {}
        }
        if is_over {
            self.remove(id, now);
        }
    }

    /// The caller wants the call to stop.
    pub(crate) fn cancel(&mut self, id: CallId, now: Instant) {
        self.cancel_call(id, now);
        self.settle(now);
    }

    pub(super) fn cancel_call(&mut self, id: CallId, now: Instant) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        if call.cancelled || call.terminal.is_some() {
            return;
        }
        call.cancelled = true;
        match call.stage {
            Stage::Queued { .. } => {
                self.fail(id, FailureReason::Cancelled);
                self.remove(id, now);
            }
            // A worker that is away is told when it comes back.
            Stage::Open { worker, corr } => self.send(worker, Frame::Cancel { corr }),
        }
    }

    /// The caller has let go of its handle.
    pub(crate) fn abandon(&mut self, id: CallId, now: Instant) {
        self.abandon_call(id, now);
        self.settle(now);
    }

    /// The caller makes the call another time, if no worker has it yet.
    pub(crate) fn take_back_call(&mut self, id: CallId, now: Instant) -> bool {
        let waits = self.calls.get(&id).is_some_and(|call| matches!(call.stage, Stage::Queued { .. }));
        if waits {
            self.remove(id, now);
            self.settle(now);
        }
        waits
    }

    /// Whether a call goes on when this gateway ends: a worker has it that is not ours to end, and has not ended it.
    pub(crate) fn outlives_us(&self, id: CallId) -> bool {
        let Some(call) = self.calls.get(&id).filter(|call| call.terminal.is_none()) else { return false };
        match call.stage {
            Stage::Open { worker, .. } => self
                .workers
                .get(&worker)
                .is_some_and(|worker| worker.generation.as_ref() != Some(&self.settings.generation)),
            Stage::Queued { .. } => false,
        }
    }

    /// Nobody listens any more: the worker is told to stop, and what it still sends is released unread.
    pub(super) fn abandon_call(&mut self, id: CallId, now: Instant) {
        self.cancel_call(id, now);
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        call.caller = Caller::Nobody;
        let (received, is_over) = (call.received, call.terminal.is_some());
        let Stage::Open { worker, corr } = call.stage else {
            return;
        };
        self.send(worker, Frame::Credit { corr, ack: received });
        let is_away = self.workers.get(&worker).is_none_or(|worker| worker.link().is_none());
        if is_over || is_away {
            self.remove(id, now);
            self.forget_if_idle(worker);
        }
    }

    /// Ends a call at its caller, without a worker's word. The call itself stays until its worker is done with it.
    pub(super) fn fail(&mut self, id: CallId, reason: FailureReason) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        if reason == FailureReason::WorkerLost && call.terminal.is_none() {
            self.metrics.worker_lost.increment();
        }
        let handed_over = matches!(call.stage, Stage::Open { .. });
        let seq = call.received;
        match std::mem::replace(&mut call.caller, Caller::Nobody) {
            Caller::Local(inbox) => {
                inbox.push(CallEvent::Failed(CallFailure { reason, handed_over }));
            }
            Caller::Worker { worker, corr, .. } => {
                let error = failure_error(&reason, handed_over);
                self.send(worker, Frame::Error { corr, seq: Some(seq), error });
                self.forget_made(worker, corr);
            }
            Caller::Nobody => {}
        }
    }

    /// Forgets a call, and uses the slot that it may have freed.
    pub(super) fn remove(&mut self, id: CallId, now: Instant) {
        self.detach(id);
        let Some(call) = self.calls.remove(&id) else {
            return;
        };
        match call.stage {
            Stage::Queued { .. } => self.leave_queue(&call.request.service, id),
            Stage::Open { worker, .. } => {
                self.end_children(id, worker, now);
                self.fill(worker, now);
            }
        }
    }

    fn leave_queue(&mut self, service: &str, id: CallId) {
        if let Some(pool) = self.services.get_mut(service) {
            pool.queue.retain(|waiting| *waiting != id);
        }
        self.drop_empty_pool(service);
    }

    pub(super) fn drop_empty_pool(&mut self, service: &str) {
        let is_empty = |pool: &Pool| pool.workers.is_empty() && pool.queue.is_empty();
        if self.services.get(service).is_some_and(is_empty) {
            self.services.remove(service);
        }
    }

    pub(super) fn leave_pools<'a>(&mut self, id: WorkerId, services: impl Iterator<Item = &'a str>) {
        for service in services {
            if let Some(pool) = self.services.get_mut(service) {
                pool.workers.retain(|worker| *worker != id);
            }
            self.drop_empty_pool(service);
        }
    }

    pub(super) fn join_pools(&mut self, id: WorkerId, services: HashSet<String>) {
        for service in services {
            self.services.entry(service).or_default().workers.push(id);
        }
    }

    /// No new calls from now on. Calls that workers have are left to the next gateway: their callers are told
    /// that this one is stopping, and their workers keep what is not stored.
    pub(crate) fn stop(&mut self, now: Instant) {
        self.stopping = true;
        let calls: Vec<CallId> = self.calls.keys().copied().collect();
        for call in calls {
            self.fail(call, FailureReason::Stopping);
        }
        self.settle(now);
        for (_, link) in std::mem::take(&mut self.links) {
            link.outbox.close();
            self.metrics.links.add(-1);
        }
        self.metrics.workers.add(-i64::try_from(self.workers.len()).unwrap_or(i64::MAX));
        self.workers.clear();
        self.instances.clear();
        self.services.clear();
        self.calls.clear();
    }
}

fn request(spec: CallSpec, window: u64) -> CallFrame {
    CallFrame {
        corr: 0,
        service: spec.service,
        run: spec.run,
        session: spec.session,
        realm: spec.realm,
        user: spec.user,
        message: spec.message,
        kind: spec.kind,
        attempt: Some(spec.attempt),
        deadline_ms: None,
        window: Some(window),
        codec: Some(spec.codec),
        traceparent: spec.traceparent,
        checkpoint: spec.checkpoint,
        answers: spec.answers,
        payload: spec.payload,
        buffers: Vec::new(),
    }
}

/// What a worker that called is told about a failure. Only what was never handed over is safe to repeat.
fn failure_error(reason: &FailureReason, handed_over: bool) -> WorkerError {
    let message = match reason {
        FailureReason::Protocol(reason) => reason.as_str(),
        _ => "the call was ended by the gateway",
    };
    let is_unseen = matches!(reason, FailureReason::NoWorker | FailureReason::Overloaded | FailureReason::QueueFull);
    let retryable = !handed_over && is_unseen;
    WorkerError { retryable, ..WorkerError::new(reason.code(), message) }
}

fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl CallState {
    /// Whether the worker may send an event with this number, by the credit that it was given.
    pub(super) fn has_credit(&self, seq: u64) -> bool {
        seq < self.acked.saturating_add(self.window)
    }
}
