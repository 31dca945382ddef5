//! The document's schemas say what the catalogue's check says, and its references lead somewhere.

use serde_json::{Value, json};
use trunkline_catalogue::check::check_as;

use super::*;

fn value() -> Value {
    serde_json::to_value(document(Catalogue::embedded())).unwrap()
}

/// Every golden frame of a dialect, by type.
fn frames(dialect: Dialect) -> Vec<(String, Value)> {
    let path = format!("{}/../../protocol/vectors/messages/{}.json", env!("CARGO_MANIFEST_DIR"), dialect.name());
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut frames = Vec::new();
    for cases in vectors["messages"].as_array().unwrap() {
        let kind = cases["type"].as_str().unwrap();
        let rejected = cases["rejected"].as_array().unwrap().iter().map(|rejected| &rejected["frame"]);
        let all = cases["accepted"].as_array().unwrap().iter().chain(rejected);
        frames.extend(all.map(|frame| (kind.to_owned(), frame.clone())));
    }
    frames
}

#[test]
fn every_message_accepts_what_the_check_accepts() {
    let document = value();
    let (mut accepted, mut rejected) = (0, 0);
    for dialect in Dialect::ALL {
        let mut known: Option<(String, jsonschema::Validator)> = None;
        for (kind, frame) in frames(dialect) {
            let message = Catalogue::embedded().find(dialect, &kind).unwrap();
            if message.local {
                continue;
            }
            if known.as_ref().is_none_or(|(name, _)| *name != kind) {
                let schema = json!({
                    "$schema": "http://json-schema.org/draft-07/schema#",
                    "components": { "schemas": document["components"]["schemas"] },
                    "allOf": [document["components"]["messages"][key(message)]["payload"]],
                });
                known = Some((kind.clone(), jsonschema::validator_for(&schema).unwrap()));
            }
            let verdict = known.as_ref().is_some_and(|(_, validator)| validator.is_valid(&frame));
            assert_eq!(verdict, check_as(message, &frame.to_string()).is_ok(), "{frame}");
            *(if verdict { &mut accepted } else { &mut rejected }) += 1;
        }
    }
    assert!(accepted > 200 && rejected > 500, "{accepted} {rejected}");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = value();
    let mut waiting = vec![&document];
    let mut references = 0;
    while let Some(found) = waiting.pop() {
        match found {
            Value::Array(elements) => waiting.extend(elements),
            Value::Object(members) => {
                if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(&target[1..]).is_some(), "{target}");
                    assert_eq!(members.len(), 1, "{target}: draft 7 reads nothing beside a reference");
                    references += 1;
                }
                waiting.extend(members.values());
            }
            _ => {}
        }
    }
    assert!(references > 500, "{references}");
}

#[test]
fn the_gateway_receives_what_clients_send() {
    let document = value();
    let of = |operation: &str| document["operations"][operation]["messages"].to_string();
    assert!(of("flat_receive").contains("#/channels/flat/messages/user_message\""));
    assert!(of("flat_send").contains("#/channels/flat/messages/user_message\""), "both ways");
    assert!(of("native_receive").contains("messages/cancel\"") && !of("native_send").contains("messages/cancel\""));
    assert!(!document.to_string().contains("data.connection_error"), "what is never sent is not in it");
}
