//! The client in Rust comes back by itself: nothing is missed, doubled, or tried for ever.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use trunkline_client::{Client, ClientError, Options, Outgoing, Received, SessionState};
use trunkline_gateway::Ended;

use crate::double::{serve, served_texts};
use crate::harness::{PATIENCE, within};
use crate::relay::Relay;

fn ask(id: &str, texts: u64) -> Outgoing {
    let payload = serde_json::value::to_raw_value(&json!({ "texts": texts, "bytes": 40 })).expect("JSON");
    Outgoing {
        kind: "user_message".to_owned(),
        id: id.to_owned(),
        service: None,
        payload,
        deadline_ms: None,
        run: None,
    }
}

async fn connect(relay: &Relay) -> Client {
    let options = Options { url: format!("ws://{}/ws", relay.address), token: None };
    within(Client::connect(&options, SessionState::default())).await.expect("welcome")
}

/// Receives until a connection is over.
async fn end_of(client: &mut Client) -> ClientError {
    loop {
        if let Err(error) = within(client.receive()).await {
            return error;
        }
    }
}

/// The next message, on whatever connection.
async fn next(client: &mut Client) -> Received {
    loop {
        match within(client.receive()).await {
            Ok(received) => return received,
            Err(error) => within(client.reconnect(error, PATIENCE)).await.expect("it comes back"),
        }
    }
}

#[tokio::test]
async fn an_answer_is_whole_however_often_the_connection_is_cut() {
    let (relay, gateway) = Relay::start("").await;
    let _serving = serve(&gateway, "chat").await;
    let mut client = connect(&relay).await;
    // Whether it arrives before the cut or not: it is sent again.
    let _ = client.send(&ask("m1", 400)).await;
    relay.cut();
    let (mut text, mut messages) = (String::new(), 0);
    loop {
        let received = next(&mut client).await;
        let message: Value = serde_json::from_str(received.text()).expect("JSON");
        match message["type"].as_str() {
            Some("run_event") => text.push_str(message["payload"]["text"].as_str().expect("text")),
            Some("run_completed") => break,
            _ => {}
        }
        messages += 1;
        if messages < 10 {
            relay.cut();
        }
    }
    assert_eq!(text, served_texts(400, 40));
    assert_eq!(gateway.metric("trunkline_runs_started_total").await, 1);
}

#[tokio::test]
async fn a_gateway_that_says_nothing_any_more_is_left() {
    let (relay, _gateway) = Relay::start("limits.heartbeat = \"100ms\"").await;
    let mut client = connect(&relay).await;
    relay.go_dead();
    let end = end_of(&mut client).await;
    assert!(matches!(end, ClientError::Silent(silence) if silence == Duration::from_millis(200)), "{end}");
}

#[tokio::test]
async fn a_session_that_is_lost_is_no_other_session() {
    let (relay, gateway) = Relay::start("").await;
    let mut client = connect(&relay).await;
    let session = client.state().clone();
    let _another = relay.gateway("").await;
    assert_eq!(gateway.stop().await, Ended::Stopped);
    let end = end_of(&mut client).await;
    let end = within(client.reconnect(end, PATIENCE)).await.expect_err("the other gateway does not know it");
    assert!(matches!(end, ClientError::SessionLost), "{end}");
    assert_eq!(client.into_state(), session);
}

#[tokio::test]
async fn a_gateway_that_is_gone_is_given_up() {
    let (relay, gateway) = Relay::start("").await;
    let mut client = connect(&relay).await;
    assert_eq!(gateway.stop().await, Ended::Stopped);
    let end = end_of(&mut client).await;
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let end = client.reconnect(end, Duration::from_secs(30)).await.expect_err("nobody is there");
    assert!(matches!(end, ClientError::GivenUp { .. }), "{end}");
    let lasted = begun.elapsed();
    assert!(lasted >= Duration::from_secs(30) && lasted < Duration::from_secs(41), "{lasted:?}");
}

/// Serves one connection up to the message that it is sent, and gives it.
async fn sent_to(listener: &TcpListener, answer: Option<Value>) -> Value {
    let (stream, _) = within(listener.accept()).await.expect("a client");
    let mut socket = within(tokio_tungstenite::accept_hdr_async(stream, agree)).await.expect("an upgrade");
    let mut receive = async || {
        let message = within(socket.next()).await.expect("open").expect("a message");
        let message: Value = serde_json::from_str(message.to_text().expect("text")).expect("JSON");
        if message["type"] == "hello" {
            let welcome = json!({ "type": "welcome", "payload": {
                "session": "s", "secret": "x", "connection": "c", "resume": true, "channels": {}, "heartbeat_ms": 25_000,
                "limits": {}, "server": { "name": "trunkline", "version": "0" },
            } });
            within(socket.send(Message::text(welcome.to_string()))).await.expect("sent");
        }
        message
    };
    assert_eq!(receive().await["type"], "hello");
    let message = receive().await;
    if let Some(answer) = answer {
        within(socket.send(Message::text(answer.to_string()))).await.expect("sent");
    }
    message
}

#[expect(clippy::result_large_err, clippy::unnecessary_wraps, reason = "the library asks for this form")]
fn agree(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let protocol = request.headers()["sec-websocket-protocol"].clone();
    response.headers_mut().insert("sec-websocket-protocol", protocol);
    Ok(response)
}

#[tokio::test]
async fn a_message_of_which_only_its_run_was_heard_is_sent_again_for_its_ack() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/ws", listener.local_addr().expect("bound"));
    let started = json!({ "type": "run_started", "run": "r", "reply_to": "m1", "payload": { "channel": "run:r", "service": "chat" } });
    let served = tokio::spawn(async move {
        let first = sent_to(&listener, Some(started)).await;
        (first, sent_to(&listener, None).await)
    });
    let options = Options { url, token: None };
    let mut client = within(Client::connect(&options, SessionState::default())).await.expect("welcome");
    client.send(&ask("m1", 1)).await.expect("sent");
    let error = end_of(&mut client).await;
    within(client.reconnect(error, PATIENCE)).await.expect("it comes back");
    let (first, second) = within(served).await.expect("no panic");
    assert_eq!((&first["id"], &second["id"]), (&json!("m1"), &json!("m1")));
}
