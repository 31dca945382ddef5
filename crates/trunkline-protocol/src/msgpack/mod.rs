//! The codec MessagePack: a native envelope as one map, and payloads between JSON and MessagePack.
//!
//! Everything but a payload with bytes goes through JSON text, in one pass and without a tree: so
//! both codecs have the same rules and refusals, which stand in one place. `read` knows the
//! format, `json` writes what it reads as JSON, `pack` writes JSON as MessagePack, `extension`
//! says what workers' extension types are in JSON.

mod extension;
mod json;
mod pack;
mod read;
mod repack;

use std::borrow::Cow;

use self::json::JsonSink;
use self::pack::Packer;
use self::read::{Foreign, Reader, Sink as _};
use self::repack::PackSink;
use crate::dialect::Dialect;
use crate::envelope::{DecodeError, Envelope};
use crate::payload::{Packed, Payload};

/// Reads one frame: a map with the fields of dialect native. `fields` gets the JSON text of what holds no bytes, and is
/// borrowed from then on; a payload with bytes is borrowed from `frame`. What stands beside the payload may have
/// `bytes_max` as JSON; the payload says its own size.
pub fn decode<'a>(
    frame: &'a [u8],
    fields: &'a mut String,
    depth_max: usize,
    bytes_max: usize,
) -> Result<Envelope<'a>, DecodeError> {
    let packed = read_fields(frame, fields, depth_max, bytes_max)?;
    let mut envelope = Dialect::Native.decode(fields, depth_max)?;
    if let Some(packed) = packed {
        if envelope.payload.is_some() {
            return Err(DecodeError::BadEnvelope("payload: stands twice".to_owned()));
        }
        envelope.payload = Some(Payload::Packed(packed));
    }
    Ok(envelope)
}

/// The message id in a frame that was refused, where one can be read.
pub fn id_of_refused(frame: &[u8], depth_max: usize, bytes_max: usize) -> Option<String> {
    let mut fields = String::new();
    read_fields(frame, &mut fields, depth_max, bytes_max).ok()?;
    Dialect::Native.id_of_refused(&fields)
}

/// Writes the map's members to `fields` as a JSON object, but for a payload with bytes, which it gives.
fn read_fields<'a>(
    frame: &'a [u8],
    fields: &mut String,
    depth_max: usize,
    bytes_max: usize,
) -> Result<Option<Packed<'a>>, DecodeError> {
    let mut packed = None;
    let mut reader = Reader::new(frame, Foreign::Refused, depth_max);
    let members = reader.map_header()?.ok_or_else(|| bad("expected one MessagePack map with a type"))?;
    let mut sink = JsonSink::new(fields, bytes_max);
    sink.raw("{");
    let mut empty = true;
    for _ in 0..members {
        let name = reader.key()?;
        let before = sink.length();
        if !empty {
            sink.raw(",");
        }
        sink.name(name);
        let (value, holds_bytes) = reader.measured(|reader| {
            let mut read = |sink: &mut JsonSink<'_>| reader.value(sink, depth_max.saturating_sub(1));
            if name == "payload" { sink.uncounted(read) } else { read(&mut sink) }
        })?;
        if !holds_bytes {
            empty = false;
        } else if name != "payload" {
            return Err(bad(&format!("{name}: bytes may stand in payload only")));
        } else {
            let json_bytes = sink.length() - before - usize::from(!empty) - r#""payload":"#.len();
            sink.truncate(before);
            if packed.replace(Packed::of(Cow::Borrowed(value), json_bytes)).is_some() {
                return Err(bad("payload: stands twice"));
            }
        }
    }
    sink.raw("}");
    sink.check_room()?;
    reader.end()?;
    Ok(packed)
}

/// Writes one frame to the end of `out`.
pub fn encode(envelope: &Envelope<'_>, out: &mut Vec<u8>) {
    if let Some(Payload::Packed(packed)) = &envelope.payload {
        let fields = Envelope { payload: None, ..envelope.clone() };
        encode_fields(&fields, Some(packed.bytes()), out);
    } else {
        encode_fields(envelope, None, out);
    }
}

fn encode_fields(fields: &Envelope<'_>, packed: Option<&[u8]>, out: &mut Vec<u8>) {
    let mut native = Vec::new();
    Dialect::Native.encode(fields, &mut native);
    let native = std::str::from_utf8(&native).expect("the encoder writes text");
    encode_native(&[], native, packed, out).expect("the encoder writes an object");
}

/// Writes the frame of a native JSON object, with texts put in front of its members and perhaps a packed payload behind
/// them. `None` where `native` is no JSON object; `out` is then as it was.
pub fn encode_native(first: &[(&str, &str)], native: &str, payload: Option<&[u8]>, out: &mut Vec<u8>) -> Option<()> {
    let before = out.len();
    let written = Packer::new(native, out).object_with(first, payload.map(|payload| ("payload", payload)));
    if written.is_none() {
        out.truncate(before);
    }
    written
}

/// Writes a JSON value as MessagePack.
pub fn from_json(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    Packer::new(text, &mut out).whole()?;
    Some(out)
}

/// Writes a MessagePack value of JSON's types and byte strings as JSON, with base64 for bytes.
pub fn to_json(bytes: &[u8], depth_max: usize) -> Result<String, DecodeError> {
    let mut text = String::with_capacity(bytes.len());
    let mut reader = Reader::new(bytes, Foreign::Refused, depth_max);
    reader.whole(&mut JsonSink::new(&mut text, usize::MAX))?;
    Ok(text)
}

/// Writes what a worker wrote as JSON of at most `bytes_max`, extension types and all.
pub fn worker_to_json(bytes: &[u8], depth_max: usize, bytes_max: usize) -> Result<String, DecodeError> {
    let mut text = String::with_capacity(bytes.len().min(bytes_max));
    let mut reader = Reader::new(bytes, Foreign::Converted, depth_max);
    reader.whole(&mut JsonSink::new(&mut text, bytes_max))?;
    Ok(text)
}

/// What a worker wrote, in the form in which it is kept.
pub(crate) enum Taken {
    Json(String),
    Packed { bytes: Vec<u8>, json_bytes: usize },
}

/// Takes what a worker wrote and is at most `bytes_max` as JSON: extension types become what JSON has.
pub(crate) fn take_from_worker(bytes: &[u8], depth_max: usize, bytes_max: usize) -> Result<Taken, DecodeError> {
    let mut text = String::with_capacity(bytes.len().min(bytes_max));
    let mut reader = Reader::new(bytes, Foreign::Converted, depth_max);
    reader.whole(&mut JsonSink::new(&mut text, bytes_max))?;
    if !reader.found_bytes() {
        return Ok(Taken::Json(text));
    }
    let kept = if reader.found_foreign() {
        let mut kept = Vec::with_capacity(bytes.len());
        Reader::new(bytes, Foreign::Converted, depth_max).whole(&mut PackSink::new(&mut kept))?;
        kept
    } else {
        bytes.to_vec()
    };
    Ok(Taken::Packed { bytes: kept, json_bytes: text.len() })
}

/// A map of which `value` is the only member. `name` has at most 31 bytes.
pub(crate) fn within(name: &str, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + name.len() + 2);
    pack::write_map(&mut out, 1);
    pack::write_text(&mut out, name);
    out.extend_from_slice(value);
    out
}

fn bad(message: &str) -> DecodeError {
    DecodeError::BadEnvelope(message.to_owned())
}

#[cfg(test)]
mod tests;
