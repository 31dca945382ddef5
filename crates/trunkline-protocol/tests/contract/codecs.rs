//! `protocol/vectors/codecs.json`: the same envelopes in JSON and in MessagePack, what is refused, and what workers'
//! extension types are in JSON. The fuzzer's corpus is replayed here.

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use trunkline_protocol::{Codec, Dialect, Limits, Payload, msgpack};

use crate::binary_frames::check_fuzz_input;

const FILE: &str = include_str!("../../../../protocol/vectors/codecs.json");

const BYTES_MAX: usize = Limits::DEFAULT.message_bytes_max;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    #[expect(dead_code, reason = "for readers of the file")]
    about: Vec<String>,
    envelopes: Vec<Accepted>,
    rejected: Vec<Rejected>,
    worker_payloads: Vec<WorkerPayload>,
    rejected_worker_payloads: Vec<Rejected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    name: String,
    json: String,
    msgpack_hex: String,
    /// Whether the payload is kept as MessagePack.
    #[serde(default)]
    holds_bytes: bool,
    /// Whether writers spell it otherwise.
    #[serde(default)]
    lenient: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rejected {
    name: String,
    msgpack_hex: String,
    code: String,
    #[expect(dead_code, reason = "for the tests of clients")]
    #[serde(default)]
    gateway_only: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkerPayload {
    name: String,
    msgpack_hex: String,
    json: String,
    /// How it is kept, where it holds bytes.
    kept_hex: Option<String>,
    /// What it is in Python, for the tests of the SDK.
    #[expect(dead_code, reason = "for the tests of the SDK")]
    python: Option<String>,
}

fn read() -> Vectors {
    let vectors: Vectors = serde_json::from_str(FILE).expect("the vectors are JSON of this form");
    assert!(vectors.envelopes.len() > 15 && vectors.rejected.len() > 15, "the file holds all its cases");
    assert!(vectors.worker_payloads.len() > 15 && vectors.rejected_worker_payloads.len() > 5);
    vectors
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("two digits"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("two digits")).collect()
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
}

#[test]
fn an_envelope_is_the_same_in_both_codecs() {
    let depth_max = Limits::default().depth_max;
    for case in read().envelopes {
        let frame = unhex(&case.msgpack_hex);
        let mut fields = String::new();
        let envelope = msgpack::decode(&frame, &mut fields, depth_max, BYTES_MAX)
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(matches!(envelope.payload, Some(Payload::Packed(_))), case.holds_bytes, "{}", case.name);
        let mut json = Vec::new();
        Dialect::Native.encode(&envelope, &mut json);
        assert_eq!(value(std::str::from_utf8(&json).unwrap()), value(&case.json), "{}", case.name);
        if !case.lenient {
            let mut again = Vec::new();
            msgpack::encode(&envelope, &mut again);
            assert_eq!(again, frame, "{}", case.name);
        }
        if !case.lenient && !case.holds_bytes {
            let mut again = Vec::new();
            msgpack::encode(&Dialect::Native.decode(&case.json, depth_max).unwrap(), &mut again);
            assert_eq!(again, frame, "{} from its JSON", case.name);
        }
    }
}

#[test]
fn rejected_frames_fail_with_their_code() {
    for case in read().rejected {
        let refused =
            msgpack::decode(&unhex(&case.msgpack_hex), &mut String::new(), Limits::default().depth_max, BYTES_MAX)
                .map(|_| ())
                .expect_err(&case.name);
        assert_eq!(refused.code().name(), case.code, "{}: {refused}", case.name);
    }
}

#[test]
fn a_workers_payload_becomes_what_clients_have() {
    for case in read().worker_payloads {
        let payload = Payload::from_worker(Codec::MessagePack, &unhex(&case.msgpack_hex), 63, BYTES_MAX)
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(value(payload.to_json().get()), value(&case.json), "{}", case.name);
        let packed = match &payload {
            Payload::Packed(packed) => Some(packed.bytes().to_vec()),
            Payload::Json(_) => None,
        };
        assert_eq!(packed, case.kept_hex.as_deref().map(unhex), "{}", case.name);
    }
}

#[test]
fn rejected_payloads_of_workers_fail_with_their_code() {
    for case in read().rejected_worker_payloads {
        let refused =
            Payload::from_worker(Codec::MessagePack, &unhex(&case.msgpack_hex), 63, BYTES_MAX).expect_err(&case.name);
        assert_eq!(refused.code().name(), case.code, "{}: {refused}", case.name);
    }
}

#[test]
fn the_corpus_of_the_fuzzer() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/msgpack");
    let mut count = 0;
    for entry in std::fs::read_dir(corpus).expect("the corpus is part of the repository") {
        let path = entry.expect("a readable folder").path();
        check_fuzz_input(&std::fs::read(path).expect("a readable file"));
        count += 1;
    }
    assert!(count >= 20, "{count} inputs");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), beginning in 0..3_usize) {
        let beginning = [&b""[..], b"\x00\x82\xa4type\xa1t\xa7payload", b"\x01\xc7"][beginning];
        check_fuzz_input(&[beginning, &bytes].concat());
    }
}
