//! The table that the SDK's check walks: the shapes of all frames, each distinct one once.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context as _;
use serde_json::{Value, json};
use trunkline_catalogue::Catalogue;
use trunkline_catalogue::model::{Array, Field, Kind, Literal, MessageType, Object, Rule};
use trunkline_protocol::Dialect;

use super::module::direction;

/// The text of the table: shapes, each of which refers to earlier ones by their place, and the types of each dialect.
pub(super) fn table(catalogue: &Catalogue) -> anyhow::Result<String> {
    let mut shapes = Shapes::default();
    let untyped = shapes.place(&untyped(catalogue)?);
    let mut dialects = Vec::new();
    for dialect in Dialect::ALL {
        let types = catalogue.types(dialect).iter().chain(catalogue.carried(dialect));
        let rows: Vec<String> = types.map(|message| row(&mut shapes, message)).collect();
        dialects.push(format!("    {}: {{\n{}\n    }}", json!(dialect.name()), rows.join(",\n")));
    }
    let about = "Generated from protocol/schema; change it there, then run `make schema`.";
    let shapes: Vec<String> = shapes.all.iter().map(|shape| format!("    {shape}")).collect();
    let mut text = format!("{{\n  \"about\": {},\n  \"shapes\": [\n{}\n  ],\n", json!(about), shapes.join(",\n"));
    writeln!(text, "  \"untyped\": {untyped},\n  \"types\": {{\n{}\n  }}\n}}", dialects.join(",\n"))?;
    Ok(text)
}

fn row(shapes: &mut Shapes, message: &MessageType) -> String {
    let frame = shapes.place(&message.frame.kind);
    let row = json!({ "frame": frame, "direction": direction(message), "local": message.local });
    format!("      {}: {row}", json!(message.name))
}

/// What a frame of a type that nobody knows must be: the part about `type` of what all frames of a dialect have.
fn untyped(catalogue: &Catalogue) -> anyhow::Result<Kind> {
    let frame = catalogue.definitions().iter().find(|definition| definition.name.name == "open_frame");
    let Some(Kind::Object(frame)) = frame.map(|definition| &definition.shape.kind) else {
        anyhow::bail!("open_frame is no object");
    };
    let field = frame.field("type").context("open_frame has no type")?.clone();
    let object = Object { fields: vec![field], others: None, fields_min: 0, fields_max: None, rules: vec![] };
    Ok(Kind::Object(object.into()))
}

/// Shapes as JSON, each once.
#[derive(Default)]
struct Shapes {
    all: Vec<String>,
    places: BTreeMap<String, usize>,
}

impl Shapes {
    /// The place of a shape, after those that it is made of.
    fn place(&mut self, kind: &Kind) -> usize {
        let shape = self.json(kind).to_string();
        if let Some(place) = self.places.get(&shape) {
            return *place;
        }
        self.all.push(shape.clone());
        self.places.insert(shape, self.all.len() - 1);
        self.all.len() - 1
    }

    fn json(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Any => json!({ "kind": "any" }),
            Kind::Nothing => json!({ "kind": "nothing" }),
            Kind::Null => json!({ "kind": "null" }),
            Kind::Boolean => json!({ "kind": "boolean" }),
            Kind::Integer(range) => json!({ "kind": "integer", "least": range.minimum, "most": range.maximum }),
            Kind::Number(range) => json!({ "kind": "number", "least": range.minimum, "most": range.maximum }),
            Kind::Text(rules) => json!({
                "kind": "text",
                "least": rules.characters_min,
                "most": rules.characters_max,
                "pattern": rules.pattern.as_ref().map(trunkline_catalogue::Pattern::source),
            }),
            Kind::Choice(values) => json!({ "kind": "choice", "values": values }),
            Kind::Literal(Literal::Text(value)) => json!({ "kind": "literal", "value": value }),
            Kind::Literal(Literal::Boolean(value)) => json!({ "kind": "literal", "value": value }),
            Kind::Array(array) => self.array(array),
            Kind::Object(object) => self.object(object),
            Kind::Union(kinds) => {
                let places: Vec<usize> = kinds.iter().map(|kind| self.place(kind)).collect();
                json!({ "kind": "union", "shapes": places })
            }
        }
    }

    fn array(&mut self, array: &Array) -> Value {
        let items = self.place(&array.items.kind);
        json!({ "kind": "array", "items": items, "least": array.items_min, "most": array.items_max })
    }

    fn object(&mut self, object: &Object) -> Value {
        let fields: Vec<Value> = object.fields.iter().map(|field| self.field(field)).collect();
        let mut shape = json!({ "kind": "object", "fields": fields });
        if let Some(others) = &object.others {
            shape["others"] = json!(self.place(&others.kind));
        }
        if object.fields_min > 0 || object.fields_max.is_some() {
            shape["least"] = json!(object.fields_min);
            shape["most"] = json!(object.fields_max);
        }
        if !object.rules.is_empty() {
            shape["rules"] = object.rules.iter().map(rule).collect();
        }
        shape
    }

    fn field(&mut self, field: &Field) -> Value {
        json!([field.name, self.place(&field.shape.kind), field.required])
    }
}

fn rule(rule: &Rule) -> Value {
    match rule {
        Rule::AtLeastOne(names) => json!({ "rule": "at_least_one", "names": names }),
        Rule::ExactlyOne(names) => json!({ "rule": "exactly_one", "names": names }),
        Rule::When { field, is, then, otherwise } => {
            let is = match is {
                Literal::Text(text) => json!(text),
                Literal::Boolean(value) => json!(value),
            };
            json!({ "rule": "when", "field": field, "is": is, "then": then, "otherwise": otherwise })
        }
    }
}
