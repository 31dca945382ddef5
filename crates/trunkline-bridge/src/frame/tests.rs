//! What goes out comes back, and what is broken is said to be broken.

use trunkline_protocol::Codec;

use super::*;

fn round_trip(frame: &Frame) {
    assert_eq!(decode(encode(frame.clone())).as_ref(), Ok(frame));
}

fn header(value: &rmpv::Value) -> Parts {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).expect("memory");
    vec![bytes.into()]
}

fn header_of(fields: [rmpv::Value; 5]) -> Parts {
    header(&rmpv::Value::Array(fields.into()))
}

#[test]
fn every_frame_survives_the_wire() {
    let payload = Bytes::from_static(b"{\"a\":1}");
    let buffers = vec![Bytes::from_static(b"raw")];
    round_trip(&Frame::Hello(Hello {
        name: "agents".into(),
        instance: "i1".into(),
        sdk: "python 0.1.0".into(),
        pid: Some(7),
        concurrency: 64,
        services: vec![Service {
            name: "chat".into(),
            input: Some(serde_json::json!({"type": "object", "n": [1, -2, 0.5, null, true]})),
            idempotent: true,
            resumable: true,
            takes_input: true,
        }],
        generation: Some("g".into()),
        token: Some("t".into()),
        reads_messagepack: true,
        open: vec![Offer { run: "r".into(), next: 4, ack: 2, ended: true, attempt: Some(2), asks: vec!["q1".into()] }],
    }));
    round_trip(&Frame::Welcome(Welcome {
        epoch: "e".into(),
        ping_ms: 2000,
        window: 64,
        message_bytes_max: 4 << 20,
        resumed: vec![Resumed { run: "r".into(), corr: 8, ack: 2 }],
        dropped: vec!["q".into()],
    }));
    round_trip(&Frame::Pong(Load { running: 1, queued: 2, lag_ms: 3 }));
    round_trip(&Frame::Call(CallFrame {
        corr: 2,
        service: "chat".into(),
        run: "r".into(),
        session: "s".into(),
        realm: "default".into(),
        user: Some("u".into()),
        message: "m".into(),
        kind: "user_message".into(),
        attempt: Some(1),
        deadline_ms: Some(60_000),
        window: Some(64),
        codec: Some(Codec::MessagePack),
        traceparent: Some("00-0-0-00".into()),
        checkpoint: Some(Bytes::from_static(b"step 2")),
        answers: vec![serde_json::json!({"request_id": "q1", "granted": true})],
        payload: payload.clone(),
        buffers: buffers.clone(),
    }));
    for codec in [Codec::Json, Codec::MessagePack] {
        round_trip(&Frame::Result { corr: 2, seq: 3, codec, payload: payload.clone(), buffers: buffers.clone() });
        let checkpoint = (codec == Codec::Json).then(|| Bytes::from_static(b"step 3"));
        round_trip(&Frame::Ask(Ask {
            corr: 2,
            seq: 4,
            request: "q1".into(),
            codec,
            payload: payload.clone(),
            checkpoint,
        }));
        let kind = ChunkKind::Event { name: "tool_output".into(), codec };
        round_trip(&Frame::Chunk(Chunk { corr: 2, seq: 1, kind, payload: payload.clone(), buffers: vec![] }));
    }
    round_trip(&Frame::Answer { corr: 2, request: "q1".into(), payload: payload.clone() });
    for codec in [Codec::Json, Codec::MessagePack] {
        let (message, kind) = ("m2".into(), "user_message".into());
        round_trip(&Frame::Input(Input { corr: 2, message, kind, codec, payload: payload.clone() }));
    }
    round_trip(&Frame::Taken { corr: 2, seq: 5, message: "m2".into() });
    round_trip(&Frame::Error {
        corr: 2,
        seq: Some(1),
        error: WorkerError {
            retryable: true,
            retry_after_ms: Some(5),
            details: BTreeMap::from([("field".to_owned(), serde_json::json!("text"))]),
            trace_id: Some("t".into()),
            ..WorkerError::new("bad_request", "no text")
        },
    });
    round_trip(&Frame::Error { corr: 0, seq: None, error: WorkerError::new("unauthorized", "") });
    round_trip(&Frame::Chunk(Chunk { corr: 2, seq: 0, kind: ChunkKind::Text, payload: payload.clone(), buffers }));
    let kind = ChunkKind::Event { name: "tool_output".into(), codec: Codec::Json };
    round_trip(&Frame::Chunk(Chunk { corr: CORR_MAX, seq: CORR_MAX, kind, payload: payload.clone(), buffers: vec![] }));
    round_trip(&Frame::End { corr: 2, seq: 9 });
    round_trip(&Frame::Cancel { corr: 2 });
    round_trip(&Frame::Credit { corr: 2, ack: 3 });
    round_trip(&Frame::Event { corr: 2, name: "progress".into(), key: Some("k".into()), payload });
    for frame in [Frame::Ping, Frame::Reserved, Frame::Drain, Frame::UnknownPeer] {
        round_trip(&frame);
    }
}

#[test]
fn payload_is_moved_not_copied() {
    let payload = Bytes::from(vec![7_u8; 1000]);
    let codec = Codec::Json;
    let parts = encode(Frame::Result { corr: 2, seq: 0, codec, payload: payload.clone(), buffers: vec![] });
    assert_eq!(parts[1].as_ptr(), payload.as_ptr());
    match decode(parts) {
        Ok(Frame::Result { payload: decoded, .. }) => assert_eq!(decoded.as_ptr(), payload.as_ptr()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn broken_headers_are_the_connections_fault() {
    let map = || rmpv::Value::Map(vec![]);
    let text = || rmpv::Value::from("");
    let cases = [
        vec![],
        vec![Bytes::new()],
        vec![Bytes::from_static(b"\xc1")],
        vec![Bytes::from_static(b"\xdd\xff\xff\xff\xff")],
        vec![Bytes::from(vec![0x91; 10_000])],
        header(&rmpv::Value::from(1)),
        header(&rmpv::Value::Array(vec![1.into()])),
        header_of([2.into(), 3.into(), 0.into(), text(), map()]),
        header_of([1.into(), "3".into(), 0.into(), text(), map()]),
        header_of([1.into(), 99.into(), 0.into(), text(), map()]),
        header_of([1.into(), 8.into(), 0.into(), text(), map()]),
        header_of([1.into(), 3.into(), (CORR_MAX + 1).into(), text(), map()]),
        header_of([1.into(), 3.into(), (-1).into(), text(), map()]),
        header_of([1.into(), 3.into(), 0.into(), "x".repeat(NAME_BYTES_MAX + 1).into(), map()]),
        header_of([1.into(), 3.into(), 0.into(), text(), 5.into()]),
        header_of([1.into(), 1.into(), 0.into(), text(), map()]),
        vec![encode(Frame::Ping)[0].clone(); PARTS_MAX + 1],
        vec![Bytes::from([&encode(Frame::Ping)[0][..], b"x"].concat())],
    ];
    for parts in cases {
        let result = decode(parts.clone());
        assert!(matches!(result, Err(DecodeError::Connection(_))), "{parts:?}: {result:?}");
    }
}

#[test]
fn broken_fields_are_the_calls_fault() {
    for (kind, meta) in [
        (8, vec![("kind".into(), "text".into())]),
        (8, vec![("seq".into(), 0.into()), ("kind".into(), "other".into())]),
        (8, vec![("seq".into(), (-1).into()), ("kind".into(), "text".into())]),
        (6, vec![]),
        (7, vec![("seq".into(), 1.into())]),
        (7, vec![("code".into(), "x".into())]),
        (9, vec![("seq".into(), "1".into())]),
        (11, vec![]),
        (6, vec![("seq".into(), 0.into()), ("codec".into(), "xml".into())]),
        (8, vec![("seq".into(), 0.into()), ("kind".into(), "event".into()), ("codec".into(), 1.into())]),
    ] {
        let parts = header_of([1.into(), kind.into(), 6.into(), "".into(), rmpv::Value::Map(meta)]);
        assert!(matches!(decode(parts), Err(DecodeError::Call { corr: 6, .. })), "kind {kind}");
    }
}

#[test]
fn unknown_keys_and_absent_parts_are_fine() {
    let meta = rmpv::Value::Map(vec![("new".into(), 1.into())]);
    assert_eq!(decode(header_of([1.into(), 16.into(), 0.into(), "".into(), meta])), Ok(Frame::Drain));
}

/// The golden frames that every implementation of the worker protocol shares.
fn vectors() -> serde_json::Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../protocol/vectors/worker-frames.json");
    let text = std::fs::read_to_string(path).expect("the golden frames are part of the repository");
    serde_json::from_str(&text).expect("the golden frames are JSON")
}

fn parts_of(case: &serde_json::Value) -> Parts {
    let parts = case["parts_hex"].as_array().expect("parts");
    parts.iter().map(|part| unhex(part.as_str().expect("hexadecimal"))).collect()
}

fn unhex(text: &str) -> Bytes {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(byte).collect()
}

#[test]
fn golden_frames_are_read_and_spelled_alike() {
    // These hold what a typed frame does not keep: unknown keys, what reserved kinds carry, a schema's order of keys.
    let loses =
        |name: &str| matches!(name, "unknown meta keys" | "longest name" | "hello") || name.ends_with("reserved");
    let vectors = vectors();
    for case in vectors["cases"].as_array().expect("cases") {
        let name = case["name"].as_str().expect("a name");
        let parts = parts_of(case);
        let frame = decode(parts.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let corr = case["decoded"]["corr"].as_u64().expect("a corr");
        assert!(frame.corr().is_none_or(|found| found == corr), "{name}: {frame:?}");
        if case["encode"] != false && !loses(name) {
            assert_eq!(encode(frame), parts, "{name}");
        } else {
            round_trip(&frame);
        }
    }
}

#[test]
fn golden_mistakes_are_refused() {
    let vectors = vectors();
    for case in vectors["invalid"].as_array().expect("cases") {
        assert!(matches!(decode(parts_of(case)), Err(DecodeError::Connection(_))), "{}", case["name"]);
    }
}
