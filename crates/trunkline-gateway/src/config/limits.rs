//! `[limits]`: what clients may ask for, and how long the gateway waits for them.

use std::time::Duration;

use super::finding::Wrong;
use super::node::Node;
use super::section::Section;
use super::value;

/// What clients may ask for, and how long the gateway waits for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message. Default: 1 MiB.
    pub message_bytes: usize,
    /// Bytes of one message before the connection has authenticated. Default: 16 KiB.
    pub message_bytes_before_auth: usize,
    /// Nested arrays and objects in one message. Default: 64.
    pub depth: usize,
    /// Durable messages of one connection that may be unacknowledged. Default: 64.
    pub in_flight: usize,
    /// Connections of clients at once. Default: 100,000.
    pub connections: usize,
    /// Bytes that the buffers of all connections may take together. Default: a quarter of the machine's memory, at most
    /// 2 GiB.
    pub buffer_bytes: Option<usize>,
    /// How long an HTTP request or upgrade may take to arrive. Default: 10 s.
    pub handshake: Duration,
    /// How long a connection may take to authenticate where it must. Default: 10 s.
    pub auth_wait: Duration,
    /// How often a silent connection is asked whether it lives. Default: 25 s, below the minute after which proxies
    /// commonly drop a silent connection.
    pub heartbeat: Duration,
    /// How long a write may make no progress before the connection is given up. Default: 30 s.
    pub write_stall: Duration,
}

impl Limits {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let limits = Self {
            message_bytes: section.or("message_bytes", 1 << 20, bytes),
            message_bytes_before_auth: section.or("message_bytes_before_auth", 16 << 10, bytes),
            depth: section.or("depth", 64, value::count(1..=128)),
            in_flight: section.or("in_flight", 64, value::count(1..=4096)),
            connections: section.or("connections", 100_000, value::count(1..=10_000_000)),
            buffer_bytes: section.optional("buffer_bytes", all_bytes),
            handshake: section.or("handshake", Duration::from_secs(10), wait),
            auth_wait: section.or("auth_wait", Duration::from_secs(10), wait),
            heartbeat: section.or("heartbeat", Duration::from_secs(25), wait),
            write_stall: section.or("write_stall", Duration::from_secs(30), wait),
        };
        if limits.message_bytes_before_auth > limits.message_bytes {
            let expected = format!("at most limits.message_bytes, {} bytes", limits.message_bytes);
            let found = format!("{} bytes", limits.message_bytes_before_auth);
            section.mistake("message_bytes_before_auth", Wrong::expected(expected, found));
        }
        if let Some(all) = limits.buffer_bytes.filter(|all| *all < limits.message_bytes) {
            let expected = format!("at least limits.message_bytes, {} bytes", limits.message_bytes);
            section.mistake("buffer_bytes", Wrong::expected(expected, format!("{all} bytes")));
        }
        limits
    }
}

fn bytes(node: &Node) -> Result<usize, Wrong> {
    let bytes = value::size(1 << 10..=64 << 20)(node)?;
    Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
}

fn all_bytes(node: &Node) -> Result<usize, Wrong> {
    let bytes = value::size(1 << 20..=1 << 40)(node)?;
    Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
}

fn wait(node: &Node) -> Result<Duration, Wrong> {
    value::duration(Duration::from_millis(100)..=Duration::from_hours(1))(node)
}
