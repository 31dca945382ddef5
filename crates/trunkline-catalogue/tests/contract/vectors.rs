//! Every golden frame is accepted, or rejected for the field that it names.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use trunkline_catalogue::Catalogue;
use trunkline_catalogue::check::{Refused, Sender, check_as, check_frame};
use trunkline_catalogue::model::Direction;
use trunkline_protocol::{Dialect, Envelope, ErrorBody, ErrorCode};

use crate::oracle::{validators, value, wrong_fields};

const SPELLINGS: &str = include_str!("../../../../protocol/error-spellings.json");
const ERRORS: &str = include_str!("../../../../protocol/errors.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    #[expect(dead_code, reason = "for readers of the file")]
    about: Vec<String>,
    messages: Vec<Cases>,
}

/// The frames of one type.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cases {
    pub(crate) r#type: String,
    pub(crate) accepted: Vec<Value>,
    pub(crate) rejected: Vec<Rejected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rejected {
    pub(crate) frame: Value,
    pub(crate) path: String,
    pub(crate) why: String,
}

/// The golden frames of a dialect.
pub(crate) fn vectors(dialect: Dialect) -> Vec<Cases> {
    let text = match dialect {
        Dialect::Native => include_str!("../../../../protocol/vectors/messages/native.json"),
        Dialect::Payload => include_str!("../../../../protocol/vectors/messages/payload.json"),
        Dialect::Data => include_str!("../../../../protocol/vectors/messages/data.json"),
        Dialect::Flat => include_str!("../../../../protocol/vectors/messages/flat.json"),
        Dialect::Open => include_str!("../../../../protocol/vectors/messages/open.json"),
    };
    let vectors: Vectors = serde_json::from_str(text).expect("vectors of this form");
    vectors.messages
}

/// The words for people begin as the vector's do, where both say what was expected.
fn says(words: &str, why: &str) -> bool {
    let expected = |text: &str| text.split(", got").next().map(str::to_owned);
    let simple =
        ["missing", "expected string", "expected integer", "expected number", "expected boolean", "expected object"];
    !simple.iter().any(|start| why.starts_with(start) && !why.contains(" or ")) || expected(words) == expected(why)
}

#[test]
fn golden_frames_are_accepted_or_rejected_for_the_field_that_is_wrong() {
    for dialect in Dialect::ALL {
        let order: Vec<String> = vectors(dialect).into_iter().map(|cases| cases.r#type).collect();
        let types = Catalogue::embedded().types(dialect);
        assert_eq!(order, types.iter().map(|message| message.name.clone()).collect::<Vec<_>>());
        for (cases, message) in vectors(dialect).into_iter().zip(types) {
            assert!(!cases.accepted.is_empty() && cases.rejected.len() >= 2, "{} in {}", message.name, dialect.name());
            for frame in cases.accepted {
                assert_eq!(check_as(message, &frame.to_string()), Ok(()), "{frame}");
            }
            for Rejected { frame, path, why } in cases.rejected {
                match check_as(message, &frame.to_string()) {
                    Err(Refused::Fault(fault)) if fault.path == path && says(&fault.words, &why) => {}
                    other => panic!("{frame}: {path}: {why}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn golden_frames_are_as_another_reader_of_the_schema_says() {
    for dialect in Dialect::ALL {
        for Cases { r#type: kind, accepted, rejected } in vectors(dialect) {
            let validator = &validators()[&(dialect.name(), kind)];
            for frame in accepted {
                assert_eq!(wrong_fields(validator, &frame), BTreeSet::new(), "{frame}");
            }
            for Rejected { frame, path, why } in rejected {
                assert_eq!(wrong_fields(validator, &frame), BTreeSet::from([path]), "{why}: {frame}");
            }
        }
    }
}

#[test]
fn a_frame_is_accepted_from_whoever_sends_its_type() {
    for dialect in Dialect::ALL {
        for Cases { r#type: kind, accepted, .. } in vectors(dialect) {
            let message = Catalogue::embedded().find(dialect, &kind).expect("a type");
            let text = accepted[0].to_string();
            for sender in [Sender::Client, Sender::Gateway] {
                let sends = match message.direction {
                    _ if message.local => false,
                    Direction::Both => true,
                    Direction::ToClient => sender == Sender::Gateway,
                    Direction::ToGateway => sender == Sender::Client,
                };
                match check_frame(dialect, sender, text.as_bytes()) {
                    Ok(found) if sends && found.name == kind => {}
                    Err(Refused::Direction { name, .. }) if !sends && name == kind => {}
                    other => panic!("{text}: {other:?}"),
                }
            }
        }
    }
}

/// The frame that the table of spellings makes of an error.
fn spelled(spelling: &Value, error: &Value, row: &Value) -> Value {
    let mut frame = serde_json::json!({ "type": spelling["type"] });
    for (path, source) in spelling["fields"].as_object().expect("fields") {
        let found = match source.as_str().expect("a name") {
            "error" => Some(error),
            source @ ("payload_code" | "severity") => row.get(source),
            field => error.get(field),
        };
        if let Some(found) = found {
            let place = path.split('.').fold(&mut frame, |place, name| &mut place[name]);
            *place = found.clone();
        }
    }
    frame
}

/// The frame that the gateway makes of an error.
fn written(dialect: Dialect, error: ErrorBody<'_>, timestamp: &Value) -> Value {
    let (kind, payload) = error.spelled(dialect);
    let (ts, payload) = (timestamp.as_str().map(Into::into), payload.map(Into::into));
    let mut frame = Vec::new();
    dialect.encode(&Envelope { ts, payload, error: Some(error), ..Envelope::new(kind) }, &mut frame);
    serde_json::from_slice(&frame).expect("JSON")
}

#[test]
fn every_error_is_spelled_as_its_dialect_defines_it() {
    let (spellings, errors) = (value(SPELLINGS), value(ERRORS));
    for dialect in Dialect::ALL {
        let spelling = &spellings["dialects"][dialect.name()];
        for (code, row) in ErrorCode::ALL.iter().zip(errors["errors"].as_array().expect("rows")) {
            let error = serde_json::to_value(code.body()).expect("JSON");
            let mut frame = spelled(spelling, &error, row);
            if dialect == Dialect::Flat {
                frame["timestamp"] = "2026-01-02T03:04:05.678Z".into();
            }
            let checked = check_frame(dialect, Sender::Gateway, frame.to_string().as_bytes());
            assert!(checked.is_ok(), "{frame}: {checked:?}");
            assert_eq!(written(dialect, code.body(), &frame["timestamp"]), frame);
        }
    }
}
