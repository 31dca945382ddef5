//! `protocol/vectors/dialects.json`: one message in all dialects, converted from each to each.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use trunkline_protocol::{Dialect, Limits};

use crate::vectors::{Rejected, decode, dialect, encode, value};

const FILE: &str = include_str!("../../../../protocol/vectors/dialects.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    #[expect(dead_code, reason = "for readers of the file")]
    about: Vec<String>,
    conversions: Vec<Conversion<Value>>,
    texts: Vec<Conversion<String>>,
    written_otherwise: Vec<WrittenOtherwise>,
    rejected: Vec<Rejected>,
}

#[derive(Deserialize)]
struct Conversion<T> {
    name: String,
    /// By the dialect's name.
    #[serde(flatten)]
    spelled: BTreeMap<String, T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOtherwise {
    name: String,
    dialect: String,
    frame: Value,
    native: Value,
}

fn read() -> Vectors {
    serde_json::from_str(FILE).expect("the vectors are JSON of this form")
}

/// What `text` in dialect `from` is in every dialect.
fn converted(from: Dialect, text: &str) -> BTreeMap<String, String> {
    let envelope = decode(from, text);
    Dialect::ALL.into_iter().map(|to| (to.name().to_owned(), encode(to, &envelope))).collect()
}

#[test]
fn a_message_is_spelled_the_same_whichever_dialect_it_comes_from() {
    for Conversion { name, spelled } in read().conversions {
        for from in Dialect::ALL {
            let written = converted(from, &spelled[from.name()].to_string());
            let written: BTreeMap<_, _> = written.into_iter().map(|(to, text)| (to, value(&text))).collect();
            assert_eq!(written, spelled, "{name} from {}", from.name());
        }
    }
}

#[test]
fn content_stays_the_text_that_it_was() {
    for Conversion { name, spelled } in read().texts {
        for from in Dialect::ALL {
            assert_eq!(converted(from, &spelled[from.name()]), spelled, "{name} from {}", from.name());
        }
    }
}

#[test]
fn other_spellings_of_a_message_are_understood() {
    for WrittenOtherwise { name, dialect: from, frame, native } in read().written_otherwise {
        let written = converted(dialect(&from), &frame.to_string());
        assert_eq!(value(&written["native"]), native, "{name} in {from}");
        assert_ne!(value(&written[&from]), frame, "{name} in {from} is a conversion");
    }
}

#[test]
fn what_is_no_message_of_its_dialect_is_refused() {
    let depth_max = Limits::default().depth_max;
    for Rejected { name, dialect: from, wire, code, .. } in read().rejected {
        match dialect(&from).decode(&wire, depth_max) {
            Ok(_) => panic!("{name} in {from} was accepted"),
            Err(error) => assert_eq!(error.code().name(), code, "{name} in {from}: {error}"),
        }
    }
}
