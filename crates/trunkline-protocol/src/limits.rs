//! The limits that the gateway announces in `welcome` and enforces.

use serde::Serialize;

/// What one connection may ask of the gateway. The defaults are those of `protocol/limits.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Bytes of one message. Above it the connection closes with 1009.
    pub message_bytes_max: usize,
    /// Bytes of one message before the connection has authenticated.
    pub message_bytes_before_auth_max: usize,
    /// Nested arrays and objects in one message. Above it: `payload_too_deep`.
    pub depth_max: usize,
    /// Durable messages that may be unacknowledged at once. Above it: `too_many_in_flight`.
    pub in_flight_max: usize,
    /// Longest time that a run may take, in milliseconds; a longer wish is shortened to it.
    pub deadline_ms_max: u64,
    /// Channels that one `hello` may resume.
    pub resume_channels_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: 1024 * 1024,
            message_bytes_before_auth_max: 16 * 1024,
            depth_max: 64,
            in_flight_max: 64,
            deadline_ms_max: 600_000,
            resume_channels_max: 64,
        }
    }
}
