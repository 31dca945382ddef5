//! What waits to be sent to one worker, and whether the connection is wanted any longer.
//!
//! Whoever has queued frames calls [`Outbox::flush`]. Where the transport gave a [`Wire`] and nobody else sends, the
//! frames leave in that very thread, which saves waking the connection's task; what the wire does not take at once is
//! the task's. Bounded: credit and pings replace their older selves, and what a worker does not read in time cuts its
//! connection. A full outbox delays nobody but its own worker. Knows no rules of the protocol.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::frame::Frame;

/// Payload bytes beyond which a worker gets no new calls: two of the largest messages.
const BUSY_BYTES: usize = 8 * 1024 * 1024;
/// Payload bytes beyond which the connection is cut: the above, and a full window of relayed events.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Frames beyond which a worker gets no new calls.
const BUSY_FRAMES: usize = 1024;
/// Frames beyond which the connection is cut. Each open call adds a CALL, a CANCEL and a CREDIT at most.
const FRAMES_MAX: usize = 16 * 1024;

/// Bytes that are taken at a time: a write that is worth its system call, and little enough that newer credit still
/// replaces older in the outbox.
const BATCH_BYTES: usize = 64 * 1024;

/// A way to the worker that takes frames without waiting.
pub(crate) trait Wire: fmt::Debug + Send + Sync {
    /// Sends frames in order. False when something is left, which the connection's task has to send: the wire keeps
    /// it, and takes nothing more before.
    fn send_now(&self, frames: Vec<Frame>) -> bool;
}

/// The queue between the registry and one connection.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    changed: Notify,
    closed: CancellationToken,
    wire: OnceLock<Box<dyn Wire>>,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Frame>,
    bytes: usize,
    sender: Sender,
}

/// Who moves frames to the wire now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sender {
    #[default]
    Nobody,
    /// Somebody in [`Outbox::flush`].
    Caller,
    /// The connection's task; first what the wire keeps, if it keeps something.
    Task { rest: bool },
}

impl State {
    fn add(&mut self, frame: Frame) {
        // Only these two are looked for: a scan for each frame would make a long queue quadratic.
        if matches!(frame, Frame::Credit { .. } | Frame::Ping)
            && let Some(waiting) = self.frames.iter_mut().find(|waiting| supersedes(&frame, waiting))
        {
            *waiting = frame;
            return;
        }
        self.bytes += frame.payload_bytes();
        self.frames.push_back(frame);
    }

    fn take(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut taken_bytes = 0;
        while taken_bytes < BATCH_BYTES
            && let Some(frame) = self.frames.pop_front()
        {
            taken_bytes += frame.payload_bytes() + FRAME_BYTES_TYPICAL;
            self.bytes -= frame.payload_bytes();
            frames.push(frame);
        }
        frames
    }

    fn recall(&mut self) -> Vec<Frame> {
        self.bytes = 0;
        self.frames.drain(..).collect()
    }

    fn is_busy(&self) -> bool {
        self.bytes >= BUSY_BYTES || self.frames.len() >= BUSY_FRAMES
    }
}

/// What the connection's task should do next.
#[derive(Debug, PartialEq)]
pub(crate) enum Outgoing {
    /// Send these; `relieved` when the worker may take new calls again.
    Send { frames: Vec<Frame>, relieved: bool },
    /// Send what the wire keeps.
    Rest,
    /// Nothing more will come: close.
    Close,
}

impl Outbox {
    /// Lets frames leave through this from now on.
    pub(crate) fn attach(&self, wire: Box<dyn Wire>) {
        // A connection has one.
        let _ = self.wire.set(wire);
    }

    /// Queues a frame, which leaves with the next [`Outbox::flush`]. False when the connection is closed, or the peer reads too slowly and must be cut off.
    pub(crate) fn push(&self, frame: Frame) -> bool {
        let mut state = self.lock();
        if self.closed.is_cancelled() || state.frames.len() >= FRAMES_MAX || state.bytes >= BYTES_MAX {
            return false;
        }
        state.add(frame);
        true
    }

    /// Sends what is queued, or wakes who will. Writes to the wire, so no lock may be held that others need.
    pub(crate) fn flush(&self) {
        let Some(wire) = self.wire.get() else { return self.changed.notify_one() };
        let Some(frames) = self.begin_sending() else { return };
        let rest = !wire.send_now(frames);
        let mut state = self.lock();
        let goes_on = rest || !state.frames.is_empty();
        state.sender = if goes_on { Sender::Task { rest } } else { Sender::Nobody };
        drop(state);
        if goes_on || self.closed.is_cancelled() {
            self.changed.notify_one();
        }
    }

    /// One batch for a caller, unless somebody else sends, who then sends these frames too. A long queue is the task's.
    fn begin_sending(&self) -> Option<Vec<Frame>> {
        let mut state = self.lock();
        if state.frames.is_empty() || state.sender != Sender::Nobody {
            return None;
        }
        if state.is_busy() {
            self.changed.notify_one();
            return None;
        }
        state.sender = Sender::Caller;
        Some(state.take())
    }

    /// Lets what is queued be sent and the connection then be closed.
    pub(crate) fn close(&self) {
        // Under the lock, so that no push is accepted after it.
        let _state = self.lock();
        self.closed.cancel();
        self.changed.notify_one();
    }

    /// Waits until the connection is no longer wanted.
    pub(crate) fn closed(&self) -> WaitForCancellationFuture<'_> {
        self.closed.cancelled()
    }

    /// Closes without sending what is queued, and gives it back.
    pub(crate) fn cut(&self) -> Vec<Frame> {
        let mut state = self.lock();
        self.closed.cancel();
        let frames = state.recall();
        drop(state);
        self.changed.notify_one();
        frames
    }

    /// Queues frames again that the wire did not take, before all others.
    pub(crate) fn put_back(&self, frames: Vec<Frame>) {
        let mut state = self.lock();
        for frame in frames.into_iter().rev() {
            state.bytes += frame.payload_bytes();
            state.frames.push_front(frame);
        }
    }

    /// Gives back what is queued; the connection stays.
    pub(crate) fn recall(&self) -> Vec<Frame> {
        self.lock().recall()
    }

    /// Frames that are queued.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().frames.len()
    }

    /// Whether the worker has not read enough to be given more calls.
    pub(crate) fn is_busy(&self) -> bool {
        self.lock().is_busy()
    }

    /// What the connection's task has to send, a batch at a time. Cancel-safe: nothing is taken before it is returned.
    pub(crate) async fn next(&self) -> Outgoing {
        loop {
            if let Some(outgoing) = self.try_next() {
                return outgoing;
            }
            self.changed.notified().await;
        }
    }

    fn try_next(&self) -> Option<Outgoing> {
        let mut state = self.lock();
        if state.sender == Sender::Caller {
            return None;
        }
        if state.sender == (Sender::Task { rest: true }) {
            state.sender = Sender::Task { rest: false };
            return Some(Outgoing::Rest);
        }
        if state.frames.is_empty() {
            state.sender = Sender::Nobody;
            return self.closed.is_cancelled().then_some(Outgoing::Close);
        }
        state.sender = Sender::Task { rest: false };
        let was_busy = state.is_busy();
        let frames = state.take();
        let relieved = was_busy && !state.is_busy();
        Some(Outgoing::Send { frames, relieved })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is plain data that is whole after each statement, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a header takes, roughly; only for portioning.
const FRAME_BYTES_TYPICAL: usize = 32;

/// Credit is cumulative and one question is as good as two.
fn supersedes(new: &Frame, waiting: &Frame) -> bool {
    match (new, waiting) {
        (Frame::Credit { corr: new, .. }, Frame::Credit { corr: waiting, .. }) => new == waiting,
        (Frame::Ping, Frame::Ping) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::frame::CallFrame;

    fn call(corr: u64, bytes: usize) -> Frame {
        Frame::Call(CallFrame { corr, payload: Bytes::from(vec![0; bytes]), ..CallFrame::default() })
    }

    #[tokio::test]
    async fn credit_and_pings_do_not_pile_up() {
        let outbox = Outbox::default();
        for ack in 1..=1000 {
            assert!(outbox.push(Frame::Credit { corr: 2, ack }));
            assert!(outbox.push(Frame::Ping));
        }
        outbox.push(Frame::Credit { corr: 4, ack: 1 });
        let frames = vec![Frame::Credit { corr: 2, ack: 1000 }, Frame::Ping, Frame::Credit { corr: 4, ack: 1 }];
        assert_eq!(outbox.next().await, Outgoing::Send { frames, relieved: false });
    }

    #[tokio::test]
    async fn says_when_it_is_busy_and_when_no_longer() {
        let outbox = Outbox::default();
        assert!(outbox.push(call(2, BUSY_BYTES)));
        assert!(outbox.is_busy());
        assert!(matches!(outbox.next().await, Outgoing::Send { relieved: true, .. }));
        assert!(!outbox.is_busy());
    }

    #[test]
    fn refuses_beyond_its_bound() {
        let outbox = Outbox::default();
        let accepted = (0..1000).take_while(|corr| outbox.push(call(*corr, 1024 * 1024))).count();
        assert_eq!(accepted, BYTES_MAX / (1024 * 1024));
    }

    #[tokio::test]
    async fn closing_sends_the_rest_and_cutting_gives_it_back() {
        let outbox = Outbox::default();
        outbox.push(Frame::Drain);
        outbox.close();
        assert!(!outbox.push(Frame::Ping));
        assert!(matches!(outbox.next().await, Outgoing::Send { .. }));
        assert_eq!(outbox.next().await, Outgoing::Close);

        let outbox = Outbox::default();
        outbox.push(call(2, 1));
        assert_eq!(outbox.cut(), vec![call(2, 1)]);
        assert_eq!(outbox.next().await, Outgoing::Close);
    }
}
