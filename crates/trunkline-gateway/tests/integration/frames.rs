//! Bad frames on the gateway's real port: rows 18 to 30 of `docs/reference/bad-input.md`. Each rule has its tests beside the
//! framing; here it is shown that the gateway applies it, and what it costs.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{TestGateway, within};
use crate::peer::{NATIVE, Peer};
use crate::wire::{CLOSE, CONTINUATION, PING, TEXT, fragment, frame, masked, read_close, read_frame, upgraded};

/// Sends `bytes` on new connections to a route and to the echo, and returns the close code, the same for both.
async fn answer(gateway: &TestGateway, bytes: &[u8]) -> Option<u16> {
    let mut codes = Vec::new();
    for path in ["/ws", "/ws-test"] {
        let mut stream = upgraded(gateway, path).await;
        // The gateway may refuse what is not sent to its end yet.
        let _ = within(stream.write_all(bytes)).await;
        codes.push(read_close(&mut stream).await);
    }
    assert_eq!(codes[0], codes[1]);
    codes[0]
}

#[tokio::test]
async fn row_18_frames_that_break_the_rules_are_1002() {
    let gateway = TestGateway::start("").await;
    let cases = [
        ("not masked", vec![0x81, 0x02, b'h', b'i']),
        ("a reserved bit", masked(0xC1, b"x")),
        ("a reserved opcode", masked(0x83, b"x")),
        ("a fragmented ping", masked(PING, b"x")),
        ("a ping of 126 bytes", frame(PING, &[0; 126])),
    ];
    for (what, bytes) in cases {
        assert_eq!(answer(&gateway, &bytes).await, Some(1002), "{what}");
    }
}

#[tokio::test]
async fn row_19_lengths_that_break_the_rules_are_1002() {
    let gateway = TestGateway::start("").await;
    let with_top_bit = [&[0x81, 0xFF, 0x80][..], &[0; 7], &[1, 2, 3, 4]].concat();
    let not_minimal = [&[0x81, 0xFE, 0, 5][..], &[0; 4], b"hello"].concat();
    assert_eq!(answer(&gateway, &with_top_bit).await, Some(1002));
    assert_eq!(answer(&gateway, &not_minimal).await, Some(1002));
}

#[tokio::test]
async fn row_20_an_announced_length_is_refused_at_once() {
    let gateway = TestGateway::start("").await;
    let begun = Instant::now();
    let header = [&[0x81, 0xFF, 0x40][..], &[0; 7], &[1, 2, 3, 4]].concat();
    assert_eq!(answer(&gateway, &header).await, Some(1009));
    assert!(begun.elapsed() < Duration::from_secs(4), "nothing of the payload is waited for");
}

#[tokio::test]
async fn row_22_endless_and_empty_continuations_end() {
    let gateway = TestGateway::start("").await;
    let empty = [fragment(TEXT, b"a"), fragment(CONTINUATION, b"").repeat(2_000)].concat();
    assert_eq!(answer(&gateway, &empty).await, Some(1008));
    let endless = [fragment(TEXT, b"a"), fragment(CONTINUATION, &[b'x'; 16 << 10]).repeat(80)].concat();
    assert_eq!(answer(&gateway, &endless).await, Some(1009));
}

#[tokio::test]
async fn row_25_text_that_is_no_utf8_is_1007_and_a_split_code_point_is_fine() {
    let gateway = TestGateway::start("").await;
    assert_eq!(answer(&gateway, &frame(TEXT, b"\xFF")).await, Some(1007));
    assert_eq!(answer(&gateway, &[fragment(TEXT, b"\xE2\x82"), frame(CONTINUATION, b"A")].concat()).await, Some(1007));
    let mut stream = upgraded(&gateway, "/ws-test").await;
    let split = [fragment(TEXT, b"\xE2\x82"), frame(CONTINUATION, b"\xAC")].concat();
    within(stream.write_all(&split)).await.expect("sent");
    let (_, echo) = read_frame(&mut stream).await.expect("an echo");
    assert_eq!(String::from_utf8(echo).expect("text"), r#"{"type":"echo","message":"€"}"#);
}

#[tokio::test]
async fn row_26_close_frames_that_break_the_rules() {
    let gateway = TestGateway::start("").await;
    let with_code = |code: u16| frame(CLOSE, &code.to_be_bytes());
    for code in [1005, 1006, 999, 5000] {
        assert_eq!(answer(&gateway, &with_code(code)).await, Some(1002), "{code}");
    }
    assert_eq!(answer(&gateway, &frame(CLOSE, b"\x03")).await, Some(1002));
    assert_eq!(answer(&gateway, &frame(CLOSE, b"\x03\xE8\xFF")).await, Some(1007));
    assert_eq!(answer(&gateway, &frame(CLOSE, &[3, 0xE8].repeat(63)[..126])).await, Some(1002));
    assert_eq!(answer(&gateway, &with_code(4321)).await, Some(4321), "a good one is answered with its code");
}

#[tokio::test]
async fn row_27_what_follows_a_close_frame_is_ignored() {
    let gateway = TestGateway::start("").await;
    let mut stream = upgraded(&gateway, "/ws-test").await;
    let bytes = [frame(TEXT, b"before"), frame(CLOSE, b"\x03\xE8"), frame(TEXT, b"after")].concat();
    within(stream.write_all(&bytes)).await.expect("sent");
    let (_, echo) = read_frame(&mut stream).await.expect("an echo");
    assert_eq!(echo, br#"{"type":"echo","message":"before"}"#);
    assert_eq!(read_close(&mut stream).await, Some(1000));
    assert_eq!(read_frame(&mut stream).await, None);
}

#[tokio::test]
async fn row_27_a_client_that_never_answers_the_close_is_cut_off() {
    let gateway = TestGateway::start("").await;
    let mut stream = upgraded(&gateway, "/ws").await;
    within(stream.write_all(&frame(2, b"binary"))).await.expect("sent");
    assert_eq!(read_close(&mut stream).await, Some(1003));
    let begun = Instant::now();
    let mut rest = Vec::new();
    let _ = within(stream.read_to_end(&mut rest)).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "after 5 s");
    gateway.until_metric("trunkline_connections{dialect=\"payload\"}", 0).await;
}

#[tokio::test]
async fn row_28_a_flood_of_pings_is_4006() {
    let gateway = TestGateway::start("").await;
    let mut stream = upgraded(&gateway, "/ws").await;
    let _ = within(stream.write_all(&frame(PING, &[7; 125]).repeat(10_000))).await;
    assert_eq!(read_close(&mut stream).await, Some(4006));

    let mut peer = Peer::native(&gateway).await;
    peer.send_raw(Message::Ping(vec![1; 125].into())).await;
    peer.hello(json!({})).await;
}

#[tokio::test]
async fn row_29_a_client_that_never_pongs_is_4003_and_its_session_stays() {
    let gateway = TestGateway::start("limits.heartbeat = \"250ms\"").await;
    let (mut other, welcome) = Peer::welcomed(&gateway, json!({})).await;
    let hello = json!({ "type": "hello", "payload": { "session": welcome["session"], "secret": welcome["secret"] } });
    let request = format!("GET /ws HTTP/1.1\r\nSec-WebSocket-Protocol: {NATIVE}\r\n");
    let request = crate::wire::upgrade(&gateway, "/ws").replace("GET /ws HTTP/1.1\r\n", &request);
    let mut silent = gateway.raw(request.as_bytes()).await;
    crate::wire::read_head(&mut silent).await;
    within(silent.write_all(&frame(TEXT, hello.to_string().as_bytes()))).await.expect("sent");
    // A client that answers pings lives on meanwhile, and the session can be taken up again.
    let answering = async {
        for _ in 0..6 {
            other.until("heartbeat").await;
        }
    };
    let (closed, ()) = tokio::join!(read_close(&mut silent), answering);
    assert_eq!(closed, Some(4003));
    let (_, again) = Peer::welcomed(&gateway, crate::peer::returning(&welcome)).await;
    assert_eq!(again["session"], welcome["session"]);
}

#[tokio::test]
async fn a_client_that_is_slow_to_say_hello_is_pinged_and_told_nothing_before_its_welcome() {
    let gateway = TestGateway::start("limits.heartbeat = \"1s\"").await;
    let request = format!("GET /ws HTTP/1.1\r\nSec-WebSocket-Protocol: {NATIVE}\r\n");
    let request = crate::wire::upgrade(&gateway, "/ws").replace("GET /ws HTTP/1.1\r\n", &request);
    let mut late = gateway.raw(request.as_bytes()).await;
    crate::wire::read_head(&mut late).await;
    let (opcode, _) = crate::wire::read_frame(&mut late).await.expect("open");
    assert_eq!(opcode, 9, "the ping of the heartbeat");
    within(late.write_all(&frame(TEXT, br#"{"type":"hello"}"#))).await.expect("sent");
    loop {
        let (opcode, payload) = crate::wire::read_frame(&mut late).await.expect("open");
        if opcode == TEXT {
            let first: serde_json::Value = serde_json::from_slice(&payload).expect("JSON");
            assert_eq!(first["type"], "welcome");
            return;
        }
    }
}

#[tokio::test]
async fn row_30_the_limit_of_a_message_is_exact() {
    let gateway = TestGateway::start("limits.message_bytes = 20000").await;
    let padded = |bytes: usize| {
        let ends = r#"{"type":"ping","payload":""}"#.len();
        format!(r#"{{"type":"ping","payload":"{}"}}"#, "x".repeat(bytes - ends))
    };
    let mut peer = Peer::native(&gateway).await;
    peer.hello(json!({})).await;
    peer.send_text(&padded(20_000)).await;
    peer.until("pong").await;
    let _ = peer.try_send(Message::text(padded(20_001))).await;
    assert_eq!(peer.until_closed().await.1, 1009);
    assert_eq!(peer.reason(), "a message may have 20000 bytes");
}

#[tokio::test]
async fn row_30_before_authentication_the_limit_is_lower() {
    let token = "[[auth.tokens]]\ntoken = \"0123456789abcdef\"\nsubject = \"alice\"\n";
    let gateway = TestGateway::start(token).await;
    let message = |bytes: usize| json!({ "type": "ping", "payload": "x".repeat(bytes) }).to_string();
    let mut peer = Peer::native(&gateway).await;
    peer.send_text(&message(15 << 10)).await;
    peer.until("pong").await;
    let _ = peer.try_send(Message::text(message(17 << 10))).await;
    assert_eq!(peer.until_closed().await.1, 1009);
    assert_eq!(peer.reason(), "a message may have 16384 bytes before authentication");

    let mut peer = Peer::native(&gateway).await;
    peer.hello(json!({ "token": "0123456789abcdef" })).await;
    peer.send_text(&message(17 << 10)).await;
    peer.until("pong").await;

    // Where nobody can authenticate it stays as low.
    for path in ["/ws-test", "/ws/health"] {
        let mut peer = Peer::open(&gateway, path, &[]).await;
        let _ = peer.try_send(Message::text(message(17 << 10))).await;
        assert_eq!(peer.until_closed().await.1, 1009, "{path}");
    }
}
