//! Message types: what `x-message` says of a definition, and the frame that it stands in.

use std::sync::Arc;

use trunkline_protocol::Dialect;

use super::schema::{self, FileName, Place, texts};
use super::{Refusal, Sources, definitions, named, shape};
use crate::json::Json;
use crate::model::{Class, Direction, Kind, MessageType, Object, Place as ContentPlace, Shape};

/// The types that a dialect's file defines.
pub(super) fn types(sources: &Sources, dialect: Dialect) -> Result<Vec<MessageType>, Refusal> {
    let file = FileName::Messages(dialect);
    definitions(sources, file)?.iter().map(|(name, definition)| message(sources, dialect, name, definition)).collect()
}

fn message(sources: &Sources, dialect: Dialect, name: &str, definition: &Json) -> Result<MessageType, Refusal> {
    let place = Place::definition(FileName::Messages(dialect), name);
    let about = About::read(definition, &place)?;
    let content = shape::shape(sources, &schema::read(sources, definition, &place)?, &place)?;
    let examples = definition.get("examples").and_then(Json::as_array).unwrap_or_default().to_vec();
    let content_place = match dialect {
        _ if about.whole => ContentPlace::Frame,
        Dialect::Flat | Dialect::Open => ContentPlace::Frame,
        Dialect::Data => ContentPlace::Data,
        Dialect::Native | Dialect::Payload => ContentPlace::Payload,
    };
    let target = format!("{}#/$defs/{name}", FileName::Messages(dialect).id());
    let schema = match content_place {
        ContentPlace::Frame => object([("$ref", text(&target))]),
        ContentPlace::Payload if dialect == Dialect::Native => native_frame(sources, name, &target, &about.requires),
        ContentPlace::Payload => wrapped_frame("payload", name, &target, &about.requires),
        ContentPlace::Data => wrapped_frame("data", name, &target, &about.requires),
    };
    let frame = frame(sources, &schema, &place)?;
    let folded = folded_field(&content);
    about.check(&content, folded.is_some(), &place)?;
    Ok(MessageType {
        dialect,
        name: name.to_owned(),
        description: content.description.clone().unwrap_or_default(),
        direction: about.direction,
        class: about.class,
        key: about.key.unwrap_or_default(),
        folded,
        requires: about.requires,
        place: content_place,
        native: about.native,
        local: about.local,
        planned: about.planned,
        payload: payload(&content, content_place, dialect),
        content,
        frame,
        examples,
    })
}

/// What stands in `payload` where a type is spelled in native.
fn payload(content: &Shape, place: ContentPlace, dialect: Dialect) -> Shape {
    let mut payload = content.clone();
    if let (ContentPlace::Frame, Kind::Object(object)) = (place, &mut payload.kind) {
        let object = Arc::make_mut(object);
        let flat = dialect == Dialect::Flat;
        let of_envelope: &[&str] = if flat { &["type", "message_id", "session_id"] } else { &["type", "_tl"] };
        object.fields.retain(|field| !of_envelope.contains(&field.name.as_str()));
        for field in object.fields.iter_mut().filter(|_| flat) {
            // A time that is a text is the envelope's, and so is what the gateway adds to metadata.
            if field.name == "timestamp" || field.name == "metadata" {
                field.required = false;
            }
            if let ("metadata", Kind::Object(metadata)) = (field.name.as_str(), &mut field.shape.kind) {
                Arc::make_mut(metadata).fields.retain(|field| field.name != "_tl");
            }
        }
        payload.definition = None;
        payload.narrowed = false;
    }
    payload
}

/// A frame of which only the type is known.
pub(super) fn untyped(sources: &Sources) -> Result<Kind, Refusal> {
    let kind = object([("$ref", text(&format!("{}#/$defs/envelope/properties/type", FileName::Envelope.id())))]);
    let schema =
        object([("type", text("object")), ("required", list(["type"])), ("properties", object([("type", kind)]))]);
    Ok(frame(sources, &schema, &Place::definition(FileName::Envelope, "envelope"))?.kind)
}

/// The native types that a dialect does not define and has no other name for, spelled by its rules.
pub(super) fn carried(
    sources: &Sources,
    native: &[MessageType],
    own: &[MessageType],
    dialect: Dialect,
) -> Result<Vec<MessageType>, Refusal> {
    let spelled = |name: &str| own.iter().any(|message| message.native.as_deref() == Some(name));
    let missing = native.iter().filter(|message| named(own, &message.name).is_none() && !spelled(&message.name));
    missing.map(|message| carry(sources, message, dialect)).collect()
}

fn carry(sources: &Sources, message: &MessageType, dialect: Dialect) -> Result<MessageType, Refusal> {
    let name = message.name.as_str();
    let target = format!("{}#/$defs/{name}", FileName::Messages(Dialect::Native).id());
    let (place, schema) = match dialect {
        Dialect::Data => (ContentPlace::Data, wrapped_frame("data", name, &target, &message.requires)),
        Dialect::Flat | Dialect::Open => (ContentPlace::Frame, spread_frame(dialect, name, &target, &message.requires)),
        Dialect::Native | Dialect::Payload => {
            (ContentPlace::Payload, wrapped_frame("payload", name, &target, &message.requires))
        }
    };
    let frame = frame(sources, &schema, &Place::definition(FileName::Messages(Dialect::Native), name))?;
    let whole = place == ContentPlace::Frame;
    Ok(MessageType {
        dialect,
        place,
        content: if whole { frame.clone() } else { message.content.clone() },
        requires: if whole { Vec::new() } else { message.requires.clone() },
        frame,
        ..message.clone()
    })
}

/// What `x-message` says.
#[expect(clippy::struct_excessive_bools, reason = "each is a member of x-message")]
struct About {
    direction: Direction,
    class: Class,
    key: Option<Vec<String>>,
    foldable: bool,
    requires: Vec<String>,
    native: Option<String>,
    whole: bool,
    local: bool,
    planned: bool,
}

impl About {
    fn read(definition: &Json, place: &Place) -> Result<Self, Refusal> {
        let place = place.below("x-message");
        let members = definition.get("x-message").and_then(Json::as_object);
        let members = members.ok_or_else(|| place.refuse("is missing"))?;
        let mut about = Self {
            direction: Direction::Both,
            class: Class::Control,
            key: None,
            foldable: false,
            requires: Vec::new(),
            native: None,
            whole: false,
            local: false,
            planned: false,
        };
        for (name, value) in members {
            let names = || texts(Some(value), &place).map(|names| names.into_iter().map(str::to_owned).collect());
            match (name.as_str(), value) {
                ("direction", Json::Text(word)) => about.direction = direction(word, &place)?,
                ("class", Json::Text(word)) => about.class = class(word, &place)?,
                ("key", _) => about.key = Some(names()?),
                ("requires", _) => about.requires = names()?,
                ("native", Json::Text(word)) => about.native = Some(word.clone()),
                ("foldable", Json::Boolean(value)) => about.foldable = *value,
                ("whole", Json::Boolean(value)) => about.whole = *value,
                ("local", Json::Boolean(value)) => about.local = *value,
                ("planned", Json::Boolean(value)) => about.planned = *value,
                _ => return Err(place.refuse(format!("{name} is not covered, or not like this"))),
            }
        }
        for needed in ["direction", "class"] {
            if members.iter().all(|(name, _)| name != needed) {
                return Err(place.refuse(format!("has no {needed}")));
            }
        }
        Ok(about)
    }

    /// Refuses what contradicts itself.
    fn check(&self, content: &Shape, folded: bool, place: &Place) -> Result<(), Refusal> {
        let place = place.below("x-message");
        if self.key.is_some() != (self.class == Class::Latest) {
            return Err(place.refuse("a latest type has a key, and no other has one"));
        }
        if self.foldable != (self.class == Class::Stream) || self.foldable != folded {
            return Err(place.refuse("a stream is foldable and has one field with x-fold, and nothing else is and has"));
        }
        let known = |name: &String| object_of(&content.kind).is_some_and(|object| object.field(name).is_some());
        if let Some(unknown) = self.key.iter().flatten().find(|name| !known(name)) {
            return Err(place.refuse(format!("key {unknown} is no field of it")));
        }
        Ok(())
    }
}

fn direction(word: &str, place: &Place) -> Result<Direction, Refusal> {
    Ok(match word {
        "to_client" => Direction::ToClient,
        "to_gateway" => Direction::ToGateway,
        "both" => Direction::Both,
        other => return Err(place.refuse(format!("direction {other} is none"))),
    })
}

fn class(word: &str, place: &Place) -> Result<Class, Refusal> {
    Ok(match word {
        "durable" => Class::Durable,
        "stream" => Class::Stream,
        "latest" => Class::Latest,
        "control" => Class::Control,
        other => return Err(place.refuse(format!("class {other} is none"))),
    })
}

/// The rules for the case that the content is an object.
fn object_of(kind: &Kind) -> Option<&Object> {
    match kind {
        Kind::Object(object) => Some(object),
        Kind::Union(kinds) => kinds.iter().find_map(object_of),
        _ => None,
    }
}

fn folded_field(content: &Shape) -> Option<String> {
    let field = object_of(&content.kind)?.fields.iter().find(|field| field.folded)?;
    Some(field.name.clone())
}

/// The frame that a schema describes.
fn frame(sources: &Sources, schema: &Json, place: &Place) -> Result<Shape, Refusal> {
    let mut frame = shape::shape(sources, &schema::read(sources, schema, place)?, place)?;
    match &frame.kind {
        Kind::Object(object) if object.field("type").is_some_and(|field| field.required) => {}
        _ => return Err(place.refuse("its frame is no object with a type")),
    }
    frame.definition = None;
    frame.narrowed = false;
    Ok(frame)
}

/// A frame of dialect native: the envelope, or what it has for this type.
fn native_frame(sources: &Sources, name: &str, content: &str, requires: &[String]) -> Json {
    let envelope = FileName::Envelope.id();
    let known = sources.files.envelope.get("$defs").is_some_and(|definitions| definitions.get(name).is_some());
    let base = if known { format!("{envelope}#/$defs/{name}") } else { format!("{envelope}#/$defs/envelope") };
    object([
        ("$ref", text(&base)),
        ("required", list(requires.iter().map(String::as_str))),
        ("properties", object([("type", constant(name)), ("payload", object([("$ref", text(content))]))])),
    ])
}

/// A frame in which the content has a field of its own, and the envelope's other fields stand in `_tl`.
fn wrapped_frame(field: &str, name: &str, content: &str, needs: &[String]) -> Json {
    let wrapped: Vec<&str> = needs.iter().map(String::as_str).filter(|name| *name != "payload").collect();
    let mut required = vec!["type"];
    required.extend(needs.iter().any(|name| name == "payload").then_some(field));
    required.extend((!wrapped.is_empty()).then_some("_tl"));
    object([
        ("type", text("object")),
        ("required", list(required)),
        (
            "properties",
            object([
                ("type", constant(name)),
                (field, object([("$ref", text(content))])),
                ("_tl", object([("$ref", shared("wrapper")), ("required", list(wrapped))])),
            ]),
        ),
    ])
}

/// A frame in which the content's fields stand beside `type`.
fn spread_frame(dialect: Dialect, name: &str, content: &str, needs: &[String]) -> Json {
    let mut required = Vec::new();
    let mut wrapped = Vec::new();
    for name in needs.iter().map(String::as_str).filter(|name| *name != "payload") {
        match name {
            "id" if dialect == Dialect::Flat => required.push("message_id"),
            "ts" if dialect == Dialect::Flat => required.push("timestamp"),
            "session" if dialect == Dialect::Flat => required.push("session_id"),
            other => wrapped.push(other),
        }
    }
    let base = if dialect == Dialect::Flat { "flat_frame" } else { "open_frame" };
    let mut properties = vec![("type", constant(name))];
    if !wrapped.is_empty() {
        let inner = object([("required", list(wrapped))]);
        if dialect == Dialect::Flat {
            required.push("metadata");
            let outer = object([("_tl", inner)]);
            properties.push(("metadata", object([("required", list(["_tl"])), ("properties", outer)])));
        } else {
            required.push("_tl");
            properties.push(("_tl", inner));
        }
    }
    object([
        ("allOf", Json::Array(vec![object([("$ref", shared(base))]), object([("$ref", text(content))])])),
        ("required", list(required)),
        ("properties", object(properties)),
    ])
}

fn object<'n>(members: impl IntoIterator<Item = (&'n str, Json)>) -> Json {
    Json::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn text(text: &str) -> Json {
    Json::Text(text.to_owned())
}

fn list<'n>(names: impl IntoIterator<Item = &'n str>) -> Json {
    Json::Array(names.into_iter().map(text).collect())
}

fn constant(name: &str) -> Json {
    object([("const", text(name))])
}

fn shared(name: &str) -> Json {
    text(&format!("{}#/$defs/{name}", FileName::Shared.id()))
}
