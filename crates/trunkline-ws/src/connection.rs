//! The driver of one connection: reads, decodes, answers pings, writes, and closes as RFC 6455 asks.
//!
//! One task owns a [`Connection`] and calls [`Connection::drive`] in its `select!`. The driver decides nothing that
//! needs knowledge of the application: heartbeats, the rate of pings and the reaction to a slow peer are the owner's,
//! who finds the facts in [`Activity`], [`Connection::last_received`] and [`Closed`].

mod ending;
mod pongs;
mod read_buffer;
mod write_queue;

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, timeout_at},
};

pub use self::{
    ending::Closed,
    write_queue::{QueueError, WriteQueue},
};
use self::{
    ending::{Awaited, Ending, PeerClose},
    pongs::Pongs,
    read_buffer::READ_BUFFER_BYTES,
};
use crate::{Burst, Decoder, Deflate, Limits, Message, close::Code, frame};

/// Full reads in one drive: with the read buffer of 64 KiB, 256 KiB.
const READS_PER_DRIVE_MAX: usize = 4;

/// Bytes read in one drive where messages may be compressed. A byte of nothing but tables of codes costs 50 to 255 ns, so
/// this much costs 4 ms at worst (ADR 011).
const COMPRESSED_BYTES_PER_DRIVE_MAX: usize = 16 << 10;

/// How one connection is driven.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What a message may cost at first; see [`Connection::set_limits`].
    pub limits: Limits,
    /// What was agreed on in the upgrade, if compressed messages are to be accepted from the start. They cost memory and
    /// time within the limits; for a peer that is not to be trusted with that yet, leave this out and call
    /// [`Connection::accept_deflate`] when it is.
    pub deflate: Option<Deflate>,
    /// Where [`WriteQueue::push`] begins to refuse, in bytes.
    pub queue_bytes: usize,
    /// How long a pending write may make no progress.
    pub write_stall: Duration,
    /// How long the peer may take to answer our close frame, and to end the stream after it.
    pub close_wait: Duration,
}

impl Default for Options {
    /// Limits as before authentication, no compression, a queue of 256 KiB, 30 s without progress, 5 s for the peer's close.
    fn default() -> Self {
        Self {
            limits: Limits::UNAUTHENTICATED,
            deflate: None,
            queue_bytes: 256 << 10,
            write_stall: Duration::from_secs(30),
            close_wait: Duration::from_secs(5),
        }
    }
}

/// What one [`Connection::drive`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Activity {
    /// Bytes read. Any at all are a sign of life.
    pub bytes_read: usize,
    /// Bytes written.
    pub bytes_written: usize,
    /// Text and binary messages handed out.
    pub messages: u32,
    /// Pings received. At most 16 are answered one by one, and of the others the latest.
    pub pings: u32,
    /// Whether reading stopped because it was enough for one turn. The owner gives way to other tasks then, before it
    /// drives on: a runtime does not do so by itself while there is something to read.
    pub had_enough: bool,
}

/// A WebSocket connection over the stream `S`, seen from the server.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    /// What the client sent before the upgrade was complete; read before `stream` is.
    early: Bytes,
    decoder: Decoder,
    deflate: Option<Deflate>,
    queue: WriteQueue,
    pongs: Pongs,
    write_stall: Duration,
    close_wait: Duration,
    last_received: Instant,
    /// Since when a pending write has made no progress.
    stalled_since: Option<Instant>,
    reading_paused: bool,
    /// Set once either side has begun to close. Boxed, because an open connection should not carry the room for it.
    ending: Option<Box<Ending>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A connection whose handshake is done. `early` is what was read of the stream beyond the handshake.
    pub fn new(stream: S, early: Bytes, options: &Options) -> Self {
        let mut connection = Self {
            stream,
            early,
            decoder: Decoder::new(options.limits),
            deflate: None,
            queue: WriteQueue::new(options.queue_bytes),
            pongs: Pongs::default(),
            write_stall: options.write_stall,
            close_wait: options.close_wait,
            last_received: Instant::now(),
            stalled_since: None,
            reading_paused: false,
            ending: None,
        };
        if let Some(deflate) = options.deflate {
            connection.accept_deflate(deflate);
        }
        connection
    }

    /// Writes what is queued and reads what has arrived, and returns when it has done some of either.
    ///
    /// Each message is handed to `on_message` at once, with the queue for immediate replies; pings have been answered
    /// already. After [`close`](Self::close), and after the peer's close frame, nothing more is handed out.
    ///
    /// Cancel-safe: dropping the future loses nothing. Call it again until it returns an error, even while there is
    /// nothing to say: it is also what waits for the peer's close frame and watches the deadlines.
    ///
    /// # Errors
    /// [`Closed`], when the connection is over. Drop it then; the stream is closed with it.
    pub async fn drive(
        &mut self,
        mut on_message: impl FnMut(Message<'_>, &mut WriteQueue),
    ) -> Result<Activity, Closed> {
        let Some(deadline) = self.deadline() else {
            return std::future::poll_fn(|context| self.poll_drive(context, &mut on_message)).await;
        };
        let work = std::future::poll_fn(|context| self.poll_drive(context, &mut on_message));
        match timeout_at(deadline, work).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => self.expire().map(|()| Activity::default()),
        }
    }

    /// Writes what is queued as far as the stream takes it at once, and waits for nothing: for an owner that has just queued
    /// something, and would drive on only to write it.
    ///
    /// # Errors
    /// [`Closed`], when the connection is over. Drop it then; the stream is closed with it.
    pub async fn write_queued(&mut self) -> Result<(), Closed> {
        std::future::poll_fn(|context| Poll::Ready(self.write(context, &mut Activity::default()))).await
    }

    /// Queues an encoded frame (see [`frame`]); [`drive`](Self::drive) writes it.
    ///
    /// # Errors
    /// As [`WriteQueue::push`].
    pub fn queue(&mut self, frame: Bytes) -> Result<(), QueueError> {
        self.queue.push(frame)
    }

    /// The frames that are not yet written.
    pub fn write_queue(&mut self) -> &mut WriteQueue {
        &mut self.queue
    }

    /// The bytes that are queued and not yet written.
    pub fn queued_bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Starts the closing handshake behind what is queued; [`drive`](Self::drive) carries it out. Does nothing when the
    /// connection is already closing.
    pub fn close(&mut self, code: Code, reason: &str) {
        self.end(frame::close(code, reason), Closed::Local { code, answered: false }, Awaited::Close);
    }

    /// Changes what messages may cost from the next frame on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.decoder.set_limits(limits);
    }

    /// Accepts compressed messages from the next frame on, as was agreed on in the upgrade; before, they are answered with
    /// 1002.
    pub fn accept_deflate(&mut self, deflate: Deflate) {
        self.deflate = Some(deflate);
        self.decoder.accept_deflate();
    }

    /// Whether compression is in use, and which compressed frames (see [`frame::compressed_text`]) may be queued. Any
    /// message may be sent uncompressed all the same.
    pub fn deflate(&self) -> Option<Deflate> {
        self.deflate
    }

    /// Stops reading, so that the peer feels backpressure. Its pings and close frame wait, too.
    pub fn pause_reading(&mut self) {
        self.reading_paused = true;
    }

    /// Reads again, if reading was paused. An unfinished message then gets the whole time for its reassembly anew.
    pub fn resume_reading(&mut self) {
        if std::mem::take(&mut self.reading_paused) {
            self.decoder.restart_clock(Instant::now().into_std());
        }
    }

    /// When bytes last arrived from the peer, or the connection was made.
    pub fn last_received(&self) -> Instant {
        self.last_received
    }

    /// Whether a close frame has been queued or received.
    pub fn is_closing(&self) -> bool {
        self.ending.is_some()
    }

    /// The memory that this connection holds outside of itself, in bytes: the unfinished message, and the queue
    /// without shared frames. 0 when idle.
    pub fn buffered_bytes(&self) -> usize {
        self.decoder.buffered_bytes() + self.queue.allocated_bytes() + self.early.len() + self.pongs.held_bytes()
    }

    /// The memory that the unfinished message takes, in bytes. 0 when idle.
    pub fn unfinished_bytes(&self) -> usize {
        self.decoder.buffered_bytes()
    }

    /// The stream, for its addresses and options.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// The next moment at which waiting is over, whatever the peer does.
    fn deadline(&mut self) -> Option<Instant> {
        if !self.queue.is_empty() {
            self.stalled_since.get_or_insert_with(Instant::now);
        }
        let stall = self.stalled_since.and_then(|since| since.checked_add(self.write_stall));
        let reassembly = self.decoder.deadline().map(Instant::from_std).filter(|_| !self.reading_paused);
        let cut = self.ending.as_ref().map(|ending| ending.cut_at);
        [stall, reassembly, cut].into_iter().flatten().min()
    }

    /// One of the deadlines has passed.
    fn expire(&mut self) -> Result<(), Closed> {
        let now = Instant::now();
        if let Some(ending) = self.ending.as_mut().filter(|ending| ending.cut_at <= now) {
            return Err(ending.outcome());
        }
        if self.stalled_since.is_some_and(|since| now - since >= self.write_stall) {
            return Err(self.outcome_or(Closed::WriteStalled));
        }
        if let Err(violation) = self.decoder.expire(now.into_std()) {
            self.refuse(violation);
        }
        Ok(())
    }

    fn poll_drive(
        &mut self,
        context: &mut Context<'_>,
        on_message: &mut impl FnMut(Message<'_>, &mut WriteQueue),
    ) -> Poll<Result<Activity, Closed>> {
        let mut activity = Activity::default();
        let outcome = self.advance(context, on_message, &mut activity);
        match outcome {
            Err(closed) => Poll::Ready(Err(closed)),
            Ok(()) if activity == Activity::default() => Poll::Pending,
            Ok(()) => Poll::Ready(Ok(activity)),
        }
    }

    fn advance(
        &mut self,
        context: &mut Context<'_>,
        on_message: &mut impl FnMut(Message<'_>, &mut WriteQueue),
        activity: &mut Activity,
    ) -> Result<(), Closed> {
        self.write(context, activity)?;
        if !self.reading_paused || self.is_closing() {
            self.read(context, on_message, activity)?;
        }
        if activity.bytes_read > 0 {
            self.write(context, activity)?;
        }
        self.start_waiting();
        // What was done is reported before the end is.
        if *activity == Activity::default() { self.finish(context) } else { Ok(()) }
    }

    /// Writes until the queue is empty or the stream takes no more.
    fn write(&mut self, context: &mut Context<'_>, activity: &mut Activity) -> Result<(), Closed> {
        self.pongs.queue_held(&mut self.queue);
        while !self.queue.is_empty() {
            match self.queue.poll_write(&mut self.stream, context) {
                Poll::Ready(Ok(written)) => {
                    activity.bytes_written += written;
                    self.stalled_since = None;
                }
                Poll::Ready(Err(error)) => return Err(self.outcome_or(Closed::Io(error))),
                Poll::Pending => return Ok(()),
            }
        }
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Ready(Err(error)) => Err(self.outcome_or(Closed::Io(error))),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// Reads what has arrived, up to a bound that is fair to other tasks.
    fn read(
        &mut self,
        context: &mut Context<'_>,
        on_message: &mut impl FnMut(Message<'_>, &mut WriteQueue),
        activity: &mut Activity,
    ) -> Result<(), Closed> {
        let (reads_max, bytes_max) = match self.deflate {
            Some(_) => (1, COMPRESSED_BYTES_PER_DRIVE_MAX),
            None => (READS_PER_DRIVE_MAX, READ_BUFFER_BYTES),
        };
        read_buffer::with(|buffer| {
            let buffer = &mut buffer[..bytes_max];
            for _ in 0..reads_max {
                let count = match self.poll_read(context, buffer) {
                    Poll::Ready(Ok(0)) => {
                        return Err(self.outcome_or(Closed::Disconnected));
                    }
                    Poll::Ready(Ok(count)) => count,
                    Poll::Ready(Err(error)) => return Err(self.outcome_or(Closed::Io(error))),
                    Poll::Pending => return Ok(()),
                };
                activity.bytes_read += count;
                self.receive(&mut buffer[..count], on_message, activity);
                if count < buffer.len() {
                    return Ok(());
                }
            }
            activity.had_enough = true;
            Ok(())
        })
    }

    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.early.is_empty() {
            let count = self.early.len().min(buffer.len());
            self.early.copy_to_slice(&mut buffer[..count]);
            if self.early.is_empty() {
                self.early = Bytes::new();
            }
            return Poll::Ready(Ok(count));
        }
        let mut buffer = ReadBuf::new(buffer);
        Pin::new(&mut self.stream).poll_read(context, &mut buffer).map_ok(|()| buffer.filled().len())
    }

    /// Takes in one burst.
    fn receive(
        &mut self,
        bytes: &mut [u8],
        on_message: &mut impl FnMut(Message<'_>, &mut WriteQueue),
        activity: &mut Activity,
    ) {
        self.last_received = Instant::now();
        let now = self.last_received.into_std();
        let silent = self.is_closing();
        let mut burst = Burst::new(bytes);
        let peer_close = loop {
            let message = match self.decoder.next(&mut burst, now) {
                Ok(Some(message)) => message,
                Ok(None) => break None,
                Err(violation) => break Some(Err(violation)),
            };
            match message {
                Message::Ping(payload) => {
                    activity.pings += 1;
                    self.pongs.answer(payload, activity.pings, &mut self.queue);
                }
                Message::Text(_) | Message::Binary(_) if !silent => activity.messages += 1,
                _ => {}
            }
            if !silent {
                on_message(message, &mut self.queue);
            }
            if let Message::Close(reason) = message {
                break Some(Ok(PeerClose::new(reason)));
            }
        };
        self.pongs.queue_held(&mut self.queue);
        match peer_close {
            Some(Ok(close)) => self.answer_close(close),
            Some(Err(violation)) => self.refuse(violation),
            None => {}
        }
    }
}
