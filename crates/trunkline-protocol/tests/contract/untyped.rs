//! Whatever an old client sends, it is read as a frame that says what it said, and its token is found and taken out.
//!
//! Shared with the fuzz target, so that every input which it finds can be replayed here.

use std::borrow::Cow;

use trunkline_protocol::old_frames::{OldFrame, OldFrames, session_token, without_session_token};
use trunkline_protocol::{Dialect, Envelope};

use crate::respelling::{Spelling, members, respelled};

const DEPTH_MAX: usize = 64;

/// Members that mean something at the top of some dialect's frame.
const MEANINGFUL: [&str; 7] = ["_tl", "metadata", "message_id", "timestamp", "session_id", "payload", "data"];

/// Reads the input as each route and dialect would.
pub(crate) fn check_fuzz_input(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for dialect in [Dialect::Payload, Dialect::Data, Dialect::Flat, Dialect::Open] {
        for rules in routes() {
            check_text(&rules, dialect, text);
        }
    }
    if let Ok(envelope) = Dialect::Flat.decode(text, DEPTH_MAX) {
        check_token(&envelope);
    }
}

fn routes() -> [OldFrames; 4] {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let type_from = names(&["type", "event", "update_type"]);
    let some = |name: &str| Some(name.to_owned());
    [
        OldFrames { type_from, default_type: some("user_message"), text_type: some("chat") },
        OldFrames { type_from: names(&["event"]), default_type: some("other"), text_type: None },
        OldFrames { type_from: names(&["event"]), default_type: None, text_type: some("chat") },
        OldFrames::default(),
    ]
}

fn check_text(rules: &OldFrames, dialect: Dialect, text: &str) {
    let frame = match rules.read(dialect, text) {
        OldFrame::Ping => return assert!(text.trim() == "ping" && rules.text_type.is_some(), "{text}"),
        OldFrame::As(Cow::Borrowed(same)) => return assert_eq!(same, text),
        OldFrame::As(Cow::Owned(frame)) => frame,
    };
    let read = dialect.decode(&frame, DEPTH_MAX);
    if text.trim_start().starts_with('{') {
        // What is wrong with an object is still wrong with it.
        let Ok(envelope) = read else { return };
        assert_eq!(Some(&*envelope.kind), kind_of(rules, text).as_deref(), "{}: {text}", dialect.name());
        check_object(dialect, text, &envelope);
    } else {
        let envelope = read.unwrap_or_else(|error| panic!("{}: {text} as {frame}: {error}", dialect.name()));
        assert_eq!(Some(&*envelope.kind), rules.text_type.as_deref());
        let said = serde_json::Value::from(text).to_string();
        assert!(payload(&envelope).is_some_and(|payload| payload.contains(&said)), "{}: {text}", dialect.name());
    }
}

/// The type that a route gives to an object.
fn kind_of(rules: &OldFrames, object: &str) -> Option<String> {
    let members = members(object)?;
    let text_of = |name: &String| {
        let (_, value) = members.iter().find(|(known, _)| known == name)?;
        serde_json::from_str::<String>(value.get()).ok().filter(|text| !text.is_empty())
    };
    rules.type_from.iter().find_map(text_of).or_else(|| rules.default_type.clone())
}

/// An object in which nothing but the type has a meaning of its own is the whole content.
fn check_object(dialect: Dialect, object: &str, envelope: &Envelope<'_>) {
    let has_meaning = |(name, _): &(String, _)| MEANINGFUL.contains(&&**name);
    if members(object).is_none_or(|members| members.is_empty() || members.iter().any(has_meaning)) {
        return;
    }
    assert_eq!(payload(envelope), respelled(object, Spelling::Sorted), "{}: {object}", dialect.name());
}

fn check_token(envelope: &Envelope<'_>) {
    let Some(content) = payload(envelope) else { return };
    let members = members(&content).unwrap_or_default();
    let is_token = |(name, _): &(String, _)| name == "session_token";
    let has_token = members.iter().any(|member| is_token(member) && member.1.get().starts_with('"'));
    assert_eq!(session_token(envelope).is_some(), has_token, "{content}");
    let without = without_session_token(envelope);
    assert_eq!(session_token(&without), None, "{content}");
    let left: Vec<_> =
        members.iter().filter(|member| !is_token(member)).map(|(name, value)| (name, value.get())).collect();
    let content = payload(&without).unwrap_or_default();
    let found = self::members(&content).unwrap_or_default();
    assert_eq!(found.iter().map(|(name, value)| (name, value.get())).collect::<Vec<_>>(), left);
}

/// The content, in one spelling.
fn payload(envelope: &Envelope<'_>) -> Option<String> {
    let mut native = Vec::new();
    Dialect::Native.encode(envelope, &mut native);
    let native = String::from_utf8(native).expect("what is written is UTF-8");
    let members = members(&native).expect("a frame is an object");
    let (_, payload) = members.iter().find(|(name, _)| name == "payload")?;
    respelled(payload.get(), Spelling::Sorted)
}
