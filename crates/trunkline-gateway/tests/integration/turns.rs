//! One run at a time in a session, the others wait in order, and the line is bounded.

use serde_json::json;

use crate::double::Double;
use crate::harness::TestGateway;
use crate::peer::Peer;

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
