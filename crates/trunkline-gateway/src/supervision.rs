//! The workers that this gateway runs itself, as `/health/ready` shows them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use trunkline_bridge::supervisor::{ProcessState, Supervisor};

/// How one configured worker is doing.
#[derive(Debug, Serialize)]
pub(crate) struct WorkerReport {
    name: String,
    state: &'static str,
    pid: Option<u32>,
    restarts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_exit: Option<String>,
    /// Whether it keeps this node from being ready.
    pub(crate) failing: bool,
}

/// Holds the supervisor until it is stopped.
#[derive(Debug, Default)]
pub(crate) struct Supervision(Mutex<Option<Supervisor>>);

impl Supervision {
    /// Starts to report what `supervisor` keeps.
    pub(crate) fn watch(&self, supervisor: Supervisor) {
        *self.lock() = Some(supervisor);
    }

    /// Every configured worker, as it is now.
    pub(crate) fn report(&self) -> Vec<WorkerReport> {
        let status = self.lock().as_ref().map(Supervisor::status).unwrap_or_default();
        let report = status.into_iter().map(|worker| WorkerReport {
            name: worker.name,
            state: state_name(worker.state),
            pid: worker.pid,
            restarts: worker.restarts,
            last_exit: worker.last_exit,
            failing: matches!(worker.state, ProcessState::CrashLooping | ProcessState::MissingCommand),
        });
        report.collect()
    }

    /// Stops every worker: what has not ended in its time is killed.
    pub(crate) async fn stop(&self) {
        let supervisor = self.lock().take();
        if let Some(supervisor) = supervisor {
            supervisor.stop().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Supervisor>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn state_name(state: ProcessState) -> &'static str {
    match state {
        ProcessState::Starting => "starting",
        ProcessState::Running => "running",
        ProcessState::BackingOff => "backing_off",
        ProcessState::CrashLooping => "crash_looping",
        ProcessState::MissingCommand => "missing_command",
        ProcessState::Stopped => "stopped",
        _ => "unknown",
    }
}
