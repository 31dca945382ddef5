//! Short texts that come from outside: positions, ids, names, trace contexts, paths, and the scan before every parser. Each
//! is judged here a second time, in another way.
//!
//! Shared with the fuzz target, so that every input which it finds can be replayed here.

use serde_json::Value;
use trunkline_core::channel::ChannelKey;
use trunkline_core::router::{Pattern, Router};
use trunkline_protocol::{Position, is_message_id, is_traceparent, scan};

/// What the scan is asked about, below and above what a fuzzer nests.
const DEPTHS: std::ops::Range<usize> = 0..10;

/// Nesting that `serde_json` reads.
const SERDE_DEPTH_MAX: usize = 127;

pub(crate) fn check_fuzz_input(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    check_position(text);
    assert_eq!(is_traceparent(text), looks_like_a_traceparent(text.as_bytes()), "{text}");
    let is_id = (1..=64).contains(&text.chars().count())
        && text.chars().all(|character| matches!(character, 'A'..='Z' | 'a'..='z' | '0'..='9' | '_' | '.' | ':' | '-'));
    assert_eq!(is_message_id(text), is_id, "{text}");
    check_channel(text);
    check_scan(text);
    check_path(text);
    check_pattern(text);
}

/// Text that is a position is the only text of that position.
fn check_position(text: &str) {
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string(), text);
    }
}

/// By places, where the product goes by dashes.
fn looks_like_a_traceparent(text: &[u8]) -> bool {
    let Some((fields, more)) = text.split_at_checked(55) else { return false };
    let is_placed = |(place, byte): (usize, &u8)| match place {
        2 | 35 | 52 => *byte == b'-',
        _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(byte),
    };
    let is_later = !fields.starts_with(b"00-") && more.first() == Some(&b'-');
    fields.iter().enumerate().all(is_placed)
        && !fields.starts_with(b"ff")
        && fields[3..35] != [b'0'; 32]
        && fields[36..52] != [b'0'; 16]
        && (more.is_empty() || is_later)
        && text.len() <= 256
        && text.iter().all(u8::is_ascii_graphic)
}

fn check_channel(text: &str) {
    if let Some(channel) = ChannelKey::from_public_name("realm", text) {
        assert_eq!((channel.public_name(), channel.realm()), (text, "realm"));
        assert_eq!(format!("{}:{}", channel.kind().name(), channel.id()), text);
        assert_eq!(ChannelKey::new("realm", channel.kind(), channel.id()), channel);
    }
}

/// Of a text that is JSON, the scan knows the depth.
fn check_scan(text: &str) {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return };
    assert_eq!(scan(text, SERDE_DEPTH_MAX), Ok(()), "{text}");
    let depth = depth_of(&value);
    // Of members with one name, the tree has the last alone.
    let is_whole = depth_of_text(text) == depth;
    for depth_max in DEPTHS.filter(|_| is_whole) {
        assert_eq!(scan(text, depth_max).is_ok(), depth <= depth_max, "{text}");
    }
}

fn depth_of(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(depth_of).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth_of).max().unwrap_or(0),
        _ => 0,
    }
}

/// The depth of a text that is JSON, counted by its brackets.
fn depth_of_text(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0, 0, false, false);
    for character in text.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn check_path(path: &str) {
    let patterns =
        ["/", "/ws", "/ws/", "/ws/{agent}", "/agents/{agent}/{pillar}", "/agents/{agent}/live", "/caf%C3%A9/{x}"];
    let patterns = patterns.map(|pattern| Pattern::parse(pattern).expect("a pattern")).to_vec();
    let router = Router::new(patterns).expect("no two are alike");
    assert!(router.nearest(path, 3).len() <= 3);
    let Ok(found) = router.find(path) else { return };
    for (_, value) in found.params {
        let is_plain = !value.contains(|character: char| character == '/' || character.is_control());
        assert!(is_plain && !matches!(&*value, "" | "." | ".."), "{path}: {value}");
    }
}

/// A pattern without parameters is a path that it fits.
fn check_pattern(text: &str) {
    let Ok(pattern) = Pattern::parse(text) else { return };
    assert_eq!(pattern.as_str(), text);
    let router = Router::new(vec![pattern]).expect("one is not alike another");
    if !text.contains('{') {
        assert_eq!(router.find(text).map(|found| found.route), Ok(0), "{text}");
    }
}
