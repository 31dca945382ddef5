//! From the catalogue's shapes to classes, in the order in which Python needs them.
//!
//! An object with named fields becomes a class. A class is based on the definition that its shape comes from, or on the class
//! of the field that it takes the place of, and has those fields only in which it differs; so its values are values of its base.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};
use trunkline_catalogue::Catalogue;
use trunkline_catalogue::model::{
    DefinitionFile, DefinitionName, Field, Kind, Literal, MessageType, Object, Place, Rule, Shape,
};
use trunkline_protocol::Dialect;

use super::module::{Attribute, Class, Entry, Frame, Item, Module, Presence, Type, documentation, facts};
use super::text::{attribute_name, class_name};

/// What the dialects have in common.
pub(super) fn shared(catalogue: &Catalogue) -> anyhow::Result<Module> {
    let mut builder = Builder::new(catalogue, "");
    for definition in catalogue.definitions() {
        builder.define(&definition.name)?;
    }
    let sources = "protocol/schema/{envelope,messages/shared}.schema.json".to_owned();
    Ok(Module { name: "shared", sources, items: builder.items, types: Vec::new() })
}

/// The types of a dialect.
pub(super) fn dialect(catalogue: &Catalogue, dialect: Dialect) -> anyhow::Result<Module> {
    let mut builder = Builder::new(catalogue, "shared.");
    let envelope = builder.envelope(catalogue.types(dialect))?;
    let mut types = Vec::new();
    for message in catalogue.types(dialect) {
        let entry = builder.message(message, envelope.as_ref());
        types.push(entry.with_context(|| format!("{} in {}", message.name, dialect.name()))?);
    }
    let sources = format!("protocol/schema/messages/{}.schema.json", dialect.name());
    Ok(Module { name: dialect.name(), sources, items: builder.items, types })
}

struct Builder<'c> {
    definitions: BTreeMap<&'c DefinitionName, &'c Shape>,
    /// Those of them that stand in this module already.
    defined: BTreeSet<DefinitionName>,
    /// What stands before the name of a shared definition.
    prefix: &'static str,
    items: Vec<Item>,
}

/// A class that another one is based on, and the object that it is for.
struct Base {
    name: String,
    object: Object,
}

/// What is known of a class before its fields are looked at.
struct Outline {
    name: String,
    documentation: Vec<String>,
    base: Option<Base>,
    frame: Option<Frame>,
}

impl<'c> Builder<'c> {
    fn new(catalogue: &'c Catalogue, prefix: &'static str) -> Self {
        let definitions = catalogue.definitions().iter().map(|known| (&known.name, &known.shape)).collect();
        Self { definitions, defined: BTreeSet::new(), prefix, items: Vec::new() }
    }

    /// The name of a definition, as this module says it. Where both files have it, the envelope's says so.
    fn definition_name(&self, known: &DefinitionName) -> String {
        let other = DefinitionName { file: DefinitionFile::Shared, name: known.name.clone() };
        let is_second = known.file == DefinitionFile::Envelope && self.definitions.contains_key(&other);
        format!("{}{}{}", self.prefix, if is_second { "Envelope" } else { "" }, class_name(&known.name))
    }

    /// Defines a shared definition, after those that it is made of.
    fn define(&mut self, known: &DefinitionName) -> anyhow::Result<()> {
        let name = self.definition_name(known);
        if !self.defined.insert(known.clone()) {
            return Ok(());
        }
        let shape = *self.definitions.get(known).with_context(|| format!("{name} is not defined"))?;
        let documentation = documentation(shape).unwrap_or_else(|| format!("What stands in `{}`.", known.name));
        if let Some(object) = named_fields(&shape.kind) {
            let frame = object.field("type").is_some_and(|field| field.required).then_some(Frame::Base);
            self.class(Outline { name, documentation: vec![documentation], base: None, frame }, object)
        } else {
            let is = self.kind(&shape.kind, &name)?;
            self.items.push(Item::Alias { name, documentation, is });
            Ok(())
        }
    }

    /// Defines what the frames of these types have beside their content, each field as most of them have it.
    fn envelope(&mut self, types: &[MessageType]) -> anyhow::Result<Option<Base>> {
        let wrapped = types.iter().filter(|message| message.place != Place::Frame);
        let frames = wrapped.map(beside_content).collect::<anyhow::Result<Vec<_>>>()?;
        let Some(first) = frames.first() else { return Ok(None) };
        let mut fields = Vec::new();
        for field in &first.fields {
            let all: Option<Vec<&Field>> = frames.iter().map(|frame| frame.field(&field.name)).collect();
            let Some(all) = all else { continue };
            let same = |one: &&Field| all.iter().filter(|other| **other == *one).count();
            fields.extend(all.iter().copied().max_by_key(same).cloned());
        }
        let object = Object { fields, ..first.clone() };
        let outline = Outline {
            name: "Envelope".to_owned(),
            documentation: vec!["What stands beside the content of every message.".to_owned()],
            base: None,
            frame: Some(Frame::Base),
        };
        self.class(outline, &object)?;
        Ok(Some(Base { name: "Envelope".to_owned(), object }))
    }

    fn message(&mut self, message: &MessageType, envelope: Option<&Base>) -> anyhow::Result<Entry> {
        let name = class_name(&message.name);
        let frame = Some(Frame::Type(message.name.clone()));
        let documentation = vec![message.description.clone(), facts(message)];
        if message.place == Place::Frame {
            let base = self.base(&message.content);
            let object = named_fields(&message.frame.kind).context("its frame is no object")?;
            self.class(Outline { name: name.clone(), documentation, base, frame }, object)?;
            return Ok(Entry::new(message, Type::Named(name.clone()), name));
        }
        let content = self.content(&name, message, &documentation)?;
        let outline = Outline {
            name: format!("{name}Frame"),
            documentation: vec![format!("`{}` on the wire.", message.name)],
            base: envelope.map(|known| Base { name: known.name.clone(), object: known.object.clone() }),
            frame,
        };
        let frame = self.frame(outline, message, content.clone())?;
        Ok(Entry::new(message, content, frame))
    }

    /// What stands in `payload` or `data`: a class where it is, or may be, an object with named fields.
    fn content(&mut self, name: &str, message: &MessageType, documentation: &[String]) -> anyhow::Result<Type> {
        let kinds = match &message.content.kind {
            Kind::Union(kinds) => kinds.as_slice(),
            kind => std::slice::from_ref(kind),
        };
        let mut types = Vec::new();
        for kind in kinds {
            let Some(object) = named_fields(kind) else {
                types.push(self.kind(kind, name)?);
                continue;
            };
            let base = self.base(&message.content);
            let documentation = documentation.to_vec();
            self.class(Outline { name: name.to_owned(), documentation, base, frame: None }, object)?;
            types.push(Type::Named(name.to_owned()));
        }
        if types.len() > 1 {
            return Ok(Type::Union(types));
        }
        types.pop().context("its content is nothing")
    }

    /// Defines a frame whose content has a field of its own.
    fn frame(&mut self, outline: Outline, message: &MessageType, content: Type) -> anyhow::Result<String> {
        let Kind::Object(frame) = &message.frame.kind else { bail!("its frame is no object") };
        let wire = content_name(message);
        let field = frame.field(wire).context("its frame has no content")?;
        ensure!(field.shape.kind == message.content.kind, "its frame narrows its content");
        let name = outline.name.clone();
        self.class(outline, &beside_content(message)?)?;
        if let Some(Item::Class(class)) = self.items.last_mut() {
            let (name, wire) = (attribute_name(wire), wire.to_owned());
            let presence = presence(field, None);
            let attribute = Attribute { name, wire, presence, is: content, documentation: None };
            class.attributes.insert(0, attribute);
        }
        Ok(name)
    }

    /// The class that a shape's class is based on: that of its definition.
    fn base(&self, shape: &Shape) -> Option<Base> {
        let known = shape.definition.as_ref()?;
        let object = named_fields(&self.definitions.get(known)?.kind)?.clone();
        Some(Base { name: self.definition_name(known), object })
    }

    /// Defines a class, after the classes that it is made of.
    fn class(&mut self, outline: Outline, object: &Object) -> anyhow::Result<()> {
        let Outline { name, documentation, base, frame } = outline;
        ensure!(
            object.others.is_none() && object.fields_min == 0 && object.fields_max.is_none(),
            "{name} has named fields and rules for others, which is not covered"
        );
        let inherited: &[Rule] = base.as_ref().map_or(&[], |base| &base.object.rules);
        let rules = object.rules.iter().filter(|rule| !inherited.contains(rule)).map(in_python).collect();
        let has_inherited_rules = !inherited.is_empty();
        let attributes = self.attributes(&name, object, base.as_ref(), frame.is_some())?;
        let base = base.map(|base| base.name);
        self.items.push(Item::Class(Class {
            name,
            base,
            frame,
            documentation,
            attributes,
            rules,
            has_inherited_rules,
        }));
        Ok(())
    }

    /// The attributes of a class `owner` for the fields that are not inherited as they are.
    fn attributes(
        &mut self,
        owner: &str,
        object: &Object,
        base: Option<&Base>,
        is_frame: bool,
    ) -> anyhow::Result<Vec<Attribute>> {
        let inherited = base.map_or(&[][..], |base| &base.object.fields);
        ensure!(inherited.iter().all(|field| object.field(&field.name).is_some()), "{owner} lacks a field of its base");
        let mut attributes: Vec<Attribute> = Vec::new();
        // What tells the types apart is no attribute.
        for field in object.fields.iter().filter(|field| !(is_frame && field.name == "type")) {
            let known = inherited.iter().find(|known| known.name == field.name);
            if known == Some(field) {
                continue;
            }
            let name = attribute_name(&field.name);
            ensure!(attributes.iter().all(|known| known.name != name), "{owner} has {name} twice");
            let replaced = base.zip(known).and_then(|(base, known)| {
                let has_own_class = known.shape.definition.is_none() || known.shape.narrowed;
                let object = named_fields(&known.shape.kind).filter(|_| has_own_class)?.clone();
                Some(Base { name: format!("{}{}", base.name, class_name(&known.name)), object })
            });
            attributes.push(Attribute {
                is: self.shape(&field.shape, owner, &field.name, replaced)?,
                documentation: self.own_documentation(&field.shape),
                name,
                wire: field.name.clone(),
                presence: presence(field, known),
            });
        }
        Ok(attributes)
    }

    /// What a field means, unless its definition says the same.
    fn own_documentation(&self, shape: &Shape) -> Option<String> {
        let defined = shape.definition.as_ref().and_then(|known| self.definitions.get(known));
        let is_own = defined.is_none_or(|known| known.description != shape.description || shape.narrowed);
        documentation(shape).filter(|_| is_own)
    }

    /// What a value is that stands in the field `wire` of `owner`, where it replaces another.
    fn shape(&mut self, shape: &Shape, owner: &str, wire: &str, replaced: Option<Base>) -> anyhow::Result<Type> {
        if let Some(known) = shape.definition.as_ref().filter(|_| !shape.narrowed) {
            if self.prefix.is_empty() {
                self.define(known)?;
            }
            return Ok(Type::Named(self.definition_name(known)));
        }
        let name = format!("{owner}{}", class_name(wire));
        let Some(object) = named_fields(&shape.kind) else { return self.kind(&shape.kind, &name) };
        let documentation = documentation(shape).unwrap_or_else(|| format!("What stands in `{wire}`."));
        let base = replaced.or_else(|| self.base(shape));
        self.class(Outline { name: name.clone(), documentation: vec![documentation], base, frame: None }, object)?;
        Ok(Type::Named(name))
    }

    /// What a value is; `name` begins the names of classes that it needs.
    fn kind(&mut self, kind: &Kind, name: &str) -> anyhow::Result<Type> {
        Ok(match kind {
            Kind::Any => Type::Any,
            Kind::Nothing => Type::Nothing,
            Kind::Null => Type::Null,
            Kind::Boolean => Type::Boolean,
            Kind::Integer(range) => Type::Integer(*range),
            Kind::Number(range) => Type::Number(*range),
            Kind::Text(rules) => Type::Text(rules.clone()),
            Kind::Choice(values) => Type::Choice(values.clone()),
            Kind::Literal(Literal::Text(value)) => Type::Choice(vec![value.clone()]),
            Kind::Literal(Literal::Boolean(value)) => Type::Exactly(*value),
            Kind::Array(array) => Type::List {
                items: Box::new(self.shape(&array.items, name, "item", None)?),
                least: array.items_min,
                most: array.items_max,
            },
            Kind::Object(object) => {
                ensure!(
                    object.fields.is_empty() && object.rules.is_empty(),
                    "{name} has fields where none are covered"
                );
                let values = object.others.as_ref().map(|others| self.shape(others, name, "value", None));
                Type::Map {
                    values: Box::new(values.transpose()?.unwrap_or(Type::Any)),
                    least: object.fields_min,
                    most: object.fields_max,
                }
            }
            Kind::Union(kinds) => {
                Type::Union(kinds.iter().map(|kind| self.kind(kind, name)).collect::<anyhow::Result<_>>()?)
            }
        })
    }
}

/// The object that a class is made for: one with named fields.
fn named_fields(kind: &Kind) -> Option<&Object> {
    match kind {
        Kind::Object(object) if !object.fields.is_empty() => Some(object),
        _ => None,
    }
}

fn presence(field: &Field, inherited: Option<&Field>) -> Presence {
    match inherited {
        _ if !field.required => Presence::Optional,
        Some(inherited) if !inherited.required => Presence::MadeRequired,
        _ => Presence::Required,
    }
}

/// A frame without its content and its type.
fn beside_content(message: &MessageType) -> anyhow::Result<Object> {
    let Kind::Object(frame) = &message.frame.kind else { bail!("{}: its frame is no object", message.name) };
    let content = content_name(message);
    let fields = frame.fields.iter().filter(|field| field.name != content && field.name != "type").cloned().collect();
    Ok(Object { fields, ..(**frame).clone() })
}

fn content_name(message: &MessageType) -> &'static str {
    if message.place == Place::Data { "data" } else { "payload" }
}

/// A rule whose fields have the names that they have in Python.
fn in_python(rule: &Rule) -> Rule {
    let all = |names: &[String]| names.iter().map(|name| attribute_name(name)).collect();
    match rule {
        Rule::AtLeastOne(names) => Rule::AtLeastOne(all(names)),
        Rule::ExactlyOne(names) => Rule::ExactlyOne(all(names)),
        Rule::When { field, is, then, otherwise } => {
            Rule::When { field: attribute_name(field), is: is.clone(), then: all(then), otherwise: all(otherwise) }
        }
    }
}
