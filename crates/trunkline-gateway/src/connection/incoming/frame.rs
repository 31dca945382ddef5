//! A client's frame, as it came or kept until its session is open. Knows nothing of what it means.

use trunkline_protocol::{Codec, Dialect, Limits, msgpack};

/// A client's frame as it came.
#[derive(Clone, Copy)]
pub(super) enum Frame<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

/// A frame that waits for its session.
pub(super) enum Deferred {
    Text(String),
    Binary(Vec<u8>),
}

impl Frame<'_> {
    /// The codec that it is written in.
    pub(super) const fn codec(self) -> Codec {
        match self {
            Self::Text(_) => Codec::Json,
            Self::Binary(_) => Codec::MessagePack,
        }
    }

    /// The text, where it is one.
    pub(super) const fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Binary(_) => "",
        }
    }

    /// The message's id where the rest of the frame is refused, if it can be read.
    pub(super) fn id_of_refused(self, dialect: Dialect, limits: &Limits) -> Option<String> {
        match self {
            Self::Text(text) => dialect.id_of_refused(text),
            Self::Binary(bytes) => msgpack::id_of_refused(bytes, limits.depth_max, limits.message_bytes_max),
        }
    }

    pub(super) fn defer(self) -> Deferred {
        match self {
            Self::Text(text) => Deferred::Text(text.to_owned()),
            Self::Binary(bytes) => Deferred::Binary(bytes.to_vec()),
        }
    }
}

impl Deferred {
    pub(super) fn frame(&self) -> Frame<'_> {
        match self {
            Self::Text(text) => Frame::Text(text),
            Self::Binary(bytes) => Frame::Binary(bytes),
        }
    }
}
