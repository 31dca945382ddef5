//! The check says of changed frames what another reader of the schema says.

use proptest::prelude::*;
use serde_json::{Value, json};
use trunkline_catalogue::Catalogue;
use trunkline_catalogue::check::{Refused, check_as};
use trunkline_protocol::Dialect;

use crate::oracle::{validators, wrong_fields};
use crate::vectors::vectors;

/// Values that are put where something else stood: every kind, and beyond the bounds that the schema has.
fn replacements() -> Vec<Value> {
    let long = "x".repeat(300);
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!(""),
        json!("a"),
        json!("é\n\"\\ 😀"),
        json!("/x"),
        json!("A_B"),
        json!("2026-01-02T03:04:05.678Z"),
        json!("x".repeat(257)),
        json!("x".repeat(256)),
        json!("😀".repeat(128)),
        json!(long),
        json!("x".repeat(4097)),
        json!(0),
        json!(-1),
        json!(1.0),
        json!(1.5),
        json!(100.5),
        json!(65536),
        json!(1e300),
        json!(9_007_199_254_740_991_u64),
        json!(9_007_199_254_740_992_u64),
        json!(-9_007_199_254_740_992_i64),
        json!([]),
        json!([1]),
        json!(["a", null]),
        json!({}),
        json!({"a": 1}),
        json!({"a": null, "status": 1, "signal": "x"}),
    ]
}

/// What is done at one place of a frame.
#[derive(Clone, Debug)]
enum Change {
    Replace(Value),
    Drop,
    Add(&'static str, Value),
}

/// The JSON pointers of everything in a value but its `type`, itself included.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                places(element, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members.iter().filter(|(name, _)| !(at.is_empty() && *name == "type")) {
                places(member, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        _ => {}
    }
}

fn apply(frame: &mut Value, place: &str, change: &Change) {
    let (parent, name) = place.rsplit_once('/').unwrap_or(("", ""));
    match change {
        Change::Drop => match frame.pointer_mut(parent) {
            Some(Value::Object(members)) => drop(members.remove(&name.replace("~1", "/").replace("~0", "~"))),
            Some(Value::Array(elements)) => drop(elements.pop()),
            _ => {}
        },
        Change::Replace(value) => {
            if let Some(found) = frame.pointer_mut(place).filter(|_| !place.is_empty()) {
                *found = value.clone();
            }
        }
        Change::Add(name, value) => {
            if let Some(Value::Object(members)) = frame.pointer_mut(place) {
                members.insert((*name).to_owned(), value.clone());
            }
        }
    }
}

/// Compares both verdicts, and the paths where there is one fault.
fn compare(dialect: Dialect, kind: &str, frame: &Value) -> Result<bool, String> {
    let message = Catalogue::embedded().find(dialect, kind).ok_or("no type")?;
    let text = frame.to_string();
    let expected = wrong_fields(&validators()[&(dialect.name(), kind.to_owned())], frame);
    match check_as(message, &text) {
        Ok(()) if expected.is_empty() => Ok(true),
        // Where several fields are wrong, it is one of them.
        Err(Refused::Fault(fault)) if expected.contains(&fault.path) => Ok(false),
        other => Err(format!("{text}: {other:?}, expected {expected:?}")),
    }
}

#[test]
fn one_change_anywhere_is_judged_as_the_schema_says() {
    let changes: Vec<Change> = replacements()
        .into_iter()
        .map(Change::Replace)
        .chain([Change::Drop, Change::Add("run", json!(1)), Change::Add("topic", json!("t"))])
        .collect();
    let (mut accepted, mut rejected) = (0, 0);
    for dialect in Dialect::ALL {
        for cases in vectors(dialect) {
            let frame = cases.accepted.last().expect("a frame");
            let mut found = Vec::new();
            places(frame, "", &mut found);
            for (place, change) in found.iter().flat_map(|place| changes.iter().map(move |change| (place, change))) {
                let mut other = frame.clone();
                apply(&mut other, place, change);
                match compare(dialect, &cases.r#type, &other) {
                    Ok(true) => accepted += 1,
                    Ok(false) => rejected += 1,
                    Err(difference) => panic!("{place} {change:?}: {difference}"),
                }
            }
        }
    }
    assert!(accepted > 10_000 && rejected > 10_000, "{accepted} {rejected}");
}

/// A frame of the contract, by dialect, type and number.
fn frame() -> impl Strategy<Value = (Dialect, String, Value)> {
    let all: Vec<(Dialect, String, Value)> = Dialect::ALL
        .into_iter()
        .flat_map(|dialect| vectors(dialect).into_iter().map(move |cases| (dialect, cases)))
        .flat_map(|(dialect, cases)| {
            let kind = cases.r#type;
            let rejected = cases.rejected.into_iter().map(|rejected| rejected.frame);
            cases.accepted.into_iter().chain(rejected).map(move |frame| (dialect, kind.clone(), frame))
        })
        .collect();
    prop::sample::select(all)
}

fn change() -> impl Strategy<Value = Change> {
    let added = prop::sample::select(vec!["status", "granted", "topic", "_tl", "metadata", "reason", "x.y"]);
    prop_oneof![
        4 => prop::sample::select(replacements()).prop_map(Change::Replace),
        1 => any::<f64>().prop_map(|number| Change::Replace(json!(number))),
        1 => ".*".prop_map(|text| Change::Replace(json!(text))),
        2 => Just(Change::Drop),
        2 => (added, prop::sample::select(replacements())).prop_map(|(name, value)| Change::Add(name, value)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn several_changes_are_judged_as_the_schema_says(
        (dialect, kind, mut frame) in frame(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), change()), 1..4),
    ) {
        for (index, change) in &changes {
            let mut found = Vec::new();
            places(&frame, "", &mut found);
            apply(&mut frame, &found[index.index(found.len())], change);
        }
        if let Err(difference) = compare(dialect, &kind, &frame) {
            prop_assert!(false, "{}", difference);
        }
    }
}
