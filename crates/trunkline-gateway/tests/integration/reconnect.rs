//! The client in Rust comes back by itself: nothing is missed, doubled, or tried for ever.

use std::time::Duration;

use serde_json::{Value, json};
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
