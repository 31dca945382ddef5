//! The registry as others may see it.

use super::{Presence, Registry, Worker};
use crate::frame::{Load, Service};

/// A service, who serves it, and how many calls wait.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceStatus {
    /// The service's name.
    pub name: String,
    /// JSON Schema of what it takes, as its first worker gave it.
    pub input: Option<serde_json::Value>,
    /// Its workers.
    pub workers: Vec<WorkerStatus>,
    /// Calls that wait for a free worker.
    pub queued: usize,
}

impl ServiceStatus {
    /// Whether a call would find a worker that takes calls, now or once it is less busy.
    pub fn is_available(&self) -> bool {
        self.workers.iter().any(|worker| worker.presence == WorkerPresence::Connected)
    }
}

/// A worker process.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerStatus {
    /// The worker's name; several processes may share it.
    pub name: String,
    /// The process's own random name.
    pub instance: String,
    /// Its process id, where it said so.
    pub pid: Option<u64>,
    /// Whether it can be reached.
    pub presence: WorkerPresence,
    /// Calls that it executes for the gateway.
    pub outstanding: usize,
    /// Calls that it holds for the gateway, and that wait for a person.
    pub waiting: usize,
    /// Calls that it may execute at a time.
    pub concurrency: usize,
    /// What it last said of its load.
    pub load: Load,
}

/// Whether a worker can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerPresence {
    /// It takes calls.
    Connected,
    /// It is connected, and did not answer the last question or does not read what it is sent: it gets no new calls.
    Stuck,
    /// It finishes its calls and takes no new ones.
    Draining,
    /// Its connection is gone; its calls wait for its return.
    Away,
}

impl Registry {
    /// Every service that has a worker or a waiting call, by name.
    pub(crate) fn status(&self) -> Vec<ServiceStatus> {
        let mut services: Vec<ServiceStatus> = self
            .services
            .iter()
            .map(|(name, pool)| {
                let workers: Vec<&Worker> = pool.workers.iter().filter_map(|id| self.workers.get(id)).collect();
                let schema = |worker: &&Worker| schema_of(&worker.services, name);
                ServiceStatus {
                    name: name.clone(),
                    input: workers.iter().find_map(schema),
                    workers: workers.iter().map(|worker| worker_status(worker)).collect(),
                    queued: pool.queue.len(),
                }
            })
            .collect();
        services.sort_by(|left, right| left.name.cmp(&right.name));
        services
    }
}

fn schema_of(services: &[Service], name: &str) -> Option<serde_json::Value> {
    services.iter().find(|service| service.name == name)?.input.clone()
}

fn worker_status(worker: &Worker) -> WorkerStatus {
    WorkerStatus {
        name: worker.name.clone(),
        instance: worker.instance.clone(),
        pid: worker.pid,
        presence: presence(worker),
        outstanding: worker.outstanding,
        waiting: worker.waiting,
        concurrency: worker.concurrency,
        load: worker.load,
    }
}

fn presence(worker: &Worker) -> WorkerPresence {
    match &worker.presence {
        Presence::Away { .. } => WorkerPresence::Away,
        Presence::Connected { .. } if worker.draining => WorkerPresence::Draining,
        Presence::Connected { outbox, .. } if worker.unanswered_pings > 1 || outbox.is_busy() => WorkerPresence::Stuck,
        Presence::Connected { .. } => WorkerPresence::Connected,
    }
}
