//! A bad network between clients and a gateway: a proxy over loopback TCP that does with bytes what [`toxic`](crate::toxic)
//! decides.
//!
//! Knows no WebSocket. Who goes through it may be told to go elsewhere, which is how a gateway comes back on another port.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use simulation::Chance;
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::toxic::{Step, Toxic, step};

/// What a proxy reads at once, and no more before that is through.
const PIECE_BYTES: usize = 16 * 1024;

/// What the kernel is asked to hold of what the gateway sends: little, so that a slow reader is felt at the other end.
const RECEIVE_BUFFER_BYTES: u32 = 16 * 1024;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From clients to the gateway.
    Up,
    /// From the gateway to clients.
    Down,
}

/// What goes wrong each way.
#[derive(Clone, Debug, Default)]
struct Weather {
    up: Vec<Toxic>,
    down: Vec<Toxic>,
}

impl Weather {
    fn of(&self, way: Way) -> &[Toxic] {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }
}

#[derive(Debug)]
struct Shared {
    /// `None` until there is one.
    target: watch::Sender<Option<SocketAddr>>,
    weather: watch::Sender<Weather>,
    /// How often all connections were torn.
    cuts: watch::Sender<u64>,
    /// Steps that were not those of a good network.
    felt: AtomicU64,
}

/// A listening proxy. Dropping it ends it and every connection through it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    /// Listens on a free port, and leads nowhere yet. The same seed decides the same of the same bytes.
    pub async fn start(seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: watch::Sender::default(),
            weather: watch::Sender::default(),
            cuts: watch::Sender::default(),
            felt: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared), seed));
        Ok(Self { address, shared, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections from now on go there.
    pub fn lead_to(&self, target: SocketAddr) {
        self.shared.target.send_replace(Some(target));
    }

    /// What goes wrong from now on, on the connections that are there and on new ones.
    pub fn set(&self, way: Way, toxics: Vec<Toxic>) {
        self.shared.weather.send_modify(|weather| match way {
            Way::Up => weather.up = toxics,
            Way::Down => weather.down = toxics,
        });
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.shared.weather.send_replace(Weather::default());
    }

    /// Tears every connection.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// How often something went wrong so far.
    pub fn felt(&self) -> u64 {
        self.shared.felt.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, seed: u64) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    while let Ok((client, _)) = listener.accept().await {
        number += 1;
        connections.spawn(connect(
            client,
            Arc::clone(&shared),
            [number, number + 1].map(|part| Chance::new(seed, part)),
        ));
        number += 1;
        while connections.try_join_next().is_some() {}
    }
}

/// One connection. A client whose gateway is not there is torn off.
async fn connect(mut client: TcpStream, shared: Arc<Shared>, [up, down]: [Chance; 2]) {
    let mut cuts = shared.cuts.subscribe();
    cuts.mark_unchanged();
    let target = *shared.target.borrow();
    let Some(target) = target else { return tear(client) };
    let Ok(mut gateway) = reach(target).await else { return tear(client) };
    let (from_client, to_client) = client.split();
    let (from_gateway, to_gateway) = gateway.split();
    let both = async {
        let mut up = pin!(pump(from_client, to_gateway, Way::Up, &shared, up));
        let mut down = pin!(pump(from_gateway, to_client, Way::Down, &shared, down));
        tokio::select! {
            ended = &mut up => if ended { down.await } else { false },
            ended = &mut down => if ended { up.await } else { false },
        }
    };
    let in_order = tokio::select! {
        ended = both => ended,
        _ = cuts.changed() => false,
    };
    if !in_order {
        tear(gateway);
        tear(client);
    }
}

async fn reach(target: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    let stream = socket.connect(target).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Closes with RST instead of FIN.
fn tear(stream: TcpStream) {
    // A socket that cannot be asked for it is one that is gone.
    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    drop(stream);
}

/// Moves bytes until this way has ended: true if it ended in order, and the other one may go on.
async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, way: Way, shared: &Shared, mut chance: Chance) -> bool {
    let mut weather = shared.weather.subscribe();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let Ok(read) = from.read(&mut piece).await else { return false };
        if read == 0 {
            return to.shutdown().await.is_ok();
        }
        let mut waiting = &piece[..read];
        while !waiting.is_empty() {
            let next = step(weather.borrow_and_update().of(way), waiting.len(), &mut chance);
            if next.is_felt(waiting.len()) {
                shared.felt.fetch_add(1, Ordering::Relaxed);
            }
            let (bytes, after) = match next {
                Step::Forward { bytes, after } => (bytes, after),
                Step::Hold => {
                    if weather.changed().await.is_err() {
                        return false;
                    }
                    continue;
                }
                Step::Reset { bytes } => {
                    let _ = to.write_all(&waiting[..bytes]).await;
                    return false;
                }
                Step::HalfClose => {
                    return to.write_all(waiting).await.is_ok() && to.shutdown().await.is_ok();
                }
            };
            if !after.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(after) => {}
                    // What was held up by the weather before is decided about anew.
                    changed = weather.changed() => match changed {
                        Ok(()) => continue,
                        Err(_) => return false,
                    },
                }
            }
            let (now, rest) = waiting.split_at(bytes);
            if to.write_all(now).await.is_err() {
                return false;
            }
            waiting = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough for a machine under load; reaching it is a failure.
    const PATIENCE: Duration = Duration::from_mins(1);

    async fn within<T>(future: impl Future<Output = T>) -> T {
        tokio::time::timeout(PATIENCE, future).await.expect("it happens in time")
    }

    /// A proxy, the client's end of a connection through it, and the gateway's.
    async fn connected() -> (Proxy, TcpStream, TcpStream) {
        let gateway = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let proxy = Proxy::start(1).await.expect("a port");
        proxy.lead_to(gateway.local_addr().expect("bound"));
        let client = within(TcpStream::connect(proxy.address())).await.expect("it listens");
        let (accepted, _) = within(gateway.accept()).await.expect("it connects");
        (proxy, client, accepted)
    }

    async fn receive(stream: &mut TcpStream, bytes: usize) -> Vec<u8> {
        let mut received = vec![0; bytes];
        within(stream.read_exact(&mut received)).await.expect("all of it");
        received
    }

    #[tokio::test]
    async fn what_is_late_slow_and_in_pieces_arrives_whole_both_ways() {
        let (proxy, mut client, mut gateway) = connected().await;
        let toxics = vec![
            Toxic::Latency { least: Duration::from_micros(50), jitter: Duration::from_micros(100) },
            Toxic::Bandwidth { bytes_per_second: 1 << 20 },
            Toxic::Slices { bytes_max: 300 },
        ];
        proxy.set(Way::Up, toxics.clone());
        proxy.set(Way::Down, toxics);
        let sent: Vec<u8> = (0..40_000_u32).map(|number| (number % 251) as u8).collect();
        for (from, to) in [(0, 1), (1, 0)] {
            let ends = [&mut client, &mut gateway];
            let (sending, expected) = (sent.clone(), sent.len());
            within(ends[from].write_all(&sending)).await.expect("the kernel takes it");
            assert!(receive(ends[to], expected).await == sent);
        }
        assert!(proxy.felt() > 100, "{}", proxy.felt());
    }

    #[tokio::test]
    async fn a_black_hole_that_heals_has_lost_nothing() {
        let (proxy, mut client, mut gateway) = connected().await;
        proxy.set(Way::Up, vec![Toxic::BlackHole]);
        within(client.write_all(b"hello")).await.expect("it is taken");
        within(gateway.write_all(b"the other way is open")).await.expect("it is taken");
        receive(&mut client, 21).await;
        while proxy.felt() == 0 {
            tokio::task::yield_now().await;
        }
        proxy.heal();
        assert_eq!(receive(&mut gateway, 5).await, b"hello");
    }

    #[tokio::test]
    async fn a_reset_cuts_a_piece_and_is_no_end_in_order() {
        let (proxy, mut client, mut gateway) = connected().await;
        proxy.set(Way::Up, vec![Toxic::Reset { after_bytes: 3 }]);
        within(client.write_all(b"hello")).await.expect("it is taken");
        let mut received = Vec::new();
        let error = within(gateway.read_to_end(&mut received)).await.expect_err("a reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert!(b"hel".starts_with(&received[..]), "{received:?}");
        assert!(within(client.read_u8()).await.is_err(), "the client hears of it");
    }

    #[tokio::test]
    async fn a_half_close_leaves_the_other_way_open() {
        let (proxy, mut client, mut gateway) = connected().await;
        proxy.set(Way::Up, vec![Toxic::HalfClose]);
        within(client.write_all(b"last words")).await.expect("it is taken");
        let mut received = Vec::new();
        within(gateway.read_to_end(&mut received)).await.expect("an end in order");
        assert_eq!(received, b"last words");
        within(gateway.write_all(b"heard")).await.expect("it is open");
        assert_eq!(receive(&mut client, 5).await, b"heard");
    }

    #[tokio::test]
    async fn who_finds_no_gateway_is_torn_off_and_may_find_the_next_one() {
        let (proxy, client, gateway) = connected().await;
        proxy.cut();
        let next = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port").local_addr().expect("bound");
        proxy.lead_to(nobody);
        let mut turned_away = within(TcpStream::connect(proxy.address())).await.expect("the proxy is there");
        assert!(within(turned_away.read_u8()).await.is_err());
        proxy.lead_to(next.local_addr().expect("bound"));
        let _client = within(TcpStream::connect(proxy.address())).await.expect("the proxy is there");
        within(next.accept()).await.expect("it comes");
        drop((client, gateway));
    }
}
