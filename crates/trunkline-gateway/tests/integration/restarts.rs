//! A gateway that is stopped and started again: what it had accepted goes on where it was.

use serde_json::{Value, json};
use trunkline_bridge::frame::Frame;

use crate::double::Double;
use crate::harness::TestGateway;
use crate::peer::{Peer, is_terminal, returning};
use crate::wire;

#[tokio::test]
async fn waiting_runs_are_called_after_a_restart_one_by_one_in_the_order_of_their_messages() {
    // The bridge takes a while to start: whoever called a service before that would find no worker.
    let gateway = TestGateway::start_lasting("bridge.zeromq = \"tcp://127.0.0.1:0\"").await;
    let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
    let ids: Vec<_> = (0..=16).map(|number| format!("m{number}")).collect();
    // In one write, so that many are accepted in one millisecond.
    let message = |id: &String| json!({ "type": "user_message", "id": id }).to_string();
    let frames: Vec<_> = ids.iter().map(|id| wire::frame(wire::TEXT, message(id).as_bytes())).collect();
    peer.send_bytes(&frames.concat()).await;
    for _ in &ids {
        peer.until("ack").await;
    }
    drop(peer);

    let gateway = gateway.restarted().await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut witness, _) = Peer::welcomed(&gateway, json!({})).await;
    // Also the first one, whose call waited for a worker.
    for id in &ids {
        let call = worker.receive_call().await;
        assert_eq!((call.message.as_str(), json!(call.session)), (id.as_str(), welcome["session"].clone()));
        // Whatever else was called would come before this one.
        witness.start(&format!("beside-{id}"), json!({})).await;
        let beside = worker.receive_call().await;
        assert_eq!(beside.message, format!("beside-{id}"), "one at a time");
        worker.result(beside.corr, 0, "1").await;
        worker.result(call.corr, 0, "1").await;
    }
    let (mut peer, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    peer.start("last", json!({})).await;
    assert_eq!(worker.receive_call().await.message, "last", "each was called once");
}

/// Sends each message again, and once more with other content under its id.
async fn repeat(peer: &mut Peer, runs: &[(&str, String)]) {
    for (id, run) in runs {
        peer.ask(id, json!({ "message": id })).await;
        let ack = peer.until("ack").await;
        assert_eq!(
            (&ack["reply_to"], &ack["run"], &ack["payload"]["duplicate"]),
            (&json!(id), &json!(run), &Value::Bool(true))
        );
        peer.ask(id, json!({ "message": "something else" })).await;
        let error = peer.until("error").await;
        assert_eq!((&error["reply_to"], &error["error"]["code"]), (&json!(id), &json!("duplicate_id")));
    }
}

#[tokio::test]
async fn a_repeated_message_has_no_effect_whatever_became_of_its_run() {
    let gateway = TestGateway::start_lasting("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
    let mut runs = Vec::new();
    for id in ["over", "running", "waiting"] {
        runs.push((id, peer.start(id, json!({ "message": id })).await));
        if id == "over" {
            let call = worker.receive_call().await;
            worker.result(call.corr, 0, "1").await;
            peer.until_terminal().await;
        }
    }
    assert_eq!(worker.receive_call().await.message, "running");
    repeat(&mut peer, &runs).await;
    drop(peer);

    // Whoever was running is with its worker still; whoever was waiting still does.
    let gateway = gateway.restarted().await;
    let (mut peer, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    repeat(&mut peer, &runs).await;
    let (mut worker, corr) = Double::come_back(&gateway, "chat", &runs[1].1, 0).await;
    worker.result(corr, 0, "1").await;
    let call = worker.receive_call().await;
    assert_eq!(call.message, "waiting", "the others are not called again");
    worker.result(call.corr, 0, "1").await;
    peer.until_one(|message| message["type"] == "run_completed" && message["run"] == *runs[2].1).await;
    repeat(&mut peer, &runs).await;
    peer.start("last", json!({})).await;
    assert_eq!(worker.receive_call().await.message, "last", "none was called twice");

    let (mut other, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    let mut stored = Vec::new();
    while stored.last() != Some(&json!("last")) {
        stored.push(other.until("user_message").await["id"].take());
    }
    assert_eq!(json!(stored), json!(["over", "running", "waiting", "last"]), "each stands in the session once");
}

#[tokio::test]
async fn a_run_goes_on_where_it_was_when_its_worker_comes_back_to_the_next_gateway() {
    let gateway = TestGateway::start_lasting("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
    let run = peer.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    worker.text(call.corr, 0, b"one ").await;
    peer.until("run_event").await;
    drop(peer);

    let gateway = gateway.restarted().await;
    while let Some(frame) = worker.last_words().await {
        assert!(!matches!(frame, Frame::Cancel { .. }), "nobody wants it to end");
    }
    let (mut worker, corr) = Double::come_back(&gateway, "chat", &run, 1).await;
    worker.text(corr, 1, b"two").await;
    worker.result(corr, 2, "1").await;
    let (mut peer, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    let mut text = String::new();
    let end = loop {
        let message = peer.until_one(|message| message["run"] == *run && message["type"] != "run_started").await;
        match message["payload"]["text"].as_str() {
            Some(piece) => text.push_str(piece),
            None if is_terminal(&message) => break message,
            None => {}
        }
    };
    assert_eq!((end["type"].as_str(), &*text), (Some("run_completed"), "one two"));
}

#[tokio::test]
async fn a_message_that_comes_while_a_gateway_drains_is_kept_for_the_next_one() {
    let gateway = TestGateway::start_lasting("server.drain = \"30s\"").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
    peer.start("first", json!({})).await;
    let call = worker.receive_call().await;
    gateway.begin_to_stop();
    peer.until("go_away").await;
    let run = peer.start("second", json!({})).await;
    worker.result(call.corr, 0, "1").await;
    peer.until_terminal().await;
    assert_eq!(peer.until_closed().await.1, 4000);
    drop(peer);

    let gateway = gateway.restarted().await;
    let mut worker = Double::join(&gateway, "chat").await;
    let call = worker.receive_call().await;
    assert_eq!((call.message.as_str(), &call.run), ("second", &run), "the first one is over");
    worker.result(call.corr, 0, "1").await;
    let (mut peer, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    peer.until_one(|message| message["type"] == "run_completed" && message["run"] == *run).await;
}
