//! `docs/reference/messages.md`: every message type for people, with errors, close codes and limits at the end.

mod codes;
mod fields;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use trunkline_catalogue::model::{Class, Kind, MessageType, Object, Place, Text};
use trunkline_catalogue::{Catalogue, Json};
use trunkline_protocol::Dialect;

use self::fields::{Row, base_of, rows_of, table};
use super::{Generated, words};
use crate::layout::laid_out;

const INTRODUCTION: &str = "# Messages

<!-- Generated from protocol/schema; change it there, then run `make schema`. -->

Every message that Trunkline and its clients exchange, type by type. [The client protocol](../../protocol/client.md) says how a
conversation goes; this page is for looking up one message.

A route speaks one of five dialects: the same messages, spelled as the front ends of different systems expect them. Start with
the one that your route is configured for; a new front end wants `native`.
";

const READING: &str = "## How to read this page

Each type shows who sends it and how it is delivered, its fields, and one whole frame as it travels.

| delivery | |
|---|---|
| durable | kept in a channel with a position; delivered in order, each once, again after a reconnect |
| stream | durable pieces of one answer; consecutive ones may arrive merged into one |
| latest | state of which only the newest value matters; older values may be skipped |
| control | about this connection alone; never kept |

A type that is *not served yet* is agreed on, and the gateway does nothing for it: it refuses those about the connection with `unknown_type`. Durable ones
from clients reach a service of yours, as any other type does, where the route names one.

A field that is *required* is always there. Fields that are not listed are allowed everywhere and kept. Integers are at most 2^53−1, times
are RFC 3339. `a.b` is field `b` of object `a`, `a[].b` of each element of array `a`, `a.*` of each value of map `a`.

The types of an application have the same content in `native` as in the dialect that they come from. A native type that a dialect
does not list is spelled there by the dialect's rules.
";

/// The page.
pub(super) fn file(catalogue: &Catalogue) -> anyhow::Result<Generated> {
    let mut page = Page { text: INTRODUCTION.to_owned(), catalogue };
    page.contents();
    page.index();
    page.text.push('\n');
    page.text.push_str(READING);
    for dialect in Dialect::ALL {
        page.dialect(dialect);
    }
    page.shapes();
    page.texts();
    page.text.push_str(&codes::sections(catalogue)?);
    Ok(Generated::new("docs/reference/messages.md", page.text))
}

struct Page<'c> {
    text: String,
    catalogue: &'c Catalogue,
}

impl Page<'_> {
    fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    fn contents(&mut self) {
        self.line("\n## Contents\n");
        self.line("- [Every type](#every-type)");
        self.line("- [How to read this page](#how-to-read-this-page)");
        for dialect in Dialect::ALL {
            let catalogue = self.catalogue;
            let own = catalogue.types(dialect).iter().filter(|message| !self.is_as_in_native(message));
            let links: Vec<String> = own.map(link).collect();
            let title = format!("Dialect {}", dialect.name());
            self.line(format!("- [{title}](#{}): {}", anchor(&title), links.join(" · ")));
        }
        for title in ["Shared shapes", "Kinds of text", "Errors", "Close codes", "Limits"] {
            self.line(format!("- [{title}](#{})", anchor(title)));
        }
    }

    /// Every type by its name, with the dialects that have it.
    fn index(&mut self) {
        let mut types: BTreeMap<&str, Vec<&MessageType>> = BTreeMap::new();
        for message in Dialect::ALL.into_iter().flat_map(|dialect| self.catalogue.types(dialect)) {
            types.entry(&message.name).or_default().push(message);
        }
        self.line("\n## Every type\n\n| type | dialects |\n| --- | --- |");
        for (name, messages) in types {
            let links: Vec<String> = messages.into_iter().map(|message| self.link_by_dialect(message)).collect();
            self.line(format!("| `{name}` | {} |", links.join(", ")));
        }
    }

    /// A link to a type, called by its dialect.
    fn link_by_dialect(&self, message: &MessageType) -> String {
        let (dialect, name) = (message.dialect.name(), &message.name);
        let title = if self.is_as_in_native(message) { "as in native" } else { name };
        format!("[{dialect}](#{})", anchor(&format!("{dialect}: {title}")))
    }

    fn dialect(&mut self, dialect: Dialect) {
        self.line(format!("\n## Dialect {}\n", dialect.name()));
        self.line(spelling(dialect));
        let (as_native, own): (Vec<&MessageType>, Vec<&MessageType>) =
            self.catalogue.types(dialect).iter().partition(|message| self.is_as_in_native(message));
        if let Some(base) = base_of(self.catalogue, dialect) {
            let rows: Vec<Row> = rows_of(base, None, "").into_iter().filter(|row| row.name != "type").collect();
            self.line("\nAny message may have these fields, and the types below name what they add or always have:\n");
            self.text.push_str(&table(&rows));
        }
        for message in own {
            self.message(message);
        }
        if !as_native.is_empty() {
            self.line(format!("\n### {}: as in native\n", dialect.name()));
            let native = |message: &&MessageType| {
                format!("[{}](#{})", message.name, anchor(&format!("{}: {}", Dialect::Native.name(), message.name)))
            };
            let links: Vec<String> = as_native.iter().map(native).collect();
            self.line(format!("These say what they say in native, in this spelling: {}.", links.join(", ")));
            let frames: Vec<String> = as_native.iter().map(|message| example(message).to_string()).collect();
            self.line(format!("\n```json\n{}\n```", frames.join("\n")));
        }
    }

    /// Whether native has the same type with the same fields.
    fn is_as_in_native(&self, message: &MessageType) -> bool {
        if message.dialect == Dialect::Native {
            return false;
        }
        let Some(native) = self.catalogue.find(Dialect::Native, &message.name) else { return false };
        let own: Vec<Row> = self.rows(message).into_iter().filter(|row| !row.is_wrapper()).collect();
        own == self.rows(native) && (native.direction, native.class) == (message.direction, message.class)
    }

    fn message(&mut self, message: &MessageType) {
        self.line(format!("\n### {}: {}\n", message.dialect.name(), message.name));
        self.line(format!("{} {}", message.description, about(message)));
        let rows = self.rows(message);
        if !rows.is_empty() {
            self.line("");
            self.text.push_str(&table(&rows));
        }
        for rule in fields::rules_of(&message.content.kind) {
            self.line(format!("\n{rule}"));
        }
        self.line(format!("\n```json\n{}\n```", laid_out(&example(message))));
    }

    /// The fields that are the type's own.
    fn rows(&self, message: &MessageType) -> Vec<Row> {
        let base = base_of(self.catalogue, message.dialect).filter(|_| message.place == Place::Frame);
        let rows = content_of(&message.content.kind).map_or_else(Vec::new, |object| rows_of(object, base, ""));
        rows.into_iter().filter(|row| message.place != Place::Frame || row.name != "type").collect()
    }

    fn shapes(&mut self) {
        self.line("\n## Shared shapes\n\nObjects that several messages have in common.");
        for definition in self.catalogue.definitions() {
            let Kind::Object(object) = &definition.shape.kind else { continue };
            if definition.name.name.ends_with("_frame")
                || definition.name.name == "envelope"
                || object.fields.is_empty()
            {
                continue;
            }
            self.line(format!("\n### {}\n", fields::shape_title(&definition.name)));
            self.line(definition.shape.description.as_deref().unwrap_or_default());
            self.line("");
            self.text.push_str(&table(&rows_of(object, None, "")));
            for rule in fields::rules_of(&definition.shape.kind) {
                self.line(format!("\n{rule}"));
            }
        }
    }

    /// The definitions of strings that must match something.
    fn texts(&mut self) {
        self.line("\n## Kinds of text\n\n| name | matches | meaning |\n| --- | --- | --- |");
        for definition in self.catalogue.definitions() {
            if let Kind::Text(Text { pattern: Some(_), .. }) = &definition.shape.kind {
                let (matches, meaning) = (words::allowed(&definition.shape.kind), &definition.shape.description);
                let meaning = meaning.as_deref().unwrap_or_default();
                self.line(format!("| {} | {matches} | {meaning} |", definition.name.name));
            }
        }
    }
}

/// The rules for content that is an object.
fn content_of(kind: &Kind) -> Option<&Object> {
    match kind {
        Kind::Object(object) => Some(object),
        Kind::Union(kinds) => kinds.iter().find_map(content_of),
        _ => None,
    }
}

/// How a dialect spells a message, with an example.
fn spelling(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Native => {
            "The envelope's fields stand beside `type`, the content in `payload`; the tables below are of the content.\n\n\
             ```json\n{\"type\":\"user_message\",\"id\":\"m1\",\"run\":\"r1\",\"payload\":{\"message\":\"hi\"}}\n```"
        }
        Dialect::Payload => {
            "The content stands in `payload`, the envelope's other fields in `_tl`, which is left out when it would be empty; the \
             tables below are of the content.\n\n\
             ```json\n{\"type\":\"user_message\",\"payload\":{\"message\":\"hi\"},\"_tl\":{\"id\":\"m1\",\"run\":\"r1\"}}\n```"
        }
        Dialect::Data => {
            "As `payload`, but the content stands in `data`.\n\n\
             ```json\n{\"type\":\"chat_message\",\"data\":{\"message\":{\"content\":\"hi\"}},\"_tl\":{\"id\":\"m1\",\"run\":\"r1\"}}\n```"
        }
        Dialect::Flat => {
            "One flat object: the content stands beside `type`; `message_id`, `timestamp` and `session_id` are the envelope's `id`, \
             `ts` and `session`, and its other fields stand in `_tl` within `metadata`.\n\n\
             ```json\n{\"type\":\"user_message\",\"message_id\":\"m1\",\"message\":\"hi\",\"metadata\":{\"_tl\":{\"run\":\"r1\"}}}\n```"
        }
        Dialect::Open => {
            "The content stands beside `type`, the envelope's fields in `_tl`. Any other object with a `type` is a message, too.\n\n\
             ```json\n{\"type\":\"request_workspace_analysis\",\"_tl\":{\"id\":\"m1\",\"run\":\"r1\"}}\n```"
        }
    }
}

/// Who sends a type, how it is delivered, and what it always carries.
fn about(message: &MessageType) -> String {
    let mut about = format!("*{}; {}.*", capitalised(words::direction(message.direction)), words::class(message.class));
    let mut add = |sentence: String| {
        let _infallible = write!(about, " {sentence}");
    };
    if message.planned {
        add("**Not served yet.**".to_owned());
    }
    match (message.class, message.key.as_slice()) {
        (Class::Latest, []) => add("There is one value for each channel.".to_owned()),
        (Class::Latest, key) => add(format!("There is one value for each {}.", named(key.iter().map(String::as_str)))),
        _ => {}
    }
    if let Some(folded) = &message.folded {
        add(format!("When several arrive merged, `{folded}` is concatenated."));
    }
    let around: Vec<&str> = message.requires.iter().map(String::as_str).filter(|name| *name != "payload").collect();
    if !around.is_empty() {
        let place = if message.dialect == Dialect::Native { "Beside `type`" } else { "In `_tl`" };
        add(format!("{place} it always has {}.", named(around.into_iter())));
    }
    if content_of(&message.content.kind).is_none() || matches!(message.content.kind, Kind::Union(_)) {
        add("Its content may be any JSON.".to_owned());
    }
    if let Some(native) = &message.native {
        let title = format!("{}: {native}", Dialect::Native.name());
        add(format!("In native it is [{native}](#{}).", anchor(&title)));
    }
    if message.local {
        add("It is raised by the client library and never sent.".to_owned());
    }
    about
}

/// `a`, `b` and `c`.
fn named<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let last = quoted.pop().unwrap_or_default();
    if quoted.is_empty() { last } else { format!("{} and {last}", quoted.join(", ")) }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + characters.as_str())
}

/// The type's first example as a frame.
fn example(message: &MessageType) -> Json {
    message.example_frames().into_iter().next().unwrap_or(Json::Null)
}

fn link(message: &MessageType) -> String {
    let title = format!("{}: {}", message.dialect.name(), message.name);
    format!("[{}](#{})", message.name, anchor(&title))
}

/// The anchor that a heading has on the page.
fn anchor(title: &str) -> String {
    let kept = title
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
        .collect::<String>();
    kept.replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> String {
        file(Catalogue::embedded()).unwrap().text
    }

    #[test]
    fn every_link_leads_to_a_heading() {
        let page = page();
        let anchors: Vec<String> = page
            .lines()
            .filter_map(|line| Some(anchor(line.strip_prefix('#')?.trim_start_matches('#').trim())))
            .collect();
        let links: Vec<&str> = page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(links.len() > 200, "{}", links.len());
        for link in links {
            assert_eq!(anchors.iter().filter(|anchor| *anchor == link).count(), 1, "{link}");
        }
    }

    #[test]
    fn every_field_says_what_it_means() {
        for dialect in Dialect::ALL {
            let page = Page { text: String::new(), catalogue: Catalogue::embedded() };
            for message in Catalogue::embedded().types(dialect) {
                for row in page.rows(message) {
                    assert!(row.says_what_it_means(), "{} in {}: {row:?}", message.name, dialect.name());
                }
            }
        }
    }

    #[test]
    fn the_index_says_which_dialects_have_a_type() {
        let page = page();
        let index = page.split("\n## ").find(|section| section.starts_with("Every type")).unwrap();
        assert!(index.contains("| `chat_message` | [data](#data-chat_message) |"), "{index}");
        assert!(
            index.contains("| `user_message` | [payload](#payload-user_message), [flat](#flat-user_message) |"),
            "{index}"
        );
        let known: usize = Dialect::ALL.into_iter().map(|dialect| Catalogue::embedded().types(dialect).len()).sum();
        assert_eq!(index.matches("](#").count(), known);
    }

    #[test]
    fn a_type_shows_its_fields_and_a_frame() {
        let page = page();
        let start = page.find("### payload: progress").or_else(|| page.find("### native: progress")).unwrap();
        let section: Vec<&str> = page[start..].lines().take_while(|line| *line != "```").collect();
        let section = section.join("\n");
        for part in [
            "*To clients; latest.* There is one value for each `operation`.",
            "| field | required | kind | unit | allowed | meaning |",
            "| `percentage` |  | number | percent | 0–100 |",
            r#"```json
{ "type": "progress", "run": "r1", "payload": { "message": "reading", "percentage": 40 } }"#,
        ] {
            assert!(section.contains(part), "{part}\n{section}");
        }
        assert!(page.contains("*To the gateway; control.* **Not served yet.**"));
        assert!(page.contains("It has either `session`, `topic` or `user`."));
        assert!(page.contains("Where `verdict` is `reset` it has `reason`, otherwise `pos`."));
    }
}
