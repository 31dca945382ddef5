//! A real server over hyper's upgrade on a real socket, and real peers.

use std::{convert::Infallible, future::ready, net::Ipv4Addr, net::SocketAddr, sync::Mutex};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::Empty;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{
        self, Message as Sent,
        protocol::{
            CloseFrame,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};
use trunkline_ws::{
    Closed, Connection, Deflate, Limits, Message, Options, frame, handshake,
    upgrade::{Transport, upgrade},
};

use crate::wire::{TEXT, close, frame as client_frame};

/// Serves one connection, echoes until it is over, and says how it ended; `None` if it was not upgraded.
async fn serve_one() -> (SocketAddr, JoinHandle<Option<Closed>>) {
    serve(false).await
}

/// As [`serve_one`], but agrees to compression, and compresses what it sends back.
pub(crate) async fn serve_one_compressed() -> (SocketAddr, JoinHandle<Option<Closed>>) {
    serve(true).await
}

async fn serve(agrees_to_deflate: bool) -> (SocketAddr, JoinHandle<Option<Closed>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let (transport, deflate) = open(stream, agrees_to_deflate).await?;
        let options = Options { limits: Limits::AUTHENTICATED, deflate, queue_bytes: 4 << 20, ..Options::default() };
        let mut connection = Connection::new(transport.stream, transport.early, &options);
        let window = deflate.map(Deflate::server_window);
        loop {
            let driven = connection.drive(|message, replies| {
                let compressed = match message {
                    Message::Text(text) => window.and_then(|window| frame::compressed_text(text.as_bytes(), window)),
                    Message::Binary(bytes) => window.and_then(|window| frame::compressed_binary(bytes, window)),
                    _ => None,
                };
                let queued = match (compressed, message) {
                    (Some(frame), _) => replies.push(frame),
                    (None, Message::Text(text)) => replies.push_text(text),
                    (None, Message::Binary(bytes)) => replies.push_binary(bytes),
                    _ => Ok(()),
                };
                queued.expect("there is room");
            });
            if let Err(closed) = driven.await {
                return Some(closed);
            }
        }
    });
    (address, server)
}

async fn open(stream: TcpStream, agrees_to_deflate: bool) -> Option<(Transport<TcpStream>, Option<Deflate>)> {
    let upgraded = Mutex::new(None);
    let service = service_fn(|request: Request<Incoming>| {
        let response = match handshake::accept(request.method(), request.version(), request.headers()) {
            Ok(mut accept) => {
                let deflate = if agrees_to_deflate { accept.agree_to_deflate() } else { None };
                let (response, transport) = upgrade(request, &accept, None);
                *upgraded.lock().expect("not poisoned") = Some((transport, deflate));
                response
            }
            Err(refusal) => refusal.response(),
        };
        ready(Ok::<_, Infallible>(response.map(|()| Empty::<Bytes>::new())))
    });
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await.expect("served");
    let (transport, deflate) = upgraded.into_inner().expect("not poisoned")?;
    Some((transport.await.expect("upgraded"), deflate))
}

const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Sends `bytes` at once, and reads until the server ends the stream.
async fn exchange(bytes: &[u8]) -> (Vec<u8>, Option<Closed>) {
    let (address, server) = serve_one().await;
    let mut client = TcpStream::connect(address).await.expect("connected");
    client.write_all(bytes).await.expect("sent");
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.expect("an orderly end");
    drop(client);
    (received, server.await.expect("no panic"))
}

fn after_head(response: &[u8]) -> &[u8] {
    let head = response.windows(4).position(|window| window == b"\r\n\r\n").expect("a response");
    &response[head + 4..]
}

#[tokio::test]
async fn row_07_frames_sent_before_the_101_are_processed_after_it() {
    let request = [UPGRADE.as_bytes(), &client_frame(TEXT, b"early"), &close(1000)].concat();
    let (received, closed) = exchange(&request).await;
    assert!(received.starts_with(b"HTTP/1.1 101"));
    assert_eq!(after_head(&received), b"\x81\x05early\x88\x02\x03\xe8");
    assert!(matches!(closed, Some(Closed::Peer { .. })));
}

#[tokio::test]
async fn row_07_a_second_request_behind_the_upgrade_is_1002() {
    let (received, closed) =
        exchange([UPGRADE, "GET /admin HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat().as_bytes()).await;
    assert_eq!(after_head(&received)[2..4], 1002_u16.to_be_bytes());
    assert!(matches!(closed, Some(Closed::Violation(_))));
}

#[tokio::test]
async fn row_13_refusals_reach_the_client() {
    let cases = [
        (UPGRADE.replace("GET", "POST"), "HTTP/1.1 405", "allow: GET"),
        (UPGRADE.replace("Version: 13", "Version: 8"), "HTTP/1.1 426", "sec-websocket-version: 13"),
        (UPGRADE.replace("dGhl", ""), "HTTP/1.1 400", "connection: close"),
        (UPGRADE.replace("Connection: Upgrade", "Connection: keep-alive"), "HTTP/1.1 400", "connection: close"),
        (UPGRADE.replace("Host", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\nHost"), "HTTP/1.1 400", ""),
    ];
    for (request, status, header) in cases {
        let (received, closed) = exchange(request.as_bytes()).await;
        let received = String::from_utf8(received).expect("text");
        assert!(received.starts_with(status), "{received}");
        assert!(received.contains(header), "{received}");
        assert!(closed.is_none());
    }
}

#[tokio::test]
async fn tungstenite_sends_and_receives_messages_of_all_sizes() {
    let (address, server) = serve_one().await;
    let (mut client, _) = connect_async(format!("ws://{address}")).await.expect("connected");
    for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        for message in [Sent::text("x".repeat(length)), Sent::binary(vec![7; length])] {
            client.send(message.clone()).await.expect("sent");
            let echoed = client.next().await.expect("an answer").expect("a good frame");
            assert!(echoed == message, "{length} bytes");
        }
    }
    client.close(Some(CloseFrame { code: CloseCode::Normal, reason: "done".into() })).await.expect("sent");
    let echoed = client.next().await.expect("an answer").expect("a good frame");
    assert!(matches!(echoed, Sent::Close(Some(CloseFrame { code: CloseCode::Normal, .. }))));
    assert!(client.next().await.is_none());
    let closed = server.await.expect("no panic");
    assert!(matches!(closed, Some(Closed::Peer { reason, .. }) if reason == "done"));
}

#[tokio::test]
async fn tungstenite_sends_fragments_and_pings() {
    let (address, server) = serve_one().await;
    let (mut client, _) = connect_async(format!("ws://{address}")).await.expect("connected");
    for (index, part) in ["a€", "b", "c"].into_iter().enumerate() {
        let opcode = OpCode::Data(if index == 0 { Data::Text } else { Data::Continue });
        client.send(Sent::Frame(Frame::message(part, opcode, index == 2))).await.expect("sent");
        client.send(Sent::Ping(vec![u8::try_from(index).expect("small")].into())).await.expect("sent");
    }
    let mut echoed = Vec::new();
    while echoed.len() < 4 {
        echoed.push(client.next().await.expect("an answer").expect("a good frame"));
    }
    let pong = |number: u8| Sent::Pong(vec![number].into());
    assert_eq!(echoed, [pong(0), pong(1), Sent::text("a€bc"), pong(2)]);
    drop(client);
    let closed = server.await.expect("no panic");
    assert!(matches!(closed, Some(Closed::Disconnected)), "{closed:?}");
}

#[tokio::test]
async fn row_30_a_client_that_is_still_sending_learns_why_it_is_refused() {
    let (address, server) = serve_one().await;
    let (mut client, _) = connect_async(format!("ws://{address}")).await.expect("connected");
    // The server refuses at the header, while most of the message is still on its way.
    let sent = client.send(Sent::binary(vec![0; (1 << 20) + 1])).await;
    assert!(matches!(sent, Ok(()) | Err(tungstenite::Error::Io(_))), "{sent:?}");
    let answer = client.next().await.expect("an answer").expect("a close frame, not a reset");
    assert!(matches!(answer, Sent::Close(Some(CloseFrame { code: CloseCode::Size, .. }))), "{answer:?}");
    drop(client);
    assert!(matches!(server.await.expect("no panic"), Some(Closed::Violation(_))));
}
