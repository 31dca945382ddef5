//! Accepts connections and serves HTTP/1.1 on them until they end or are upgraded.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use super::Edge;

/// Headers of one request; one more is 431.
const HEADERS_MAX: usize = 64;

/// Bytes of a request's head; one more is 431.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Connections beyond the limit that are still answered, so that they hear why.
const EXTRA_CONNECTIONS: usize = 256;

/// How long accepting pauses when the system has no room for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bytes that the kernel may hold unsent for a connection, so that its buffer does not hide our queue.
const UNSENT_BYTES_MAX: u32 = 32 * 1024;

/// Connections that the kernel holds until they are accepted, if the system allows so many: with fewer, those that come
/// back together after a restart are told nothing and try again a second later.
const BACKLOG: u32 = 4096;

/// A bound port.
pub(crate) struct Listener {
    listener: TcpListener,
    places: Arc<Places>,
}

/// How many connections there are, and how many there may be.
struct Places {
    taken: AtomicUsize,
    most: usize,
}

/// One connection's place; free again when dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    number: usize,
}

impl Place {
    /// Whether this connection is one too many.
    pub(crate) fn is_extra(&self) -> bool {
        self.number > self.places.most
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Listener {
    /// Binds the port, so that a bad one fails before anything else is started.
    pub(crate) fn bind(address: SocketAddr, connections_max: usize) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A port whose last connections have only just ended can be bound.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        Ok(Self { listener, places: Arc::new(Places { taken: AtomicUsize::new(0), most: connections_max }) })
    }

    /// Where it listens; the port is the real one where 0 was asked for.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts until `stop`.
    pub(crate) async fn serve(self, edge: Arc<Edge>, handshake: Duration, stop: CancellationToken) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let Some(place) = self.take_place() else { continue };
                    configure(&stream);
                    let connection = serve_http(Arc::clone(&edge), stream, place, handshake, stop.clone());
                    edge.connections.spawn(connection);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    edge.node.metrics.handshake_refused("accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// `None` when there is not even room to say no: the connection is dropped.
    fn take_place(&self) -> Option<Arc<Place>> {
        let number = self.places.taken.fetch_add(1, Ordering::Relaxed) + 1;
        let place = Place { places: Arc::clone(&self.places), number };
        (number <= self.places.most + EXTRA_CONNECTIONS).then(|| Arc::new(place))
    }
}

fn configure(stream: &TcpStream) {
    let socket = socket2::SockRef::from(stream);
    let configured = socket.set_tcp_nodelay(true).and_then(|()| socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX));
    if let Err(error) = configured {
        tracing::debug!(%error, "a socket option cannot be set");
    }
}

async fn serve_http(
    edge: Arc<Edge>,
    stream: TcpStream,
    place: Arc<Place>,
    handshake: Duration,
    stop: CancellationToken,
) {
    let answering = Arc::clone(&edge);
    let service = service_fn(move |request| Arc::clone(&answering).answer(request, Arc::clone(&place)));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(handshake)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        if error.is_timeout() {
            edge.node.metrics.handshake_refused("handshake_timeout");
        }
        tracing::debug!(%error, "an HTTP connection ended");
    }
}
