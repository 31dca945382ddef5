//! Signals: the first stops in order, the second at once.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use trunkline_client::{Client, ClientError, Outgoing, SessionState};

use crate::commands::sending;
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
    assert_eq!(told_of_stop(&folder).last().expect("told"), "stopped: 1 run was cut off");
}

/// The lines of a gateway's log that tell of its stop.
fn told_of_stop(folder: &Folder) -> Vec<String> {
    let log = std::fs::read_to_string(folder.path().join("log")).expect("a log");
    let told = log.lines().filter_map(|line| line.split_once(" trunkline_gateway::gateway: "));
    told.map(|(_, told)| told.to_owned()).collect()
}

#[tokio::test]
async fn whoever_stops_a_gateway_hears_what_is_waited_for_and_what_became_of_it() {
    let folder = Folder::with("server.drain = \"30s\"\n");
    let mut gateway = Serving::start(&folder).await;
    let _worker = PythonWorker::start(&folder);
    let mut client = Client::connect(&gateway.options(), SessionState::default()).await.expect("welcome");
    let mut asking = Client::connect(&gateway.options(), SessionState::default()).await.expect("welcome");
    asking.send(&Outgoing { service: Some("tidy".to_owned()), ..count("m1", 0) }).await.expect("sent");
    until(&mut asking, "run_waiting").await;
    client.send(&count("m1", 300)).await.expect("sent");
    until(&mut client, "run_event").await;
    gateway.signal(Signal::INT);
    until(&mut client, "run_completed").await;
    drop((client, asking));
    assert_eq!(gateway.exit_code().await, Some(0));
    assert_eq!(
        told_of_stop(&folder),
        [
            "stopping: waiting for 1 run, 30s at most; a second signal (Ctrl-C) stops at once",
            "stopped: 1 run ended, 1 was left to the next start",
        ]
    );
}

#[tokio::test]
async fn runs_that_are_cut_off_and_those_that_go_on_in_their_worker_are_told() {
    let folder = Folder::with("server.drain = \"5m\"\n");
    let mut gateway = Serving::start(&folder).await;
    let _worker = PythonWorker::start(&folder);
    let mut client = Client::connect(&gateway.options(), SessionState::default()).await.expect("welcome");
    client.send(&count("m1", 100_000)).await.expect("sent");
    until(&mut client, "run_event").await;
    gateway.signal(Signal::INT);
    until(&mut client, "go_away").await;
    gateway.signal(Signal::INT);
    end_of(&mut client).await;
    drop(client);
    assert_eq!(gateway.exit_code().await, Some(0));
    let log = std::fs::read_to_string(folder.path().join("log")).expect("a log");
    assert_eq!(told_of_stop(&folder).last().expect("told"), "stopped: 1 run was left to its worker", "{log}");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_client_that_comes_back_later() {
    let folder = Folder::with("server.drain = \"100ms\"\n");
    let mut gateway = Serving::start(&folder).await;
    let _worker = PythonWorker::start(&folder);
    let (mut send, _) = sending(&folder, &gateway, "100000").await;
    gateway.signal(Signal::INT);
    assert_eq!(gateway.exit_code().await, Some(0));
    let told = told_of_stop(&folder);
    assert!(!told.iter().any(|line| line.contains("did not end in time")), "{told:?}");
    send.kill().await.expect("killed");
}
