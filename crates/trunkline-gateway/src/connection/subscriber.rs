//! What others hold of a connection: its outbox, and a way to wake its task.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use trunkline_core::budget::{Budget, Share};
use trunkline_core::outbox::Outbox;
use trunkline_core::words::Voice;
use trunkline_protocol::{Dialect, Wire};

use crate::frame::Frame;
use crate::hub::Hub;

/// Ids of its own messages that a connection remembers. Of an older one it is told like anybody else.
const OWN_MESSAGES_MAX: usize = 256;

/// The handle of one connection.
pub(crate) struct Subscriber {
    wire: Wire,
    said_hello: AtomicBool,
    /// What an old client sent itself, and is not told again.
    own_messages: Mutex<VecDeque<Box<str>>>,
    outbox: Mutex<CountedOutbox>,
    task: AtomicWaker,
    /// The connection's task is going to look at the outbox, because it is at work or was woken already.
    will_look: AtomicBool,
    /// The client does not read its control messages; the connection is to be closed.
    control_overflowed: AtomicBool,
    in_flight: AtomicUsize,
    /// Of these, those that were answered since the connection's task last looked at the outbox.
    answered: AtomicUsize,
}

impl Subscriber {
    /// `budget` is what the outboxes of all connections have together.
    pub(crate) fn new(wire: Wire, budget: &Arc<Budget>) -> Arc<Self> {
        Arc::new(Self {
            wire,
            said_hello: AtomicBool::new(false),
            own_messages: Mutex::default(),
            outbox: Mutex::new(CountedOutbox { outbox: Outbox::default(), share: Share::new(Arc::clone(budget)) }),
            task: AtomicWaker::new(),
            will_look: AtomicBool::new(false),
            control_overflowed: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
        })
    }

    /// How its envelopes are spelled.
    pub(crate) const fn wire(&self) -> Wire {
        self.wire
    }

    /// How its client is spoken to.
    pub(crate) fn voice(&self) -> Voice {
        Voice { wire: self.wire, knows_runs: self.said_hello.load(Ordering::Relaxed) }
    }

    /// Its client said hello. Call it before anything is attached.
    pub(crate) fn said_hello(&self) {
        self.said_hello.store(true, Ordering::Relaxed);
    }

    /// Notes a message that this connection sends. Native clients are told of their own messages in order.
    pub(super) fn sends(&self, message: &str) {
        if self.wire.dialect() != Dialect::Native {
            let mut own = self.own_messages();
            if own.len() >= OWN_MESSAGES_MAX {
                own.pop_front();
            }
            own.push_back(message.into());
        }
    }

    /// A message that was noted was refused: another one may have its id.
    pub(super) fn forget_sent(&self, message: &str) {
        self.own_messages().retain(|own| **own != *message);
    }

    /// Whether this connection sent a message itself, and is not to be told of it.
    pub(crate) fn has_sent(&self, message: &str) -> bool {
        self.wire.dialect() != Dialect::Native && self.own_messages().iter().any(|own| **own == *message)
    }

    fn own_messages(&self) -> MutexGuard<'_, VecDeque<Box<str>>> {
        self.own_messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outbox. Hold it shortly, and never across an await.
    pub(crate) fn outbox(&self) -> OpenOutbox<'_> {
        OpenOutbox(self.outbox.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Queues a frame that belongs to this connection alone; it is written plain. A client that lets too many pile up is let go.
    pub(crate) fn push_control(&self, frame: Bytes) {
        if self.outbox().push_control(Frame::Own(frame)).is_err() {
            self.control_overflowed.store(true, Ordering::Relaxed);
        }
        self.wake();
    }

    /// Makes the connection's task look at its outbox, after what it is to find there was put in.
    pub(crate) fn wake(&self) {
        if !self.will_look.swap(true, Ordering::AcqRel) {
            self.task.wake();
        }
    }

    /// The connection's task is at work, and calls [`Subscriber::looks_now`] before it waits again.
    pub(super) fn will_look(&self) {
        self.will_look.store(true, Ordering::Relaxed);
    }

    /// Whether the connection's task is going to look at the outbox anyway.
    pub(crate) fn is_about_to_look(&self) -> bool {
        self.will_look.load(Ordering::Acquire)
    }

    /// The connection's task looks at the outbox next: what is put in from now on wakes it again.
    pub(crate) fn looks_now(&self) {
        // Not only stored: what was put in before a wake that was left out has to be seen.
        self.will_look.swap(false, Ordering::AcqRel);
        self.in_flight.fetch_sub(self.answered.swap(0, Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Resolves after [`Subscriber::wake`].
    pub(super) async fn woken(&self) {
        poll_fn(|context| {
            // In this order: a wake that comes between the two is seen.
            self.task.register(context.waker());
            if self.will_look.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    pub(super) fn control_overflowed(&self) -> bool {
        self.control_overflowed.load(Ordering::Relaxed)
    }

    /// Counts one more durable message that is not answered; `None` when there are `most` already. Who gave the message
    /// no id has no use for an `ack`.
    pub(crate) fn acquire_in_flight(self: &Arc<Self>, most: usize, wants_ack: bool) -> Option<InFlight> {
        let more = |count| (count < most).then_some(count + 1);
        let counted = self.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        counted.is_ok().then(|| InFlight { sender: Arc::clone(self), wants_ack })
    }
}

#[cfg(test)]
impl Subscriber {
    /// The handle of a connection whose node has room for everything.
    pub(crate) fn for_tests(wire: Wire) -> Arc<Self> {
        Self::new(wire, &Arc::new(Budget::new(usize::MAX)))
    }
}

/// An outbox, and what it has of the node's budget.
struct CountedOutbox {
    outbox: Outbox<Frame>,
    share: Share,
}

/// A connection's outbox while it is looked into. What it holds is counted when it is closed again.
pub(crate) struct OpenOutbox<'a>(MutexGuard<'a, CountedOutbox>);

impl OpenOutbox<'_> {
    /// Whether the node has room for this many bytes more in this outbox. Where not, channels fall behind, and their logs
    /// are read in small pages.
    pub(crate) fn has_room_for(&mut self, bytes: usize) -> bool {
        let CountedOutbox { outbox, share } = &mut *self.0;
        share.try_hold(outbox.bytes() + bytes)
    }
}

impl Deref for OpenOutbox<'_> {
    type Target = Outbox<Frame>;

    fn deref(&self) -> &Outbox<Frame> {
        &self.0.outbox
    }
}

impl DerefMut for OpenOutbox<'_> {
    fn deref_mut(&mut self) -> &mut Outbox<Frame> {
        &mut self.0.outbox
    }
}

impl Drop for OpenOutbox<'_> {
    fn drop(&mut self) {
        let CountedOutbox { outbox, share } = &mut *self.0;
        share.hold(outbox.bytes());
    }
}

/// A durable message that its sender has no answer to yet. It is counted until the connection's task has looked at the
/// outbox after it was dropped, so that a burst of messages cannot pile up more answers than may be in flight.
pub(crate) struct InFlight {
    sender: Arc<Subscriber>,
    wants_ack: bool,
}

impl InFlight {
    /// How the answer is spelled.
    pub(crate) fn wire(&self) -> Wire {
        self.sender.wire()
    }

    /// Answers the message with its `ack`, if its sender wants one.
    pub(crate) fn acknowledge(self, ack: impl FnOnce(Wire) -> Bytes) {
        if self.wants_ack {
            self.sender.push_control(ack(self.wire()));
        }
    }

    /// Answers the message with this id with an error.
    pub(crate) fn refuse(self, message: &str, error: impl FnOnce(Wire) -> Bytes) {
        self.sender.forget_sent(message);
        self.sender.push_control(error(self.wire()));
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.sender.answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection's place among the listeners of its channels; dropping it leaves them all.
pub(super) struct Membership {
    pub(super) hub: Arc<Hub>,
    pub(super) subscriber: Arc<Subscriber>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        let channels = self.subscriber.outbox().close();
        for channel in channels {
            self.hub.detach(&channel, &self.subscriber);
        }
    }
}
