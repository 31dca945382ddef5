//! Compression on the gateway's real port: who may have it, what it carries, and rows 23 and 24 of the table of bad input.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use trunkline_ws::deflate::WindowBits;
use trunkline_ws::frame::compressed_text;
use trunkline_ws::{Burst, Decoder, Limits, Message};

use crate::harness::{TestGateway, within};
use crate::peer::NATIVE;
use crate::wire::{TEXT, frame, masked, read_close, read_head, upgrade};

const TOKEN: &str = "0123456789abcdef";

/// A route that compresses and one that does not.
const ROUTES: &str = r#"
[[route]]
path = "/ws"
service = "chat"
compress = true
[[route]]
path = "/plain"
service = "chat"
"#;

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits";
const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// The first byte of a text frame, and of a compressed one.
const PLAIN: u8 = 0x81;
const COMPRESSED: u8 = 0xC1;

async fn start() -> TestGateway {
    TestGateway::with_routes(ROUTES).await
}

async fn start_with_token() -> TestGateway {
    TestGateway::with_routes(&format!("[[auth.tokens]]\ntoken = \"{TOKEN}\"\nsubject = \"alice\"\n{ROUTES}")).await
}

/// Connects with these headers beside those of every upgrade; gives what was agreed on, too.
async fn connect(gateway: &TestGateway, path: &str, headers: &[&str]) -> (TcpStream, Option<String>) {
    let request = upgrade(gateway, path).replace("\r\n\r\n", &format!("\r\n{}\r\n\r\n", headers.join("\r\n")));
    let mut stream = gateway.raw(request.as_bytes()).await;
    let head = read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let agreed = head.lines().find_map(|line| line.strip_prefix("sec-websocket-extensions: ")).map(str::to_owned);
    (stream, agreed)
}

/// Connects in the native dialect, and says hello.
async fn welcomed(gateway: &TestGateway, offer: &str, hello: Value) -> (TcpStream, Value) {
    let (mut stream, _) = connect(gateway, "/ws", &[&format!("Sec-WebSocket-Protocol: {NATIVE}"), offer]).await;
    send(&mut stream, &json!({ "type": "hello", "payload": hello })).await;
    let (raw, welcome) = receive(&mut stream).await;
    assert_eq!((&welcome["type"], raw[0]), (&json!("welcome"), PLAIN), "what carries a secret is not compressed");
    (stream, welcome["payload"].clone())
}

/// Sends a message, compressed.
async fn send_compressed(stream: &mut TcpStream, text: &str) {
    // The gateway may refuse what is not sent to its end yet.
    let _ = within(stream.write_all(&masked(COMPRESSED, &deflated(text)))).await;
}

async fn send(stream: &mut TcpStream, message: &Value) {
    within(stream.write_all(&frame(TEXT, message.to_string().as_bytes()))).await.expect("sent");
}

/// The payload of a compressed message.
fn deflated(text: &str) -> Vec<u8> {
    let frame = compressed_text(text.as_bytes(), WindowBits::MAX).expect("it gets shorter");
    payload_of(&frame).to_vec()
}

fn payload_of(frame: &[u8]) -> &[u8] {
    let header = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    &frame[header..]
}

/// The next frame as it came, and the message in it.
async fn receive(stream: &mut TcpStream) -> (Vec<u8>, Value) {
    let mut raw = vec![0; 2];
    within(stream.read_exact(&mut raw)).await.expect("a frame");
    let length_bytes = match raw[1] {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    raw.resize(2 + length_bytes, 0);
    within(stream.read_exact(&mut raw[2..])).await.expect("a length");
    let length = match length_bytes {
        0 => usize::from(raw[1]),
        _ => raw[2..].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
    };
    let header = raw.len();
    raw.resize(header + length, 0);
    within(stream.read_exact(&mut raw[header..])).await.expect("a payload");
    let message = read(&raw);
    (raw, message)
}

/// The message in a frame, plain or compressed.
fn read(raw: &[u8]) -> Value {
    let mut decoder = Decoder::new(Limits::AUTHENTICATED);
    decoder.accept_deflate();
    let mut bytes = masked(raw[0], payload_of(raw));
    match decoder.next(&mut Burst::new(&mut bytes), Instant::now()) {
        Ok(Some(Message::Text(text))) => serde_json::from_str(text).expect("JSON"),
        other => panic!("no text: {other:?}"),
    }
}

/// The next message of this type, and its frame.
async fn receive_until(stream: &mut TcpStream, kind: &str) -> (Vec<u8>, Value) {
    loop {
        let (raw, message) = receive(stream).await;
        if message["type"] == kind {
            return (raw, message);
        }
    }
}

/// Says that the connection is of use.
async fn is_alive(stream: &mut TcpStream) {
    send(stream, &json!({ "type": "ping" })).await;
    receive_until(stream, "pong").await;
}

#[tokio::test]
async fn compression_is_for_routes_that_allow_it_and_clients_that_the_upgrade_admits() {
    let authorization = format!("Authorization: Bearer {TOKEN}");
    let subprotocols = format!("Sec-WebSocket-Protocol: {NATIVE}, trunkline.bearer.{}", URL_SAFE_NO_PAD.encode(TOKEN));
    let (open, closed) = (start().await, start_with_token().await);
    let cases: [(&TestGateway, &str, &[&str], bool); 9] = [
        (&open, "/ws", &[OFFER], true),
        (&open, "/ws", &[], false),
        (&open, "/plain", &[OFFER], false),
        (&open, "/ws-test", &[OFFER], false),
        (&open, "/ws/health", &[OFFER], false),
        (&closed, "/ws", &[OFFER], false),
        (&closed, "/ws", &[OFFER, "Authorization: Bearer wrong-0123456789"], false),
        (&closed, "/ws", &[OFFER, &authorization], true),
        (&closed, "/ws", &[OFFER, &subprotocols], true),
    ];
    for (gateway, path, headers, expected) in cases {
        let (_, agreed) = connect(gateway, path, headers).await;
        assert_eq!(agreed.as_deref(), expected.then_some(AGREED), "{path} {headers:?}");
    }
}

#[tokio::test]
async fn row_23_nothing_is_inflated_for_a_client_that_is_not_known_yet() {
    let gateway = start_with_token().await;
    let (mut stream, _) = connect(&gateway, "/ws", &[OFFER]).await;
    send_compressed(&mut stream, &"\0".repeat(16 << 20)).await;
    assert_eq!(read_close(&mut stream).await, Some(1002));
    // Nor once it has said who it is: the upgrade is over.
    let (mut stream, _) = welcomed(&gateway, OFFER, json!({ "token": TOKEN })).await;
    send_compressed(&mut stream, &"\0".repeat(2000)).await;
    assert_eq!(read_close(&mut stream).await, Some(1002));
}

#[tokio::test]
async fn row_23_a_bomb_is_1009_at_the_limit() {
    let settings = format!("limits.message_bytes = 20000\n[[auth.tokens]]\ntoken = \"{TOKEN}\"\nsubject = \"alice\"\n");
    let gateway = TestGateway::with_routes(&format!("{settings}{ROUTES}")).await;
    let authorization = format!("Authorization: Bearer {TOKEN}");
    let padded = |bytes: usize| {
        let ends = r#"{"type":"ping","payload":{"x":""}}"#.len();
        format!(r#"{{"type":"ping","payload":{{"x":"{}"}}}}"#, "x".repeat(bytes - ends))
    };
    for (bytes, expected) in [(20_000, None), (20_001, Some(1009)), (16 << 20, Some(1009))] {
        let (mut stream, _) = connect(&gateway, "/ws", &[OFFER, &authorization]).await;
        receive_until(&mut stream, "connection_established").await;
        send_compressed(&mut stream, &padded(bytes)).await;
        match expected {
            None => drop(receive_until(&mut stream, "pong").await),
            Some(code) => assert_eq!(read_close(&mut stream).await, Some(code), "{bytes}"),
        }
    }
}

#[tokio::test]
async fn row_24_offers_out_of_range_are_declined_and_the_connection_works() {
    let gateway = start().await;
    for parameters in [
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "server_max_window_bits=10; server_max_window_bits=10",
        "unknown",
    ] {
        let offer = format!("Sec-WebSocket-Extensions: permessage-deflate; {parameters}");
        let (mut stream, agreed) = connect(&gateway, "/ws", &[&offer]).await;
        assert_eq!(agreed, None, "{parameters}");
        is_alive(&mut stream).await;
    }
    let second = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7, permessage-deflate";
    let (mut stream, agreed) = connect(&gateway, "/ws", &[second]).await;
    assert_eq!(agreed.as_deref(), Some(AGREED), "the second offer is acceptable");
    is_alive(&mut stream).await;
}

#[tokio::test]
async fn all_who_compress_are_sent_the_same_frame_and_the_others_the_plain_one() {
    let gateway = start().await;
    let (mut first, welcome) = welcomed(&gateway, OFFER, json!({})).await;
    let returning = json!({ "session": welcome["session"], "secret": welcome["secret"] });
    let (mut second, _) = welcomed(&gateway, OFFER, returning.clone()).await;
    let (mut plain, _) = welcomed(&gateway, "X-Nothing: offered", returning.clone()).await;
    for stream in [&mut first, &mut second, &mut plain] {
        is_alive(stream).await;
    }

    let words = "the same words ".repeat(200);
    let message = json!({ "type": "user_message", "id": "m1", "payload": { "message": words } });
    send_compressed(&mut first, &message.to_string()).await;
    let (frame, told) = receive_until(&mut first, "user_message").await;
    assert_eq!((frame[0], &told["payload"]["message"]), (COMPRESSED, &json!(words)));
    assert!(frame.len() < words.len() / 4, "{} bytes", frame.len());
    assert_eq!(receive_until(&mut second, "user_message").await, (frame, told.clone()));
    let (frame, same) = receive_until(&mut plain, "user_message").await;
    assert_eq!((frame[0], same), (PLAIN, told.clone()));

    // Who comes later reads it from the log, compressed for its own window.
    let narrow = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9";
    for (offer, form) in [(OFFER, COMPRESSED), (narrow, COMPRESSED), ("X-Nothing: offered", PLAIN)] {
        let start = json!({ (format!("session:{}", welcome["session"].as_str().expect("an id"))): null });
        let mut hello = returning.clone();
        hello["resume"] = start;
        let (mut late, _) = welcomed(&gateway, offer, hello).await;
        let (frame, same) = receive_until(&mut late, "user_message").await;
        assert_eq!((frame[0], same), (form, told.clone()), "{offer}");
    }
}

#[tokio::test]
async fn what_is_for_one_client_alone_is_not_compressed() {
    let gateway = start().await;
    let (mut stream, _) = welcomed(&gateway, OFFER, json!({})).await;
    let words = "the same words ".repeat(200);
    send_compressed(&mut stream, &json!({ "type": "ping", "payload": { "echo": words } }).to_string()).await;
    let (pong, message) = receive_until(&mut stream, "pong").await;
    assert_eq!((pong[0], &message["payload"]["echo"]), (PLAIN, &json!(words)));
}
