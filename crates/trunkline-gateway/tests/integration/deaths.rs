//! Workers that are not there, or are lost: how long the gateway waits, and what it says then.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::double::Double;
use crate::harness::TestGateway;
use crate::peer::Peer;

/// How long these tests wait for what takes the gateway 30 s.
const PATIENCE: Duration = Duration::from_secs(45);

#[tokio::test]
async fn row_59_without_a_worker_a_run_ends_with_no_worker() {
    let gateway = TestGateway::start("").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let begun = Instant::now();
    peer.start("m1", json!({})).await;
    let end = peer.until_terminal().await;
    assert_eq!((&end["type"], &end["error"]["code"]), (&json!("run_failed"), &json!("no_worker")));
    assert_eq!(end["error"]["retryable"], true);
    assert!((Duration::from_secs(9)..Duration::from_secs(20)).contains(&begun.elapsed()), "after 10 s");

    // A worker that comes in time takes the run.
    peer.start("m2", json!({})).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let call = worker.receive_call().await;
    worker.result(call.corr, 0, "1").await;
    assert_eq!(peer.until_terminal().await["type"], "run_completed");
}

#[tokio::test]
async fn row_59_a_lost_worker_has_30_s_to_come_back_and_then_its_run_ends() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    peer.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    worker.text(call.corr, 0, b"I am").await;
    peer.until("run_event").await;
    let begun = Instant::now();
    drop(worker);
    let ended = async {
        // Heartbeats may come, and nothing else may before the end.
        peer.next_at_leisure().await
    };
    let end = tokio::time::timeout(PATIENCE, ended).await.expect("it ends");
    assert_eq!((&end["type"], &end["error"]["code"]), (&json!("run_failed"), &json!("worker_lost")));
    assert!(begun.elapsed() >= Duration::from_secs(29), "{:?}", begun.elapsed());
    let seen = gateway.metric("trunkline_runs_ended_total{state=\"failed\"}").await;
    assert_eq!(seen, 1);
}
