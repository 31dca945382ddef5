//! A gateway that is told to stop: clients are sent away, runs may finish for a while, and then it ends.

use std::time::{Duration, Instant};

use serde_json::json;
use trunkline_gateway::Ended;

use crate::double::{Double, serve};
use crate::harness::TestGateway;
use crate::peer::{Peer, returning};
use crate::wire;

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
    assert_eq!(go_away["payload"]["reason"], "drain");
    let advice = |name: &str| go_away["payload"][name].as_u64().expect("a time");
    assert_eq!(advice("reconnect_max_ms"), advice("reconnect_min_ms") + 2_000);
    assert_eq!(old.until_closed().await.1, 4000, "it is told nothing else, and goes in its turn");

    let ready = gateway.get("/health/ready").await;
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains(r#""clients":"draining""#), "{ready}");
    let refused = gateway.exchange(wire::upgrade(&gateway, "/ws").as_bytes()).await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("retry-after: "), "{refused}");

    worker.text(call.corr, 0, b"to the end").await;
    peer.until("run_event").await;
    worker.result(call.corr, 1, "1").await;
    peer.until("run_completed").await;
    assert_eq!(peer.until_closed().await.1, 4000);
    assert_eq!(gateway.stop().await, Ended::Stopped);
}

#[tokio::test]
async fn a_client_that_has_no_welcome_yet_is_told_nothing_else_and_goes() {
    let gateway = TestGateway::start("server.drain = \"30s\"").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    peer.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    let mut late = Peer::native(&gateway).await;
    gateway.begin_to_stop();
    assert_eq!(late.until_closed().await, (Vec::new(), 4000), "a client takes anything but its welcome for a refusal");
    peer.until("go_away").await;
    worker.result(call.corr, 0, "1").await;
    peer.until("run_completed").await;
}

#[tokio::test]
async fn row_68_many_clients_are_told_one_after_the_other_and_each_when_to_come_back() {
    const CLIENTS: usize = 200;
    let gateway = TestGateway::start("").await;
    let mut peers = Vec::new();
    for _ in 0..CLIENTS {
        peers.push(Peer::welcomed(&gateway, json!({})).await.0);
    }
    gateway.begin_to_stop();
    let mut places = Vec::new();
    for peer in &mut peers {
        let go_away = peer.until("go_away").await;
        places.push(go_away["payload"]["reconnect_min_ms"].as_u64().expect("a time"));
        assert_eq!(peer.until_closed().await.1, 4000);
    }
    // Two hundred draws of two hundred milliseconds: that they leave half of the time empty is not to be feared.
    places.sort_unstable();
    assert!(places[0] < 50 && places[CLIENTS - 1] > 150 && places[CLIENTS - 1] <= 250, "{places:?}");
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

/// Whoever could keep a gateway from ending.
struct Stuck {
    /// Has a call, and does not end it.
    _worker: Double,
    /// Does not read what it is sent.
    _slow: Peer,
    /// Reads.
    witness: Peer,
}

impl Stuck {
    async fn at(gateway: &TestGateway) -> Self {
        let _serving = serve(gateway, "chat").await;
        let mut worker = Double::join(gateway, "stubborn").await;
        let (mut slow, welcome) = Peer::slow(gateway).await;
        slow.ask("m1", json!({ "texts": 3_000, "bytes": 2_000 })).await;
        let (mut witness, _) = Peer::welcomed(gateway, returning(&welcome)).await;
        witness.until_terminal().await;
        assert!(gateway.metric("trunkline_channels_fell_behind_total").await > 0, "its network is full");
        witness.send(json!({ "type": "user_message", "id": "m2", "to": { "service": "stubborn" } })).await;
        worker.receive_call().await;
        Self { _worker: worker, _slow: slow, witness }
    }
}

/// Clients may take an hour to read, so that only the gateway's own bounds end the wait for them.
const PATIENT_WITH_CLIENTS: &str = "limits.write_stall = \"1h\"\nlimits.heartbeat = \"1h\"\n";

/// What all bounded waits of a stop come to: for runs 0.1 s and 5 s, workers 20 s, clients 2 s and background tasks 5 s.
const STOPPING: Duration = Duration::from_secs(33);

/// A process that the gateway starts, and that does not end when it is asked to.
const DEAF_WORKER: &str = r#"
[[worker]]
name = "deaf"
command = ["/bin/sh", "-c", "trap '' TERM; while :; do /bin/sleep 1; done"]
"#;

#[tokio::test]
async fn neither_worker_nor_client_can_keep_a_gateway_from_ending() {
    let gateway = TestGateway::start(&format!("{PATIENT_WITH_CLIENTS}server.drain = \"100ms\"\n{DEAF_WORKER}")).await;
    let _stuck = Stuck::at(&gateway).await;
    tokio::time::pause();
    // By a clock that is moved on whenever everybody waits. A worker that is silent for longer would be taken for lost.
    let ended = tokio::time::timeout(STOPPING, gateway.stop_at_leisure()).await;
    assert_eq!(ended, Ok(Ended::Stopped));
}

#[tokio::test]
async fn after_a_second_signal_a_gateway_waits_for_nothing() {
    let gateway = TestGateway::start(&format!("{PATIENT_WITH_CLIENTS}server.drain = \"10m\"\n{DEAF_WORKER}")).await;
    let mut stuck = Stuck::at(&gateway).await;
    gateway.begin_to_stop();
    stuck.witness.until("go_away").await;
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    assert_eq!(gateway.stop_at_once().await, Ended::Stopped);
    assert_eq!(begun.elapsed(), Duration::ZERO, "the clock is moved on only when everybody waits for it");
}
