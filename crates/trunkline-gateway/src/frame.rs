//! A finished frame on its way to connections, of which some agreed to compression.
//!
//! Compressing takes ten times as long as spelling, and a frame is spelled while the broker's pen and a shard of the hub
//! are held. So it is left to whichever connection's task is the first to write the frame; all others that are told the
//! same write what that one made. Knows nothing of what the frame says.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use trunkline_core::outbox;
use trunkline_ws::Deflate;
use trunkline_ws::deflate::{PAYLOAD_BYTES_MIN, WindowBits};
use trunkline_ws::frame::compressed;

/// A finished frame, in whichever form it is written.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    /// As it is.
    Plain(Bytes),
    /// Compressed, when it is first written, for all that share it.
    Compressible(Arc<Compressible>),
}

/// A frame and its compressed form; the frame itself stands for one that is no shorter.
#[derive(Debug)]
pub(crate) struct Compressible {
    plain: Bytes,
    compressed: OnceLock<Bytes>,
}

impl Frame {
    /// A frame for a connection that does, or does not, compress.
    pub(crate) fn new(plain: Bytes, compresses: bool) -> Self {
        if !compresses || plain.len() < PAYLOAD_BYTES_MIN {
            return Self::Plain(plain);
        }
        Self::Compressible(Arc::new(Compressible { plain, compressed: OnceLock::new() }))
    }

    /// What is written to a peer that agreed to this.
    pub(crate) fn into_bytes(self, agreed: Option<Deflate>) -> Bytes {
        match (self, agreed) {
            (Self::Plain(plain), _) => plain,
            (Self::Compressible(frame), None) => frame.plain.clone(),
            (Self::Compressible(frame), Some(deflate)) => frame.for_window(deflate.server_window()),
        }
    }

    fn plain(&self) -> &Bytes {
        match self {
            Self::Plain(plain) => plain,
            Self::Compressible(frame) => &frame.plain,
        }
    }
}

impl Compressible {
    /// The same compressed form suits every window that the frame fits into. Clients that ask for a narrower one are rare,
    /// and get the frame plain: with a form for each window, one client of many connections could multiply the work.
    fn for_window(&self, window: WindowBits) -> Bytes {
        if window < WindowBits::MAX && self.plain.len() > window.bytes() {
            return self.plain.clone();
        }
        let compress = || compressed(&self.plain, WindowBits::MAX).unwrap_or_else(|| self.plain.clone());
        self.compressed.get_or_init(compress).clone()
    }
}

impl outbox::Frame for Frame {
    /// As long as it is plain, whatever is written.
    fn bytes(&self) -> usize {
        self.plain().len()
    }
}

/// One frame for everyone who is told the same.
pub(crate) struct Spelled {
    plain: Bytes,
    compressible: Option<Frame>,
}

impl Spelled {
    pub(crate) const fn new(plain: Bytes) -> Self {
        Self { plain, compressible: None }
    }

    /// The frame for one more connection that does, or does not, compress.
    pub(crate) fn share(&mut self, compresses: bool) -> Frame {
        if compresses {
            self.compressible.get_or_insert_with(|| Frame::new(self.plain.clone(), true)).clone()
        } else {
            Frame::Plain(self.plain.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use trunkline_ws::deflate::negotiate;
    use trunkline_ws::frame::{binary, text};

    use super::*;

    fn agreed(window: u8) -> Option<Deflate> {
        let offer = format!("permessage-deflate; server_max_window_bits={window}");
        negotiate([&HeaderValue::try_from(offer).expect("a header's value")])
    }

    /// A frame with that much that gets shorter.
    fn long(bytes: usize) -> Bytes {
        text(&b"the same words ".repeat(bytes / 15 + 1)[..bytes])
    }

    #[test]
    fn a_frame_is_compressed_once_for_everyone() {
        let mut spelled = Spelled::new(long(3000));
        let frames = [15, 12, 13].map(|window| spelled.share(true).into_bytes(agreed(window)));
        assert_eq!(frames[0][0], 0xC1);
        assert!(frames.iter().all(|frame| frame.as_ptr() == frames[0].as_ptr()), "one frame, shared");
        assert_eq!(spelled.share(false).into_bytes(None), spelled.plain);
        assert_eq!(spelled.share(true).into_bytes(None), spelled.plain);
    }

    #[test]
    fn a_frame_longer_than_the_window_is_sent_as_it_is() {
        let frame = Frame::new(long(5000), true);
        let first_bytes = [15, 13, 12, 9].map(|window| frame.clone().into_bytes(agreed(window))[0]);
        assert_eq!(first_bytes, [0xC1, 0xC1, 0x81, 0x81]);
    }

    #[test]
    fn what_compression_does_not_pay_for_is_sent_as_it_is() {
        let short = text(&[b'x'; PAYLOAD_BYTES_MIN - 5]);
        assert!(matches!(Frame::new(short, true), Frame::Plain(_)));
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        let noise: Vec<u8> = (0..2000).map(|_| noise()).collect();
        let frame = Frame::new(binary(&noise), true);
        assert_eq!(frame.clone().into_bytes(agreed(15)).as_ptr(), frame.plain().as_ptr());
    }
}
