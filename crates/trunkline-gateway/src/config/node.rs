//! A configuration as a tree of values that know their place.
//!
//! TOML becomes such a tree, and environment variables and flags are laid over it; what reads the tree does not see
//! where a value came from. Knows no field.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::finding::{Place, Report, Wrong};

/// Longest text of a value that a finding quotes, in characters.
const QUOTED_CHARS_MAX: usize = 60;

/// A value and where it was set.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// The entries of a table, each with the place of its key.
pub(super) type Entries = BTreeMap<String, (Place, Node)>;

#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    /// Text from outside a file, which may stand for any kind of value.
    Loose(String),
    /// `None` where it does not fit.
    Integer(Option<i64>),
    Float,
    Boolean(bool),
    Datetime,
    List(Vec<Node>),
    Table(Entries),
}

impl Node {
    /// Reads TOML. Syntax errors are reported, all of them, and then there is no tree: what the rest of the text
    /// means would be a guess.
    pub(super) fn parse(file: &Arc<Path>, text: &str, report: &Report) -> Option<Self> {
        let lines = Lines::new(file, text);
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let place = lines.place(error.span().map_or(text.len(), |span| span.start));
            report.mistake(&place, "", Wrong::new(error.message()));
        }
        errors.is_empty().then(|| lines.table(table.get_ref(), lines.place(0)))
    }

    /// The value as a finding shows it.
    pub(super) fn describe(&self) -> String {
        match &self.value {
            Value::Text(text) | Value::Loose(text) => quote(text),
            Value::Integer(Some(number)) => number.to_string(),
            Value::Boolean(value) => value.to_string(),
            _ => self.kind().to_owned(),
        }
    }

    /// The kind of the value, without the value itself.
    pub(super) const fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) | Value::Loose(_) => "a text",
            Value::Integer(Some(_)) => "a number",
            Value::Integer(None) => "a number out of range",
            Value::Float => "a fraction",
            Value::Boolean(_) => "a boolean",
            Value::Datetime => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// The elements of a list. A loose text is a TOML list if it begins with `[`, else its parts between commas.
    pub(super) fn elements(&self) -> Result<Vec<Self>, Wrong> {
        match &self.value {
            Value::List(elements) => Ok(elements.clone()),
            Value::Loose(text) if text.trim_start().starts_with('[') => self.parse_list(text),
            Value::Loose(text) => Ok(self.parts(text)),
            _ => Err(Wrong::expected("a list", self.kind()).hint("put the value between brackets: [ … ]")),
        }
    }

    fn parse_list(&self, text: &str) -> Result<Vec<Self>, Wrong> {
        let refused = |reason: &str| Wrong::new(format!("expected a list in TOML: {reason}"));
        let value = DeValue::parse(text).map_err(|error| refused(error.message()))?;
        match at(&self.place, value.get_ref()) {
            Value::List(elements) => Ok(elements),
            _ => Err(refused("something else was found")),
        }
    }

    fn parts(&self, text: &str) -> Vec<Self> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| Self { place: self.place.clone(), value: Value::Loose(part.to_owned()) }).collect()
    }
}

/// A text between quotes, with control characters escaped and its end cut off if it is long.
pub(super) fn quote(text: &str) -> String {
    let cut: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    let ellipsis = if cut.len() < text.len() { "…" } else { "" };
    format!("\"{}{ellipsis}\"", cut.escape_debug().to_string().replace("\\'", "'"))
}

/// A TOML value all of which was set at one place.
fn at(place: &Place, value: &DeValue<'_>) -> Value {
    convert(value, &|_| place.clone())
}

/// Where the lines of a text begin.
struct Lines<'a> {
    file: &'a Arc<Path>,
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(file: &'a Arc<Path>, text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(offset, _)| offset + 1);
        Self { file, text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    fn place(&self, offset: usize) -> Place {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.starts.partition_point(|start| *start <= offset);
        let column = self.text[self.starts[line - 1]..offset].chars().count() + 1;
        Place::File { file: Arc::clone(self.file), line, column }
    }

    fn table(&self, table: &DeTable<'_>, place: Place) -> Node {
        let value = Value::Table(entries(table, &|offset| self.place(offset)));
        Node { place, value }
    }
}

fn convert(value: &DeValue<'_>, place: &impl Fn(usize) -> Place) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Integer(integer(number)),
        DeValue::Float(_) => Value::Float,
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Array(elements) => Value::List(elements.iter().map(|element| node(element, place)).collect()),
        DeValue::Table(table) => Value::Table(entries(table, place)),
    }
}

fn node(value: &Spanned<DeValue<'_>>, place: &impl Fn(usize) -> Place) -> Node {
    Node { place: place(value.span().start), value: convert(value.get_ref(), place) }
}

fn entries(table: &DeTable<'_>, place: &impl Fn(usize) -> Place) -> Entries {
    let entry = |key: &Spanned<_>, value| (place(key.span().start), node(value, place));
    table.iter().map(|(key, value)| (key.get_ref().to_string(), entry(key, value))).collect()
}

fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}
