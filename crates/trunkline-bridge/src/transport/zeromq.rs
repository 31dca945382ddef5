//! Workers over ZeroMQ: a ROUTER here, a DEALER there, one multipart message per message. `protocol/worker.md` §1.
//!
//! The only file that knows the ZeroMQ library. Each worker has its own sending task, which waits for that worker
//! alone: a DEALER that does not read fills its own pipe and outbox, and delays nobody.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use omq_tokio::{Endpoint, Error, Identity, IdentitySocket, Message, MonitorEvent, Options, Socket, SocketType};
use tokio::task::JoinSet;

use super::socket_file::{SocketFile, SocketPlace};
use super::{Service, Transport, farewell};
use crate::config::{StartError, ZeromqEndpoint};
use crate::frame::{PARTS_MAX, encode};
use crate::outbox::{Outbox, Outgoing};
use crate::registry::LinkId;
use crate::switchboard::Switchboard;

/// Messages in the library's pipe to one worker. Few, because what waits in the outbox can still be replaced or
/// taken back, and what waits here cannot.
const SEND_MESSAGES: u32 = 64;
/// Messages that wait to be read, over all workers. Reading never waits for anything.
const RECEIVE_MESSAGES: u32 = 1024;
/// How long the library may take to send the rest at the end.
const LINGER: Duration = Duration::from_millis(500);
/// What the library adds to a message's size for each part; twice its figure.
const PART_OVERHEAD_BYTES: usize = 128;

/// A bound ROUTER.
pub(crate) struct ZeromqTransport {
    socket: IdentitySocket,
    endpoint: String,
    file: Option<SocketFile>,
}

impl ZeromqTransport {
    pub(crate) async fn bind(endpoint: &ZeromqEndpoint, message_bytes_max: usize) -> Result<Self, StartError> {
        let options = Options::default()
            .router_mandatory(true)
            .send_hwm(SEND_MESSAGES)
            .recv_hwm(RECEIVE_MESSAGES)
            .linger(LINGER)
            .max_message_size(message_bytes_max + PARTS_MAX * PART_OVERHEAD_BYTES);
        let router = Socket::new(SocketType::Router, options);
        let (endpoint, file) = match endpoint {
            ZeromqEndpoint::Ipc(path) => {
                let place = SocketPlace::free(path)?;
                bind(&router, &format!("ipc://{}", place.hidden().display())).await?;
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                (format!("ipc://{}", path.display()), Some(place.publish()?))
            }
            ZeromqEndpoint::Tcp { address, port } => {
                let address = std::net::SocketAddr::new(*address, *port);
                (bind(&router, &format!("tcp://{address}")).await?.to_string(), None)
            }
        };
        let socket = router.identity_routing().map_err(|error| zeromq_error(&endpoint, &error))?;
        Ok(Self { socket, endpoint, file })
    }

    /// Where workers connect to, with the port that was given.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

async fn bind(router: &Socket, endpoint: &str) -> Result<Endpoint, StartError> {
    router.bind(endpoint).await.map_err(|error| zeromq_error(endpoint, &error))
}

fn zeromq_error(endpoint: &str, error: &Error) -> StartError {
    StartError::Zeromq { endpoint: endpoint.to_owned(), reason: error.to_string() }
}

impl Transport for ZeromqTransport {
    async fn serve(self, service: Service) {
        let Self { socket, file, .. } = self;
        let mut peers = Peers {
            socket: socket.clone(),
            switchboard: Arc::clone(&service.switchboard),
            links: HashMap::new(),
            senders: JoinSet::new(),
        };
        let mut monitor = socket.monitor();
        loop {
            tokio::select! {
                biased;
                () = service.shutdown.cancelled() => break,
                received = socket.recv_from() => match received {
                    Ok((identity, message)) => peers.received(&identity, &message),
                    Err(error) => {
                        tracing::error!(%error, "the ZeroMQ socket ended");
                        break;
                    }
                },
                Ok(event) = monitor.recv() => peers.observed(&event),
                Some(ended) = peers.senders.join_next() => peers.sender_ended(ended),
            }
        }
        peers.finish().await;
        drop(file);
        if let Err(error) = socket.into_inner().close().await {
            tracing::debug!(%error, "the ZeroMQ socket did not close in order");
        }
    }
}

/// The workers of the socket, by routing id.
struct Peers {
    socket: IdentitySocket,
    switchboard: Arc<Switchboard>,
    links: HashMap<Bytes, Peer>,
    senders: JoinSet<(Bytes, LinkId)>,
}

struct Peer {
    link: LinkId,
    /// The library's record of this very connection: a routing id that is used again has another.
    identity: Identity,
}

impl Peers {
    fn received(&mut self, identity: &Identity, message: &Message) {
        if let Some(link) = self.link_of(identity) {
            self.switchboard.message(link, message.iter().collect());
        }
    }

    fn link_of(&mut self, identity: &Identity) -> Option<LinkId> {
        match self.links.get(identity.as_ref()) {
            Some(peer) if peer.identity == *identity => return Some(peer.link),
            Some(older) => self.switchboard.disconnected(older.link),
            None => {}
        }
        let (link, outbox) = self.switchboard.connect()?;
        let routing_id = Bytes::copy_from_slice(identity.as_ref());
        self.links.insert(routing_id.clone(), Peer { link, identity: identity.clone() });
        let sender = Sender { socket: self.socket.clone(), switchboard: Arc::clone(&self.switchboard), link, outbox };
        self.senders.spawn(async move {
            sender.run(&routing_id).await;
            (routing_id, link)
        });
        Some(link)
    }

    /// A connection that ended is noticed here at once; should the event be missed, the heartbeat notices later.
    fn observed(&mut self, event: &MonitorEvent) {
        let MonitorEvent::Disconnected { peer, .. } = event else {
            return;
        };
        let Some(routing_id) = &peer.peer_identity else {
            return;
        };
        let is_this = |known: &Peer| known.identity.peer_info().connection_id == peer.connection_id;
        if let Some(known) = self.links.get(routing_id).filter(|known| is_this(known)) {
            self.switchboard.disconnected(known.link);
        }
    }

    fn sender_ended(&mut self, ended: Result<(Bytes, LinkId), tokio::task::JoinError>) {
        match ended {
            Ok((routing_id, link)) => {
                // The next message of this peer, if it lives, begins a new link.
                if self.links.get(&routing_id).is_some_and(|peer| peer.link == link) {
                    self.links.remove(&routing_id);
                }
            }
            Err(error) => tracing::error!(%error, "a sending task ended badly"),
        }
    }

    /// Lets the senders say goodbye. The switchboard's stop has closed, or soon closes, every outbox, and each
    /// sender then ends within its farewell.
    async fn finish(&mut self) {
        while self.senders.join_next().await.is_some() {}
    }
}

/// Sends what one worker's outbox holds.
struct Sender {
    socket: IdentitySocket,
    switchboard: Arc<Switchboard>,
    link: LinkId,
    outbox: Arc<Outbox>,
}

impl Sender {
    async fn run(self, routing_id: &Bytes) {
        tokio::select! {
            () = self.pump(routing_id) => {}
            () = farewell(&self.outbox) => {}
        }
        self.switchboard.disconnected(self.link);
    }

    async fn pump(&self, routing_id: &Bytes) {
        while let Outgoing::Send { frames, relieved } = self.outbox.next().await {
            if relieved {
                self.switchboard.relieved(self.link);
            }
            for frame in frames {
                if let Err(error) = self.socket.send_to(routing_id, Message::multipart(encode(frame))).await {
                    tracing::debug!(link = ?self.link, %error, "a worker's connection broke");
                    return;
                }
            }
        }
    }
}
