//! The workers that the gateway runs itself: started, watched, started again, stopped.
//!
//! One task keeps one worker. The supervisor knows processes; what workers say is the bridge's.

mod backoff;
mod command;
mod output;
mod process;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::bridge::Bridge;
use backoff::{Backoff, MISSING_RETRY};
use process::Process;

pub use command::{CommandError, WorkerCommand};

/// A process that lived so long without a word to the bridge is no longer starting.
const START_TIME: Duration = Duration::from_secs(10);

/// What a worker's process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProcessState {
    /// It runs, and has not said HELLO yet.
    Starting,
    /// It runs.
    Running,
    /// It ended, and is started again in a moment.
    BackingOff,
    /// It ended five times within a minute; it is tried again, slowly.
    CrashLooping,
    /// Its program is not there; it is tried again, slowly.
    MissingCommand,
    /// It was stopped.
    Stopped,
}

/// A worker that the gateway runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessStatus {
    /// The worker's name.
    pub name: String,
    /// What its process does.
    pub state: ProcessState,
    /// Its process id, while it runs.
    pub pid: Option<u32>,
    /// How often it was started again.
    pub restarts: u64,
    /// How it last ended, in words.
    pub last_exit: Option<String>,
}

/// Keeps the workers that the gateway runs itself. Dropping it without [`Supervisor::stop`] kills them.
#[derive(Debug)]
pub struct Supervisor {
    bridge: Bridge,
    records: Vec<Arc<Record>>,
    /// How long workers have to end.
    patience: Duration,
    /// The time by which everything must have ended, once it is known.
    stop: watch::Sender<Option<Instant>>,
    keepers: TaskTracker,
}

impl Supervisor {
    /// Starts every worker. `generation` is what [`Bridge::start`] was given, `search_path` the value of `PATH`, and
    /// `patience` how long a worker that is to stop has until it is killed; it is told so when it is started.
    ///
    /// # Errors
    /// Every command that cannot be run, before any is started.
    pub fn start(
        commands: Vec<WorkerCommand>,
        bridge: &Bridge,
        generation: &str,
        search_path: Option<&OsStr>,
        patience: Duration,
    ) -> Result<Self, Vec<CommandError>> {
        let mut checked = Vec::new();
        let mut errors = Vec::new();
        for command in commands {
            match checked_address(&command, bridge, search_path) {
                Ok(address) => checked.push((command, address)),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let (stop, _) = watch::channel(None);
        let keepers = TaskTracker::new();
        let mut records = Vec::new();
        for (command, address) in checked {
            let record = Arc::new(Record::new(command.name.clone()));
            records.push(Arc::clone(&record));
            let generation = generation.to_owned();
            let (bridge, stop) = (bridge.clone(), stop.subscribe());
            let keeper = Keeper { command, address, generation, patience, bridge, record, stop };
            keepers.spawn(keeper.run());
        }
        keepers.close();
        Ok(Self { bridge: bridge.clone(), records, patience, stop, keepers })
    }

    /// Every worker that is run here, as it is now.
    pub fn status(&self) -> Vec<ProcessStatus> {
        let services = self.bridge.services();
        let pids: HashSet<u64> =
            services.iter().flat_map(|service| &service.workers).filter_map(|worker| worker.pid).collect();
        self.records.iter().map(|record| record.status(&pids)).collect()
    }

    /// Stops every worker: they are told to drain and to end, and when their time is over are killed with all that
    /// they have started. Returns when none is left.
    pub async fn stop(self) {
        self.bridge.drain();
        self.stop.send_replace(Some(Instant::now() + self.patience));
        self.keepers.wait().await;
    }
}

fn checked_address(
    command: &WorkerCommand,
    bridge: &Bridge,
    search_path: Option<&OsStr>,
) -> Result<String, CommandError> {
    command.check(search_path)?;
    let missing = || CommandError::Transport { worker: command.name.clone(), transport: command.transport };
    bridge.address(command.transport).ok_or_else(missing)
}

/// What is known of one worker, for the status.
#[derive(Debug)]
struct Record {
    name: String,
    facts: Mutex<Facts>,
}

#[derive(Debug)]
struct Facts {
    state: ProcessState,
    running: Option<(u32, Instant)>,
    starts: u64,
    last_exit: Option<String>,
}

impl Record {
    fn new(name: String) -> Self {
        let facts = Facts { state: ProcessState::Starting, running: None, starts: 0, last_exit: None };
        Self { name, facts: Mutex::new(facts) }
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        // Plain data that is whole after each statement.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn started(&self, pid: u32) {
        let mut facts = self.lock();
        facts.starts += 1;
        facts.state = ProcessState::Starting;
        facts.running = Some((pid, Instant::now()));
    }

    fn ended(&self, state: ProcessState, exit: String) {
        let mut facts = self.lock();
        facts.state = state;
        facts.running = None;
        facts.last_exit = Some(exit);
    }

    fn status(&self, connected: &HashSet<u64>) -> ProcessStatus {
        let facts = self.lock();
        let state = match facts.running {
            Some((pid, since)) if connected.contains(&u64::from(pid)) || since.elapsed() >= START_TIME => {
                ProcessState::Running
            }
            _ => facts.state,
        };
        ProcessStatus {
            name: self.name.clone(),
            state,
            pid: facts.running.map(|(pid, _)| pid),
            restarts: facts.starts.saturating_sub(1),
            last_exit: facts.last_exit.clone(),
        }
    }
}

/// Keeps one worker.
struct Keeper {
    command: WorkerCommand,
    address: String,
    generation: String,
    patience: Duration,
    bridge: Bridge,
    record: Arc<Record>,
    stop: watch::Receiver<Option<Instant>>,
}

impl Keeper {
    async fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            let began = Instant::now();
            let outcome = self.live().await;
            let now = Instant::now();
            if self.is_stopping() {
                return self.record.ended(ProcessState::Stopped, describe(&outcome));
            }
            backoff.ended(now - began, now);
            let (state, delay) = verdict(&outcome, &backoff, now);
            tracing::warn!(worker = self.command.name, exit = describe(&outcome), ?delay, "a worker ended");
            self.record.ended(state, describe(&outcome));
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                _ = stopping(&mut self.stop) => return self.record.ended(ProcessState::Stopped, describe(&outcome)),
            }
        }
    }

    /// One life, from start to end.
    async fn live(&mut self) -> io::Result<ExitStatus> {
        let stop_ms = self.patience.as_millis().to_string();
        let variables = [
            ("TRUNKLINE_BRIDGE", self.address.as_str()),
            ("TRUNKLINE_GENERATION", &self.generation),
            ("TRUNKLINE_STOP_MS", &stop_ms),
        ];
        let mut process = Process::start(&self.command, &variables, &self.bridge)?;
        let pid = process.pid();
        self.record.started(pid);
        tracing::info!(worker = self.command.name, pid, "a worker is started");
        let outcome = tokio::select! {
            ended = process.ended() => ended,
            deadline = stopping(&mut self.stop) => process.stop(deadline).await,
        };
        self.bridge.worker_gone(pid);
        process.clear().await;
        outcome
    }

    fn is_stopping(&self) -> bool {
        // A supervisor that was dropped wants its workers stopped, too.
        self.stop.borrow().is_some() || self.stop.has_changed().is_err()
    }
}

/// Waits until everything is to stop, and says by when: at once if the supervisor was dropped.
async fn stopping(stop: &mut watch::Receiver<Option<Instant>>) -> Instant {
    match stop.wait_for(Option::is_some).await {
        Ok(deadline) => deadline.unwrap_or_else(Instant::now),
        Err(_) => Instant::now(),
    }
}

fn verdict(outcome: &io::Result<ExitStatus>, backoff: &Backoff, now: Instant) -> (ProcessState, Duration) {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => (ProcessState::MissingCommand, MISSING_RETRY),
        _ if backoff.is_looping(now) => (ProcessState::CrashLooping, backoff.delay(random(), now)),
        _ => (ProcessState::BackingOff, backoff.delay(random(), now)),
    }
}

fn describe(outcome: &io::Result<ExitStatus>) -> String {
    match outcome {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}

/// A number from 0 to 1, from the system; without one, the whole wait, which is the safe side.
fn random() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}
