//! The types of one dialect, and the shapes that all dialects share.

use std::fmt::Write as _;

use trunkline_catalogue::Catalogue;
use trunkline_catalogue::model::{Class, Direction, Field, Kind, MessageType, Object, Place};
use trunkline_protocol::Dialect;

use super::kinds::{Kinds, comment, is_named, own_fields};
use super::pascal;
use crate::schema::words;

/// The shared shapes: objects as interfaces, enums as constants and types.
pub(super) fn shapes(catalogue: &Catalogue) -> String {
    let mut kinds = Kinds::new(catalogue);
    let mut text = String::new();
    for definition in catalogue.definitions().iter().filter(|definition| is_named(&definition.shape.kind)) {
        let name = pascal(&definition.name.name);
        text.push('\n');
        let words = definition.shape.description.as_deref().unwrap_or_default();
        match &definition.shape.kind {
            Kind::Object(object) => {
                let fields = kinds.fields(&object.fields.iter().collect::<Vec<_>>(), &name, 0);
                text.push_str(&comment(words, 0));
                let _infallible = writeln!(text, "export interface {name} {fields}");
            }
            Kind::Choice(values) => push_enum(&mut text, &name, values, words),
            _ => {}
        }
    }
    for (name, values) in &kinds.enums {
        text.push('\n');
        push_enum(&mut text, name, values, &format!("Values of {name}."));
    }
    text
}

/// The types of a dialect.
pub(super) fn dialect(catalogue: &Catalogue, dialect: Dialect) -> String {
    let mut kinds = Kinds::new(catalogue);
    let mut body = String::new();
    let mut map = String::new();
    for message in catalogue.types(dialect) {
        push_message(&mut body, catalogue, message, &mut kinds);
        map.push_str(&comment(&message.description, 2));
        let _infallible = writeln!(map, "  {}: {};", serde_json::json!(message.name), pascal(&message.name));
    }
    for (name, values) in &kinds.enums {
        body.push('\n');
        push_enum(&mut body, name, values, &format!("Values of {name}."));
    }
    let title = pascal(dialect.name());
    let _infallible = write!(
        body,
        "\n/** Every type of dialect {dialect}, by its name. */\nexport interface {title}Messages {{\n{map}}}\n\
         \n/** Any message of dialect {dialect} that the contract knows; `type` says which. */\n\
         export type {title}Message = {title}Messages[keyof {title}Messages];\n",
        dialect = dialect.name(),
    );
    for (suffix, words, directions) in [
        ("Sent", "that clients send", [Direction::ToGateway, Direction::Both]),
        ("Received", "that clients receive", [Direction::ToClient, Direction::Both]),
    ] {
        let of_it =
            catalogue.types(dialect).iter().filter(|message| !message.local && directions.contains(&message.direction));
        let names: Vec<String> = of_it.map(|message| pascal(&message.name)).collect();
        let _infallible = write!(
            body,
            "\n/** Messages of dialect {} {words}. */\nexport type {title}{suffix} =\n  | {};\n",
            dialect.name(),
            names.join("\n  | ")
        );
    }
    let imports: Vec<&str> = kinds.used.iter().map(String::as_str).collect();
    let imports = match imports.as_slice() {
        [] => String::new(),
        names => format!("import type {{ {} }} from \"./shapes.ts\";\n", names.join(", ")),
    };
    imports + &body
}

fn push_message(text: &mut String, catalogue: &Catalogue, message: &MessageType, kinds: &mut Kinds<'_>) {
    let Kind::Object(frame) = &message.frame.kind else { return };
    let name = pascal(&message.name);
    let (field, content) = match message.place {
        Place::Payload => ("payload", format!("{name}Payload")),
        Place::Data => ("data", format!("{name}Data")),
        Place::Frame => ("", String::new()),
    };
    if !field.is_empty() {
        text.push('\n');
        text.push_str(&comment(&format!("What `{}` says.", message.name), 0));
        let kind = kinds.kind(&message.content.kind, &name, 0);
        let _infallible = match &message.content.kind {
            Kind::Object(object) if !object.fields.is_empty() => writeln!(text, "export interface {content} {kind}"),
            _ => writeln!(text, "export type {content} = {kind};"),
        };
    }
    text.push('\n');
    text.push_str(&comment(&about(message), 0));
    let base = catalogue.frame_base(message.dialect).filter(|_| message.place != Place::Frame || is_spread(message));
    let known = base.and_then(|base| if let Kind::Object(object) = &base.shape.kind { Some(&**object) } else { None });
    let fields = frame_fields(frame, known, field, &content, &name, kinds);
    match base {
        Some(base) => {
            let base = pascal(&base.name.name);
            kinds.used.insert(base.clone());
            let _infallible = writeln!(text, "export interface {name} extends {base} {fields}");
        }
        None => {
            let _infallible = writeln!(text, "export interface {name} {fields}");
        }
    }
}

/// Whether the frame has the fields of all frames of its dialect.
fn is_spread(message: &MessageType) -> bool {
    matches!(message.dialect, Dialect::Flat | Dialect::Open)
}

/// The fields of a frame that are its own, with the content by its name.
fn frame_fields(
    frame: &Object,
    known: Option<&Object>,
    field: &str,
    content: &str,
    name: &str,
    kinds: &mut Kinds<'_>,
) -> String {
    let all: Vec<&Field> = match known {
        Some(known) => own_fields(frame, known).collect(),
        None => frame.fields.iter().collect(),
    };
    let (before, after): (Vec<&Field>, Vec<&Field>) = all.iter().partition(|found| found.name != field);
    let mut text = kinds.fields(&before, name, 0);
    if let Some(found) = after.first() {
        let mark = if found.required { "" } else { "?" };
        text.truncate(text.len() - 1);
        let _infallible = write!(text, "  {field}{mark}: {content};\n}}");
    }
    text
}

/// A type in one sentence, with who sends it and how it is delivered.
fn about(message: &MessageType) -> String {
    let mut about =
        format!("{} ({}, {}", message.description, words::direction(message.direction), words::class(message.class));
    match (message.class, message.key.as_slice()) {
        (Class::Latest, [_, ..]) => {
            let _infallible = write!(about, ": one value for each {}", message.key.join(", "));
        }
        (Class::Stream, _) => {
            let _infallible =
                write!(about, ": merged ones have {} concatenated", message.folded.as_deref().unwrap_or_default());
        }
        _ => {}
    }
    about + ")"
}

fn push_enum(text: &mut String, name: &str, values: &[String], words: &str) {
    let constant = screaming(name);
    let list = serde_json::json!(values).to_string().replace(',', ", ");
    text.push_str(&comment(words, 0));
    let _infallible = writeln!(text, "export const {constant} = {list} as const;");
    text.push_str(&comment(words, 0));
    let _infallible = writeln!(text, "export type {name} = (typeof {constant})[number];");
}

/// `RESET_REASON` for `ResetReason`.
fn screaming(name: &str) -> String {
    let mut text = String::new();
    for (place, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && place > 0 {
            text.push('_');
        }
        text.extend(letter.to_uppercase());
    }
    text
}
