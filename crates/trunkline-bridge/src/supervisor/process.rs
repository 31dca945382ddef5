//! One life of one worker process: its start, its end and the end of all that it started.
//!
//! Knows nothing of restarts.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::command::WorkerCommand;
use super::output::{Stream, log_output};
use crate::bridge::Bridge;

/// How long the rest of the output may take when the process has ended. Only a process that left the group can
/// still hold the pipe.
const OUTPUT_REST: Duration = Duration::from_secs(1);

/// A running worker process in a process group of its own. Dropping it kills the group.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: Group,
    output: JoinSet<()>,
}

impl Process {
    /// Starts the command with further variables.
    pub(super) fn start(command: &WorkerCommand, variables: &[(&str, &str)], bridge: &Bridge) -> io::Result<Self> {
        let (program, arguments) = command.command.split_first().ok_or(io::ErrorKind::NotFound)?;
        let mut spawn = Command::new(program);
        spawn.args(arguments).envs(command.environment.iter().cloned()).envs(variables.iter().copied());
        if let Some(directory) = &command.directory {
            spawn.current_dir(directory);
        }
        spawn.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // The terminal's Ctrl-C must not reach workers before the gateway has told them to drain.
        let mut child = spawn.process_group(0).kill_on_drop(true).spawn()?;
        let group = Group::of(&child)?;
        let mut output = JoinSet::new();
        if let Some(stdout) = child.stdout.take() {
            output.spawn(log_output(stdout, command.name.clone(), Stream::Stdout, bridge.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            output.spawn(log_output(stderr, command.name.clone(), Stream::Stderr, bridge.clone()));
        }
        Ok(Self { child, group, output })
    }

    pub(super) fn pid(&self) -> u32 {
        self.group.id.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits for the end. Cancel-safe.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks the process to end, and after `deadline` makes it. SIGTERM is for the process alone: it decides when
    /// what it has started may go.
    pub(super) async fn stop(&mut self, deadline: Instant) -> io::Result<ExitStatus> {
        if self.child.id().is_some()
            && let Err(error) = kill_process(self.group.id, Signal::TERM)
        {
            tracing::warn!(pid = self.pid(), %error, "a worker could not be asked to end");
        }
        if let Ok(status) = tokio::time::timeout_at(deadline, self.child.wait()).await {
            return status;
        }
        tracing::warn!(pid = self.pid(), "a worker did not end in time; it is killed");
        self.group.kill();
        self.child.wait().await
    }

    /// Ends what the process left behind, and lets its last words be logged.
    pub(super) async fn clear(mut self) {
        self.group.kill();
        let rest = async { while self.output.join_next().await.is_some() {} };
        if tokio::time::timeout(OUTPUT_REST, rest).await.is_err() {
            tracing::warn!(pid = self.pid(), "a worker left a process behind that holds its output open");
        }
    }
}

/// A process group, which is killed when this is dropped, and once only: its number may then be another's.
#[derive(Debug)]
struct Group {
    id: Pid,
    is_killed: bool,
}

impl Group {
    fn of(child: &Child) -> io::Result<Self> {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        id.map(|id| Self { id, is_killed: false }).ok_or_else(|| io::Error::other("a process without an id"))
    }

    fn kill(&mut self) {
        if std::mem::replace(&mut self.is_killed, true) {
            return;
        }
        match kill_process_group(self.id, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => tracing::warn!(group = ?self.id, %error, "a worker's processes could not be killed"),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
