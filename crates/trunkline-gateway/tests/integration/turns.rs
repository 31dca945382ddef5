//! One run at a time in a session: the others wait in order, go beside it, are refused or take its place, as their route
//! says.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::double::Double;
use crate::harness::TestGateway;
use crate::peer::{NATIVE, Peer, returning};

/// A route of each kind. What is sent on one of them belongs to the same sessions.
const ROUTES: &str = r#"
[[route]]
path = "/ws"
service = "chat"
[[route]]
path = "/ws/parallel"
service = "chat"
while_busy = "parallel"
[[route]]
path = "/ws/reject"
service = "chat"
while_busy = "reject"
[[route]]
path = "/ws/interrupt"
service = "chat"
while_busy = "interrupt"
[[route]]
path = "/ws/leave"
service = "chat"
while_busy = "parallel"
on_leave = "cancel"
"#;

/// Connects to a path, and says hello.
async fn on(gateway: &TestGateway, path: &str, hello: Value) -> (Peer, Value) {
    let mut peer = Peer::open(gateway, path, &[("sec-websocket-protocol", NATIVE)]).await;
    let welcome = peer.hello(hello).await;
    (peer, welcome)
}

/// The end of this run.
async fn end_of(peer: &mut Peer, run: &str) -> Value {
    let is_end = |message: &Value| crate::peer::is_terminal(message) && message["run"] == run;
    peer.until_one(is_end).await["type"].take()
}

/// Expects the refusal of a message.
async fn is_refused(peer: &mut Peer, id: &str, code: &str) {
    let error = peer.until("error").await;
    assert_eq!((&error["error"]["code"], &error["reply_to"]), (&json!(code), &json!(id)));
}

/// Runs that may wait beside the one that runs.
const WAITING_MAX: usize = 16;

#[tokio::test]
async fn the_seventeenth_waiting_message_is_busy_and_the_others_go_in_order() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let ids: Vec<_> = (0..=WAITING_MAX).map(|number| format!("m{number}")).collect();
    for id in &ids {
        peer.start(id, json!({})).await;
    }
    peer.ask("one too many", json!({})).await;
    let refused = peer.until("error").await;
    assert_eq!(refused["error"]["code"], "bad_envelope", "an id with spaces is none");
    peer.ask("one-too-many", json!({})).await;
    let error = peer.until("error").await;
    assert_eq!((&error["error"]["code"], &error["reply_to"]), (&json!("busy"), &json!("one-too-many")));
    assert_eq!(error["error"]["retryable"], true);

    // Another session is not held up.
    let (mut other, _) = Peer::welcomed(&gateway, json!({})).await;
    other.start("m0", json!({})).await;
    let first = worker.receive_call().await;
    let unhindered = worker.receive_call().await;
    assert_eq!((first.message.as_str(), unhindered.message.as_str()), ("m0", "m0"));
    assert_ne!(first.session, unhindered.session);

    worker.result(first.corr, 0, "1").await;
    for id in &ids[1..] {
        let call = worker.receive_call().await;
        assert_eq!(call.message, *id, "one at a time, in order");
        worker.result(call.corr, 0, "1").await;
    }
    peer.start("one-too-many", json!({})).await;
    assert_eq!(worker.receive_call().await.message, "one-too-many");
}

#[tokio::test]
async fn a_waiting_run_can_be_cancelled_and_is_never_called() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    peer.start("m1", json!({})).await;
    let waiting = peer.start("m2", json!({})).await;
    peer.start("m3", json!({})).await;
    let first = worker.receive_call().await;
    peer.send(json!({ "type": "cancel", "run": waiting })).await;
    let end = peer.until_terminal().await;
    assert_eq!((&end["type"], &end["run"]), (&json!("run_cancelled"), &json!(waiting)));
    worker.result(first.corr, 0, "1").await;
    assert_eq!(worker.receive_call().await.message, "m3");
}

#[tokio::test]
async fn a_message_of_a_parallel_route_does_not_wait_for_the_run_that_it_is_about() {
    let routes = "[[route]]\npath = \"/ws\"\nservice = \"chat\"\nwhile_busy = \"parallel\"";
    let gateway = TestGateway::with_routes(routes).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    peer.start("m0", json!({})).await;
    let first = worker.receive_call().await;
    for number in 1..16 {
        peer.start(&format!("m{number}"), json!({})).await;
        assert_eq!(worker.receive_call().await.message, format!("m{number}"));
    }
    peer.ask("m16", json!({})).await;
    assert_eq!(peer.error_code().await, "busy");
    worker.result(first.corr, 0, "\"done\"").await;
    peer.until_terminal().await;
    peer.start("m16", json!({})).await;
    assert_eq!(worker.receive_call().await.message, "m16");
}

#[tokio::test]
async fn a_message_that_may_not_wait_is_busy_and_nothing_of_it_is_stored() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, welcome) = on(&gateway, "/ws/reject", json!({})).await;
    peer.start("m1", json!({})).await;
    let first = worker.receive_call().await;
    peer.ask("m2", json!({})).await;
    is_refused(&mut peer, "m2", "busy").await;
    worker.result(first.corr, 0, "1").await;
    peer.until_terminal().await;

    peer.start("m3", json!({})).await;
    let third = worker.receive_call().await;
    assert_eq!(third.message, "m3");
    let (mut other, _) = on(&gateway, "/ws", returning(&welcome)).await;
    let stored = [other.until("user_message").await, other.until("user_message").await];
    assert_eq!([&stored[0]["id"], &stored[1]["id"]], ["m1", "m3"]);
    worker.result(third.corr, 0, "1").await;
    peer.until_terminal().await;
    peer.start("m2", json!({})).await;
    assert_eq!(worker.receive_call().await.message, "m2", "its id is as good as new");
}

#[tokio::test]
async fn a_message_that_is_sent_again_is_acknowledged_whatever_else_the_session_does() {
    for path in ["/ws/reject", "/ws/interrupt"] {
        let gateway = TestGateway::with_routes(ROUTES).await;
        let mut worker = Double::join(&gateway, "chat").await;
        let (mut peer, _) = on(&gateway, path, json!({})).await;
        let run = peer.start("m1", json!({ "message": 1 })).await;
        let call = worker.receive_call().await;
        worker.result(call.corr, 0, "1").await;
        peer.until_terminal().await;
        let current = peer.start("m2", json!({})).await;
        let call = worker.receive_call().await;

        for _ in 0..2 {
            peer.ask("m1", json!({ "message": 1 })).await;
            let ack = peer.until("ack").await;
            assert_eq!((&ack["run"], &ack["payload"]["duplicate"]), (&json!(run), &json!(true)), "{path}");
            peer.ask("m1", json!({ "message": 2 })).await;
            is_refused(&mut peer, "m1", "duplicate_id").await;
        }
        worker.result(call.corr, 0, "2").await;
        assert_eq!(end_of(&mut peer, &current).await, "run_completed", "{path}");
        // It had its turn when it was stored; nothing was before it.
        assert_eq!(gateway.metric("trunkline_runs_interrupted_total").await, 0, "{path}: nothing was stopped");
    }
}

#[tokio::test]
async fn a_newer_message_takes_the_place_of_all_before_it() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, welcome) = on(&gateway, "/ws/interrupt", json!({})).await;
    let (mut waiting, _) = on(&gateway, "/ws", returning(&welcome)).await;
    let (mut parallel, _) = on(&gateway, "/ws/parallel", returning(&welcome)).await;
    let answering = peer.start("m1", json!({})).await;
    let first = worker.receive_call().await;
    worker.text(first.corr, 0, b"Once upon").await;
    peer.until("run_event").await;
    let queued = waiting.start("m2", json!({})).await;
    let beside = parallel.start("m3", json!({})).await;
    let beside_call = worker.receive_call().await;

    // Two messages, one after the other, before the first answer has stopped.
    let replaced = peer.start("m4", json!({})).await;
    worker.receive_cancel(first.corr).await;
    let newest = peer.start("m5", json!({})).await;
    for run in [&queued, &replaced] {
        assert_eq!(end_of(&mut peer, run).await, "run_cancelled", "they never had their turn");
    }
    worker.fail(first.corr, 1, "cancelled").await;
    assert_eq!(end_of(&mut peer, &answering).await, "run_cancelled");
    let call = worker.receive_call().await;
    assert_eq!(call.message, "m5");
    worker.result(call.corr, 0, "5").await;
    assert_eq!(end_of(&mut peer, &newest).await, "run_completed");
    worker.result(beside_call.corr, 0, "3").await;
    assert_eq!(end_of(&mut peer, &beside).await, "run_completed", "what goes beside is left alone");
    assert_eq!(gateway.metric("trunkline_runs_interrupted_total").await, 4, "m1 twice, m2, m4");
}

#[tokio::test]
async fn the_next_run_goes_when_the_one_before_it_has_ended_however_it_ends() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = on(&gateway, "/ws/interrupt", json!({})).await;
    let stubborn = peer.start("m1", json!({})).await;
    let first = worker.receive_call().await;
    let begun = Instant::now();
    peer.start("m2", json!({})).await;
    worker.receive_cancel(first.corr).await;
    let second = worker.receive_call().await;
    assert!(begun.elapsed() >= Duration::from_secs(2), "a worker that does not stop has two seconds");
    assert_eq!(end_of(&mut peer, &stubborn).await, "run_cancelled");

    let ready = peer.start("m3", json!({})).await;
    worker.receive_cancel(second.corr).await;
    worker.result(second.corr, 0, "2").await;
    assert_eq!(peer.until_terminal().await["type"], "run_completed", "it was done");
    let third = worker.receive_call().await;
    worker.result(third.corr, 0, "3").await;
    assert_eq!(end_of(&mut peer, &ready).await, "run_completed");
}

#[tokio::test]
async fn a_restart_keeps_the_order_in_which_runs_take_their_place() {
    let gateway = TestGateway::lasting_with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut waiting, welcome) = on(&gateway, "/ws", json!({})).await;
    let (mut peer, _) = on(&gateway, "/ws/interrupt", returning(&welcome)).await;
    waiting.start("m1", json!({})).await;
    waiting.start("m2", json!({})).await;
    let first = worker.receive_call().await;
    peer.start("m3", json!({})).await;
    worker.receive_cancel(first.corr).await;
    waiting.start("m4", json!({})).await;
    drop((waiting, peer, worker));

    let gateway = gateway.restarted().await;
    let mut worker = Double::join(&gateway, "chat").await;
    for id in ["m3", "m4"] {
        let call = worker.receive_call().await;
        assert_eq!(call.message, id);
        worker.result(call.corr, 0, "1").await;
    }
}

#[tokio::test]
async fn a_run_ends_when_its_client_stays_away_where_the_route_says_so() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut leaves, welcome) = on(&gateway, "/ws/leave", json!({})).await;
    let (mut also_there, _) = on(&gateway, "/ws", returning(&welcome)).await;
    let (mut returns, back) = on(&gateway, "/ws/leave", json!({})).await;
    leaves.start("ends", json!({})).await;
    let ends = worker.receive_call().await;
    let goes_on = also_there.start("goes-on", json!({})).await;
    let goes_on_call = worker.receive_call().await;
    let kept = returns.start("is-kept", json!({})).await;
    let kept_call = worker.receive_call().await;

    drop(returns);
    drop(leaves);
    let (mut returned, _) = on(&gateway, "/ws/leave", returning(&back)).await;
    let begun = Instant::now();
    drop(also_there);
    worker.receive_cancel(ends.corr).await;
    let after = begun.elapsed();
    assert!(after >= Duration::from_secs(10), "ten seconds after the last one left: {after:?}");
    worker.fail(ends.corr, 0, "cancelled").await;
    worker.result(kept_call.corr, 0, "1").await;
    assert_eq!(end_of(&mut returned, &kept).await, "run_completed");
    worker.result(goes_on_call.corr, 0, "1").await;
    let (mut again, _) = on(&gateway, "/ws", returning(&welcome)).await;
    assert_eq!(end_of(&mut again, &goes_on).await, "run_completed", "its route does not say so");
    assert_eq!(gateway.metric("trunkline_runs_left_total").await, 1);
}
