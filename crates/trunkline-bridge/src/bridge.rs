//! The bridge as the gateway uses it: started once, called often, stopped with its token.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::call::{Call, CallSpec};
use crate::claims::Claims;
use crate::config::{BridgeConfig, StartError, ZeromqEndpoint};
use crate::metrics::BridgeMetrics;
use crate::registry::{Registry, ServiceStatus, Settings};
use crate::switchboard::Switchboard;
use crate::transport::unix::UnixTransport;
use crate::transport::zeromq::ZeromqTransport;
use crate::transport::{Service, Transport};

/// The longest time between two looks at the clock, and so that a frame waits for company (`protocol/worker.md` §3).
const TICK_MAX: Duration = Duration::from_millis(100);
/// Looks at the clock per ping interval, where that is short.
const TICKS_PER_PING: u32 = 10;

/// The ways to the bridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkerTransport {
    /// A Unix socket.
    #[default]
    Unix,
    /// A ZeroMQ DEALER.
    Zeromq,
}

impl std::fmt::Display for WorkerTransport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Unix => "unix",
            Self::Zeromq => "zeromq",
        })
    }
}

/// The gateway's side of the worker protocol. Clones are handles to the same bridge.
#[derive(Clone, Debug)]
pub struct Bridge {
    switchboard: Arc<Switchboard>,
    metrics: Arc<BridgeMetrics>,
    unix_address: Option<String>,
    zeromq_endpoint: Option<String>,
}

impl Bridge {
    /// Binds the configured transports, so that a bad address fails here, and serves them on `tracker` until
    /// `shutdown`. `epoch` names this gateway process towards workers; `generation` is what it gives to the
    /// workers that it spawns: a worker with another one is told to drain.
    ///
    /// # Errors
    /// Settings that cannot be used, and addresses that cannot be bound.
    pub async fn start(
        config: BridgeConfig,
        epoch: String,
        generation: String,
        claims: Arc<dyn Claims>,
        shutdown: CancellationToken,
        tracker: TaskTracker,
    ) -> Result<Self, StartError> {
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(StartError::Config(problems));
        }
        let unix = config.unix.as_deref().map(UnixTransport::bind).transpose()?;
        let zeromq = match &config.zeromq {
            Some(endpoint) => Some(bind_zeromq(endpoint, config.message_bytes_max).await?),
            None => None,
        };
        let metrics = Arc::new(BridgeMetrics::default());
        let registry = Registry::new(Settings::new(&config, epoch, generation), Arc::clone(&metrics));
        let switchboard = Arc::new(Switchboard::new(registry, claims));
        let unix_address = config.unix.as_ref().map(|path| format!("unix://{}", absolute(path).display()));
        let zeromq_endpoint = zeromq.as_ref().map(|zeromq| zeromq.endpoint().to_owned());
        let service = Service {
            switchboard: Arc::clone(&switchboard),
            shutdown: shutdown.clone(),
            tracker: tracker.clone(),
            message_bytes_max: config.message_bytes_max,
        };
        if let Some(unix) = unix {
            tracker.spawn(unix.serve(service.clone()));
        }
        if let Some(zeromq) = zeromq {
            tracker.spawn(zeromq.serve(service));
        }
        tracker.spawn(keep_time(Arc::clone(&switchboard), config.ping_interval, shutdown));
        Ok(Self { switchboard, metrics, unix_address, zeromq_endpoint })
    }

    /// Calls a service. Never blocks: the call waits, bounded in number and time, until a worker is free. What goes
    /// wrong comes as [`CallEvent::Failed`](crate::CallEvent::Failed).
    pub fn call(&self, spec: CallSpec) -> Call {
        self.switchboard.call(spec)
    }

    /// Every service that has a worker or a waiting call, by name.
    pub fn services(&self) -> Vec<ServiceStatus> {
        self.switchboard.status()
    }

    /// Whether all workers that serve this service now, and at least one, say that calling it twice does no harm.
    pub fn is_idempotent(&self, service: &str) -> bool {
        self.switchboard.is_idempotent(service)
    }

    /// Whether no worker that serves this service says that its calls take no further messages ([`Call::input`]).
    pub fn takes_input(&self, service: &str) -> bool {
        self.switchboard.takes_input(service)
    }

    /// A worker's connection without a socket; `None` when there are too many.
    #[cfg(feature = "simulation")]
    pub fn link(&self) -> Option<crate::Link> {
        crate::Link::open(&self.switchboard)
    }

    /// What the bridge has counted.
    pub fn metrics(&self) -> &BridgeMetrics {
        &self.metrics
    }

    /// Where workers connect to over a transport, as `TRUNKLINE_BRIDGE` spells it; with `tcp://…:0` the port that
    /// was given. `None` where the transport is not configured.
    pub fn address(&self, transport: WorkerTransport) -> Option<String> {
        match transport {
            WorkerTransport::Unix => self.unix_address.clone(),
            WorkerTransport::Zeromq => self.zeromq_endpoint.clone(),
        }
    }

    /// A process that this gateway spawned is dead: its calls end at once instead of waiting for its return.
    pub fn worker_gone(&self, pid: u32) {
        self.switchboard.process_gone(pid);
    }

    /// Tells every worker to finish what it has and to take nothing new.
    pub fn drain(&self) {
        self.switchboard.drain_workers();
    }
}

/// Workers run in other directories.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

async fn bind_zeromq(endpoint: &str, message_bytes_max: usize) -> Result<ZeromqTransport, StartError> {
    let endpoint = ZeromqEndpoint::parse(endpoint).map_err(|problem| StartError::Config(vec![problem]))?;
    ZeromqTransport::bind(&endpoint, message_bytes_max).await
}

/// Tells the registry the time until shutdown, and then to stop.
async fn keep_time(switchboard: Arc<Switchboard>, ping_interval: Duration, shutdown: CancellationToken) {
    let period = (ping_interval / TICKS_PER_PING).clamp(Duration::from_millis(1), TICK_MAX);
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return switchboard.stop(),
            _ = interval.tick() => switchboard.tick(),
        }
    }
}
