//! Frames on the wire (RFC 6455 §5.2): reading a client's header, writing a server's frames.
//!
//! A server's frames are not masked, so an encoded frame is the same for every peer: encode a message once, share the
//! [`Bytes`] with all of its subscribers. The same holds for a compressed frame, among peers that agreed to a window at
//! least as large as the one that it was made for. This module knows nothing of messages that span several frames.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{
    Violation, close,
    deflate::{self, WindowBits},
};

/// The longest header that a client sends, in bytes.
pub const CLIENT_HEADER_BYTES_MAX: usize = 14;

/// The longest header that a server sends, in bytes.
pub const SERVER_HEADER_BYTES_MAX: usize = 10;

/// The longest payload of a control frame, in bytes (§5.5).
pub const CONTROL_BYTES_MAX: usize = 125;

/// In the first byte: the message is compressed (RFC 7692 §6).
const RSV1: u8 = 0x40;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// A further fragment of a message.
    Continuation,
    /// A text message, or its first fragment.
    Text,
    /// A binary message, or its first fragment.
    Binary,
    /// The end of the connection.
    Close,
    /// "Are you there?"
    Ping,
    /// The answer to a ping, or a unilateral sign of life.
    Pong,
}

impl Opcode {
    fn parse(bits: u8) -> Result<Self, Violation> {
        match bits {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xA => Ok(Self::Pong),
            _ => Err(Violation::ReservedOpcode(bits)),
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    /// Whether frames of this kind may stand between the fragments of a message.
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The header of a client's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// Whether this begins a compressed message.
    pub compressed: bool,
    /// The key that the payload is masked with.
    pub mask: [u8; 4],
    /// The announced length of the payload, in bytes: a claim, not a fact.
    pub length: u64,
}

/// Reads the header at the start of `bytes`: the header and how many bytes it takes, or `None` when more are needed.
/// Compressed messages are an error unless `accepts_deflate`.
///
/// # Errors
/// What the bytes at hand already show to be wrong (§5.1, §5.2, §5.5; RFC 7692 §6.1).
pub fn parse(bytes: &[u8], accepts_deflate: bool) -> Result<Option<(Header, usize)>, Violation> {
    let [first, rest @ ..] = bytes else { return Ok(None) };
    let compressed = first & RSV1 != 0;
    if first & 0x30 != 0 || (compressed && !accepts_deflate) {
        return Err(Violation::ReservedBits);
    }
    let fin = first & 0x80 != 0;
    let opcode = Opcode::parse(first & 0x0F)?;
    if compressed && !matches!(opcode, Opcode::Text | Opcode::Binary) {
        return Err(Violation::ReservedBits);
    }
    if opcode.is_control() && !fin {
        return Err(Violation::FragmentedControl);
    }
    let [second, rest @ ..] = rest else { return Ok(None) };
    if second & 0x80 == 0 {
        return Err(Violation::Unmasked);
    }
    let short = second & 0x7F;
    if opcode.is_control() && usize::from(short) > CONTROL_BYTES_MAX {
        return Err(Violation::OversizedControl);
    }
    let Some((length, rest)) = parse_length(short, rest)? else { return Ok(None) };
    let Some((mask, rest)) = rest.split_first_chunk() else { return Ok(None) };
    Ok(Some((Header { fin, opcode, compressed, mask: *mask, length }, bytes.len() - rest.len())))
}

/// The length that the seven bits `short` and the bytes behind them spell, and what follows it.
fn parse_length(short: u8, bytes: &[u8]) -> Result<Option<(u64, &[u8])>, Violation> {
    match short {
        126 => match bytes.split_first_chunk() {
            Some((length, rest)) => match u16::from_be_bytes(*length) {
                0..126 => Err(Violation::LengthNotMinimal),
                length => Ok(Some((length.into(), rest))),
            },
            None => Ok(None),
        },
        127 => match bytes.split_first_chunk() {
            Some((length, rest)) => match u64::from_be_bytes(*length) {
                0..0x1_0000 => Err(Violation::LengthNotMinimal),
                0x8000_0000_0000_0000.. => Err(Violation::LengthOutOfRange),
                length => Ok(Some((length, rest))),
            },
            None => Ok(None),
        },
        length => Ok(Some((length.into(), bytes))),
    }
}

/// Appends the header of an unfragmented server frame with a payload of `length` bytes.
///
/// With this a payload can be framed where it is made: write the header, then the payload, into one buffer.
pub fn put_header(buffer: &mut impl BufMut, opcode: Opcode, length: usize) {
    let first = 0x80 | opcode.bits();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..126), _) => buffer.put_slice(&[first, short]),
        (_, Ok(medium)) => {
            let [high, low] = medium.to_be_bytes();
            buffer.put_slice(&[first, 126, high, low]);
        }
        _ => {
            buffer.put_slice(&[first, 127]);
            buffer.put_u64(length as u64);
        }
    }
}

/// Appends an unfragmented server frame whose payload `write` appends. The header comes first and depends on the
/// payload's length, so room is left for the usual one, and the payload moved if it needs another.
pub(crate) fn put_with(buffer: &mut Vec<u8>, opcode: Opcode, write: impl FnOnce(&mut Vec<u8>)) {
    const USUAL: usize = 4;
    let start = buffer.len();
    buffer.extend_from_slice(&[0; USUAL]);
    write(buffer);
    let length = buffer.len() - start - USUAL;
    let header = header_bytes(length);
    if header > USUAL {
        buffer.resize(start + header + length, 0);
    }
    if header != USUAL {
        buffer.copy_within(start + USUAL..start + USUAL + length, start + header);
        buffer.truncate(start + header + length);
    }
    put_header(&mut &mut buffer[start..start + header], opcode, length);
}

/// The length of that header, in bytes.
const fn header_bytes(length: usize) -> usize {
    match length {
        0..126 => 2,
        126..65_536 => 4,
        _ => SERVER_HEADER_BYTES_MAX,
    }
}

/// A text frame. `payload` must be UTF-8: it is not checked here, and a peer that finds otherwise closes with 1007.
pub fn text(payload: &[u8]) -> Bytes {
    encode(Opcode::Text, payload)
}

/// A binary frame.
pub fn binary(payload: &[u8]) -> Bytes {
    encode(Opcode::Binary, payload)
}

/// A text message as a compressed frame that suits every peer with that `window` or a larger
/// ([`Deflate::server_window`](deflate::Deflate::server_window)); make it once for all of them. `None` where compression
/// does not pay: the payload is shorter than [`deflate::PAYLOAD_BYTES_MIN`], or gets no shorter; send it as it is then.
///
/// The length of what was compressed says something about its content: do not compress what stands beside a secret that
/// an attacker wants to know.
pub fn compressed_text(payload: &[u8], window: WindowBits) -> Option<Bytes> {
    encode_compressed(Opcode::Text, payload, window)
}

/// A binary message as a compressed frame; see [`compressed_text`].
pub fn compressed_binary(payload: &[u8], window: WindowBits) -> Option<Bytes> {
    encode_compressed(Opcode::Binary, payload, window)
}

/// A finished frame of [`text`] or [`binary`] as a compressed frame; see [`compressed_text`].
pub fn compressed(frame: &[u8], window: WindowBits) -> Option<Bytes> {
    let [first, second, ..] = frame else { return None };
    let opcode = Opcode::parse(first & 0x0F).ok().filter(|opcode| !opcode.is_control() && first & RSV1 == 0)?;
    let header = match second {
        126 => 4,
        127 => SERVER_HEADER_BYTES_MAX,
        _ => 2,
    };
    encode_compressed(opcode, frame.get(header..)?, window)
}

/// A ping frame; of `payload` what exceeds [`CONTROL_BYTES_MAX`] is left out.
pub fn ping(payload: &[u8]) -> Bytes {
    encode(Opcode::Ping, fitting(payload))
}

/// A pong frame; of `payload` what exceeds [`CONTROL_BYTES_MAX`] is left out.
pub fn pong(payload: &[u8]) -> Bytes {
    encode(Opcode::Pong, fitting(payload))
}

/// A close frame; a reason beyond [`close::REASON_BYTES_MAX`] is cut between characters.
///
/// A code that only has a meaning inside an endpoint (1005, 1006) cannot travel: it makes a frame without a body.
pub fn close(code: close::Code, reason: &str) -> Bytes {
    if close::Code::new(code.get()).is_none() {
        return encode(Opcode::Close, &[]);
    }
    let reason = close::fitting(reason);
    let mut frame = BytesMut::with_capacity(2 + 2 + reason.len());
    put_header(&mut frame, Opcode::Close, 2 + reason.len());
    frame.put_u16(code.get());
    frame.put_slice(reason.as_bytes());
    frame.freeze()
}

fn encode(opcode: Opcode, payload: &[u8]) -> Bytes {
    // Exactly as large as the frame: spare room would cost `freeze` a second allocation.
    let mut frame = BytesMut::with_capacity(header_bytes(payload.len()) + payload.len());
    put_header(&mut frame, opcode, payload.len());
    frame.put_slice(payload);
    frame.freeze()
}

fn encode_compressed(opcode: Opcode, payload: &[u8], window: WindowBits) -> Option<Bytes> {
    if payload.len() < deflate::PAYLOAD_BYTES_MIN {
        return None;
    }
    deflate::compress(payload, window, |compressed| {
        let mut frame = BytesMut::with_capacity(header_bytes(compressed.len()) + compressed.len());
        put_header(&mut frame, opcode, compressed.len());
        frame[0] |= RSV1;
        frame.put_slice(compressed);
        frame.freeze()
    })
}

fn fitting(payload: &[u8]) -> &[u8] {
    &payload[..payload.len().min(CONTROL_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Result<Option<(bool, Opcode, u64, usize)>, Violation>) {
        let parsed = parse(bytes, false)
            .map(|parsed| parsed.map(|(header, used)| (header.fin, header.opcode, header.length, used)));
        assert_eq!(parsed, expected, "{bytes:02x?}");
    }

    #[test]
    fn headers_of_all_lengths() {
        check(b"\x81\x85mask", Ok(Some((true, Opcode::Text, 5, 6))));
        check(b"\x02\xfe\x00\x7emask", Ok(Some((false, Opcode::Binary, 126, 8))));
        check(b"\x80\xff\0\0\0\0\0\x01\0\0maskpayload", Ok(Some((true, Opcode::Continuation, 65536, 14))));
    }

    #[test]
    fn a_header_cut_anywhere_asks_for_more() {
        let header = b"\x82\xff\0\0\0\0\0\x01\0\0mask";
        for end in 0..header.len() {
            check(&header[..end], Ok(None));
        }
    }

    #[test]
    fn row_18_frames_that_break_the_rules() {
        check(b"\x81\x05", Err(Violation::Unmasked));
        check(b"\xc1", Err(Violation::ReservedBits));
        check(b"\xa1", Err(Violation::ReservedBits));
        check(b"\x91", Err(Violation::ReservedBits));
        for opcode in [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF] {
            check(&[0x80 | opcode], Err(Violation::ReservedOpcode(opcode)));
        }
        check(b"\x09", Err(Violation::FragmentedControl));
        check(b"\x89\xfe", Err(Violation::OversizedControl));
        for violation in [Violation::Unmasked, Violation::ReservedBits, Violation::FragmentedControl] {
            assert_eq!(violation.code(), close::Code::PROTOCOL_ERROR);
        }
    }

    #[test]
    fn row_18_the_first_reserved_bit_stands_on_the_first_frame_of_a_message_alone() {
        for (first, compressed) in [(0xC1, true), (0x42, true), (0x81, false), (0x00, false), (0x8A, false)] {
            let header = parse(&[first, 0x80, 1, 2, 3, 4], true);
            assert_eq!(header.map(|parsed| parsed.map(|(header, _)| header.compressed)), Ok(Some(compressed)));
        }
        for first in [0xC0, 0x40, 0xC8, 0xC9, 0xCA, 0xA1, 0x91, 0xE1, 0xF1] {
            assert_eq!(parse(&[first], true), Err(Violation::ReservedBits), "{first:02x}");
        }
    }

    #[test]
    fn row_19_lengths_that_break_the_rules() {
        check(b"\x82\xff\x80\0\0\0\0\0\0\0mask", Err(Violation::LengthOutOfRange));
        check(b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xffmask", Err(Violation::LengthOutOfRange));
        check(b"\x82\xff\0\0\0\0\0\0\xff\xffmask", Err(Violation::LengthNotMinimal));
        check(b"\x82\xfe\0\x7dmask", Err(Violation::LengthNotMinimal));
        assert_eq!(Violation::LengthOutOfRange.code(), close::Code::PROTOCOL_ERROR);
        assert_eq!(Violation::LengthNotMinimal.code(), close::Code::PROTOCOL_ERROR);
    }

    #[test]
    fn frames_are_encoded_minimally() {
        assert_eq!(&text(b"hi")[..], b"\x81\x02hi");
        assert_eq!(&binary(&[0; 125])[..2], b"\x82\x7d");
        assert_eq!(&binary(&[0; 126])[..4], b"\x82\x7e\x00\x7e");
        assert_eq!(&binary(&vec![0; 65535])[..4], b"\x82\x7e\xff\xff");
        assert_eq!(&binary(&vec![0; 65536])[..10], b"\x82\x7f\0\0\0\0\0\x01\0\0");
    }

    #[test]
    fn control_frames_never_exceed_their_limit() {
        assert_eq!(&ping(b"")[..], b"\x89\x00");
        assert_eq!(pong(&[7; 200]).len(), 2 + CONTROL_BYTES_MAX);
        assert_eq!(&close(close::Code::NORMAL, "bye")[..], b"\x88\x05\x03\xe8bye");
        assert_eq!(close(close::Code::NORMAL, &"ä".repeat(100)).len(), 2 + 2 + 122);
        assert_eq!(&close(close::Code::NO_STATUS, "")[..], b"\x88\x00");
    }
}
