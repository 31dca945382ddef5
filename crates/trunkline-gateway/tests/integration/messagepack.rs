//! Connections in MessagePack, and bytes on their way between clients and workers.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use trunkline_protocol::Codec;

use crate::double::Double;
use crate::harness::TestGateway;
use crate::packed::{self, bytes};
use crate::peer::{MESSAGE_PACK, NATIVE, Peer, returning};

/// A route of clients that speak dialect `payload`, beside `/ws`.
const OLD_ROUTE: &str = "[[route]]\npath = \"/old\"\nservice = \"chat\"\n";

/// What a worker emits: bytes, and a UUID as an extension type.
fn image() -> Vec<u8> {
    [&b"\x82\xa5image\xc4\x03\x00\xfe\xff\xa2id\xd8\x01"[..], &[0x11; 16]].concat()
}

const UUID: &str = "11111111-1111-1111-1111-111111111111";

fn image_packed() -> Value {
    json!({ "image": bytes(&[0, 0xfe, 0xff]), "id": UUID })
}

fn image_json() -> Value {
    json!({ "image": "AP7/", "id": UUID })
}

#[tokio::test]
async fn a_conversation_is_the_same_as_in_json() {
    let gateway = TestGateway::start("limits.heartbeat = \"100ms\"").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let mut told = Vec::new();
    for codec in [NATIVE, MESSAGE_PACK] {
        let mut peer = Peer::open(&gateway, "/ws", &[("sec-websocket-protocol", codec)]).await;
        let welcome = peer.hello(json!({ "client": { "name": "test", "version": "1" } })).await;
        assert_eq!(welcome["limits"]["depth_max"], 64);
        assert!(peer.until("heartbeat").await["payload"]["channels"].is_object());
        let run = peer.start("m1", json!({ "message": "é\u{0}\"", "n": [1, -1, 0.5, null, true] })).await;
        let call = worker.receive_call().await;
        assert_eq!(call.codec, Some(Codec::Json));
        assert_eq!(
            serde_json::from_slice::<Value>(&call.payload).expect("JSON"),
            json!({ "message": "é\u{0}\"", "n": [1, -1, 0.5, null, true] })
        );
        worker.progress(call.corr, r#"{"percentage":50,"message":"half"}"#).await;
        assert_eq!(peer.until("progress").await["payload"], json!({ "percentage": 50, "message": "half" }));
        worker.text(call.corr, 0, "Grüße 👋".as_bytes()).await;
        worker.event(call.corr, 1, "tool_output", r#"{"big":18446744073709551615,"line":1e2}"#).await;
        worker.result(call.corr, 2, "[null]").await;
        for kind in ["user_message", "run_started", "run_event", "tool_output", "run_completed"] {
            let mut message = peer.until(kind).await;
            for changing in ["id", "ts", "pos", "prev", "session", "run", "channel", "reply_to"] {
                message.as_object_mut().expect("an object").remove(changing);
            }
            message["payload"].as_object_mut().expect("an object").remove("channel");
            message["payload"].as_object_mut().expect("an object").remove("big");
            told.push(message);
        }
        peer.send(json!({ "type": "cancel", "run": run })).await;
        assert_eq!(peer.until("cancel_ack").await["payload"], json!({ "cancelled": false }));
        peer.ask("m1", json!({ "message": "another" })).await;
        assert_eq!(peer.error_code().await, "duplicate_id");
        peer.send(json!({ "type": "health_check", "id": "h" })).await;
        assert_eq!(peer.until("health_response").await["reply_to"], "h");
        peer.is_alive().await;
    }
    assert_eq!(told[..5], told[5..]);
}

#[tokio::test]
async fn a_gateway_that_leaves_says_so() {
    let gateway = TestGateway::start("").await;
    let (mut peer, _) = Peer::packed_welcomed(&gateway, json!({})).await;
    gateway.stop().await;
    let (said, code) = peer.until_closed().await;
    assert_eq!((&said[0]["type"], code), (&json!("go_away"), 4000));
}

#[tokio::test]
async fn the_first_subprotocol_that_is_known_is_chosen() {
    let gateway = TestGateway::start("").await;
    for (offered, is_packed) in
        [("other, trunkline.v1.msgpack, trunkline.v1.json", true), ("trunkline.v1.json, trunkline.v1.msgpack", false)]
    {
        let mut peer = Peer::open(&gateway, "/ws", &[("sec-websocket-protocol", offered)]).await;
        // The peer speaks what the answer names, and refuses frames of the other codec.
        peer.hello(json!({})).await;
        assert_eq!(peer.is_packed(), is_packed);
    }
}

#[tokio::test]
async fn row_54_a_frame_of_the_other_codec_is_1003() {
    let gateway = TestGateway::start("").await;
    for greeted in [false, true] {
        let mut packed = Peer::packed(&gateway).await;
        let mut json = Peer::native(&gateway).await;
        if greeted {
            packed.hello(json!({})).await;
            json.hello(json!({})).await;
        }
        packed.send_raw(Message::text(r#"{"type":"ping"}"#)).await;
        assert_eq!(packed.until_closed().await.1, 1003);
        assert_eq!(packed.reason(), "this connection speaks MessagePack; send binary messages");
        json.send_raw(Message::binary(packed::write(&json!({ "type": "ping" })))).await;
        assert_eq!(json.until_closed().await.1, 1003);
        assert_eq!(json.reason(), "this connection speaks JSON; send text messages");
    }
}

#[tokio::test]
async fn row_45_to_53_what_is_no_envelope_is_an_error_and_the_connection_goes_on() {
    let gateway = TestGateway::start("").await;
    let deep = [&b"\x82\xa4type\xa1t\xa7payload"[..], &[0x91; 64], b"\xc0"].concat();
    let nan = [&b"\x82\xa4type\xa1t\xa7payload\xcb"[..], &f64::NAN.to_be_bytes()].concat();
    for (code, frame) in [
        ("bad_envelope", &b""[..]),
        ("bad_envelope", b"\xc0"),
        ("bad_envelope", b"\x80"),
        ("bad_envelope", b"\x90"),
        ("bad_envelope", b"\x82\xa4type\xa1a\xa4type\xa1b"),
        ("bad_envelope", b"\x81\xa4type\xa1t\xc0"),
        ("bad_envelope", b"\x81\x01\x02"),
        ("bad_envelope", b"\x82\xa4type\xa1t\xa3seq\xcf\x00\x20\x00\x00\x00\x00\x00\x00"),
        ("bad_envelope", b"\x82\xa4type\xa1t\xa7payload\xd4\x01\x00"),
        ("bad_envelope", b"\x82\xa4type\xa1t\xa7payload\xdf\xff\xff\xff\xff"),
        ("bad_envelope", b"\x82\xa4type\xa5hello\xa7payload\xc4\x00"),
        ("bad_envelope", &nan),
        ("payload_too_deep", &deep),
        ("unknown_type", b"\x82\xa4type\xa7welcome\xa2id\xa1m"),
    ] {
        let (mut peer, _) = Peer::packed_welcomed(&gateway, json!({})).await;
        peer.send_raw(Message::binary(frame.to_vec())).await;
        assert_eq!(peer.error_code().await, code, "{frame:02x?}");
        peer.is_alive().await;
    }
}

#[tokio::test]
async fn bytes_of_a_worker_are_bytes_or_base64_live_and_after_a_restart() {
    let gateway = TestGateway::start_lasting(OLD_ROUTE).await;
    let mut worker = Double::join_packed(&gateway, "chat").await;
    let (mut packed, welcome) = Peer::packed_welcomed(&gateway, json!({})).await;
    let (mut json, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    packed.start("m1", json!({ "message": "hi" })).await;
    let call = worker.receive_call().await;
    worker.text(call.corr, 0, b"look: ").await;
    worker.packed_event(call.corr, 1, "image", &image()).await;
    worker.packed_result(call.corr, 2, &image()).await;
    let first = packed.until("run_event").await;
    assert_eq!(packed.until("image").await["payload"], image_packed());
    assert_eq!(packed.until_terminal().await["payload"], json!({ "result": image_packed() }));
    assert_eq!(json.until("image").await["payload"], image_json());
    assert_eq!(json.until_terminal().await["payload"], json!({ "result": image_json() }));
    drop((packed, json));

    let gateway = gateway.restarted().await;
    let mut hello = returning(&welcome);
    hello["resume"] = json!({ first["channel"].as_str().expect("a channel"): first["pos"] });
    for _ in 0..2 {
        let (mut packed, again) = Peer::packed_welcomed(&gateway, hello.clone()).await;
        assert_eq!(again["channels"][first["channel"].as_str().unwrap()]["verdict"], "resumed");
        let event = packed.until("image").await;
        assert_eq!((&event["payload"], &event["prev"]), (&image_packed(), &first["pos"]));
        assert_eq!(packed.until_terminal().await["payload"], json!({ "result": image_packed() }));
        let (mut json, _) = Peer::welcomed(&gateway, hello.clone()).await;
        assert_eq!(json.until("image").await["payload"], image_json());
        assert_eq!(json.until_terminal().await["payload"], json!({ "result": image_json() }));
        let mut old = Peer::open(&gateway, "/old", &[]).await;
        old.hello(hello.clone()).await;
        let event = old.until("image").await;
        assert_eq!((&event["payload"], &event["_tl"]["prev"]), (&image_json(), &first["pos"]));
    }
}

#[tokio::test]
async fn bytes_of_a_client_reach_its_worker_and_other_devices_also_after_a_restart() {
    let gateway = TestGateway::start_lasting("").await;
    let (mut packed, welcome) = Peer::packed_welcomed(&gateway, json!({})).await;
    let content = json!({ "file": bytes(b"\x00\xff"), "name": "x" });
    // The first one's turn is now, and no worker is there; the other waits for it.
    packed.start("first", json!({ "message": "hi" })).await;
    let run = packed.start("m1", content.clone()).await;
    packed.until_one(|message| message["id"] == "m1" && message["payload"] == content).await;
    packed.ask("m1", content.clone()).await;
    let ack = packed.until("ack").await;
    assert_eq!((&ack["run"], &ack["payload"]["duplicate"]), (&json!(run), &json!(true)));
    for other in [json!({ "file": bytes(b"\x00\xfe"), "name": "x" }), json!({ "file": "AP8=", "name": "x" })] {
        packed.ask("m1", other).await;
        assert_eq!(packed.error_code().await, "duplicate_id");
    }
    drop(packed);

    let gateway = gateway.restarted().await;
    let mut worker = Double::join_packed(&gateway, "chat").await;
    let first = worker.receive_call().await;
    worker.result(first.corr, 0, "1").await;
    let call = worker.receive_call().await;
    assert_eq!((call.message.as_str(), call.codec), ("m1", Some(Codec::MessagePack)));
    assert_eq!(packed::read(&call.payload), content);
    let (mut json, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    let message = json.until_one(|message| message["id"] == "m1").await;
    assert_eq!(message["payload"], json!({ "file": "AP8=", "name": "x" }));
    worker.result(call.corr, 0, "1").await;
}

#[tokio::test]
async fn a_worker_that_reads_json_only_gets_base64() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut packed, _) = Peer::packed_welcomed(&gateway, json!({})).await;
    packed.start("m1", json!([bytes(b"\x00\xff")])).await;
    let call = worker.receive_call().await;
    assert_eq!((call.codec, &call.payload[..]), (Some(Codec::Json), &br#"["AP8="]"#[..]));
}

#[tokio::test]
async fn bytes_come_back_in_what_is_answered_in_place() {
    let gateway = TestGateway::start("").await;
    let (mut packed, _) = Peer::packed_welcomed(&gateway, json!({})).await;
    packed.send(json!({ "type": "ping", "payload": bytes(b"\xff") })).await;
    assert_eq!(packed.until("pong").await["payload"], bytes(b"\xff"));
}

#[tokio::test]
async fn messages_that_come_with_the_hello_wait_for_the_session() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join_packed(&gateway, "chat").await;
    let mut packed = Peer::packed(&gateway).await;
    packed.send(json!({ "type": "hello" })).await;
    packed.ask("m1", bytes(b"\x07")).await;
    packed.ask("m2", json!(2)).await;
    assert_eq!(packed.message().await["type"], "welcome");
    let call = worker.receive_call().await;
    assert_eq!((call.message.as_str(), packed::read(&call.payload)), ("m1", bytes(b"\x07")));
    worker.result(call.corr, 0, "1").await;
    assert_eq!(worker.receive_call().await.message, "m2");
}

#[tokio::test]
async fn a_payload_is_as_large_as_its_json() {
    let gateway = TestGateway::start("limits.message_bytes = 20000").await;
    let mut worker = Double::join_packed(&gateway, "chat").await;
    let (mut packed, _) = Peer::packed_welcomed(&gateway, json!({})).await;
    // 14,997 bytes are 19,996 in base64, and two quotes.
    packed.start("fits", bytes(&[7; 14_997])).await;
    let call = worker.receive_call().await;
    assert_eq!(call.payload.len(), 15_000);
    worker.result(call.corr, 0, "1").await;
    packed.until_terminal().await;
    for (id, payload) in [("bytes", bytes(&[7; 15_000])), ("nulls", json!(vec![Value::Null; 4_001]))] {
        packed.ask(id, payload).await;
        let error = packed.until("error").await;
        assert_eq!((&error["reply_to"], &error["error"]["code"]), (&json!(id), &json!("payload_too_large")));
    }
    packed.is_alive().await;
    packed.send_raw(Message::binary(vec![0xc0; 20_001])).await;
    assert_eq!(packed.until_closed().await.1, 1009);
}

#[tokio::test]
async fn a_worker_that_writes_no_messagepack_fails_its_run() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join_packed(&gateway, "chat").await;
    let (mut packed, _) = Peer::packed_welcomed(&gateway, json!({})).await;
    for (id, payload) in [("m1", &b"\xc1"[..]), ("m2", b"\xd4\x2a\x00"), ("m3", b"")] {
        packed.start(id, json!({})).await;
        let call = worker.receive_call().await;
        worker.packed_event(call.corr, 0, "image", payload).await;
        assert_eq!(packed.until_terminal().await["error"]["code"], "worker_protocol");
    }
}
