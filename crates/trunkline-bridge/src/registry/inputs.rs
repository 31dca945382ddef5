//! Further messages for calls that go on: kept until their worker takes them, and sent again when it comes back.

use tokio::time::Instant;

use super::{Caller, Registry, Stage, WorkerId};
use crate::call::{CallEvent, CallId};
use crate::frame::{Frame, Input};

/// Inputs of one call that its worker has not taken; the gateway has fewer.
const INPUTS_MAX: usize = 64;

impl Registry {
    /// The gateway has a message for a call. A worker that is away, or has not got the call yet, is sent it with the call.
    pub(crate) fn input(&mut self, id: CallId, input: Input, now: Instant) {
        let Some(call) = self.calls.get_mut(&id).filter(|call| call.terminal.is_none()) else {
            return;
        };
        let is_new = call.inputs.iter().all(|known| known.message != input.message);
        if is_new && call.inputs.len() < INPUTS_MAX {
            call.inputs.push(input);
            let newest = call.inputs.len() - 1;
            self.send_inputs(id, newest);
        }
        self.settle(now);
    }

    /// Sends a worker the inputs of its call from this one on.
    pub(super) fn send_inputs(&mut self, id: CallId, from: usize) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let Stage::Open { worker, corr } = call.stage else {
            return;
        };
        let takes = self.workers.get(&worker).is_some_and(|worker| worker.takes_input(&call.request.service));
        let inputs = if takes { call.inputs[from..].to_vec() } else { Vec::new() };
        for input in inputs {
            // One that cannot be converted is not taken: it becomes a run of its own, which says so.
            if let Ok((codec, payload)) = self.readable_by(worker, input.codec, input.payload.clone()) {
                self.send(worker, Frame::Input(Input { corr, codec, payload, ..input }));
            }
        }
    }

    /// The worker took an input.
    pub(super) fn pass_taken(&mut self, id: CallId, worker: WorkerId, corr: u64, seq: u64, message: &str) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Caller::Local(inbox) = &call.caller else {
            return self.call_breach(id, worker, corr, "an input in a call of a worker");
        };
        inbox.push(CallEvent::TookInput { seq, message: message.to_owned() });
        call.inputs.retain(|input| input.message != message);
    }

    /// Whether no worker that serves this service says that its calls take no input.
    pub(crate) fn takes_input(&self, service: &str) -> bool {
        let pool = self.services.get(service).map_or(&[][..], |pool| &pool.workers);
        pool.iter().filter_map(|id| self.workers.get(id)).all(|worker| worker.takes_input(service))
    }
}

impl super::Worker {
    fn takes_input(&self, service: &str) -> bool {
        self.services.iter().any(|known| known.name == service && known.takes_input)
    }
}
