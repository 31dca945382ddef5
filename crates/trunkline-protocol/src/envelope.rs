//! The canonical message, whatever its spelling on the wire.
//!
//! Everything is borrowed from what it was read from, but for a payload that a dialect spreads over the frame. It stays
//! raw and is never parsed here.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::dialect::Dialect;
use crate::error::{ErrorBody, ErrorCode};
use crate::ids::is_message_id;
use crate::payload::Payload;
use crate::scan::{ScanError, scan};
use crate::trace::is_traceparent;

/// Largest integer that every language of the contract holds exactly: 2^53−1.
pub(crate) const INTEGER_MAX: u64 = 9_007_199_254_740_991;

/// Most unknown fields of one envelope; what is larger belongs in the payload. Bounds the search for duplicates.
const EXTRA_FIELDS_MAX: usize = 64;

/// Most bytes of a type's name.
const TYPE_BYTES_MAX: usize = 128;

/// One message. See the table in `protocol/client.md` §1 for what each field means.
#[derive(Clone, Debug, Default)]
pub struct Envelope<'a> {
    /// What it is.
    pub kind: Cow<'a, str>,
    /// Message id.
    pub id: Option<Cow<'a, str>>,
    /// When it was accepted, RFC 3339 UTC with milliseconds.
    pub ts: Option<Cow<'a, str>>,
    /// The channel it stands in, as clients name it.
    pub channel: Option<Cow<'a, str>>,
    /// Its position.
    pub pos: Option<Cow<'a, str>>,
    /// The position before it.
    pub prev: Option<Cow<'a, str>>,
    /// Session id.
    pub session: Option<Cow<'a, str>>,
    /// Run id.
    pub run: Option<Cow<'a, str>>,
    /// First event number of the run that it carries.
    pub seq: Option<u64>,
    /// Last one, where it is not `seq`.
    pub seq_end: Option<u64>,
    /// To whom it is addressed.
    pub to: Option<Address<'a>>,
    /// Id of the message that it answers.
    pub reply_to: Option<Cow<'a, str>>,
    /// The content.
    pub payload: Option<Payload<'a>>,
    /// How long the client waits for the run, in milliseconds.
    pub deadline_ms: Option<u64>,
    /// What went wrong.
    pub error: Option<ErrorBody<'a>>,
    /// Free map.
    pub meta: Option<&'a RawValue>,
    /// Fields that are none of the above, kept in their order.
    pub extra: Vec<Extra<'a>>,
}

/// A field that this version does not know.
#[derive(Clone, Debug)]
pub struct Extra<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its value.
    pub value: &'a RawValue,
    /// Whether it stood in the object `_tl` rather than beside `type`.
    pub wrapped: bool,
}

/// The field `to`: hints to whom a message is addressed, as names and values in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// Most hints of one address.
const HINTS_MAX: usize = 16;

impl<'a> Address<'a> {
    /// An address that names a service.
    pub fn service_named(service: &'a str) -> Self {
        Self(vec![(Cow::Borrowed("service"), Cow::Borrowed(service))])
    }

    /// The service that is meant.
    pub fn service(&self) -> Option<&str> {
        self.hint("service")
    }

    /// The hint with this name: `service`, `agent`, `pillar`, `realm`, `capability`, `user`, `topic`, or any other.
    pub fn hint(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

impl Serialize for Address<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'a> Deserialize<'a> for Address<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AddressVisitor)
    }
}

struct AddressVisitor;

impl<'a> Visitor<'a> for AddressVisitor {
    type Value = Address<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Address<'a>, A::Error> {
        let mut hints: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        while let Some(Text(name)) = map.next_key::<Text<'a>>()? {
            if hints.len() >= HINTS_MAX || hints.iter().any(|(known, _)| *known == name) {
                return Err(de::Error::custom(format_args!(
                    "to.{name}: stands twice, or is one of more than {HINTS_MAX}"
                )));
            }
            let value = text(&name, &mut map)?;
            hints.push((name, value));
        }
        Ok(Address(hints))
    }
}

/// Why a text is no envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The text is not one JSON object of the right form; the message says where and why.
    #[error("{0}")]
    BadEnvelope(String),
    /// The text is no JSON; the message says in which way.
    #[error("the frame is not JSON: {0}; send one JSON object")]
    NotJson(String),
    /// Arrays and objects are nested too deeply.
    #[error("{0}")]
    TooDeep(ScanError),
    /// As JSON it has more than this many bytes.
    #[error("it has more than {0} bytes in JSON")]
    TooLarge(usize),
}

impl DecodeError {
    /// The error code that the client gets.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::BadEnvelope(_) | Self::NotJson(_) => ErrorCode::BadEnvelope,
            Self::TooDeep(_) => ErrorCode::PayloadTooDeep,
            Self::TooLarge(_) => ErrorCode::PayloadTooLarge,
        }
    }

    /// The same error with the bound that was announced, where a spelling was given more room.
    pub(crate) fn at_depth(self, depth_max: usize) -> Self {
        match self {
            Self::TooDeep(_) => Self::TooDeep(ScanError::TooDeep(depth_max)),
            other => other,
        }
    }
}

/// Scans `text` and reads one JSON value from it, nothing after.
pub(crate) fn parse<'a, S: DeserializeSeed<'a>>(
    text: &'a str,
    depth_max: usize,
    seed: S,
) -> Result<S::Value, DecodeError> {
    check_text(text, depth_max)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = seed.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|error| refusal(text, &error))
}

/// What is wrong with a text that was not read, without a parser's own words.
fn refusal(text: &str, error: &serde_json::Error) -> DecodeError {
    let bad = |words: &str| DecodeError::BadEnvelope(words.to_owned());
    if text.trim().is_empty() {
        return bad("the frame is empty; send one JSON object");
    }
    // Errors of fields hide what their values are.
    match serde_json::from_str::<de::IgnoredAny>(text) {
        Ok(_) if text.trim_start().starts_with('{') => DecodeError::BadEnvelope(without_place(error)),
        Ok(_) => bad("the frame is JSON, but no object; send one JSON object"),
        Err(error) if error.is_eof() => DecodeError::NotJson("it ends too early".to_owned()),
        Err(error) => {
            DecodeError::NotJson(format!("it goes wrong at line {}, column {}", error.line(), error.column()))
        }
    }
}

/// The words of an error that names a field: where in the text it stands helps nobody.
pub(crate) fn without_place(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    said.strip_suffix(&place).unwrap_or(&said).to_owned()
}

/// What is looked for in a text before a parser sees it.
pub(crate) fn check_text(text: &str, depth_max: usize) -> Result<(), DecodeError> {
    scan(text, depth_max).map_err(|error| match error {
        ScanError::TooDeep(_) => DecodeError::TooDeep(error),
        ScanError::LoneSurrogate => DecodeError::BadEnvelope(error.to_string()),
    })
}

impl Envelope<'_> {
    /// An envelope of this type and nothing else.
    pub fn new(kind: &'static str) -> Self {
        Self { kind: Cow::Borrowed(kind), ..Self::default() }
    }

    /// Checks the forms that the field types do not: the type's length and the id's characters.
    pub(crate) fn check(&self, dialect: Dialect) -> Result<(), DecodeError> {
        let bad =
            |field: &str, words: &str| Err(DecodeError::BadEnvelope(format!("{}: {words}", dialect.place_of(field))));
        if self.kind.is_empty() || self.kind.len() > TYPE_BYTES_MAX {
            return Err(DecodeError::BadEnvelope("type: expected 1 to 128 bytes".to_owned()));
        }
        if self.id.as_deref().is_some_and(|id| !is_message_id(id)) {
            return bad("id", "expected 1 to 64 of A-Z a-z 0-9 _ . : -");
        }
        if self.meta.is_some_and(|meta| !meta.get().starts_with('{')) {
            return bad("meta", "expected an object");
        }
        Ok(())
    }
}

impl Envelope<'_> {
    /// The trace context in `meta`, if it is one.
    pub fn traceparent(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Meta {
            traceparent: String,
        }
        let Meta { traceparent } = serde_json::from_str(self.meta?.get()).ok()?;
        is_traceparent(&traceparent).then_some(traceparent)
    }
}

impl<'a> Envelope<'a> {
    /// Takes the value of any field but `type` and `payload`; `false` if there is none of this name.
    pub(crate) fn take_field<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "id" => set(&mut self.id, name, text(name, map)?)?,
            "ts" => set(&mut self.ts, name, text(name, map)?)?,
            "channel" => set(&mut self.channel, name, text(name, map)?)?,
            "pos" => set(&mut self.pos, name, text(name, map)?)?,
            "prev" => set(&mut self.prev, name, text(name, map)?)?,
            "session" => set(&mut self.session, name, text(name, map)?)?,
            "run" => set(&mut self.run, name, text(name, map)?)?,
            "seq" => set(&mut self.seq, name, integer(name, map)?)?,
            "seq_end" => set(&mut self.seq_end, name, integer(name, map)?)?,
            "to" => set(&mut self.to, name, map.next_value().map_err(|error| at(name, &error))?)?,
            "reply_to" => set(&mut self.reply_to, name, text(name, map)?)?,
            "deadline_ms" => set(&mut self.deadline_ms, name, integer(name, map)?)?,
            "error" => set(&mut self.error, name, object(name, map)?)?,
            "meta" => set(&mut self.meta, name, map.next_value()?)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Sets the type.
    pub(crate) fn take_type<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<bool, A::Error> {
        if !self.kind.is_empty() {
            return Err(de::Error::custom("type: stands twice"));
        }
        self.kind = text("type", map)?;
        Ok(true)
    }

    /// Sets the payload, whose name in this dialect is `name`.
    pub(crate) fn take_payload<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        set(&mut self.payload, name, Payload::Json(Cow::Borrowed(map.next_value()?)))?;
        Ok(true)
    }

    /// Whether a field of this name has a meaning of its own in every dialect.
    pub(crate) fn knows(name: &str) -> bool {
        const NAMES: [&str; 14] = [
            "id",
            "ts",
            "channel",
            "pos",
            "prev",
            "session",
            "run",
            "seq",
            "seq_end",
            "to",
            "reply_to",
            "deadline_ms",
            "error",
            "meta",
        ];
        NAMES.contains(&name)
    }

    /// Keeps a field that this version does not know.
    pub(crate) fn take_unknown<A: MapAccess<'a>>(
        &mut self,
        name: Cow<'a, str>,
        wrapped: bool,
        map: &mut A,
    ) -> Result<(), A::Error> {
        if self.extra.len() >= EXTRA_FIELDS_MAX {
            return Err(de::Error::custom(format_args!(
                "more than {EXTRA_FIELDS_MAX} unknown fields beside the payload"
            )));
        }
        if self.extra.iter().any(|extra| extra.wrapped == wrapped && extra.name == name) {
            return Err(de::Error::custom(format_args!("{name}: stands twice")));
        }
        self.extra.push(Extra { name, value: map.next_value()?, wrapped });
        Ok(())
    }
}

/// Fills a slot, which must be empty.
pub(crate) fn set<T, E: de::Error>(slot: &mut Option<T>, name: &str, value: T) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::custom(format_args!("{name}: stands twice"))),
    }
}

fn text<'a, A: MapAccess<'a>>(name: &str, map: &mut A) -> Result<Cow<'a, str>, A::Error> {
    map.next_value::<Text<'a>>().map(|text| text.0).map_err(|error| at(name, &error))
}

/// An error with the name of its field.
fn at<E: de::Error>(name: &str, error: &E) -> E {
    E::custom(format_args!("{name}: {error}"))
}

/// A structure of named fields. Left to itself it would also be read from an array, by the order of its fields.
fn object<'a, T: Deserialize<'a>, A: MapAccess<'a>>(name: &str, map: &mut A) -> Result<T, A::Error> {
    let value = map.next_value::<&RawValue>()?.get();
    if !value.starts_with('{') {
        return Err(de::Error::custom(format_args!("{name}: expected an object")));
    }
    serde_json::from_str(value).map_err(|error| de::Error::custom(format_args!("{name}: {error}")))
}

fn integer<'a, A: MapAccess<'a>>(name: &str, map: &mut A) -> Result<u64, A::Error> {
    let Whole(value) = map.next_value().map_err(|error| at(name, &error))?;
    if value > INTEGER_MAX {
        return Err(de::Error::custom(format_args!("{name}: expected at most {INTEGER_MAX}, got {value}")));
    }
    Ok(value)
}

/// A number that counts something.
pub(crate) struct Whole(u64);

impl<'a> Deserialize<'a> for Whole {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(WholeVisitor)
    }
}

struct WholeVisitor;

impl Visitor<'_> for WholeVisitor {
    type Value = Whole;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a whole number from 0")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Whole, E> {
        Ok(Whole(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Whole, E> {
        u64::try_from(number).map(Whole).map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
    }
}

/// A string, borrowed where it has no escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'a> Deserialize<'a> for Text<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'a> Visitor<'a> for TextVisitor {
    type Value = Text<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'a str) -> Result<Text<'a>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'a>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Text<'a>, E> {
        Ok(Text(Cow::Owned(text)))
    }
}
