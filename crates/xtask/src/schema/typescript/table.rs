//! The table of one dialect: its shapes, each once, and its types.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use trunkline_catalogue::Catalogue;
use trunkline_catalogue::model::{Direction, Field, Kind, Literal, MessageType, Object, Rule};
use trunkline_protocol::Dialect;

use super::pascal;

/// The text of a dialect's table, in the form that `check.ts` reads: a shape refers to earlier ones by their place.
pub(super) fn dialect(catalogue: &Catalogue, dialect: Dialect) -> String {
    let mut shapes = Shapes::default();
    for name in ["wrapper", "envelope", "flat_frame", "open_frame"] {
        let used = match dialect {
            Dialect::Native => name == "envelope",
            Dialect::Payload | Dialect::Data => name == "wrapper",
            Dialect::Flat => name == "wrapper" || name == "flat_frame",
            Dialect::Open => name == "wrapper" || name == "open_frame",
        };
        let found = catalogue.definitions().iter().find(|definition| used && definition.name.name == name);
        if let Some(Kind::Object(object)) = found.map(|definition| &definition.shape.kind) {
            let place = shapes.place(&Kind::Object(Arc::clone(object)));
            shapes.bases.push((place, Arc::clone(object)));
        }
    }
    let untyped = shapes.place(catalogue.untyped());
    let types = catalogue.types(dialect).iter().chain(catalogue.carried(dialect));
    let rows: Vec<String> = types.map(|message| row(&mut shapes, message)).collect();
    let name = dialect.name();
    let message = format!("{}Message", pascal(name));
    let mut text = format!(
        "import type {{ DialectTable }} from \"../table.ts\";\nimport type {{ {message} }} from \"./{name}.ts\";\n\n\
         /** Dialect {name}, for `checkMessage`. */\n\
         export const {name}: DialectTable<{message}> = {{\n  dialect: \"{name}\",\n  untyped: {untyped},\n  shapes: [\n"
    );
    for shape in &shapes.all {
        let _infallible = writeln!(text, "    {shape},");
    }
    let _infallible = write!(text, "  ],\n  types: {{\n{}  }},\n}};\n", rows.concat());
    text
}

fn row(shapes: &mut Shapes, message: &MessageType) -> String {
    let frame = shapes.place(&message.frame.kind);
    let sender = match message.direction {
        _ if message.local => "local",
        Direction::Both => "both",
        Direction::ToClient => "gateway",
        Direction::ToGateway => "client",
    };
    format!("    {}: [{frame}, {}],\n", json!(message.name), json!(sender))
}

/// Shapes as JSON, each once.
#[derive(Default)]
struct Shapes {
    /// Objects that many others have the fields of.
    bases: Vec<(usize, Arc<Object>)>,
    all: Vec<String>,
    places: BTreeMap<String, usize>,
}

impl Shapes {
    /// The place of a shape, after those that it is made of.
    fn place(&mut self, kind: &Kind) -> usize {
        let shape = self.shape(kind).to_string();
        if let Some(place) = self.places.get(&shape) {
            return *place;
        }
        self.all.push(shape.clone());
        self.places.insert(shape, self.all.len() - 1);
        self.all.len() - 1
    }

    fn shape(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Any => json!(["any"]),
            Kind::Nothing => json!(["nothing"]),
            Kind::Null => json!(["null"]),
            Kind::Boolean => json!(["boolean"]),
            Kind::Integer(range) => json!(["integer", range.minimum, range.maximum]),
            Kind::Number(range) => trimmed(json!(["number", range.minimum.map(number), range.maximum.map(number)]), 1),
            Kind::Text(rules) => {
                let pattern = rules.pattern.as_ref().map(trunkline_catalogue::Pattern::source);
                trimmed(json!(["string", least(rules.characters_min), rules.characters_max, pattern]), 1)
            }
            Kind::Choice(values) => json!(["choice", values]),
            Kind::Literal(literal) => json!(["literal", value_of(literal)]),
            Kind::Array(array) => {
                trimmed(json!(["array", self.place(&array.items.kind), least(array.items_min), array.items_max]), 2)
            }
            Kind::Object(object) => self.object(object),
            Kind::Union(kinds) => {
                let places: Vec<usize> = kinds.iter().map(|kind| self.place(kind)).collect();
                json!(["union", places])
            }
        }
    }

    fn object(&mut self, object: &Object) -> Value {
        let base = self.bases.iter().find(|(_, base)| is_on(object, base)).cloned();
        if let Some((place, base)) = base {
            return self.object_on(object, place, &base);
        }
        let (names, places) = self.fields(object.fields.iter());
        let required: Vec<usize> =
            object.fields.iter().enumerate().filter(|(_, field)| field.required).map(|(place, _)| place).collect();
        let rules: Vec<Value> = object.rules.iter().map(rule).collect();
        let others = object.others.as_ref().map(|others| self.place(&others.kind));
        trimmed(
            json!(["object", names, places, required, rules, others, least(object.fields_min), object.fields_max]),
            4,
        )
    }

    /// An object by what it has beyond another one.
    fn object_on(&mut self, object: &Object, place: usize, base: &Object) -> Value {
        let own = |field: &&Field| base.field(&field.name).is_none_or(|known| known.shape.kind != field.shape.kind);
        let (names, places) = self.fields(object.fields.iter().filter(own));
        let is_new = |field: &&Field| field.required && base.field(&field.name).is_none_or(|known| !known.required);
        let required: Vec<&str> = object.fields.iter().filter(is_new).map(|field| field.name.as_str()).collect();
        let rules: Vec<Value> = object.rules.iter().skip(base.rules.len()).map(rule).collect();
        trimmed(json!(["on", place, names, places, required, rules]), 5)
    }

    fn fields<'f>(&mut self, fields: impl Iterator<Item = &'f Field>) -> (Vec<&'f str>, Vec<usize>) {
        fields.map(|field| (field.name.as_str(), self.place(&field.shape.kind))).unzip()
    }
}

/// Whether an object has all that a base has, first and in its order, and is not that base.
fn is_on(object: &Object, base: &Object) -> bool {
    let same_names = object.fields.iter().zip(&base.fields).all(|(field, known)| field.name == known.name);
    let keeps = object.fields.iter().zip(&base.fields).all(|(field, known)| field.required || !known.required);
    let rest = |object: &Object| (object.others.clone(), object.fields_min, object.fields_max);
    object != base
        && object.fields.len() >= base.fields.len()
        && same_names
        && keeps
        && rest(object) == rest(base)
        && object.rules.starts_with(&base.rules)
}

/// A least number of something, if it is more than none.
fn least(count: u64) -> Option<u64> {
    (count > 0).then_some(count)
}

/// A list without the trailing elements that say nothing, null and []; the first `kept` stay.
fn trimmed(list: Value, kept: usize) -> Value {
    let Value::Array(mut elements) = list else { return list };
    while elements.len() > kept && elements.last().is_some_and(|last| last.is_null() || *last == json!([])) {
        elements.pop();
    }
    Value::Array(elements)
}

/// A bound; whole ones without a point.
fn number(bound: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole, and small enough")]
    if bound.fract() == 0.0 && bound.abs() < 1e15 { json!(bound as i64) } else { json!(bound) }
}

fn rule(rule: &Rule) -> Value {
    match rule {
        Rule::AtLeastOne(names) => json!(["at least one", names]),
        Rule::ExactlyOne(names) => json!(["exactly one", names]),
        Rule::When { field, is, then, otherwise } => json!(["when", field, value_of(is), then, otherwise]),
    }
}

fn value_of(literal: &Literal) -> Value {
    match literal {
        Literal::Text(text) => json!(text),
        Literal::Boolean(value) => json!(value),
    }
}
