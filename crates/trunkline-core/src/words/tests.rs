//! What clients of each voice are told of a run, as a whole log is told from its start.

use serde_json::{Value, json};
use trunkline_protocol::{Codec, ErrorBody};

use super::*;
use crate::log::Head;
use crate::run::{Run, WorkerEvent};

/// A run's log: what its worker said, and how it ended.
fn log(origin: Option<&Origin>, events: &[WorkerEvent]) -> Vec<Record> {
    let meta = origin.map(raw);
    let mut run = Run::new("r1", "s1", None).answering("m1", meta);
    run.start();
    let mut head = Head::new(7);
    let mut records = Vec::new();
    let mut second = 0;
    for event in events {
        run.handle_worker(event.clone());
        second += 1;
        while let Some(append) = run.poll_append(crate::Moment::from_secs(second), || at(second)) {
            for (kind, data) in append.records {
                records.push(head.append(data, kind == RecordKind::Terminal, None, 0).unwrap());
            }
            run.appended();
        }
    }
    records
}

fn at(second: u64) -> String {
    format!("2026-01-02T03:04:{second:02}.000Z")
}

fn text(text: &str) -> WorkerEvent {
    WorkerEvent::Text(Bytes::copy_from_slice(text.as_bytes()))
}

fn returned(value: &str) -> WorkerEvent {
    WorkerEvent::Returned { codec: Codec::Json, payload: Bytes::copy_from_slice(value.as_bytes()) }
}

/// What a client of this voice is told of a log from its start.
fn told(voice: Voice, records: &[Record]) -> Vec<Value> {
    let channel = ChannelKey::run("realm", "r1");
    let mut whole = WholeText::default();
    let mut pieces = 0;
    let mut told = Vec::new();
    for record in records {
        whole.add(record).unwrap();
        let is_told = end_of(&record.data).is_some_and(|end| voice.tells_whole_text(&end));
        let whole = is_told.then_some(&whole);
        let mut frame = Vec::new();
        if render(voice, &channel, record, Surroundings { pieces, whole }, &mut frame).unwrap() {
            told.push(serde_json::from_slice(&frame).unwrap());
            pieces += u64::from(record::kind(&record.data) == Some(RecordKind::Text));
        } else {
            assert!(frame.is_empty());
        }
    }
    told
}

const fn old(dialect: Dialect) -> Voice {
    Voice { wire: Wire::json(dialect), knows_runs: false }
}

const fn greeted(dialect: Dialect) -> Voice {
    Voice { wire: Wire::json(dialect), knows_runs: true }
}

fn origin() -> Origin {
    let payload =
        raw(&json!({ "message": { "content": "hi", "agentId": "coding" }, "chat_id": "c1", "pillar": "insights" }));
    Origin::of("chat", &at(0), Some(&payload.into()))
}

fn types(told: &[Value]) -> Vec<&str> {
    told.iter().map(|frame| frame["type"].as_str().unwrap()).collect()
}

#[test]
fn an_answer_in_pieces_is_told_in_the_words_of_each_dialect() {
    let records = log(Some(&origin()), &[text("Up"), text("load \"a\""), WorkerEvent::Ended]);
    let flat = told(old(Dialect::Flat), &records);
    assert_eq!(types(&flat), ["agent_streaming", "agent_streaming", "agent_complete"]);
    let (first, second, last) = (&flat[0], &flat[1], &flat[2]);
    assert_eq!(
        (&first["message"], &first["is_streaming"], &first["stream_index"]),
        (&json!("Up"), &json!(true), &json!(0))
    );
    assert_eq!((&second["message"], &second["stream_index"]), (&json!("load \"a\""), &json!(1)));
    assert_eq!(first["metadata"]["_tl"]["run"], "r1");
    assert_eq!((&last["message"], &last["is_streaming"]), (&json!("Upload \"a\""), &json!(false)));
    assert_eq!((&last["agent"], &last["pillar"]), (&json!("coding"), &json!("insights")));
    assert_eq!((&last["timestamp"], &last["session_id"]), (&json!(at(3)), &json!("s1")));
    assert_eq!(last["metadata"]["_tl"]["reply_to"], "m1");

    let payload = told(old(Dialect::Payload), &records);
    let expected = json!({ "response": "Upload \"a\"", "chat_id": "c1", "model": "chat", "processing_time": 3.0 });
    assert_eq!((types(&payload), &payload[0]["payload"]), (vec!["llm_response"], &expected));

    let data = told(old(Dialect::Data), &records);
    assert_eq!(types(&data), ["chat_response"]);
    assert_eq!(
        data[0]["data"]["message"],
        json!({ "id": "r1", "type": "agent", "content": "Upload \"a\"", "agentId": "coding",
            "metadata": { "processing_time": 3.0, "confidence": 0, "reasoning_path": [] } })
    );

    let open = told(old(Dialect::Open), &records);
    assert_eq!((types(&open), &open[0]["message"]), (vec!["response"], &json!("Upload \"a\"")));
}

#[test]
fn whoever_said_hello_is_told_of_pieces_and_every_position_too() {
    let records = log(None, &[text("Up"), text("load"), WorkerEvent::Ended]);
    for dialect in [Dialect::Payload, Dialect::Data, Dialect::Open] {
        let frames = told(greeted(dialect), &records);
        assert_eq!(types(&frames)[..2], ["run_event", "run_event"]);
        let positions: Vec<_> = frames.iter().map(|frame| frame["_tl"]["pos"].as_str().unwrap().to_owned()).collect();
        assert_eq!(positions, records.iter().map(|record| record.position.to_string()).collect::<Vec<_>>());
    }
}

#[test]
fn what_a_service_returns_stands_in_the_answer() {
    let huge = "1".repeat(40);
    let result = format!(r#"{{"model":"llama","metadata":{{"confidence":0.9}},"content":"forty","n":{huge}}}"#);
    let records = log(Some(&origin()), &[returned(&result)]);
    let frame = |voice: Voice| {
        let mut out = Vec::new();
        let whole = WholeText::default();
        let surroundings = Surroundings { pieces: 0, whole: Some(&whole) };
        assert!(render(voice, &ChannelKey::run("realm", "r1"), &records[0], surroundings, &mut out).unwrap());
        String::from_utf8(out).unwrap()
    };
    for dialect in [Dialect::Payload, Dialect::Data, Dialect::Flat, Dialect::Open] {
        assert!(frame(old(dialect)).contains(&format!(r#""n":{huge}"#)), "numbers stay what they are");
    }
    let payload: Value = told(old(Dialect::Payload), &records).remove(0);
    assert_eq!((&payload["payload"]["model"], &payload["payload"]["response"]), (&json!("llama"), &json!("")));
    let data: Value = told(old(Dialect::Data), &records).remove(0);
    assert_eq!(data["data"]["message"]["content"], "forty");
    assert_eq!(
        data["data"]["message"]["metadata"],
        json!({ "processing_time": 1.0, "confidence": 0.9, "reasoning_path": [] })
    );
    let flat: Value = told(old(Dialect::Flat), &records).remove(0);
    assert_eq!((&flat["message"], &flat["data"]["model"]), (&json!(""), &json!("llama")));
    for (result, field, value) in
        [("\"hi\"", "message", json!("hi")), ("[1]", "result", json!([1])), ("7", "result", json!(7))]
    {
        let frame = told(old(Dialect::Open), &log(None, &[returned(result)])).remove(0);
        assert_eq!((&frame["type"], &frame[field]), (&json!("response"), &value), "{frame}");
    }
}

#[test]
fn a_returned_frame_is_the_answer() {
    for (dialect, result) in [
        (Dialect::Open, json!({ "type": "workspace_analysis", "text": "x" })),
        (Dialect::Payload, json!({ "type": "goal_completed", "payload": { "results": {} } })),
        (Dialect::Data, json!({ "type": "reasoning_complete", "data": { "run_id": "7" } })),
        (Dialect::Flat, json!({ "type": "analysis_result", "data": { "rows": 3 }, "agent": "liaison" })),
    ] {
        let mut frame = told(old(dialect), &log(Some(&origin()), &[returned(&result.to_string())])).remove(0);
        assert_eq!(frame["type"], result["type"]);
        for (name, value) in result.as_object().unwrap() {
            assert_eq!(frame[name].take(), *value, "{name} in {}", dialect.name());
        }
    }
}

#[test]
fn a_returned_frame_keeps_what_stands_beside_its_payload_and_is_none_of_the_gateways() {
    let beside = json!({ "type": "voice_analysis", "file": "a.wav" });
    let frame = told(old(Dialect::Payload), &log(Some(&origin()), &[returned(&beside.to_string())])).remove(0);
    assert_eq!((&frame["type"], &frame["file"]), (&json!("voice_analysis"), &json!("a.wav")));
    for kind in ["welcome", "session_created", "reset", "go_away", "ack", "run_started", "run_completed"] {
        let forged = json!({ "type": kind, "payload": { "session": "s" } });
        for dialect in [Dialect::Payload, Dialect::Data, Dialect::Flat, Dialect::Open] {
            let frame = told(old(dialect), &log(Some(&origin()), &[returned(&forged.to_string())])).remove(0);
            assert_ne!(frame["type"], kind, "{}", dialect.name());
        }
    }
}

#[test]
fn a_run_without_an_answer_ends_in_silence_for_those_who_know_no_runs() {
    let event = WorkerEvent::Other {
        name: "thought".to_owned(),
        codec: Codec::Json,
        payload: Bytes::from_static(b"{\"thought\":1}"),
    };
    let records = log(None, &[event, WorkerEvent::Ended]);
    for dialect in [Dialect::Payload, Dialect::Data, Dialect::Flat, Dialect::Open] {
        assert_eq!(types(&told(old(dialect), &records)), ["thought"], "{}", dialect.name());
        let end = if dialect == Dialect::Flat { "agent_complete" } else { "run_completed" };
        assert_eq!(types(&told(greeted(dialect), &records)), ["thought", end]);
    }
}

#[test]
fn failures_are_errors_in_the_words_of_each_dialect() {
    let error: ErrorBody<'static> = ErrorCode::WorkerLost.body();
    let records = log(None, &[text("half"), WorkerEvent::Failed(error)]);
    for knows_runs in [false, true] {
        let last = |dialect| told(Voice { wire: Wire::json(dialect), knows_runs }, &records).pop().unwrap();
        let payload = last(Dialect::Payload);
        assert_eq!((&payload["type"], &payload["payload"]["error_code"]), (&json!("error"), &json!("WORKER_LOST")));
        assert_eq!((&payload["_tl"]["error"]["code"], &payload["_tl"]["run"]), (&json!("worker_lost"), &json!("r1")));
        let flat = last(Dialect::Flat);
        assert_eq!((&flat["type"], &flat["error_details"]["code"]), (&json!("error_message"), &json!("worker_lost")));
        assert_eq!(last(Dialect::Data)["data"]["message"], last(Dialect::Open)["error"]);
    }
}

/// The log of a run that was cancelled after it had said this.
fn cancelled_log(said: Option<&str>) -> Vec<Record> {
    let mut run = Run::new("r1", "s1", None);
    let mut head = Head::new(7);
    run.start();
    if let Some(said) = said {
        run.handle_worker(text(said));
    }
    run.cancel(crate::Moment::from_secs(1));
    run.tick(crate::Moment::from_mins(1));
    let append = run.poll_append(crate::Moment::from_mins(1), || at(59)).unwrap();
    let kept = |(kind, data)| head.append(data, kind == RecordKind::Terminal, None, 0).unwrap();
    append.records.into_iter().map(kept).collect()
}

#[test]
fn a_cancelled_run_leaves_what_was_said() {
    let records = cancelled_log(Some("half"));
    let flat = told(old(Dialect::Flat), &records).pop().unwrap();
    assert_eq!(
        (&flat["type"], &flat["message"], &flat["status"]),
        (&json!("agent_complete"), &json!("half"), &json!("cancelled"))
    );
    let payload = told(old(Dialect::Payload), &records).pop().unwrap();
    assert_eq!(payload["payload"]["error_code"], "CANCELLED");
    assert_eq!(told(greeted(Dialect::Payload), &records).pop().unwrap()["type"], "run_cancelled");
    let flat = told(greeted(Dialect::Flat), &records).pop().unwrap();
    assert_eq!((&flat["type"], &flat["status"]), (&json!("agent_complete"), &json!("cancelled")));
}

#[test]
fn a_cancelled_run_without_text_is_an_error_or_run_cancelled() {
    let records = cancelled_log(None);
    let flat = told(old(Dialect::Flat), &records);
    assert_eq!((types(&flat), &flat[0]["error_code"]), (vec!["error_message"], &json!("CANCELLED")));
    assert_eq!(types(&told(greeted(Dialect::Flat), &records)), ["run_cancelled"]);
}

#[test]
fn a_whole_text_stays_within_a_message() {
    let mut head = Head::new(7);
    let mut whole = WholeText::default();
    let piece = "\u{1}é\"".repeat(5_000);
    for _ in 0..30 {
        let payload = record::text_payload(&piece);
        let message = Envelope { seq: Some(0), payload: Some((&payload).into()), ..Envelope::new("run_event") };
        whole.add(&head.append(record::data(RecordKind::Text, &message), false, None, 0).unwrap()).unwrap();
    }
    let spelled = serde_json::to_string(whole.text()).unwrap().len();
    assert!(spelled <= TEXT_BYTES_MAX + 2 && spelled > TEXT_BYTES_MAX - 16, "{spelled}");
    let end = head.append(record::data(RecordKind::Terminal, &Envelope::new("run_completed")), true, None, 0).unwrap();
    let mut out = Vec::new();
    let surroundings = Surroundings { pieces: 1, whole: Some(&whole) };
    render(old(Dialect::Flat), &ChannelKey::run("realm", "r1"), &end, surroundings, &mut out).unwrap();
    assert!(out.len() <= 1024 * 1024);
    assert_eq!(serde_json::from_slice::<Value>(&out).unwrap()["status"], "cut");
}

#[test]
fn progress_has_a_word_of_its_own_in_flat() {
    let content = raw(&json!({ "percentage": 45, "message": "Analyzing", "stage": "analyzing" }));
    let progress = Envelope { payload: Some((&content).into()), ..Envelope::new("progress") };
    let spelled = |dialect: Dialect| {
        let mut out = Vec::new();
        render_latest(dialect.into(), &progress, &mut out);
        serde_json::from_slice::<Value>(&out).unwrap()
    };
    assert_eq!(
        spelled(Dialect::Flat),
        json!({ "type": "progress_update", "progress": 0.45, "message": "Analyzing", "status": "analyzing" })
    );
    assert_eq!(spelled(Dialect::Payload)["type"], "progress");
}

/// What a run emits with bytes, an old client is told of with base64, also where it is the answer.
#[test]
fn old_clients_are_told_of_bytes_in_base64() {
    let image = || Bytes::from_static(b"\x81\xa5image\xc4\x02\x00\xff");
    let events = [
        WorkerEvent::Other { name: "image".to_owned(), codec: Codec::MessagePack, payload: image() },
        WorkerEvent::Returned { codec: Codec::MessagePack, payload: image() },
    ];
    let records = log(Some(&origin()), &events);
    for dialect in [Dialect::Payload, Dialect::Data, Dialect::Flat, Dialect::Open] {
        let told = told(old(dialect), &records);
        assert_eq!(told.len(), 2, "{told:?}");
        for frame in told {
            assert!(frame.to_string().contains(r#""image":"AP8=""#), "{frame}");
        }
    }
}
