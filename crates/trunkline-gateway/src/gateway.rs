//! One gateway process, from its configuration to its end.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trunkline_bridge::supervisor::{CommandError, Supervisor, WorkerCommand};
use trunkline_bridge::{Bridge, BridgeConfig, WorkerTransport};
use trunkline_broker::embedded::OpenError;
use trunkline_broker::{BrokerError, Listener as BrokerListener};
use trunkline_core::budget::Budget;
use trunkline_protocol::Limits;

use crate::auth::Auth;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::http::{Edge, Guard, Listener, api_router};
use crate::hub::Hub;
use crate::machine;
use crate::node::{GATHERING_MAX, Node, Settings};
use crate::presence::Presence;
use crate::random;
use crate::retention::{Keep, Tidier, keep_tidy};
use crate::routes::Routes;
use crate::runs::{Recovery, Runs};
use crate::sessions::Sessions;
use crate::stopping::Stopping;
use crate::storage::{self, Storage};
use crate::supervision::Supervision;
use crate::telemetry::Metrics;
use crate::topics::Topics;

/// How long spawned workers have to end by themselves when the gateway stops, and their handlers to clean up. Their runs
/// have ended by then. They are told when they are started, and plan with it.
const WORKERS_PATIENCE: Duration = Duration::from_secs(10);

/// How long the ends of runs may take to be stored when the gateway stops.
const RUNS_PATIENCE: Duration = Duration::from_secs(5);

/// How long background tasks have to end.
const BACKGROUND_PATIENCE: Duration = Duration::from_secs(5);

/// How long clients have to close when they are sent away.
const CLIENTS_PATIENCE: Duration = Duration::from_secs(2);

/// How long the store may write what is queued.
const STORE_PATIENCE: Duration = Duration::from_secs(10);

/// What runs and store have of that at a second signal, too: they need less. A run that is not asked before the bridge is
/// gone has lost a worker that could have gone on with it.
const GRACE: Duration = Duration::from_secs(1);

/// Why a gateway did not start. Nothing is left running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The port cannot be had.
    #[error(
        "cannot listen on {address}: {source}; is another gateway running? choose another port with server.listen or --listen"
    )]
    Listen {
        /// Where it should listen.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The store cannot be opened.
    #[error("cannot open the store: {0}{help}", help = storage::help(.0))]
    Store(#[from] OpenError),
    /// The store cannot be read.
    #[error("cannot read the store: {0}")]
    Broker(#[from] BrokerError),
    /// The folder of the workers' socket cannot be made.
    #[error("cannot make the folder {} for the workers' socket: {source}; choose another with bridge.unix", .folder.display())]
    BridgeFolder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Workers cannot connect.
    #[error("cannot start the bridge: {0}")]
    Bridge(#[from] trunkline_bridge::StartError),
    /// Configured workers cannot be started.
    #[error("cannot start the workers: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Workers(Vec<CommandError>),
}

/// How a gateway is told to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Take nothing new, finish what runs, send clients away.
    pub soft: CancellationToken,
    /// Let go of everything.
    pub hard: CancellationToken,
}

/// How a gateway ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to stop.
    Stopped,
    /// Its store failed: what was acknowledged is kept, but nothing more can be.
    StoreFailed(String),
}

/// A gateway that has started and not yet stopped.
pub struct Gateway {
    address: SocketAddr,
    listener: Listener,
    edge: Arc<Edge>,
    node: Arc<Node>,
    storage: Storage,
    supervision: Arc<Supervision>,
    connections: TaskTracker,
    background: TaskTracker,
    stop_bridge: CancellationToken,
    drain: Duration,
}

impl Gateway {
    /// Starts everything that can fail, in this order: port, store, open runs, bridge, workers.
    ///
    /// # Errors
    /// The first thing that failed.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let broker = config.broker.clone();
        Self::start_with(config, |listener| Storage::open(&broker, listener)).await
    }

    /// The same with another store.
    pub(crate) async fn start_with(
        config: Config,
        open: impl FnOnce(Arc<dyn BrokerListener>) -> Result<Storage, OpenError>,
    ) -> Result<Self, StartError> {
        let table = config.routes_table().clone();
        let settings = settings(&config);
        let listen = config.server.listen;
        let refused = |source| StartError::Listen { address: listen, source };
        let listener = Listener::bind(listen, settings.connections_max).map_err(refused)?;
        let address = listener.address().map_err(refused)?;

        let (metrics, mut registry) = Metrics::new();
        let clock = Clock::start();
        let budget = Arc::new(Budget::new(settings.buffer_bytes));
        let hub = Arc::new(Hub::new(Arc::clone(&metrics), Arc::clone(&budget)));
        let storage = open(Arc::<Hub>::clone(&hub))?;
        let broker = Arc::clone(&storage.broker);
        let keep = Keep::new(config.broker.keep);
        let sessions = Arc::new(Sessions::new(Arc::clone(&broker), keep));
        let stopping = Arc::<Stopping>::default();
        let runs = Arc::new(Runs::new(
            Arc::clone(&broker),
            Arc::clone(&hub),
            clock,
            Arc::clone(&metrics),
            storage.durability,
            keep,
            Arc::clone(&stopping),
        ));
        let recovery = Arc::new(Recovery::new(Arc::clone(&stopping)));
        let recovered = recovery.find(&runs, &sessions).await?;

        let (background, stop_bridge) = (TaskTracker::new(), CancellationToken::new());
        let generation = random::id();
        let claims = Arc::<Recovery>::clone(&recovery);
        let bridge = start_bridge(&config.bridge, &generation, claims, &stop_bridge, &background).await?;
        runs.connect(bridge.clone());
        recovered.go(&runs);
        if let Some(folder) = storage.folder.clone() {
            let disk = Arc::clone(&runs.disk);
            background.spawn(disk.watch(folder, Arc::clone(&metrics), stopping.cut_off.clone()));
        }
        background.spawn(recovery.give_up_later());
        let topics = Arc::new(Topics::new(
            Arc::clone(&broker),
            Arc::clone(&hub),
            storage.durability,
            config.topics,
            Arc::clone(&metrics),
            background.clone(),
        ));
        let (sessions_kept, topics_kept) = (Arc::clone(&sessions), Arc::clone(&topics));
        let tidier = Tidier { broker: Arc::clone(&broker), sessions: sessions_kept, topics: topics_kept, keep };
        background.spawn(keep_tidy(tidier, stopping.cut_off.clone()));
        let presence = Presence::new(clock, Arc::clone(&metrics));
        background.spawn(Arc::clone(&presence).keep_time(stopping.cut_off.clone()));
        let supervision = Arc::new(Supervision::default());
        supervision.watch(start_workers(&config.workers, &bridge, &generation)?);

        crate::telemetry::register_parts(&mut registry, &storage.metrics, &bridge);
        let guard = Guard::new(
            address,
            &config.server.allowed_hosts,
            &config.server.allowed_origins,
            config.server.allow_missing_origin,
        );
        let node = Arc::new(Node {
            budget,
            settings,
            clock,
            broker,
            hub,
            sessions,
            runs,
            topics,
            presence,
            routes: Routes::new(table, config.routes),
            auth: Auth::new(config.auth),
            bridge,
            metrics,
            gathering: Arc::new(Semaphore::new(GATHERING_MAX)),
            stopping,
            store_failed: AtomicBool::new(false),
        });
        let connections = TaskTracker::new();
        let api = api_router(Arc::clone(&node), Arc::clone(&supervision), registry, config.server.page.as_deref());
        let edge = Arc::new(Edge::new(Arc::clone(&node), guard, api, connections.clone()));
        Ok(Self {
            address,
            listener,
            edge,
            node,
            storage,
            supervision,
            connections,
            background,
            stop_bridge,
            drain: config.server.drain,
        })
    }

    #[cfg(feature = "simulation")]
    pub(crate) const fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Where it listens; the real port where 0 was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until told to stop, or until the store fails, and then stops in order.
    pub async fn run(self, stop: Stop) -> Ended {
        let failed = self.storage.failed();
        // Until the end, so that whoever asks hears that this node is not ready.
        let stop_listener = CancellationToken::new();
        let Self { listener, edge, node, storage, supervision, connections, background, stop_bridge, drain, .. } = self;
        let serving = tokio::spawn(listener.serve(edge, node.settings.handshake, stop_listener.clone()));
        let ended = tokio::select! {
            () = stop.soft.cancelled() => Ended::Stopped,
            () = stop.hard.cancelled() => Ended::Stopped,
            reason = failed => {
                node.store_failed.store(true, Ordering::Relaxed);
                tracing::error!(reason, "the store failed; the gateway stops");
                Ended::StoreFailed(reason)
            }
        };
        let failing = ended != Ended::Stopped;
        let telling = node.stopping.begin(connections.len(), drain);
        if !failing {
            announce_stop(node.runs.under_way(), drain);
            let finished = async { tokio::join!(node.runs.ended(), tokio::time::sleep(telling)) };
            tokio::select! {
                _ = finished => {}
                () = tokio::time::sleep(drain) => tracing::info!(runs = node.runs.live_count(), "the time to drain is over"),
                () = stop.hard.cancelled() => {}
            }
        }
        node.stopping.cut_off.cancel();
        if !within(RUNS_PATIENCE, &stop, node.runs.ended(), "runs").await && stop.hard.is_cancelled() {
            let _ = tokio::time::timeout(GRACE, node.runs.ended()).await;
        }
        node.stopping.leaving.cancel();
        // Dropped at a second signal, it kills them.
        within(WORKERS_PATIENCE * 2, &stop, supervision.stop(), "workers").await;
        stop_bridge.cancel();
        stop_listener.cancel();
        connections.close();
        within(CLIENTS_PATIENCE, &stop, connections.wait(), "clients").await;
        background.close();
        within(BACKGROUND_PATIENCE, &stop, background.wait(), "background tasks").await;
        if let Err(error) = serving.await {
            tracing::error!(%error, "the listener failed");
        }
        let closed = within(STORE_PATIENCE, &stop, storage.close(), "the store").await;
        if !closed && tokio::time::timeout(GRACE, storage.close()).await.is_err() {
            tracing::error!("the store hangs; what it had not written is as after a kill");
            storage.leave_behind();
        }
        tracing::info!("stopped: {}", node.stopping.outcomes);
        ended
    }
}

/// Whoever has stopped the gateway hears what it waits for, and how not to wait.
fn announce_stop(runs: usize, drain: Duration) {
    match runs {
        0 => tracing::info!("stopping; a second signal (Ctrl-C) stops at once"),
        1 => tracing::info!("stopping: waiting for 1 run, {drain:?} at most; a second signal (Ctrl-C) stops at once"),
        _ => tracing::info!(
            "stopping: waiting for {runs} runs, {drain:?} at most; a second signal (Ctrl-C) stops at once"
        ),
    }
}

/// Waits for a part to end, but neither for ever nor after a second signal. Returns whether it has ended.
async fn within(patience: Duration, stop: &Stop, ended: impl Future<Output = ()>, what: &'static str) -> bool {
    tokio::select! {
        biased;
        () = ended => return true,
        () = stop.hard.cancelled() => {}
        () = tokio::time::sleep(patience) => tracing::warn!(what, "did not end in time"),
    }
    false
}

/// Binds the addresses that workers connect to. `generation` is what spawned workers are known by.
async fn start_bridge(
    config: &config::Bridge,
    generation: &str,
    claims: Arc<Recovery>,
    stop: &CancellationToken,
    tracker: &TaskTracker,
) -> Result<Bridge, StartError> {
    if let Some(folder) = config.unix.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|source| StartError::BridgeFolder { folder: folder.to_owned(), source })?;
    }
    let config =
        BridgeConfig { unix: Some(config.unix.clone()), zeromq: config.zeromq.clone(), ..BridgeConfig::default() };
    let (epoch, generation) = (random::id(), generation.to_owned());
    Ok(Bridge::start(config, epoch, generation, claims, stop.clone(), tracker.clone()).await?)
}

/// Starts the processes that the configuration names.
fn start_workers(workers: &[config::Worker], bridge: &Bridge, generation: &str) -> Result<Supervisor, StartError> {
    let commands = workers.iter().map(worker_command).collect();
    let search_path: Option<OsString> = std::env::var_os("PATH");
    let supervisor = Supervisor::start(commands, bridge, generation, search_path.as_deref(), WORKERS_PATIENCE);
    supervisor.map_err(StartError::Workers)
}

/// What connections need to know of the configuration. The longest run that a client may wish for is the longest that
/// any route allows.
fn settings(config: &Config) -> Settings {
    let config::Limits {
        message_bytes,
        message_bytes_before_auth,
        depth,
        in_flight,
        connections,
        buffer_bytes,
        handshake,
        auth_wait,
        heartbeat,
        write_stall,
    } = config.limits.clone();
    let longest = config.routes.iter().map(|route| route.deadline).max().unwrap_or_default();
    Settings {
        limits: Limits {
            message_bytes_max: message_bytes,
            message_bytes_before_auth_max: message_bytes_before_auth,
            depth_max: depth,
            in_flight_max: in_flight,
            deadline_ms_max: u64::try_from(longest.as_millis()).unwrap_or(u64::MAX),
            ..Limits::default()
        },
        connections_max: connections,
        buffer_bytes: buffer_bytes.unwrap_or_else(machine::buffer_bytes),
        handshake,
        auth_wait,
        heartbeat,
        write_stall,
    }
}

fn worker_command(worker: &config::Worker) -> WorkerCommand {
    let config::Worker { name, command, directory, environment, transport, place: _ } = worker;
    WorkerCommand {
        name: name.clone(),
        command: command.clone(),
        directory: Some(directory.clone()),
        environment: environment.iter().map(|(name, value)| (name.clone(), value.reveal().to_owned())).collect(),
        transport: match transport {
            config::Transport::Unix => WorkerTransport::Unix,
            config::Transport::Zeromq => WorkerTransport::Zeromq,
        },
    }
}

#[cfg(test)]
impl Gateway {
    /// The parts of a gateway that keeps everything in memory and serves nobody; `settings` is TOML.
    pub(crate) async fn node_for_tests(settings: &str) -> Arc<Node> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("trunkline.toml");
        let text = format!("server.listen = \"127.0.0.1:0\"\nbroker.kind = \"memory\"\n{settings}");
        std::fs::write(&file, text).expect("written");
        let loaded = Config::load(Some(&file), std::iter::empty(), config::Overrides::default());
        let config = loaded.unwrap_or_else(|mistakes| panic!("{mistakes}")).config;
        Self::start(config).await.expect("it starts").node
    }
}
