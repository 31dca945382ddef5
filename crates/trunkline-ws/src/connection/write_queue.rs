//! What is still to be written to one peer.
//!
//! Frames that others share are queued as they are; small replies of the connection itself are appended to one
//! buffer, so that a burst of them costs one allocation. Both leave in one vectored write. Nothing is allocated while
//! the queue is empty. Knows nothing of the connection's state beyond "no more frames".

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use thiserror::Error;
use tokio::io::AsyncWrite;

use crate::frame::{self, Opcode, SERVER_HEADER_BYTES_MAX};

/// Frames per vectored write. Beyond some dozens the gain of one more is lost in the cost of the slices.
const SLICES_MAX: usize = 64;

/// Where the buffer of replies is closed and another begun, so that what was written can be freed.
const TAIL_BYTES_MAX: usize = 64 << 10;

/// The smallest buffer of replies: room for a few of a usual size.
const TAIL_BYTES_MIN: usize = 256;

/// Frames on their way to one peer, bounded in bytes.
#[derive(Debug)]
pub struct WriteQueue {
    frames: VecDeque<Bytes>,
    /// Frames behind all of `frames`, of which the first `tail_written` bytes have been written.
    tail: Vec<u8>,
    tail_written: usize,
    bytes: usize,
    bytes_max: usize,
    sealed: bool,
}

/// A frame was not queued.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum QueueError {
    /// The queue is at its bound; the peer reads too slowly.
    #[error("the write queue is full")]
    Full,
    /// The connection is being closed; nothing may follow the close frame.
    #[error("the connection is closing")]
    Closing,
}

impl WriteQueue {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { frames: VecDeque::new(), tail: Vec::new(), tail_written: 0, bytes: 0, bytes_max, sealed: false }
    }

    /// Queues an encoded frame (see [`frame`]), or several in one piece.
    ///
    /// # Errors
    /// When the queue is at its bound or closed. One frame is always accepted below the bound, so that the queue holds
    /// at most the bound and one frame.
    pub fn push(&mut self, frame: Bytes) -> Result<(), QueueError> {
        self.admit()?;
        self.append(frame);
        Ok(())
    }

    /// Encodes and queues a text message for this peer alone.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_text(&mut self, text: &str) -> Result<(), QueueError> {
        self.push_message(Opcode::Text, text.as_bytes())
    }

    /// Queues a text message for this peer alone that `write` appends to a buffer, where it stays: nothing is copied.
    /// What it appends must be UTF-8, which is not checked.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_text_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), QueueError> {
        self.push_message_with(Opcode::Text, write)
    }

    /// As [`push_text_with`](Self::push_text_with), for a binary message, which may be any bytes.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_binary_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), QueueError> {
        self.push_message_with(Opcode::Binary, write)
    }

    /// Encodes and queues a binary message for this peer alone.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_binary(&mut self, bytes: &[u8]) -> Result<(), QueueError> {
        self.push_message(Opcode::Binary, bytes)
    }

    /// As [`push`](Self::push), for the answer to a ping.
    pub(super) fn push_pong(&mut self, payload: &[u8]) -> Result<(), QueueError> {
        self.push_message(Opcode::Pong, payload)
    }

    /// The bytes that are queued and not yet written.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether everything has been written.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Whether a frame would be refused for want of room.
    pub fn is_full(&self) -> bool {
        self.bytes >= self.bytes_max
    }

    /// The memory that the queue itself owns, in bytes, shared frames not counted; 0 when empty.
    pub(super) fn allocated_bytes(&self) -> usize {
        self.frames.capacity() * size_of::<Bytes>() + self.tail.capacity()
    }

    /// Queues the last frame, whatever the bound.
    pub(super) fn seal(&mut self, close_frame: Bytes) {
        self.append(close_frame);
        self.sealed = true;
    }

    /// Writes once: how many bytes the stream took.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut count = 0;
        let tail = self.tail.get(self.tail_written..).filter(|tail| !tail.is_empty());
        for (slice, frame) in slices.iter_mut().zip(self.frames.iter().map(|frame| &frame[..]).chain(tail)) {
            *slice = IoSlice::new(frame);
            count += 1;
        }
        let written = match &slices[..count] {
            [only] => ready!(Pin::new(stream).poll_write(context, only))?,
            several => ready!(Pin::new(stream).poll_write_vectored(context, several))?,
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.consume(written);
        Poll::Ready(Ok(written))
    }

    fn admit(&self) -> Result<(), QueueError> {
        match (self.sealed, self.is_full()) {
            (true, _) => Err(QueueError::Closing),
            (false, true) => Err(QueueError::Full),
            (false, false) => Ok(()),
        }
    }

    fn append(&mut self, frame: Bytes) {
        if frame.is_empty() {
            return;
        }
        self.finish_tail();
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    fn push_message(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), QueueError> {
        self.admit()?;
        let before = self.begin_message(SERVER_HEADER_BYTES_MAX + payload.len());
        frame::put_header(&mut self.tail, opcode, payload.len());
        self.tail.extend_from_slice(payload);
        self.end_message(before);
        Ok(())
    }

    fn push_message_with(&mut self, opcode: Opcode, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), QueueError> {
        self.admit()?;
        let before = self.begin_message(TAIL_BYTES_MIN);
        frame::put_with(&mut self.tail, opcode, write);
        self.end_message(before);
        Ok(())
    }

    /// Makes room for a message behind the tail, and gives the tail's length.
    fn begin_message(&mut self, room: usize) -> usize {
        if self.tail.capacity() == 0 {
            self.tail.reserve(room.max(TAIL_BYTES_MIN));
        } else {
            self.tail.reserve(room);
        }
        self.tail.len()
    }

    fn end_message(&mut self, before: usize) {
        self.bytes += self.tail.len() - before;
        if self.tail.len() >= TAIL_BYTES_MAX {
            self.finish_tail();
        }
    }

    fn finish_tail(&mut self) {
        if !self.tail.is_empty() {
            let mut finished = Bytes::from(std::mem::take(&mut self.tail));
            finished.advance(std::mem::take(&mut self.tail_written));
            self.frames.push_back(finished);
        }
    }

    /// Forgets what has been written, and frees everything once nothing is left.
    fn consume(&mut self, mut written: usize) {
        self.bytes -= written;
        if self.bytes == 0 {
            self.frames = VecDeque::new();
            self.tail = Vec::new();
            self.tail_written = 0;
            return;
        }
        while let Some(front) = self.frames.front_mut() {
            if written < front.len() {
                front.advance(written);
                return;
            }
            written -= front.len();
            self.frames.pop_front();
        }
        self.tail_written += written;
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use proptest::prelude::*;

    use super::*;

    /// Takes at most so many bytes per write.
    struct Narrow(usize, Vec<u8>);

    impl AsyncWrite for Narrow {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let taken = bytes.len().min(self.0);
            self.1.extend_from_slice(&bytes[..taken]);
            Poll::Ready(Ok(taken))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            context: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            self.poll_write(context, &all)
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    proptest! {
        #[test]
        fn any_width_of_write_keeps_content_and_order(
            frames in prop::collection::vec((0..3, prop::collection::vec(any::<u8>(), 0..300)), 0..100),
            long in 0_usize..200_000,
            width in 1_usize..2000,
        ) {
            let mut queue = WriteQueue::new(usize::MAX);
            let mut expected = Vec::new();
            for (way, payload) in frames.iter().chain(&[(2, vec![b'x'; long])]) {
                let frame = frame::text(payload);
                expected.extend_from_slice(&frame);
                let queued = match way {
                    0 => queue.push(frame),
                    1 => queue.push_message(Opcode::Text, payload),
                    _ => queue.push_text_with(|out| out.extend_from_slice(payload)),
                };
                prop_assert_eq!(queued, Ok(()));
            }
            prop_assert_eq!(queue.bytes(), expected.len());

            let mut stream = Narrow(width, Vec::new());
            while !queue.is_empty() {
                let poll = queue.poll_write(&mut stream, &mut Context::from_waker(Waker::noop()));
                prop_assert!(matches!(poll, Poll::Ready(Ok(written)) if written > 0));
            }
            prop_assert_eq!(stream.1, expected);
            prop_assert_eq!(queue.allocated_bytes(), 0);
        }
    }

    #[test]
    fn the_queue_is_bounded_in_bytes() {
        let mut queue = WriteQueue::new(10);
        assert_eq!(queue.push_text("twelve bytes"), Ok(()));
        assert_eq!(queue.push_text(""), Err(QueueError::Full));
        assert_eq!(queue.push(frame::text(b"")), Err(QueueError::Full));
        assert_eq!(queue.bytes(), 14);
    }

    #[test]
    fn nothing_follows_the_close_frame() {
        let mut queue = WriteQueue::new(10);
        queue.seal(frame::close(crate::close::Code::NORMAL, ""));
        assert_eq!(queue.push_text("late"), Err(QueueError::Closing));
    }
}
