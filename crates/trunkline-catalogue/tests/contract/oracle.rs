//! The schema read by somebody else: the crate `jsonschema`, and frames put together as `protocol/client.md` says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Registry, Validator};
use serde_json::{Map, Value, json};
use trunkline_catalogue::reader::EMBEDDED;
use trunkline_protocol::Dialect;

/// A validator for each type's whole frame, by dialect and name.
pub(crate) fn validators() -> &'static BTreeMap<(&'static str, String), Validator> {
    static VALIDATORS: OnceLock<BTreeMap<(&'static str, String), Validator>> = OnceLock::new();
    VALIDATORS.get_or_init(|| {
        let registry = registry();
        let mut all = BTreeMap::new();
        for (dialect, text) in Dialect::ALL.into_iter().zip(EMBEDDED.messages) {
            for (kind, definition) in definitions(text) {
                let schema = frame_schema(dialect.name(), &kind, &definition);
                all.insert((dialect.name(), kind), validator(&registry, &schema));
            }
        }
        all
    })
}

/// A validator for a type's content.
pub(crate) fn content_validator(dialect: Dialect, kind: &str) -> Validator {
    validator(&registry(), &definition_ref(dialect.name(), kind))
}

pub(crate) fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

pub(crate) fn definitions(schema: &str) -> Map<String, Value> {
    match value(schema)["$defs"].take() {
        Value::Object(definitions) => definitions,
        other => panic!("$defs: {other}"),
    }
}

/// The fields of a frame that are wrong, as the catalogue writes paths.
pub(crate) fn wrong_fields(validator: &Validator, frame: &Value) -> BTreeSet<String> {
    let path = |error: jsonschema::ValidationError<'_>| {
        let mut place = String::new();
        for step in error.instance_path().as_str().split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let parent = frame.pointer(&pointer_of(&place));
            place = match parent {
                Some(Value::Array(_)) => format!("{place}[{step}]"),
                _ if place.is_empty() => step,
                _ => format!("{place}.{step}"),
            };
        }
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                let property = property.as_str().expect("a name");
                if place.is_empty() { property.to_owned() } else { format!("{place}.{property}") }
            }
            _ => place,
        }
    };
    validator.iter_errors(frame).map(path).collect()
}

/// The JSON pointer of a path whose names have no dots.
fn pointer_of(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("/{}", path.replace(['.', '['], "/").replace(']', "")) }
}

/// Every schema of the contract, by its `$id`.
fn registry() -> Registry<'static> {
    let mut builder = Registry::new();
    for schema in EMBEDDED.messages.into_iter().chain([EMBEDDED.envelope, EMBEDDED.shared]).map(value) {
        let id = schema["$id"].as_str().expect("an $id").to_owned();
        builder = builder.add(id, schema).expect("an $id that is a URI");
    }
    builder.prepare().expect("references that lead somewhere")
}

fn validator(registry: &Registry<'_>, schema: &Value) -> Validator {
    jsonschema::options().with_registry(registry).build(schema).unwrap_or_else(|error| panic!("{schema}: {error}"))
}

fn definition_ref(dialect: &str, kind: &str) -> Value {
    json!({ "$ref": format!("urn:trunkline:protocol:1:messages:{dialect}#/$defs/{kind}") })
}

/// What a whole frame of a type must satisfy.
fn frame_schema(dialect: &str, kind: &str, definition: &Value) -> Value {
    let content = definition_ref(dialect, kind);
    let about = &definition["x-message"];
    if ["flat", "open"].contains(&dialect) || about["whole"] == true {
        return content;
    }
    let name = if dialect == "data" { "data" } else { "payload" };
    let required = names(&about["requires"]);
    if dialect == "native" {
        let known = value(EMBEDDED.envelope)["$defs"].get(kind).is_some();
        let envelope = if known { format!("#/$defs/{kind}") } else { String::new() };
        return json!({
            "$ref": format!("urn:trunkline:protocol:1:envelope{envelope}"),
            "required": required,
            "properties": { "type": { "const": kind }, "payload": content },
        });
    }
    let (top, wrapped): (Vec<&str>, Vec<&str>) = required.iter().partition(|field| **field == "payload");
    let mut top: Vec<&str> = top.iter().map(|_| name).chain(["type"]).collect();
    top.extend((!wrapped.is_empty()).then_some("_tl"));
    json!({
        "type": "object",
        "required": top,
        "properties": {
            "type": { "const": kind },
            name: content,
            "_tl": { "$ref": "urn:trunkline:protocol:1:messages:shared#/$defs/wrapper", "required": wrapped },
        },
    })
}

/// The texts of an array; none where there is no array.
pub(crate) fn names(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(|name| name.as_str().expect("a name")).collect()
}
