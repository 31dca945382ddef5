//! Calls that fail: which of them are made again, how often, and what the client hears.

use serde_json::{Value, json};

use crate::double::Double;
use crate::harness::TestGateway;
use crate::peer::{Peer, is_terminal};

/// A route whose runs go beside each other.
const PARALLEL: &str = "[[route]]\npath = \"/ws\"\nservice = \"chat\"\nwhile_busy = \"parallel\"";

const REPEATED: &str = "trunkline_calls_repeated_total";

/// What a client is told of a run: its events, and how it ended.
async fn told(peer: &mut Peer) -> (Vec<Value>, Value) {
    let mut events = Vec::new();
    loop {
        let message = peer.message().await;
        if is_terminal(&message) {
            return (events, message);
        }
        if message["type"] == "run_event" {
            events.push(message["payload"]["text"].clone());
        }
    }
}

/// Expects that a run has failed with `code`, and was told no event.
async fn fails_with(peer: &mut Peer, code: &str) {
    let (events, end) = told(peer).await;
    assert_eq!((&end["type"], &end["error"]["code"]), (&json!("run_failed"), &json!(code)), "{end}");
    assert!(events.is_empty(), "{events:?}");
}

#[tokio::test]
async fn a_call_that_a_worker_refuses_is_made_again_and_the_client_hears_one_answer() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    for (index, code) in ["no_worker", "overloaded", "upstream_error"].into_iter().enumerate() {
        peer.start(&format!("m{index}"), json!({ "message": "hello" })).await;
        let mut calls = vec![worker.receive_call().await];
        for _ in 0..2 {
            worker.fail_for_now(calls[calls.len() - 1].corr, 0, code, None).await;
            calls.push(worker.receive_call().await);
        }
        let attempts: Vec<_> = calls.iter().map(|call| call.attempt).collect();
        assert_eq!(attempts, [Some(1), Some(2), Some(3)]);
        for call in &calls {
            assert_eq!((&call.run, &call.message), (&calls[0].run, &calls[0].message));
            assert_eq!((&call.payload, &call.traceparent), (&calls[0].payload, &calls[0].traceparent));
            assert_eq!((&call.session, &call.kind), (&calls[0].session, &calls[0].kind));
        }
        worker.text(calls[2].corr, 0, b"hi").await;
        worker.result(calls[2].corr, 1, "true").await;
        let (events, end) = told(&mut peer).await;
        assert_eq!((json!(events), &end["type"], &end["seq"]), (json!(["hi"]), &json!("run_completed"), &json!(1)));
    }
    assert_eq!(gateway.metric(REPEATED).await, 6);
}

#[tokio::test]
async fn the_third_failure_is_the_clients_to_hear() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    peer.start("m1", json!({})).await;
    for attempt in 1..=3 {
        let call = worker.receive_call().await;
        assert_eq!(call.attempt, Some(attempt));
        worker.fail_for_now(call.corr, 0, "rate_limited", Some(1)).await;
    }
    let (events, end) = told(&mut peer).await;
    let error =
        json!({ "code": "rate_limited", "message": "as the test wants", "retryable": true, "retry_after_ms": 1 });
    assert_eq!((&end["type"], &end["error"]), (&json!("run_failed"), &error));
    assert!(events.is_empty());
    assert_eq!(gateway.metric(REPEATED).await, 2);
}

#[tokio::test]
async fn what_is_not_to_be_repeated_ends_the_run_at_once() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let mut number = 0;
    let mut ask = async |peer: &mut Peer, worker: &mut Double| {
        number += 1;
        peer.start(&format!("m{number}"), json!({})).await;
        let call = worker.receive_call().await;
        assert_eq!((&call.message, call.attempt), (&format!("m{number}"), Some(1)), "a call of its own");
        call.corr
    };
    // The handler says no; it says that it may work later, but not soon; the worker stops, and its handlers with it.
    let corr = ask(&mut peer, &mut worker).await;
    worker.fail(corr, 0, "upstream_error").await;
    fails_with(&mut peer, "upstream_error").await;
    let corr = ask(&mut peer, &mut worker).await;
    worker.fail_for_now(corr, 0, "rate_limited", Some(60_000)).await;
    fails_with(&mut peer, "rate_limited").await;
    let corr = ask(&mut peer, &mut worker).await;
    worker.fail_for_now(corr, 0, "worker_lost", None).await;
    fails_with(&mut peer, "worker_lost").await;
    // After the first event, whatever is said.
    let corr = ask(&mut peer, &mut worker).await;
    worker.text(corr, 0, b"half an ans").await;
    worker.fail_for_now(corr, 1, "upstream_error", None).await;
    let (events, end) = told(&mut peer).await;
    assert_eq!((json!(events), &end["type"]), (json!(["half an ans"]), &json!("run_failed")));
    // What was cancelled meanwhile.
    let corr = ask(&mut peer, &mut worker).await;
    let run = peer.until("run_started").await["run"].take();
    peer.send(json!({ "type": "cancel", "run": run })).await;
    worker.receive_cancel(corr).await;
    worker.fail_for_now(corr, 0, "upstream_error", None).await;
    fails_with(&mut peer, "upstream_error").await;
    assert_eq!(gateway.metric(REPEATED).await, 0);
}

#[tokio::test]
async fn a_call_is_not_made_again_when_the_deadline_would_have_passed() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    peer.send(json!({ "type": "user_message", "id": "m1", "deadline_ms": 1_500 })).await;
    let call = worker.receive_call().await;
    worker.fail_for_now(call.corr, 0, "overloaded", Some(2_000)).await;
    fails_with(&mut peer, "overloaded").await;
}

#[tokio::test]
async fn a_run_that_waits_for_its_next_call_can_be_cancelled() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let run = peer.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    worker.fail_for_now(call.corr, 0, "overloaded", Some(2_000)).await;
    gateway.until_metric(REPEATED, 1).await;
    peer.send(json!({ "type": "cancel", "run": run })).await;
    assert_eq!(peer.until_terminal().await["type"], "run_cancelled");
    peer.start("m2", json!({})).await;
    assert_eq!(worker.receive_call().await.message, "m2", "the first is not called again");
}

/// Ends the connection of a worker, and comes back as the same process, which has none of its calls any more.
async fn comes_back(gateway: &TestGateway, worker: Double, idempotent: bool) -> Double {
    drop(worker);
    if idempotent { Double::join_idempotent(gateway, "chat").await } else { Double::join(gateway, "chat").await }
}

#[tokio::test]
async fn a_lost_call_of_an_idempotent_service_is_made_again_before_its_first_event() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join_idempotent(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    peer.start("m1", json!({})).await;
    let first = worker.receive_call().await;
    let mut worker = comes_back(&gateway, worker, true).await;
    let second = worker.receive_call().await;
    assert_eq!((&second.run, second.attempt), (&first.run, Some(2)));
    worker.result(second.corr, 0, "true").await;
    assert_eq!(told(&mut peer).await.1["type"], "run_completed");

    peer.start("m2", json!({})).await;
    let call = worker.receive_call().await;
    worker.fail_for_now(call.corr, 0, "worker_lost", None).await;
    let again = worker.receive_call().await;
    assert_eq!((&again.run, again.attempt), (&call.run, Some(2)), "its worker was stopping");
    worker.text(again.corr, 0, b"I am").await;
    peer.until("run_event").await;
    let _worker = comes_back(&gateway, worker, true).await;
    let (_, end) = told(&mut peer).await;
    assert_eq!((&end["type"], &end["error"]["code"]), (&json!("run_failed"), &json!("worker_lost")));
    assert_eq!(gateway.metric(REPEATED).await, 2);
}

#[tokio::test]
async fn a_lost_call_of_any_other_service_is_not_made_again() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    peer.start("m1", json!({})).await;
    worker.receive_call().await;
    let mut worker = comes_back(&gateway, worker, false).await;
    fails_with(&mut peer, "worker_lost").await;
    peer.start("m2", json!({})).await;
    assert_eq!(worker.receive_call().await.message, "m2");
    assert_eq!(gateway.metric(REPEATED).await, 0);
}

#[tokio::test]
async fn a_failure_of_everything_is_not_multiplied() {
    /// Repetitions that a node has to spare at first.
    const SPARE: usize = 100;
    let gateway = TestGateway::with_routes(PARALLEL).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let mut peers = Vec::new();
    for _ in 0..4 {
        let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
        for number in 0..15 {
            peer.ask(&format!("m{number}"), json!({})).await;
        }
        peers.push(peer);
    }
    // Each fails three times, as far as it is called.
    for calls in [60, 60, SPARE - 60] {
        let mut corrs = Vec::new();
        for _ in 0..calls {
            corrs.push(worker.receive_call().await.corr);
        }
        for corr in corrs {
            worker.fail_for_now(corr, 0, "overloaded", None).await;
        }
    }
    for peer in &mut peers {
        for _ in 0..15 {
            assert_eq!(peer.until_terminal().await["error"]["code"], "overloaded");
        }
    }
    let refused = gateway.metric("trunkline_calls_not_repeated_total").await;
    assert_eq!((gateway.metric(REPEATED).await, refused), (SPARE as u64, 20));
}

#[tokio::test]
async fn a_call_that_found_no_place_to_wait_is_made_again() {
    /// Calls of a service that may wait for a worker.
    const WAITING_MAX: usize = 256;
    let gateway = TestGateway::with_routes(PARALLEL).await;
    let mut peers = Vec::new();
    for number in 0..=WAITING_MAX {
        if number % 16 == 0 {
            peers.push(Peer::welcomed(&gateway, json!({})).await.0);
        }
        let peer = peers.last_mut().expect("one was just added");
        peer.start(&format!("m{number}"), json!({})).await;
    }
    let last = peers.last_mut().expect("there are many");
    fails_with(last, "overloaded").await;
    assert_eq!(gateway.metric(REPEATED).await, 2);
}
