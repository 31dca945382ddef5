//! The tables of fields.

use std::fmt::Write as _;

use trunkline_catalogue::Catalogue;
use trunkline_catalogue::model::{DefinitionName, Field, Kind, Literal, Object, Rule, Shape, Text};
use trunkline_protocol::Dialect;

use super::anchor;
use crate::schema::words;

/// One field of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    required: bool,
    kind: String,
    unit: &'static str,
    allowed: String,
    meaning: String,
}

impl Row {
    /// Whether people learn what it is from more than its kind.
    #[cfg(test)]
    pub(super) fn says_what_it_means(&self) -> bool {
        self.name.ends_with('*') || !(self.meaning.is_empty() || self.meaning.contains("2^53"))
    }

    /// Whether it is about the envelope's fields in a dialect that wraps them.
    pub(super) fn is_wrapper(&self) -> bool {
        ["_tl", "metadata", "metadata._tl"].contains(&self.name.as_str())
    }
}

/// The fields that every message of a dialect may have.
pub(super) fn base_of(catalogue: &Catalogue, dialect: Dialect) -> Option<&Object> {
    // In native the tables are of the content.
    let found = catalogue.frame_base(dialect).filter(|_| dialect != Dialect::Native)?;
    if let Kind::Object(object) = &found.shape.kind { Some(object) } else { None }
}

/// A row for each field, without those that `base` has just so.
pub(super) fn rows_of(object: &Object, base: Option<&Object>, prefix: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for field in &object.fields {
        let known = base.and_then(|base| base.field(&field.name));
        if known != Some(field) {
            let inner_base = known.and_then(|known| object_in(&known.shape.kind));
            push_field(&mut rows, field, inner_base, prefix);
        }
    }
    if let Some(others) = object.others.as_ref().filter(|_| !prefix.is_empty()) {
        push_inner(&mut rows, others, None, &format!("{prefix}*"));
    }
    rows
}

fn push_field(rows: &mut Vec<Row>, field: &Field, base: Option<&Object>, prefix: &str) {
    let name = format!("{prefix}{}", field.name);
    rows.push(Row {
        required: field.required,
        kind: kind_of(&field.shape),
        unit: words::unit(&field.shape),
        allowed: allowed_in(&field.shape),
        meaning: field.shape.description.clone().unwrap_or_default(),
        name: name.clone(),
    });
    push_inner(rows, &field.shape, base, &name);
}

/// Rows for what stands in a field, unless a shape of its own says so.
fn push_inner(rows: &mut Vec<Row>, shape: &Shape, base: Option<&Object>, name: &str) {
    if shape.definition.as_ref().is_some_and(is_shape)
        && object_in(&shape.kind).is_some_and(|object| !object.fields.is_empty())
    {
        return;
    }
    push_kind(rows, &shape.kind, base, name);
}

fn push_kind(rows: &mut Vec<Row>, kind: &Kind, base: Option<&Object>, name: &str) {
    match kind {
        Kind::Object(object) => rows.extend(rows_of(object, base, &format!("{name}."))),
        Kind::Array(array) => push_inner(rows, &array.items, None, &format!("{name}[]")),
        Kind::Union(kinds) => kinds.iter().for_each(|kind| push_kind(rows, kind, base, name)),
        _ => {}
    }
}

fn object_in(kind: &Kind) -> Option<&Object> {
    if let Kind::Object(object) = kind { Some(object) } else { None }
}

/// Whether a definition has a section under "Shared shapes", if it is an object.
fn is_shape(name: &DefinitionName) -> bool {
    !name.name.ends_with("_frame")
}

/// The heading of a shared shape.
pub(super) fn shape_title(name: &DefinitionName) -> String {
    format!("Shape: {}", name.name)
}

fn kind_of(shape: &Shape) -> String {
    let linked = |shape: &Shape| {
        let name = shape.definition.as_ref().filter(|name| is_shape(name))?;
        let object = object_in(&shape.kind)?;
        (!object.fields.is_empty()).then(|| format!("[{}](#{})", name.name, anchor(&shape_title(name))))
    };
    if let Some(link) = linked(shape) {
        return link;
    }
    match &shape.kind {
        Kind::Array(array) => match linked(&array.items) {
            Some(link) => format!("array of {link}"),
            None => words::kind(&shape.kind),
        },
        Kind::Object(object) if object.fields.is_empty() => match object.others.as_ref().and_then(linked) {
            Some(link) => format!("map to {link}"),
            None => words::kind(&shape.kind),
        },
        _ => words::kind(&shape.kind),
    }
}

/// What is allowed; of a shape that asks for more than its definition, the fields that are required here.
fn allowed_in(shape: &Shape) -> String {
    match (&shape.kind, shape.narrowed) {
        (Kind::Object(object), true) => {
            let required: Vec<String> =
                object.fields.iter().filter(|field| field.required).map(|field| format!("`{}`", field.name)).collect();
            if required.is_empty() { String::new() } else { format!("with {}", required.join(", ")) }
        }
        (Kind::Text(Text { pattern: Some(_), .. }), false) if shape.definition.is_some() => {
            let name = shape.definition.as_ref().map_or("", |definition| &definition.name);
            format!("[{name}](#kinds-of-text)")
        }
        (kind, _) => words::allowed(kind),
    }
}

/// A Markdown table, without the columns that no row needs.
pub(super) fn table(rows: &[Row]) -> String {
    type Cell = fn(&Row) -> String;
    let columns: [(&str, Cell); 6] = [
        ("field", |row| format!("`{}`", row.name)),
        ("required", |row| if row.required { "yes".to_owned() } else { String::new() }),
        ("kind", |row| row.kind.clone()),
        ("unit", |row| row.unit.to_owned()),
        ("allowed", |row| row.allowed.clone()),
        ("meaning", |row| row.meaning.replace('|', "\\|")),
    ];
    let used: Vec<&(&str, Cell)> =
        columns.iter().filter(|(_, cell)| rows.iter().any(|row| !cell(row).is_empty())).collect();
    let mut text = String::new();
    let mut line = |cells: Vec<String>| {
        let _infallible = writeln!(text, "| {} |", cells.join(" | "));
    };
    line(used.iter().map(|(title, _)| (*title).to_owned()).collect());
    line(vec!["---".to_owned(); used.len()]);
    for row in rows {
        line(used.iter().map(|(_, cell)| cell(row)).collect());
    }
    text
}

/// The rules about several fields, as sentences.
pub(super) fn rules_of(kind: &Kind) -> Vec<String> {
    let mut sentences = Vec::new();
    collect_rules(kind, "", &mut sentences);
    sentences
}

fn collect_rules(kind: &Kind, prefix: &str, sentences: &mut Vec<String>) {
    let Kind::Object(object) = kind else { return };
    for rule in &object.rules {
        sentences.push(sentence(rule, prefix));
    }
    for field in object.fields.iter().filter(|field| field.shape.definition.is_none()) {
        collect_rules(&field.shape.kind, &format!("{prefix}{}.", field.name), sentences);
    }
}

fn sentence(rule: &Rule, prefix: &str) -> String {
    let list = |names: &[String], word: &str| {
        let quoted: Vec<String> = names.iter().map(|name| format!("`{prefix}{name}`")).collect();
        match quoted.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} {word} {last}", rest.join(", ")),
            _ => quoted.join(""),
        }
    };
    match rule {
        Rule::AtLeastOne(names) => format!("It has {}, or more of them.", list(names, "or")),
        Rule::ExactlyOne(names) => format!("It has either {}.", list(names, "or")),
        Rule::When { field, is, then, otherwise } => {
            let value = match is {
                Literal::Text(text) => text.clone(),
                Literal::Boolean(value) => value.to_string(),
            };
            format!(
                "Where `{prefix}{field}` is `{value}` it has {}, otherwise {}.",
                list(then, "and"),
                list(otherwise, "and")
            )
        }
    }
}
