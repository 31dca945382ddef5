//! Processes that the supervisor keeps. Shell scripts stand in for workers: they say nothing to the bridge.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_bridge::WorkerTransport;
use trunkline_bridge::supervisor::{CommandError, ProcessState, ProcessStatus, Supervisor, WorkerCommand};

use crate::harness::{Gateway, within};

fn script(text: &str) -> WorkerCommand {
    let command = ["/bin/sh", "-c", text].map(str::to_owned).to_vec();
    WorkerCommand { name: "script".into(), command, ..WorkerCommand::default() }
}

fn start(gateway: &Gateway, command: WorkerCommand) -> Supervisor {
    start_with(gateway, command, Duration::from_secs(10))
}

/// Starts a worker that is killed when it does not end within `patience`.
fn start_with(gateway: &Gateway, command: WorkerCommand, patience: Duration) -> Supervisor {
    Supervisor::start(vec![command], &gateway.bridge, "generation-1", None, patience).expect("it can be run")
}

async fn until(supervisor: &Supervisor, reached: impl Fn(&ProcessStatus) -> bool) -> ProcessStatus {
    within(async {
        let mut look = tokio::time::interval(Duration::from_millis(5));
        loop {
            look.tick().await;
            match supervisor.status().remove(0) {
                status if reached(&status) => return status,
                _ => {}
            }
        }
    })
    .await
}

async fn content_of(path: &Path) -> String {
    within(async {
        let mut look = tokio::time::interval(Duration::from_millis(5));
        loop {
            look.tick().await;
            match std::fs::read_to_string(path) {
                Ok(content) if content.ends_with('\n') => return content.trim().to_owned(),
                _ => {}
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_worker_is_told_where_and_whose_it_is_and_how_long_it_has_to_end() {
    let gateway = Gateway::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = script(
        "echo $TRUNKLINE_BRIDGE $TRUNKLINE_GENERATION $TRUNKLINE_STOP_MS $OWN $$ > facts.tmp; mv facts.tmp facts
        exec sleep 1000",
    );
    command.directory = Some(directory.path().to_owned());
    command.environment = vec![("OWN".into(), "value".into())];
    let supervisor = start(&gateway, command);
    let facts = content_of(&directory.path().join("facts")).await;
    let pid = supervisor.status()[0].pid.expect("it runs");
    assert_eq!(facts, format!("unix://{} generation-1 10000 value {pid}", gateway.unix.display()));
    within(supervisor.stop()).await;
}

#[tokio::test]
async fn a_worker_that_ends_is_started_again_and_a_loop_is_seen() {
    let gateway = Gateway::start().await;
    let supervisor = start(&gateway, script("exit 3"));
    let status = until(&supervisor, |status| status.restarts >= 1).await;
    assert!(matches!(status.state, ProcessState::BackingOff | ProcessState::Starting | ProcessState::CrashLooping));
    let status = until(&supervisor, |status| status.state == ProcessState::CrashLooping).await;
    assert_eq!((status.restarts, status.pid), (4, None));
    assert_eq!(status.last_exit.as_deref(), Some("exit status: 3"));
    within(supervisor.stop()).await;
}

#[tokio::test]
async fn a_command_that_vanishes_is_named_and_waited_for() {
    let gateway = Gateway::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let program = directory.path().join("worker");
    std::os::unix::fs::symlink("/bin/sh", &program).expect("a program");
    let vanishing = format!("rm {}", program.display());
    let command = [program.display().to_string(), "-c".to_owned(), vanishing].to_vec();
    let supervisor = start(&gateway, WorkerCommand { name: "script".into(), command, ..WorkerCommand::default() });
    let status = until(&supervisor, |status| status.state == ProcessState::MissingCommand).await;
    assert_eq!(status.pid, None);
    within(supervisor.stop()).await;
}

#[tokio::test]
async fn what_cannot_be_run_is_said_before_anything_is_started() {
    let gateway = Gateway::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let mark = directory.path().join("mark");
    let missing =
        WorkerCommand { name: "b".into(), command: vec!["no-such-program".into()], ..WorkerCommand::default() };
    let unreachable = WorkerCommand { transport: WorkerTransport::Zeromq, ..script("true") };
    let commands = vec![script(&format!("echo > {}", mark.display())), missing, unreachable];
    let errors = Supervisor::start(commands, &gateway.bridge, "g", Some(OsStr::new("/bin")), Duration::ZERO)
        .expect_err("two mistakes");
    assert!(matches!(&errors[..], [CommandError::Missing { .. }, CommandError::Transport { .. }]), "{errors:?}");
    assert!(!mark.exists());
}

#[tokio::test]
async fn a_worker_may_end_in_order() {
    let gateway = Gateway::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let ready = directory.path().join("ready");
    let text = format!("trap 'exit 0' TERM; echo > {}; while :; do sleep 0.01; done", ready.display());
    let supervisor = start_with(&gateway, script(&text), Duration::from_mins(1));
    content_of(&ready).await;
    let began = Instant::now();
    within(supervisor.stop()).await;
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_worker_that_does_not_end_is_killed_with_all_that_it_started() {
    let gateway = Gateway::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let child = directory.path().join("child");
    let text = format!("trap '' TERM; sleep 1000 & echo $! > {}; while :; do wait; done", child.display());
    let supervisor = start_with(&gateway, script(&text), Duration::from_millis(200));
    let child = content_of(&child).await;
    assert!(is_alive(&child));
    within(supervisor.stop()).await;
    until_gone(&child).await;
}

#[tokio::test]
async fn children_of_a_worker_that_ended_end_too() {
    let gateway = Gateway::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let child = directory.path().join("child");
    let text = format!("sleep 1000 & echo $! > {}; exit 1", child.display());
    let supervisor = start(&gateway, script(&text));
    let child = content_of(&child).await;
    until(&supervisor, |status| status.last_exit.is_some()).await;
    until_gone(&child).await;
    within(supervisor.stop()).await;
}

/// Waits until a process that was killed is gone: the system takes its time, and nobody here may wait for a grandchild.
async fn until_gone(pid: &str) {
    within(async {
        let mut look = tokio::time::interval(Duration::from_millis(5));
        while is_alive(pid) {
            look.tick().await;
        }
    })
    .await;
}

/// Whether a process runs; one that ended and was not yet waited for does not.
fn is_alive(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let state = status.lines().find_map(|line| line.strip_prefix("State:"));
    state.is_some_and(|state| !state.trim_start().starts_with(['Z', 'X']))
}
