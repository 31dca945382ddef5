//! Calls that wait for a person: what they take of their worker, and how they learn the answer.

use std::collections::BTreeSet;

use bytes::Bytes;
use tokio::time::Instant;

use super::{CallState, Caller, Occupies, Registry, Stage, WorkerId};
use crate::call::{CallEvent, CallId};
use crate::frame::{Ask, Frame};

/// Calls of one worker that wait for a person and take none of its slots. Any further one keeps its slot.
pub(super) const WAITING_MAX: usize = 1024;

/// Questions that one call may wait for; the gateway ends a run before it asks so many.
const ASKS_MAX: usize = 64;

impl Registry {
    /// The worker asks a person.
    pub(super) fn pass_ask(&mut self, id: CallId, worker: WorkerId, ask: Ask) {
        let Ask { corr, seq, request, codec, payload, checkpoint } = ask;
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Caller::Local(inbox) = &call.caller else {
            return self.call_breach(id, worker, corr, "a question in a call of a worker");
        };
        let services = self.workers.get(&worker).map(|worker| worker.services.as_slice()).unwrap_or_default();
        let resumable = services.iter().any(|service| service.name == call.request.service && service.resumable);
        inbox.push(CallEvent::Asked { seq, request: request.clone(), codec, payload, checkpoint, resumable });
        if call.asks.len() < ASKS_MAX {
            call.asks.insert(request);
        }
        self.occupy(id);
    }

    /// The gateway has an answer for a call.
    pub(crate) fn answer(&mut self, id: CallId, request: &str, payload: Bytes, now: Instant) {
        let Some(call) = self.calls.get_mut(&id).filter(|call| call.terminal.is_none()) else {
            return;
        };
        call.asks.remove(request);
        if let Stage::Open { worker, corr } = call.stage {
            self.occupy(id);
            self.send(worker, Frame::Answer { corr, request: request.to_owned(), payload });
        }
        self.settle(now);
    }

    /// A worker that came back says what its call waits for.
    pub(super) fn asks_again(&mut self, id: CallId, requests: Vec<String>) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let requests: Vec<String> = requests.into_iter().take(ASKS_MAX).collect();
        call.asks = requests.iter().cloned().collect::<BTreeSet<_>>();
        if let Caller::Local(inbox) = &call.caller
            && !requests.is_empty()
        {
            inbox.push(CallEvent::AsksAgain { requests });
        }
        self.occupy(id);
    }

    /// Sets what a call takes of its worker by what it does now.
    pub(super) fn occupy(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Stage::Open { worker, .. } = call.stage else {
            return;
        };
        let Some(worker) = self.workers.get_mut(&worker) else {
            return;
        };
        worker.count(call.occupies, false);
        call.occupies = call.takes(worker.waiting);
        worker.count(call.occupies, true);
    }

    /// A call no longer takes anything of its worker.
    pub(super) fn vacate(&mut self, id: CallId, worker: WorkerId) {
        if let (Some(call), Some(worker)) = (self.calls.get_mut(&id), self.workers.get_mut(&worker)) {
            worker.count(std::mem::replace(&mut call.occupies, Occupies::Nothing), false);
        }
    }
}

impl CallState {
    /// What it takes of a worker that has so many calls waiting.
    fn takes(&self, waiting: usize) -> Occupies {
        if self.terminal.is_some() {
            Occupies::Nothing
        } else if self.asks.is_empty() || waiting >= WAITING_MAX {
            Occupies::Slot
        } else {
            Occupies::Memory
        }
    }
}

impl super::Worker {
    fn count(&mut self, occupies: Occupies, more: bool) {
        let count = match occupies {
            Occupies::Nothing => return,
            Occupies::Slot => &mut self.outstanding,
            Occupies::Memory => &mut self.waiting,
        };
        *count = if more { *count + 1 } else { count.saturating_sub(1) };
    }
}
