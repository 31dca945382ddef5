//! Bad workers: whatever they do, a run has exactly one terminal event, with the right code (row 59).

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use trunkline_bridge::frame::Frame;
use trunkline_protocol::Codec;

use crate::double::Double;
use crate::harness::TestGateway;
use crate::peer::{Peer, is_terminal};

/// A run that a worker of `chat` has, and the client that wants it.
struct Called {
    worker: Double,
    corr: u64,
    peer: Peer,
}

impl Called {
    async fn new(gateway: &TestGateway) -> Self {
        let mut worker = Double::join(gateway, "chat").await;
        let (mut peer, _) = Peer::welcomed(gateway, json!({})).await;
        peer.start("m1", json!({})).await;
        let corr = worker.receive_call().await.corr;
        Self { worker, corr, peer }
    }

    /// The end of the run, and proof that nothing of it follows: a second run goes by whole.
    async fn only_end(mut self) -> Value {
        let end = self.peer.until_terminal().await;
        self.peer.forget();
        self.peer.start("m2", json!({})).await;
        let call = self.worker.receive_call().await;
        self.worker.result(call.corr, 0, "1").await;
        loop {
            let message = self.peer.message().await;
            assert_ne!(message["channel"], end["channel"], "nothing follows the terminal event");
            if is_terminal(&message) {
                assert_eq!(message["type"], "run_completed");
                return end;
            }
        }
    }

    /// Expects that the run failed with `code`, once.
    async fn fails_with(self, code: &str) {
        let end = self.only_end().await;
        assert_eq!((&end["type"], &end["error"]["code"]), (&json!("run_failed"), &json!(code)), "{end}");
    }
}

#[tokio::test]
async fn row_59_a_worker_that_answers_twice_is_heard_once() {
    let gateway = TestGateway::start("").await;
    let mut called = Called::new(&gateway).await;
    called.worker.result(called.corr, 0, "1").await;
    called.worker.result(called.corr, 1, "2").await;
    called.worker.result(called.corr, 0, "3").await;
    called.worker.text(called.corr, 1, b"more").await;
    assert_eq!(called.only_end().await["payload"]["result"], 1);
}

#[tokio::test]
async fn row_59_a_worker_that_answers_late_is_not_heard() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    peer.send(json!({ "type": "user_message", "id": "m1", "deadline_ms": 50 })).await;
    let corr = worker.receive_call().await.corr;
    worker.receive_cancel(corr).await;
    worker.text(corr, 0, b"late").await;
    worker.result(corr, 1, "1").await;
    let end = Called { worker, corr, peer }.only_end().await;
    assert_eq!(end["type"], "run_expired");
}

#[tokio::test]
async fn row_59_a_result_that_is_no_json_is_worker_protocol() {
    let gateway = TestGateway::start("").await;
    let mut called = Called::new(&gateway).await;
    called.worker.text(called.corr, 0, b"a good beginning").await;
    called.worker.result(called.corr, 1, "{\"half\":").await;
    called.fails_with("worker_protocol").await;
}

#[tokio::test]
async fn row_59_an_event_that_is_no_json_is_worker_protocol() {
    let gateway = TestGateway::start("").await;
    for json in ["", "{", "\"\\ud800\"", &"[".repeat(100)] {
        let mut called = Called::new(&gateway).await;
        called.worker.event(called.corr, 0, "tool_output", json).await;
        called.fails_with("worker_protocol").await;
    }
}

#[tokio::test]
async fn row_59_a_type_of_the_gateway_is_not_the_workers_to_send() {
    let gateway = TestGateway::start("").await;
    for name in ["run_completed", "run_failed", "run_started", "welcome", "ack", "reset", "error", "heartbeat"] {
        let mut called = Called::new(&gateway).await;
        called.worker.event(called.corr, 0, name, "{}").await;
        called.fails_with("worker_protocol").await;
    }
}

#[tokio::test]
async fn row_59_text_that_is_no_utf8_is_worker_protocol() {
    let gateway = TestGateway::start("").await;
    let mut called = Called::new(&gateway).await;
    called.worker.text(called.corr, 0, b"\xFF").await;
    called.fails_with("worker_protocol").await;
}

#[tokio::test]
async fn row_59_numbers_out_of_order_and_beyond_the_window_are_worker_protocol() {
    let gateway = TestGateway::start("").await;
    let mut called = Called::new(&gateway).await;
    called.worker.text(called.corr, 1, b"not the first").await;
    called.fails_with("worker_protocol").await;

    let mut called = Called::new(&gateway).await;
    called.worker.result(called.corr, 1 << 40, "1").await;
    called.fails_with("worker_protocol").await;
}

#[tokio::test]
async fn a_workers_error_reaches_the_client_in_the_words_of_the_protocol() {
    let gateway = TestGateway::start("").await;
    for (code, shown) in [("overloaded", "overloaded"), ("no_such_code", "upstream_error")] {
        let mut called = Called::new(&gateway).await;
        called.worker.fail(called.corr, 0, code).await;
        called.fails_with(shown).await;
    }
}

#[tokio::test]
async fn a_cancel_that_the_worker_ignores_ends_the_run_after_two_seconds() {
    let gateway = TestGateway::start("").await;
    let mut called = Called::new(&gateway).await;
    let run = called.peer.until("run_started").await["run"].take();
    let begun = Instant::now();
    called.peer.send(json!({ "type": "cancel", "run": run })).await;
    called.worker.receive_cancel(called.corr).await;
    let end = called.peer.until_terminal().await;
    assert_eq!(end["type"], "run_cancelled");
    assert!((Duration::from_secs(2)..Duration::from_secs(12)).contains(&begun.elapsed()));
}

#[tokio::test]
async fn a_worker_that_finishes_in_spite_of_a_cancel_has_finished() {
    let gateway = TestGateway::start("").await;
    let mut called = Called::new(&gateway).await;
    let run = called.peer.until("run_started").await["run"].take();
    called.peer.send(json!({ "type": "cancel", "run": run })).await;
    called.worker.receive_cancel(called.corr).await;
    called.worker.result(called.corr, 0, "7").await;
    assert_eq!(called.only_end().await["payload"]["result"], 7);
}

#[tokio::test]
async fn a_run_of_too_many_bytes_is_payload_too_large() {
    let gateway = TestGateway::start("").await;
    let mut called = Called::new(&gateway).await;
    let megabyte = vec![b'x'; 1 << 20];
    // The run breaks off at the ninth; a worker that goes on is told to stop.
    for seq in 0..9 {
        called.worker.text(called.corr, seq, &megabyte).await;
    }
    called.worker.receive_cancel(called.corr).await;
    called.worker.fail(called.corr, 9, "cancelled").await;
    called.fails_with("payload_too_large").await;
}

#[tokio::test]
async fn latest_state_that_is_no_json_is_left_out_and_the_run_goes_on() {
    let gateway = TestGateway::start("").await;
    let mut called = Called::new(&gateway).await;
    let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    for state in ["{", r#"{"message":"\ud83d"}"#, &deep] {
        called.worker.progress(called.corr, state).await;
    }
    called.worker.progress(called.corr, r#"{"message":"half"}"#).await;
    assert_eq!(called.peer.until("progress").await["payload"]["message"], "half");
    called.worker.send(Frame::End { corr: called.corr, seq: 0 }).await;
    assert_eq!(called.only_end().await["payload"]["result"], Value::Null);
}

#[tokio::test]
async fn buffers_have_no_place_in_json() {
    let gateway = TestGateway::start("").await;
    let mut called = Called::new(&gateway).await;
    let frame = Frame::Result {
        corr: called.corr,
        seq: 0,
        codec: Codec::Json,
        payload: Bytes::from_static(b"1"),
        buffers: vec![Bytes::from_static(b"x")],
    };
    called.worker.send(frame).await;
    called.fails_with("worker_protocol").await;
}

#[tokio::test]
async fn what_a_worker_says_of_its_error_reaches_the_client() {
    let gateway = TestGateway::start("").await;
    let mut called = Called::new(&gateway).await;
    let error = trunkline_bridge::frame::WorkerError {
        code: "bad_request".to_owned(),
        message: "the question is empty".to_owned(),
        retryable: false,
        retry_after_ms: Some(7),
        details: [("path".to_owned(), json!("$.message"))].into(),
        trace_id: Some("t1".to_owned()),
    };
    called.worker.send(Frame::Error { corr: called.corr, seq: Some(0), error }).await;
    let end = called.only_end().await;
    let expected = json!({
        "code": "bad_request", "message": "the question is empty", "retryable": false, "retry_after_ms": 7,
        "details": {"path": "$.message"}, "trace_id": "t1",
    });
    assert_eq!(end["error"], expected);
}

#[tokio::test]
async fn a_worker_cannot_speak_for_the_gateway_as_state() {
    let gateway = TestGateway::start("").await;
    let mut called = Called::new(&gateway).await;
    for name in ["run_completed", "welcome", "reset", "tool_output"] {
        let payload = Bytes::from_static(b"{\"forged\":1}");
        let event = Frame::Event { corr: called.corr, name: name.to_owned(), key: None, payload };
        called.worker.send(event).await;
    }
    called.worker.progress(called.corr, r#"{"message":"mine"}"#).await;
    loop {
        let message = called.peer.message().await;
        assert_ne!(message["payload"]["forged"], 1, "{message}");
        if message["type"] == "progress" {
            return;
        }
    }
}
