//! HELLO and WELCOME: who joins, and which calls go on. `protocol/worker.md` §2.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tokio::time::Instant;

use super::{CallState, Caller, Cause, LinkId, Occupies, Presence, Registry, Stage, Worker, WorkerId, flush_later};
use crate::call::{CallEvent, CallId, FailureReason};
use crate::claims::Claimed;
use crate::frame::{CallFrame, Frame, Hello, Load, Offer, Resumed, Welcome, WorkerError};
use crate::inbox::Inbox;

/// Calls that a worker may execute at a time; it bounds what the gateway keeps for it.
const CONCURRENCY_MAX: u64 = 65_536;
/// Services that one worker may serve.
const SERVICES_MAX: usize = 1024;
/// The window that is granted to calls of an earlier gateway, whose setting is not known any more.
const CLAIMED_WINDOW: u64 = 4096;

/// A call that a worker kept over the loss of a gateway, for its new caller.
#[derive(Debug)]
pub(crate) struct Adopted {
    pub(crate) run: String,
    pub(crate) call: CallId,
    pub(crate) inbox: Arc<Inbox>,
}

impl Registry {
    /// The offered calls that are not this gateway's: somebody must say whether they are wanted.
    pub(crate) fn foreign_offers<'a>(&self, hello: &'a Hello) -> Vec<&'a Offer> {
        if self.objection(hello).is_some() {
            return Vec::new();
        }
        let known = self.instances.get(&hello.instance).copied();
        let is_known = |offer: &Offer| {
            known.is_some_and(|worker| self.open_calls(worker).any(|(_, call)| call.request.run == offer.run))
        };
        hello.open.iter().filter(|offer| !is_known(offer)).collect()
    }

    /// A worker said HELLO. `claims` holds what is wanted of its foreign offers, by run.
    pub(crate) fn hello(
        &mut self,
        link: LinkId,
        hello: Hello,
        mut claims: HashMap<String, Claimed>,
        now: Instant,
    ) -> Vec<Adopted> {
        if let Some(error) = self.objection(&hello) {
            self.refuse(link, error, now);
            return Vec::new();
        }
        let Some(outbox) = self.links.get(&link).map(|link| Arc::clone(&link.outbox)) else {
            return Vec::new();
        };
        let id = self.known_worker(link, &hello.instance, now);
        let open = hello.open.clone();
        let is_foreign = hello.generation.as_ref().is_some_and(|generation| *generation != self.settings.generation);
        self.enrol(id, hello, Presence::Connected { link, outbox }, is_foreign, now);
        if let Some(link) = self.links.get_mut(&link) {
            link.worker = Some(id);
        }
        let adopted = self.welcome(id, open, &mut claims);
        if is_foreign {
            self.send(id, Frame::Drain);
        }
        self.fill(id, now);
        self.settle(now);
        adopted
    }

    fn objection(&self, hello: &Hello) -> Option<WorkerError> {
        if let Some(token) = &self.settings.token
            && !same_secret(token, hello.token.as_deref().unwrap_or_default())
        {
            return Some(WorkerError::new("unauthorized", "the token is not valid"));
        }
        let names = hello.services.iter().map(|service| service.name.as_str());
        let is_name = |name: &str| (1..=crate::frame::NAME_BYTES_MAX).contains(&name.len());
        let distinct: HashSet<&str> = names.clone().collect();
        let objection = if !is_name(&hello.name) {
            "a worker needs a name"
        } else if !(1..=CONCURRENCY_MAX).contains(&hello.concurrency) {
            "concurrency must be from 1 to 65536"
        } else if distinct.len() != hello.services.len()
            || hello.services.len() > SERVICES_MAX
            || !names.clone().all(is_name)
        {
            "services need distinct names, and there may be 1024"
        } else {
            return None;
        };
        Some(WorkerError::new("worker_protocol", objection))
    }

    fn refuse(&mut self, link: LinkId, error: WorkerError, now: Instant) {
        self.metrics.hello_refused.increment();
        tracing::warn!(?link, code = error.code, reason = error.message, "a worker is refused");
        if let Some(state) = self.links.get(&link) {
            state.outbox.push(Frame::Error { corr: 0, seq: None, error });
            flush_later(&mut self.to_flush, &state.outbox);
        }
        self.close_link(link, Cause::Refused, now);
    }

    /// The worker's record; an older connection of the same process ends.
    fn known_worker(&mut self, link: LinkId, instance: &str, now: Instant) -> WorkerId {
        let Some(id) = self.instances.get(instance).copied() else {
            return self.new_worker(instance);
        };
        match self.workers.get(&id).and_then(Worker::link) {
            Some(older) if older != link => self.close_link(older, Cause::Lost, now),
            Some(_) => self.begin_again(link, id, now),
            None => {}
        }
        // Without open calls the record went with the connection.
        if self.workers.contains_key(&id) { id } else { self.new_worker(instance) }
    }

    /// A second HELLO over one connection is as good as a new connection: what was queued for the first is void.
    fn begin_again(&mut self, link: LinkId, worker: WorkerId, now: Instant) {
        let unsent = self.links.get(&link).map(|link| link.outbox.recall()).unwrap_or_default();
        self.worker_left(worker, unsent, Cause::Lost, now);
    }

    fn new_worker(&mut self, instance: &str) -> WorkerId {
        let id = WorkerId(self.new_id());
        self.instances.insert(instance.to_owned(), id);
        self.metrics.workers.add(1);
        id
    }

    fn enrol(&mut self, id: WorkerId, hello: Hello, presence: Presence, draining: bool, now: Instant) {
        let older = self.workers.remove(&id);
        if let Some(older) = &older {
            self.leave_pools(id, older.services.iter().map(|service| service.name.as_str()));
        }
        self.join_pools(id, hello.services.iter().map(|service| service.name.clone()).collect());
        let (open, outstanding, waiting) =
            older.map(|older| (older.open, older.outstanding, older.waiting)).unwrap_or_default();
        self.workers.insert(
            id,
            Worker {
                name: hello.name,
                instance: hello.instance,
                generation: hello.generation,
                pid: hello.pid,
                concurrency: usize::try_from(hello.concurrency).unwrap_or(usize::MAX),
                services: hello.services,
                reads_messagepack: hello.reads_messagepack,
                presence,
                draining,
                dead_since: None,
                load: Load::default(),
                ping_at: now + self.settings.ping_interval,
                unanswered_pings: 0,
                open,
                outstanding,
                waiting,
                made: BTreeMap::new(),
            },
        );
    }

    /// Sorts the offers into calls that go on and calls that are dropped, and says so.
    fn welcome(&mut self, id: WorkerId, offers: Vec<Offer>, claims: &mut HashMap<String, Claimed>) -> Vec<Adopted> {
        let mut welcome = Welcome {
            epoch: self.settings.epoch.clone(),
            ping_ms: u64::try_from(self.settings.ping_interval.as_millis()).unwrap_or(u64::MAX),
            window: self.settings.window,
            message_bytes_max: u64::try_from(self.settings.message_bytes_max).unwrap_or(u64::MAX),
            ..Welcome::default()
        };
        let mut adopted = Vec::new();
        let (mut cancelled, mut resumed_calls) = (Vec::new(), Vec::new());
        let mut kept = HashSet::new();
        for Offer { run, next, asks, .. } in offers {
            let call = match self.wanted_call(id, &run) {
                Some(call) => Some(call),
                None => claims.remove(&run).filter(|claimed| claimed.ack <= next).map(|claimed| {
                    let (call, inbox) = self.adopt(id, &run, claimed);
                    adopted.push(Adopted { run: run.clone(), call, inbox });
                    call
                }),
            };
            match call {
                Some(call) if kept.insert(call) => {
                    let resumed = self.resume(id, call, run);
                    self.asks_again(call, asks);
                    if self.calls.get(&call).is_some_and(|call| call.cancelled) {
                        cancelled.push(resumed.corr);
                    }
                    welcome.resumed.push(resumed);
                    resumed_calls.push(call);
                }
                _ => welcome.dropped.push(run),
            }
        }
        self.lose_all_but(id, &kept);
        self.send(id, Frame::Welcome(welcome));
        for call in resumed_calls {
            self.send_inputs(call, 0);
        }
        for corr in cancelled {
            self.send(id, Frame::Cancel { corr });
        }
        adopted
    }

    fn wanted_call(&self, id: WorkerId, run: &str) -> Option<CallId> {
        let is_wanted = |call: &CallState| call.request.run == run && !matches!(call.caller, Caller::Nobody);
        self.open_calls(id).filter(|(_, call)| is_wanted(call)).map(|(id, _)| id).max()
    }

    /// A call of an earlier gateway becomes one of this gateway's.
    fn adopt(&mut self, worker: WorkerId, run: &str, claimed: Claimed) -> (CallId, Arc<Inbox>) {
        let inbox = Arc::new(Inbox::default());
        let id = CallId(self.new_id());
        let corr = self.new_corr();
        let service = claimed.service.clone();
        let request = CallFrame {
            service: claimed.service,
            run: run.to_owned(),
            session: claimed.session,
            realm: claimed.realm,
            user: claimed.user,
            ..CallFrame::default()
        };
        self.calls.insert(
            id,
            CallState {
                caller: Caller::Local(Arc::clone(&inbox)),
                request,
                deadline: None,
                stage: Stage::Open { worker, corr },
                window: CLAIMED_WINDOW,
                received: claimed.ack,
                wire_next: claimed.ack,
                acked: claimed.ack,
                terminal: None,
                cancelled: false,
                asks: BTreeSet::new(),
                inputs: Vec::new(),
                occupies: Occupies::Slot,
            },
        );
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.open.insert(corr, id);
            worker.outstanding += 1;
            let idempotent = worker.is_idempotent(&service);
            inbox.push(CallEvent::Started { worker: worker.name.clone(), idempotent });
        }
        (id, inbox)
    }

    /// Gives a call a new corr. The worker repeats everything that is not stored; what has come already is skipped.
    fn resume(&mut self, id: WorkerId, call_id: CallId, run: String) -> Resumed {
        self.metrics.resumed.increment();
        let corr = self.new_corr();
        let mut ack = 0;
        if let (Some(call), Some(worker)) = (self.calls.get_mut(&call_id), self.workers.get_mut(&id)) {
            if let Stage::Open { corr: older, .. } = call.stage {
                worker.open.remove(&older);
            }
            worker.open.insert(corr, call_id);
            call.stage = Stage::Open { worker: id, corr };
            call.wire_next = call.acked;
            ack = call.acked;
        }
        Resumed { run, corr, ack }
    }

    /// What the worker did not offer it does not have any more.
    fn lose_all_but(&mut self, id: WorkerId, kept: &HashSet<CallId>) {
        let lost: Vec<CallId> = self.open_calls(id).map(|(id, _)| id).filter(|id| !kept.contains(id)).collect();
        for call in lost {
            if self.calls.get(&call).is_some_and(|call| call.terminal.is_none()) {
                self.fail(call, FailureReason::WorkerLost);
            }
            self.detach(call);
            self.calls.remove(&call);
        }
    }
}

/// Compares in a time that does not tell where the first difference is.
fn same_secret(left: &str, right: &str) -> bool {
    let difference = left.bytes().zip(right.bytes()).fold(0, |difference, (left, right)| difference | (left ^ right));
    left.len() == right.len() && difference == 0
}
