//! A gateway that is told to stop: clients are sent away, runs may finish for a while, and then it ends.

use std::time::{Duration, Instant};

use serde_json::json;
use trunkline_gateway::Ended;

use crate::double::{Double, serve};
use crate::harness::TestGateway;
use crate::peer::Peer;

#[tokio::test]
async fn clients_are_sent_away_and_a_run_may_finish() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let mut old = Peer::open(&gateway, "/ws", &[]).await;
    peer.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    gateway.begin_to_stop();
    let go_away = peer.until("go_away").await;
    assert_eq!(go_away["payload"], json!({ "reason": "drain", "reconnect_min_ms": 0, "reconnect_max_ms": 2000 }));
    assert_eq!(peer.until_closed().await.1, 4000);
    assert_eq!(old.until_closed().await.1, 4000);
    worker.result(call.corr, 0, "1").await;
    worker.receive_credit(call.corr, 1).await;
    assert_eq!(gateway.stop().await, Ended::Stopped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_do_not_finish_are_cut_off_however_busy_they_are() {
    let gateway = TestGateway::start("server.drain = \"100ms\"").await;
    let _serving = serve(&gateway, "chat").await;
    let mut peers = Vec::new();
    for _ in 0..30 {
        let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
        peer.ask("m1", json!({ "texts": 900_000, "bytes": 8 })).await;
        peer.ask("m2", json!({ "texts": 900_000, "bytes": 8 })).await;
        peers.push(peer);
    }
    for peer in &mut peers {
        peer.until("run_event").await;
    }
    let begun = Instant::now();
    assert_eq!(gateway.stop().await, Ended::Stopped);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
