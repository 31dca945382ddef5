//! Whether one message is what its type says.
//!
//! [`check_frame`] takes a frame as it is on the wire. [`check_envelope`] is for whoever has read the envelope already: it
//! looks at the content alone. Both walk the text once, along the model, and build nothing; a message that is refused gets
//! the first fault, with its place and words for people.
//!
//! The meaning is JSON Schema's: 1.0 is an integer, lengths count code points, fields that are not named are allowed. That no
//! field stands twice is the envelope reader's to find.

mod scan;
mod walk;
mod words;

use std::borrow::Cow;

use trunkline_protocol::{Dialect, Envelope};

use self::scan::{JsonKind, NotJson, Scanner};
pub use self::words::Fault;
use self::words::{Name, Trail};
use crate::model::{Catalogue, Direction, Kind, MessageType, Place};

/// Who sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A client.
    Client,
    /// The gateway, or a service through it.
    Gateway,
}

/// Why a message is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The catalogue has no such type in this dialect. That may be fine: services define types of their own.
    #[error("type: {0} is not in the catalogue")]
    Unknown(String),
    /// The type is known, but not one that this sender sends.
    #[error("type: {name} {words}")]
    Direction {
        /// The type.
        name: String,
        /// Who sends it.
        words: &'static str,
    },
    /// Something in it is wrong.
    #[error(transparent)]
    Fault(Fault),
    /// It is no JSON at all.
    #[error("no JSON: {what} (byte {at})")]
    NotJson {
        /// What is wrong.
        what: &'static str,
        /// At which byte of what was checked.
        at: usize,
    },
}

impl From<NotJson> for Refused {
    fn from(NotJson { what, at }: NotJson) -> Self {
        Self::NotJson { what, at }
    }
}

/// Checks a whole frame of a dialect, as it is on the wire; says which type it is.
pub fn check_frame(dialect: Dialect, sender: Sender, frame: &[u8]) -> Result<&'static MessageType, Refused> {
    let text =
        std::str::from_utf8(frame).map_err(|error| Refused::NotJson { what: "not UTF-8", at: error.valid_up_to() })?;
    let name = type_of(text)?;
    let catalogue = Catalogue::embedded();
    let Some(known) = catalogue.find(dialect, &name) else {
        whole(&catalogue.untyped, text)?;
        return Err(Refused::Unknown(name.into_owned()));
    };
    let message = sent(known, sender)?;
    whole(&message.frame.kind, text)?;
    Ok(message)
}

/// Checks a whole frame as one of this type, whoever sent it.
pub fn check_as(message: &MessageType, frame: &str) -> Result<(), Refused> {
    whole(&message.frame.kind, frame)
}

/// Checks a message whose envelope was read from `frame`, without reading what the envelope's reader has read; says which
/// type it is. A content that stands whole in `_tl` is checked as in native; [`check_frame`] does not look there. `home` is the dialect of the route: on a native connection its types have the payload that they have there.
pub fn check_envelope(
    dialect: Dialect,
    home: Dialect,
    sender: Sender,
    envelope: &Envelope<'_>,
    frame: &str,
) -> Result<&'static MessageType, Refused> {
    let catalogue = Catalogue::embedded();
    let name = &*envelope.kind;
    if let Some(known) = catalogue.find(dialect, name) {
        let message = sent(known, sender)?;
        match message.place {
            Place::Frame => match &envelope.payload {
                Some(payload) if is_wrapped(dialect, frame)? => {
                    let place = Trail::Field(&Trail::Field(&Trail::Root, Name::Known("_tl")), Name::Known("payload"));
                    walk::value(&mut Scanner::new(payload.to_json().get()), &message.payload.kind, &place)?;
                }
                _ => whole(&message.frame.kind, frame)?,
            },
            Place::Payload => content(message, "payload", &message.content.kind, envelope)?,
            Place::Data => content(message, "data", &message.content.kind, envelope)?,
        }
        return Ok(message);
    }
    let known = catalogue.find(home, name).filter(|_| dialect == Dialect::Native);
    let message = sent(known.ok_or_else(|| Refused::Unknown(name.to_owned()))?, sender)?;
    content(message, "payload", &message.payload.kind, envelope)?;
    Ok(message)
}

/// Checks only that there is such a type, and that this sender sends it; `dialect` and `home` are as for
/// [`check_envelope`].
pub fn check_type(
    dialect: Dialect,
    home: Dialect,
    sender: Sender,
    name: &str,
) -> Result<&'static MessageType, Refused> {
    let catalogue = Catalogue::embedded();
    let at_home = || catalogue.find(home, name).filter(|_| dialect == Dialect::Native);
    sent(catalogue.find(dialect, name).or_else(at_home).ok_or_else(|| Refused::Unknown(name.to_owned()))?, sender)
}

/// The type, if this sender sends it.
fn sent(message: &'static MessageType, sender: Sender) -> Result<&'static MessageType, Refused> {
    let words = match (message.direction, sender) {
        _ if message.local => "is raised by the client library and never sent",
        (Direction::ToClient, Sender::Client) => "is for the gateway to send, not for clients",
        (Direction::ToGateway, Sender::Gateway) => "is for clients to send, not for the gateway",
        _ => return Ok(message),
    };
    Err(Refused::Direction { name: message.name.clone(), words })
}

/// The type of a frame, which is an object.
fn type_of(frame: &str) -> Result<Cow<'_, str>, Refused> {
    let mut scanner = Scanner::new(frame);
    if scanner.kind()? != JsonKind::Object {
        return Ok(Cow::Borrowed(""));
    }
    let mut more = scanner.open(b'}');
    while more {
        if scanner.name()?.is("type") {
            return Ok(match scanner.kind()? {
                JsonKind::Text => scanner.string()?.text(),
                _ => Cow::Borrowed(""),
            });
        }
        scanner.skip()?;
        more = scanner.more(b'}')?;
    }
    Ok(Cow::Borrowed(""))
}

/// Whether the content stands whole in `_tl`, which in dialect flat may stand in `metadata`.
fn is_wrapped(dialect: Dialect, frame: &str) -> Result<bool, NotJson> {
    let has = |path: &[&str]| has_field(&mut Scanner::new(frame), path);
    Ok(has(&["_tl", "payload"])? || dialect == Dialect::Flat && has(&["metadata", "_tl", "payload"])?)
}

/// Whether there is a field at the end of a path of names.
fn has_field(scanner: &mut Scanner<'_>, path: &[&str]) -> Result<bool, NotJson> {
    let Some((name, rest)) = path.split_first() else { return Ok(true) };
    if scanner.kind()? != JsonKind::Object {
        return Ok(false);
    }
    let mut more = scanner.open(b'}');
    while more {
        if scanner.name()?.is(name) {
            return has_field(scanner, rest);
        }
        scanner.skip()?;
        more = scanner.more(b'}')?;
    }
    Ok(false)
}

/// Checks a text that is one value.
fn whole(kind: &Kind, text: &str) -> Result<(), Refused> {
    let mut scanner = Scanner::new(text);
    walk::value(&mut scanner, kind, &Trail::Root)?;
    Ok(scanner.end()?)
}

/// Checks the content, whose field is called `name`, and that the envelope has what the type requires.
fn content(message: &MessageType, name: &str, kind: &Kind, envelope: &Envelope<'_>) -> Result<(), Refused> {
    let place = Trail::Field(&Trail::Root, Name::Known(name));
    if let Some(payload) = &envelope.payload {
        // What holds bytes is checked as JSON clients see it: they are texts.
        let json = payload.to_json();
        walk::value(&mut Scanner::new(json.get()), kind, &place)?;
    } else if message.requires.iter().any(|field| field == "payload") {
        return Err(missing(&place));
    }
    let has_wrapper = ENVELOPE.iter().any(|(_, has)| has(envelope)) || envelope.extra.iter().any(|extra| extra.wrapped);
    let wrapper = Trail::Field(&Trail::Root, Name::Known("_tl"));
    let around = if message.dialect == Dialect::Native { &Trail::Root } else { &wrapper };
    for required in &message.requires {
        let Some((field, _)) = ENVELOPE.iter().find(|(field, has)| field == required && !has(envelope)) else {
            continue;
        };
        let is_bare = message.dialect != Dialect::Native && !has_wrapper;
        return Err(missing(&if is_bare { wrapper } else { Trail::Field(around, Name::Known(field)) }));
    }
    Ok(())
}

fn missing(place: &Trail<'_>) -> Refused {
    Refused::Fault(place.fault("missing".to_owned()))
}

/// Whether an envelope has a field.
type Has = fn(&Envelope<'_>) -> bool;

/// The envelope's fields that a type may require.
const ENVELOPE: [(&str, Has); 14] = [
    ("id", |envelope| envelope.id.is_some()),
    ("ts", |envelope| envelope.ts.is_some()),
    ("channel", |envelope| envelope.channel.is_some()),
    ("pos", |envelope| envelope.pos.is_some()),
    ("prev", |envelope| envelope.prev.is_some()),
    ("session", |envelope| envelope.session.is_some()),
    ("run", |envelope| envelope.run.is_some()),
    ("seq", |envelope| envelope.seq.is_some()),
    ("seq_end", |envelope| envelope.seq_end.is_some()),
    ("to", |envelope| envelope.to.is_some()),
    ("reply_to", |envelope| envelope.reply_to.is_some()),
    ("deadline_ms", |envelope| envelope.deadline_ms.is_some()),
    ("error", |envelope| envelope.error.is_some()),
    ("meta", |envelope| envelope.meta.is_some()),
];

#[cfg(test)]
mod tests;
