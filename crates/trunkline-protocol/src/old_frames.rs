//! Frames of old clients that leave out what a frame of their dialect has: a type, or the JSON around a text.
//!
//! A route says how such frames are meant ([`OldFrames`]); this module makes the frame that was meant. It knows nothing of
//! what frames mean.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::envelope::Envelope;
use crate::payload::Payload;

/// How a route reads frames without a type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OldFrames {
    /// Fields that may hold the type, the first that holds a text wins.
    pub type_from: Vec<String>,
    /// The type of an object that has none of them.
    pub default_type: Option<String>,
    /// The type of a text that is no JSON object.
    pub text_type: Option<String>,
}

/// What a client's text is read as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OldFrame<'t> {
    /// This frame.
    As(Cow<'t, str>),
    /// The bare word `ping`, which is answered with the bare word `pong`.
    Ping,
}

/// The members of a frame; raw, so that numbers and texts stay what they are.
type Members<'t> = Vec<(String, &'t RawValue)>;

impl OldFrames {
    /// Reads one text. What these rules say nothing of stays as it is, and is judged as any frame.
    pub fn read<'t>(&self, dialect: Dialect, text: &'t str) -> OldFrame<'t> {
        if text.trim_start().starts_with('{') {
            let typed = members(text).and_then(|members| self.typed(dialect, &members));
            return OldFrame::As(typed.map_or(Cow::Borrowed(text), Cow::Owned));
        }
        match &self.text_type {
            Some(_) if text.trim() == "ping" => OldFrame::Ping,
            Some(kind) => OldFrame::As(Cow::Owned(text_frame(dialect, kind, text))),
            None => OldFrame::As(Cow::Borrowed(text)),
        }
    }

    /// The object with its type; `None` if it has it where it belongs, or none is known.
    fn typed(&self, dialect: Dialect, members: &Members<'_>) -> Option<String> {
        let text_of = |name: &str| {
            let (_, value) = members.iter().find(|(known, _)| known == name)?;
            serde_json::from_str::<String>(value.get()).ok().filter(|kind| !kind.is_empty())
        };
        let named = self.type_from.iter().find_map(|name| Some((name, text_of(name)?)));
        let (from, kind) = match named {
            Some((name, kind)) => (Some(name), kind),
            None if text_of("type").is_some() => return None,
            None => (None, self.default_type.clone()?),
        };
        if from.is_some_and(|name| name == "type") {
            return None;
        }
        Some(frame(dialect, &kind, members))
    }
}

/// The object of `text` as a frame of this type.
fn frame(dialect: Dialect, kind: &str, members: &Members<'_>) -> String {
    let kind = Value::from(kind);
    let content = match dialect {
        Dialect::Native | Dialect::Payload => Some("payload"),
        Dialect::Data => Some("data"),
        Dialect::Flat | Dialect::Open => None,
    };
    let has = |name: &str| members.iter().any(|(known, _)| known == name);
    match content {
        Some(content) if !has(content) => {
            let inner = joined(members.iter().filter(|(name, _)| name != "_tl"));
            let wrapper = joined(members.iter().filter(|(name, _)| name == "_tl"));
            let comma = if wrapper.is_empty() { "" } else { "," };
            format!(r#"{{"type":{kind},"{content}":{{{inner}}}{comma}{wrapper}}}"#)
        }
        // A member that looks like the type has no place beside it.
        None if has("type") => wrapped_frame(dialect, &kind, members).unwrap_or_else(|| typed_frame(&kind, members)),
        _ => typed_frame(&kind, members),
    }
}

/// A frame with its members where they are, the type in place of the one that it has. A second one stays, and is refused.
fn typed_frame(kind: &Value, members: &Members<'_>) -> String {
    let place = members.iter().position(|(name, _)| name == "type");
    let rest = members.iter().enumerate().filter(|(index, _)| Some(*index) != place);
    let rest = joined(rest.map(|(_, member)| member));
    let comma = if rest.is_empty() { "" } else { "," };
    format!(r#"{{"type":{kind}{comma}{rest}}}"#)
}

/// A frame whose payload stands whole in `_tl`, beside what `dialect` reads as fields of the envelope. `None` for a frame
/// that is refused wherever its members stand.
fn wrapped_frame(dialect: Dialect, kind: &Value, frame: &Members<'_>) -> Option<String> {
    let is_flat = dialect == Dialect::Flat;
    let is_wrapper = |(name, _): &&(String, &RawValue)| name == "_tl";
    let metadata = frame.iter().find(|(name, _)| is_flat && name == "metadata");
    let metadata = metadata.and_then(|(_, value)| members(value.get()));
    let metadata = metadata.filter(|metadata| metadata.iter().any(|member| is_wrapper(&member))).unwrap_or_default();
    if stands_twice(frame) || stands_twice(&metadata) {
        return None;
    }
    let wrappers = frame.iter().chain(&metadata).filter(is_wrapper).map(|(_, value)| members(value.get()));
    let wrapper = wrappers.collect::<Option<Vec<_>>>()?.concat();
    let content_names = wrapper.iter().filter(|(name, _)| name == "_content");
    let content_names: Vec<String> = content_names
        .filter_map(|(_, names)| serde_json::from_str::<Vec<String>>(names.get()).ok())
        .flatten()
        .collect();
    let is_field = |(name, value): &&(String, &RawValue)| {
        let is_named = matches!(&**name, "message_id" | "timestamp" | "session_id");
        is_flat && is_named && value.get().starts_with('"') && !content_names.contains(name)
    };
    let fields: Members<'_> = frame.iter().filter(is_field).cloned().collect();
    let is_split = |name: &str| name == "metadata" && !metadata.is_empty();
    let is_content = |member: &&(String, &RawValue)| !is_field(member) && !is_wrapper(member) && !is_split(&member.0);
    let mut content: Members<'_> = frame.iter().filter(is_content).cloned().collect();
    let rest = object_of(metadata.iter().filter(|member| !is_wrapper(member)));
    if metadata.len() > 1 {
        content.push(("metadata".to_owned(), &rest));
    }
    let payload = object_of(content.iter());
    let wrapper = object_of(wrapper.iter().chain([&("payload".to_owned(), &*payload)]));
    Some(typed_frame(kind, &[fields, vec![("_tl".to_owned(), &wrapper)]].concat()))
}

fn stands_twice(members: &Members<'_>) -> bool {
    let mut names = HashSet::with_capacity(members.len());
    !members.iter().all(|(name, _)| names.insert(name))
}

/// A bare text as a frame.
fn text_frame(dialect: Dialect, kind: &str, text: &str) -> String {
    let frame = match dialect {
        Dialect::Native | Dialect::Payload => json!({ "type": kind, "payload": { "message": text } }),
        Dialect::Data => json!({ "type": kind, "data": { "message": { "content": text } } }),
        Dialect::Flat | Dialect::Open => json!({ "type": kind, "message": text }),
    };
    frame.to_string()
}

fn members(text: &str) -> Option<Members<'_>> {
    struct Visitor;
    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = Members<'de>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = serde::Deserializer::deserialize_map(&mut deserializer, Visitor).ok()?;
    deserializer.end().ok()?;
    Some(members)
}

fn joined<'m>(members: impl Iterator<Item = &'m (String, &'m RawValue)>) -> String {
    let members = members.map(|(name, value)| format!("{}:{}", Value::from(&**name), value.get()));
    members.collect::<Vec<_>>().join(",")
}

fn object_of<'m>(members: impl Iterator<Item = &'m (String, &'m RawValue)>) -> Box<RawValue> {
    RawValue::from_string(format!("{{{}}}", joined(members))).expect("an object of JSON values is JSON")
}

/// The field in which clients of dialect `flat` send their token.
const SESSION_TOKEN: &str = "session_token";

/// The token in a message of dialect `flat`.
pub fn session_token(envelope: &Envelope<'_>) -> Option<String> {
    let members = members(envelope.payload.as_ref()?.as_json()?.get())?;
    let mut values = members.iter().filter(|(name, _)| name == SESSION_TOKEN);
    values.find_map(|(_, value)| serde_json::from_str(value.get()).ok())
}

/// The message without the token that it may carry.
pub fn without_session_token<'e>(envelope: &'e Envelope<'e>) -> Envelope<'e> {
    let members = envelope.payload.as_ref().and_then(Payload::as_json).and_then(|payload| members(payload.get()));
    let payload = match members {
        Some(members) if members.iter().any(|(name, _)| name == SESSION_TOKEN) => {
            Some(object_of(members.iter().filter(|(name, _)| name != SESSION_TOKEN)).into())
        }
        _ => envelope.payload.as_ref().map(Payload::borrowed),
    };
    Envelope { payload, ..envelope.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rules: &OldFrames, dialect: Dialect, text: &str) -> String {
        match rules.read(dialect, text) {
            OldFrame::As(frame) => frame.into_owned(),
            OldFrame::Ping => "the bare word".to_owned(),
        }
    }

    #[test]
    fn frames_without_a_type_are_read_as_the_route_says() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let rules = OldFrames {
            type_from: names(&["type", "event", "update_type"]),
            default_type: Some("user_message".to_owned()),
            text_type: Some("chat".to_owned()),
        };
        for (dialect, text, frame) in [
            (Dialect::Payload, r#"{"message":"hi"}"#, r#"{"type":"user_message","payload":{"message":"hi"}}"#),
            (
                Dialect::Payload,
                r#"{"channel":"c","intent":"i","payload":{"n":1e999},"_tl":{"id":"m1"}}"#,
                r#"{"type":"user_message","channel":"c","intent":"i","payload":{"n":1e999},"_tl":{"id":"m1"}}"#,
            ),
            (Dialect::Data, r#"{"event":"a.b"}"#, r#"{"type":"a.b","data":{"event":"a.b"}}"#),
            (Dialect::Open, r#"{"update_type":"x","n":1}"#, r#"{"type":"x","update_type":"x","n":1}"#),
            (Dialect::Flat, r#"{"goal":"g"}"#, r#"{"type":"user_message","goal":"g"}"#),
            (Dialect::Payload, "hello \"you\"", r#"{"payload":{"message":"hello \"you\""},"type":"chat"}"#),
            (Dialect::Data, "get_status", r#"{"data":{"message":{"content":"get_status"}},"type":"chat"}"#),
            (Dialect::Open, " ping\n", "the bare word"),
            (Dialect::Open, r#"{"type":"a","event":"b"}"#, r#"{"type":"a","event":"b"}"#),
            (Dialect::Open, r#"{"type":"#, r#"{"type":"#),
            (Dialect::Open, r#"{"a":1} x"#, r#"{"a":1} x"#),
        ] {
            assert_eq!(read(&rules, dialect, text), frame);
        }
    }

    #[test]
    fn a_type_may_come_from_a_field_although_there_is_one() {
        let rules = OldFrames { type_from: vec!["event".to_owned()], ..OldFrames::default() };
        let text = r#"{"type":"text","event":"chat"}"#;
        let frame = read(&rules, Dialect::Open, text);
        assert_eq!(frame, r#"{"type":"chat","_tl":{"payload":{"type":"text","event":"chat"}}}"#);
        let envelope = Dialect::Open.decode(&frame, 64).unwrap();
        assert_eq!(
            (&*envelope.kind, envelope.payload.as_ref().and_then(Payload::as_json).map(RawValue::get)),
            ("chat", Some(text))
        );
        assert_eq!(read(&rules, Dialect::Open, r#"{"type":"text"}"#), r#"{"type":"text"}"#);
        assert_eq!(read(&rules, Dialect::Open, "free text"), "free text");
        assert_eq!(read(&rules, Dialect::Open, r#"{"message":1}"#), r#"{"message":1}"#);
    }

    #[test]
    fn fields_of_the_envelope_are_read_although_there_is_a_type() {
        let rules = OldFrames { type_from: vec!["event".to_owned()], ..OldFrames::default() };
        for (dialect, text, native) in [
            (
                Dialect::Flat,
                r#"{"type":"x","event":"chat","message_id":"m1","timestamp":"t1","session_id":"s1","message":"hi"}"#,
                r#"{"type":"chat","id":"m1","ts":"t1","session":"s1","payload":{"type":"x","event":"chat","message":"hi"}}"#,
            ),
            (
                Dialect::Flat,
                r#"{"type":"x","event":"chat","metadata":{"a":1,"_tl":{"deadline_ms":5}},"_tl":{"to":{"service":"s"}}}"#,
                r#"{"type":"chat","to":{"service":"s"},"deadline_ms":5,"payload":{"type":"x","event":"chat","metadata":{"a":1}}}"#,
            ),
            (
                Dialect::Flat,
                r#"{"type":"x","event":"chat","message_id":"mine","timestamp":7,"metadata":{"_tl":{"id":"m1","_content":["message_id"]}}}"#,
                r#"{"type":"chat","id":"m1","payload":{"type":"x","event":"chat","message_id":"mine","timestamp":7}}"#,
            ),
            (
                Dialect::Open,
                r#"{"type":"x","event":"chat","message_id":"mine","metadata":{"_tl":1},"_tl":{"id":"m1","later":2}}"#,
                r#"{"type":"chat","id":"m1","payload":{"type":"x","event":"chat","message_id":"mine","metadata":{"_tl":1}},"_tl":{"later":2}}"#,
            ),
        ] {
            let frame = read(&rules, dialect, text);
            let envelope = dialect.decode(&frame, 64).unwrap_or_else(|error| panic!("{error}: {frame}"));
            let mut out = Vec::new();
            Dialect::Native.encode(&envelope, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), native, "{frame}");
        }
        for text in [
            r#"{"type":"x","event":"chat","_tl":5}"#,
            r#"{"type":"x","event":"chat","_tl":{"payload":1}}"#,
            r#"{"type":"x","event":"chat","a":1,"a":2}"#,
            r#"{"type":"x","event":"chat","_tl":{"id":"a"},"metadata":{"_tl":{"id":"b"}}}"#,
            r#"{"type":"x","event":"chat","metadata":{"_tl":{"id":"b"},"a":1,"a":2}}"#,
        ] {
            let frame = read(&rules, Dialect::Flat, text);
            assert!(Dialect::Flat.decode(&frame, 64).is_err(), "{frame}");
        }
    }

    #[test]
    fn a_type_that_stands_twice_is_not_taken_over() {
        let rules = OldFrames { default_type: Some("chat".to_owned()), ..OldFrames::default() };
        for (dialect, text) in [
            (Dialect::Flat, r#"{"type":1,"type":"x"}"#),
            (Dialect::Open, r#"{"type":1,"n":1,"type":2}"#),
            (Dialect::Payload, r#"{"type":1,"payload":{},"type":2}"#),
            (Dialect::Data, r#"{"type":1,"type":2,"data":{}}"#),
        ] {
            let frame = read(&rules, dialect, text);
            assert!(dialect.decode(&frame, 64).is_err(), "{frame}");
        }
    }

    #[test]
    fn a_token_is_read_and_taken_out() {
        let envelope =
            Dialect::Flat.decode(r#"{"type":"user_message","session_token":"s3cret","message":"hi"}"#, 64).unwrap();
        assert_eq!(session_token(&envelope).as_deref(), Some("s3cret"));
        let without = without_session_token(&envelope);
        assert_eq!(without.payload.as_ref().and_then(Payload::as_json).map(RawValue::get), Some(r#"{"message":"hi"}"#));
        assert_eq!(session_token(&without), None);
        let beside_a_huge_number = r#"{"type":"user_message","session_token":"s3cret","n":1e999}"#;
        let envelope = Dialect::Flat.decode(beside_a_huge_number, 64).unwrap();
        assert_eq!(session_token(&envelope).as_deref(), Some("s3cret"));
    }
}
