//! Topics and users' channels: who hears what is published, once, and who may.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use trunkline_gateway::Ended;

use crate::harness::{TestGateway, within};
use crate::peer::{NATIVE, Peer, returning};

const ALICE: &str = "alice-0123456789abcdef";
const BOB: &str = "bob-0123456789abcdef";

const SETTINGS: &str = r#"
[[auth.tokens]]
token = "alice-0123456789abcdef"
subject = "alice"
scopes = ["subscribe:news.*", "publish:news.*", "publish:user:*"]
[[auth.tokens]]
token = "bob-0123456789abcdef"
subject = "bob"
scopes = ["subscribe:news.sport"]
"#;

/// Connects and says hello with a token and whatever else.
async fn connect(gateway: &TestGateway, token: &str, mut hello: Value) -> (Peer, Value) {
    let mut peer = Peer::open(gateway, "/ws", &[("sec-websocket-protocol", NATIVE)]).await;
    hello["token"] = json!(token);
    let welcome = peer.hello(hello).await;
    (peer, welcome)
}

/// Subscribes, and returns what `attached` says.
async fn subscribe(peer: &mut Peer, topic: &str, position: Value) -> Value {
    peer.send(json!({ "type": "subscribe", "payload": { "topic": topic, "pos": position } })).await;
    let attached = peer.until("attached").await;
    assert_eq!((&attached["channel"], &attached["pos"]), (&json!(format!("topic:{topic}")), &Value::Null));
    attached["payload"].clone()
}

fn publish(id: &str, payload: &Value) -> Value {
    json!({ "type": "publish", "id": id, "payload": { "topic": "news.sport", "payload": payload } })
}

/// Publishes, and returns the payload of the `ack`.
async fn published(peer: &mut Peer, message: Value) -> Value {
    let id = message["id"].clone();
    peer.send(message).await;
    let ack = peer.until_one(|answer| answer["type"] == "ack" && answer["reply_to"] == id).await;
    assert_eq!(ack["run"], Value::Null);
    ack["payload"].clone()
}

#[tokio::test]
async fn what_is_published_is_told_to_everybody_who_subscribed_in_one_order() {
    let gateway = TestGateway::start(SETTINGS).await;
    let (mut alice, _) = connect(&gateway, ALICE, json!({})).await;
    let (mut bob, _) = connect(&gateway, BOB, json!({})).await;
    let start = subscribe(&mut alice, "news.sport", Value::Null).await;
    assert_eq!(start["verdict"], "new");
    assert_eq!(subscribe(&mut bob, "news.sport", Value::Null).await["pos"], start["pos"]);
    for number in 0..3 {
        let ack = published(&mut alice, publish(&format!("p{number}"), &json!({ "goal": number }))).await;
        assert_eq!(ack, json!({ "id": format!("p{number}"), "level": "stored" }));
    }
    let mut previous = start["pos"].clone();
    for number in 0..3 {
        let told = bob.until("publish").await;
        assert_eq!(told["payload"], json!({ "topic": "news.sport", "payload": { "goal": number } }));
        assert_eq!((&told["id"], &told["meta"]), (&json!(format!("p{number}")), &json!({ "from": "alice" })));
        assert_eq!((&told["channel"], &told["prev"]), (&json!("topic:news.sport"), &previous));
        assert_eq!((&told["session"], &told["run"]), (&Value::Null, &Value::Null), "that is the sender's own");
        previous = told["pos"].clone();
        assert_eq!(alice.until("publish").await, told, "the publisher hears it as everybody does");
    }
    bob.send(json!({ "type": "unsubscribe", "payload": { "topic": "news.sport" } })).await;
    bob.is_alive().await;
    published(&mut alice, publish("p3", &json!(3))).await;
    assert_eq!(bob.so_far().await, Vec::<Value>::new());
    let (mut bob, _) = connect(&gateway, BOB, json!({})).await;
    assert_eq!(subscribe(&mut bob, "news.sport", Value::Null).await["verdict"], "new");
    for number in 0..4 {
        assert_eq!(bob.until("publish").await["id"], json!(format!("p{number}")), "who comes later reads what is kept");
    }
}

#[tokio::test]
async fn a_personal_message_reaches_every_device_of_its_user_and_nobody_else() {
    let gateway = TestGateway::start(SETTINGS).await;
    let (mut alice, _) = connect(&gateway, ALICE, json!({})).await;
    let (mut phone, _) = connect(&gateway, BOB, json!({})).await;
    let (mut laptop, _) = connect(&gateway, BOB, json!({})).await;
    let own = json!({ "type": "attach", "id": "u", "payload": { "user": true } });
    for peer in [&mut alice, &mut phone, &mut laptop] {
        peer.send(own.clone()).await;
    }
    for peer in [&mut phone, &mut laptop] {
        let attached = peer.until("attached").await;
        assert_eq!((&attached["channel"], &attached["payload"]["user"]), (&json!("user:bob"), &json!(true)));
    }
    assert_eq!(alice.until("attached").await["channel"], "user:alice");
    let message = json!({ "type": "publish", "id": "p1", "payload": { "user": "bob", "payload": "hello" } });
    assert_eq!(published(&mut alice, message).await["level"], "stored");
    let told = phone.until("publish").await;
    assert_eq!((&told["channel"], &told["meta"]["from"]), (&json!("user:bob"), &json!("alice")));
    assert_eq!(laptop.until("publish").await, told);
    assert_eq!(alice.so_far().await, Vec::<Value>::new());

    let (_, welcome) = connect(&gateway, ALICE, json!({ "resume": { "user:bob": null, "user:alice": null } })).await;
    assert_eq!(welcome["channels"]["user:bob"], json!({ "verdict": "reset", "reason": "unknown" }));
    assert_eq!(welcome["channels"]["user:alice"]["verdict"], "new");
}

#[tokio::test]
async fn row_43_what_no_scope_allows_is_refused_whether_it_exists_or_not() {
    let gateway = TestGateway::start(SETTINGS).await;
    let (mut alice, _) = connect(&gateway, ALICE, json!({})).await;
    let news = json!({ "type": "publish", "id": "p", "payload": { "topic": "news.politics", "payload": 1 } });
    published(&mut alice, news).await;
    let (mut bob, _) = connect(&gateway, BOB, json!({})).await;
    let mut answers = BTreeSet::new();
    for topic in ["news.politics", "news.nothing", "other"] {
        for (kind, payload) in [
            ("subscribe", json!({ "topic": topic })),
            ("attach", json!({ "topic": topic, "pos": "1-1-1" })),
            ("publish", json!({ "topic": topic, "payload": 1 })),
            ("publish", json!({ "user": topic, "payload": 1 })),
        ] {
            bob.send(json!({ "type": kind, "id": "x", "payload": payload })).await;
            let error = bob.until("error").await;
            assert_eq!((&error["error"]["code"], &error["reply_to"]), (&json!("permission_denied"), &json!("x")));
            let said = error["error"]["message"].as_str().expect("a text").replace(topic, "…");
            answers.insert(said);
        }
        let (_, welcome) = connect(&gateway, BOB, json!({ "resume": { format!("topic:{topic}"): null } })).await;
        let verdict = &welcome["channels"][format!("topic:{topic}")];
        assert_eq!(*verdict, json!({ "verdict": "reset", "reason": "unknown" }));
    }
    let given = "the gateway's configuration gives it with the scopes of the client's token ([[auth.tokens]])";
    let said = ["publish:user:…", "publish:…", "subscribe:…"];
    let said = said.map(|scope| format!("this needs the scope \"{scope}\"; {given}"));
    assert!(answers.iter().eq(&said), "in the same words whatever is there: {answers:?}");
    bob.is_alive().await;

    let anonymous = TestGateway::start("").await;
    let (mut peer, _) = Peer::welcomed(&anonymous, json!({})).await;
    for (kind, payload, told) in [
        (
            "subscribe",
            json!({ "topic": "news" }),
            "the scope \"subscribe:news\"; the gateway's configuration gives it with auth.anonymous_scopes",
        ),
        ("publish", json!({ "topic": "news", "payload": 1 }), "the scope \"publish:news\"; "),
        ("attach", json!({ "user": true }), "only who has shown a token has a user's channel"),
    ] {
        peer.send(json!({ "type": kind, "payload": payload })).await;
        let error = &peer.until("error").await["error"];
        assert_eq!(error["code"], "permission_denied", "{kind}");
        assert!(error["message"].as_str().expect("a text").contains(told), "{error}");
    }
}

#[tokio::test]
async fn a_topic_is_resumed_where_its_reader_stood() {
    let gateway =
        TestGateway::start(&format!("{SETTINGS}\n[[topic]]\npattern = \"news.*\"\nkeep_records = 16\n")).await;
    let (mut alice, _) = connect(&gateway, ALICE, json!({})).await;
    let (mut bob, welcome) = connect(&gateway, BOB, json!({})).await;
    subscribe(&mut bob, "news.sport", Value::Null).await;
    published(&mut alice, publish("p0", &json!(0))).await;
    let seen = bob.until("publish").await["pos"].clone();
    drop(bob);
    for number in 1..4 {
        published(&mut alice, publish(&format!("p{number}"), &json!(number))).await;
    }
    let mut hello = returning(&welcome);
    hello["resume"] = json!({ "topic:news.sport": seen });
    let (mut bob, again) = connect(&gateway, BOB, hello.clone()).await;
    assert_eq!(again["channels"]["topic:news.sport"], json!({ "verdict": "resumed", "pos": seen }));
    for number in 1..4 {
        assert_eq!(bob.until("publish").await["payload"]["payload"], json!(number));
    }
    drop(bob);

    for number in 4..40 {
        published(&mut alice, publish(&format!("p{number}"), &json!(number))).await;
    }
    let (mut bob, again) = connect(&gateway, BOB, hello).await;
    let verdict = &again["channels"]["topic:news.sport"];
    assert_eq!((&verdict["verdict"], &verdict["reason"]), (&json!("reset"), &json!("too_far")));
    let first = bob.until("publish").await;
    assert_eq!(first["prev"], verdict["pos"], "from the oldest that is kept");
    assert!(first["payload"]["payload"].as_u64().expect("a number") >= 22, "{first}");

    let (mut bob, _) = connect(&gateway, BOB, json!({})).await;
    let attached = subscribe(&mut bob, "news.sport", seen.clone()).await;
    assert_eq!((&attached["verdict"], &attached["reason"]), (&json!("reset"), &json!("too_far")));
    assert_eq!(bob.until("publish").await["prev"], attached["pos"]);
}

#[tokio::test]
async fn what_is_sent_again_stands_in_the_topic_once() {
    let gateway = TestGateway::start(SETTINGS).await;
    let (mut alice, _) = connect(&gateway, ALICE, json!({})).await;
    // It does not hear whether the message was taken.
    alice.send(publish("p1", &json!("once"))).await;
    drop(alice);
    let (mut alice, _) = connect(&gateway, ALICE, json!({})).await;
    published(&mut alice, publish("p1", &json!("once"))).await;
    let again = published(&mut alice, publish("p1", &json!("once"))).await;
    assert_eq!(again, json!({ "id": "p1", "level": "stored", "duplicate": true }));
    alice.send(publish("p1", &json!("other"))).await;
    assert_eq!(alice.error_code().await, "duplicate_id");
    let (mut other, _) = connect(&gateway, BOB, json!({})).await;
    assert_eq!(subscribe(&mut other, "news.sport", Value::Null).await["verdict"], "new");
    assert_eq!(other.until("publish").await["payload"]["payload"], "once");
    published(&mut alice, publish("p2", &json!("next"))).await;
    assert_eq!(other.until("publish").await["id"], "p2");
    assert_eq!(gateway.metric("trunkline_published_total").await, 2);
}

#[tokio::test]
async fn topics_survive_the_gateway_and_so_does_what_was_sent_before() {
    let gateway = TestGateway::start_lasting(SETTINGS).await;
    let (mut alice, _) = connect(&gateway, ALICE, json!({})).await;
    let (mut bob, welcome) = connect(&gateway, BOB, json!({})).await;
    subscribe(&mut bob, "news.sport", Value::Null).await;
    published(&mut alice, publish("p1", &json!(1))).await;
    let seen = bob.until("publish").await["pos"].clone();
    published(&mut alice, publish("p2", &json!(2))).await;
    drop((alice, bob));
    let gateway = gateway.restarted().await;

    let (mut alice, _) = connect(&gateway, ALICE, json!({})).await;
    assert_eq!(published(&mut alice, publish("p2", &json!(2))).await["duplicate"], true);
    published(&mut alice, publish("p3", &json!(3))).await;
    let mut hello = returning(&welcome);
    hello["resume"] = json!({ "topic:news.sport": seen });
    let (mut bob, again) = connect(&gateway, BOB, hello).await;
    assert_eq!(again["channels"]["topic:news.sport"]["verdict"], "resumed");
    assert_eq!(bob.until("publish").await["payload"]["payload"], 2);
    assert_eq!(bob.until("publish").await["payload"]["payload"], 3);
    assert_eq!(gateway.stop().await, Ended::Stopped);
}

#[tokio::test]
async fn anonymous_clients_have_the_scopes_that_the_configuration_gives_them() {
    let gateway = TestGateway::start(r#"auth.anonymous_scopes = ["subscribe:news.*", "publish:news.*"]"#).await;
    let (mut one, _) = Peer::welcomed(&gateway, json!({})).await;
    let (mut other, _) = Peer::welcomed(&gateway, json!({})).await;
    let mut packed = Peer::packed(&gateway).await;
    packed.hello(json!({})).await;
    packed.send(json!({ "type": "subscribe", "payload": { "topic": "news.sport" } })).await;
    packed.until("attached").await;
    subscribe(&mut one, "news.sport", Value::Null).await;
    // Two who have no name are two senders, whatever their ids.
    for peer in [&mut one, &mut other] {
        let mut message = publish("p1", &json!("hi"));
        message["meta"] = json!({ "from": "somebody", "mine": 1 });
        assert_eq!(published(peer, message).await["duplicate"], Value::Null);
    }
    for _ in 0..2 {
        let told = one.until("publish").await;
        assert_eq!((&told["id"], &told["meta"]), (&json!("p1"), &json!({ "mine": 1 })), "nobody has proved a name");
        assert_eq!(packed.until("publish").await["payload"]["payload"], "hi");
    }
}

/// Most that a connection may make the gateway hold, with what the socket has.
const HELD_BYTES_MAX: u64 = 512 * 1024;

#[tokio::test]
async fn a_client_that_subscribes_and_does_not_read_is_not_answered_without_bound() {
    let gateway = TestGateway::start("[auth]\nanonymous_scopes = [\"subscribe:*\"]\n").await;
    let (mut peer, _) = Peer::slow(&gateway).await;
    let refused = "trunkline_client_errors_total{code=\"too_many_in_flight\"}";
    let topic = "t".repeat(250);
    let mut sent = gateway.metric("trunkline_messages_in_total").await;
    // 60 MB of answers, were they all given.
    for _ in 0..5_000 {
        for _ in 0..16 {
            for kind in ["subscribe", "unsubscribe"] {
                peer.send(json!({ "type": kind, "payload": { "topic": topic } })).await;
                sent += 1;
            }
        }
        // No faster than they are taken, so that it is not the number of wishes at once that is refused.
        within(async { while gateway.metric("trunkline_messages_in_total").await < sent {} }).await;
        assert!(gateway.metric("trunkline_buffer_bytes").await < HELD_BYTES_MAX);
        if gateway.metric(refused).await > 0 {
            break;
        }
    }
    assert!(gateway.metric(refused).await > 0, "in the end it has as many wishes as it may");
    // Once it reads, it is told of each of those that were not refused.
    peer.until("error").await;
}
