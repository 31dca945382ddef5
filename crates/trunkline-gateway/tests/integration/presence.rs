//! Who is seen in a topic: by name, not by connection, and never longer than it is true.

use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::peer::{MESSAGE_PACK, NATIVE, Peer};

const ALICE: &str = "alice-0123456789abcdef";
const BOB: &str = "bob-0123456789abcdef";
const EVE: &str = "eve-0123456789abcdef";

const SETTINGS: &str = r#"
[[auth.tokens]]
token = "alice-0123456789abcdef"
subject = "alice"
scopes = ["subscribe:room", "presence:room"]
[[auth.tokens]]
token = "bob-0123456789abcdef"
subject = "bob"
scopes = ["subscribe:room", "presence:room"]
[[auth.tokens]]
token = "eve-0123456789abcdef"
subject = "eve"
scopes = ["subscribe:*"]
"#;

fn says(state: &str) -> Value {
    json!({ "type": "presence_state", "channel": "topic:room", "payload": { "state": state } })
}

/// Connects and subscribes.
async fn subscribed(gateway: &TestGateway, token: &str) -> Peer {
    subscribed_in(gateway, token, NATIVE).await
}

async fn subscribed_in(gateway: &TestGateway, token: &str, subprotocol: &str) -> Peer {
    let mut peer = Peer::open(gateway, "/ws", &[("sec-websocket-protocol", subprotocol)]).await;
    peer.hello(json!({ "token": token })).await;
    peer.send(json!({ "type": "subscribe", "payload": { "topic": "room" } })).await;
    peer.until("attached").await;
    peer
}

/// The same, and is seen; returns whom it is told of.
async fn seen(gateway: &TestGateway, token: &str) -> (Peer, Value) {
    let mut peer = subscribed(gateway, token).await;
    peer.send(says("online")).await;
    let told = peer.until("presence_members").await;
    assert_eq!(told["channel"], "topic:room");
    (peer, told["payload"].clone())
}

fn online(members: &[&str]) -> Value {
    members.iter().map(|member| json!({ "member": member, "state": "online" })).collect()
}

#[tokio::test]
async fn a_user_on_several_devices_is_one_member() {
    let gateway = TestGateway::start(SETTINGS).await;
    let (mut alice, told) = seen(&gateway, ALICE).await;
    assert_eq!(told, json!({ "you": "alice", "count": 1, "members": online(&["alice"]) }));
    let (phone, told) = seen(&gateway, BOB).await;
    assert_eq!(told["members"], online(&["alice", "bob"]));
    let (mut laptop, told) = seen(&gateway, BOB).await;
    assert_eq!(told, json!({ "you": "bob", "count": 2, "members": online(&["alice", "bob"]) }));
    assert_eq!(alice.until("presence_join").await["payload"]["member"], "bob");

    laptop.send(says("typing")).await;
    let state = alice.until("presence_state").await;
    assert_eq!((&state["channel"], &state["pos"]), (&json!("topic:room"), &Value::Null));
    assert_eq!(state["payload"], json!({ "member": "bob", "state": "typing" }));
    laptop.send(says("typing")).await;
    laptop.send(says("away")).await;
    assert_eq!(alice.until("presence_state").await["payload"]["state"], "away", "what is no news is not told");

    drop(phone);
    laptop.send(json!({ "type": "unsubscribe", "payload": { "topic": "room" } })).await;
    let left = alice.until_one(|message| message["type"] != "publish").await;
    assert_eq!((&left["type"], &left["payload"]["member"]), (&json!("presence_leave"), &json!("bob")), "once");
    gateway.until_metric("trunkline_presence_visits", 1).await;
}

#[tokio::test]
async fn who_comes_and_does_something_is_told_in_two_messages_in_each_codec() {
    let gateway = TestGateway::start(SETTINGS).await;
    let mut readers = Vec::new();
    for codec in [NATIVE, MESSAGE_PACK] {
        let mut alice = subscribed_in(&gateway, ALICE, codec).await;
        alice.send(says("online")).await;
        let told = alice.until("presence_members").await;
        assert_eq!(told["payload"], json!({ "you": "alice", "count": 1, "members": online(&["alice"]) }));
        readers.push(alice);
    }
    let mut bob = subscribed(&gateway, BOB).await;
    bob.send(says("away")).await;
    for mut alice in readers {
        let told = [alice.message().await, alice.message().await];
        assert_eq!(told.each_ref().map(|told| &told["type"]), ["presence_join", "presence_state"]);
        assert_eq!(told[0]["payload"], json!({ "member": "bob", "info": {} }));
        assert_eq!(told[1]["payload"], json!({ "member": "bob", "state": "away" }));
    }
}

#[tokio::test]
async fn a_reconnect_is_no_leave_and_a_lost_connection_is_one_later() {
    let gateway = TestGateway::start(SETTINGS).await;
    let (mut alice, _) = seen(&gateway, ALICE).await;
    let (bob, _) = seen(&gateway, BOB).await;
    alice.until("presence_join").await;
    drop(bob);
    gateway.until_metric("trunkline_presence_visits", 1).await;
    let (bob, told) = seen(&gateway, BOB).await;
    assert_eq!(told["members"], online(&["alice", "bob"]));
    assert!(alice.so_far().await.iter().all(|message| message["type"] == "heartbeat"), "nothing happened");
    drop(bob);
    assert_eq!(alice.until_one(|message| message["type"] != "heartbeat").await["type"], "presence_leave");
    let (_again, told) = seen(&gateway, ALICE).await;
    assert_eq!(told["members"], online(&["alice"]));
}

#[tokio::test]
async fn nobody_is_said_to_be_there_after_a_restart_who_is_not() {
    let gateway = TestGateway::start_lasting(SETTINGS).await;
    let (alice, _) = seen(&gateway, ALICE).await;
    let (bob, _) = seen(&gateway, BOB).await;
    drop((alice, bob));
    let gateway = gateway.restarted().await;
    let (mut alice, told) = seen(&gateway, ALICE).await;
    assert_eq!(told["members"], online(&["alice"]));
    let (_bob, _) = seen(&gateway, BOB).await;
    assert_eq!(alice.until("presence_join").await["payload"]["member"], "bob");
}

#[tokio::test]
async fn row_43_presence_needs_its_scope_and_ones_own_name() {
    let gateway = TestGateway::start(SETTINGS).await;
    let (mut alice, _) = seen(&gateway, ALICE).await;
    let mut eve = subscribed(&gateway, EVE).await;
    eve.send(says("online")).await;
    assert_eq!(eve.error_code().await, "permission_denied");
    let mut bob = subscribed(&gateway, BOB).await;
    let mut forged = says("away");
    forged["payload"]["member"] = json!("alice");
    bob.send(forged).await;
    assert_eq!(bob.error_code().await, "permission_denied");
    let mut elsewhere = says("online");
    elsewhere["channel"] = json!("session:room");
    bob.send(elsewhere).await;
    assert_eq!(bob.error_code().await, "bad_envelope");
    bob.send(says("asleep")).await;
    assert_eq!(bob.error_code().await, "bad_envelope");
    bob.send(json!({ "type": "unsubscribe", "payload": { "topic": "room" } })).await;
    bob.send(says("online")).await;
    assert_eq!(bob.error_code().await, "bad_request");
    assert_eq!(alice.so_far().await, Vec::<Value>::new(), "nobody was seen");
}

#[tokio::test]
async fn who_has_no_name_is_seen_by_one_that_tells_nothing() {
    let scopes = r#"auth.anonymous_scopes = ["subscribe:room", "presence:room"]"#;
    let gateway = TestGateway::start(scopes).await;
    let (mut one, welcome) = Peer::welcomed(&gateway, json!({})).await;
    one.send(json!({ "type": "subscribe", "payload": { "topic": "room" } })).await;
    one.until("attached").await;
    one.send(says("online")).await;
    let told = one.until("presence_members").await;
    let you = told["payload"]["you"].as_str().expect("a name").to_owned();
    assert!(you.starts_with("anonymous-") && !you.contains(welcome["session"].as_str().expect("an id")), "{you}");
    assert_eq!(told["payload"]["members"], online(&[&you]));
}
