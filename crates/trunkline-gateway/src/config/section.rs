//! Reading one table: every field by name, with its default; what is left over is unknown. An unknown key is warned of; an
//! unknown section is a mistake, since everything that was to be said in it would go without.
//!
//! Knows no field of its own. A value is judged by a reader of [`super::value`]; what it says goes to the report with
//! place and name, and reading goes on with the default, so that one pass finds every mistake.

use super::finding::{Place, Report, Wrong, nearest};
use super::node::{Entries, Node, Value};

/// A table that is being read.
pub(super) struct Section<'a> {
    report: &'a Report,
    name: String,
    place: &'a Place,
    entries: &'a Entries,
    known: Vec<&'static str>,
}

/// A table that nobody wrote.
static NOTHING: Entries = Entries::new();

impl<'a> Section<'a> {
    /// Lets `read` read a whole table, then warns of keys that it did not ask for.
    pub(super) fn read<T>(
        report: &'a Report,
        name: impl Into<String>,
        place: &'a Place,
        entries: &'a Entries,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut section = Self { report, name: name.into(), place, entries, known: Vec::new() };
        let value = read(&mut section);
        section.tell_of_unknown_keys();
        value
    }

    /// The value of a field, if it is set and right.
    pub(super) fn optional<T>(&mut self, key: &'static str, read: impl FnOnce(&Node) -> Result<T, Wrong>) -> Option<T> {
        let node = self.get(key)?;
        match read(node) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.report.mistake(&node.place, self.field(key), wrong);
                None
            }
        }
    }

    /// The value of a field, or its default.
    pub(super) fn or<T>(&mut self, key: &'static str, default: T, read: impl FnOnce(&Node) -> Result<T, Wrong>) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// The value of a field that must be there.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        example: &str,
        read: impl FnOnce(&Node) -> Result<T, Wrong>,
    ) -> Option<T> {
        if self.get(key).is_none() {
            self.mistake_at(self.place, key, Wrong::new("is missing").hint(format!("for example: {key} = {example}")));
        }
        self.optional(key, read)
    }

    /// The elements of a list that are right. A list that is not set is empty.
    pub(super) fn list<T>(&mut self, key: &'static str, read: impl Fn(&Node) -> Result<T, Wrong>) -> Vec<T> {
        let elements = self.optional(key, Node::elements).unwrap_or_default();
        let read = |(number, element): (usize, &Node)| match read(element) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.report.mistake(&element.place, format!("{}[{number}]", self.field(key)), wrong);
                None
            }
        };
        elements.iter().enumerate().filter_map(read).collect()
    }

    /// Lets `read` read the table of this key, which is empty if it is not set.
    pub(super) fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let hint = format!("write [{}], and its fields below", self.field(key));
        self.section_or(key, &hint, read)
    }

    /// The same, with an example for who wrote something else than a table.
    pub(super) fn section_such_as<T>(
        &mut self,
        key: &'static str,
        example: &str,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        self.section_or(key, &format!("for example: {key} = {example}"), read)
    }

    fn section_or<T>(&mut self, key: &'static str, hint: &str, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let entries = self.optional(key, |node| entries_of(node).map_err(|wrong| wrong.hint(hint)));
        let (place, entries) = match entries {
            Some(entries) => (self.place(key), entries),
            None => (self.place.clone(), NOTHING.clone()),
        };
        Section::read(self.report, self.field(key), &place, &entries, read)
    }

    /// Lets `read` read each table of a list of tables. What it cannot read is left out.
    pub(super) fn sections<T>(&mut self, key: &'static str, read: impl Fn(&mut Section<'_>) -> Option<T>) -> Vec<T> {
        let elements = self.optional(key, Node::elements).unwrap_or_default();
        let mut values = Vec::new();
        for (number, element) in elements.iter().enumerate() {
            let field = format!("{}[{number}]", self.field(key));
            match entries_of(element) {
                Ok(entries) => values.extend(Section::read(self.report, field, &element.place, &entries, &read)),
                Err(wrong) => self.report.mistake(&element.place, field, wrong),
            }
        }
        values
    }

    /// Every key of a table whose keys are free, with the values that are right.
    pub(super) fn table<T>(&mut self, key: &'static str, read: impl Fn(&str, &Node) -> Result<T, Wrong>) -> Vec<T> {
        let entries = self.optional(key, entries_of).unwrap_or_default();
        let mut values = Vec::new();
        for (name, (_, node)) in &entries {
            match read(name, node) {
                Ok(value) => values.push(value),
                Err(wrong) => self.report.mistake(&node.place, format!("{}.{name}", self.field(key)), wrong),
            }
        }
        values
    }

    /// Where findings go whose place and field are known.
    pub(super) fn report(&self) -> &Report {
        self.report
    }

    /// Whether a field is set.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Where a field is set; the table's own place if it is not.
    pub(super) fn place(&self, key: &str) -> Place {
        self.entries.get(key).map_or(self.place, |(_, node)| &node.place).clone()
    }

    /// The dotted name of a field.
    pub(super) fn field(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Reports a mistake in a field.
    pub(super) fn mistake(&self, key: &str, wrong: Wrong) {
        self.mistake_at(&self.place(key), key, wrong);
    }

    /// Warns of a field's value.
    pub(super) fn warning(&self, key: &str, wrong: Wrong) {
        self.report.warning(&self.place(key), self.field(key), wrong);
    }

    /// Reports a mistake in a field, at another place than its own.
    pub(super) fn mistake_at(&self, place: &Place, key: &str, wrong: Wrong) {
        self.report.mistake(place, self.field(key), wrong);
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.entries.get(key).map(|(_, node)| node)
    }

    fn tell_of_unknown_keys(&self) {
        for (key, (place, node)) in self.entries {
            if self.known.contains(&key.as_str()) {
                continue;
            }
            let hint = match nearest(key, self.known.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("known here: {}", self.known.join(", ")),
            };
            if self.name.is_empty() && is_section(node) {
                self.report.mistake(place, self.field(key), Wrong::new("unknown section").hint(hint));
            } else {
                self.report.warning(place, self.field(key), Wrong::new("unknown key, it has no effect").hint(hint));
            }
        }
    }
}

/// Whether this is a table, or a list of tables.
fn is_section(node: &Node) -> bool {
    match &node.value {
        Value::Table(_) => true,
        Value::List(elements) => elements.first().is_some_and(is_section),
        _ => false,
    }
}

fn entries_of(node: &Node) -> Result<Entries, Wrong> {
    match &node.value {
        Value::Table(entries) => Ok(entries.clone()),
        _ => Err(Wrong::expected("a table", node.kind())),
    }
}
