//! `permessage-deflate` (RFC 7692) without context takeover: each message is compressed by itself.
//!
//! [`negotiate`] judges what a client offers; the inflater turns the payload of a compressed message back into the
//! message, and the compressor makes compressed frames for [`frame`](crate::frame). Between messages no peer has a
//! compressor or a decompressor: there is one of each per thread, and only a message that is unfinished at the end of
//! a burst keeps its decompressor.
//!
//! Knows nothing of who may compress: that is the owner's question, see [`Options::deflate`](crate::Options::deflate).

mod compressor;
mod inflater;
mod offer;

use http::HeaderValue;

pub(crate) use self::{
    compressor::compress,
    inflater::{INFLATER_BYTES, Inflater},
};

/// The shortest payload that is compressed, in bytes: a few tokens with their envelope. Of a shorter one next to nothing
/// is saved (ADR 011 has the figures).
pub const PAYLOAD_BYTES_MIN: usize = 256;

/// The size of a sliding window (§7.1.2), as the binary logarithm of its bytes: 9 to 15.
///
/// The RFC allows 8, but zlib cannot compress raw data for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 32 KiB, which a peer has that asks for nothing else.
    pub const MAX: Self = Self(15);

    /// The window of `2^bits` bytes, or `None` when zlib has none.
    pub const fn new(bits: u8) -> Option<Self> {
        match bits {
            9..=15 => Some(Self(bits)),
            _ => None,
        }
    }

    /// The logarithm.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// How far back a compressed message may refer, in bytes.
    pub const fn bytes(self) -> usize {
        1 << self.0
    }
}

/// What both sides agreed on, if they agreed on `permessage-deflate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// What the client asked for, if it did: then the answer must repeat it.
    server_max_window_bits: Option<WindowBits>,
}

impl Deflate {
    /// The largest window that may be used for what is sent to this peer. A compressed frame that was made for it, or
    /// for a smaller one, may be sent.
    pub fn server_window(self) -> WindowBits {
        self.server_max_window_bits.unwrap_or(WindowBits::MAX)
    }

    /// The value of `Sec-WebSocket-Extensions` in the response.
    ///
    /// `client_max_window_bits` is never in it: what was sent without it can be inflated whatever its window.
    pub(crate) fn response_value(self) -> HeaderValue {
        const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        match self.server_max_window_bits {
            None => HeaderValue::from_static(AGREED),
            Some(WindowBits(bits)) => HeaderValue::try_from(format!("{AGREED}; server_max_window_bits={bits}"))
                .expect("words and a number are a header value"),
        }
    }
}

/// The first acceptable offer of `permessage-deflate` in `values`, those of `Sec-WebSocket-Extensions` (§5, §7.1).
///
/// An offer with a parameter that is unknown, repeated or out of range is declined, as is what is no offer at all; the
/// connection does without compression then.
pub fn negotiate<'h>(values: impl IntoIterator<Item = &'h HeaderValue>) -> Option<Deflate> {
    values.into_iter().find_map(|value| offer::first_acceptable(value.as_bytes()))
}
