//! Messages in a stream of bytes: each is a big-endian u32 length of the rest, then for each part a u32 length and its
//! bytes. `protocol/worker.md` §1.
//!
//! Parts are slices of what was read, not copies. Knows no socket, and does not look into a part.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{PARTS_MAX, Parts};

/// Takes one whole message off the front of what was read; `None` when there is none yet. After an error the stream cannot
/// be read on.
pub fn take_message(incoming: &mut BytesMut, bytes_max: usize) -> Result<Option<Parts>, &'static str> {
    let Some(length) = peek_length(incoming) else {
        return Ok(None);
    };
    if length > bytes_max + PARTS_MAX * LENGTH_BYTES {
        return Err("a message that is too long");
    }
    if incoming.len() < LENGTH_BYTES + length {
        return Ok(None);
    }
    incoming.advance(LENGTH_BYTES);
    split_parts(incoming.split_to(length).freeze()).map(Some)
}

fn split_parts(mut rest: Bytes) -> Result<Parts, &'static str> {
    let mut parts = Vec::with_capacity(2);
    while !rest.is_empty() {
        let length = peek_length(&rest).ok_or("a part without its length")?;
        rest.advance(LENGTH_BYTES);
        if length > rest.len() {
            return Err("a part that is longer than its message");
        }
        if parts.len() == PARTS_MAX {
            return Err("a message with too many parts");
        }
        parts.push(rest.split_to(length));
    }
    Ok(parts)
}

const LENGTH_BYTES: usize = 4;

fn peek_length(bytes: &[u8]) -> Option<usize> {
    let length = bytes.first_chunk::<LENGTH_BYTES>()?;
    usize::try_from(u32::from_be_bytes(*length)).ok()
}

/// Adds a message to what is to be written. Messages are bounded far below 4 GiB when they are accepted.
pub fn write_message(parts: &[Bytes], buffer: &mut BytesMut) {
    let total: usize = parts.iter().map(|part| LENGTH_BYTES + part.len()).sum();
    buffer.reserve(LENGTH_BYTES + total);
    put_length(total, buffer);
    for part in parts {
        put_length(part.len(), buffer);
        buffer.put_slice(part);
    }
}

fn put_length(length: usize, buffer: &mut BytesMut) {
    buffer.put_u32(u32::try_from(length).expect("a message has less than 4 GiB"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(parts: &[&'static [u8]]) -> BytesMut {
        let parts: Vec<Bytes> = parts.iter().map(|part| Bytes::from_static(part)).collect();
        let mut buffer = BytesMut::new();
        write_message(&parts, &mut buffer);
        buffer
    }

    #[test]
    fn a_message_is_taken_when_its_last_byte_is_there() {
        let whole = message(&[b"header", b"", b"buffer"]);
        let mut incoming = BytesMut::new();
        for (index, byte) in whole.iter().enumerate() {
            incoming.put_u8(*byte);
            let taken = take_message(&mut incoming, 1024).expect("well formed");
            assert_eq!(taken.is_some(), index + 1 == whole.len());
            if let Some(parts) = taken {
                assert_eq!(parts, vec![Bytes::from_static(b"header"), Bytes::new(), Bytes::from_static(b"buffer")]);
            }
        }
    }

    #[test]
    fn messages_follow_each_other() {
        let mut incoming = message(&[b"a"]);
        incoming.unsplit(message(&[b"b"]));
        assert_eq!(take_message(&mut incoming, 1024), Ok(Some(vec![Bytes::from_static(b"a")])));
        assert_eq!(take_message(&mut incoming, 1024), Ok(Some(vec![Bytes::from_static(b"b")])));
        assert_eq!(take_message(&mut incoming, 1024), Ok(None));
    }

    #[test]
    fn lies_about_lengths_are_refused_before_memory_is_taken() {
        let refused = |bytes: &[u8]| take_message(&mut BytesMut::from(bytes), 1024).is_err();
        assert!(refused(&u32::MAX.to_be_bytes()));
        assert!(refused(&[0, 0, 0, 4, 0, 0, 0, 1]));
        assert!(refused(&[0, 0, 0, 3, 0, 0, 0]));
        let too_many = message(&[b"".as_slice(); PARTS_MAX + 1]);
        assert!(refused(&too_many));
    }

    /// The golden streams that every implementation of the worker protocol shares.
    #[test]
    fn golden_streams_are_taken_apart() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../protocol/vectors/worker-frames.json");
        let text = std::fs::read_to_string(path).expect("the golden frames are part of the repository");
        let vectors: serde_json::Value = serde_json::from_str(&text).expect("the golden frames are JSON");
        let limit = 4 * 1024 * 1024;
        for case in vectors["streams"].as_array().expect("cases") {
            let mut incoming = unhex(&case["stream_hex"]);
            for message in case["messages"].as_array().expect("messages") {
                let parts: Parts = message.as_array().expect("parts").iter().map(|part| unhex(part).freeze()).collect();
                assert_eq!(take_message(&mut incoming, limit), Ok(Some(parts)), "{}", case["name"]);
            }
            assert_eq!(take_message(&mut incoming, limit), Ok(None), "{}", case["name"]);
            assert_eq!(case["unfinished_bytes"], incoming.len(), "{}", case["name"]);
        }
        for case in vectors["invalid_streams"].as_array().expect("cases") {
            assert!(take_message(&mut unhex(&case["stream_hex"]), limit).is_err(), "{}", case["name"]);
        }
    }

    fn unhex(text: &serde_json::Value) -> BytesMut {
        let text = text.as_str().expect("hexadecimal");
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
        (0..text.len()).step_by(2).map(byte).collect()
    }
}
