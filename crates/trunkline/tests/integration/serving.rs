//! What a gateway serves beside its routes, with nothing configured and with workers that fail.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::process::{Folder, Serving, within};

/// Connects, says `text`, and gives the first answer that is no greeting.
async fn say(gateway: &Serving, path: &str, text: &str) -> Value {
    let (mut socket, _) = within(tokio_tungstenite::connect_async(gateway.url(path))).await.expect("connected");
    within(socket.send(Message::text(text))).await.expect("sent");
    loop {
        let message = within(socket.next()).await.expect("an answer").expect("a good frame");
        let message: Value = serde_json::from_str(message.to_text().expect("text")).expect("JSON");
        if message["type"] != "connection_established" {
            return message;
        }
    }
}

#[tokio::test]
async fn without_any_file_everything_is_there() {
    let folder = Folder::new();
    let gateway = Serving::with(&folder, &["serve", "--listen", "127.0.0.1:0"]).await;
    assert_eq!(gateway.announcement, format!("trunkline: listening on http://{}/\n", gateway.address));

    assert_eq!(say(&gateway, "/ws-test", "hello").await, json!({ "type": "echo", "message": "hello" }));
    assert_eq!(say(&gateway, "/ws/health", "{}").await["payload"]["status"], "healthy");
    assert_eq!(say(&gateway, "/ws", r#"{"type":"ping","payload":{"timestamp":7}}"#).await["payload"]["timestamp"], 7);

    for (path, content) in [
        ("/health/live", "live"),
        ("/health/ready", r#""status":"ready""#),
        ("/ws/health", r#""status":"healthy""#),
        ("/api/endpoints", r#""path":"/ws""#),
        ("/metrics", "trunkline_messages_in_total"),
        ("/", "Trunkline is running"),
    ] {
        let answer = gateway.get(path).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(answer.contains(content), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_worker_that_crashes_in_a_loop_keeps_the_gateway_from_being_ready() {
    let folder = Folder::with("[[worker]]\nname = \"agent\"\ncommand = [\"false\"]\n");
    let gateway = Serving::start(&folder).await;
    let ready = gateway.until("/health/ready", "crash_looping").await;
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    assert!(ready.contains(r#""name":"agent""#) && ready.contains(r#""failing":true"#), "{ready}");
    assert!(ready.contains(r#""store":"ok""#), "{ready}");
    assert!(gateway.get("/health/live").await.starts_with("HTTP/1.1 200"), "it lives and serves all the same");
}

#[tokio::test]
async fn a_workers_traceback_is_one_event_of_the_log() {
    let folder = Folder::with("[[worker]]\nname = \"agents\"\ncommand = [\"/bin/sh\", \"worker.sh\"]\n");
    let script = "\
printf 'Traceback (most recent call last):\\n  File \"a.py\", line 1, in a\\nValueError: boom\\n' >&2
echo '2026-01-01T00:00:00.000Z info trunkline hello'
exec sleep 1000
";
    std::fs::write(folder.path().join("worker.sh"), script).expect("written");
    let _gateway = Serving::start(&folder).await;
    let expected = [
        " INFO trunkline_bridge::supervisor::output: worker output worker=\"agents\" stream=\"stdout\" text=info trunkline hello\n",
        " WARN trunkline_bridge::supervisor::output: worker output worker=\"agents\" stream=\"stderr\" \
         text=Traceback (most recent call last):\n    File \"a.py\", line 1, in a\n  ValueError: boom\n",
    ];
    within(async {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        loop {
            look.tick().await;
            let log = std::fs::read_to_string(folder.path().join("log")).expect("a log");
            if expected.iter().all(|event| log.contains(event)) {
                return;
            }
        }
    })
    .await;
}
