//! `[[topic]]`: how much of a topic is kept, and for how long.

use std::time::Duration;

use trunkline_core::channel::TOPIC_BYTES_MAX;

use super::finding::Wrong;
use super::node::Node;
use super::section::Section;
use super::value;

const DAY: Duration = Duration::from_hours(24);

/// How much is kept of the topics whose names fit a pattern. The first one that fits counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRule {
    /// Which topics; `*` fits any characters.
    pub pattern: String,
    /// Messages. Default: 1,000.
    pub keep_records: u64,
    /// Bytes of them. Default: 8 MiB.
    pub keep_bytes: u64,
    /// How long a topic is kept that nobody listens or publishes to, at least. Default: 24 h.
    pub keep: Duration,
}

impl Default for TopicRule {
    fn default() -> Self {
        Self { pattern: "*".to_owned(), keep_records: 1_000, keep_bytes: 8 << 20, keep: DAY }
    }
}

impl TopicRule {
    pub(super) fn read_all(root: &mut Section<'_>) -> Vec<Self> {
        root.sections("topic", |section| {
            let default = Self::default();
            let pattern = section.required("pattern", "\"news.*\"", pattern);
            let keep_records = section.or("keep_records", default.keep_records, value::integer(1..=1_000_000_000));
            let keep_bytes = section.or("keep_bytes", default.keep_bytes, value::size(4096..=1 << 40));
            let keep = section.or("keep", default.keep, value::duration(Duration::from_mins(1)..=3650 * DAY));
            Some(Self { pattern: pattern?, keep_records, keep_bytes, keep })
        })
    }
}

fn pattern(node: &Node) -> Result<String, Wrong> {
    let is_plain = |pattern: &String| {
        let is_possible = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '*');
        pattern.len() <= TOPIC_BYTES_MAX && pattern.chars().all(is_possible)
    };
    let expected = "a pattern of at most 256 letters, digits and _ . - *";
    value::text(node).ok().filter(is_plain).ok_or_else(|| Wrong::expected(expected, node.describe()))
}
