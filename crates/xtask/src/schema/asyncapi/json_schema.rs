//! From the model to JSON Schema, draft 7, which AsyncAPI's schemas are made of.
//!
//! Nothing may stand beside `$ref` there, so what narrows a definition stands in `allOf` with it.

use trunkline_catalogue::model::{
    Array, Definition, DefinitionFile, DefinitionName, Field, IntegerRange, Kind, Literal, MessageType, NumberRange,
    Object, Rule, Shape, Text,
};
use trunkline_catalogue::{Catalogue, Json};

use super::super::words;
use super::{object, text};

/// The shared definitions, which schemas refer to.
pub(super) struct Schemas<'c> {
    catalogue: &'c Catalogue,
}

impl<'c> Schemas<'c> {
    pub(super) fn new(catalogue: &'c Catalogue) -> Self {
        Self { catalogue }
    }

    /// Every definition, by the name that references have.
    pub(super) fn definitions(&self) -> Json {
        let definition = |definition: &Definition| {
            let bare = Shape { definition: None, ..definition.shape.clone() };
            (self.key(&definition.name), self.shape(&bare))
        };
        Json::Object(self.catalogue.definitions().iter().map(definition).collect())
    }

    /// A message's whole frame.
    pub(super) fn frame(&self, message: &MessageType) -> Json {
        let base = self.catalogue.frame_base(message.dialect);
        match (base, &message.frame.kind) {
            (Some(base), Kind::Object(object)) => self.narrowed(base, object),
            _ => self.shape(&message.frame),
        }
    }

    fn find(&self, name: &DefinitionName) -> Option<&'c Definition> {
        self.catalogue.definitions().iter().find(|definition| definition.name == *name)
    }

    /// The name of a definition: both files have some of the same name.
    fn key(&self, name: &DefinitionName) -> String {
        let same = self.catalogue.definitions().iter().filter(|other| other.name.name == name.name).count();
        match name.file {
            DefinitionFile::Envelope if same > 1 => format!("envelope_{}", name.name),
            _ => name.name.clone(),
        }
    }

    fn reference(&self, name: &DefinitionName) -> Json {
        object([("$ref", text(&format!("#/components/schemas/{}", self.key(name))))])
    }

    fn shape(&self, shape: &Shape) -> Json {
        let definition = shape.definition.as_ref().and_then(|name| self.find(name));
        let mut members = Vec::new();
        let words = shape
            .description
            .as_ref()
            .filter(|words| definition.is_none_or(|definition| definition.shape.description.as_ref() != Some(*words)));
        members.extend(words.map(|words| ("description", text(words))));
        let unit = words::unit(shape);
        if !unit.is_empty() && definition.is_none_or(|definition| definition.shape.unit != shape.unit) {
            members.push(("x-unit", text(unit)));
        }
        match (definition, &shape.kind) {
            (Some(definition), _) if !shape.narrowed => {
                let reference = self.reference(&definition.name);
                if members.is_empty() {
                    return reference;
                }
                members.push(("allOf", Json::Array(vec![reference])));
            }
            (Some(definition), Kind::Object(rules)) => {
                let Json::Object(narrowed) = self.narrowed(definition, rules) else { return Json::Null };
                return object(
                    members.into_iter().chain(narrowed.iter().map(|(name, value)| (name.as_str(), value.clone()))),
                );
            }
            (_, kind) => members.extend(self.kind(kind)),
        }
        if members.is_empty() { Json::Boolean(true) } else { object(members) }
    }

    /// A definition, and what an object asks for beyond it.
    fn narrowed(&self, base: &Definition, rules: &Object) -> Json {
        let Kind::Object(known) = &base.shape.kind else { return self.reference(&base.name) };
        let own = Object {
            fields: rules.fields.iter().filter(|field| known.field(&field.name) != Some(field)).cloned().collect(),
            rules: rules.rules.iter().filter(|rule| !known.rules.contains(rule)).cloned().collect(),
            ..rules.clone()
        };
        object([("allOf", Json::Array(vec![self.reference(&base.name), object(self.object(&own))]))])
    }

    fn kind(&self, kind: &Kind) -> Vec<(&'static str, Json)> {
        match kind {
            Kind::Any => Vec::new(),
            Kind::Nothing => vec![("not", Json::Object(Vec::new()))],
            Kind::Null => vec![("type", text("null"))],
            Kind::Boolean => vec![("type", text("boolean"))],
            Kind::Integer(IntegerRange { minimum, maximum }) => {
                let bound = |bound: i64| Json::Number(bound.into());
                vec![("type", text("integer")), ("minimum", bound(*minimum)), ("maximum", bound(*maximum))]
            }
            Kind::Number(NumberRange { minimum, maximum }) => {
                let mut members = vec![("type", text("number"))];
                members.extend(minimum.and_then(number).map(|bound| ("minimum", bound)));
                members.extend(maximum.and_then(number).map(|bound| ("maximum", bound)));
                members
            }
            Kind::Text(rules) => string(rules),
            Kind::Choice(values) => {
                vec![("type", text("string")), ("enum", Json::Array(values.iter().map(|value| text(value)).collect()))]
            }
            Kind::Literal(Literal::Text(value)) => vec![("const", text(value))],
            Kind::Literal(Literal::Boolean(value)) => vec![("const", Json::Boolean(*value))],
            Kind::Array(array) => self.array(array),
            Kind::Object(rules) => self.object(rules),
            Kind::Union(kinds) => {
                let alternatives = kinds.iter().map(|kind| object(self.kind(kind))).collect();
                vec![("anyOf", Json::Array(alternatives))]
            }
        }
    }

    fn array(&self, array: &Array) -> Vec<(&'static str, Json)> {
        let mut members = vec![("type", text("array"))];
        members.extend((array.items.kind != Kind::Any).then(|| ("items", self.shape(&array.items))));
        members.extend((array.items_min > 0).then(|| ("minItems", count(array.items_min))));
        members.extend(array.items_max.map(|most| ("maxItems", count(most))));
        members
    }

    fn object(&self, rules: &Object) -> Vec<(&'static str, Json)> {
        let mut members = vec![("type", text("object"))];
        let required: Vec<Json> =
            rules.fields.iter().filter(|field| field.required).map(|field| text(&field.name)).collect();
        members.extend((!required.is_empty()).then_some(("required", Json::Array(required))));
        if !rules.fields.is_empty() {
            let field = |field: &Field| (field.name.clone(), self.shape(&field.shape));
            members.push(("properties", Json::Object(rules.fields.iter().map(field).collect())));
        }
        members.extend(rules.others.as_ref().map(|others| ("additionalProperties", self.shape(others))));
        members.extend((rules.fields_min > 0).then(|| ("minProperties", count(rules.fields_min))));
        members.extend(rules.fields_max.map(|most| ("maxProperties", count(most))));
        match rules.rules.as_slice() {
            [] => {}
            [only] => members.extend(rule(only)),
            several => {
                members.push(("allOf", Json::Array(several.iter().map(|one| object(rule(one))).collect())));
            }
        }
        members
    }
}

fn string(rules: &Text) -> Vec<(&'static str, Json)> {
    let mut members = vec![("type", text("string"))];
    members.extend((rules.characters_min > 0).then(|| ("minLength", count(rules.characters_min))));
    members.extend(rules.characters_max.map(|most| ("maxLength", count(most))));
    members.extend(rules.pattern.as_ref().map(|pattern| ("pattern", text(pattern.source()))));
    members.extend(rules.format.as_ref().map(|format| ("format", text(format))));
    members
}

fn rule(rule: &Rule) -> Vec<(&'static str, Json)> {
    let required =
        |names: &[String]| object([("required", Json::Array(names.iter().map(|name| text(name)).collect()))]);
    let each = |names: &[String]| Json::Array(names.iter().map(|name| required(std::slice::from_ref(name))).collect());
    match rule {
        Rule::AtLeastOne(names) => vec![("anyOf", each(names))],
        Rule::ExactlyOne(names) => vec![("oneOf", each(names))],
        Rule::When { field, is, then, otherwise } => {
            let value = match is {
                Literal::Text(value) => text(value),
                Literal::Boolean(value) => Json::Boolean(*value),
            };
            let condition = object([("properties", object([(field.as_str(), object([("const", value)]))]))]);
            vec![("if", condition), ("then", required(then)), ("else", required(otherwise))]
        }
    }
}

fn count(count: u64) -> Json {
    Json::Number(count.into())
}

/// A bound; whole ones without a point.
fn number(bound: f64) -> Option<Json> {
    #[expect(clippy::cast_possible_truncation, reason = "whole, and small enough")]
    let whole = (bound.fract() == 0.0 && bound.abs() < 1e15).then(|| serde_json::Number::from(bound as i64));
    whole.or_else(|| serde_json::Number::from_f64(bound)).map(Json::Number)
}
