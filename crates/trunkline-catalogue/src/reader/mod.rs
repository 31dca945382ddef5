//! From the files to the model.
//!
//! The files say more than one way what one shape is: references beside other keywords, `allOf`, definitions that narrow
//! others. `schema` reads one schema into a normal form, `meet` joins two of them, `shape` writes the model's words for
//! it, and `message` puts the frames together. What the model cannot say is a [`Refusal`] that names its place.

mod meet;
mod message;
mod schema;
mod shape;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use schema::{FileName, Node, Place};
use trunkline_protocol::Dialect;

use crate::json::Json;
use crate::model::{
    Array, Catalogue, Definition, DefinitionFile, DefinitionName, Kind, MessageType, Object, Shape, Types,
};

/// The files of `protocol/schema`.
#[derive(Clone, Copy, Debug)]
pub struct Files<T> {
    /// `envelope.schema.json`.
    pub envelope: T,
    /// `messages/shared.schema.json`.
    pub shared: T,
    /// `messages/<dialect>.schema.json`, in the order of [`Dialect::ALL`].
    pub messages: [T; 5],
}

impl<T> Files<T> {
    fn get(&self, file: FileName) -> &T {
        match file {
            FileName::Envelope => &self.envelope,
            FileName::Shared => &self.shared,
            FileName::Messages(dialect) => &self.messages[crate::model::index(dialect)],
        }
    }
}

/// The parsed files, what was read of them by reference so far, and the shapes of nodes that stand in several places.
struct Sources {
    files: Files<Json>,
    known: RefCell<BTreeMap<String, Node>>,
    shapes: RefCell<BTreeMap<*const Node, (Rc<Node>, Shape)>>,
}

/// The files that this program was built with.
pub const EMBEDDED: Files<&str> = Files {
    envelope: include_str!("../../../../protocol/schema/envelope.schema.json"),
    shared: include_str!("../../../../protocol/schema/messages/shared.schema.json"),
    messages: [
        include_str!("../../../../protocol/schema/messages/native.schema.json"),
        include_str!("../../../../protocol/schema/messages/payload.schema.json"),
        include_str!("../../../../protocol/schema/messages/data.schema.json"),
        include_str!("../../../../protocol/schema/messages/flat.schema.json"),
        include_str!("../../../../protocol/schema/messages/open.schema.json"),
    ],
};

/// The files say something that the model cannot, or that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Refusal {
    /// Where, such as `messages/flat.schema.json#/$defs/ping/properties/timestamp`.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

/// Reads the files.
pub fn read(files: &Files<&str>) -> Result<Catalogue, Refusal> {
    let parsed = Sources { files: parse(files)?, known: RefCell::default(), shapes: RefCell::default() };
    let native = message::types(&parsed, Dialect::Native)?;
    let mut dialects: [Types; 5] = Default::default();
    for (slot, dialect) in dialects.iter_mut().zip(Dialect::ALL).skip(1) {
        let own = message::types(&parsed, dialect)?;
        let carried = message::carried(&parsed, &native, &own, dialect)?;
        *slot = Types::new(own, carried);
    }
    dialects[crate::model::index(Dialect::Native)] = Types::new(native, Vec::new());
    let mut catalogue = Catalogue { dialects, definitions: Vec::new(), untyped: message::untyped(&parsed)? };
    catalogue.definitions = used_definitions(&parsed, &catalogue)?;
    Ok(catalogue)
}

fn parse(files: &Files<&str>) -> Result<Files<Json>, Refusal> {
    let parse = |file: FileName| {
        serde_json::from_str(files.get(file))
            .map_err(|error| Refusal { place: file.path(), what: format!("is no JSON: {error}") })
    };
    let mut messages = [const { Json::Null }; 5];
    for (slot, dialect) in messages.iter_mut().zip(Dialect::ALL) {
        *slot = parse(FileName::Messages(dialect))?;
    }
    let parsed = Files { envelope: parse(FileName::Envelope)?, shared: parse(FileName::Shared)?, messages };
    for file in FileName::all() {
        if parsed.get(file).get("$id").and_then(Json::as_text) != Some(&file.id()) {
            return Err(Refusal { place: file.path(), what: format!("$id is not {}", file.id()) });
        }
    }
    Ok(parsed)
}

/// The definitions of a file, in its order.
fn definitions(sources: &Sources, file: FileName) -> Result<&[(String, Json)], Refusal> {
    sources
        .files
        .get(file)
        .get("$defs")
        .and_then(Json::as_object)
        .ok_or_else(|| Refusal { place: file.path(), what: "has no $defs".to_owned() })
}

/// The shared definitions that are named somewhere in the catalogue.
fn used_definitions(sources: &Sources, catalogue: &Catalogue) -> Result<Vec<Definition>, Refusal> {
    let mut used: Vec<DefinitionName> = Dialect::ALL.into_iter().filter_map(crate::model::base_name).collect();
    for message in Dialect::ALL.iter().flat_map(|dialect| catalogue.types(*dialect)) {
        names_in(&message.frame, &mut used);
        names_in(&message.content, &mut used);
    }
    let mut all = Vec::new();
    for (file, name) in [(DefinitionFile::Envelope, FileName::Envelope), (DefinitionFile::Shared, FileName::Shared)] {
        for (definition, schema) in definitions(sources, name)? {
            let place = Place::definition(name, definition);
            let shape = shape::shape(sources, &schema::read(sources, schema, &place)?, &place)?;
            all.push(Definition { name: DefinitionName { file, name: definition.clone() }, shape });
        }
    }
    // Definitions are made of definitions: theirs are looked for until no new one is found.
    let mut seen = 0;
    while seen < used.len() {
        let found = all.iter().find(|definition| definition.name == used[seen]);
        if let Some(definition) = found {
            names_in(&definition.shape, &mut used);
        }
        seen += 1;
    }
    Ok(all.into_iter().filter(|definition| used.contains(&definition.name)).collect())
}

fn names_in(shape: &Shape, found: &mut Vec<DefinitionName>) {
    if let Some(name) = shape.definition.as_ref().filter(|name| !found.contains(name)) {
        found.push(name.clone());
    }
    names_in_kind(&shape.kind, found);
}

fn names_in_kind(kind: &Kind, found: &mut Vec<DefinitionName>) {
    match kind {
        Kind::Array(array) => {
            let Array { items, .. } = &**array;
            names_in(items, found);
        }
        Kind::Object(object) => {
            let Object { fields, others, .. } = &**object;
            fields.iter().map(|field| &field.shape).chain(others).for_each(|shape| names_in(shape, found));
        }
        Kind::Union(kinds) => kinds.iter().for_each(|kind| names_in_kind(kind, found)),
        _ => {}
    }
}

/// The type of this name among some.
fn named<'m>(types: &'m [MessageType], name: &str) -> Option<&'m MessageType> {
    types.iter().find(|message| message.name == name)
}

#[cfg(test)]
mod tests;
