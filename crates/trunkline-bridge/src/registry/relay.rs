//! Calls that workers make. `protocol/worker.md` §4.
//!
//! They are passed to a worker of the service under the caller's numbers and credit, are not stored, and end with
//! the call on whose behalf they were made.

use tokio::time::Instant;

use super::{Caller, LinkId, Registry, WorkerId};
use crate::call::CallId;
use crate::frame::{CallFrame, Frame, WorkerError};

/// Calls that one worker may have made and not seen end. Beyond that a handler calls in a loop.
const MADE_MAX: usize = 1024;

impl Registry {
    pub(super) fn relay_call(&mut self, link: LinkId, worker: WorkerId, call: CallFrame, now: Instant) {
        let Some(caller) = self.workers.get(&worker) else {
            return;
        };
        if call.corr.is_multiple_of(2) || caller.made.contains_key(&call.corr) {
            return self.breach(link, "a call whose corr is even or in use", now);
        }
        let corr = call.corr;
        if caller.made.len() >= MADE_MAX {
            return self.refuse_relay(worker, corr, WorkerError::new("overloaded", "too many calls are open"));
        }
        // A worker acts with the rights of the run that it executes, so it must execute it.
        let Some(parent) = self.parent_of(worker, &call.run) else {
            return self.refuse_relay(
                worker,
                corr,
                WorkerError::new("permission_denied", "the run is not open at this worker"),
            );
        };
        let deadline = call.deadline_ms.map(|left| now + std::time::Duration::from_millis(left));
        let request = self.relayed_request(parent, call);
        let id = self.begin(Caller::Worker { worker, corr, parent }, request, deadline, now);
        // A call that was refused is over already.
        if self.calls.contains_key(&id)
            && let Some(worker) = self.workers.get_mut(&worker)
        {
            worker.made.insert(corr, id);
        }
    }

    fn refuse_relay(&mut self, worker: WorkerId, corr: u64, error: WorkerError) {
        self.send(worker, Frame::Error { corr, seq: Some(0), error });
    }

    fn parent_of(&self, worker: WorkerId, run: &str) -> Option<CallId> {
        let open = self.open_calls(worker);
        let parent =
            open.filter(|(_, call)| call.request.run == run && call.terminal.is_none()).max_by_key(|(id, _)| *id)?;
        Some(parent.0)
    }

    /// The call gets a run id of its own, because a worker offers open calls by run, and may hold its own
    /// and one on behalf of the same run.
    fn relayed_request(&mut self, parent: CallId, call: CallFrame) -> CallFrame {
        let window = call.window.unwrap_or(self.settings.window).clamp(1, self.settings.window);
        let Some(context) = self.calls.get(&parent).map(|parent| &parent.request) else {
            return call;
        };
        CallFrame {
            corr: 0,
            run: format!("{}~{}", context.run, self.last_id + 1),
            session: context.session.clone(),
            realm: context.realm.clone(),
            user: context.user.clone(),
            message: context.message.clone(),
            kind: context.kind.clone(),
            attempt: Some(call.attempt.unwrap_or(1)),
            codec: Some(call.codec.unwrap_or_default()),
            window: Some(window),
            traceparent: call.traceparent.or_else(|| context.traceparent.clone()),
            ..call
        }
    }

    pub(super) fn relay_cancel(&mut self, link: LinkId, worker: WorkerId, corr: u64, now: Instant) {
        if let Some(call) = self.made_call(link, worker, corr, now) {
            self.cancel_call(call, now);
        }
    }

    pub(super) fn relay_credit(&mut self, link: LinkId, worker: WorkerId, corr: u64, ack: u64, now: Instant) {
        if let Some(call) = self.made_call(link, worker, corr, now) {
            self.acknowledge(call, ack, now);
        }
    }

    fn made_call(&mut self, link: LinkId, worker: WorkerId, corr: u64, now: Instant) -> Option<CallId> {
        if corr.is_multiple_of(2) {
            self.breach(link, "a caller's frame about a call that the gateway made", now);
            return None;
        }
        let call = self.workers.get(&worker)?.made.get(&corr).copied();
        if call.is_none() {
            self.metrics.late_frames.increment();
        }
        call
    }

    /// A call is over, so the calls that were made on its behalf are, too.
    pub(super) fn end_children(&mut self, parent: CallId, worker: WorkerId, now: Instant) {
        let Some(maker) = self.workers.get(&worker) else {
            return;
        };
        let is_child = |id: &CallId| {
            let call = self.calls.get(id);
            call.is_some_and(|call| matches!(call.caller, Caller::Worker { parent: of, .. } if of == parent))
        };
        let children: Vec<(u64, CallId)> =
            maker.made.iter().filter(|(_, id)| is_child(id)).map(|(corr, id)| (*corr, *id)).collect();
        for (corr, child) in children {
            self.forget_made(worker, corr);
            self.abandon_call(child, now);
        }
    }

    pub(super) fn forget_made(&mut self, worker: WorkerId, corr: u64) {
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.made.remove(&corr);
        }
    }
}
