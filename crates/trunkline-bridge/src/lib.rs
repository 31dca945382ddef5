//! Calls, streams and events between the Trunkline gateway and its workers: the gateway's half of the worker
//! protocol, version 1, over Unix sockets and ZeroMQ.
//!
//! | module | what it knows |
//! |---|---|
//! | `frame` | the messages and their spelling |
//! | `registry` | the rules: who may say what when; plain code without sockets, tasks or a clock |
//! | `inbox`, `outbox` | bounded queues between the registry and callers, and the registry and connections |
//! | `switchboard` | the registry behind its lock, with the clock |
//! | `transport` | bytes to parts and back |
//! | `bridge` | start and stop, and the handle for the gateway |
//! | `supervisor` | processes of workers: spawned, watched, restarted, stopped |
//!
//! The crate does not know clients, sessions, storage or the gateway's configuration file.

mod bridge;
mod call;
mod claims;
mod config;
pub mod frame;
mod inbox;
mod metrics;
mod outbox;
mod registry;
pub mod supervisor;
mod switchboard;
mod transport;

pub use bridge::{Bridge, WorkerTransport};
pub use call::{Call, CallEvent, CallFailure, CallSpec, EventKind, FailureReason, Outcome};
pub use claims::{Claimed, Claims, NoClaims};
pub use config::{BridgeConfig, StartError};
pub use metrics::{BridgeMetrics, Counter, Gauge};
pub use registry::{ServiceStatus, WorkerPresence, WorkerStatus};
#[cfg(feature = "simulation")]
pub use transport::memory::Link;
