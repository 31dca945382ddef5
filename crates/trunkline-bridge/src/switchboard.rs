//! The registry behind its lock, with the clock: what transports, callers and the bridge share.
//!
//! The lock is synchronous and short: under it only memory is touched. Decoding happens before, encoding after.
//! Knows no transport.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::time::Instant;

use crate::call::{Call, CallId, CallSpec};
use crate::claims::{Claimed, Claims};
use crate::frame::{Frame, Hello, Input, Parts, decode};
use crate::outbox::Outbox;
use crate::registry::{LinkId, Registry, ServiceStatus};

/// See the module's comment.
pub(crate) struct Switchboard {
    registry: Mutex<Registry>,
    claims: Arc<dyn Claims>,
}

impl std::fmt::Debug for Switchboard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Switchboard").finish_non_exhaustive()
    }
}

impl Switchboard {
    pub(crate) fn new(registry: Registry, claims: Arc<dyn Claims>) -> Self {
        Self { registry: Mutex::new(registry), claims }
    }

    pub(crate) fn call(self: &Arc<Self>, spec: CallSpec) -> Call {
        let (id, inbox) = self.act(|registry, now| registry.call(spec, now));
        Call::new(id, inbox, Arc::clone(self))
    }

    pub(crate) fn stored(&self, call: CallId, count: u64) {
        self.act(|registry, now| registry.stored(call, count, now));
    }

    pub(crate) fn answer(&self, call: CallId, request: &str, payload: Bytes) {
        self.act(|registry, now| registry.answer(call, request, payload, now));
    }

    pub(crate) fn input(&self, call: CallId, input: Input) {
        self.act(|registry, now| registry.input(call, input, now));
    }

    pub(crate) fn takes_input(&self, service: &str) -> bool {
        self.lock().takes_input(service)
    }

    pub(crate) fn cancel(&self, call: CallId) {
        self.act(|registry, now| registry.cancel(call, now));
    }

    pub(crate) fn abandon(&self, call: CallId) {
        self.act(|registry, now| registry.abandon(call, now));
    }

    pub(crate) fn take_back(&self, call: CallId) -> bool {
        self.act(|registry, now| registry.take_back_call(call, now))
    }

    pub(crate) fn outlives_us(&self, call: CallId) -> bool {
        self.lock().outlives_us(call)
    }

    /// A transport has a new peer. None when there are too many, and the peer must be let go.
    pub(crate) fn connect(&self) -> Option<(LinkId, Arc<Outbox>)> {
        self.act(Registry::connect)
    }

    /// A transport has read a message.
    pub(crate) fn message(self: &Arc<Self>, link: LinkId, parts: Parts) {
        match decode(parts) {
            Ok(Frame::Hello(hello)) => self.hello(link, hello),
            Ok(frame) => self.act(|registry, now| registry.frame(link, frame, now)),
            Err(error) => self.act(|registry, now| registry.broken_frame(link, &error, now)),
        }
    }

    /// A transport has read something that is no message, such as one that is too long.
    pub(crate) fn garbage(&self, link: LinkId, reason: &'static str) {
        let error = crate::frame::DecodeError::Connection(reason);
        self.act(|registry, now| registry.broken_frame(link, &error, now));
    }

    /// A transport's peer is gone.
    pub(crate) fn disconnected(&self, link: LinkId) {
        self.act(|registry, now| registry.disconnected(link, now));
    }

    /// A transport has sent enough of an outbox that was full.
    pub(crate) fn relieved(&self, link: LinkId) {
        self.act(|registry, now| registry.relieved(link, now));
    }

    pub(crate) fn tick(&self) {
        self.act(Registry::tick);
    }

    pub(crate) fn process_gone(&self, pid: u32) {
        self.act(|registry, now| registry.process_gone(pid, now));
    }

    pub(crate) fn drain_workers(&self) {
        self.act(Registry::drain_workers);
    }

    pub(crate) fn stop(&self) {
        self.act(Registry::stop);
    }

    pub(crate) fn is_idempotent(&self, service: &str) -> bool {
        self.lock().is_idempotent(service)
    }

    pub(crate) fn status(&self) -> Vec<ServiceStatus> {
        self.lock().status()
    }

    /// The claims are asked between two locks: they are the gateway's code, which may take its own.
    fn hello(self: &Arc<Self>, link: LinkId, hello: Hello) {
        let foreign: Vec<_> = self.lock().foreign_offers(&hello).into_iter().cloned().collect();
        let claims: HashMap<String, Claimed> =
            foreign.into_iter().filter_map(|offer| Some((offer.run.clone(), self.claims.claim(&offer)?))).collect();
        let adopted = self.act(|registry, now| registry.hello(link, hello, claims, now));
        for adopted in adopted {
            let call = Call::new(adopted.call, adopted.inbox, Arc::clone(self));
            self.claims.resume(&adopted.run, call);
        }
    }

    /// Tells the registry of an event. What it wants sent leaves when its lock is let go.
    fn act<T>(&self, event: impl FnOnce(&mut Registry, Instant) -> T) -> T {
        let mut registry = self.lock();
        let outcome = event(&mut registry, Instant::now());
        let to_flush = registry.take_to_flush();
        drop(registry);
        for outbox in to_flush {
            outbox.flush();
        }
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        // A panic under the lock is a bug in the registry, not in its data for other calls: better to go on than
        // to take every worker down with one call.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
