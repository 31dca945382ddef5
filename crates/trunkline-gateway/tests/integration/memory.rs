//! The bytes that all connections together may make a gateway hold (`limits.buffer_bytes`).

use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::double::{serve, served_texts};
use crate::harness::{TestGateway, within};
use crate::history::History;
use crate::peer::Peer;
use crate::wire::{self, TEXT, fragment, read_close, upgraded};

const SETTINGS: &str = "limits.buffer_bytes = \"1MiB\"";

const BUFFERS: &str = "trunkline_buffer_bytes";

/// Waits until buffers take this much.
async fn at_least(gateway: &TestGateway, bytes: u64) {
    within(async { while gateway.metric(BUFFERS).await < bytes {} }).await;
}

#[tokio::test]
async fn an_unfinished_message_that_finds_no_room_is_4004_and_the_room_comes_back() {
    let gateway = TestGateway::start(SETTINGS).await;
    for path in ["/ws", "/ws-test"] {
        let mut streams = Vec::new();
        for _ in 0..2 {
            streams.push(upgraded(&gateway, path).await);
        }
        let unfinished = fragment(TEXT, &vec![b' '; 600 * 1024]);
        within(streams[0].write_all(&unfinished)).await.expect("sent");
        at_least(&gateway, 600 * 1024).await;
        // The gateway may end the connection before it has read everything.
        let _ = within(streams[1].write_all(&unfinished)).await;
        assert_eq!(read_close(&mut streams[1]).await, Some(4004), "{path}");
        drop(streams);
        gateway.until_metric(BUFFERS, 0).await;
    }
}

#[tokio::test]
async fn while_the_room_is_taken_no_client_is_let_in_and_those_inside_miss_nothing() {
    const TEXTS: u64 = 1_000;
    let gateway = TestGateway::start(SETTINGS).await;
    let _serving = serve(&gateway, "chat").await;
    let (mut fast, fast_welcome) = Peer::welcomed(&gateway, json!({})).await;
    let mut slow = Vec::new();
    for _ in 0..6 {
        slow.push(Peer::slow(&gateway).await);
    }
    assert_eq!(gateway.metric(BUFFERS).await, 0, "who is idle has nothing");
    for (peer, _) in &mut slow {
        peer.ask("m1", json!({ "texts": TEXTS, "bytes": 8_000 })).await;
    }
    at_least(&gateway, 1 << 20).await;
    let refused = gateway.exchange(wire::upgrade(&gateway, "/ws").as_bytes()).await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("limits.buffer_bytes"), "{refused}");
    assert_eq!(gateway.metric("trunkline_handshakes_refused_total{reason=\"memory\"}").await, 1);

    // Everybody's log is read in small pages now.
    fast.ask("m1", json!({ "texts": 200, "bytes": 8_000 })).await;
    let mut history = History::default();
    history.welcome(&fast_welcome);
    while history.ended() == 0 {
        history.message(&fast.message().await);
    }
    assert!(history.runs().all(|run| run.text == served_texts(200, 8_000)));
    assert!(gateway.metric(BUFFERS).await < 2 << 20, "whatever they do");

    for (peer, welcome) in &mut slow {
        let mut history = History::default();
        history.welcome(welcome);
        while history.ended() == 0 {
            history.message(&peer.message().await);
        }
        assert!(history.runs().all(|run| run.text == served_texts(TEXTS, 8_000)));
        assert_eq!(history.resets, 0);
    }
    gateway.until_metric(BUFFERS, 0).await;
    Peer::welcomed(&gateway, json!({})).await;
}
