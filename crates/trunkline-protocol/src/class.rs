//! Which types the gateway itself gives a meaning to, and how each is delivered.
//!
//! `protocol/schema/messages` leads: each type has its class there. What stands here is what the gateway has to know without
//! reading a schema; `tests/contract/types.rs` of `trunkline-catalogue` compares the two.

/// How a message is kept and delivered (`docs/glossary.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// A record with a position, delivered in order, replayed after a reconnect.
    Durable,
    /// State where only the newest value matters; no position.
    Latest,
    /// Belongs to one connection; never logged.
    Control,
}

/// Whether a type says something about a run or a connection that only the gateway can know.
pub fn belongs_to_gateway(kind: &str) -> bool {
    kind.starts_with("run_") || class_of(kind) == Class::Control
}

/// The class of a message of this type, in whatever dialect. Types that the gateway does not know are durable:
/// a service defined them, and a service's messages are worth keeping.
///
/// An `error` of the gateway is control; what ends a run is a durable message of its channel, however it is spelled.
pub fn class_of(kind: &str) -> Class {
    match kind {
        "hello"
        | "welcome"
        | "attach"
        | "attached"
        | "detach"
        | "ack"
        | "cancel"
        | "cancel_ack"
        | "reset"
        | "go_away"
        | "token_expiring"
        | "refresh"
        | "refreshed"
        | "heartbeat"
        | "subscribe"
        | "unsubscribe"
        | "ping"
        | "pong"
        | "health_check"
        | "health_response"
        | "connection_established"
        | "connection_status"
        | "connection_error"
        | "connection_failed"
        | "connected"
        | "session_created"
        | "session_updated"
        | "session_expired"
        | "echo"
        | "presence_join"
        | "presence_leave"
        | "presence_members"
        | "terminal.open"
        | "terminal.opened"
        | "error"
        | "error_message" => Class::Control,
        "progress"
        | "progress_update"
        | "status_update"
        | "file_processing"
        | "typing_indicator"
        | "llm_status"
        | "diagnostics_report"
        | "evolution_progress"
        | "mcp_server_status"
        | "mcp_server_health"
        | "system_metrics"
        | "gpu_metrics"
        | "ollama_status"
        | "ollama_model_update"
        | "ollama_metrics"
        | "endpoints_changed"
        | "presence_state"
        | "service_status" => Class::Latest,
        _ => Class::Durable,
    }
}
