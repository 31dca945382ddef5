//! `protocol/vectors/envelopes.json`: what every codec reads, writes and refuses.

use serde::Deserialize;
use serde_json::Value;
use trunkline_protocol::{Dialect, Envelope, Limits};

const FILE: &str = include_str!("../../../../protocol/vectors/envelopes.json");

#[derive(Deserialize)]
pub(crate) struct Vectors {
    #[expect(dead_code, reason = "for readers of the file")]
    about: Vec<String>,
    pub(crate) accepted: Vec<Accepted>,
    pub(crate) rejected: Vec<Rejected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Accepted {
    pub(crate) name: String,
    pub(crate) dialect: String,
    pub(crate) wire: String,
    /// What `wire` means, spelled natively.
    pub(crate) envelope: Value,
    /// How it is written again where that is not as in `wire`.
    written: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rejected {
    pub(crate) name: String,
    pub(crate) dialect: String,
    pub(crate) wire: String,
    pub(crate) code: String,
    /// Out of reach of parsers that keep the last of two equal keys; this one is none.
    #[serde(default)]
    pub(crate) strict_only: bool,
}

pub(crate) fn read() -> Vectors {
    let vectors: Vectors = serde_json::from_str(FILE).expect("the vectors are JSON of this form");
    assert!(vectors.accepted.len() > 50 && vectors.rejected.len() > 100, "the file holds all its cases");
    vectors
}

pub(crate) fn dialect(name: &str) -> Dialect {
    Dialect::ALL.into_iter().find(|dialect| dialect.name() == name).expect("a dialect that this crate knows")
}

pub(crate) fn decode(dialect: Dialect, text: &str) -> Envelope<'_> {
    dialect
        .decode(text, Limits::default().depth_max)
        .unwrap_or_else(|error| panic!("{} refuses {text}: {error}", dialect.name()))
}

pub(crate) fn encode(dialect: Dialect, envelope: &Envelope<'_>) -> String {
    let mut out = Vec::new();
    dialect.encode(envelope, &mut out);
    String::from_utf8(out).expect("what is written is UTF-8")
}

pub(crate) fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
}

#[test]
fn accepted_frames_are_read_as_the_envelope_and_written_as_they_were() {
    for case in read().accepted {
        let dialect = dialect(&case.dialect);
        let envelope = decode(dialect, &case.wire);
        assert_eq!(value(&encode(Dialect::Native, &envelope)), case.envelope, "{}", case.name);

        let expected = value(case.written.as_deref().unwrap_or(&case.wire));
        assert_eq!(value(&encode(dialect, &envelope)), expected, "{} in {}", case.name, case.dialect);
    }
}

#[test]
fn an_envelope_survives_every_dialect() {
    for case in read().accepted {
        let native = case.envelope.to_string();
        let envelope = decode(Dialect::Native, &native);
        for dialect in Dialect::ALL {
            let wire = encode(dialect, &envelope);
            let again = encode(Dialect::Native, &decode(dialect, &wire));
            assert_eq!(value(&again), case.envelope, "{} through {wire}", case.name);
        }
    }
}

#[test]
fn rejected_frames_fail_with_their_code() {
    let depth_max = Limits::default().depth_max;
    for case in read().rejected {
        let Rejected { name, wire, code, .. } = &case;
        let error = dialect(&case.dialect).decode(wire, depth_max).expect_err(name);
        assert_eq!(error.code().name(), code, "{name} in {}: {error}", case.dialect);
    }
}
