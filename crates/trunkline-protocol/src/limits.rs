//! The limits that the gateway announces in `welcome` and enforces.

use serde::Serialize;

/// What one connection may ask of the gateway. The defaults are those of `protocol/limits.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Bytes of one message on the wire; above it the connection closes with 1009. And bytes of its payload as JSON, which
    /// may be more where it came as MessagePack; above it: `payload_too_large`.
    pub message_bytes_max: usize,
    /// Bytes of one message before the connection has authenticated.
    pub message_bytes_before_auth_max: usize,
    /// Nested arrays and objects in one message. Above it: `payload_too_deep`.
    pub depth_max: usize,
    /// Durable messages that may be unacknowledged at once. Above it: `too_many_in_flight`.
    pub in_flight_max: usize,
    /// Longest time that a run may take on any route, in milliseconds; a longer wish is shortened to it.
    pub deadline_ms_max: u64,
    /// Runs that one `hello` may resume, and as many other channels, the session's own among them. Above it:
    /// `bad_envelope`.
    pub resume_channels_max: usize,
    /// Runs of a session that may wait for their turn. Above it: `busy`.
    pub runs_waiting_max: usize,
    /// Runs of a session that may go beside the others, on routes that allow it. Above it: `busy`.
    pub runs_parallel_max: usize,
    /// Events of one run. Above it the run fails with `payload_too_large`.
    pub run_events_max: u64,
    /// Bytes of all events of one run. Above it the run fails with `payload_too_large`.
    pub run_bytes_max: u64,
    /// Bytes of one event or result of a run. Above it the run fails with `payload_too_large`.
    pub event_bytes_max: usize,
    /// Messages of one connection in a minute that are refused as mistakes. Above it the connection closes with 4505.
    pub mistakes_per_minute_max: u32,
    /// Protocol pings of one connection in a second. Above it the connection closes with 4006.
    pub pings_per_second_max: u32,
}

impl Limits {
    /// The limits that no configuration changes, and the defaults of the others.
    pub const DEFAULT: Self = Self {
        message_bytes_max: 1024 * 1024,
        message_bytes_before_auth_max: 16 * 1024,
        depth_max: 64,
        in_flight_max: 64,
        deadline_ms_max: 120_000,
        resume_channels_max: 64,
        runs_waiting_max: 16,
        runs_parallel_max: 16,
        run_events_max: 1_000_000,
        run_bytes_max: 8 * 1024 * 1024,
        event_bytes_max: 256 * 1024,
        mistakes_per_minute_max: 10,
        pings_per_second_max: 100,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
