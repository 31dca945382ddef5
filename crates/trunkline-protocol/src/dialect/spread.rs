//! The dialects in which the payload's members stand beside `type`.
//!
//! A payload that cannot stand there (it is no object, has no member, or one that would be taken for something else)
//! stands whole in `_tl`. In `flat` three fields of the envelope have names of their own at the top; where the
//! payload has a member of such a name, that has the place, `_tl` says so in `_content`, and the field stands in `_tl`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fields::{self, Placed, WrapperSeed};
use super::object::Object;
use super::{Dialect, WRAPPER};
use crate::envelope::{DecodeError, Envelope, Text, parse, without_place};
use crate::payload::Payload;

/// The object in `flat` that holds what has no place of its own.
const METADATA: &str = "metadata";

/// Levels that `metadata` and `_tl` add to what stands in them.
const WRAPPING_DEPTH: usize = 2;

/// The envelope's fields with another name at the top of a `flat` frame.
const MESSAGE_ID: &str = "message_id";
const TIMESTAMP: &str = "timestamp";
const SESSION_ID: &str = "session_id";

/// Reads one frame into an empty envelope.
pub(super) fn decode<'a>(
    text: &'a str,
    depth_max: usize,
    dialect: Dialect,
    envelope: &mut Envelope<'a>,
) -> Result<(), DecodeError> {
    let members = parse(text, depth_max.saturating_add(WRAPPING_DEPTH), MembersSeed);
    let Members(mut members) = members.map_err(|error| error.at_depth(depth_max))?;
    let kind = take(&mut members, "type").ok_or_else(|| bad("type: missing or empty"))?;
    envelope.kind = read_text(kind).ok_or_else(|| bad("type: expected a text"))?;
    if envelope.kind.is_empty() {
        return Err(bad("type: missing or empty"));
    }
    let mut content = Vec::new();
    if let Some(wrapper) = take(&mut members, WRAPPER) {
        read_wrapper(wrapper, dialect, envelope, &mut content)?;
    }
    let mut metadata = None;
    if dialect == Dialect::Flat {
        if let Some(Metadata { wrapper, rest }) = take_metadata(&mut members)? {
            read_wrapper(wrapper, dialect, envelope, &mut content)?;
            metadata = rest;
        }
        let fields =
            [(MESSAGE_ID, &mut envelope.id), (TIMESTAMP, &mut envelope.ts), (SESSION_ID, &mut envelope.session)];
        for (name, field) in fields {
            if !content.iter().any(|kept| kept == name) {
                take_field(&mut members, name, field)?;
            }
        }
    }
    read_payload(&members, metadata.as_deref(), envelope)
}

/// Writes one frame to the end of `out`.
pub(super) fn encode(dialect: Dialect, envelope: &Envelope<'_>, out: &mut Vec<u8>) {
    let payload = envelope.payload.as_ref().and_then(Payload::as_json);
    let members = payload.and_then(|payload| spread(payload, dialect));
    let has = |name: &str| members.iter().flatten().any(|(known, _)| known == name);
    let placed = Placed {
        id: dialect == Dialect::Flat && !has(MESSAGE_ID),
        ts: dialect == Dialect::Flat && !has(TIMESTAMP),
        session: dialect == Dialect::Flat && !has(SESSION_ID),
    };
    let mut object = Object::open(out);
    object.field("type", &envelope.kind);
    object.field_if(MESSAGE_ID, envelope.id.as_ref().filter(|_| placed.id));
    object.field_if(TIMESTAMP, envelope.ts.as_ref().filter(|_| placed.ts));
    object.field_if(SESSION_ID, envelope.session.as_ref().filter(|_| placed.session));
    let metadata = members.iter().flatten().find(|(name, _)| dialect == Dialect::Flat && name == METADATA);
    let inner = metadata.and_then(|(_, value)| inside(value));
    for (name, value) in members.iter().flatten() {
        if name != METADATA || inner.is_none() {
            object.foreign(name, value);
        }
    }
    let write_wrapper = |wrapper: &mut Object<'_>| {
        if let (None, Some(payload)) = (&members, payload) {
            wrapper.raw("payload", payload);
        }
        let kept: Vec<&str> = members
            .iter()
            .flatten()
            .filter(|member| is_like_a_field(dialect, member))
            .map(|(name, _)| &**name)
            .collect();
        if !kept.is_empty() {
            wrapper.field(fields::CONTENT, &kept);
        }
        fields::write(wrapper, envelope, placed);
        fields::write_wrapped(wrapper, envelope, dialect);
    };
    let mark = object.mark();
    if dialect == Dialect::Flat && (metadata.is_none() || inner.is_some()) {
        object.nested(METADATA, |metadata| {
            metadata.splice(inner.unwrap_or_default());
            let mark = metadata.mark();
            metadata.nested(WRAPPER, write_wrapper);
            metadata.drop_if_empty(&mark);
        });
    } else {
        object.nested(WRAPPER, write_wrapper);
    }
    object.drop_if_empty(&mark);
    object.close();
}

/// The members of a payload that can stand beside `type`.
fn spread(payload: &RawValue, dialect: Dialect) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    if !payload.get().starts_with('{') {
        return None;
    }
    let Members(members) = read(payload, MembersSeed).ok()?;
    let is_taken = |(name, value): &(Cow<'_, str>, &RawValue)| match &**name {
        "type" | WRAPPER => true,
        METADATA if dialect == Dialect::Flat => has_wrapper(value),
        _ => false,
    };
    (!members.is_empty() && !members.iter().any(is_taken)).then_some(members)
}

/// Whether a member of the payload would be taken for a field of the envelope.
fn is_like_a_field(dialect: Dialect, (name, value): &(Cow<'_, str>, &RawValue)) -> bool {
    dialect == Dialect::Flat && [MESSAGE_ID, TIMESTAMP, SESSION_ID].contains(&&**name) && value.get().starts_with('"')
}

/// Whether an object has a member `_tl`, be there other members twice or not.
fn has_wrapper(value: &RawValue) -> bool {
    read(value, WrapperIn).is_ok_and(|found| found)
}

/// What stands between the braces of an object that is not empty and in which no name stands twice: one that can be read again.
fn inside(value: &RawValue) -> Option<&str> {
    read(value, MembersSeed).ok()?;
    let inside = value.get().strip_prefix('{')?.strip_suffix('}')?.trim();
    (!inside.is_empty()).then_some(inside)
}

/// What `metadata` holds beside the content.
struct Metadata<'a> {
    wrapper: &'a RawValue,
    /// Its other members, if it has any.
    rest: Option<Box<RawValue>>,
}

/// Takes `metadata` away if it holds `_tl`; otherwise it is a member like any other.
fn take_metadata<'a>(members: &mut Vec<(Cow<'a, str>, &'a RawValue)>) -> Result<Option<Metadata<'a>>, DecodeError> {
    let Some(index) = members.iter().position(|(name, value)| name == METADATA && has_wrapper(value)) else {
        return Ok(None);
    };
    let Members(mut inner) = read(members.remove(index).1, MembersSeed)?;
    let Some(wrapper) = take(&mut inner, WRAPPER) else { return Ok(None) };
    let rest = (!inner.is_empty()).then(|| object_of(&inner, None));
    Ok(Some(Metadata { wrapper, rest }))
}

fn read_wrapper<'a>(
    wrapper: &'a RawValue,
    dialect: Dialect,
    envelope: &mut Envelope<'a>,
    content: &mut Vec<String>,
) -> Result<(), DecodeError> {
    read(wrapper, WrapperSeed { envelope, dialect, content })
}

/// Takes a member for a field, if it is a text.
fn take_field<'a>(
    members: &mut Vec<(Cow<'a, str>, &'a RawValue)>,
    name: &str,
    field: &mut Option<Cow<'a, str>>,
) -> Result<(), DecodeError> {
    let is_field = |(known, value): &(Cow<'_, str>, &RawValue)| known == name && value.get().starts_with('"');
    let Some(index) = members.iter().position(is_field) else { return Ok(()) };
    if field.is_some() {
        return Err(bad(&format!("{name}: stands in {WRAPPER}, too")));
    }
    *field = read_text(members.remove(index).1);
    Ok(())
}

/// What is left of a frame is the payload.
fn read_payload<'a>(
    members: &[(Cow<'a, str>, &'a RawValue)],
    metadata: Option<&RawValue>,
    envelope: &mut Envelope<'a>,
) -> Result<(), DecodeError> {
    if members.is_empty() && metadata.is_none() {
        return Ok(());
    }
    if envelope.payload.is_some() {
        let name = members.first().map_or(METADATA, |(name, _)| &**name);
        return Err(bad(&format!("{name}: the payload stands in {WRAPPER} already")));
    }
    envelope.payload = Some(object_of(members, metadata).into());
    Ok(())
}

/// An object of these members, and perhaps `metadata`.
fn object_of(members: &[(Cow<'_, str>, &RawValue)], metadata: Option<&RawValue>) -> Box<RawValue> {
    let mut text = Vec::new();
    let mut object = Object::open(&mut text);
    for (name, value) in members {
        object.foreign(name, value);
    }
    object.raw_if(METADATA, metadata);
    object.close();
    let text = String::from_utf8(text).expect("JSON of texts is text");
    RawValue::from_string(text).expect("an object of JSON values is JSON")
}

fn take<'a>(members: &mut Vec<(Cow<'a, str>, &'a RawValue)>, name: &str) -> Option<&'a RawValue> {
    let index = members.iter().position(|(known, _)| known == name)?;
    Some(members.remove(index).1)
}

fn read_text(value: &RawValue) -> Option<Cow<'_, str>> {
    Text::deserialize(&mut serde_json::Deserializer::from_str(value.get())).ok().map(|Text(text)| text)
}

fn read<'a, S: DeserializeSeed<'a>>(value: &'a RawValue, seed: S) -> Result<S::Value, DecodeError> {
    let read = seed.deserialize(&mut serde_json::Deserializer::from_str(value.get()));
    read.map_err(|error| bad(&without_place(&error)))
}

fn bad(message: &str) -> DecodeError {
    DecodeError::BadEnvelope(message.to_owned())
}

/// The members of an object, in their order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// Looks for a member `_tl` of an object.
struct WrapperIn;

impl<'de> DeserializeSeed<'de> for WrapperIn {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for WrapperIn {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            found |= name == WRAPPER;
            map.next_value::<IgnoredAny>()?;
        }
        Ok(found)
    }
}

/// Reads the members of an object, none of which may stand twice.
struct MembersSeed;

impl<'de> DeserializeSeed<'de> for MembersSeed {
    type Value = Members<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Members<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MembersSeed {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("one JSON object with a type")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            members.push((name, map.next_value()?));
        }
        let mut names = HashSet::with_capacity(members.len());
        if let Some((name, _)) = members.iter().find(|(name, _)| !names.insert(&**name)) {
            return Err(A::Error::custom(format_args!("{name}: stands twice")));
        }
        Ok(Members(members))
    }
}
