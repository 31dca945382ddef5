//! The envelope's fields under their own names, as they stand at the top of a native frame and in `_tl` elsewhere.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};

use super::object::Object;
use super::{Dialect, WRAPPER};
use crate::envelope::{Envelope, Extra, Text, set};

/// Fields that stand elsewhere in a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Placed {
    pub(super) id: bool,
    pub(super) ts: bool,
    pub(super) session: bool,
}

/// Writes every field but type, payload, those that this version does not know, and those that are placed already.
pub(super) fn write(object: &mut Object<'_>, envelope: &Envelope<'_>, placed: Placed) {
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
    object.field_if("id", id.as_ref().filter(|_| !placed.id));
    object.field_if("ts", ts.as_ref().filter(|_| !placed.ts));
    object.field_if("channel", channel.as_ref());
    object.field_if("pos", pos.as_ref());
    object.field_if("prev", prev.as_ref());
    object.field_if("session", session.as_ref().filter(|_| !placed.session));
    object.field_if("run", run.as_ref());
    object.field_if("seq", seq.as_ref());
    object.field_if("seq_end", seq_end.as_ref());
    object.field_if("to", to.as_ref());
    object.field_if("reply_to", reply_to.as_ref());
    object.field_if("deadline_ms", deadline_ms.as_ref());
    object.field_if("error", error.as_ref());
    object.raw_if("meta", *meta);
}

/// Writes the fields that this version does not know and that stand beside `type`, as far as they can in this dialect.
pub(super) fn write_beside(object: &mut Object<'_>, envelope: &Envelope<'_>, dialect: Dialect) {
    for extra in envelope.extra.iter().filter(|extra| !extra.wrapped && can_stand_beside(dialect, &extra.name)) {
        object.foreign(&extra.name, extra.value);
    }
}

/// Writes the fields that this version does not know and that stand in `_tl`, and those that found no place beside `type`.
pub(super) fn write_wrapped(object: &mut Object<'_>, envelope: &Envelope<'_>, dialect: Dialect) {
    for extra in envelope.extra.iter().filter(|extra| extra.wrapped) {
        object.foreign(&extra.name, extra.value);
    }
    let homeless = |extra: &&Extra<'_>| !extra.wrapped && !can_stand_beside(dialect, &extra.name);
    if envelope.extra.iter().any(|extra| homeless(&extra)) {
        object.nested(BESIDE, |object| {
            for extra in envelope.extra.iter().filter(homeless) {
                object.foreign(&extra.name, extra.value);
            }
        });
    }
}

/// What in `_tl` stood beside `type` in the dialect that a message came from.
const BESIDE: &str = "_beside";

/// What in `_tl` names members at the top that belong to the payload although they look like fields of the envelope.
pub(super) const CONTENT: &str = "_content";

/// Whether an unknown field of this name stands beside `type` without being taken for something else.
fn can_stand_beside(dialect: Dialect, name: &str) -> bool {
    match dialect {
        Dialect::Native | Dialect::Payload => name != "payload",
        Dialect::Data => name != "data",
        Dialect::Flat | Dialect::Open => false,
    }
}

/// Reads the object `_tl` into an envelope.
pub(super) struct WrapperSeed<'e, 'de> {
    pub(super) envelope: &'e mut Envelope<'de>,
    pub(super) dialect: Dialect,
    /// Gets, too, what stands in `_content`.
    pub(super) content: &'e mut Vec<String>,
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
        let Self { envelope, dialect, content } = self;
        let is_spread = matches!(dialect, Dialect::Flat | Dialect::Open);
        let (mut beside, mut kept) = (None, None);
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            if name == BESIDE {
                set(&mut beside, BESIDE, map.next_value_seed(BesideSeed { envelope })?)?;
            } else if name == CONTENT && is_spread {
                set(&mut kept, CONTENT, map.next_value::<Vec<String>>()?)?;
            } else if name == "payload" && is_spread {
                envelope.take_payload("payload", &mut map)?;
            } else if name == "payload" || name == CONTENT {
                return Err(A::Error::custom(format_args!("_tl.{name}: has no place in this dialect")));
            } else if dialect == Dialect::Native && Envelope::knows(&name) {
                return Err(A::Error::custom(format_args!("_tl.{name}: stands beside type in this dialect")));
            } else if !envelope.take_field(&name, &mut map).map_err(|error| within(dialect, &error))? {
                envelope.take_unknown(name, true, &mut map)?;
            }
        }
        content.extend(kept.into_iter().flatten());
        Ok(())
    }
}

/// Reads the object `_beside` within `_tl`.
/// An error that begins with a field's name, as the one of a field in the wrapper.
fn within<E: serde::de::Error>(dialect: Dialect, error: &E) -> E {
    let metadata = if dialect == Dialect::Flat { "metadata." } else { "" };
    E::custom(format_args!("{metadata}{WRAPPER}.{error}"))
}

struct BesideSeed<'e, 'de> {
    envelope: &'e mut Envelope<'de>,
}

impl<'de> DeserializeSeed<'de> for BesideSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for BesideSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object in _tl._beside")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            if name == "type" || name == WRAPPER || Envelope::knows(&name) {
                return Err(A::Error::custom(format_args!("_tl._beside.{name}: is no unknown field")));
            }
            self.envelope.take_unknown(name, false, &mut map)?;
        }
        Ok(())
    }
}
