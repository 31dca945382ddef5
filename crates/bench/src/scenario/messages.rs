//! What it costs to check one message and to spell it in another dialect, beside parsing and validating it as others do.
//!
//! It measures functions in this process, so there is no server, and a row's ratio is against the parser on the same bytes.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jsonschema::{Registry, Validator};
use serde_json::{Value, json};
use trunkline_catalogue::check::{Sender, check_envelope, check_frame};
use trunkline_catalogue::reader::EMBEDDED;
use trunkline_protocol::{Dialect, Envelope, Limits};

use super::Bench;
use crate::report::{Section, Target};
use crate::statistics::Spread;

/// Bytes of each message that is measured.
const BYTES: usize = 300;

/// Messages between two looks at the clock.
const BATCH: u32 = 500;

/// How long one function is measured within a round.
const WINDOW: Duration = Duration::from_millis(60);

/// The messages: a dialect, a type and its sender, and a frame whose text `…` is filled up to [`BYTES`].
const MESSAGES: [(Dialect, &str, Sender, &str); 8] = [
    (
        Dialect::Native,
        "notification",
        Sender::Gateway,
        r#"{"type":"notification","id":"m1","payload":{"title":"Backup","body":"…","severity":"low"}}"#,
    ),
    (
        Dialect::Native,
        "file.write",
        Sender::Client,
        r#"{"type":"file.write","id":"m1","payload":{"path":"workspace/notes.md","content":"…","encoding":"utf8","if_match":"1-1"}}"#,
    ),
    (
        Dialect::Payload,
        "user_message",
        Sender::Client,
        r#"{"type":"user_message","payload":{"message":"…","chat_id":"2f1c9a52-6d0b-4f0e-9c1e-0f6a3c1f7b11"},"_tl":{"id":"m1"}}"#,
    ),
    (
        Dialect::Payload,
        "progress",
        Sender::Gateway,
        r#"{"type":"progress","payload":{"message":"…","percentage":40.5,"operation":"index","total_steps":7},"_tl":{"run":"r1"}}"#,
    ),
    (
        Dialect::Data,
        "chat_message",
        Sender::Client,
        r#"{"type":"chat_message","data":{"message":{"content":"…","agentId":"reasoning","timestamp":"2025-01-15T10:30:00.000Z"}},"_tl":{"id":"m1"}}"#,
    ),
    (
        Dialect::Flat,
        "user_message",
        Sender::Client,
        r#"{"type":"user_message","message_id":"m1","timestamp":"2025-09-11T13:45:00.000Z","agent":"guide","message":"…","metadata":{"page":3}}"#,
    ),
    (
        Dialect::Flat,
        "agent_streaming",
        Sender::Gateway,
        r#"{"type":"agent_streaming","timestamp":"2025-09-11T13:45:00.000Z","session_id":"s1","message":"…","is_streaming":true,"stream_index":0,"metadata":{"_tl":{"channel":"run:r1","pos":"1-a-f00d","prev":"1-9-beef","run":"r1","seq":0}}}"#,
    ),
    (
        Dialect::Open,
        "answer",
        Sender::Client,
        r#"{"type":"answer","request_id":"q1","value":"main","message":"…","_tl":{"id":"m1","run":"r1"}}"#,
    ),
];

/// Nanoseconds of each function, round by round.
#[derive(Default)]
struct Timed {
    check: Vec<f64>,
    check_read: Vec<f64>,
    decode: Vec<f64>,
    convert: Vec<f64>,
    parse: Vec<f64>,
    validate: Vec<f64>,
}

/// Measures every message.
pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let registry = registry()?;
    let (mut rows, mut slowest) = (Vec::new(), Spread::of([0.0]));
    for (dialect, kind, sender, frame) in MESSAGES {
        let frame = frame.replace('…', &"x".repeat((BYTES + '…'.len_utf8()).saturating_sub(frame.len())));
        let mut timed = Timed::default();
        for _ in 0..bench.rounds {
            round(dialect, kind, sender, &frame, &registry, &mut timed)?;
        }
        let check = Spread::of(timed.check.clone());
        if check.median > slowest.median {
            slowest = check;
        }
        rows.push(row(dialect, kind, &frame, timed));
    }
    Ok(Section {
        title: "Messages",
        method: format!(
            "Messages of about {BYTES} bytes, in this process: nanoseconds of one call. Checked as a frame; checked after the \
             envelope was read; the envelope read; the envelope written in native and that read and written back (or, of a \
             native message, in payload). Beside it `serde_json::from_slice` into a `Value`, and the crate `jsonschema` on \
             that value. The ratio is of the check of a frame over the parser."
        ),
        header: &[
            "dialect, type",
            "bytes",
            "check, ns",
            "check, envelope read, ns",
            "read envelope, ns",
            "to another dialect and back, ns",
            "parse to a value, ns",
            "jsonschema on it, ns",
            "check ÷ parse",
        ],
        rows,
        targets: vec![Target {
            what: format!("check of a message of {BYTES} bytes, the slowest of {}", MESSAGES.len()),
            promised: "≤ 2 µs",
            measured: format!("{slowest} ns"),
            met: slowest.median <= 2_000.0,
        }],
    })
}

fn row(dialect: Dialect, kind: &str, frame: &str, timed: Timed) -> Vec<String> {
    let ratio = Spread::of_ratios(&timed.check, &timed.parse);
    let columns = [timed.check, timed.check_read, timed.decode, timed.convert, timed.parse, timed.validate];
    let mut row = vec![format!("{}, {kind}", dialect.name()), frame.len().to_string()];
    row.extend(columns.map(|column| Spread::of(column).to_string()));
    row.push(format!("{ratio}×"));
    row
}

/// Measures every function once, one after the other.
fn round(
    dialect: Dialect,
    kind: &str,
    sender: Sender,
    frame: &str,
    registry: &Registry<'_>,
    timed: &mut Timed,
) -> anyhow::Result<()> {
    let depth_max = Limits::default().depth_max;
    let envelope = dialect.decode(frame, depth_max)?;
    let value: Value = serde_json::from_str(frame)?;
    let validator = validator(dialect, kind, registry)?;
    // What is measured is what is accepted.
    check_frame(dialect, sender, frame.as_bytes())?;
    check_envelope(dialect, dialect, sender, &envelope, frame)?;
    anyhow::ensure!(validator.is_valid(&value), "{frame}: jsonschema does not accept it");
    let mut buffers = (Vec::new(), Vec::new());

    timed.check.push(nanoseconds(|| check_frame(dialect, sender, black_box(frame.as_bytes())).is_ok()));
    let check_read = || check_envelope(dialect, dialect, sender, black_box(&envelope), frame).is_ok();
    timed.check_read.push(nanoseconds(check_read));
    timed.decode.push(nanoseconds(|| dialect.decode(black_box(frame), depth_max).is_ok()));
    timed.convert.push(nanoseconds(|| convert(dialect, black_box(&envelope), &mut buffers)));
    timed.parse.push(nanoseconds(|| serde_json::from_slice::<Value>(black_box(frame.as_bytes())).is_ok()));
    timed.validate.push(nanoseconds(|| validator.is_valid(black_box(&value))));
    Ok(())
}

/// Spells an envelope in another dialect, and what is read from that in its own again.
fn convert(dialect: Dialect, envelope: &Envelope<'_>, (there, back): &mut (Vec<u8>, Vec<u8>)) -> bool {
    let other = if dialect == Dialect::Native { Dialect::Payload } else { Dialect::Native };
    there.clear();
    back.clear();
    other.encode(envelope, there);
    let Ok(text) = std::str::from_utf8(there) else { return false };
    let Ok(read) = other.decode(text, Limits::default().depth_max) else { return false };
    dialect.encode(&read, back);
    true
}

/// Nanoseconds of one call, over as many as the window takes.
fn nanoseconds(mut call: impl FnMut() -> bool) -> f64 {
    let began = Instant::now();
    let mut calls = 0_u32;
    while began.elapsed() < WINDOW {
        for _ in 0..BATCH {
            black_box(call());
        }
        calls += BATCH;
    }
    began.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
}

fn registry() -> anyhow::Result<Registry<'static>> {
    let mut builder = Registry::new();
    for schema in EMBEDDED.messages.into_iter().chain([EMBEDDED.envelope, EMBEDDED.shared]) {
        let schema: Value = serde_json::from_str(schema)?;
        let id = schema["$id"].as_str().context("a schema has an $id")?.to_owned();
        builder = builder.add(id, schema)?;
    }
    Ok(builder.prepare()?)
}

/// A validator of whole frames of a type.
fn validator(dialect: Dialect, kind: &str, registry: &Registry<'_>) -> anyhow::Result<Validator> {
    let content = json!({ "$ref": format!("urn:trunkline:protocol:1:messages:{}#/$defs/{kind}", dialect.name()) });
    let wrapper = json!({ "$ref": "urn:trunkline:protocol:1:messages:shared#/$defs/wrapper" });
    let schema = match dialect {
        Dialect::Flat | Dialect::Open => content,
        Dialect::Native => json!({ "$ref": "urn:trunkline:protocol:1:envelope", "properties": { "payload": content } }),
        Dialect::Payload => json!({ "type": "object", "properties": { "payload": content, "_tl": wrapper } }),
        Dialect::Data => json!({ "type": "object", "properties": { "data": content, "_tl": wrapper } }),
    };
    jsonschema::options().with_registry(registry).build(&schema).map_err(|error| anyhow::anyhow!("{error}"))
}
