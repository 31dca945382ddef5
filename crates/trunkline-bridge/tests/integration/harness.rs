//! A bridge on its own socket in its own directory, stopped when the test ends.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trunkline_bridge::{Bridge, BridgeConfig, Call, CallEvent, CallSpec, Claims, EventKind, NoClaims};
use trunkline_protocol::Codec;

/// Long enough for a machine under load; reaching it is a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running bridge.
pub(crate) struct Gateway {
    pub(crate) bridge: Bridge,
    pub(crate) unix: PathBuf,
    shutdown: CancellationToken,
    tracker: TaskTracker,
    /// Shared by gateways that follow each other at one address.
    directory: Arc<tempfile::TempDir>,
}

impl Gateway {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts with settings that differ from the tests' defaults.
    pub(crate) async fn with(change: impl FnOnce(&mut BridgeConfig)) -> Self {
        let directory = Arc::new(tempfile::tempdir().expect("a directory"));
        Self::at(directory, "epoch-1", Arc::new(NoClaims), change).await
    }

    async fn at(
        directory: Arc<tempfile::TempDir>,
        epoch: &str,
        claims: Arc<dyn Claims>,
        change: impl FnOnce(&mut BridgeConfig),
    ) -> Self {
        let unix = directory.path().join("bridge.sock");
        let mut config = BridgeConfig {
            unix: Some(unix.clone()),
            ping_interval: Duration::from_millis(200),
            ..BridgeConfig::default()
        };
        change(&mut config);
        let shutdown = CancellationToken::new();
        let tracker = TaskTracker::new();
        let generation = "generation-1".to_owned();
        let bridge = Bridge::start(config, epoch.to_owned(), generation, claims, shutdown.clone(), tracker.clone())
            .await
            .expect("the bridge starts");
        Self { bridge, unix, shutdown, tracker, directory }
    }

    /// Stops in order, and gives way to another gateway at the same address.
    pub(crate) async fn replace(
        self,
        epoch: &str,
        claims: Arc<dyn Claims>,
        change: impl FnOnce(&mut BridgeConfig),
    ) -> Self {
        let directory = Arc::clone(&self.directory);
        self.stop().await;
        Self::at(directory, epoch, claims, change).await
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.tracker.close();
        within(self.tracker.wait()).await;
    }

    pub(crate) fn call(&self, service: &str, run: &str) -> Call {
        self.call_with(service, run, "{}")
    }

    pub(crate) fn call_with(&self, service: &str, run: &str, payload: &str) -> Call {
        self.bridge.call(CallSpec {
            service: service.to_owned(),
            run: run.to_owned(),
            session: "session-1".to_owned(),
            realm: "default".to_owned(),
            message: "message-1".to_owned(),
            kind: "user_message".to_owned(),
            attempt: 1,
            codec: Codec::Json,
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            ..CallSpec::default()
        })
    }

    /// Waits for a state that shows in the status.
    pub(crate) async fn until(&self, reached: impl Fn(&[trunkline_bridge::ServiceStatus]) -> bool) {
        within(async {
            let mut look = tokio::time::interval(Duration::from_millis(5));
            while !reached(&self.bridge.services()) {
                look.tick().await;
            }
        })
        .await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Bounds a wait.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens in time")
}

/// The next event of a call.
pub(crate) async fn next(call: &mut Call) -> CallEvent {
    within(call.next()).await.expect("the call is not over")
}

/// The terminal event, and proof that nothing follows it. Events before it are stored as they come.
pub(crate) async fn end(call: &mut Call) -> CallEvent {
    loop {
        match next(call).await {
            CallEvent::Event { seq, .. } => call.stored(seq + 1),
            CallEvent::Started { .. } | CallEvent::Latest { .. } => {}
            terminal => {
                assert_eq!(within(call.next()).await, None, "one terminal event");
                return terminal;
            }
        }
    }
}

pub(crate) fn text(seq: u64, payload: &str) -> CallEvent {
    CallEvent::Event { seq, kind: EventKind::Text, payload: Bytes::copy_from_slice(payload.as_bytes()) }
}
