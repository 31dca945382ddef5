//! `docs/reference/asyncapi.json`: the message types as an AsyncAPI 3.0 document, for tools. The gateway serves it.
//!
//! It describes the gateway: what it receives and what it sends, a channel for each dialect.

mod json_schema;

use trunkline_catalogue::model::{Class, Direction, MessageType};
use trunkline_catalogue::{Catalogue, Json};
use trunkline_protocol::Dialect;

use self::json_schema::Schemas;
use super::{Generated, words};
use crate::layout::laid_out;

const DESCRIPTION: &str =
    "What clients and the Trunkline gateway say to each other, in five dialects. Generated from protocol/schema.";

/// The document.
pub(super) fn file(catalogue: &Catalogue) -> Generated {
    Generated::new("docs/reference/asyncapi.json", laid_out(&document(catalogue)) + "\n")
}

fn document(catalogue: &Catalogue) -> Json {
    let schemas = Schemas::new(catalogue);
    let mut channels = Vec::new();
    let mut operations = Vec::new();
    let mut messages = Vec::new();
    for dialect in Dialect::ALL {
        let types: Vec<&MessageType> = catalogue.types(dialect).iter().filter(|message| !message.local).collect();
        channels.push((dialect.name().to_owned(), channel(dialect, &types)));
        for (action, direction) in [("receive", Direction::ToGateway), ("send", Direction::ToClient)] {
            let operation = operation(dialect, action, direction, &types);
            operations.push((format!("{}_{action}", dialect.name()), operation));
        }
        messages.extend(types.iter().map(|message| (key(message), self::message(message, &schemas))));
    }
    object([
        ("asyncapi", text("3.0.0")),
        (
            "info",
            object([
                ("title", text("Trunkline")),
                ("version", text("1")),
                ("description", text(DESCRIPTION)),
                ("license", object([("name", text("MIT OR Apache-2.0"))])),
            ]),
        ),
        (
            "servers",
            object([(
                "gateway",
                object([
                    ("host", text("127.0.0.1:8001")),
                    ("protocol", text("ws")),
                    ("description", text("The default address.")),
                ]),
            )]),
        ),
        ("defaultContentType", text("application/json")),
        ("channels", Json::Object(channels)),
        ("operations", Json::Object(operations)),
        ("components", object([("messages", Json::Object(messages)), ("schemas", schemas.definitions())])),
    ])
}

fn channel(dialect: Dialect, types: &[&MessageType]) -> Json {
    let words = match dialect {
        Dialect::Native => {
            "Routes of dialect native, and every route with the subprotocol trunkline.v1.json.".to_owned()
        }
        other => format!("Routes of dialect {}, without a subprotocol.", other.name()),
    };
    let reference = |message: &&MessageType| {
        (message.name.clone(), object([("$ref", text(&format!("#/components/messages/{}", key(message))))]))
    };
    object([
        ("address", Json::Null),
        ("title", text(&format!("Dialect {}", dialect.name()))),
        ("description", text(&words)),
        ("messages", Json::Object(types.iter().map(reference).collect())),
    ])
}

fn operation(dialect: Dialect, action: &str, direction: Direction, types: &[&MessageType]) -> Json {
    let dialect = dialect.name();
    let reference =
        |message: &&MessageType| object([("$ref", text(&format!("#/channels/{dialect}/messages/{}", message.name)))]);
    let of_it = types.iter().filter(|message| [direction, Direction::Both].contains(&message.direction));
    object([
        ("action", text(action)),
        ("channel", object([("$ref", text(&format!("#/channels/{dialect}")))])),
        ("messages", Json::Array(of_it.map(reference).collect())),
    ])
}

fn message(message: &MessageType, schemas: &Schemas<'_>) -> Json {
    let example = |frame: Json| object([("payload", frame)]);
    let mut members = vec![
        ("name", text(&message.name)),
        ("title", text(&message.name)),
        ("summary", text(&message.description)),
        ("tags", Json::Array(vec![object([("name", text(words::class(message.class)))])])),
        ("x-class", text(words::class(message.class))),
    ];
    if message.class == Class::Latest {
        members.push(("x-key", Json::Array(message.key.iter().map(|name| text(name)).collect())));
    }
    members.extend(message.folded.as_ref().map(|name| ("x-folded", text(name))));
    members.extend(message.native.as_ref().map(|name| ("x-native", text(name))));
    members.extend(message.planned.then_some(("x-planned", Json::Boolean(true))));
    members.push(("payload", schemas.frame(message)));
    members.push(("examples", Json::Array(message.example_frames().into_iter().map(example).collect())));
    object(members)
}

/// The name of a message in the document.
fn key(message: &MessageType) -> String {
    format!("{}.{}", message.dialect.name(), message.name)
}

fn object<'n>(members: impl IntoIterator<Item = (&'n str, Json)>) -> Json {
    Json::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn text(text: &str) -> Json {
    Json::Text(text.to_owned())
}

#[cfg(test)]
mod tests;
