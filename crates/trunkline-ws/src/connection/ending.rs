//! How a connection ends (RFC 6455 §5.5.1, §7).
//!
//! Whoever begins, our close frame goes out behind what was queued before it. Then: the peer's close frame is awaited
//! if we began; nothing if the peer did; and after a violation, when the peer's bytes mean nothing any more, only the
//! end of the stream, because closing a socket with unread bytes would reset it and destroy the close frame on its
//! way. Each of these waits is bounded by [`Options::close_wait`](super::Options::close_wait).

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::Connection;
use crate::{
    Violation,
    close::{CloseReason, Code},
    frame,
};

/// Why a connection is over.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Closed {
    /// The peer closed, and was answered.
    #[error("the peer closed the connection")]
    Peer {
        /// Its code, if it sent one.
        code: Option<Code>,
        /// Its words. Untrusted.
        reason: String,
    },
    /// The owner closed.
    #[error("the connection was closed with {code}")]
    Local {
        /// The code given to [`Connection::close`].
        code: Code,
        /// Whether the peer's close frame came in time.
        answered: bool,
    },
    /// The peer broke the protocol or a limit, and was told so.
    #[error("the peer broke the protocol")]
    Violation(#[source] Violation),
    /// A pending write made no progress for [`Options::write_stall`](super::Options::write_stall).
    #[error("the peer reads too slowly")]
    WriteStalled,
    /// The stream ended without a close frame.
    #[error("the peer left without closing")]
    Disconnected,
    /// The stream failed.
    #[error("the stream failed")]
    Io(#[source] io::Error),
}

impl Closed {
    /// The close code for logs and metrics: that of the close frame which began the end, 1005 if it had none, and 1006
    /// where there was no close frame.
    pub fn code(&self) -> Code {
        match self {
            Self::Peer { code, .. } => code.unwrap_or(Code::NO_STATUS),
            Self::Local { code, .. } => *code,
            Self::Violation(violation) => violation.code(),
            Self::WriteStalled | Self::Disconnected | Self::Io(_) => Code::ABNORMAL,
        }
    }
}

/// A connection that has begun to close.
#[derive(Debug)]
pub(super) struct Ending {
    /// What will be reported. [`Closed::Disconnected`] once it has been.
    closed: Closed,
    awaited: Awaited,
    /// Whether the close frame has been written.
    flushed: bool,
    /// Whether our side of the stream has been shut down.
    shut: bool,
    /// When the stream is cut, whatever is missing.
    pub(super) cut_at: Instant,
}

/// What must still come from the peer, after our close frame has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    Close,
    EndOfStream,
    Nothing,
}

/// The peer's close frame, owned.
pub(super) struct PeerClose {
    code: Option<Code>,
    reason: String,
}

impl Ending {
    /// What is reported to the owner.
    pub(super) fn outcome(&mut self) -> Closed {
        std::mem::replace(&mut self.closed, Closed::Disconnected)
    }
}

impl PeerClose {
    pub(super) fn new(reason: CloseReason<'_>) -> Self {
        Self { code: reason.code, reason: reason.text.to_owned() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Queues the last frame, unless one is queued already.
    ///
    /// Until it is written the peer may be as slow as a write may be; [`start_waiting`](Self::start_waiting) begins the shorter wait.
    pub(super) fn end(&mut self, close_frame: Bytes, closed: Closed, awaited: Awaited) {
        if self.ending.is_none() {
            self.queue.seal(close_frame);
            let cut_at = Instant::now() + self.write_stall;
            self.ending = Some(Box::new(Ending { closed, awaited, flushed: false, shut: false, cut_at }));
        }
    }

    /// Closes because of what the peer did.
    pub(super) fn refuse(&mut self, violation: Violation) {
        let reason = self.reason_for(violation);
        match &mut self.ending {
            Some(ending) => ending.awaited = Awaited::EndOfStream,
            None => {
                self.end(frame::close(violation.code(), &reason), Closed::Violation(violation), Awaited::EndOfStream);
            }
        }
    }

    /// What the peer is told of a violation.
    fn reason_for(&self, violation: Violation) -> String {
        let limits = self.decoder.limits();
        match violation {
            Violation::MessageTooBig => {
                let when = if limits.authenticated { "" } else { " before authentication" };
                format!("a message may have {} bytes{when}", limits.message_bytes)
            }
            other => other.to_string(),
        }
    }

    /// The peer's close frame has come: answers with its own code, or notes that ours has been answered.
    pub(super) fn answer_close(&mut self, PeerClose { code, reason }: PeerClose) {
        if let Some(ending) = &mut self.ending {
            ending.awaited = Awaited::Nothing;
            if let Closed::Local { answered, .. } = &mut ending.closed {
                *answered = true;
            }
        } else {
            let close_frame = frame::close(code.unwrap_or(Code::NO_STATUS), "");
            self.end(close_frame, Closed::Peer { code, reason }, Awaited::Nothing);
        }
    }

    /// Once the close frame has been written, the peer has only so long to do its part.
    pub(super) fn start_waiting(&mut self) {
        if let Some(ending) = self.ending.as_mut().filter(|ending| !ending.flushed && self.queue.is_empty()) {
            ending.flushed = true;
            ending.cut_at = ending.cut_at.min(Instant::now() + self.close_wait);
        }
    }

    /// Goes as far towards the end as can be gone now.
    ///
    /// # Errors
    /// The outcome, once nothing is left to be done.
    pub(super) fn finish(&mut self, context: &mut Context<'_>) -> Result<(), Closed> {
        let Some(ending) = self.ending.as_mut().filter(|ending| ending.flushed) else { return Ok(()) };
        if ending.awaited == Awaited::Close {
            return Ok(());
        }
        if !ending.shut {
            match Pin::new(&mut self.stream).poll_shutdown(context) {
                Poll::Ready(Ok(())) => ending.shut = true,
                Poll::Ready(Err(_gone)) => return Err(ending.outcome()),
                Poll::Pending => return Ok(()),
            }
        }
        match ending.awaited {
            Awaited::Nothing => Err(ending.outcome()),
            Awaited::Close | Awaited::EndOfStream => Ok(()),
        }
    }

    /// What to report when the stream is over: `closed`, unless the end had begun before.
    pub(super) fn outcome_or(&mut self, closed: Closed) -> Closed {
        match &mut self.ending {
            Some(ending) => ending.outcome(),
            None => closed,
        }
    }
}
