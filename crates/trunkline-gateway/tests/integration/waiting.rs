//! Runs that wait for a person: asked and answered over real sockets, once, and across restarts of the gateway.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_bridge::frame::Offer;
use trunkline_protocol::Dialect;

use crate::double::Double;
use crate::harness::TestGateway;
use crate::peer::{Peer, is_terminal, returning};

/// How long these tests wait for what takes the gateway 30 s.
const PATIENCE: Duration = Duration::from_secs(45);

fn answer(id: &str, run: &str, payload: &Value) -> Value {
    json!({ "type": "answer", "id": id, "run": run, "payload": payload })
}

fn granted(id: &str, run: &str) -> Value {
    answer(id, run, &json!({ "request_id": "q1", "granted": true, "message": "go on" }))
}

/// The answer to this message: the payload of its `ack`, or the code of its `error`.
async fn outcome(peer: &mut Peer, id: &str) -> Value {
    let mut message = peer.until_one(|message| message["reply_to"] == id && message["type"] != "run_started").await;
    if message["type"] == "ack" { message["payload"].take() } else { message["error"]["code"].take() }
}

/// A run of `chat` that asks `q1` after a word, seen by its client.
async fn asked(peer: &mut Peer, worker: &mut Double) -> (String, u64) {
    let run = peer.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    worker.text(call.corr, 0, b"I would ").await;
    worker.approval(call.corr, 1, "q1").await;
    let waiting = peer.until("run_waiting").await;
    assert_eq!((&waiting["run"], &waiting["seq"]), (&json!(run), &json!(1)));
    let mut told = waiting["payload"].clone();
    assert!(told.as_object_mut().expect("a map").remove("expires_at").is_some(), "{told}");
    assert_eq!(
        told,
        json!({ "request_id": "q1", "kind": "approval", "message": "Delete it?", "action": "delete_file" })
    );
    (run, call.corr)
}

#[tokio::test]
async fn an_answer_is_acknowledged_told_to_every_device_and_given_to_the_worker() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
    let (mut other, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    let (run, corr) = asked(&mut peer, &mut worker).await;
    gateway.until_metric("trunkline_runs_waiting", 1).await;

    other.until("run_waiting").await;
    other.send(granted("a1", &run)).await;
    assert_eq!(outcome(&mut other, "a1").await, json!({ "id": "a1", "level": "stored" }));
    let said = json!({ "request_id": "q1", "granted": true, "message": "go on" });
    assert_eq!(worker.receive_answer(corr).await, ("q1".to_owned(), said.clone()));
    for device in [&mut peer, &mut other] {
        let record = device.until("answer").await;
        assert_eq!((&record["id"], &record["run"], &record["payload"]), (&json!("a1"), &json!(run), &said));
        assert!(record["pos"].is_string() && record["seq"].is_null(), "{record}");
    }
    gateway.until_metric("trunkline_runs_waiting", 0).await;
    worker.text(corr, 2, b"delete it").await;
    worker.result(corr, 3, "1").await;
    assert_eq!(peer.until_terminal().await["seq"], 3);
}

#[tokio::test]
async fn of_two_devices_that_answer_at_the_same_time_one_is_heard() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut one, welcome) = Peer::welcomed(&gateway, json!({})).await;
    let (mut two, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    let (run, corr) = asked(&mut one, &mut worker).await;
    let denied = answer("no", &run, &json!({ "request_id": "q1", "granted": false }));
    tokio::join!(one.send(granted("yes", &run)), two.send(denied.clone()));
    let outcomes = [outcome(&mut one, "yes").await, outcome(&mut two, "no").await];
    let heard = outcomes.iter().filter(|outcome| outcome["level"] == "stored").count();
    assert_eq!((heard, outcomes.contains(&json!("already_answered"))), (1, true), "{outcomes:?}");

    let (_, said) = worker.receive_answer(corr).await;
    assert_eq!(said["granted"], outcomes[0].is_object(), "the worker hears the one that was acknowledged");
    worker.result(corr, 2, "1").await;
    one.until_terminal().await;
    let answers = |said: &Vec<Value>| said.iter().filter(|message| message["type"] == "answer").count();
    let (mut reader, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    reader.until_terminal().await;
    assert_eq!(answers(&reader.passed_over().iter().cloned().collect()), 1);

    // The same message again is acknowledged again, also now that the run is over; another one is too late.
    let (winner, loser) =
        if outcomes[0].is_object() { (granted("yes", &run), denied) } else { (denied, granted("yes", &run)) };
    let id = |message: &Value| message["id"].as_str().expect("an id").to_owned();
    for device in [&mut one, &mut two] {
        device.forget();
        device.send(winner.clone()).await;
        assert_eq!(outcome(device, &id(&winner)).await["duplicate"], true);
        device.send(loser.clone()).await;
        assert_eq!(outcome(device, &id(&loser)).await, "already_answered");
    }
    let other_content =
        answer(&id(&winner), &run, &json!({ "request_id": "q1", "granted": true, "message": "never mind" }));
    one.send(other_content).await;
    assert_eq!(outcome(&mut one, &id(&winner)).await, "already_answered");
}

#[tokio::test]
async fn answers_that_nobody_asked_for_are_refused() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let (run, corr) = asked(&mut peer, &mut worker).await;
    let (mut stranger, _) = Peer::welcomed(&gateway, json!({})).await;
    stranger.send(granted("x1", &run)).await;
    let foreign = stranger.until("error").await["error"].take();
    stranger.send(granted("x2", "no-such-run")).await;
    assert_eq!(stranger.until("error").await["error"], foreign, "what is another's and what is not there are the same");
    assert_eq!(foreign["code"], "bad_request");
    for (id, payload) in [
        ("b1", json!({ "request_id": "q2", "granted": true })),
        ("b2", json!({ "request_id": "q1" })),
        ("b3", json!({ "request_id": "q1", "value": "yes" })),
        ("b4", json!({ "granted": true })),
        ("b5", json!(null)),
    ] {
        peer.send(answer(id, &run, &payload)).await;
        assert_eq!(outcome(&mut peer, id).await, "bad_request", "{id}");
    }
    peer.send(answer("b6", &run, &json!({ "request_id": "q1", "granted": true, "message": "x".repeat(17 * 1024) })))
        .await;
    assert_eq!(outcome(&mut peer, "b6").await, "payload_too_large");
    peer.send(json!({ "type": "answer", "id": "b7", "payload": { "request_id": "q1", "granted": true } })).await;
    assert_eq!(outcome(&mut peer, "b7").await, "bad_envelope");
    peer.send(granted("a1", &run)).await;
    assert_eq!(outcome(&mut peer, "a1").await["level"], "stored");
    assert_eq!(worker.receive_answer(corr).await.1["granted"], true);
}

#[tokio::test]
async fn a_question_can_be_cancelled_and_is_withdrawn_with_its_run() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let (run, corr) = asked(&mut peer, &mut worker).await;
    peer.send(json!({ "type": "cancel", "run": run })).await;
    worker.receive_cancel(corr).await;
    worker.fail(corr, 2, "cancelled").await;
    assert_eq!(peer.until_terminal().await["type"], "run_cancelled");
    peer.send(granted("a1", &run)).await;
    assert_eq!(outcome(&mut peer, "a1").await, "bad_request");
}

#[tokio::test]
async fn a_run_that_waits_leaves_its_place_at_the_worker_to_others_but_not_its_turn() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join_single(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let (run, corr) = asked(&mut peer, &mut worker).await;
    peer.start("m2", json!({})).await;
    let (mut other, _) = Peer::welcomed(&gateway, json!({})).await;
    other.start("beside", json!({})).await;
    let beside = worker.receive_call().await;
    assert_eq!(beside.message, "beside", "the session's next run waits for its turn");
    worker.result(beside.corr, 0, "1").await;
    other.until_terminal().await;
    peer.send(granted("a1", &run)).await;
    worker.receive_answer(corr).await;
    worker.result(corr, 2, "1").await;
    assert_eq!(worker.receive_call().await.message, "m2");
}

#[tokio::test]
async fn the_deadline_stands_still_while_a_run_waits() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    peer.send(json!({ "type": "user_message", "id": "m1", "deadline_ms": 1000, "payload": {} })).await;
    let call = worker.receive_call().await;
    worker.approval(call.corr, 0, "q1").await;
    let run = peer.until("run_waiting").await["run"].as_str().expect("a run").to_owned();
    // A run of the same deadline that does not wait ends meanwhile.
    let (mut other, _) = Peer::welcomed(&gateway, json!({})).await;
    other.send(json!({ "type": "user_message", "id": "m2", "deadline_ms": 1500, "payload": {} })).await;
    assert_eq!(other.until_terminal().await["type"], "run_expired");
    peer.send(granted("a1", &run)).await;
    assert_eq!(outcome(&mut peer, "a1").await["level"], "stored");
    let end = peer.until_terminal().await;
    assert_eq!(end["type"], "run_expired", "what was left of it runs out after the answer");
    assert_eq!(end["error"]["message"], "the deadline passed before the run ended");
}

#[tokio::test]
async fn a_question_that_nobody_answers_ends_its_run_and_leaves_nothing_behind() {
    let gateway = TestGateway::start("broker.keep = \"1h\"\n").await;
    let mut worker = Double::join_single(&gateway, "chat").await;
    for (question, longest) in [
        (r#"{"kind":"approval","message":"Sure?","expires_in_ms":1}"#, Duration::from_secs(1)),
        (r#"{"kind":"approval","message":"Sure?","expires_in_ms":999999999999}"#, Duration::from_hours(1)),
        (r#"{"kind":"approval","message":"Sure?"}"#, Duration::from_hours(1)),
    ] {
        let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
        peer.send(json!({ "type": "user_message", "id": "m1", "payload": {} })).await;
        let call = worker.receive_call().await;
        worker.ask(call.corr, 0, "q1", question, None).await;
        let waiting = peer.until("run_waiting").await;
        let time = |text: &Value| humantime::parse_rfc3339(text.as_str().expect("a time")).expect("a time");
        let open = time(&waiting["payload"]["expires_at"]).duration_since(time(&waiting["ts"])).unwrap_or_default();
        assert!(open <= longest, "{open:?}");
        if longest == Duration::from_secs(1) {
            worker.receive_cancel(call.corr).await;
            let end = peer.until_terminal().await;
            assert_eq!((&end["type"], &end["error"]["code"]), (&json!("run_expired"), &json!("deadline_exceeded")));
            assert_eq!(end["error"]["message"], "nobody answered a question of the run in time");
            let run = end["run"].as_str().expect("a run").to_owned();
            peer.send(granted("a1", &run)).await;
            assert_eq!(outcome(&mut peer, "a1").await, "bad_request", "the question is withdrawn");
            worker.fail(call.corr, 1, "cancelled").await;
            gateway.until_metric("trunkline_runs_open", 0).await;
        } else {
            let nearly = longest.saturating_sub(Duration::from_mins(1));
            assert!(open >= nearly, "{open:?}");
        }
    }
}

#[tokio::test]
async fn a_question_that_is_none_fails_its_run() {
    for json in [
        r#"{"kind":"approval"}"#,
        r#"{"kind":"order","message":"x"}"#,
        r#"{"kind":"question","message":"x","choices":[]}"#,
        "1",
    ] {
        let gateway = TestGateway::start("").await;
        let mut worker = Double::join(&gateway, "chat").await;
        let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
        peer.start("m1", json!({})).await;
        let call = worker.receive_call().await;
        worker.ask(call.corr, 0, "q1", json, None).await;
        assert_eq!(peer.until_terminal().await["error"]["code"], "worker_protocol", "{json}");
    }
}

#[tokio::test]
async fn a_question_survives_a_restart_and_the_worker_that_comes_back_hears_the_answer() {
    for answered_before in [false, true] {
        let gateway = TestGateway::start_lasting("").await;
        let mut worker = Double::join(&gateway, "chat").await;
        let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
        let (run, _) = asked(&mut peer, &mut worker).await;
        drop((peer, worker));

        let gateway = gateway.restarted().await;
        let (mut peer, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
        peer.until("run_waiting").await;
        if answered_before {
            // Nobody is there to hear it; it is stored all the same.
            peer.send(granted("a1", &run)).await;
            assert_eq!(outcome(&mut peer, "a1").await["level"], "stored");
        }
        let offer = Offer { run: run.clone(), next: 2, ack: 2, asks: vec!["q1".to_owned()], ..Offer::default() };
        let (mut worker, corr) = Double::return_with(&gateway, "chat", offer).await;
        if !answered_before {
            peer.send(granted("a1", &run)).await;
            assert_eq!(outcome(&mut peer, "a1").await["level"], "stored");
        }
        assert_eq!(worker.receive_answer(corr).await.0, "q1");
        worker.result(corr, 2, "1").await;
        let end = peer.until_terminal().await;
        assert_eq!((&end["type"], &end["seq"]), (&json!("run_completed"), &json!(2)));
        // Known as a repetition by what stands in the channel.
        peer.send(granted("a1", &run)).await;
        assert_eq!(outcome(&mut peer, "a1").await["duplicate"], true);
    }
}

#[tokio::test]
async fn a_resumable_service_is_called_again_with_its_checkpoint_and_the_answer() {
    let gateway = TestGateway::start_lasting("").await;
    let mut worker = Double::join_resumable(&gateway, "chat").await;
    let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
    let run = peer.start("m1", json!({ "message": "tidy up" })).await;
    let call = worker.receive_call().await;
    worker.text(call.corr, 0, b"I looked. ").await;
    let question = r#"{"kind":"question","message":"Which branch?","choices":["main","next"]}"#;
    worker.ask(call.corr, 1, "q1", question, Some(b"step 2")).await;
    peer.until("run_waiting").await;
    drop((peer, worker));

    let gateway = gateway.restarted().await;
    let mut worker = Double::join_resumable(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    peer.until("run_waiting").await;
    let said = json!({ "request_id": "q1", "value": "main" });
    peer.send(answer("a1", &run, &said)).await;
    assert_eq!(outcome(&mut peer, "a1").await["level"], "stored");
    // The gateway gives the first worker 30 s to come back with the call.
    let again = tokio::time::timeout(PATIENCE, worker.call_at_leisure()).await.expect("it is called again");
    assert_eq!(
        (again.attempt, again.run.as_str(), again.checkpoint.as_deref()),
        (Some(2), &*run, Some(&b"step 2"[..]))
    );
    assert_eq!(again.answers, [said]);
    assert_eq!(&again.payload[..], br#"{"message":"tidy up"}"#);
    // Its events are numbered anew on the bridge, and go on in the run's channel.
    worker.text(again.corr, 0, b"On main.").await;
    worker.receive_credit(again.corr, 1).await;
    worker.result(again.corr, 1, "1").await;
    let text = peer.until_one(|message| message["payload"]["text"] == "On main.").await;
    assert_eq!(text["seq"], 2);
    assert_eq!(peer.until_terminal().await["seq"], 3);
    worker.receive_credit(again.corr, 2).await;
}

#[tokio::test]
async fn a_run_that_has_asked_is_kept_whole_however_short_logs_are() {
    let gateway = TestGateway::start_lasting("broker.retention.records = 2\n").await;
    let mut worker = Double::join_resumable(&gateway, "chat").await;
    let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
    let (run, corr) = asked(&mut peer, &mut worker).await;
    peer.send(granted("a1", &run)).await;
    worker.receive_answer(corr).await;
    worker.fail(corr, 2, "worker_lost").await;
    let again = worker.receive_call().await;
    for seq in 0..9 {
        worker.event(again.corr, seq, "step", "1").await;
        worker.receive_credit(again.corr, seq + 1).await;
    }
    worker.approval(again.corr, 9, "q2").await;
    for seq in 10..19 {
        worker.event(again.corr, seq, "step", "1").await;
        worker.receive_credit(again.corr, seq + 1).await;
    }
    drop((peer, worker));

    let gateway = gateway.restarted().await;
    let asks = vec!["q2".to_owned()];
    let offer = Offer { run: run.clone(), next: 19, ack: 19, attempt: Some(2), asks, ..Offer::default() };
    let (mut worker, corr) = Double::return_with(&gateway, "chat", offer).await;
    // A device that has seen nothing is shown the question, and the answer to the first one is known.
    let (mut peer, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    peer.until_one(|message| message["payload"]["request_id"] == "q2").await;
    peer.send(granted("a1", &run)).await;
    assert_eq!(outcome(&mut peer, "a1").await["duplicate"], true);
    peer.send(answer("a2", &run, &json!({ "request_id": "q2", "granted": true }))).await;
    assert_eq!(outcome(&mut peer, "a2").await["level"], "stored");
    assert_eq!(worker.receive_answer(corr).await.0, "q2");
    worker.result(corr, 19, "1").await;
    assert_eq!(peer.until_terminal().await["type"], "run_completed");
}

#[tokio::test]
async fn without_its_worker_a_run_that_cannot_be_called_again_ends() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let (run, corr) = asked(&mut peer, &mut worker).await;
    worker.fail(corr, 2, "worker_lost").await;
    assert_eq!(peer.until_terminal().await["error"]["code"], "worker_lost");
    peer.send(granted("a1", &run)).await;
    assert_eq!(outcome(&mut peer, "a1").await, "bad_request");
}

#[tokio::test]
async fn a_worker_may_be_lost_while_a_resumable_run_waits_and_after_the_answer() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join_resumable(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let (run, corr) = asked(&mut peer, &mut worker).await;
    peer.send(granted("a1", &run)).await;
    worker.receive_answer(corr).await;
    // It goes before it did anything with it.
    worker.fail(corr, 2, "worker_lost").await;
    let again = worker.receive_call().await;
    assert_eq!((again.attempt, again.answers.len()), (Some(2), 1));
    worker.text(again.corr, 0, b"done").await;
    peer.until_one(|message| message["payload"]["text"] == "done").await;
    // Now it has done something that may not be repeated.
    worker.fail(again.corr, 1, "worker_lost").await;
    assert_eq!(peer.until_terminal().await["error"]["code"], "worker_lost");
}

#[tokio::test]
async fn a_run_without_a_worker_can_be_cancelled() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join_resumable(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let (run, corr) = asked(&mut peer, &mut worker).await;
    worker.fail(corr, 2, "worker_lost").await;
    peer.is_alive().await;
    assert!(!peer.passed_over().iter().any(is_terminal));
    peer.send(json!({ "type": "cancel", "run": run })).await;
    assert_eq!(peer.until_terminal().await["type"], "run_cancelled");
}

#[tokio::test]
async fn old_clients_are_asked_and_answer_in_their_own_spelling() {
    let routes = "[[route]]\npath = \"/old\"\nservice = \"chat\"\ndialect = \"open\"\n";
    let gateway = TestGateway::with_routes(routes).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let mut peer = Peer::old(&gateway, "/old", Dialect::Open).await;
    peer.send(json!({ "type": "user_message", "message": "hi", "_tl": { "id": "m1" } })).await;
    let call = worker.receive_call().await;
    worker.approval(call.corr, 0, "q1").await;
    let waiting = peer.until("run_waiting").await;
    assert_eq!((&waiting["request_id"], &waiting["message"]), (&json!("q1"), &json!("Delete it?")));
    let tl = json!({ "id": "a1", "run": waiting["_tl"]["run"] });
    peer.send(json!({ "type": "answer", "request_id": "q1", "granted": false, "_tl": tl })).await;
    assert_eq!(worker.receive_answer(call.corr).await.1, json!({ "request_id": "q1", "granted": false }));
    // One that names no run is a message for the service, as it always was.
    worker.result(call.corr, 1, "1").await;
    peer.send(json!({ "type": "answer", "text": "blue" })).await;
    assert_eq!(worker.receive_call().await.kind, "answer");
}

#[tokio::test]
async fn an_answer_is_one_of_the_choices_also_after_a_restart() {
    let gateway = TestGateway::start_lasting("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
    let run = peer.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    let question = r#"{"kind":"question","message":"Which?","choices":["main","next"]}"#;
    worker.ask(call.corr, 0, "q1", question, None).await;
    peer.until("run_waiting").await;
    let answer = |id: &str, value: Value| {
        let payload = json!({ "request_id": "q1", "value": value });
        json!({ "type": "answer", "id": id, "run": run, "payload": payload })
    };
    let refused = async |peer: &mut Peer, id: &str, value: Value| {
        peer.send(answer(id, value)).await;
        let error = peer.until("error").await;
        assert_eq!((&error["error"]["code"], &error["reply_to"]), (&json!("bad_request"), &json!(id)));
        assert_eq!(error["error"]["message"], r#"value: expected one of "main", "next""#);
    };
    refused(&mut peer, "a1", json!("other")).await;
    refused(&mut peer, "a2", json!(["main"])).await;
    drop((peer, worker));
    let gateway = gateway.restarted().await;
    let (mut peer, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    refused(&mut peer, "a3", json!("Main")).await;
    peer.send(answer("a4", json!("next"))).await;
    assert_eq!(outcome(&mut peer, "a4").await["level"], "stored");
}
