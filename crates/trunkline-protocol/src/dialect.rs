//! How an envelope is spelled on the wire, in JSON.
//!
//! Reading and writing are exact opposites: what was read is written with the same
//! content, unknown fields included. `protocol/client.md` §1 shows each spelling.

use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::envelope::{DecodeError, Envelope, Extra, Text, parse};

/// A wire spelling of the envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// All fields at the top, by their own names.
    Native,
    /// `type` and `payload` at the top, everything else in `_tl`.
    Payload,
}

/// The object beside `type` that holds what a dialect has no place for.
const WRAPPER: &str = "_tl";

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 2] = [Self::Native, Self::Payload];

    /// The name in the configuration and as a metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Payload => "payload",
        }
    }

    /// Reads one frame. `depth_max` bounds nested arrays and objects.
    pub fn decode(self, text: &str, depth_max: usize) -> Result<Envelope<'_>, DecodeError> {
        // Filled in place: it is large, and handing it up through the parser would copy it at each step.
        let mut envelope = Envelope::default();
        parse(text, depth_max, FrameSeed { envelope: &mut envelope, dialect: self })?;
        envelope.check()?;
        Ok(envelope)
    }

    /// Writes one frame to the end of `out`.
    pub fn encode(self, envelope: &Envelope<'_>, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.field("type", &envelope.kind);
        match self {
            Self::Native => {
                write_fields(&mut object, envelope);
                write_payload(&mut object, envelope);
                write_extra(&mut object, envelope, false);
                if envelope.extra.iter().any(|extra| extra.wrapped) {
                    object.nested(WRAPPER, |wrapper| write_extra(wrapper, envelope, true));
                }
            }
            Self::Payload => {
                write_payload(&mut object, envelope);
                write_extra(&mut object, envelope, false);
                let mark = object.mark();
                object.nested(WRAPPER, |wrapper| {
                    write_fields(wrapper, envelope);
                    write_extra(wrapper, envelope, true);
                });
                object.drop_if_empty(&mark);
            }
        }
        object.close();
    }
}

fn write_fields(object: &mut Object<'_>, envelope: &Envelope<'_>) {
    let Envelope {
        kind: _,
        id,
        ts,
        channel,
        pos,
        prev,
        session,
        run,
        seq,
        seq_end,
        to,
        reply_to,
        payload: _,
        deadline_ms,
        error,
        meta,
        extra: _,
    } = envelope;
    object.field_if("id", id.as_ref());
    object.field_if("ts", ts.as_ref());
    object.field_if("channel", channel.as_ref());
    object.field_if("pos", pos.as_ref());
    object.field_if("prev", prev.as_ref());
    object.field_if("session", session.as_ref());
    object.field_if("run", run.as_ref());
    object.field_if("seq", seq.as_ref());
    object.field_if("seq_end", seq_end.as_ref());
    object.field_if("to", to.as_ref());
    object.field_if("reply_to", reply_to.as_ref());
    object.field_if("deadline_ms", deadline_ms.as_ref());
    object.field_if("error", error.as_ref());
    object.raw_if("meta", *meta);
}

fn write_payload(object: &mut Object<'_>, envelope: &Envelope<'_>) {
    object.raw_if("payload", envelope.payload);
}

fn write_extra(object: &mut Object<'_>, envelope: &Envelope<'_>, wrapped: bool) {
    for extra in envelope.extra.iter().filter(|extra| extra.wrapped == wrapped) {
        object.extra(extra);
    }
}

/// Writes one JSON object, field by field, without an intermediate tree.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

/// Where an object stood before a field, and what to restore.
struct Mark {
    length: usize,
    empty: bool,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    fn close(self) {
        self.out.push(b'}');
    }

    /// Begins a field whose name needs no escapes.
    fn name(&mut self, name: &'static str) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn separate(&mut self) {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.name(name);
        write_json(self.out, value);
    }

    fn field_if<T: Serialize>(&mut self, name: &'static str, value: Option<&T>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    fn raw_if(&mut self, name: &'static str, value: Option<&RawValue>) {
        if let Some(value) = value {
            self.name(name);
            self.out.extend_from_slice(value.get().as_bytes());
        }
    }

    fn extra(&mut self, extra: &Extra<'_>) {
        self.separate();
        write_json(self.out, &extra.name);
        self.out.push(b':');
        self.out.extend_from_slice(extra.value.get().as_bytes());
    }

    fn nested(&mut self, name: &'static str, fill: impl FnOnce(&mut Object<'_>)) {
        self.name(name);
        let mut object = Object::open(self.out);
        fill(&mut object);
        object.close();
    }

    fn mark(&self) -> Mark {
        Mark { length: self.out.len(), empty: self.empty }
    }

    /// Takes the object written since `mark` away again if it has no field.
    fn drop_if_empty(&mut self, mark: &Mark) {
        if self.out.ends_with(b"{}") {
            self.out.truncate(mark.length);
            self.empty = mark.empty;
        }
    }
}

fn write_json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("strings, numbers and raw JSON always serialise into memory");
}

/// Reads a frame into an empty envelope.
struct FrameSeed<'e, 'de> {
    envelope: &'e mut Envelope<'de>,
    dialect: Dialect,
}

impl<'de> DeserializeSeed<'de> for FrameSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FrameSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("one JSON object with a type")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { envelope, dialect } = self;
        let mut wrapped = false;
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            if name == WRAPPER {
                if std::mem::replace(&mut wrapped, true) {
                    return Err(A::Error::custom("_tl: stands twice"));
                }
                map.next_value_seed(WrapperSeed { envelope, dialect })?;
                continue;
            }
            let taken = envelope.take_core(&name, &mut map)?
                || (dialect == Dialect::Native && envelope.take_field(&name, &mut map)?);
            if !taken {
                if Envelope::knows(&name) {
                    return Err(A::Error::custom(format_args!("{name}: stands in {WRAPPER} in this dialect")));
                }
                envelope.take_unknown(name, false, &mut map)?;
            }
        }
        if envelope.kind.is_empty() {
            return Err(A::Error::custom("type: missing or empty"));
        }
        Ok(())
    }
}

/// Reads the object `_tl` into an envelope.
struct WrapperSeed<'e, 'de> {
    envelope: &'e mut Envelope<'de>,
    dialect: Dialect,
}

impl<'de> DeserializeSeed<'de> for WrapperSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for WrapperSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object in _tl")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            let taken = self.dialect == Dialect::Payload && self.envelope.take_field(&name, &mut map)?;
            if !taken {
                self.envelope.take_unknown(name, true, &mut map)?;
            }
        }
        Ok(())
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
            (r#"{"type":"a","seq":-1}"#, "-1"),
            (r#"{"type":"a","z":1,"z":2}"#, "z: stands twice"),
            (r#"{"type":"a"} x"#, "trailing"),
            ("", "EOF"),
            ("null", "null"),
            ("[]", "sequence"),
        ] {
            let error = Dialect::Native.decode(text, 64).expect_err(text);
            assert!(error.to_string().contains(word), "{text}: {error}");
            assert_eq!(error.code(), ErrorCode::BadEnvelope, "{text}");
        }
    }
}
