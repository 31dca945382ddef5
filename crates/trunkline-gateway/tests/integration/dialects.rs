//! Old clients: each dialect's own words for greetings, answers, errors and heartbeats, without a hello and with one.

use serde_json::{Value, json};
use trunkline_protocol::Dialect;

use crate::double::{Double, serve, served_texts};
use crate::harness::TestGateway;
use crate::peer::{NATIVE, Peer, returning};

pub(crate) const ROUTES: &str = r#"
[[route]]
path = "/payload"
dialect = "payload"
service = "chat"
[[route]]
path = "/data"
dialect = "data"
service = "chat"
[[route]]
path = "/flat"
dialect = "flat"
service = "chat"
[[route]]
path = "/open"
dialect = "open"
service = "chat"
capabilities = ["vision", "monitoring"]
[[route]]
path = "/native"
dialect = "native"
service = "chat"
"#;

const DIALECTS: [&str; 4] = ["/payload", "/data", "/flat", "/open"];

/// A message to the service, as an old client of this path writes it.
fn question(path: &str) -> Value {
    match path {
        "/payload" => json!({ "type": "user_message", "payload": { "message": "hi", "chat_id": "c1" } }),
        "/data" => {
            json!({ "type": "chat_message", "data": { "message": { "content": "hi", "agentId": "coding" } } })
        }
        "/flat" => json!({ "type": "user_message", "message": "hi", "agent": "guide", "pillar": "content" }),
        _ => json!({ "type": "request_workspace_analysis" }),
    }
}

/// What the whole answer is called there.
fn answer(path: &str) -> &'static str {
    match path {
        "/payload" => "llm_response",
        "/data" => "chat_response",
        "/flat" => "agent_complete",
        _ => "response",
    }
}

pub(crate) fn dialect(path: &str) -> Dialect {
    match path {
        "/data" => Dialect::Data,
        "/open" => Dialect::Open,
        "/payload" | "/ws" => Dialect::Payload,
        _ => Dialect::Flat,
    }
}

fn types(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["type"].as_str().expect("a type")).collect()
}

/// Everything up to the first message of this type.
async fn until(peer: &mut Peer, kind: &str) -> Vec<Value> {
    let mut messages = Vec::new();
    loop {
        messages.push(peer.message().await);
        if messages.last().is_some_and(|message| message["type"] == kind) {
            return messages;
        }
    }
}

/// Where a message stands, in any dialect.
fn place(message: &Value) -> &Value {
    if message["_tl"].is_object() { &message["_tl"] } else { &message["metadata"]["_tl"] }
}

#[tokio::test]
async fn each_dialect_is_greeted_and_answered_in_its_own_words_and_in_no_others() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    for (path, greeting, opened, answer) in [
        ("/payload", Some("connection_established"), "welcome", "llm_response"),
        ("/data", Some("connection_status"), "welcome", "chat_response"),
        ("/flat", None, "session_created", "agent_complete"),
        ("/open", Some("connected"), "welcome", "response"),
    ] {
        let mut peer = Peer::old(&gateway, path, dialect(path)).await;
        peer.send(question(path)).await;
        let call = worker.receive_call().await;
        worker.text(call.corr, 0, b"Hel").await;
        worker.receive_credit(call.corr, 1).await;
        worker.text(call.corr, 1, b"lo").await;
        worker.receive_credit(call.corr, 2).await;
        worker.send(trunkline_bridge::frame::Frame::End { corr: call.corr, seq: 2 }).await;
        let said = until(&mut peer, answer).await;
        let mut expected: Vec<_> = greeting.into_iter().chain([opened]).collect();
        if path == "/flat" {
            expected.extend(["agent_streaming", "agent_streaming"]);
        }
        expected.push(answer);
        assert_eq!(types(&said), expected, "{path}");
        let answer = said.last().expect("an answer");
        let text = match path {
            "/payload" => &answer["payload"]["response"],
            "/data" => &answer["data"]["message"]["content"],
            _ => &answer["message"],
        };
        assert_eq!(text, "Hello", "{answer}");
        match path {
            "/payload" => {
                assert_eq!(
                    (&answer["payload"]["chat_id"], &answer["payload"]["model"]),
                    (&json!("c1"), &json!("chat"))
                );
            }
            "/data" => assert_eq!(answer["data"]["message"]["agentId"], "coding"),
            "/flat" => {
                assert_eq!((&answer["agent"], &answer["pillar"]), (&json!("guide"), &json!("content")));
                for piece in &said[1..3] {
                    assert_eq!((&piece["agent"], &piece["pillar"]), (&json!("guide"), &json!("content")));
                    assert!(piece["metadata"]["_tl"]["meta"].is_null(), "{piece}");
                }
                let indexes: Vec<_> = said[1..3].iter().map(|piece| &piece["stream_index"]).collect();
                assert_eq!(indexes, [&json!(0), &json!(1)]);
                assert!(said.iter().all(|message| message["timestamp"].is_string()));
            }
            _ => assert_eq!(said[0]["capabilities"], json!(["vision", "monitoring"])),
        }
        assert!(place(answer)["pos"].is_string() && place(answer)["reply_to"].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn whoever_gives_an_id_gets_an_ack_and_other_devices_see_the_message() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let mut sender = Peer::old(&gateway, "/flat", Dialect::Flat).await;
    sender.send(json!({ "type": "hello" })).await;
    let created = sender.until("session_created").await;
    let mut device = Peer::open(&gateway, "/native", &[("sec-websocket-protocol", NATIVE)]).await;
    device.hello(returning(&created["data"])).await;
    sender.send(json!({ "type": "user_message", "message_id": "m1", "message": "hi" })).await;
    let ack = sender.until("ack").await;
    assert_eq!((&ack["id"], &place(&ack)["reply_to"]), (&json!("m1"), &json!("m1")));
    let message = device.until("user_message").await;
    assert_eq!((&message["id"], &message["payload"]), (&json!("m1"), &json!({ "message": "hi" })));
    let call = worker.receive_call().await;
    worker.result(call.corr, 0, "{\"rows\":3}").await;
    let complete = sender.until("agent_complete").await;
    assert_eq!((&complete["message"], &complete["data"]), (&json!(""), &json!({ "rows": 3 })));
    sender.send(json!({ "type": "ping" })).await;
    let said = until(&mut sender, "pong").await;
    assert!(!types(&said).contains(&"user_message"), "its own message is not repeated to it");
}

#[tokio::test]
async fn a_client_of_flat_is_told_that_its_session_cannot_be_had_and_gets_a_new_one() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let (_, theirs) = Peer::welcomed_at(&gateway, "/native").await;
    let theirs = theirs["session"].as_str().expect("an id");
    for asked in ["never-was", theirs] {
        let mut peer = Peer::old(&gateway, "/flat", Dialect::Flat).await;
        peer.send(json!({ "type": "hello", "session": asked })).await;
        let (expired, created) = (peer.message().await, peer.message().await);
        assert_eq!((&expired["type"], &expired["session_id"]), (&json!("session_expired"), &json!(asked)));
        assert_eq!(expired["message"], "the session has expired");
        assert_eq!(created["type"], "session_created");
        assert_eq!(
            created["data"]["channels"][format!("session:{asked}")],
            json!({ "verdict": "reset", "reason": "unknown" })
        );
    }
}

#[tokio::test]
async fn an_old_client_that_sends_positions_back_loses_nothing() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    for path in DIALECTS {
        let mut peer = Peer::old(&gateway, path, dialect(path)).await;
        let hello = |payload: Value| match path {
            "/payload" => json!({ "type": "hello", "payload": payload }),
            "/data" => json!({ "type": "hello", "data": payload }),
            _ => {
                let mut frame = payload;
                frame["type"] = json!("hello");
                frame
            }
        };
        let facts = |welcome: Value| match path {
            "/payload" => welcome["payload"].clone(),
            "/data" | "/flat" => welcome["data"].clone(),
            _ => welcome,
        };
        let opened = if path == "/flat" { "session_created" } else { "welcome" };
        peer.send(hello(json!({}))).await;
        let welcome = facts(peer.until(opened).await);
        peer.send(question(path)).await;
        let started = peer.until("run_started").await;
        let call = worker.receive_call().await;
        worker.text(call.corr, 0, b"Hel").await;
        let piece = if path == "/flat" { "agent_streaming" } else { "run_event" };
        let first = peer.until(piece).await;
        drop(peer);
        worker.text(call.corr, 1, b"lo").await;
        worker.receive_credit(call.corr, 2).await;

        let mut again = Peer::old(&gateway, path, dialect(path)).await;
        let mut back = returning(&welcome);
        let place_of = |message: &Value| {
            (place(message)["channel"].as_str().expect("a channel").to_owned(), place(message)["pos"].clone())
        };
        back["resume"] = Value::Object([place_of(&started), place_of(&first)].into_iter().collect());
        again.send(hello(back)).await;
        again.until(opened).await;
        let second = again.until(piece).await;
        assert_eq!(place(&second)["prev"], place(&first)["pos"], "{path}");
        if path == "/flat" {
            assert_eq!((&second["message"], &second["stream_index"]), (&json!("lo"), &json!(0)));
        }
        worker.send(trunkline_bridge::frame::Frame::End { corr: call.corr, seq: 2 }).await;
        let answer = again.until_one(|message| message.to_string().contains("Hello")).await;
        assert_eq!(place(&answer)["prev"], place(&second)["pos"], "the whole text, also of what came before: {answer}");
    }
}

#[tokio::test]
async fn failures_and_mistakes_are_errors_in_the_words_of_each_dialect() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    for path in DIALECTS {
        let error_type = if path == "/flat" { "error_message" } else { "error" };
        let words = |error: &Value| match path {
            "/payload" => error["payload"]["message"].clone(),
            "/data" => error["data"]["message"].clone(),
            "/flat" => error["message"].clone(),
            _ => error["error"].clone(),
        };
        let mut peer = Peer::old(&gateway, path, dialect(path)).await;
        peer.send(question(path)).await;
        let call = worker.receive_call().await;
        worker.fail(call.corr, 0, "bad_request").await;
        let failed = peer.until(error_type).await;
        assert_eq!(
            (words(&failed), &place(&failed)["error"]["code"]),
            (json!("as the test wants"), &json!("bad_request"))
        );
        peer.send_text("{\"no\":\"type\"}").await;
        let mistake = peer.until(error_type).await;
        assert!(words(&mistake).as_str().is_some_and(|text| text.contains("type")), "{mistake}");
        assert_eq!(place(&mistake)["error"]["code"], "bad_envelope");
    }
}

#[tokio::test]
async fn pings_come_back_with_what_they_carry() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    for (path, ping) in [
        ("/payload", json!({ "type": "ping", "payload": { "timestamp": 1.5 } })),
        ("/data", json!({ "type": "ping", "data": { "timestamp": "now" } })),
        ("/flat", json!({ "type": "ping", "timestamp": "2026-01-02T03:04:05.678Z" })),
        ("/flat", json!({ "type": "ping", "timestamp": 1_700_000_000_000_u64 })),
        ("/open", json!({ "type": "ping", "timestamp": 7 })),
    ] {
        let mut peer = Peer::old(&gateway, path, dialect(path)).await;
        peer.send(ping.clone()).await;
        let mut pong = peer.until("pong").await;
        pong["type"] = json!("ping");
        for (name, value) in ping.as_object().expect("an object") {
            assert_eq!(pong[name], *value, "{path}");
        }
    }
}

#[tokio::test]
async fn a_slow_old_client_gets_the_whole_answer_in_numbered_pieces() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let _worker = serve(&gateway, "chat").await;
    let mut peer = Peer::old(&gateway, "/flat", Dialect::Flat).await;
    peer.send(json!({ "type": "user_message", "texts": 200, "bytes": 4000 })).await;
    peer.until("session_created").await;
    let said = until(&mut peer, "agent_complete").await;
    let (complete, pieces) = said.split_last().expect("an answer");
    let streamed: String = pieces.iter().map(|piece| piece["message"].as_str().expect("text")).collect();
    let indexes: Vec<_> = pieces.iter().map(|piece| piece["stream_index"].as_u64().expect("a number")).collect();
    assert_eq!(indexes, (0..pieces.len() as u64).collect::<Vec<_>>());
    assert!(streamed == served_texts(200, 4000), "{} bytes", streamed.len());
    assert!(complete["message"] == streamed, "the whole text is what was streamed");
}

#[tokio::test]
async fn progress_reaches_each_dialect_in_its_word() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    for (path, word) in [("/payload", "progress"), ("/flat", "progress_update")] {
        let mut peer = Peer::old(&gateway, path, dialect(path)).await;
        peer.send(question(path)).await;
        let call = worker.receive_call().await;
        worker.progress(call.corr, r#"{"percentage":45,"message":"Analyzing","stage":"x"}"#).await;
        let progress = peer.until(word).await;
        if path == "/flat" {
            assert_eq!((&progress["progress"], &progress["message"]), (&json!(0.45), &json!("Analyzing")));
            assert!(progress["timestamp"].is_string());
        }
        worker.result(call.corr, 0, "null").await;
    }
}

#[tokio::test]
async fn the_first_state_of_a_first_message_is_told_before_the_answer() {
    let gateway = TestGateway::lasting_with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    for path in DIALECTS.into_iter().cycle().take(40) {
        let mut peer = Peer::old(&gateway, path, dialect(path)).await;
        peer.send(question(path)).await;
        let call = worker.receive_call().await;
        worker.progress(call.corr, r#"{"percentage":1,"message":"thinking"}"#).await;
        worker.result(call.corr, 0, "\"yes\"").await;
        let progress = if path == "/flat" { "progress_update" } else { "progress" };
        let said = until(&mut peer, answer(path)).await;
        assert!(types(&said).contains(&progress), "{path}: {said:?}");
    }
}

const TOKENS: &str = r#"
[[auth.tokens]]
token = "alice-0123456789abcdef"
subject = "alice"
[[auth.tokens]]
token = "bob-0123456789abcdefgh"
subject = "bob"
[[route]]
path = "/api/ws/guide"
dialect = "flat"
service = "chat"
query_token = true
[[route]]
path = "/api/ws/private"
dialect = "flat"
service = "chat"
"#;

#[tokio::test]
async fn old_front_ends_may_send_their_token_in_the_address_or_in_each_message_where_the_route_allows_it() {
    let gateway = TestGateway::with_routes(TOKENS).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let message = |token: Option<&str>| match token {
        Some(token) => json!({ "type": "user_message", "session_token": token, "message": "hi" }),
        None => json!({ "type": "user_message", "message": "hi" }),
    };
    let right = Some("alice-0123456789abcdef");
    for (path, token) in [
        ("/api/ws/guide?session_token=alice-0123456789abcdef", None),
        ("/api/ws/guide?session_token=alice%2D0123456789abcdef", right),
        ("/api/ws/private", right),
    ] {
        let mut peer = Peer::old(&gateway, path, dialect(path)).await;
        peer.send(message(token)).await;
        let call = worker.receive_call().await;
        assert_eq!(call.user.as_deref(), Some("alice"), "{path}");
        assert_eq!(&call.payload[..], br#"{"message":"hi"}"#, "the token is the gateway's alone");
        worker.result(call.corr, 0, "\"hello\"").await;
        assert_eq!(peer.until("agent_complete").await["message"], "hello");
    }
    for (path, token) in
        [("/api/ws/guide?session_token=wrong", None), ("/api/ws/guide", Some("wrong")), ("/api/ws/guide", None)]
    {
        let mut peer = Peer::old(&gateway, path, dialect(path)).await;
        let _ = peer.try_send(tokio_tungstenite::tungstenite::Message::text(message(token).to_string())).await;
        let (said, code) = peer.until_closed().await;
        assert_eq!((types(&said), code), (vec!["error_message"], 4500), "{path} {token:?}");
    }
    let refused = gateway.get("/api/ws/private?session_token=alice-0123456789abcdef").await;
    assert!(refused.starts_with("HTTP/1.1 4"), "{refused}");
    assert!(!refused.contains("alice"), "{refused}");
}

#[tokio::test]
async fn a_token_that_names_somebody_else_ends_the_connection_and_hello_takes_one_too() {
    let gateway = TestGateway::with_routes(TOKENS).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let alice = json!("alice-0123456789abcdef");
    for token in ["bob-0123456789abcdefgh", "wrong"] {
        let mut peer = Peer::old(&gateway, "/api/ws/private", Dialect::Flat).await;
        peer.send(json!({ "type": "hello", "session_token": alice })).await;
        peer.until("session_created").await;
        peer.send(json!({ "type": "user_message", "session_token": alice, "message": "hi" })).await;
        let call = worker.receive_call().await;
        assert_eq!(call.user.as_deref(), Some("alice"));
        worker.result(call.corr, 0, "\"yes\"").await;
        peer.until("agent_complete").await;
        peer.send(json!({ "type": "user_message", "session_token": token, "message": "mine" })).await;
        let error = peer.until("error_message").await;
        assert_eq!(error["error_code"], "UNAUTHORIZED");
        let said = if token == "wrong" { "the token is wrong" } else { "the token is another user's" };
        assert_eq!(error["message"], said);
        assert_eq!(peer.until_closed().await.1, 4500);
    }
}

#[tokio::test]
async fn mistakes_are_named_in_the_words_of_the_dialect() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    for (path, text, said) in [
        (
            "/flat",
            r#"{"type":"user_message","message_id":"a b"}"#,
            "message_id: expected 1 to 64 of A-Z a-z 0-9 _ . : -",
        ),
        ("/flat", r#"{"type":"cancel"}"#, "metadata._tl.run: missing; cancel names a run"),
        ("/payload", r#"{"type":"cancel"}"#, "_tl.run: missing; cancel names a run"),
        (
            "/open",
            "hello",
            "the frame is not JSON: it goes wrong at line 1, column 1; send one JSON object; plain text is read where the \
             route has a text_type",
        ),
        ("/data", r#"{"type":"#, "the frame is not JSON: it ends too early; send one JSON object"),
    ] {
        let mut peer = Peer::old(&gateway, path, dialect(path)).await;
        peer.send_text(text).await;
        let error = peer.until(if path == "/flat" { "error_message" } else { "error" }).await;
        assert_eq!(place(&error)["error"]["message"], said, "{text}");
    }
}

#[tokio::test]
async fn a_first_message_with_a_wrong_token_is_told_so() {
    let gateway = TestGateway::with_routes(TOKENS).await;
    for (token, said) in [(json!("wrong"), "the token is wrong"), (json!(null), "say hello with a token first")] {
        let mut peer = Peer::old(&gateway, "/api/ws/private", Dialect::Flat).await;
        peer.send(json!({ "type": "user_message", "session_token": token, "message": "hi" })).await;
        assert_eq!(peer.until("error_message").await["message"], said);
        assert_eq!(peer.until_closed().await.1, 4500);
    }
}

const OLD_FRAMES: &str = r#"
[[route]]
path = "/ws"
dialect = "payload"
service = "chat"
type_from = ["type", "event"]
default_type = "user_message"
text_type = "user_message"
"#;

#[tokio::test]
async fn frames_without_a_type_are_read_where_the_route_says_how() {
    let gateway = TestGateway::with_routes(OLD_FRAMES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let mut peer = Peer::open(&gateway, "/ws", &[]).await;
    for (text, kind, payload) in [
        (r#"{"message":"hi"}"#, "user_message", r#"{"message":"hi"}"#),
        (r#"{"event":"task.start","n":1}"#, "task.start", r#"{"event":"task.start","n":1}"#),
        ("free chat text", "user_message", r#"{"message":"free chat text"}"#),
    ] {
        peer.send_text(text).await;
        let call = worker.receive_call().await;
        assert_eq!((&*call.kind, &call.payload[..]), (kind, payload.as_bytes()));
        worker.result(call.corr, 0, "\"yes\"").await;
        peer.until("llm_response").await;
    }
    peer.send_text("ping").await;
    assert_eq!(peer.bare_text().await, "pong");
}

#[tokio::test]
async fn a_message_nests_as_deep_in_every_dialect() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for (path, before, after) in [
        ("/payload", r#"{"type":"t","payload":{"a":"#, "}}"),
        ("/data", r#"{"type":"t","data":{"a":"#, "}}"),
        ("/flat", r#"{"type":"t","a":"#, "}"),
        ("/open", r#"{"type":"t","a":"#, "}"),
    ] {
        let mut peer = Peer::old(&gateway, path, dialect(path)).await;
        peer.send_text(&format!("{before}{}{after}", nested(62))).await;
        let call = worker.receive_call().await;
        assert_eq!(call.payload, format!("{{\"a\":{}}}", nested(62)).as_bytes());
        worker.result(call.corr, 0, "null").await;
        peer.send_text(&format!("{before}{}{after}", nested(63))).await;
        let kind = if path == "/flat" { "error_message" } else { "error" };
        let error = peer.until(kind).await;
        let error = &place(&error)["error"];
        assert_eq!(error["code"], "payload_too_deep", "{path}");
        assert_eq!(error["message"], "arrays and objects are nested deeper than 64 levels", "{path}");
    }
}

const NAMED_BY_EVENT: &str = r#"
[[route]]
path = "/ws"
dialect = "open"
service = "chat"
type_from = ["event"]
"#;

/// The first message waits for the session that it opens.
#[tokio::test]
async fn a_frame_without_a_type_that_waits_for_its_session_is_read_once() {
    let gateway = TestGateway::with_routes(NAMED_BY_EVENT).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let mut peer = Peer::old(&gateway, "/ws", Dialect::Open).await;
    for text in [r#"{"event":"chat","n":1}"#, r#"{"event":"chat","n":2}"#] {
        peer.send_text(text).await;
        let call = worker.receive_call().await;
        assert_eq!((&*call.kind, &call.payload[..]), ("chat", text.as_bytes()));
        worker.result(call.corr, 0, "\"yes\"").await;
        peer.until("response").await;
    }
}
