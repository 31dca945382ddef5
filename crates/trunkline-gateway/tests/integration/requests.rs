//! Bad HTTP requests: rows 1 to 13 of `docs/reference/bad-input.md`, and the paths of upgrades.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;

use crate::harness::{TestGateway, read_to_end, within};
use crate::wire::{CLOSE, PING, TEXT, frame, read_close, read_frame, read_head, upgrade, upgrade_with};

const SHORT: &str = "limits.handshake = \"300ms\"";

/// The status of an answer.
fn status(answer: &str) -> &str {
    answer.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).unwrap_or(answer)
}

#[tokio::test]
async fn row_01_a_silent_connection_is_closed_in_time() {
    let gateway = TestGateway::start(SHORT).await;
    let begun = Instant::now();
    let mut stream = gateway.raw(b"").await;
    let answer = read_to_end(&mut stream).await;
    assert!(matches!(status(&answer), "" | "408"), "{answer}");
    assert!(begun.elapsed() >= Duration::from_millis(300));
    gateway.until_metric("trunkline_handshakes_refused_total{reason=\"handshake_timeout\"}", 1).await;
}

#[tokio::test]
async fn row_02_a_header_byte_now_and_then_buys_no_time() {
    let gateway = TestGateway::start(SHORT).await;
    let mut stream = gateway.raw(b"GET /ws HTTP/1.1\r\nX-Slow: ").await;
    let (mut receive, mut send) = stream.split();
    let drip = async {
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        while send.write_all(b"x").await.is_ok() {
            beat.tick().await;
        }
    };
    let mut answer = Vec::new();
    let begun = Instant::now();
    let ended = async {
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut receive, &mut answer).await;
    };
    within(async {
        tokio::select! {
            () = ended => {}
            () = drip => {}
        }
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(8), "the limit is for the whole head, not for each byte");
    gateway.until_metric("trunkline_handshakes_refused_total{reason=\"handshake_timeout\"}", 1).await;
}

#[tokio::test]
async fn row_05_ten_thousand_headers_are_431() {
    let gateway = TestGateway::start("").await;
    let headers = "X-Any: y\r\n".repeat(10_000);
    let request = upgrade(&gateway, "/ws").replace("\r\n\r\n", &format!("\r\n{headers}\r\n"));
    let answer = gateway.exchange(request.as_bytes()).await;
    assert_eq!(status(&answer), "431", "{answer}");
    let few = "X-Any: y\r\n".repeat(65);
    let answer = gateway.exchange(format!("GET / HTTP/1.1\r\nHost: {}\r\n{few}\r\n", gateway.address).as_bytes()).await;
    assert_eq!(status(&answer), "431", "{answer}");
}

#[tokio::test]
async fn row_06_hostile_lists_of_subprotocols_are_refused() {
    let gateway = TestGateway::start("").await;
    for (list, refusals) in
        [(" ,".repeat(32 * 1024), ["431"]), (" ,".repeat(1000), ["400"]), ("a,".repeat(64), ["400"])]
    {
        let answer =
            gateway.exchange(upgrade_with(&gateway, &format!("Sec-WebSocket-Protocol:{list}")).as_bytes()).await;
        assert!(refusals.contains(&status(&answer)), "{} bytes: {answer}", list.len());
    }
}

#[tokio::test]
async fn row_06b_bytes_outside_of_ascii_are_400() {
    let gateway = TestGateway::start("").await;
    for name in ["Sec-WebSocket-Protocol", "Origin", "Host", "X-Any", "Authorization"] {
        let request = upgrade_with(&gateway, &format!("{name}: @"));
        let bytes: Vec<u8> = request.bytes().map(|byte| if byte == b'@' { 0xFF } else { byte }).collect();
        let answer = gateway.exchange(&bytes).await;
        assert_eq!(status(&answer), "400", "{name}: {answer}");
    }
    assert_eq!(status(&gateway.get("/health/live").await), "200");
}

#[tokio::test]
async fn row_07_early_frames_are_taken_after_the_101_and_a_second_request_is_1002() {
    let gateway = TestGateway::start("").await;
    let early = [upgrade(&gateway, "/ws-test").into_bytes(), frame(TEXT, b"early")].concat();
    let mut stream = gateway.raw(&early).await;
    assert_eq!(status(&read_head(&mut stream).await), "101");
    let (_, echo) = read_frame(&mut stream).await.expect("an echo");
    assert_eq!(echo, br#"{"type":"echo","message":"early"}"#);

    let second = format!("{}GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", upgrade(&gateway, "/ws-test"), gateway.address);
    let mut stream = gateway.raw(second.as_bytes()).await;
    assert_eq!(status(&read_head(&mut stream).await), "101");
    assert_eq!(read_close(&mut stream).await, Some(1002));
}

#[tokio::test]
async fn row_08_a_request_for_a_proxy_is_400() {
    let gateway = TestGateway::start("").await;
    // What the request asks for listens, and must hear nothing.
    let target = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = target.local_addr().expect("bound");
    let right = upgrade_with(&gateway, "Connection: close");
    for wrong in [format!("http://{address}/ws"), format!("http://{}/ws", gateway.address), format!("ws://{address}/")]
    {
        let answer = gateway.exchange(right.replace("GET /ws", &format!("GET {wrong}")).as_bytes()).await;
        assert_eq!(status(&answer), "400", "{wrong}: {answer}");
    }
    let connect = gateway.exchange(format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await;
    assert_eq!(status(&connect), "400", "{connect}");
    let called = tokio::time::timeout(Duration::from_millis(50), target.accept()).await;
    assert!(called.is_err(), "no connection is made on behalf of a client");
}

#[tokio::test]
async fn row_09_requests_that_could_smuggle_are_400_and_the_connection_ends() {
    let gateway = TestGateway::start("").await;
    let host = gateway.address;
    let chunked = "Transfer-Encoding: chunked";
    let cases = [
        upgrade_with(&gateway, &format!("Content-Length: 5\r\n{chunked}")) + "0\r\n\r\n",
        upgrade_with(&gateway, &format!("{chunked}\r\n{chunked}")) + "0\r\n\r\n",
        upgrade_with(&gateway, "Content-Length: 5") + "hello",
        upgrade(&gateway, "/ws").replace("HTTP/1.1", "HTTP/1.0"),
        format!("GET /health/live HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n{chunked}\r\n\r\n0\r\n\r\n"),
        format!("GET /health/live HTTP/1.1\r\nHost: {host}\r\n{chunked}\r\n{chunked}\r\n\r\n0\r\n\r\n"),
        format!("GET /health/live HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n\r\nhello"),
    ];
    for request in cases {
        let behind = format!("{request}GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = gateway.exchange(behind.as_bytes()).await;
        assert_eq!(status(&answer), "400", "{request}\n{answer}");
        let answers = answer.lines().filter(|line| line.starts_with("HTTP/1."));
        assert_eq!(answers.count(), 1, "what follows is not answered: {request}\n{answer}");
    }
}

#[tokio::test]
async fn row_10_pages_of_other_origins_are_403_before_the_upgrade() {
    let gateway = TestGateway::start("").await;
    let foreign = ["Origin: http://evil.example", "Origin: null", "Origin:", "User-Agent: Mozilla/5.0 (X11)"];
    for header in foreign {
        let answer =
            gateway.exchange(upgrade_with(&gateway, &format!("{header}\r\nConnection: close")).as_bytes()).await;
        assert_eq!(status(&answer), "403", "{header}: {answer}");
    }
    let own = format!("Origin: http://{}\r\nUser-Agent: Mozilla/5.0 (X11)", gateway.address);
    for header in [own.as_str(), "User-Agent: python-websockets/17"] {
        let mut stream = gateway.raw(upgrade_with(&gateway, header).as_bytes()).await;
        assert_eq!(status(&read_head(&mut stream).await), "101", "{header}");
    }
    let strict = TestGateway::start("server.allow_missing_origin = false").await;
    let answer = strict.exchange(upgrade_with(&strict, "Connection: close").as_bytes()).await;
    assert_eq!(status(&answer), "403", "{answer}");
}

#[tokio::test]
async fn row_11_an_origin_is_the_exact_tuple() {
    let gateway = TestGateway::start("server.allowed_origins = [\"https://app.example.com\"]").await;
    for origin in [
        "https://app.example.com.evil.com",
        "https://evil-app.example.com",
        "http://app.example.com",
        "https://app.example.com:444",
        "https://app.example.com/",
    ] {
        let header = format!("Origin: {origin}\r\nConnection: close");
        let answer = gateway.exchange(upgrade_with(&gateway, &header).as_bytes()).await;
        assert_eq!(status(&answer), "403", "{origin}: {answer}");
    }
    let mut stream = gateway.raw(upgrade_with(&gateway, "Origin: https://APP.example.COM").as_bytes()).await;
    assert_eq!(status(&read_head(&mut stream).await), "101");
}

#[tokio::test]
async fn row_12_a_host_that_is_not_ours_is_421() {
    let gateway = TestGateway::start("server.allowed_hosts = [\"chat.example.com\"]").await;
    let right = format!("Host: {}", gateway.address);
    for host in ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:8001"] {
        for path in ["/ws", "/api/endpoints"] {
            let request = upgrade(&gateway, path).replace(&right, &format!("Host: {host}\r\nConnection: close"));
            let answer = gateway.exchange(request.as_bytes()).await;
            assert_eq!(status(&answer), "421", "{host}: {answer}");
        }
    }
    let plain = |host: &str| format!("GET /health/live HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&gateway.exchange(plain("evil.example").as_bytes()).await), "421");
    assert_eq!(status(&gateway.exchange(plain("CHAT.example.com").as_bytes()).await), "200");
    let none = gateway.exchange(b"GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert_eq!(status(&none), "400");
}

#[tokio::test]
async fn row_13_what_is_no_upgrade_to_websocket_13_is_refused() {
    let gateway = TestGateway::start("").await;
    let right = upgrade(&gateway, "/ws");
    let cases = [
        (right.replace("GET", "POST"), "405", "allow: GET"),
        (right.replace("Version: 13", "Version: 8"), "426", "sec-websocket-version: 13"),
        (right.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), "400", ""),
        (right.replace("dGhlIHNhbXBsZSBub25jZQ==", "dGhl"), "400", ""),
        (right.replace("dGhlIHNhbXBsZSBub25jZQ==", &"A".repeat(41)), "400", ""),
        (right.replace("Connection: Upgrade", "Connection: keep-alive"), "400", ""),
        (right.replace("Upgrade: websocket", "Upgrade: h2c"), "426", ""),
    ];
    for (request, refusal, header) in cases {
        let answer = gateway.exchange(request.as_bytes()).await;
        assert_eq!(status(&answer), refusal, "{request}\n{answer}");
        assert!(answer.contains(header), "{answer}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_with_the_nearest() {
    let gateway = TestGateway::with_routes(
        "[[route]]\npath = \"/ws/vision\"\nservice = \"v\"\n[[route]]\npath = \"/ws/voice/{room}\"\nservice = \"v\"",
    )
    .await;
    let asked = |path: &str| upgrade(&gateway, path).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let answer = gateway.exchange(asked("/ws/vison").as_bytes()).await;
    assert_eq!(status(&answer), "404", "{answer}");
    assert!(answer.contains("unknown_route") && answer.contains("the nearest is /ws/vision"), "{answer}");
    let plain = gateway.get("/ws/vison").await;
    assert_eq!(status(&plain), "404", "{plain}");
    assert!(plain.contains("/ws/vision"), "{plain}");
    let mut stream = gateway.raw(upgrade(&gateway, "/ws/voice/7").as_bytes()).await;
    assert_eq!(status(&read_head(&mut stream).await), "101");
}

#[tokio::test]
async fn a_token_in_the_address_is_400_and_is_not_repeated() {
    let gateway = TestGateway::start("").await;
    for name in ["token", "session_token", "access_token"] {
        let path = format!("/ws?a=b&{name}=marker-of-a-secret");
        let request = upgrade(&gateway, &path).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        let answer = gateway.exchange(request.as_bytes()).await;
        assert_eq!(status(&answer), "400", "{answer}");
        assert!(answer.contains("token_in_query") && !answer.contains("marker"), "{answer}");
    }
    let mut stream = gateway.raw(upgrade(&gateway, "/ws?room=1").as_bytes()).await;
    assert_eq!(status(&read_head(&mut stream).await), "101");
}

#[tokio::test]
async fn one_connection_too_many_is_503_and_hears_when_to_return() {
    let gateway = TestGateway::start("limits.connections = 1").await;
    let mut first = gateway.raw(upgrade(&gateway, "/ws-test").as_bytes()).await;
    assert_eq!(status(&read_head(&mut first).await), "101");
    let request = upgrade(&gateway, "/ws-test").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let answer = gateway.exchange(request.as_bytes()).await;
    assert_eq!(status(&answer), "503", "{answer}");
    assert!(answer.contains("retry-after: 1"), "{answer}");
    within(first.write_all(&[frame(PING, b""), frame(CLOSE, b"\x03\xe8")].concat())).await.expect("sent");
    assert_eq!(read_close(&mut first).await, Some(1000));
    // The place is free when the first connection is gone.
    within(async {
        let mut look = tokio::time::interval(Duration::from_millis(10));
        while status(&read_head(&mut gateway.raw(request.as_bytes()).await).await) == "503" {
            look.tick().await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_list_of_endpoints_names_every_subprotocol_of_a_route() {
    let gateway = TestGateway::start("").await;
    let request = format!("GET /api/endpoints HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", gateway.address);
    let answer = gateway.exchange(request.as_bytes()).await;
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let list: serde_json::Value = serde_json::from_str(body).expect("JSON");
    let of = |path: &str| {
        let all = list["endpoints"].as_array().expect("a list");
        all.iter().find(|endpoint| endpoint["path"] == path).expect("an endpoint").clone()
    };
    assert_eq!(of("/ws")["subprotocols"], serde_json::json!(["trunkline.v1.json", "trunkline.v1.msgpack"]));
    assert_eq!(
        (of("/ws-test")["state"].as_str(), of("/ws/health")["state"].as_str()),
        (Some("available"), Some("available"))
    );
}

#[tokio::test]
async fn tools_get_the_message_types_as_asyncapi() {
    let gateway = TestGateway::start("").await;
    let request = format!("GET /api/asyncapi.json HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", gateway.address);
    let answer = gateway.exchange(request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert_eq!(status(head), "200", "{head}");
    assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
    let document: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(document["asyncapi"], "3.0.0");
    assert_eq!(document["components"]["messages"]["native.hello"]["name"], "hello");
    let host = gateway.address.to_string();
    assert_eq!(document["servers"]["gateway"], serde_json::json!({ "host": host, "protocol": "ws" }));
    assert_eq!(document["channels"]["payload"]["address"], "/ws");
    assert!(document["channels"]["flat"]["address"].is_null(), "no route speaks it");
}
