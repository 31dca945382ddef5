//! What the check says, word for word, as every language of the contract says it.

use serde::Deserialize;
use trunkline_catalogue::check::{Refused, Sender, check_frame};
use trunkline_protocol::Dialect;

const FAULTS: &str = include_str!("../../../../protocol/vectors/faults.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Faults {
    #[expect(dead_code, reason = "for readers of the file")]
    about: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    dialect: String,
    frame: String,
    sender: Option<String>,
    fault: Option<Fault>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Fault {
    kind: String,
    path: String,
    words: String,
}

impl Fault {
    fn of(refused: &Refused) -> Self {
        let kind = match refused {
            Refused::Fault(_) => "content",
            Refused::Unknown(_) => "unknown",
            Refused::Direction { .. } => "direction",
            Refused::NotJson { .. } => panic!("{refused}"),
        };
        let said = refused.to_string();
        let path = match refused {
            Refused::Fault(fault) => fault.path.clone(),
            _ => "type".to_owned(),
        };
        let words = said.strip_prefix(&format!("{path}: ")).unwrap_or(&said).to_owned();
        Self { kind: kind.to_owned(), path, words }
    }
}

/// What is said of a frame; without a sender, what is said to the one that may send it.
fn said(case: &Case) -> Option<Fault> {
    let dialect = Dialect::ALL.into_iter().find(|dialect| dialect.name() == case.dialect).expect("a dialect");
    let check = |sender| check_frame(dialect, sender, case.frame.as_bytes()).err().map(|refused| Fault::of(&refused));
    match case.sender.as_deref() {
        Some("client") => check(Sender::Client),
        Some("gateway") => check(Sender::Gateway),
        Some(other) => panic!("{other}"),
        None => check(Sender::Client)
            .filter(|fault| fault.kind != "direction")
            .or_else(|| check(Sender::Gateway))
            .filter(|fault| fault.kind != "direction"),
    }
}

#[test]
fn faults_name_the_place_and_say_what_was_expected() {
    let faults: Faults = serde_json::from_str(FAULTS).expect("faults of this form");
    assert!(faults.cases.len() > 50);
    for case in &faults.cases {
        assert_eq!(said(case), case.fault, "{}", case.frame);
    }
}
