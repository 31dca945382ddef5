//! Whose session it is, and where each channel goes on: every wrong claim has the same answer.

use serde_json::{Value, json};

use crate::double::Double;
use crate::harness::TestGateway;
use crate::peer::{Peer, returning};

/// The channel of a session or a run.
fn channel(kind: &str, id: &Value) -> String {
    format!("{kind}:{}", id.as_str().expect("an id"))
}

fn unknown() -> Value {
    json!({ "verdict": "reset", "reason": "unknown" })
}

#[tokio::test]
async fn a_session_comes_back_with_its_secret() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
    let own = channel("session", &welcome["session"]);
    assert_eq!(welcome["channels"][&own]["verdict"], "new");
    assert_eq!((&welcome["resume"], &welcome["limits"]["in_flight_max"]), (&json!(true), &json!(64)));
    peer.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    worker.text(call.corr, 0, b"hello").await;
    let event = peer.until("run_event").await;
    let run = channel("run", &event["run"]);
    drop(peer);

    let mut hello = returning(&welcome);
    hello["resume"] = json!({ &own: welcome["channels"][&own]["pos"], &run: event["pos"] });
    let (mut peer, again) = Peer::welcomed(&gateway, hello).await;
    assert_eq!((&again["session"], &again["secret"]), (&welcome["session"], &Value::Null));
    assert_eq!(again["channels"][&own]["verdict"], "resumed");
    assert_eq!(again["channels"][&run], json!({ "verdict": "resumed", "pos": event["pos"] }));
    worker.result(call.corr, 1, "1").await;
    let mut said = Vec::new();
    while said.last() != Some(&json!("run_completed")) {
        said.push(peer.message().await["type"].take());
    }
    said.sort_by_key(ToString::to_string);
    assert_eq!(said, ["run_completed", "run_started", "user_message"], "what was seen does not come again");
}

#[tokio::test]
async fn row_40_wrong_claims_on_a_session_have_one_answer() {
    let gateway = TestGateway::start("").await;
    let (_owner, welcome) = Peer::welcomed(&gateway, json!({})).await;
    let (_, other) = Peer::welcomed(&gateway, json!({})).await;
    let session = &welcome["session"];
    let claims = [
        json!({ "session": session }),
        json!({ "session": session, "secret": "" }),
        json!({ "session": session, "secret": "guess" }),
        json!({ "session": session, "secret": other["secret"] }),
        json!({ "session": "00000000000000000000000000000000", "secret": welcome["secret"] }),
        json!({ "session": "../x y\n", "secret": welcome["secret"] }),
        json!({ "session": "", "secret": welcome["secret"] }),
    ];
    for claim in claims {
        let (_, answer) = Peer::welcomed(&gateway, claim.clone()).await;
        let mut channels = answer["channels"].as_object().expect("channels").clone();
        let new = channels.remove(&channel("session", &answer["session"])).expect("the new session's own");
        assert_eq!(new["verdict"], "new", "{claim}");
        assert!(answer["secret"].is_string() && answer["session"] != *session, "{claim}");
        assert_eq!(channels.len(), 1, "{claim}");
        assert_eq!(channels[&channel("session", &claim["session"])], unknown(), "{claim}");
    }
}

#[tokio::test]
async fn row_40_a_run_of_another_session_is_unknown_and_nothing_of_it_is_sent() {
    const MARKER: &str = "marker-of-the-owner";
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut owner, welcome) = Peer::welcomed(&gateway, json!({})).await;
    owner.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    let run = channel("run", &json!(call.run));
    let own = channel("session", &welcome["session"]);
    let (_, thief) = Peer::welcomed(&gateway, json!({})).await;

    // Before the run has an event, while it has some, and when it is over.
    for step in 0..3 {
        let mut hello = returning(&thief);
        hello["resume"] = json!({ &run: null, &own: null });
        let (mut peer, answer) = Peer::welcomed(&gateway, hello).await;
        assert_eq!(answer["channels"][&run], unknown(), "{step}");
        assert_eq!(answer["channels"][&own], unknown(), "{step}");
        match step {
            0 => worker.text(call.corr, 0, MARKER.as_bytes()).await,
            1 => worker.result(call.corr, 1, &format!("\"{MARKER}\"")).await,
            _ => {}
        }
        match step {
            0 => drop(owner.until("run_event").await),
            1 => drop(owner.until_terminal().await),
            _ => {}
        }
        // A whole run of its own goes by, so that whatever else was to come has come.
        let id = format!("t{step}");
        peer.start(&id, json!({})).await;
        let own_call = worker.receive_call().await;
        worker.result(own_call.corr, 0, "1").await;
        let mut said = Vec::new();
        while !said.last().is_some_and(|message: &Value| {
            message["run"] == own_call.run.as_str() && message["type"] == "run_completed"
        }) {
            said.push(peer.message().await);
        }
        assert!(!json!(said).to_string().contains(MARKER), "{said:?}");
        assert!(said.iter().all(|message| message["run"] != call.run.as_str()), "{said:?}");
    }
}

#[tokio::test]
async fn row_42_positions_that_do_not_fit_the_log_are_reset() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
    peer.start("m1", json!({})).await;
    let started = peer.until("run_started").await;
    let call = worker.receive_call().await;
    let position = started["pos"].as_str().expect("a position").to_owned();
    let parts: Vec<_> = position.split('-').collect();
    let own = channel("session", &welcome["session"]);
    for (wrong, reason) in [
        (format!("{}-{}-{}", parts[0], "ffff", parts[2]), "forked"),
        (format!("{}-{}-{}", parts[0], parts[1], "1"), "forked"),
        (format!("1-{}-{}", parts[1], parts[2]), "epoch_changed"),
    ] {
        let mut hello = returning(&welcome);
        hello["resume"] = json!({ &own: wrong });
        let (mut peer, answer) = Peer::welcomed(&gateway, hello).await;
        let verdict = &answer["channels"][&own];
        assert_eq!((&verdict["verdict"], &verdict["reason"]), (&json!("reset"), &json!(reason)), "{wrong}");
        assert_eq!(verdict["pos"], welcome["channels"][&own]["pos"], "from the oldest retained place");
        let first = peer.until("user_message").await;
        assert_eq!(first["prev"], verdict["pos"]);
    }
    worker.result(call.corr, 0, "1").await;
}

#[tokio::test]
async fn row_55_cancel_reaches_only_ones_own_live_runs() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut owner, _) = Peer::welcomed(&gateway, json!({})).await;
    let (mut other, _) = Peer::welcomed(&gateway, json!({})).await;
    let run = owner.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    let cancel = |run: &str| json!({ "type": "cancel", "id": "c1", "run": run });

    for (peer, run) in [(&mut other, run.as_str()), (&mut owner, "unknown")] {
        peer.send(cancel(run)).await;
        let ack = peer.until("cancel_ack").await;
        assert_eq!((&ack["payload"], &ack["run"]), (&json!({ "cancelled": false }), &json!(run)));
    }
    owner.send(json!({ "type": "cancel", "id": "c2" })).await;
    assert_eq!(owner.error_code().await, "bad_envelope");

    owner.send(cancel(&run)).await;
    assert_eq!(owner.until("cancel_ack").await["payload"]["cancelled"], true);
    worker.receive_cancel(call.corr).await;
    worker.fail(call.corr, 0, "cancelled").await;
    assert_eq!(owner.until_terminal().await["type"], "run_cancelled");
    // The run's end is told before it is forgotten.
    crate::harness::within(async {
        loop {
            owner.send(cancel(&run)).await;
            if owner.until("cancel_ack").await["payload"]["cancelled"] == false {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn row_55_what_cannot_be_cancelled_has_one_answer() {
    let tokens = ["alice", "bob"]
        .map(|name| format!("[[auth.tokens]]\ntoken = \"{name}-0123456789abcdef\"\nsubject = \"{name}\""));
    let gateway = TestGateway::start(&tokens.join("\n")).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let hello = |name: &str| json!({ "token": format!("{name}-0123456789abcdef") });
    let (mut alice, _) = Peer::welcomed(&gateway, hello("alice")).await;
    let (mut elsewhere, _) = Peer::welcomed(&gateway, hello("alice")).await;
    let (mut bob, _) = Peer::welcomed(&gateway, hello("bob")).await;
    let finished = alice.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    worker.result(call.corr, 0, "1").await;
    alice.until_terminal().await;
    let running = alice.start("m2", json!({})).await;
    let call = worker.receive_call().await;
    // Every run before it has left the roster, since this one has its turn.
    let unknown = "0".repeat(32);
    for (peer, runs) in [
        (&mut alice, [&*finished, &unknown, "no run at all"]),
        (&mut elsewhere, [&running, &finished, &unknown]),
        (&mut bob, [&running, &finished, &unknown]),
    ] {
        for run in runs {
            peer.send(json!({ "type": "cancel", "id": "c", "run": run })).await;
            let payload = json!({ "cancelled": false });
            let expected = json!({ "type": "cancel_ack", "reply_to": "c", "run": run, "payload": payload });
            assert_eq!(peer.until("cancel_ack").await, expected);
        }
    }
    worker.result(call.corr, 0, "2").await;
    assert_eq!(alice.until_terminal().await["type"], "run_completed");
}

#[tokio::test]
async fn row_51_an_id_stands_for_one_message() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let run = peer.start("m1", json!({ "message": "hello" })).await;
    peer.ask("m1", json!({ "message": "hello" })).await;
    let ack = peer.until("ack").await;
    assert_eq!((&ack["run"], &ack["payload"]["duplicate"]), (&json!(run), &json!(true)));
    let other_contents = [
        json!({ "type": "user_message", "id": "m1", "payload": { "message": "another" } }),
        json!({ "type": "user_message", "id": "m1" }),
        json!({ "type": "another_type", "id": "m1", "payload": { "message": "hello" } }),
        json!({ "type": "user_message", "id": "m1", "payload": { "message": "hello" }, "deadline_ms": 1_000 }),
        json!({ "type": "user_message", "id": "m1", "payload": { "message": "hello" }, "to": { "service": "chat" } }),
    ];
    for content in other_contents {
        peer.send(content).await;
        let error = peer.until("error").await;
        assert_eq!((&error["error"]["code"], &error["reply_to"]), (&json!("duplicate_id"), &json!("m1")));
    }
    let call = worker.receive_call().await;
    worker.result(call.corr, 0, "1").await;
    assert_eq!(peer.until_terminal().await["run"], json!(run));
    peer.start("m2", json!({})).await;
    assert_eq!(worker.receive_call().await.message, "m2", "it was called once");
}

#[tokio::test]
async fn row_51_one_message_more_than_may_be_in_flight_is_refused() {
    let gateway = TestGateway::start("").await;
    let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
    let most = welcome["limits"]["in_flight_max"].as_u64().expect("a limit");
    assert_eq!(most, 64);
    // In one write, so that none is answered before the last one comes.
    let message = |id: u64| json!({ "type": "user_message", "id": id.to_string() }).to_string();
    let frames: Vec<u8> =
        (0..=most).flat_map(|id| crate::wire::frame(crate::wire::TEXT, message(id).as_bytes())).collect();
    peer.send_bytes(&frames).await;
    let is_refusal = |message: &Value| message["error"]["code"] == "too_many_in_flight";
    let error = peer.until_one(is_refusal).await;
    let last = most.to_string();
    assert_eq!(error["reply_to"], json!(last));
    peer.forget();
    peer.ask(&last, json!({ "message": "of another content" })).await;
    let is_answer = |message: &Value| message["reply_to"] == last.as_str() && message["type"] != "run_started";
    let answer = peer.until_one(is_answer).await;
    assert_ne!(answer["error"]["code"], "duplicate_id", "nothing of it was stored");
}

#[tokio::test]
async fn row_56_deadlines() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let message = |id: &str, deadline: u64| json!({ "type": "user_message", "id": id, "deadline_ms": deadline });
    peer.send(message("m0", 0)).await;
    let error = peer.until("error").await;
    assert_eq!((&error["error"]["code"], &error["reply_to"]), (&json!("deadline_exceeded"), &json!("m0")));

    peer.send(message("m1", 100)).await;
    let call = worker.receive_call().await;
    assert!(call.deadline_ms.is_some_and(|left| left <= 100), "the worker hears what is left");
    let end = peer.until_terminal().await;
    assert_eq!((&end["type"], &end["error"]["code"]), (&json!("run_expired"), &json!("deadline_exceeded")));
    worker.receive_cancel(call.corr).await;

    for (id, deadline) in [("m2", 1 << 32), ("m3", (1 << 53) - 1), ("m0", 120_001)] {
        peer.send(message(id, deadline)).await;
        let call = worker.receive_call().await;
        assert_eq!(call.message, id, "of m0 nothing was stored before");
        let left = call.deadline_ms.expect("a deadline");
        assert!((60_000..=120_000).contains(&left), "as long as the route allows: {left}");
        worker.result(call.corr, 0, "1").await;
        assert_eq!(peer.until_terminal().await["type"], "run_completed");
    }
    for deadline in [json!(-1), json!(0.5), json!("1"), json!(1_u64 << 53)] {
        peer.send(json!({ "type": "user_message", "id": "m4", "deadline_ms": deadline })).await;
        assert_eq!(peer.error_code().await, "bad_envelope", "{deadline}");
    }
}
