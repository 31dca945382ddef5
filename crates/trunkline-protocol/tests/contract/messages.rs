//! `protocol/schema/messages`: every type of the catalogue has a definition with examples, and its golden vectors are
//! accepted, or rejected for the field that they name.
//!
//! What a definition is of differs: the whole frame in `flat` and `open`, what stands under the payload's name elsewhere.
//! [`frame_schema`] says how the rest of a frame is checked.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Registry, Validator};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use trunkline_protocol::{Dialect, ErrorCode, Limits, PayloadError};

const ENVELOPE: &str = include_str!("../../../../protocol/schema/envelope.schema.json");
const SHARED: &str = include_str!("../../../../protocol/schema/messages/shared.schema.json");
const ERRORS: &str = include_str!("../../../../protocol/errors.json");
const SPELLINGS: &str = include_str!("../../../../protocol/error-spellings.json");

macro_rules! dialect {
    ($name:literal, $types:expr) => {
        Files {
            name: $name,
            schema: include_str!(concat!("../../../../protocol/schema/messages/", $name, ".schema.json")),
            vectors: include_str!(concat!("../../../../protocol/vectors/messages/", $name, ".json")),
            types: $types,
        }
    };
}

const DIALECTS: [Files; 5] = [
    dialect!("native", NATIVE),
    dialect!("payload", PAYLOAD),
    dialect!("data", DATA),
    dialect!("flat", FLAT),
    dialect!("open", OPEN),
];

/// One dialect's files, and the types of the catalogue that are at home there.
struct Files {
    name: &'static str,
    schema: &'static str,
    vectors: &'static str,
    types: &'static str,
}

const NATIVE: &str = "hello welcome attach attached detach ack cancel cancel_ack reset token_expiring refresh refreshed go_away \
    endpoints_changed heartbeat connected presence_join presence_leave presence_state publish subscribe unsubscribe run_started \
    run_event run_waiting run_completed run_failed run_cancelled run_expired answer notification service_status file.list \
    file.stat file.read file.write file.move file.copy file.delete file.mkdir file.watch file.upload file.download \
    terminal.open terminal.opened terminal.closed command.run command_output error ping pong health_check health_response";

const PAYLOAD: &str = "connection_established ping pong health_check health_response user_message llm_response goal_received \
    plan_ready goal_completed command_execution_start command_execution_end workflow_step_started workflow_step_completed \
    workflow_approval_required workflow_approval workflow_cancel workflow_completed workflow_failed workflow_cancelled error \
    progress llm_status settings_updated file_uploaded knowledge_base_update tool_code tool_output thought diagnostics_report \
    user_permission_request user_permission_response echo";

const DATA: &str = "chat_message chat_response typing_indicator ping pong start_reasoning stop_reasoning reasoning_update \
    reasoning_complete start_evolution stop_evolution evolution_progress evolution_complete manage_mcp_server mcp_server_status \
    mcp_server_health tool_discovered tool_call_result request_system_metrics system_metrics gpu_metrics system_alert \
    ollama_status ollama_model_update ollama_metrics ollama_error memory_update connection_status connection_error \
    connection_failed error";

const FLAT: &str = "user_message agent_message agent_streaming agent_complete system_message warning_message error_message \
    session_created session_updated session_expired file_selected file_processing file_complete file_error question_answer \
    visualization_data analysis_result workflow_generated sop_generated status_update progress_update ping pong";

const OPEN: &str = "request_workspace_analysis connected error ping pong";

/// The native types that a client of any dialect needs; `flat` spells two of them by types of its own.
const EVERYWHERE: &str = "hello ack cancel cancel_ack reset go_away run_started run_event run_waiting run_failed run_cancelled \
    run_expired answer";

const CLASSES: [&str; 4] = ["durable", "stream", "latest", "control"];
const DIRECTIONS: [&str; 3] = ["to_client", "to_gateway", "both"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    #[expect(dead_code, reason = "for readers of the file")]
    about: Vec<String>,
    messages: Vec<Cases>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    r#type: String,
    accepted: Vec<Value>,
    rejected: Vec<Rejected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rejected {
    frame: Value,
    path: String,
    why: String,
}

#[derive(Deserialize)]
struct Spellings {
    dialects: BTreeMap<String, Spelling>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spelling {
    r#type: String,
    fields: BTreeMap<String, String>,
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn definitions(dialect: &Files) -> Map<String, Value> {
    let Value::Object(definitions) = value(dialect.schema)["$defs"].take() else {
        panic!("{}: no $defs", dialect.name)
    };
    definitions
}

fn vectors(dialect: &Files) -> Vec<Cases> {
    let vectors: Vectors = serde_json::from_str(dialect.vectors).expect("vectors of this form");
    vectors.messages
}

/// Every schema of the contract, by its `$id`.
fn registry() -> Registry<'static> {
    let files = DIALECTS.iter().map(|dialect| dialect.schema).chain([ENVELOPE, SHARED]);
    let mut builder = Registry::new();
    for schema in files.map(value) {
        let id = schema["$id"].as_str().expect("an $id").to_owned();
        builder = builder.add(id, schema).expect("an $id that is a URI");
    }
    builder.prepare().expect("references that lead somewhere")
}

fn validator(registry: &Registry<'_>, schema: &Value) -> Validator {
    jsonschema::options().with_registry(registry).build(schema).unwrap_or_else(|error| panic!("{schema}: {error}"))
}

fn definition_ref(dialect: &Files, kind: &str) -> Value {
    json!({ "$ref": format!("urn:trunkline:protocol:1:messages:{}#/$defs/{kind}", dialect.name) })
}

/// What a whole frame of a type must satisfy.
fn frame_schema(dialect: &Files, kind: &str, definition: &Value) -> Value {
    let content = definition_ref(dialect, kind);
    let about = &definition["x-message"];
    if ["flat", "open"].contains(&dialect.name) || about["whole"] == true {
        return content;
    }
    let name = if dialect.name == "data" { "data" } else { "payload" };
    let required = names(&about["requires"]);
    if dialect.name == "native" {
        let envelope =
            if value(ENVELOPE)["$defs"].get(kind).is_some() { format!("#/$defs/{kind}") } else { String::new() };
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
fn names(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(|name| name.as_str().expect("a name")).collect()
}

/// The fields of a frame that are wrong, as dotted paths.
fn wrong_fields(validator: &Validator, frame: &Value) -> BTreeSet<String> {
    let path = |error: jsonschema::ValidationError<'_>| {
        let place = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
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

#[test]
fn the_schemas_are_valid_json_schema() {
    for schema in DIALECTS.iter().map(|dialect| dialect.schema).chain([SHARED]) {
        assert!(jsonschema::meta::is_valid(&value(schema)));
    }
}

#[test]
fn every_type_of_the_catalogue_is_defined_in_its_order() {
    for dialect in &DIALECTS {
        let definitions = definitions(dialect);
        let expected: Vec<&str> = dialect.types.split_whitespace().collect();
        let found: Vec<&str> = definition_names(dialect).filter(|name| expected.contains(name)).collect();
        assert_eq!(found, expected, "{}", dialect.name);
        for kind in EVERYWHERE.split_whitespace() {
            assert!(definitions.contains_key(kind), "{} in {}", kind, dialect.name);
        }
    }
}

/// The names of `$defs` as they follow each other in the file: a map of `serde_json` has an order of its own.
fn definition_names(dialect: &Files) -> impl Iterator<Item = &'static str> {
    let name = |line: &'static str| line.strip_prefix("    \"")?.strip_suffix("\": {");
    dialect.schema.lines().filter_map(name)
}

#[test]
fn every_definition_says_what_it_is_and_shows_it() {
    let registry = registry();
    for dialect in &DIALECTS {
        for (kind, definition) in definitions(dialect) {
            let about = &definition["x-message"];
            let place = format!("{kind} in {}: {about}", dialect.name);
            assert!(definition["description"].as_str().is_some_and(|text| text.ends_with(['.', '?'])), "{place}");
            assert!(DIRECTIONS.iter().any(|direction| about["direction"] == *direction), "{place}");
            assert!(CLASSES.iter().any(|class| about["class"] == *class), "{place}");
            assert_eq!(about["class"] == "latest", about["key"].is_array(), "{place}");
            assert_eq!(about["class"] == "stream", about["foldable"] == true, "{place}");

            let validator = validator(&registry, &definition_ref(dialect, &kind));
            let examples = definition["examples"].as_array().expect("examples");
            assert!(!examples.is_empty(), "{place}");
            for example in examples {
                assert_eq!(wrong_fields(&validator, example), BTreeSet::new(), "{place}: {example}");
            }
        }
    }
}

#[test]
fn what_a_control_message_requires_is_what_the_envelope_schema_requires() {
    let envelope = value(ENVELOPE);
    for (kind, definition) in definitions(&DIALECTS[0]) {
        if let Some(known) = envelope["$defs"].get(&kind) {
            let sorted = |value: &Value| names(value).into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
            assert_eq!(sorted(&definition["x-message"]["requires"]), sorted(&known["required"]), "{kind}");
        }
    }
}

#[test]
fn golden_frames_are_accepted_or_rejected_for_the_field_that_is_wrong() {
    let registry = registry();
    for dialect in &DIALECTS {
        let definitions = definitions(dialect);
        let cases = vectors(dialect);
        let order: Vec<&str> = cases.iter().map(|cases| cases.r#type.as_str()).collect();
        assert_eq!(order, definition_names(dialect).collect::<Vec<_>>(), "{}", dialect.name);
        for Cases { r#type: kind, accepted, rejected } in &cases {
            let place = format!("{kind} in {}", dialect.name);
            let validator = validator(&registry, &frame_schema(dialect, kind, &definitions[kind]));
            assert!(!accepted.is_empty() && rejected.len() >= 2, "{place}");
            for frame in accepted {
                assert_eq!(wrong_fields(&validator, frame), BTreeSet::new(), "{place}: {frame}");
            }
            for Rejected { frame, path, why } in rejected {
                assert_eq!(wrong_fields(&validator, frame), BTreeSet::from([path.clone()]), "{place}: {why}: {frame}");
            }
        }
    }
}

#[test]
fn accepted_frames_are_written_as_they_were_read() {
    for dialect in &DIALECTS {
        let codec = Dialect::ALL.into_iter().find(|codec| codec.name() == dialect.name).expect("every dialect has one");
        for frame in vectors(dialect).iter().flat_map(|cases| &cases.accepted) {
            let text = frame.to_string();
            let mut again = Vec::new();
            let envelope =
                codec.decode(&text, Limits::default().depth_max).unwrap_or_else(|error| panic!("{text}: {error}"));
            codec.encode(&envelope, &mut again);
            assert_eq!(serde_json::from_slice::<Value>(&again).expect("JSON"), *frame, "{}", dialect.name);
            for other in Dialect::ALL {
                let (mut there, mut back) = (Vec::new(), Vec::new());
                other.encode(&envelope, &mut there);
                let there = String::from_utf8(there).expect("text");
                codec.encode(&other.decode(&there, Limits::default().depth_max).expect("what was written"), &mut back);
                assert_eq!(serde_json::from_slice::<Value>(&back).expect("JSON"), *frame, "through {there}");
            }
        }
    }
}

/// The frame that the table of spellings makes of an error.
fn spelled(spelling: &Spelling, error: &Value, row: &Value) -> Value {
    let mut frame = json!({ "type": spelling.r#type });
    for (path, source) in &spelling.fields {
        let found = match source.as_str() {
            "error" => Some(error),
            "payload_code" | "severity" => row.get(source),
            field => error.get(field),
        };
        if let Some(found) = found {
            let place = path.split('.').fold(&mut frame, |place, name| &mut place[name]);
            *place = found.clone();
        }
    }
    frame
}

#[test]
fn every_error_is_spelled_as_its_dialect_defines_it() {
    let registry = registry();
    let spellings: Spellings = serde_json::from_str(SPELLINGS).expect("spellings of this form");
    let errors = value(ERRORS);
    for dialect in &DIALECTS {
        let spelling = &spellings.dialects[dialect.name];
        let definition = &definitions(dialect)[&spelling.r#type];
        let validator = validator(&registry, &frame_schema(dialect, &spelling.r#type, definition));
        for (code, row) in ErrorCode::ALL.iter().zip(errors["errors"].as_array().expect("rows")) {
            let error = serde_json::to_value(code.body()).expect("JSON");
            let mut frame = spelled(spelling, &error, row);
            if dialect.name == "flat" {
                frame["timestamp"] = json!("2026-01-02T03:04:05.678Z");
            }
            assert_eq!(wrong_fields(&validator, &frame), BTreeSet::new(), "{frame}");
            if dialect.name == "payload" {
                assert_eq!(frame["payload"], serde_json::to_value(PayloadError::from(&code.body())).expect("JSON"));
            }
        }
    }
}
