//! Which types there are, and that each shows what it is.

use serde_json::Value;
use trunkline_catalogue::Catalogue;
use trunkline_catalogue::check::check_as;
use trunkline_catalogue::model::Class;
use trunkline_catalogue::reader::EMBEDDED;
use trunkline_protocol::{Dialect, class_of};

use crate::oracle::{content_validator, definitions, names, value, wrong_fields};

const NATIVE: &str = "hello welcome attach attached detach ack cancel cancel_ack reset token_expiring refresh refreshed go_away \
    endpoints_changed heartbeat connected presence_join presence_leave presence_state presence_members publish subscribe unsubscribe run_started \
    run_event run_waiting run_input run_completed run_failed run_cancelled run_expired answer notification service_status file.list \
    file.stat file.read file.write file.move file.copy file.delete file.mkdir file.watch file.upload file.download \
    file.opened terminal.open terminal.opened terminal.closed command.run command_output error ping pong health_check \
    health_response progress";

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

const OPEN: &str = "request_workspace_analysis connected response error ping pong";

/// The native types that a client of any dialect needs; `flat` spells two of them by types of its own.
const EVERYWHERE: &str =
    "hello ack cancel cancel_ack reset go_away run_started run_event run_waiting run_input run_cancelled answer";

#[test]
fn every_type_is_there_in_its_order() {
    for (dialect, types) in Dialect::ALL.into_iter().zip([NATIVE, PAYLOAD, DATA, FLAT, OPEN]) {
        let expected: Vec<&str> = types.split_whitespace().collect();
        let all = Catalogue::embedded().types(dialect).iter().map(|message| message.name.as_str());
        assert_eq!(all.filter(|name| expected.contains(name)).collect::<Vec<_>>(), expected, "{}", dialect.name());
        for name in EVERYWHERE.split_whitespace() {
            let types = Catalogue::embedded().types(dialect);
            assert!(types.iter().any(|message| message.name == name), "{name} in {}", dialect.name());
        }
    }
}

#[test]
fn the_files_are_valid_json_schema() {
    for schema in EMBEDDED.messages.into_iter().chain([EMBEDDED.envelope, EMBEDDED.shared]) {
        assert!(jsonschema::meta::is_valid(&value(schema)));
    }
}

#[test]
fn every_type_says_what_it_is_and_shows_it() {
    for dialect in Dialect::ALL {
        for message in Catalogue::embedded().types(dialect) {
            assert!(message.description.ends_with(['.', '?']), "{}", message.name);
            assert!(!message.examples.is_empty(), "{}", message.name);
            let validator = content_validator(dialect, &message.name);
            for example in &message.examples {
                let example: Value = serde_json::to_value(example).expect("JSON");
                assert!(wrong_fields(&validator, &example).is_empty(), "{}: {example}", message.name);
            }
        }
    }
}

#[test]
fn every_example_is_shown_as_a_frame_that_is_accepted() {
    for dialect in Dialect::ALL {
        for message in Catalogue::embedded().types(dialect) {
            assert_eq!(message.example_frames().len(), message.examples.len());
            for frame in message.example_frames() {
                assert_eq!(check_as(message, &frame.to_string()), Ok(()), "{frame}");
            }
        }
    }
}

#[test]
fn what_a_control_message_requires_is_what_the_envelope_schema_requires() {
    let envelope = definitions(EMBEDDED.envelope);
    let native = definitions(EMBEDDED.messages[0]);
    for (kind, known) in envelope.iter().filter(|(kind, _)| native.contains_key(*kind)) {
        let sorted = |value: &Value| {
            let mut sorted = names(value).into_iter().map(str::to_owned).collect::<Vec<_>>();
            sorted.sort();
            sorted
        };
        assert_eq!(sorted(&native[kind]["x-message"]["requires"]), sorted(&known["required"]), "{kind}");
    }
}

/// Types whose class is not the same everywhere, and control types that a service answers until the gateway does.
fn is_left_to_others(name: &str) -> bool {
    ["error", "error_message", "request_system_metrics"].contains(&name) || name.starts_with("file.")
}

#[test]
fn a_type_has_one_class_and_the_gateway_knows_it() {
    for dialect in Dialect::ALL {
        for message in Catalogue::embedded().types(dialect).iter().filter(|message| !is_left_to_others(&message.name)) {
            let expected = match message.class {
                Class::Latest => trunkline_protocol::Class::Latest,
                Class::Control => trunkline_protocol::Class::Control,
                Class::Durable | Class::Stream => trunkline_protocol::Class::Durable,
            };
            assert_eq!(class_of(&message.name), expected, "{} in {}", message.name, dialect.name());
        }
    }
}
