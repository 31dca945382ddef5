//! What a shape is called in TypeScript.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use trunkline_catalogue::Catalogue;
use trunkline_catalogue::model::{DefinitionName, Field, Kind, Literal, Object, Shape, Text};

use super::pascal;
use crate::schema::words;

/// Writes types, and remembers what they need.
pub(super) struct Kinds<'c> {
    catalogue: &'c Catalogue,
    /// The shared shapes that were named.
    pub(super) used: BTreeSet<String>,
    /// Enums without a definition, by name: a constant with the values, and a type.
    pub(super) enums: Vec<(String, Vec<String>)>,
}

impl<'c> Kinds<'c> {
    pub(super) fn new(catalogue: &'c Catalogue) -> Self {
        Self { catalogue, used: BTreeSet::new(), enums: Vec::new() }
    }

    /// The type of a shape. `name` is what an enum that is found there is called; what is broken is indented by `indent`.
    pub(super) fn shape(&mut self, shape: &Shape, name: &str, indent: usize) -> String {
        if let Some(definition) = shape.definition.as_ref().filter(|_| is_named(&shape.kind)) {
            let base = pascal(&definition.name);
            self.used.insert(base.clone());
            if !shape.narrowed {
                return base;
            }
            if let (Some(known), Kind::Object(object)) = (self.object_of(definition), &shape.kind) {
                let own: Vec<&Field> = own_fields(object, known).collect();
                return format!("{base} & {}", self.fields(&own, name, indent));
            }
            self.used.remove(&base);
        }
        self.kind(&shape.kind, name, indent)
    }

    fn object_of(&self, name: &DefinitionName) -> Option<&'c Object> {
        let definition = self.catalogue.definitions().iter().find(|definition| definition.name == *name)?;
        if let Kind::Object(object) = &definition.shape.kind { Some(object) } else { None }
    }

    pub(super) fn kind(&mut self, kind: &Kind, name: &str, indent: usize) -> String {
        match kind {
            Kind::Any => "unknown".to_owned(),
            Kind::Nothing => "never".to_owned(),
            Kind::Null => "null".to_owned(),
            Kind::Boolean => "boolean".to_owned(),
            Kind::Integer(_) | Kind::Number(_) => "number".to_owned(),
            Kind::Text(_) => "string".to_owned(),
            Kind::Choice(values) => self.choice(values, name),
            Kind::Literal(Literal::Text(text)) => serde_json::json!(text).to_string(),
            Kind::Literal(Literal::Boolean(value)) => value.to_string(),
            Kind::Array(array) => {
                let items = self.shape(&array.items, name, indent);
                if items.contains([' ', '&', '|']) && !items.starts_with('{') {
                    format!("({items})[]")
                } else {
                    format!("{items}[]")
                }
            }
            Kind::Object(object) => self.object(object, name, indent),
            Kind::Union(kinds) => {
                kinds.iter().map(|kind| self.kind(kind, name, indent)).collect::<Vec<_>>().join(" | ")
            }
        }
    }

    fn choice(&mut self, values: &[String], name: &str) -> String {
        let known = self.enums.iter().find(|(known, found)| known == name && found != values);
        // The same field may stand in several places; with other values it needs another name.
        let name = if known.is_some() { format!("{name}{}", self.enums.len()) } else { name.to_owned() };
        if !self.enums.iter().any(|(known, _)| *known == name) {
            self.enums.push((name.clone(), values.to_vec()));
        }
        name
    }

    fn object(&mut self, object: &Object, name: &str, indent: usize) -> String {
        if object.fields.is_empty() {
            let values = object.others.as_ref().map(|others| self.shape(others, name, indent));
            return format!("Record<string, {}>", values.unwrap_or_else(|| "unknown".to_owned()));
        }
        self.fields(&object.fields.iter().collect::<Vec<_>>(), name, indent)
    }

    /// Fields in braces.
    pub(super) fn fields(&mut self, fields: &[&Field], name: &str, indent: usize) -> String {
        let inner = " ".repeat(indent + 2);
        let mut text = String::from("{\n");
        for field in fields {
            let is_type = field.name == "type" && matches!(field.shape.kind, Kind::Literal(_));
            if let Some(words) = words_of(&field.shape).filter(|_| !is_type) {
                text.push_str(&comment(&words, indent + 2));
            }
            let mark = if field.required { "" } else { "?" };
            let kind = self.shape(&field.shape, &format!("{name}{}", pascal(&field.name)), indent + 2);
            let _infallible = writeln!(text, "{inner}{}{mark}: {kind};", quoted(&field.name));
        }
        text + &" ".repeat(indent) + "}"
    }
}

/// The fields that are not just as in a definition.
pub(super) fn own_fields<'o>(object: &'o Object, known: &'o Object) -> impl Iterator<Item = &'o Field> {
    object.fields.iter().filter(|field| known.field(&field.name) != Some(field))
}

/// Whether a definition of this kind has a type of its own: objects and enums have, other values are what they are.
pub(super) fn is_named(kind: &Kind) -> bool {
    match kind {
        Kind::Object(object) => !object.fields.is_empty(),
        Kind::Choice(_) => true,
        _ => false,
    }
}

/// What people should know of a field: its meaning, its unit and its bounds.
fn words_of(shape: &Shape) -> Option<String> {
    let allowed = if matches!(shape.kind, Kind::Choice(_) | Kind::Literal(_) | Kind::Union(_)) {
        String::new()
    } else {
        allowed(&shape.kind)
    };
    let facts: Vec<String> =
        [words::unit(shape).to_owned(), allowed].into_iter().filter(|fact| !fact.is_empty()).collect();
    let meaning = shape.description.clone().unwrap_or_default();
    match (meaning.is_empty(), facts.is_empty()) {
        (true, true) => None,
        (false, true) => Some(meaning),
        (true, false) => Some(facts.join(", ")),
        (false, false) => Some(format!("{meaning} ({})", facts.join(", "))),
    }
}

/// What is allowed of a kind; a time's form goes by its name.
fn allowed(kind: &Kind) -> String {
    match kind {
        Kind::Text(Text { format: Some(format), .. }) if format == "date-time" => "RFC 3339".to_owned(),
        kind => words::allowed(kind).replace("\\|", "|"),
    }
}

/// A comment above a declaration.
pub(super) fn comment(words: &str, indent: usize) -> String {
    format!("{}/** {} */\n", " ".repeat(indent), words.replace("*/", "*\\/"))
}

/// A member's name, in quotes where it needs them.
fn quoted(name: &str) -> String {
    let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !name.starts_with(|letter: char| letter.is_ascii_digit());
    if plain { name.to_owned() } else { serde_json::json!(name).to_string() }
}
