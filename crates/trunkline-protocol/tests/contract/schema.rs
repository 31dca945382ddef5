//! `protocol/schema/envelope.schema.json`: it accepts what the codec accepts, and refuses what it
//! refuses, as far as JSON Schema can say it.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::{Value, json};
use trunkline_protocol::{Class, ErrorCode, class_of};

use crate::vectors;

const FILE: &str = include_str!("../../../../protocol/schema/envelope.schema.json");

/// Refused by the codec for a rule that JSON Schema cannot say: it counts characters, not bytes.
const BEYOND_THE_SCHEMA: &[&str] = &["type of 129 bytes in 65 characters"];

fn schema() -> Value {
    serde_json::from_str(FILE).expect("the schema is JSON")
}

/// A validator for one entry of `$defs`.
fn validator(name: &str) -> Validator {
    let mut schema = schema();
    schema["$ref"] = json!(format!("#/$defs/{name}"));
    jsonschema::draft202012::new(&schema).expect("the schema is a schema")
}

fn check(name: &str, message: &Value, expected: bool) {
    assert_eq!(validator(name).is_valid(message), expected, "{name}: {message}");
}

#[test]
fn the_schema_is_valid_json_schema() {
    assert!(jsonschema::meta::is_valid(&schema()));
}

#[test]
fn accepted_vectors_satisfy_the_schema() {
    let envelope = validator("envelope");
    for case in vectors::read().accepted {
        envelope.validate(&case.envelope).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    }
}

#[test]
fn rejected_vectors_fail_the_schema_or_the_parser() {
    let envelope = validator("envelope");
    let code = ErrorCode::BadEnvelope.name();
    let native = vectors::read().rejected.into_iter().filter(|case| case.dialect == "native" && case.code == code);
    for case in native.filter(|case| !case.strict_only && !BEYOND_THE_SCHEMA.contains(&case.name.as_str())) {
        let parsed = serde_json::from_str::<Value>(&case.wire);
        assert!(parsed.is_err() || !envelope.is_valid(&parsed.unwrap()), "{}: {}", case.name, case.wire);
    }
}

#[test]
fn every_message_has_an_example_that_satisfies_it() {
    let schema = schema();
    let definitions = schema["$defs"].as_object().expect("definitions by name");
    let messages: BTreeMap<_, _> =
        definitions.iter().filter_map(|(name, body)| Some((name, body.get("examples")?.as_array()?))).collect();
    assert!(messages.len() >= 20, "{:?}", messages.keys());
    for (name, examples) in messages {
        assert!(!examples.is_empty(), "{name}");
        for example in examples {
            assert_eq!(&example["type"], name);
            check("envelope", example, true);
            check(name, example, true);
            check(name, &json!({"type": "another"}), false);
        }
    }
}

#[test]
fn every_control_message_of_the_page_is_described() {
    for name in ["hello", "welcome", "ack", "error", "cancel", "cancel_ack", "heartbeat", "reset", "go_away"] {
        assert_eq!(class_of(name), Class::Control, "{name}");
        assert!(schema()["$defs"][name].is_object(), "{name}");
    }
}

#[test]
fn what_a_message_must_carry_is_required() {
    check("hello", &json!({"type": "hello", "payload": {"resume": {"run:r1": 7}}}), false);
    check("ack", &json!({"type": "ack", "reply_to": "m1", "payload": {"id": "m1", "level": "maybe"}}), false);
    check("cancel", &json!({"type": "cancel"}), false);
    check("reset", &json!({"type": "reset", "channel": "run:r1", "payload": {"reason": "bored", "pos": "1"}}), false);
    check("progress", &json!({"type": "progress", "run": "r1", "pos": "1-a-f", "payload": 1}), false);
}

#[test]
fn a_reset_verdict_has_a_reason_and_any_other_a_position() {
    check("verdict", &json!({"verdict": "reset", "reason": "unknown"}), true);
    check("verdict", &json!({"verdict": "reset"}), false);
    check("verdict", &json!({"verdict": "resumed", "pos": "1-a-f"}), true);
    check("verdict", &json!({"verdict": "new"}), false);
}
