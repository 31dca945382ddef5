//! One gateway process: the parts that connections and HTTP handlers use, side by side.
//!
//! It has no logic of its own beyond saying how this node is doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use trunkline_bridge::Bridge;
use trunkline_broker::Broker;
use trunkline_core::budget::Budget;
use trunkline_protocol::Limits;

use crate::auth::Auth;
use crate::clock::Clock;
use crate::hub::Hub;
use crate::presence::Presence;
use crate::routes::Routes;
use crate::runs::Runs;
use crate::sessions::Sessions;
use crate::stopping::Stopping;
use crate::telemetry::Metrics;
use crate::topics::Topics;

/// Whole texts that are gathered at once; other connections wait for their turn.
pub(crate) const GATHERING_MAX: usize = 32;

/// What connections need to know of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) connections_max: usize,
    pub(crate) buffer_bytes: usize,
    pub(crate) handshake: Duration,
    pub(crate) auth_wait: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) write_stall: Duration,
}

impl Settings {
    /// The framing layer's limits, before and after the client has authenticated.
    pub(crate) fn frame_limits(&self, authenticated: bool) -> trunkline_ws::Limits {
        let before = self.limits.message_bytes_before_auth_max;
        let message_bytes = if authenticated { self.limits.message_bytes_max } else { before };
        trunkline_ws::Limits { message_bytes, authenticated, ..trunkline_ws::Limits::AUTHENTICATED }
    }
}

/// See the module's comment.
pub(crate) struct Node {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) runs: Arc<Runs>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) routes: Routes,
    pub(crate) auth: Auth,
    pub(crate) bridge: Bridge,
    pub(crate) metrics: Arc<Metrics>,
    /// What the buffers of all connections may take together.
    pub(crate) budget: Arc<Budget>,
    /// Turns to gather the whole text of a run for an old client: each takes up to 1 MiB while it lasts.
    pub(crate) gathering: Arc<Semaphore>,
    /// How far this node has come with its end.
    pub(crate) stopping: Arc<Stopping>,
    /// The store failed: the node is about to stop.
    pub(crate) store_failed: AtomicBool,
}

impl Node {
    /// One word on how this node is doing, as `health_response` says it.
    pub(crate) fn status(&self) -> &'static str {
        if self.stopping.is_draining() || self.store_failed.load(Ordering::Relaxed) { "unhealthy" } else { "healthy" }
    }
}
