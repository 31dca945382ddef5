//! From bursts of bytes to messages (RFC 6455 §5.4, §5.5, §8.1; RFC 7692 §7.2.2).
//!
//! The caller reads whatever is there into a buffer of its own and takes message after message out of it. A message
//! that lies whole in the burst is unmasked where it lies and lent from there; only what a burst leaves unfinished is
//! copied into a buffer of the decoder's, which grows with what has arrived (never with what was announced), stays
//! within the limits, and is freed when the message is complete: an idle decoder owns no memory. A compressed message
//! is inflated into that buffer as it arrives.
//!
//! The decoder knows no socket and no clock. After a close frame or a violation it ignores all input.

use std::time::{Duration, Instant};

use crate::{
    Burst, Violation,
    close::{self, CloseReason},
    deflate::{INFLATER_BYTES, Inflater},
    frame::{self, CLIENT_HEADER_BYTES_MAX, Header, Opcode},
    mask,
};

/// What one message may cost. May be changed while a connection lives; a frame whose header has been read is not
/// judged again, except for what it inflates to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message, in bytes, and once it is inflated if it is compressed; beyond it 1009.
    pub message_bytes: usize,
    /// The most frames that one message may consist of; beyond it 1008.
    pub fragments: u32,
    /// The longest time between the first and the last byte of a message; beyond it 1008.
    pub reassembly: Duration,
    /// Whether they hold for a client that has proved who it is, or need not; who is beyond them is told if not.
    pub authenticated: bool,
}

impl Limits {
    /// Before a client is authenticated: 16 KiB, otherwise as [`Limits::AUTHENTICATED`].
    pub const UNAUTHENTICATED: Self = Self { message_bytes: 16 << 10, authenticated: false, ..Self::AUTHENTICATED };

    /// The product's defaults: messages of 1 MiB, in at most 1,024 fragments within 10 s.
    pub const AUTHENTICATED: Self =
        Self { message_bytes: 1 << 20, fragments: 1024, reassembly: Duration::from_secs(10), authenticated: true };
}

/// What a peer said. Borrowed from the burst or from the decoder until the next is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A ping; its payload is what the pong must carry.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// The peer closes; nothing follows.
    Close(CloseReason<'a>),
}

/// Turns a client's bytes into messages.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    accepts_deflate: bool,
    /// The start of a header that the last burst cut off.
    header: PartialHeader,
    /// The frame whose payload is not complete.
    frame: Option<Frame>,
    /// What the unfinished message is. While this is `None`, `buffer` holds at most what was lent last.
    message: Option<Opcode>,
    /// Whether the unfinished message is compressed.
    compressed: bool,
    /// What inflates it, as soon as there is something to inflate.
    inflater: Option<Box<Inflater>>,
    /// Frames of the unfinished message so far.
    fragments: u32,
    /// The unfinished message, unmasked and inflated.
    buffer: Vec<u8>,
    /// How much of `buffer` is known to be UTF-8, if the message is text.
    utf8_bytes: usize,
    /// The unfinished control frame, which may stand inside an unfinished message. Short and rare: it is made anew for
    /// each burst that adds to it, so that the decoder itself is smaller.
    control: Box<[u8]>,
    /// When the end of a burst first found the current message unfinished.
    unfinished_since: Option<Instant>,
    finished: bool,
}

#[derive(Debug, Default)]
struct PartialHeader {
    bytes: [u8; CLIENT_HEADER_BYTES_MAX],
    length: u8,
}

/// A frame whose header has been admitted.
#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// Turned so that its first byte applies to the next byte of the payload.
    mask: [u8; 4],
    remaining: usize,
}

/// Where a complete message lies.
#[derive(Clone, Copy)]
enum Complete<'i> {
    Burst(Opcode, &'i [u8]),
    Buffer(Opcode),
    Control(Opcode),
}

impl Decoder {
    /// A decoder at the start of a connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            accepts_deflate: false,
            header: PartialHeader::default(),
            frame: None,
            message: None,
            compressed: false,
            inflater: None,
            fragments: 0,
            buffer: Vec::new(),
            utf8_bytes: 0,
            control: Box::default(),
            unfinished_since: None,
            finished: false,
        }
    }

    /// Takes the next message off the front of `burst`, or `None` once all of it has been taken in.
    ///
    /// Call it until it returns `None`: that is also what frees the memory of the last message. `now` is the time at
    /// which the burst was read.
    ///
    /// # Errors
    /// The peer broke the protocol or a limit; close with [`Violation::code`]. All later input is ignored.
    pub fn next<'m, 'i: 'm>(
        &'m mut self,
        burst: &mut Burst<'i>,
        now: Instant,
    ) -> Result<Option<Message<'m>>, Violation> {
        self.release();
        if self.finished {
            burst.clear();
            return Ok(None);
        }
        match self.take(burst) {
            Ok(Some(complete)) => self.lend(complete).map(Some),
            Ok(None) => self.pause(now).map(|()| None),
            Err(violation) => Err(self.fail(violation)),
        }
    }

    /// The limits that hold now.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Replaces the limits.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Takes compressed messages, too, from the next frame on. Until then they are [`Violation::ReservedBits`].
    pub fn accept_deflate(&mut self) {
        self.accepts_deflate = true;
    }

    /// When [`expire`](Self::expire) has something to say, unless more bytes arrive first.
    pub fn deadline(&self) -> Option<Instant> {
        self.unfinished_since?.checked_add(self.limits.reassembly)
    }

    /// Judges an unfinished message by the time alone.
    ///
    /// # Errors
    /// [`Violation::ReassemblyTimeout`] when `now` is past the [`deadline`](Self::deadline).
    pub fn expire(&mut self, now: Instant) -> Result<(), Violation> {
        match self.deadline() {
            Some(deadline) if now >= deadline => Err(self.fail(Violation::ReassemblyTimeout)),
            _ => Ok(()),
        }
    }

    /// Gives an unfinished message the whole [`Limits::reassembly`] from `now`: for a caller that stopped reading.
    pub fn restart_clock(&mut self, now: Instant) {
        self.unfinished_since = self.unfinished_since.map(|_| now);
    }

    /// The memory held for an unfinished message, in bytes; 0 when idle.
    pub fn buffered_bytes(&self) -> usize {
        let inflater = self.inflater.as_ref().map_or(0, |_| INFLATER_BYTES);
        self.buffer.capacity() + self.control.len() + inflater
    }

    /// Reads frames until one completes a message or the burst is used up.
    fn take<'i>(&mut self, burst: &mut Burst<'i>) -> Result<Option<Complete<'i>>, Violation> {
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None => match self.take_header(burst)? {
                    Some(header) => self.admit(&header)?,
                    None => return Ok(None),
                },
            };
            let payload = self.take_payload(frame, burst);
            let complete = if frame.opcode.is_control() {
                self.control_payload(frame, payload)
            } else {
                self.message_payload(frame, payload)?
            };
            if complete.is_some() || self.frame.is_some() {
                return Ok(complete);
            }
        }
    }

    fn take_header(&mut self, burst: &mut Burst<'_>) -> Result<Option<Header>, Violation> {
        if self.header.length > 0 {
            return self.header.complete(burst, self.accepts_deflate);
        }
        if let Some((header, length)) = frame::parse(burst.rest(), self.accepts_deflate)? {
            burst.take(length);
            Ok(Some(header))
        } else {
            self.header.complete(burst, self.accepts_deflate)
        }
    }

    /// Judges a header before any of its payload is taken.
    fn admit(&mut self, header: &Header) -> Result<Frame, Violation> {
        if !header.opcode.is_control() {
            self.admit_fragment(header)?;
        }
        let remaining = usize::try_from(header.length).map_err(|_| Violation::MessageTooBig)?;
        Ok(Frame { opcode: header.opcode, fin: header.fin, mask: header.mask, remaining })
    }

    fn admit_fragment(&mut self, header: &Header) -> Result<(), Violation> {
        match (self.message, header.opcode) {
            (None, Opcode::Continuation) => return Err(Violation::UnexpectedContinuation),
            (None, opcode) => {
                self.message = Some(opcode);
                self.compressed = header.compressed;
            }
            (Some(_), Opcode::Continuation) => {}
            (Some(_), _) => return Err(Violation::InterleavedMessage),
        }
        if header.length > self.room() as u64 {
            return Err(Violation::MessageTooBig);
        }
        self.fragments += 1;
        if self.fragments > self.limits.fragments {
            return Err(Violation::TooManyFragments);
        }
        Ok(())
    }

    /// How many more bytes of payload the message may have.
    fn room(&self) -> usize {
        let limit = self.limits.message_bytes;
        if self.compressed {
            let taken = self.inflater.as_ref().map_or(0, |inflater| inflater.taken());
            Inflater::taken_max(limit).saturating_sub(taken)
        } else {
            limit.saturating_sub(self.buffer.len())
        }
    }

    /// Takes and unmasks what the burst has of the frame's payload, and remembers what is still to come.
    fn take_payload<'i>(&mut self, frame: Frame, burst: &mut Burst<'i>) -> &'i [u8] {
        let payload = burst.take(frame.remaining);
        mask::unmask(payload, frame.mask);
        let remaining = frame.remaining - payload.len();
        self.frame =
            (remaining > 0).then(|| Frame { mask: mask::advance(frame.mask, payload.len()), remaining, ..frame });
        payload
    }

    fn control_payload<'i>(&mut self, frame: Frame, payload: &'i [u8]) -> Option<Complete<'i>> {
        let whole = self.frame.is_none();
        if whole && self.control.is_empty() {
            return Some(Complete::Burst(frame.opcode, payload));
        }
        self.control = [&self.control, payload].concat().into();
        whole.then_some(Complete::Control(frame.opcode))
    }

    fn message_payload<'i>(&mut self, frame: Frame, payload: &'i [u8]) -> Result<Option<Complete<'i>>, Violation> {
        let last = frame.fin && self.frame.is_none();
        let kind = self.message.unwrap_or(frame.opcode);
        if last && self.buffer.is_empty() && !self.compressed {
            self.end_message();
            return Ok(Some(Complete::Burst(kind, payload)));
        }
        let taken = if self.compressed {
            self.inflate(payload, last)
        } else {
            self.append(payload);
            Ok(())
        };
        if kind == Opcode::Text {
            // What was inflated before an error is judged first: how the bytes are split makes no difference.
            self.check_utf8(last && taken.is_ok())?;
        }
        taken?;
        if last {
            self.end_message();
        }
        Ok(last.then_some(Complete::Buffer(kind)))
    }

    /// Grows the buffer by doubling, but not beyond the limit, which `admit_fragment` has checked.
    fn append(&mut self, payload: &[u8]) {
        let needed = self.buffer.len() + payload.len();
        if needed > self.buffer.capacity() {
            let generous = (self.buffer.capacity() * 2).min(self.limits.message_bytes);
            self.buffer.reserve_exact(generous.max(needed) - self.buffer.len());
        }
        self.buffer.extend_from_slice(payload);
    }

    /// Appends what `payload` inflates to; the buffer does not grow beyond the limit.
    fn inflate(&mut self, payload: &[u8], last: bool) -> Result<(), Violation> {
        let limit = self.limits.message_bytes;
        if !payload.is_empty() {
            let inflater = self.inflater.get_or_insert_with(Inflater::take);
            inflater.inflate(payload, &mut self.buffer, limit)?;
        }
        match &mut self.inflater {
            Some(inflater) if last => inflater.finish(&mut self.buffer, limit),
            _ => Ok(()),
        }
    }

    /// Refuses invalid bytes as soon as they are seen; a character may be cut off only where more is to come.
    fn check_utf8(&mut self, last: bool) -> Result<(), Violation> {
        match simdutf8::compat::from_utf8(&self.buffer[self.utf8_bytes..]) {
            Ok(text) => self.utf8_bytes += text.len(),
            Err(error) if error.error_len().is_none() && !last => self.utf8_bytes += error.valid_up_to(),
            Err(_) => return Err(Violation::InvalidUtf8),
        }
        Ok(())
    }

    fn end_message(&mut self) {
        self.message = None;
        self.compressed = false;
        self.fragments = 0;
        self.utf8_bytes = 0;
        if let Some(inflater) = self.inflater.take() {
            inflater.give_back();
        }
    }

    /// Turns a complete message into what the caller sees.
    fn lend<'m, 'i: 'm>(&'m mut self, complete: Complete<'i>) -> Result<Message<'m>, Violation> {
        if let Complete::Burst(Opcode::Close, _) | Complete::Control(Opcode::Close) = complete {
            self.finish();
        }
        if self.message.is_none() {
            self.unfinished_since = None;
        }
        match complete {
            Complete::Burst(opcode, payload) => Message::new(opcode, payload).map_err(|violation| self.fail(violation)),
            Complete::Control(opcode) => Message::new(opcode, &self.control),
            // Text was checked as it arrived. It is checked once more, at some gigabytes per second, because there is
            // no safe way to say so.
            Complete::Buffer(opcode) => Message::new(opcode, &self.buffer),
        }
    }

    /// The burst is used up: starts, stops or reads the clock of the unfinished message.
    fn pause(&mut self, now: Instant) -> Result<(), Violation> {
        if self.header.length == 0 && self.frame.is_none() && self.message.is_none() {
            self.unfinished_since = None;
            return Ok(());
        }
        self.unfinished_since.get_or_insert(now);
        self.expire(now)
    }

    /// Frees what was lent, unless it belongs to something unfinished.
    fn release(&mut self) {
        if self.message.is_none() && self.buffer.capacity() > 0 {
            self.buffer = Vec::new();
        }
        let in_control = self.frame.is_some_and(|frame| frame.opcode.is_control());
        if !in_control && !self.control.is_empty() {
            self.control = Box::default();
        }
    }

    /// Ignores all further input; a message that the peer left unfinished is forgotten.
    fn finish(&mut self) {
        self.finished = true;
        self.end_message();
        self.buffer = Vec::new();
    }

    fn fail(&mut self, violation: Violation) -> Violation {
        *self = Self { finished: true, ..Self::new(self.limits) };
        violation
    }
}

impl<'a> Message<'a> {
    fn new(opcode: Opcode, payload: &'a [u8]) -> Result<Self, Violation> {
        match opcode {
            Opcode::Text => simdutf8::basic::from_utf8(payload).map(Self::Text).map_err(|_| Violation::InvalidUtf8),
            Opcode::Binary | Opcode::Continuation => Ok(Self::Binary(payload)),
            Opcode::Ping => Ok(Self::Ping(payload)),
            Opcode::Pong => Ok(Self::Pong(payload)),
            Opcode::Close => close::parse(payload).map(Self::Close),
        }
    }
}

impl PartialHeader {
    /// Moves bytes from the burst until they make a header.
    fn complete(&mut self, burst: &mut Burst<'_>, accepts_deflate: bool) -> Result<Option<Header>, Violation> {
        while let [byte] = *burst.take(1) {
            self.bytes[usize::from(self.length)] = byte;
            self.length += 1;
            if let Some((header, _)) = frame::parse(&self.bytes[..usize::from(self.length)], accepts_deflate)? {
                self.length = 0;
                return Ok(Some(header));
            }
        }
        Ok(None)
    }
}
