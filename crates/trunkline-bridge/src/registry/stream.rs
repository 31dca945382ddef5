//! What a worker says about the calls that it executes: events, latest state, the end. `protocol/worker.md` §3.

use bytes::Bytes;
use tokio::time::Instant;

use super::{Caller, LinkId, Registry, WorkerId};
use crate::call::{CallEvent, CallId, FailureReason, Outcome};
use crate::frame::{Ask, Chunk, ChunkKind, Frame, WorkerError};

/// What stands under one number of a call.
enum Item {
    Event(Chunk),
    Ask(Ask),
    /// The id of the message that was taken.
    Taken(String),
    End(Outcome, Vec<Bytes>),
}

/// Largest value of latest state; a larger one is dropped and counted. It needs no credit, so nothing else bounds it.
const LATEST_BYTES_MAX: usize = 16 * 1024;

impl Registry {
    pub(super) fn stream_frame(&mut self, link: LinkId, worker: WorkerId, frame: Frame, now: Instant) {
        let (corr, seq, item) = match frame {
            Frame::Event { corr, name, key, payload } => {
                if let Some(call) = self.addressed_call(link, worker, corr, now) {
                    self.latest(call, name, key, payload);
                }
                return;
            }
            Frame::Chunk(chunk) => (chunk.corr, chunk.seq, Item::Event(chunk)),
            Frame::Ask(ask) => (ask.corr, ask.seq, Item::Ask(ask)),
            Frame::Taken { corr, seq, message } => (corr, seq, Item::Taken(message)),
            Frame::Result { corr, seq, codec, payload, buffers } => {
                (corr, seq, Item::End(Outcome::Result { codec, payload }, buffers))
            }
            Frame::End { corr, seq } => (corr, seq, Item::End(Outcome::End, Vec::new())),
            Frame::Error { corr, seq: Some(seq), error } => (corr, seq, Item::End(Outcome::Error(error), Vec::new())),
            _ => return,
        };
        if let Some(call) = self.addressed_call(link, worker, corr, now) {
            self.numbered(call, worker, corr, seq, item, now);
        }
    }

    /// A frame about a call could not be read: the call ends.
    pub(super) fn broken_call(
        &mut self,
        link: LinkId,
        worker: WorkerId,
        corr: u64,
        reason: &'static str,
        now: Instant,
    ) {
        if corr % 2 == 1 {
            self.breach(link, reason, now);
        } else if let Some(call) = self.addressed_call(link, worker, corr, now) {
            self.call_breach(call, worker, corr, reason);
        }
    }

    /// The call that a frame is about. A number that was given out and is over is merely late; one that never
    /// was means that the worker's other numbers cannot be believed either.
    fn addressed_call(&mut self, link: LinkId, worker: WorkerId, corr: u64, now: Instant) -> Option<CallId> {
        let call = self.workers.get(&worker).and_then(|worker| worker.open.get(&corr)).copied();
        if call.is_none() {
            if corr.is_multiple_of(2) && corr < self.next_corr {
                self.metrics.late_frames.increment();
            } else {
                self.breach(link, "a corr that was never given out", now);
            }
        }
        call
    }

    fn latest(&mut self, id: CallId, name: String, key: Option<String>, payload: Bytes) {
        let Some(call) = self.calls.get(&id).filter(|call| call.terminal.is_none()) else {
            self.metrics.late_frames.increment();
            return;
        };
        if payload.len() > LATEST_BYTES_MAX {
            self.metrics.latest_dropped.increment();
            return;
        }
        match &call.caller {
            Caller::Local(inbox) => {
                if !inbox.push(CallEvent::Latest { name, key, payload }) {
                    self.metrics.latest_dropped.increment();
                }
            }
            Caller::Worker { worker, corr, .. } => {
                let (worker, corr) = (*worker, *corr);
                self.send(worker, Frame::Event { corr, name, key, payload });
            }
            Caller::Nobody => self.metrics.late_frames.increment(),
        }
    }

    fn numbered(&mut self, id: CallId, worker: WorkerId, corr: u64, seq: u64, item: Item, now: Instant) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        if call.terminal.is_some_and(|terminal| call.wire_next > terminal) {
            // The caller has the terminal event; nothing can be added to it.
            self.metrics.protocol_errors.increment();
            tracing::warn!(corr, seq, "a worker went on after a call's terminal message");
            return;
        }
        if matches!(call.caller, Caller::Nobody) {
            self.metrics.late_frames.increment();
            self.release(id, worker, corr, seq, &item, now);
            return;
        }
        if seq != call.wire_next {
            return self.call_breach(id, worker, corr, "an event out of its order");
        }
        if !matches!(item, Item::End(..)) && !call.has_credit(seq) {
            return self.call_breach(id, worker, corr, "an event beyond the window");
        }
        call.wire_next = seq + 1;
        // Below `received` the worker repeats, after a reconnect, what the caller has already.
        if seq == call.received {
            call.received = seq + 1;
            self.accept(id, worker, corr, seq, item, now);
        }
    }

    /// A call without a caller: credit flows so that the worker can finish and forget it.
    fn release(&mut self, id: CallId, worker: WorkerId, corr: u64, seq: u64, item: &Item, now: Instant) {
        self.send(worker, Frame::Credit { corr, ack: seq.saturating_add(1) });
        if matches!(item, Item::End(..)) {
            self.remove(id, now);
        }
    }

    fn accept(&mut self, id: CallId, worker: WorkerId, corr: u64, seq: u64, item: Item, now: Instant) {
        match item {
            Item::Event(chunk) => {
                self.metrics.chunks.increment();
                self.pass_event(id, worker, chunk);
            }
            Item::Ask(ask) => {
                self.metrics.chunks.increment();
                self.pass_ask(id, worker, ask);
                self.fill(worker, now);
            }
            Item::Taken(message) => {
                self.metrics.chunks.increment();
                self.pass_taken(id, worker, corr, seq, &message);
            }
            Item::End(outcome, buffers) => {
                if let Some(call) = self.calls.get_mut(&id) {
                    call.terminal = Some(seq);
                }
                self.vacate(id, worker);
                self.end_children(id, worker, now);
                self.pass_end(id, seq, outcome, buffers, now);
                self.fill(worker, now);
            }
        }
    }

    fn pass_event(&mut self, id: CallId, executor: WorkerId, chunk: Chunk) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        match &call.caller {
            Caller::Local(inbox) if chunk.buffers.is_empty() => {
                inbox.push(CallEvent::Event { seq: chunk.seq, kind: chunk.kind, payload: chunk.payload });
            }
            Caller::Local(_) => self.call_breach(id, executor, chunk.corr, BUFFERS_REFUSED),
            Caller::Worker { worker, corr, .. } => {
                let (worker, corr, executor_corr) = (*worker, *corr, chunk.corr);
                match self.event_for(worker, chunk) {
                    Ok(chunk) => self.send(worker, Frame::Chunk(Chunk { corr, ..chunk })),
                    Err(_) => self.call_breach(id, executor, executor_corr, UNREADABLE),
                }
            }
            Caller::Nobody => {}
        }
    }

    /// An event as a worker reads it.
    fn event_for(&self, worker: WorkerId, chunk: Chunk) -> Result<Chunk, FailureReason> {
        let ChunkKind::Event { name, codec } = chunk.kind else { return Ok(chunk) };
        let (codec, payload) = self.readable_by(worker, codec, chunk.payload)?;
        Ok(Chunk { kind: ChunkKind::Event { name, codec }, payload, ..chunk })
    }

    /// An outcome as a worker reads it.
    fn outcome_for(&self, worker: WorkerId, outcome: Outcome) -> Outcome {
        let Outcome::Result { codec, payload } = outcome else { return outcome };
        match self.readable_by(worker, codec, payload) {
            Ok((codec, payload)) => Outcome::Result { codec, payload },
            Err(reason) => Outcome::Error(WorkerError::new(reason.code(), UNREADABLE)),
        }
    }

    fn pass_end(&mut self, id: CallId, seq: u64, outcome: Outcome, buffers: Vec<Bytes>, now: Instant) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        match &call.caller {
            Caller::Local(_) if !buffers.is_empty() => {
                self.metrics.protocol_errors.increment();
                self.fail(id, FailureReason::Protocol(BUFFERS_REFUSED.to_owned()));
                self.acknowledge(id, seq + 1, now);
            }
            Caller::Local(inbox) => {
                inbox.push(CallEvent::Ended { seq, outcome });
            }
            Caller::Worker { worker, corr, .. } => {
                let (worker, corr) = (*worker, *corr);
                let outcome = self.outcome_for(worker, outcome);
                self.send(worker, end_frame(corr, seq, outcome, buffers));
                self.forget_made(worker, corr);
                // Nothing of such a call is stored, so its executor may forget it at once.
                self.acknowledge(id, seq + 1, now);
            }
            Caller::Nobody => {}
        }
    }

    /// The worker broke the protocol for one call: that call ends, its worker is told to stop it.
    pub(super) fn call_breach(&mut self, id: CallId, worker: WorkerId, corr: u64, reason: &'static str) {
        self.metrics.protocol_errors.increment();
        tracing::warn!(corr, reason, "a worker broke the protocol; the call is ended");
        self.fail(id, FailureReason::Protocol(reason.to_owned()));
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let received = call.received;
        call.cancelled = true;
        self.send(worker, Frame::Cancel { corr });
        self.send(worker, Frame::Credit { corr, ack: received });
    }
}

/// Bytes stand in the payload; only workers among themselves may agree on more.
const BUFFERS_REFUSED: &str = "buffers in a call of the gateway";

/// Said where a payload that a worker wrote can be given to nobody.
const UNREADABLE: &str = "a payload that cannot be converted";

fn end_frame(corr: u64, seq: u64, outcome: Outcome, buffers: Vec<Bytes>) -> Frame {
    match outcome {
        Outcome::Result { codec, payload } => Frame::Result { corr, seq, codec, payload, buffers },
        Outcome::End => Frame::End { corr, seq },
        Outcome::Error(error) => Frame::Error { corr, seq: Some(seq), error },
    }
}
