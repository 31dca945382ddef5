//! A whole gateway on a free port, with its own folder, stopped when the test ends.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use trunkline_gateway::config::{Config, Overrides};
use trunkline_gateway::{Ended, Gateway, Stop};

/// Long enough for a machine under load; reaching it is a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What every gateway of these tests is told beside what a test says itself.
const BASE: &str = "server.listen = \"127.0.0.1:0\"\nbroker.kind = \"memory\"\n";

/// The same for a gateway that keeps what it has for the one after it, and does not wait long for runs when it stops.
const LASTING: &str = "server.listen = \"127.0.0.1:0\"\n";

/// What it is told where a test says nothing of its drain.
pub(crate) const SHORT_DRAIN: &str = "server.drain = \"100ms\"\n";

/// The route of gateways that need no other.
const ROUTE: &str = "[[route]]\npath = \"/ws\"\nservice = \"chat\"\nservices = [\"*\"]\n";

/// A running gateway.
pub(crate) struct TestGateway {
    pub(crate) address: SocketAddr,
    stop: Stop,
    running: JoinHandle<Ended>,
    folder: Arc<tempfile::TempDir>,
}

impl TestGateway {
    /// Starts a gateway with one route, `/ws`, of the service `chat`, and what `settings` adds in TOML.
    pub(crate) async fn start(settings: &str) -> Self {
        Self::with_file(&format!("{BASE}{settings}\n{ROUTE}")).await
    }

    /// The same, with a store that is there for the next one; see [`TestGateway::restarted`].
    pub(crate) async fn start_lasting(settings: &str) -> Self {
        let drain = if settings.contains("server.drain") { "" } else { SHORT_DRAIN };
        Self::with_file(&format!("{LASTING}{drain}{settings}\n{ROUTE}")).await
    }

    /// The same with routes that stand in `settings`, too.
    pub(crate) async fn lasting_with_routes(settings: &str) -> Self {
        Self::with_file(&format!("{LASTING}{settings}")).await
    }

    /// Starts a gateway whose routes stand in `settings`, too.
    pub(crate) async fn with_routes(settings: &str) -> Self {
        Self::with_file(&format!("{BASE}{settings}")).await
    }

    async fn with_file(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("trunkline.toml");
        std::fs::write(&file, text).expect("written");
        Self::in_folder(Arc::new(folder)).await
    }

    async fn in_folder(folder: Arc<tempfile::TempDir>) -> Self {
        let file = folder.path().join("trunkline.toml");
        let loaded = Config::load(Some(&file), std::iter::empty(), Overrides::default());
        let config = loaded.unwrap_or_else(|mistakes| panic!("{mistakes}")).config;
        let gateway = Gateway::start(config).await.expect("the gateway starts");
        let (address, stop) = (gateway.address(), Stop::default());
        Self { address, running: tokio::spawn(gateway.run(stop.clone())), stop, folder }
    }

    /// Where workers connect.
    pub(crate) fn bridge(&self) -> PathBuf {
        self.folder.path().join("data/worker.sock")
    }

    /// Tells it to finish what runs, and returns how it ended.
    pub(crate) async fn stop(self) -> Ended {
        within(self.stop_at_leisure()).await
    }

    /// The same, however long it takes: for waits that the caller bounds.
    pub(crate) async fn stop_at_leisure(mut self) -> Ended {
        self.stop.soft.cancel();
        (&mut self.running).await.expect("it did not panic")
    }

    /// Stops it in order, and starts another one with the same configuration and store.
    pub(crate) async fn restarted(self) -> Self {
        let folder = Arc::clone(&self.folder);
        assert_eq!(self.stop().await, Ended::Stopped);
        Self::in_folder(folder).await
    }

    /// Tells it to let go of everything, as a second signal does, and returns how it ended.
    pub(crate) async fn stop_at_once(mut self) -> Ended {
        self.stop.hard.cancel();
        within(&mut self.running).await.expect("it did not panic")
    }

    /// Tells it to finish what runs, without waiting for that.
    pub(crate) fn begin_to_stop(&self) {
        self.stop.soft.cancel();
    }

    /// Opens a TCP connection and sends `bytes`.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = within(TcpStream::connect(self.address)).await.expect("it listens");
        within(stream.write_all(bytes)).await.expect("sent");
        stream
    }

    /// Sends `request` and reads the answer until the gateway ends the connection.
    pub(crate) async fn exchange(&self, request: &[u8]) -> String {
        let mut stream = self.raw(request).await;
        read_to_end(&mut stream).await
    }

    /// The answer to a plain GET of `path`, head and body.
    pub(crate) async fn get(&self, path: &str) -> String {
        let host = self.address;
        self.exchange(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await
    }

    /// The value of a counter at `/metrics`; 0 where it was never counted.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").await;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.trim().parse().expect("a whole number"))
    }

    /// Waits until a counter has this value.
    pub(crate) async fn until_metric(&self, name: &str, value: u64) {
        within(async {
            let mut look = tokio::time::interval(Duration::from_millis(10));
            while self.metric(name).await != value {
                look.tick().await;
            }
        })
        .await;
    }
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        self.stop.soft.cancel();
        self.stop.hard.cancel();
    }
}

/// Bounds a wait.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens in time")
}

/// What the other side sends until it ends the connection, by an orderly end or a reset.
pub(crate) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    // A peer that refuses a request it has not read to its end resets the connection; what came before counts.
    let _ = within(stream.read_to_end(&mut received)).await;
    String::from_utf8_lossy(&received).into_owned()
}
