//! The dialects in which the payload stands under one name.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};

use super::fields::{self, Placed, WrapperSeed};
use super::object::Object;
use super::{Dialect, WRAPPER};
use crate::envelope::{Envelope, Text};
use crate::payload::Payload;

/// Writes one frame to the end of `out`.
pub(super) fn encode(dialect: Dialect, envelope: &Envelope<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.field("type", &envelope.kind);
    if dialect == Dialect::Native {
        fields::write(&mut object, envelope, Placed::default());
        object.raw_if("payload", envelope.payload.as_ref().and_then(Payload::as_json));
        fields::write_beside(&mut object, envelope, dialect);
        if !envelope.extra.is_empty() {
            let mark = object.mark();
            object.nested(WRAPPER, |wrapper| fields::write_wrapped(wrapper, envelope, dialect));
            object.drop_if_empty(&mark);
        }
    } else {
        object.raw_if(payload_name(dialect), envelope.payload.as_ref().and_then(Payload::as_json));
        fields::write_beside(&mut object, envelope, dialect);
        let mark = object.mark();
        object.nested(WRAPPER, |wrapper| {
            fields::write(wrapper, envelope, Placed::default());
            fields::write_wrapped(wrapper, envelope, dialect);
        });
        object.drop_if_empty(&mark);
    }
    object.close();
}

fn payload_name(dialect: Dialect) -> &'static str {
    if dialect == Dialect::Data { "data" } else { "payload" }
}

/// Reads a frame into an empty envelope.
pub(super) struct FrameSeed<'e, 'de> {
    pub(super) envelope: &'e mut Envelope<'de>,
    pub(super) dialect: Dialect,
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
        let is_native = dialect == Dialect::Native;
        let mut wrapped = false;
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            if name == WRAPPER {
                if std::mem::replace(&mut wrapped, true) {
                    return Err(A::Error::custom("_tl: stands twice"));
                }
                map.next_value_seed(WrapperSeed { envelope, dialect, content: &mut Vec::new() })?;
                continue;
            }
            let taken = match &*name {
                "type" => envelope.take_type(&mut map)?,
                other if other == payload_name(dialect) => envelope.take_payload(other, &mut map)?,
                other => is_native && envelope.take_field(other, &mut map)?,
            };
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
