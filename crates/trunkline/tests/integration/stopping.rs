//! Signals: the first stops in order, the second at once.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use trunkline_client::{Client, ClientError, SessionState};

use crate::process::{Folder, Serving, within};

/// Reads to the end of the connection.
async fn end_of(client: &mut Client) -> ClientError {
    loop {
        if let Err(error) = within(client.receive()).await {
            return error;
        }
    }
}

#[tokio::test]
async fn a_signal_sends_clients_away_and_ends_with_0() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let folder = Folder::with("");
        let mut gateway = Serving::start(&folder).await;
        let mut client = Client::connect(&gateway.options(), SessionState::default()).await.expect("welcome");
        gateway.signal(signal);
        let end = end_of(&mut client).await;
        assert!(matches!(end, ClientError::Closed { code: 4000, .. }), "{end}");
        drop(client);
        assert_eq!(gateway.exit_code().await, Some(0), "{signal:?}");
        assert!(!folder.bridge().exists(), "the workers' socket is taken away");
    }
}

#[tokio::test]
async fn a_second_signal_does_not_wait_for_what_runs() {
    let folder = Folder::with("server.drain = \"5m\"\n");
    let mut gateway = Serving::start(&folder).await;
    let mut client = Client::connect(&gateway.options(), SessionState::default()).await.expect("welcome");
    let message = crate::crash::count("m1", 10);
    client.send(&message).await.expect("sent");
    while within(client.receive()).await.expect("open").envelope().expect("an envelope").kind != "run_started" {}
    let begun = Instant::now();
    gateway.signal(Signal::TERM);
    // No worker is there: its run goes on waiting for one.
    let end = end_of(&mut client).await;
    assert!(matches!(end, ClientError::Closed { code: 4000, .. }), "{end}");
    drop(client);
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.exit_code().await, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
