//! Static tokens: where they may stand, and what becomes of a client without one or with a wrong one.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::double::Double;
use crate::harness::TestGateway;
use crate::peer::{NATIVE, Peer, returning};

const ALICE: &str = "alice-0123456789abcdef";
const BOB: &str = "bob-0123456789abcdef";

const SETTINGS: &str = r#"
limits.auth_wait = "300ms"
[[auth.tokens]]
token = "alice-0123456789abcdef"
subject = "alice"
[[auth.tokens]]
token = "bob-0123456789abcdef"
subject = "bob"
realm = "default"
[[route]]
path = "/ws"
service = "chat"
[[route]]
path = "/ws/other"
service = "chat"
realm = "other"
"#;

fn bearer(token: &str) -> String {
    format!("trunkline.bearer.{}", URL_SAFE_NO_PAD.encode(token))
}

/// The ways in which a client shows a token: headers of the upgrade, or the payload of its hello.
async fn shown(gateway: &TestGateway, path: &str, token: &str, way: &str) -> Peer {
    let header = format!("Bearer {token}");
    let subprotocols = format!("{NATIVE}, {}", bearer(token));
    let headers: &[(&str, &str)] = match way {
        "header" => &[("sec-websocket-protocol", NATIVE), ("authorization", &header)],
        "subprotocol" => &[("sec-websocket-protocol", &subprotocols)],
        _ => &[("sec-websocket-protocol", NATIVE)],
    };
    let mut peer = Peer::open(gateway, path, headers).await;
    if way == "hello" {
        peer.send(json!({ "type": "hello", "payload": { "token": token } })).await;
    }
    peer
}

const WAYS: [&str; 3] = ["header", "subprotocol", "hello"];

#[tokio::test]
async fn a_right_token_opens_a_session_wherever_it_stands() {
    let gateway = TestGateway::with_routes(SETTINGS).await;
    let mut worker = Double::join(&gateway, "chat").await;
    for way in WAYS {
        let mut peer = shown(&gateway, "/ws", ALICE, way).await;
        let welcome = match way {
            "hello" => peer.until("welcome").await["payload"].take(),
            _ => peer.hello(json!({})).await,
        };
        assert_eq!(welcome["secret"], json!(null), "who has a name needs no secret");
        peer.start("m1", json!({})).await;
        let call = worker.receive_call().await;
        assert_eq!(call.user.as_deref(), Some("alice"), "{way}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_an_error_and_4500_wherever_it_stands() {
    let gateway = TestGateway::with_routes(SETTINGS).await;
    // A token of one realm is worth nothing in another, and the answer does not say that it is worth something there.
    for (path, token) in [("/ws", "wrong-0123456789abcdef"), ("/ws", "alice-0123456789abcde"), ("/ws/other", BOB)] {
        let mut answers = Vec::new();
        for way in WAYS {
            let mut peer = shown(&gateway, path, token, way).await;
            let (said, code) = peer.until_closed().await;
            assert_eq!(code, 4500, "{path} {way}");
            let error = said.into_iter().find(|message| message["type"] == "error").expect("an error");
            assert_eq!(error["error"]["code"], "unauthorized", "{path} {way}");
            answers.push(error["error"]["message"].clone());
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
    let mut peer = shown(&gateway, "/ws/other", ALICE, "header").await;
    peer.hello(json!({})).await;
}

#[tokio::test]
async fn other_schemes_and_broken_subprotocols_are_wrong_tokens() {
    let gateway = TestGateway::with_routes(SETTINGS).await;
    let basic = format!("Basic {ALICE}");
    let broken = format!("{NATIVE}, trunkline.bearer.!!");
    for header in [("authorization", basic.as_str()), ("authorization", ALICE), ("sec-websocket-protocol", &broken)] {
        let peer = Peer::try_open(&gateway, "/ws", &[header]).await;
        // A subprotocol that is no token of HTTP may be refused before the upgrade.
        if let Ok(mut peer) = peer {
            assert_eq!(peer.until_closed().await.1, 4500, "{header:?}");
        }
    }
}

#[tokio::test]
async fn who_says_nothing_is_4005_and_who_says_something_else_4500() {
    let gateway = TestGateway::with_routes(SETTINGS).await;
    let begun = Instant::now();
    let mut peer = Peer::native(&gateway).await;
    assert_eq!(peer.until_closed().await, (Vec::new(), 4005));
    assert!(begun.elapsed() >= Duration::from_millis(300));

    for text in [r#"{"type":"hello"}"#, r#"{"type":"user_message","id":"m1"}"#, r#"{"type":"cancel","run":"x"}"#] {
        let mut peer = Peer::native(&gateway).await;
        peer.send_text(text).await;
        let (said, code) = peer.until_closed().await;
        assert_eq!((code, &said[0]["error"]["code"]), (4500, &json!("unauthorized")), "{text}");
    }
}

#[tokio::test]
async fn mistakes_do_not_buy_time_to_authenticate() {
    let gateway = TestGateway::with_routes(SETTINGS).await;
    let mut peer = Peer::native(&gateway).await;
    peer.send_text("{}").await;
    peer.send(json!({ "type": "ping" })).await;
    let (said, code) = peer.until_closed().await;
    assert_eq!(code, 4005);
    assert_eq!(said.iter().map(|message| &message["type"]).collect::<Vec<_>>(), ["error", "pong"]);
}

#[tokio::test]
async fn row_40_a_session_belongs_to_its_user_and_realm() {
    let gateway = TestGateway::with_routes(SETTINGS).await;
    let mut alice = Peer::native(&gateway).await;
    let welcome = alice.hello(json!({ "token": ALICE })).await;
    let session = welcome["session"].as_str().expect("a session").to_owned();

    let mut again = Peer::native(&gateway).await;
    let resumed = again.hello(json!({ "token": ALICE, "session": session })).await;
    assert_eq!(resumed["session"], session);

    for (path, token) in [("/ws", BOB), ("/ws/other", ALICE)] {
        let mut other = Peer::open(&gateway, path, &[("sec-websocket-protocol", NATIVE)]).await;
        let mut hello = returning(&welcome);
        hello["token"] = json!(token);
        let refused = other.hello(hello).await;
        assert_ne!(refused["session"], session);
        let verdict = &refused["channels"][format!("session:{session}")];
        assert_eq!(*verdict, json!({ "verdict": "reset", "reason": "unknown" }), "{path}");
    }
}
