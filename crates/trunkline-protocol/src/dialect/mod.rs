//! How an envelope is spelled in JSON.
//!
//! Reading and writing are exact opposites: what was read is written with the same
//! content, unknown fields included, and what is written in another dialect and read again is the same envelope.
//! `protocol/client.md` §1 shows each spelling. [`named`] has the dialects in which the payload has a name, [`spread`] those
//! in which its members stand beside `type`.

mod fields;
mod named;
mod object;
mod spread;

use std::borrow::Cow;

use serde::Deserialize;

use crate::envelope::{DecodeError, Envelope, parse};
use crate::ids::is_message_id;
use crate::payload::Payload;

/// A wire spelling of the envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// All fields at the top, by their own names.
    Native,
    /// `type` and `payload` at the top, everything else in `_tl`.
    Payload,
    /// `type` and `data` at the top, everything else in `_tl`.
    Data,
    /// One flat object: the payload's members beside `type`, `message_id`, `timestamp` and `session_id`; everything else in
    /// `_tl` within `metadata`.
    Flat,
    /// The payload's members beside `type`, everything else in `_tl`.
    Open,
}

/// The object that holds what a dialect has no place for.
const WRAPPER: &str = "_tl";

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 5] = [Self::Native, Self::Payload, Self::Data, Self::Flat, Self::Open];

    /// The name in the configuration and as a metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Payload => "payload",
            Self::Data => "data",
            Self::Flat => "flat",
            Self::Open => "open",
        }
    }

    /// Where a field of the envelope stands in this dialect, for people; `field` is its native name.
    pub fn place_of(self, field: &str) -> Cow<'_, str> {
        match (self, field) {
            (Self::Native, _) => Cow::Borrowed(field),
            (Self::Flat, "id") => Cow::Borrowed("message_id"),
            (Self::Flat, "ts") => Cow::Borrowed("timestamp"),
            (Self::Flat, "session") => Cow::Borrowed("session_id"),
            (Self::Flat, _) => Cow::Owned(format!("metadata.{WRAPPER}.{field}")),
            (Self::Payload | Self::Data | Self::Open, _) => Cow::Owned(format!("{WRAPPER}.{field}")),
        }
    }

    /// Reads one frame. `depth_max` bounds nested arrays and objects, counted as native spells the message.
    pub fn decode(self, text: &str, depth_max: usize) -> Result<Envelope<'_>, DecodeError> {
        // Filled in place: it is large, and handing it up through the parser would copy it at each step.
        let mut envelope = Envelope::default();
        match self {
            Self::Native | Self::Payload | Self::Data => {
                parse(text, depth_max, named::FrameSeed { envelope: &mut envelope, dialect: self })?;
            }
            Self::Flat | Self::Open => spread::decode(text, depth_max, self, &mut envelope)?,
        }
        envelope.check(self)?;
        Ok(envelope)
    }

    /// The message id in a frame that was refused, where one can be read: its sender is told which message is meant.
    pub fn id_of_refused(self, text: &str) -> Option<String> {
        #[derive(Default, Deserialize)]
        struct Wrapper<'a> {
            #[serde(borrow)]
            id: Option<Cow<'a, str>>,
        }
        #[derive(Default, Deserialize)]
        struct Metadata<'a> {
            #[serde(borrow, default, rename = "_tl")]
            wrapper: Wrapper<'a>,
        }
        #[derive(Deserialize)]
        struct Native<'a> {
            #[serde(borrow)]
            id: Cow<'a, str>,
        }
        #[derive(Deserialize)]
        struct Flat<'a> {
            #[serde(borrow)]
            message_id: Option<Cow<'a, str>>,
            #[serde(borrow, default)]
            metadata: Metadata<'a>,
        }
        let id = match self {
            Self::Native => serde_json::from_str(text).ok().map(|Native { id }| id),
            Self::Payload | Self::Data | Self::Open => {
                serde_json::from_str(text).ok().and_then(|Metadata { wrapper }| wrapper.id)
            }
            Self::Flat => serde_json::from_str(text)
                .ok()
                .and_then(|Flat { message_id, metadata }| message_id.or(metadata.wrapper.id)),
        };
        id.filter(|id| is_message_id(id)).map(Cow::into_owned)
    }

    /// Writes one frame to the end of `out`; bytes in the payload become base64.
    pub fn encode(self, envelope: &Envelope<'_>, out: &mut Vec<u8>) {
        if let Some(Payload::Packed(packed)) = &envelope.payload {
            let spelled = Envelope { payload: Some(packed.to_json().into()), ..envelope.clone() };
            return self.encode(&spelled, out);
        }
        match self {
            Self::Native | Self::Payload | Self::Data => named::encode(self, envelope, out),
            Self::Flat | Self::Open => spread::encode(self, envelope, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    fn again(dialect: Dialect, text: &str) -> String {
        let envelope = dialect.decode(text, 64).unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut out = Vec::new();
        dialect.encode(&envelope, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_was_read_is_written_again() {
        for text in [
            r#"{"type":"user_message","id":"m1","to":{"service":"guide"},"deadline_ms":5,"payload":{"a":[1,1e999]}}"#,
            r#"{"type":"x","meta":{"traceparent":"00"},"payload":null,"new_field":[1],"_tl":{"later":1}}"#,
            r#"{"type":"x \" y","error":{"code":"internal","message":"m","retryable":true}}"#,
        ] {
            assert_eq!(again(Dialect::Native, text), text);
        }
        for text in [
            r#"{"type":"ping"}"#,
            r#"{"type":"user_message","payload":{"message":"hi"},"theirs":1,"_tl":{"id":"m1","run":"r","seq":0,"seq_end":3,"later":{}}}"#,
        ] {
            assert_eq!(again(Dialect::Payload, text), text);
        }
    }

    #[test]
    fn refusals_name_the_field() {
        for (text, word) in [
            (r#"{"type":"a","type":"b"}"#, "type"),
            (r#"{"type":"a","id":"x","id":"y"}"#, "id: stands twice"),
            (r#"{"type":"a","id":""}"#, "id: expected"),
            (r#"{"type":""}"#, "type"),
            ("{}", "type"),
            (r#"{"type":"a","seq":9007199254740992}"#, "seq"),
            (r#"{"type":"a","seq":-1}"#, "seq: invalid value: integer `-1`, expected a whole number from 0"),
            (
                r#"{"type":"a","deadline_ms":"5"}"#,
                "deadline_ms: invalid type: string \"5\", expected a whole number from 0",
            ),
            (r#"{"type":"a","deadline_ms":1.5}"#, "expected a whole number from 0"),
            (r#"{"type":"a","z":1,"z":2}"#, "z: stands twice"),
            (r#"{"type":"a","id":7}"#, "id: invalid type: integer `7`, expected a string"),
            (r#"{"type":"a","to":7}"#, "to: invalid type"),
            (r#"{"type":"a"} x"#, "the frame is not JSON: it goes wrong at line 1, column 14; send one JSON object"),
            (r#"{"type":"a""#, "the frame is not JSON: it ends too early; send one JSON object"),
            ("ping", "the frame is not JSON: it goes wrong at line 1, column 1; send one JSON object"),
            (" ", "the frame is empty; send one JSON object"),
            ("null", "the frame is JSON, but no object; send one JSON object"),
            ("[]", "the frame is JSON, but no object; send one JSON object"),
        ] {
            let error = Dialect::Native.decode(text, 64).expect_err(text);
            assert!(error.to_string().contains(word), "{text}: {error}");
            assert!(!error.to_string().contains(" at line 1 column"), "{text}: {error}");
            assert_eq!(error.code(), ErrorCode::BadEnvelope, "{text}");
        }
    }

    #[test]
    fn a_refused_frame_says_which_message_it_was_where_it_can() {
        for (dialect, text, id) in [
            (Dialect::Native, r#"{"type":"a","id":"m1","deadline_ms":-1}"#, Some("m1")),
            (Dialect::Native, r#"{"id":"m1"}"#, Some("m1")),
            (Dialect::Native, r#"{"type":"a","id":"m 1"}"#, None),
            (Dialect::Native, r#"{"type":"a","id":"m1","id":"m2"}"#, None),
            (Dialect::Native, r#"{"type":"a","id":"m1""#, None),
            (Dialect::Payload, r#"{"type":"a","id":"m0","_tl":{"id":"m1","seq":-1}}"#, Some("m1")),
            (Dialect::Data, r#"{"type":"a","_tl":{"id":7}}"#, None),
            (Dialect::Open, r#"{"type":"a","_tl":{"id":"m1","to":7}}"#, Some("m1")),
            (Dialect::Flat, r#"{"type":"a","message_id":"m1","metadata":{"_tl":{"seq":-1}}}"#, Some("m1")),
            (Dialect::Flat, r#"{"type":7,"metadata":{"_tl":{"id":"m1"}}}"#, Some("m1")),
        ] {
            assert!(dialect.decode(text, 64).is_err(), "{text}");
            assert_eq!(dialect.id_of_refused(text).as_deref(), id, "{text}");
        }
    }

    #[test]
    fn refusals_name_the_field_as_its_dialect_does() {
        for (dialect, text, said) in [
            (Dialect::Native, r#"{"type":"a","id":""}"#, "id: expected 1 to 64"),
            (Dialect::Payload, r#"{"type":"a","_tl":{"id":""}}"#, "_tl.id: expected 1 to 64"),
            (Dialect::Flat, r#"{"type":"a","message_id":"a b"}"#, "message_id: expected 1 to 64"),
            (Dialect::Open, r#"{"type":"a","_tl":{"run":7}}"#, "_tl.run: invalid type"),
            (Dialect::Flat, r#"{"type":"a","metadata":{"_tl":{"seq":-1}}}"#, "metadata._tl.seq: invalid value"),
            (Dialect::Data, r#"{"type":"a","_tl":{"meta":7}}"#, "_tl.meta: expected an object"),
        ] {
            let error = dialect.decode(text, 64).expect_err(text).to_string();
            assert!(error.starts_with(said), "{text}: {error}");
        }
    }

    #[test]
    fn too_deep_is_said_with_the_same_number_in_every_dialect() {
        for dialect in Dialect::ALL {
            let deep = format!(r#"{{"type":"a","x":{}{}}}"#, "[".repeat(70), "]".repeat(70));
            let error = dialect.decode(&deep, 64).expect_err("too deep");
            assert_eq!(error.to_string(), "arrays and objects are nested deeper than 64 levels");
            assert_eq!(error.code(), ErrorCode::PayloadTooDeep);
        }
    }

    #[test]
    fn old_frames_are_read_as_they_are_meant_and_written_as_they_were() {
        for (dialect, frame, native) in [
            (
                Dialect::Data,
                r#"{"type":"chat_message","data":{"message":{"content":"hi"}},"_tl":{"id":"m1"}}"#,
                r#"{"type":"chat_message","id":"m1","payload":{"message":{"content":"hi"}}}"#,
            ),
            (
                Dialect::Flat,
                r#"{"type":"user_message","message_id":"m1","session_id":"s1","message":"hi","agent":"guide","metadata":{"a":1,"_tl":{"run":"r1"}}}"#,
                r#"{"type":"user_message","id":"m1","session":"s1","run":"r1","payload":{"message":"hi","agent":"guide","metadata":{"a":1}}}"#,
            ),
            (
                Dialect::Flat,
                r#"{"type":"ping","timestamp":1700000000000,"metadata":{"a":1}}"#,
                r#"{"type":"ping","payload":{"timestamp":1700000000000,"metadata":{"a":1}}}"#,
            ),
            (
                Dialect::Open,
                r#"{"type":"request_workspace_analysis","id":7,"deep":true,"_tl":{"id":"m1"}}"#,
                r#"{"type":"request_workspace_analysis","id":"m1","payload":{"id":7,"deep":true}}"#,
            ),
            (Dialect::Open, r#"{"type":"x","_tl":{"payload":[1]}}"#, r#"{"type":"x","payload":[1]}"#),
        ] {
            assert_eq!(again(dialect, frame), frame);
            let mut spelled = Vec::new();
            Dialect::Native.encode(&dialect.decode(frame, 64).unwrap(), &mut spelled);
            assert_eq!(String::from_utf8(spelled).unwrap(), native);
        }
    }
}
