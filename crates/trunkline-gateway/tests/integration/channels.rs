//! One connection, many sessions: attached as a resume would be, spoken to by name, given up again.

use serde_json::{Value, json};

use crate::double::Double;
use crate::harness::TestGateway;
use crate::peer::{Peer, returning};

/// The id in a `welcome`.
fn id(welcome: &Value) -> String {
    welcome["session"].as_str().expect("an id").to_owned()
}

fn attach(welcome: &Value) -> Value {
    json!({ "type": "attach", "id": "a1", "payload": { "session": welcome["session"], "secret": welcome["secret"] } })
}

#[tokio::test]
async fn one_connection_has_several_sessions_and_speaks_to_each() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut tab, second) = Peer::welcomed(&gateway, json!({})).await;
    tab.start("m1", json!({ "from": "the tab" })).await;
    let call = worker.receive_call().await;
    worker.result(call.corr, 0, "1").await;
    tab.until_terminal().await;
    let (mut peer, first) = Peer::welcomed(&gateway, json!({})).await;

    peer.send(attach(&second)).await;
    let channel = format!("session:{}", id(&second));
    let attached = peer.until("attached").await;
    assert_eq!((&attached["channel"], &attached["reply_to"]), (&json!(channel), &json!("a1")));
    assert_eq!(attached["payload"]["verdict"], "new");
    let message = peer.message().await;
    assert_eq!((&message["type"], &message["prev"]), (&json!("user_message"), &attached["payload"]["pos"]));
    peer.until_terminal().await;

    for (id, session, meant) in [("m2", Some(&second), &second), ("m3", None, &first), ("m4", Some(&first), &first)] {
        let mut message = json!({ "type": "user_message", "id": id, "payload": {} });
        if let Some(session) = session {
            message["session"] = session["session"].clone();
        }
        peer.send(message).await;
        let call = worker.receive_call().await;
        assert_eq!(json!(call.session), meant["session"], "{id}");
        worker.result(call.corr, 0, "1").await;
        assert_eq!(peer.until_terminal().await["session"], meant["session"]);
    }
    assert_eq!(tab.until_one(|message| message["id"] == "m2").await["session"], second["session"], "both are told");
}

#[tokio::test]
async fn row_40_an_attach_of_what_is_not_ones_own_has_one_answer() {
    let gateway = TestGateway::start("").await;
    let (mut owner, theirs) = Peer::welcomed(&gateway, json!({})).await;
    let (mut peer, own) = Peer::welcomed(&gateway, json!({})).await;
    let claims = [
        json!({ "session": theirs["session"] }),
        json!({ "session": theirs["session"], "secret": "guess" }),
        json!({ "session": theirs["session"], "secret": own["secret"] }),
        json!({ "session": "00000000000000000000000000000000", "secret": theirs["secret"] }),
        json!({ "session": "../x y\n\"", "secret": theirs["secret"] }),
    ];
    for claim in claims {
        peer.send(json!({ "type": "attach", "payload": claim.clone() })).await;
        let answer = peer.until("attached").await;
        let expected = json!({ "session": claim["session"], "verdict": "reset", "reason": "unknown" });
        assert_eq!(answer["payload"], expected);
        assert_eq!(answer["channel"], json!(format!("session:{}", claim["session"].as_str().expect("a text"))));
    }
    owner.ask("m1", json!({ "secret": "of the owner" })).await;
    owner.until("ack").await;
    peer.forget();
    peer.send(json!({ "type": "user_message", "id": "m2", "session": theirs["session"], "payload": {} })).await;
    let said = peer.so_far().await;
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!((&said[0]["error"]["code"], &said[0]["reply_to"]), (&json!("bad_request"), &json!("m2")));
}

#[tokio::test]
async fn a_session_that_was_given_up_is_silent_and_its_runs_too() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut tab, second) = Peer::welcomed(&gateway, json!({})).await;
    let (mut peer, first) = Peer::welcomed(&gateway, json!({})).await;
    peer.send(attach(&second)).await;
    peer.until("attached").await;
    tab.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    peer.until("run_started").await;

    peer.send(json!({ "type": "detach", "payload": { "session": second["session"] } })).await;
    peer.is_alive().await;
    peer.forget();
    worker.text(call.corr, 0, b"of the tab alone").await;
    tab.until("run_event").await;
    worker.result(call.corr, 1, "1").await;
    tab.until_terminal().await;
    assert_eq!(peer.so_far().await, Vec::<Value>::new());
    peer.send(json!({ "type": "user_message", "id": "m2", "session": second["session"], "payload": {} })).await;
    assert_eq!(peer.error_code().await, "bad_request");
    peer.send(json!({ "type": "detach", "payload": { "session": first["session"] } })).await;
    assert_eq!(peer.error_code().await, "bad_request");

    peer.forget();
    let position = tab.position(&format!("session:{}", id(&second))).clone();
    let mut again = attach(&second);
    again["payload"]["pos"] = json!(position);
    peer.send(again).await;
    assert_eq!(peer.until("attached").await["payload"]["verdict"], "resumed");
    assert_eq!(peer.so_far().await, Vec::<Value>::new(), "everything was seen");
}

#[tokio::test]
async fn an_attached_session_brings_the_runs_that_it_has_now() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut tab, second) = Peer::welcomed(&gateway, json!({})).await;
    tab.start("m1", json!({})).await;
    let position = tab.until("run_started").await["pos"].clone();
    let call = worker.receive_call().await;
    worker.text(call.corr, 0, b"half").await;
    tab.until("run_event").await;

    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let mut request = attach(&second);
    request["payload"]["pos"] = position;
    peer.send(request).await;
    assert_eq!(peer.until("attached").await["payload"]["verdict"], "resumed");
    assert_eq!(peer.until("run_event").await["payload"]["text"], "half");
    worker.text(call.corr, 1, b" and half").await;
    assert_eq!(peer.until("run_event").await["payload"]["text"], " and half");
}

#[tokio::test]
async fn every_attached_channel_comes_back_with_one_hello() {
    let gateway = TestGateway::start("auth.anonymous_scopes = [\"subscribe:*\"]").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (tab, second) = Peer::welcomed(&gateway, json!({})).await;
    drop(tab);
    let (mut peer, first) = Peer::welcomed(&gateway, json!({})).await;
    peer.send(attach(&second)).await;
    peer.until("attached").await;
    peer.send(json!({ "type": "subscribe", "payload": { "topic": "news" } })).await;
    peer.until("attached").await;
    peer.send(json!({ "type": "user_message", "id": "m1", "session": second["session"], "payload": {} })).await;
    let call = worker.receive_call().await;
    worker.text(call.corr, 0, b"hello").await;
    let run = format!("run:{}", peer.until("run_event").await["run"].as_str().expect("a run"));
    let names = [format!("session:{}", id(&first)), format!("session:{}", id(&second)), run, "topic:news".to_owned()];
    let mut positions = json!({});
    for name in &names {
        positions[name] = peer.position(name).clone();
    }
    drop(peer);

    let mut hello = returning(&first);
    hello["secrets"] = json!({ &id(&second): second["secret"] });
    hello["resume"] = positions.clone();
    let (mut peer, again) = Peer::welcomed(&gateway, hello).await;
    for name in &names {
        assert_eq!(again["channels"][name], json!({ "verdict": "resumed", "pos": positions[name] }), "{name}");
    }
    worker.result(call.corr, 1, "1").await;
    assert_eq!(peer.until_terminal().await["session"], second["session"]);
    peer.send(json!({ "type": "user_message", "id": "m2", "session": second["session"], "payload": {} })).await;
    assert_eq!(json!(worker.receive_call().await.session), second["session"]);

    let mut hello = returning(&first);
    hello["resume"] = positions.clone();
    let (mut peer, again) = Peer::welcomed(&gateway, hello).await;
    let unknown = json!({ "verdict": "reset", "reason": "unknown" });
    assert_eq!(
        (&again["channels"][&names[1]], &again["channels"][&names[2]]),
        (&unknown, &unknown),
        "without its secret"
    );
    assert_eq!(again["channels"]["topic:news"]["verdict"], "resumed");
    peer.is_alive().await;
}

#[tokio::test]
async fn row_44_a_connection_attaches_64_channels_and_keeps_room_for_its_runs() {
    let gateway = TestGateway::start("auth.anonymous_scopes = [\"subscribe:t*\"]").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let subscribe =
        |number: u32| json!({ "type": "subscribe", "id": "s", "payload": { "topic": format!("t{number}") } });
    for number in 1..64 {
        peer.send(subscribe(number)).await;
        assert_eq!(peer.until("attached").await["payload"]["topic"], json!(format!("t{number}")));
    }
    peer.send(subscribe(64)).await;
    let error = peer.until("error").await;
    assert_eq!((&error["error"]["code"], &error["reply_to"]), (&json!("busy"), &json!("s")));
    peer.send(subscribe(1)).await;
    assert_eq!(peer.error_code().await, "bad_request");

    peer.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    worker.result(call.corr, 0, "1").await;
    assert_eq!(peer.until_terminal().await["type"], "run_completed");

    peer.send(json!({ "type": "unsubscribe", "payload": { "topic": "t1" } })).await;
    peer.send(subscribe(64)).await;
    assert_eq!(peer.until("attached").await["payload"]["topic"], "t64");
}

#[tokio::test]
async fn malformed_wishes_are_the_clients_mistake_and_old_clients_have_none() {
    let gateway = TestGateway::start("").await;
    for (kind, payload) in [
        ("attach", json!({})),
        ("attach", json!({ "session": "s", "topic": "t" })),
        ("attach", json!({ "session": "s", "pos": "nonsense" })),
        ("subscribe", json!({ "session": "s" })),
        ("subscribe", json!({ "topic": "a b" })),
        ("unsubscribe", json!({ "user": true })),
        ("publish", json!({ "topic": "t" })),
        ("publish", json!({ "topic": "t", "user": "u", "payload": 1 })),
    ] {
        let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
        peer.send(json!({ "type": kind, "id": "x", "payload": payload })).await;
        assert_eq!(peer.error_code().await, "bad_envelope", "{kind} {payload}");
    }
    let mut old = Peer::open(&gateway, "/ws", &[]).await;
    old.until("connection_established").await;
    old.send(json!({ "type": "subscribe", "payload": { "topic": "t" } })).await;
    assert_eq!(old.until("error").await["payload"]["error_code"], "UNKNOWN_TYPE");
    let allowed = TestGateway::start("auth.anonymous_scopes = [\"subscribe:*\"]").await;
    let mut old = Peer::open(&allowed, "/ws", &[]).await;
    let welcome = old.hello(json!({ "resume": { "topic:t": null } })).await;
    assert_eq!(welcome["channels"]["topic:t"], json!({ "verdict": "reset", "reason": "unknown" }));
}
