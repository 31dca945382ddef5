//! Which types the gateway itself gives a meaning to, and how each is delivered.

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

/// The class of a message of this type. Types that the gateway does not know are durable:
/// a service defined them, and a service's messages are worth keeping.
pub fn class_of(kind: &str) -> Class {
    match kind {
        "hello"
        | "welcome"
        | "ack"
        | "cancel"
        | "cancel_ack"
        | "reset"
        | "go_away"
        | "heartbeat"
        | "ping"
        | "pong"
        | "health_check"
        | "health_response"
        | "connection_established"
        | "connected"
        | "echo"
        | "error" => Class::Control,
        "progress" => Class::Latest,
        _ => Class::Durable,
    }
}
