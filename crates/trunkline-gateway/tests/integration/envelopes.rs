//! Bad messages: what is answered by an error and forgiven, and what ends the connection.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::double::Double;
use crate::harness::TestGateway;
use crate::peer::Peer;

/// A connection that has said hello.
async fn greeted(gateway: &TestGateway) -> Peer {
    Peer::welcomed(gateway, json!({})).await.0
}

/// Sends each text on a connection of its own and expects this error, and that the connection goes on.
async fn refused(gateway: &TestGateway, code: &str, texts: &[&str]) {
    for text in texts {
        let mut peer = greeted(gateway).await;
        peer.send_text(text).await;
        assert_eq!(peer.error_code().await, code, "{text}");
        peer.is_alive().await;
    }
}

#[tokio::test]
async fn row_45_46_47_53_what_is_no_envelope_is_an_error_and_the_connection_goes_on() {
    let gateway = TestGateway::start("").await;
    refused(
        &gateway,
        "bad_envelope",
        &[
            "",
            "null",
            "[]",
            "42",
            "{}",
            "{\"type\":\"user_message\"",
            r#"{"type":"user_message"} trailing"#,
            "\u{FEFF}{\"type\":\"user_message\"}",
            r#"{"type":"user_message","type":"user_message"}"#,
            r#"{"type":"user_message","id":"m1","id":"m1"}"#,
            r#"{"type":"user_message","theirs":1,"theirs":1}"#,
            r#"{"type":7}"#,
            r#"{"type":""}"#,
            r#"{"type":"user_message","payload":"\ud800"}"#,
            r#"{"type":"user_message","payload":NaN}"#,
            r#"{"type":"user_message","payload":-Infinity}"#,
            r#"{"type":"user_message","seq":9007199254740992}"#,
            r#"{"type":"user_message","seq_end":1e999}"#,
            r#"{"type":"user_message","ts":9007199254740992}"#,
            r#"{"type":"user_message","deadline_ms":-1}"#,
        ],
    )
    .await;
}

#[tokio::test]
async fn a_refused_envelope_names_its_message_and_what_was_expected() {
    let gateway = TestGateway::start("").await;
    let mut peer = greeted(&gateway).await;
    for (text, id, said) in [
        (
            r#"{"type":"user_message","id":"m1","deadline_ms":"5","payload":{}}"#,
            json!("m1"),
            "deadline_ms: invalid type: string \"5\", expected a whole number from 0",
        ),
        (
            r#"{"type":"user_message","id":"m2","to":7}"#,
            json!("m2"),
            "to: invalid type: integer `7`, expected an object",
        ),
        (r#"{"type":"user_message","id":"m 3"}"#, Value::Null, "id: expected 1 to 64 of A-Z a-z 0-9 _ . : -"),
    ] {
        peer.send_text(text).await;
        let error = peer.until("error").await;
        assert_eq!((&error["error"]["code"], &error["reply_to"]), (&json!("bad_envelope"), &id), "{text}");
        assert!(error["error"]["message"].as_str().expect("a text").starts_with(said), "{error}");
    }
}

#[tokio::test]
async fn row_50_ids_that_are_none_are_bad_envelopes() {
    let gateway = TestGateway::start("").await;
    let too_long = "x".repeat(65);
    for id in ["", &too_long, "a b", "a\nb", "\u{1b}[31m", "\u{202e}abc", "é"] {
        let mut peer = greeted(&gateway).await;
        peer.ask(id, json!({})).await;
        assert_eq!(peer.error_code().await, "bad_envelope", "{id:?}");
        peer.is_alive().await;
    }
    let mut worker = Double::join(&gateway, "chat").await;
    let mut peer = greeted(&gateway).await;
    let longest = "A-z_0.9:".repeat(8);
    peer.start(&longest, json!({})).await;
    assert_eq!(worker.receive_call().await.message, longest);
}

#[tokio::test]
async fn row_48_the_depth_of_a_message_is_exact() {
    let gateway = TestGateway::start("").await;
    let nested = |depth: usize| format!(r#"{{"type":"ping","payload":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let mut peer = greeted(&gateway).await;
    peer.send_text(&nested(63)).await;
    peer.until("pong").await;
    refused(&gateway, "payload_too_deep", &[&nested(64), &nested(500_000)]).await;
}

#[tokio::test]
async fn row_47_48_49_a_payload_reaches_the_worker_as_it_was_sent() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let wide = format!("[{}0]", "0,".repeat(500_000));
    let names: Vec<_> = (0..60_000).map(|number| format!(r#""k{number}":0"#)).collect();
    let many = format!("{{{}}}", names.join(","));
    let long = "7".repeat(400);
    for payload in [
        r#"{"n":1e999,"m":-0.0,"deep":[[[[]]]]}"#,
        &long,
        r#"{"__proto__":{"admin":true},"constructor":{"prototype":1},"a":1,"a":2}"#,
        &wide,
        &many,
    ] {
        let mut peer = greeted(&gateway).await;
        peer.send_text(&format!(r#"{{"type":"user_message","id":"m1","payload":{payload}}}"#)).await;
        let call = worker.receive_call().await;
        assert!(call.payload == payload.as_bytes(), "{}", payload.get(..60).unwrap_or(payload));
        worker.result(call.corr, 0, "null").await;
    }
}

#[tokio::test]
async fn row_46_fields_that_nobody_knows_are_kept() {
    let gateway = TestGateway::start("").await;
    let _worker = Double::join(&gateway, "chat").await;
    let mut peer = greeted(&gateway).await;
    peer.send(json!({ "type": "user_message", "id": "m1", "theirs": [1], "_tl": { "later": 2 } })).await;
    let message = peer.until("user_message").await;
    assert_eq!((&message["theirs"], &message["_tl"]), (&json!([1]), &json!({ "later": 2 })));
}

#[tokio::test]
async fn row_57_a_trace_context_reaches_the_worker_and_a_bad_one_is_replaced() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut new = std::collections::HashSet::new();
    for meta in [
        json!({ "traceparent": good }),
        json!({ "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-\u{1b}[31m" }),
        json!({ "traceparent": 7 }),
        json!({ "traceparent": "" }),
        json!({}),
    ] {
        let mut peer = greeted(&gateway).await;
        peer.send(json!({ "type": "user_message", "id": "m1", "meta": meta })).await;
        let call = worker.receive_call().await;
        let passed = call.traceparent.expect("a trace context");
        if meta["traceparent"] == good {
            assert_eq!(passed, good);
        } else {
            assert!(trunkline_protocol::is_traceparent(&passed) && new.insert(passed), "one of its own for each");
        }
        worker.result(call.corr, 0, "null").await;
        assert_eq!(peer.until_terminal().await["type"], "run_completed");
    }
}

#[tokio::test]
async fn types_without_a_service_are_unknown() {
    let gateway = TestGateway::with_routes("[[route]]\npath = \"/ws\"\ntypes = { user_message = \"chat\" }").await;
    refused(
        &gateway,
        "unknown_type",
        &[r#"{"type":"other","id":"m1"}"#, r#"{"type":"welcome"}"#, r#"{"type":"ack_"}"#],
    )
    .await;
    let elsewhere = r#"{"type":"user_message","id":"m1","to":{"service":"secret"}}"#;
    refused(&gateway, "permission_denied", &[elsewhere]).await;
}

#[tokio::test]
async fn row_54_a_binary_message_is_1003() {
    let gateway = TestGateway::start("").await;
    let mut peer = greeted(&gateway).await;
    peer.send_raw(Message::binary(b"{}".to_vec())).await;
    assert_eq!(peer.until_closed().await.1, 1003);
}

#[tokio::test]
async fn a_second_hello_is_refused_and_changes_nothing() {
    let gateway = TestGateway::start("").await;
    let mut peer = greeted(&gateway).await;
    peer.send(json!({ "type": "hello" })).await;
    assert_eq!(peer.error_code().await, "bad_envelope");
    peer.is_alive().await;
}

#[tokio::test]
async fn more_than_ten_mistakes_a_minute_are_4505() {
    let gateway = TestGateway::start("").await;
    let mut peer = greeted(&gateway).await;
    for _ in 0..11 {
        peer.send_text("{}").await;
    }
    let (said, code) = peer.until_closed().await;
    assert_eq!(code, 4505);
    assert_eq!(said.iter().filter(|message| message["error"]["code"] == "bad_envelope").count(), 11);
}

#[tokio::test]
async fn dialect_payload_says_errors_in_its_own_words_too() {
    let gateway = TestGateway::start("").await;
    let mut peer = Peer::open(&gateway, "/ws", &[]).await;
    assert_eq!(peer.message().await["type"], "connection_established");
    peer.send_text(r#"{"type":"user_message","id":"outside of _tl"}"#).await;
    let error = peer.until("error").await;
    assert_eq!(error["_tl"]["error"]["code"], "bad_envelope");
    assert_eq!(error["payload"]["error_code"], "BAD_ENVELOPE");
    assert_eq!(error["payload"]["message"], error["_tl"]["error"]["message"]);
    assert_eq!(error["payload"]["severity"], "medium");
}

#[tokio::test]
async fn an_id_stands_for_one_content() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let mut peer = greeted(&gateway).await;
    let run = peer.start("m1", json!({ "message": "hi" })).await;
    peer.ask("m1", json!({ "message": "hi" })).await;
    let again = peer.until("ack").await;
    assert_eq!((&again["payload"]["duplicate"], &again["run"]), (&Value::Bool(true), &json!(run)));
    peer.ask("m1", json!({ "message": "ho" })).await;
    assert_eq!(peer.error_code().await, "duplicate_id");

    let call = worker.receive_call().await;
    worker.result(call.corr, 0, "1").await;
    peer.until_terminal().await;
    peer.ask("m1", json!({ "message": "hi" })).await;
    assert_eq!(peer.until("ack").await["payload"]["duplicate"], true, "also when its run is over");
    peer.start("m2", json!({})).await;
    assert_eq!(worker.receive_call().await.message, "m2", "and none was called twice");
}

#[tokio::test]
async fn the_same_id_in_two_sessions_is_two_messages() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut one, mut two) = (greeted(&gateway).await, greeted(&gateway).await);
    let runs = [one.start("m1", json!({})).await, two.start("m1", json!({})).await];
    assert_ne!(runs[0], runs[1]);
    let calls = [worker.receive_call().await.run, worker.receive_call().await.run];
    assert!(calls.iter().all(|run| runs.contains(run)) && calls[0] != calls[1]);
}

#[tokio::test]
async fn messages_beyond_the_limit_in_flight_are_refused_and_may_be_repeated() {
    // Both are in one write, so the second is there before the first can have its answer.
    let gateway = TestGateway::start("limits.in_flight = 1").await;
    let mut peer = greeted(&gateway).await;
    let text = |id: &str| json!({ "type": "user_message", "id": id }).to_string();
    let frames = ["m1", "m2"].map(|id| crate::wire::frame(crate::wire::TEXT, text(id).as_bytes())).concat();
    peer.send_bytes(&frames).await;
    let error = peer.until("error").await;
    assert_eq!((&error["error"]["code"], &error["reply_to"]), (&json!("too_many_in_flight"), &json!("m2")));
    assert_eq!(error["error"]["retryable"], true);
    peer.until("ack").await;
    peer.start("m2", json!({})).await;
}

#[tokio::test]
async fn a_message_without_an_id_is_given_one() {
    let gateway = TestGateway::start("").await;
    let mut peer = greeted(&gateway).await;
    peer.send(json!({ "type": "user_message", "payload": {} })).await;
    let id = peer.until("ack").await["payload"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(peer.until("user_message").await["id"], id);
}

#[tokio::test]
async fn hellos_that_cannot_be_read_are_refused() {
    let gateway = TestGateway::start("").await;
    let many: serde_json::Map<_, _> = (0..129).map(|number| (format!("run:{number}"), Value::Null)).collect();
    for payload in [
        json!({ "session": 7 }),
        json!({ "resume": [] }),
        json!({ "resume": { "session:x": "no position" } }),
        json!({ "resume": { "session:x": "1-2" } }),
        json!({ "resume": { "session:x": "-1-2-3" } }),
        json!({ "resume": { "session:x": 1 } }),
        json!({ "resume": many }),
    ] {
        let mut peer = Peer::native(&gateway).await;
        peer.send(json!({ "type": "hello", "payload": payload })).await;
        assert_eq!(peer.error_code().await, "bad_envelope", "{payload}");
        peer.hello(json!({})).await;
    }
}
