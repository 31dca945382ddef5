//! What the check says, word for word.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::model::{Field, Literal, Object, Rule, Shape, Text};

#[test]
fn a_type_that_is_not_there_or_not_the_senders_is_an_outcome_of_its_own() {
    let check =
        |sender, frame: &str| check_frame(Dialect::Payload, sender, frame.as_bytes()).map(|found| found.name.clone());
    let unknown = Err(Refused::Unknown("our_own".to_owned()));
    assert_eq!(check(Sender::Client, r#"{"type":"our_own","payload":{"any":1}}"#), unknown);
    let refused = check(Sender::Client, r#"{"type":"llm_response","payload":1}"#).unwrap_err();
    assert_eq!(refused.to_string(), "type: llm_response is for the gateway to send, not for clients");
    let refused = check(Sender::Gateway, r#"{"type":"hello"}"#).unwrap_err();
    assert_eq!(refused.to_string(), "type: hello is for clients to send, not for the gateway");
    let local = check_frame(Dialect::Data, Sender::Gateway, br#"{"type":"connection_error"}"#).unwrap_err();
    assert_eq!(local.to_string(), "type: connection_error is raised by the client library and never sent");
    for (frame, words) in [
        ("{}", "type: missing"),
        (r#"{"type":7}"#, "type: expected string, got integer"),
        (r#"{"type":""}"#, "type: expected at least 1 character, got 0"),
        ("[]", "expected object, got array"),
        (r#"{"type":"our_own""#, "no JSON: expected a comma or the end (byte 17)"),
        (r#"{"type":"hello"} x"#, "no JSON: something follows the value (byte 17)"),
        ("", "no JSON: ends too early (byte 0)"),
    ] {
        assert_eq!(check(Sender::Client, frame).unwrap_err().to_string(), words, "{frame}");
    }
    let refused = check_frame(Dialect::Payload, Sender::Client, b"{\"\xff\":1}").unwrap_err();
    assert_eq!(refused, Refused::NotJson { what: "not UTF-8", at: 2 });
}

/// What is said of a value of this kind.
fn said_of(kind: &Kind, text: &str) -> String {
    match whole(kind, text) {
        Ok(()) => "fine".to_owned(),
        Err(refused) => refused.to_string(),
    }
}

#[test]
fn characters_are_counted_however_they_are_written() {
    let kind = Kind::Text(Text { characters_min: 2, characters_max: Some(3), pattern: None, format: None });
    for (text, said) in [
        (r#""\ud83d\ude00\u00e9""#, "fine"),
        (r#""\ud83d\ude00""#, "expected at least 2 characters, got 1"),
        (r#""éé😀""#, "fine"),
        (r#""éééé""#, "expected at most 3 characters, got 4"),
    ] {
        assert_eq!(said_of(&kind, text), said, "{text}");
    }
    let kind = Kind::Text(Text { characters_min: 2, characters_max: None, pattern: None, format: None });
    assert_eq!(said_of(&kind, r#""\ud83d\ude00""#), "expected at least 2 characters, got 1");
}

#[test]
fn a_field_that_is_left_out_meets_a_condition() {
    let any = Shape { definition: None, narrowed: false, description: None, unit: None, kind: Kind::Any };
    let field = |name: &str| Field { name: name.to_owned(), required: false, folded: false, shape: any.clone() };
    let when = Rule::When {
        field: "a".to_owned(),
        is: Literal::Boolean(true),
        then: vec!["b".to_owned()],
        otherwise: vec!["c".to_owned()],
    };
    let fields = vec![field("a"), field("b"), field("c")];
    let object = Object { fields, others: None, fields_min: 0, fields_max: Some(2), rules: vec![when] };
    let kind = Kind::Object(Arc::new(object));
    for (text, said) in [
        (r#"{"b":1}"#, "fine"),
        (r#"{"c":1}"#, "b: missing"),
        (r#"{"a": true ,"b":1}"#, "fine"),
        (r#"{"a":true,"c":1}"#, "b: missing"),
        (r#"{"a":false,"c":1}"#, "fine"),
        (r#"{"a":1}"#, "c: missing"),
        (r#"{"a":1,"b":1,"c":1}"#, "expected at most 2 fields, got 3"),
    ] {
        assert_eq!(said_of(&kind, text), said, "{text}");
    }
}

fn skips(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.skip().and_then(|()| scanner.end()).is_ok()
}

#[test]
fn what_is_skipped_may_be_deep_but_not_endless() {
    let nested = |depth: usize| format!("{}1{}", r#"{"a":["#.repeat(depth), "]}".repeat(depth));
    assert!(skips(&nested(64)));
    assert!(!skips(&nested(65)));
    let array = |depth: usize| "[".repeat(depth) + "1" + &"]".repeat(depth);
    assert!(skips(&array(128)));
    assert!(!skips(&array(129)));
    assert!(!skips(&"[".repeat(1_000_000)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// Pieces of JSON in any order are accepted exactly where `serde_json` accepts them.
    #[test]
    fn json_is_what_serde_reads(pieces in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", " ", "\n", "\"a\"", "\"", "\\", "\\u00", "\\ud83d\\ude00", "\\ud800", "\"\\n\"", "\"é\"",
        "0", "1", "-", ".", "e", "+", "12", "true", "false", "null", "nul", "\u{1}", "\"\u{1f}\"", "\u{7f}", "{\"a\":1}", "[1,2]", "{\"b\":[]}",
    ]), 1..9)) {
        let text = pieces.concat();
        // A number that no float holds is JSON, which serde_json cannot keep.
        let expected = match serde_json::from_str::<Value>(&text) {
            Ok(_) => true,
            Err(error) => error.to_string().contains("out of range"),
        };
        prop_assert_eq!(skips(&text), expected, "{:?}", text);
    }

    /// The characters of a string are those that `serde_json` reads.
    #[test]
    fn strings_say_what_serde_reads(body in r#"(a|é|😀|/|\\n|\\"|\\\\|\\/|\\u00[0-7][0-9a-f]|\\ud83d\\ude00){0,12}"#) {
        let text = format!("\"{body}\"");
        let expected: String = serde_json::from_str(&text).unwrap();
        let found = Scanner::new(&text).string().unwrap();
        prop_assert_eq!(&found.text(), &expected);
        prop_assert_eq!(found.length(), expected.chars().count() as u64);
        prop_assert!(found.is(&expected));
    }
}
