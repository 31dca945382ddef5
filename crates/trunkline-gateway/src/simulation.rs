//! A gateway in a world that is made up: time, chance, the store and the clients' sockets are given to it.
//!
//! What a simulation exercises is the gateway as it is: only what lies outside of it is replaced. Seed and wall clock are
//! those of the thread, as one simulation runs on one thread.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::io::{DuplexStream, duplex};
use tokio::time::Instant;
use trunkline_bridge::Link;
use trunkline_broker::{Broker, Listener};
use trunkline_protocol::{Dialect, Wire};

use crate::config::{Config, Route};
use crate::connection::{Accepted, serve};
use crate::gateway::{Gateway, StartError};
use crate::node::Node;
use crate::storage::Storage;

/// What the kernel would hold of a socket, each way.
const SOCKET_BYTES: usize = 64 * 1024;

thread_local! {
    static CHANCE: RefCell<Option<StdRng>> = const { RefCell::new(None) };
    static WALL: RefCell<Option<(SystemTime, Instant)>> = const { RefCell::new(None) };
}

/// What this thread's gateways leave to chance follows from `seed` from now on.
pub fn seed(seed: u64) {
    CHANCE.set(Some(StdRng::seed_from_u64(seed)));
}

/// It is so many milliseconds after 1970 now, and goes on as the runtime's clock does. Call it in each runtime.
pub fn set_wall(wall_ms: u64) {
    WALL.set(Some((UNIX_EPOCH + Duration::from_millis(wall_ms), Instant::now())));
}

/// Fills `bytes` if chance is made up.
pub(crate) fn fill(bytes: &mut [u8]) -> bool {
    CHANCE.with_borrow_mut(|chance| chance.as_mut().map(|chance| chance.fill_bytes(bytes)).is_some())
}

/// The wall clock, if it is made up.
pub(crate) fn wall() -> Option<SystemTime> {
    WALL.with_borrow(|wall| wall.map(|(start, since)| start + since.elapsed()))
}

impl Gateway {
    /// Starts a gateway whose store is what `open` gives, which tells the listener of every record, and what says
    /// why the store failed, if it does.
    pub async fn start_simulated(
        config: Config,
        open: impl FnOnce(Arc<dyn Listener>) -> (Arc<dyn Broker>, BoxFuture<'static, String>),
    ) -> Result<Self, StartError> {
        Self::start_with(config, |listener| {
            let (broker, failed) = open(listener);
            Ok(Storage::simulated(broker, failed))
        })
        .await
    }

    /// A way to it that outlasts [`Gateway::run`].
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(self.node()))
    }
}

/// A way to a gateway.
#[derive(Clone)]
pub struct Handle(Arc<Node>);

impl Handle {
    /// A client whose upgrade on this path is done, and that speaks native JSON; `None` if the gateway takes nobody, or
    /// has no such route.
    pub fn connect(&self, path: &str) -> Option<DuplexStream> {
        self.connect_as(path, |_| Wire::json(Dialect::Native))
    }

    /// The same for one that asks for no dialect: it speaks that of the route.
    pub fn connect_old(&self, path: &str) -> Option<DuplexStream> {
        self.connect_as(path, |route| Wire::json(route.dialect))
    }

    fn connect_as(&self, path: &str, wire: impl FnOnce(&Route) -> Wire) -> Option<DuplexStream> {
        let Self(node) = self;
        if node.stopping.is_draining() {
            return None;
        }
        let route = Arc::clone(node.routes.find(path)?);
        let wire = wire(&route);
        let accepted = Accepted { route, wire, caller: node.auth.anonymous(), deflate: None };
        let (near, far) = duplex(SOCKET_BYTES);
        tokio::spawn(serve(Arc::clone(node), accepted, near, Bytes::new()));
        Some(far)
    }

    /// A worker's connection; `None` when there are too many.
    pub fn worker(&self) -> Option<Link> {
        self.0.bridge.link()
    }
}
