//! Signals: the first stops in order, the second at once.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use trunkline_client::{Client, ClientError, SessionState};

use crate::crash::count;
use crate::process::{Folder, PythonWorker, Serving, until, within};

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
    let _worker = PythonWorker::start(&folder);
    let mut client = Client::connect(&gateway.options(), SessionState::default()).await.expect("welcome");
    client.send(&count("m1", 100_000)).await.expect("sent");
    until(&mut client, "run_event").await;
    let begun = Instant::now();
    gateway.signal(Signal::TERM);
    until(&mut client, "go_away").await;
    until(&mut client, "run_event").await;
    gateway.signal(Signal::TERM);
    let end = end_of(&mut client).await;
    assert!(matches!(end, ClientError::Closed { code: 4000, .. }), "{end}");
    drop(client);
    assert_eq!(gateway.exit_code().await, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_run_of_a_worker_that_ends_with_its_gateway_ends_with_worker_lost() {
    let folder = Folder::new();
    let (python, program) = (PythonWorker::interpreter(), PythonWorker::program(&folder));
    let worker = format!("[[worker]]\nname = \"counter\"\ncommand = [{python:?}, {program:?}]\n");
    std::fs::write(folder.path().join("trunkline.toml"), format!("server.drain = \"100ms\"\n{worker}"))
        .expect("written");
    let mut gateway = Serving::start(&folder).await;
    let mut client = Client::connect(&gateway.options(), SessionState::default()).await.expect("welcome");
    client.send(&count("m1", 100_000)).await.expect("sent");
    until(&mut client, "run_event").await;
    gateway.signal(Signal::TERM);
    let end = until(&mut client, "run_failed").await;
    assert!(end.contains("worker_lost"), "{end}");
    let end = end_of(&mut client).await;
    assert!(matches!(end, ClientError::Closed { code: 4000, .. }), "{end}");
    drop(client);
    assert_eq!(gateway.exit_code().await, Some(0));
}
