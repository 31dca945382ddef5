//! The content of an envelope: JSON, or MessagePack where it holds bytes.
//!
//! One form per content: what holds no bytes is JSON, whatever codec it came in, so that
//! digests, sizes and logs do not depend on who wrote it. Neither form is parsed to be carried.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::codec::Codec;
use crate::envelope::DecodeError;
use crate::msgpack::{self, Taken};

/// The content of an envelope.
#[derive(Clone, Debug)]
pub enum Payload<'a> {
    /// JSON text.
    Json(Cow<'a, RawValue>),
    /// What JSON has no type for: it holds bytes.
    Packed(Packed<'a>),
}

/// A MessagePack value of JSON's types and byte strings, checked when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed<'a> {
    bytes: Cow<'a, [u8]>,
    json_bytes: usize,
}

impl<'a> Packed<'a> {
    /// Checks that `bytes` are one such value.
    pub fn read(bytes: &'a [u8], depth_max: usize) -> Result<Self, DecodeError> {
        let json_bytes = msgpack::to_json(bytes, depth_max)?.len();
        Ok(Self { bytes: Cow::Borrowed(bytes), json_bytes })
    }

    /// `bytes` must be such a value, and its JSON form have this length.
    pub(crate) const fn of(bytes: Cow<'a, [u8]>, json_bytes: usize) -> Self {
        Self { bytes, json_bytes }
    }

    /// The MessagePack.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its JSON form, with base64 where there are bytes.
    pub fn to_json(&self) -> Box<RawValue> {
        json_of(&self.bytes)
    }

    fn into_owned(self) -> Packed<'static> {
        Packed { bytes: Cow::Owned(self.bytes.into_owned()), json_bytes: self.json_bytes }
    }
}

impl Payload<'_> {
    /// Takes what a worker wrote, which may have `bytes_max` as JSON. Extension types become what JSON has; what then
    /// holds no bytes is JSON.
    pub fn from_worker(
        codec: Codec,
        bytes: &[u8],
        depth_max: usize,
        bytes_max: usize,
    ) -> Result<Payload<'static>, DecodeError> {
        let text = match codec {
            Codec::Json if bytes.len() > bytes_max => return Err(DecodeError::TooLarge(bytes_max)),
            Codec::Json => read_json(bytes, depth_max)?,
            Codec::MessagePack => match msgpack::take_from_worker(bytes, depth_max, bytes_max)? {
                Taken::Json(text) => {
                    RawValue::from_string(text).map_err(|error| DecodeError::BadEnvelope(error.to_string()))?
                }
                Taken::Packed { bytes, json_bytes } => {
                    return Ok(Payload::Packed(Packed { bytes: Cow::Owned(bytes), json_bytes }));
                }
            },
        };
        Ok(Payload::Json(Cow::Owned(text)))
    }

    /// The JSON text, unless it holds bytes.
    pub fn as_json(&self) -> Option<&RawValue> {
        match self {
            Self::Json(text) => Some(text),
            Self::Packed(_) => None,
        }
    }

    /// Its JSON form, with base64 where there are bytes.
    pub fn to_json(&self) -> Cow<'_, RawValue> {
        match self {
            Self::Json(text) => Cow::Borrowed(text),
            Self::Packed(packed) => Cow::Owned(packed.to_json()),
        }
    }

    /// How large it is: the length of its JSON form, so that no codec has more room than another.
    pub fn json_bytes(&self) -> usize {
        match self {
            Self::Json(text) => text.get().len(),
            Self::Packed(packed) => packed.json_bytes,
        }
    }

    /// The bytes as they are kept, and their codec.
    pub fn as_kept(&self) -> (Codec, &[u8]) {
        match self {
            Self::Json(text) => (Codec::Json, text.get().as_bytes()),
            Self::Packed(packed) => (Codec::MessagePack, packed.bytes()),
        }
    }

    /// The same without a copy.
    pub fn borrowed(&self) -> Payload<'_> {
        match self {
            Self::Json(text) => Payload::Json(Cow::Borrowed(text)),
            Self::Packed(packed) => {
                Payload::Packed(Packed { bytes: Cow::Borrowed(&packed.bytes), json_bytes: packed.json_bytes })
            }
        }
    }

    /// The same, on its own.
    pub fn into_owned(self) -> Payload<'static> {
        match self {
            Self::Json(text) => Payload::Json(Cow::Owned(text.into_owned())),
            Self::Packed(packed) => Payload::Packed(packed.into_owned()),
        }
    }

    /// An object of which this is the only member. `name` needs no escapes and has at most 31 bytes.
    pub fn within(&self, name: &'static str) -> Payload<'static> {
        match self {
            Self::Json(text) => Payload::Json(Cow::Owned(object_of(name, text))),
            Self::Packed(packed) => Payload::Packed(Packed {
                bytes: Cow::Owned(msgpack::within(name, &packed.bytes)),
                json_bytes: packed.json_bytes + name.len() + r#"{"":}"#.len(),
            }),
        }
    }
}

impl<'a> From<&'a RawValue> for Payload<'a> {
    fn from(text: &'a RawValue) -> Self {
        Self::Json(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a Box<RawValue>> for Payload<'a> {
    fn from(text: &'a Box<RawValue>) -> Self {
        Self::Json(Cow::Borrowed(text))
    }
}

impl From<Box<RawValue>> for Payload<'_> {
    fn from(text: Box<RawValue>) -> Self {
        Self::Json(Cow::Owned(text))
    }
}

/// The JSON of a checked value.
fn json_of(packed: &[u8]) -> Box<RawValue> {
    let text = msgpack::to_json(packed, usize::MAX).expect("it was checked when it was made");
    RawValue::from_string(text).expect("what is written from a checked value is JSON")
}

/// An object with one member.
fn object_of(name: &str, value: &RawValue) -> Box<RawValue> {
    let object = RawValue::from_string(format!(r#"{{"{name}":{}}}"#, value.get()));
    object.expect("a JSON value in an object is JSON")
}

/// Reads one JSON value.
fn read_json(bytes: &[u8], depth_max: usize) -> Result<Box<RawValue>, DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::BadEnvelope("it is not UTF-8".to_owned()))?;
    crate::envelope::check_text(text, depth_max)?;
    serde_json::from_str(text).map_err(|error| DecodeError::BadEnvelope(format!("it is not JSON: {error}")))
}
