//! Real Python workers, by the SDK of this repository, which must be installed in `.venv` at its root.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use trunkline_bridge::frame::Offer;
use trunkline_bridge::supervisor::{Supervisor, WorkerCommand};
use trunkline_bridge::{
    Call, CallEvent, CallFailure, Claimed, Claims, FailureReason, Outcome, WorkerPresence, WorkerTransport,
};
use trunkline_protocol::Codec;

use crate::harness::{Gateway, end, next, within};

const WORKER: &str = include_str!("worker.py");

fn python() -> PathBuf {
    let python = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.venv/bin/python"));
    assert!(python.exists(), "these tests need the Python SDK: make a virtual environment at {} ", python.display());
    python
}

/// A worker that nobody supervises; it is killed when the test ends.
struct Unsupervised {
    child: Child,
    _directory: tempfile::TempDir,
}

impl Unsupervised {
    fn start(address: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let program = directory.path().join("worker.py");
        std::fs::write(&program, WORKER).expect("written");
        let mut command = Command::new(python());
        command.arg(program).env("TRUNKLINE_BRIDGE", address).kill_on_drop(true);
        Self { child: command.spawn().expect("python starts"), _directory: directory }
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).expect("it runs");
        kill_process(pid, signal).expect("signalled");
    }
}

async fn connected(gateway: &Gateway, presence: WorkerPresence) {
    gateway
        .until(|services| {
            let mut workers =
                services.iter().filter(|service| service.name == "count").flat_map(|service| &service.workers);
            workers.any(|worker| worker.presence == presence)
        })
        .await;
}

fn unix(gateway: &Gateway) -> String {
    gateway.bridge.address(WorkerTransport::Unix).expect("configured")
}

/// Reads and stores events up to and including this number.
async fn read_to(call: &mut Call, last: u64) {
    loop {
        if let CallEvent::Event { seq, .. } = next(call).await {
            call.stored(seq + 1);
            if seq == last {
                return;
            }
        }
    }
}

/// The text of a whole stream, and how it ended.
async fn whole(call: &mut Call) -> (String, CallEvent) {
    let mut text = String::new();
    loop {
        match next(call).await {
            CallEvent::Event { seq, payload, .. } => {
                text.push_str(std::str::from_utf8(&payload).expect("UTF-8"));
                call.stored(seq + 1);
            }
            CallEvent::Started { .. } | CallEvent::Latest { .. } => {}
            terminal => {
                if let CallEvent::Ended { seq, .. } = terminal {
                    call.stored(seq + 1);
                }
                return (text, terminal);
            }
        }
    }
}

fn counted(count: u32) -> String {
    (0..count).flat_map(|number| [number.to_string(), " ".to_owned()]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_streams_beyond_its_window_over_both_transports() {
    let gateway = Gateway::with(|config| config.zeromq = Some("tcp://127.0.0.1:0".into())).await;
    for transport in [WorkerTransport::Unix, WorkerTransport::Zeromq] {
        let address = gateway.bridge.address(transport).expect("configured");
        let worker = Unsupervised::start(&address);
        connected(&gateway, WorkerPresence::Connected).await;
        let mut call = gateway.call_with("count", &format!("run over {transport}"), "1000");
        let (text, terminal) = whole(&mut call).await;
        assert_eq!(text, counted(1000), "{transport}");
        assert_eq!(terminal, CallEvent::Ended { seq: 1000, outcome: Outcome::End }, "{transport}");
        drop(worker);
        gateway.until(<[_]>::is_empty).await;
    }
}

#[tokio::test]
async fn python_is_cancelled_where_it_waits() {
    let gateway = Gateway::start().await;
    let _worker = Unsupervised::start(&unix(&gateway));
    connected(&gateway, WorkerPresence::Connected).await;
    let mut call = gateway.call_with("hang", "run-1", "null");
    read_to(&mut call, 0).await;
    call.cancel();
    match end(&mut call).await {
        CallEvent::Ended { seq: 1, outcome: Outcome::Error(error) } => assert_eq!(error.code, "cancelled"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn python_calls_python() {
    let gateway = Gateway::start().await;
    let _worker = Unsupervised::start(&unix(&gateway));
    connected(&gateway, WorkerPresence::Connected).await;
    let mut call = gateway.call_with("double", "run-1", "21");
    let outcome = Outcome::Result { codec: Codec::Json, payload: Bytes::from_static(b"42") };
    assert_eq!(end(&mut call).await, CallEvent::Ended { seq: 0, outcome });
}

#[tokio::test]
async fn a_killed_worker_ends_its_calls_at_once_and_is_replaced() {
    let gateway = Gateway::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("worker.py"), WORKER).expect("written");
    let command = vec![python().display().to_string(), "worker.py".to_owned()];
    let directory_of = Some(directory.path().to_owned());
    let command = WorkerCommand { name: "agents".into(), command, directory: directory_of, ..WorkerCommand::default() };
    let supervisor = Supervisor::start(vec![command], &gateway.bridge, "generation-1", None, Duration::from_secs(10))
        .expect("it can be run");
    connected(&gateway, WorkerPresence::Connected).await;
    let mut call = gateway.call_with("hang", "run-1", "null");
    read_to(&mut call, 0).await;
    let pid = supervisor.status()[0].pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).expect("it runs");
    kill_process(pid, Signal::KILL).expect("killed");
    // The test's bound is below the 30 s for which a worker that may live would be waited for.
    let reason = FailureReason::WorkerLost;
    assert_eq!(end(&mut call).await, CallEvent::Failed(CallFailure { reason, handed_over: true }));
    let mut again = gateway.call_with("count", "run-2", "3");
    assert_eq!(whole(&mut again).await.0, counted(3));
    assert_eq!(supervisor.status()[0].restarts, 1);
    within(supervisor.stop()).await;
}

#[tokio::test]
async fn a_frozen_worker_that_wakes_goes_on() {
    let gateway = Gateway::start().await;
    let worker = Unsupervised::start(&unix(&gateway));
    connected(&gateway, WorkerPresence::Connected).await;
    let mut call = gateway.call_with("count", "run-1", "2000");
    read_to(&mut call, 99).await;
    worker.signal(Signal::STOP);
    connected(&gateway, WorkerPresence::Away).await;
    worker.signal(Signal::CONT);
    let (text, terminal) = whole(&mut call).await;
    assert!(counted(2000).ends_with(&text) && text.starts_with("100 "), "no gap and no repetition");
    assert_eq!(terminal, CallEvent::Ended { seq: 2000, outcome: Outcome::End });
}

#[tokio::test]
async fn a_worker_frozen_for_too_long_drops_its_calls_and_serves_again() {
    let gateway = Gateway::with(|config| config.reclaim_for = Duration::from_millis(100)).await;
    let worker = Unsupervised::start(&unix(&gateway));
    connected(&gateway, WorkerPresence::Connected).await;
    let mut call = gateway.call_with("hang", "run-1", "null");
    read_to(&mut call, 0).await;
    worker.signal(Signal::STOP);
    let reason = FailureReason::WorkerLost;
    assert_eq!(end(&mut call).await, CallEvent::Failed(CallFailure { reason, handed_over: true }));
    worker.signal(Signal::CONT);
    let mut again = gateway.call_with("count", "run-2", "3");
    assert_eq!(whole(&mut again).await.0, counted(3));
}

/// Claims every run from the same event on.
struct From(u64, mpsc::UnboundedSender<Call>);

impl Claims for From {
    fn claim(&self, _offer: &Offer) -> Option<Claimed> {
        Some(Claimed { ack: self.0, service: "count".into(), ..Claimed::default() })
    }

    fn resume(&self, _run: &str, call: Call) {
        self.1.send(call).expect("the test listens");
    }
}

#[tokio::test]
async fn a_stream_survives_a_restart_of_the_gateway() {
    let gateway = Gateway::start().await;
    let _worker = Unsupervised::start(&unix(&gateway));
    connected(&gateway, WorkerPresence::Connected).await;
    let mut call = gateway.call_with("count", "run-1", "500");
    read_to(&mut call, 99).await;
    let (calls, mut resumed) = mpsc::unbounded_channel();
    let gateway = gateway.replace("epoch-2", Arc::new(From(100, calls)), |_| {}).await;
    let mut call = within(resumed.recv()).await.expect("the call is handed out");
    let (text, terminal) = whole(&mut call).await;
    assert_eq!(format!("{}{text}", counted(100)), counted(500), "no gap and no repetition");
    assert_eq!(terminal, CallEvent::Ended { seq: 500, outcome: Outcome::End });
    gateway.stop().await;
}
