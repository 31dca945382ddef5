//! The ways to a worker. A transport binds an address, turns what it reads into parts, and sends what outboxes hold.
//!
//! Transports know no rules of the protocol: they do not look into a header.

#[cfg(feature = "simulation")]
pub(crate) mod memory;
mod socket_file;
pub(crate) mod unix;
pub(crate) mod zeromq;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::outbox::Outbox;
use crate::switchboard::Switchboard;

/// How long the last frames of a connection that is no longer wanted may take to leave.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a transport needs to serve.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) switchboard: Arc<Switchboard>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) tracker: TaskTracker,
    pub(crate) message_bytes_max: usize,
}

/// A bound transport.
pub(crate) trait Transport: Send + 'static {
    /// Accepts workers until the service's shutdown; connections end when their outboxes close.
    fn serve(self, service: Service) -> impl Future<Output = ()> + Send;
}

/// Ends when the connection is no longer wanted and had its time to say so.
async fn farewell(outbox: &Outbox) {
    outbox.closed().await;
    tokio::time::sleep(FAREWELL).await;
}
