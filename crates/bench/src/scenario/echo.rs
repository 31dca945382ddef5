//! What routing costs: the built-in echo through the gateway, beside a bare WebSocket echo and raw TCP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Bench;
use crate::client::{Client, READ_BYTES, connect_tcp, text_frame};
use crate::machine::Placement;
use crate::peers::{Gateway, open_session};
use crate::process::{Server, own_cpu_seconds};
use crate::report::{Section, Target};
use crate::statistics::Spread;

const CONNECTIONS: usize = 100;
const MESSAGE_BYTES: usize = 200;
const IN_FLIGHT: [usize; 2] = [1, 16];

/// Before each measurement, so that buffers and caches are as they will be.
const WARM_UP: Duration = Duration::from_millis(300);

/// The CPU of the routed echo over that of the bare one.
const RATIO_MAX: f64 = 2.0;

const NAMES: [&str; 3] = ["raw TCP echo", "bare WebSocket echo", "routed echo (gateway)"];

/// The three servers, all running; only one has something to do at a time.
struct Peers {
    tcp: Server,
    bare: Server,
    gateway: Gateway,
}

/// What one measurement gave.
#[derive(Clone, Copy)]
struct Measured {
    cpu_us: f64,
    rate: f64,
    load_share: f64,
}

/// One connection of the load.
enum Link {
    /// Counts bytes.
    Raw(TcpStream),
    /// Counts messages.
    WebSocket(Client),
}

/// Measures all peers with one message in flight per connection, and with several.
pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let peers = Peers {
        tcp: bench.artifacts.tcp_echo(&bench.machine).await?,
        bare: bench.artifacts.websocket_echo(&bench.machine).await?,
        gateway: bench.artifacts.gateway(&bench.machine, Placement::OwnCore).await?,
    };
    let mut section = Section {
        title: "Routed echo",
        method: format!(
            "An envelope of {MESSAGE_BYTES} bytes in the native dialect over {CONNECTIONS} connections, to a route with \
             `service = \"builtin:echo\"`; the peers echo the same bytes. The raw TCP row is the load's own ceiling."
        ),
        header: &[
            "peer",
            "in flight per connection",
            "server CPU per message, µs",
            "messages/s",
            "load's CPU, %",
            "CPU ÷ bare WebSocket",
        ],
        rows: Vec::new(),
        targets: Vec::new(),
    };
    for in_flight in IN_FLIGHT {
        measure_in_flight(bench, &peers, in_flight, &mut section).await?;
    }
    Ok(section)
}

async fn measure_in_flight(
    bench: &Bench,
    peers: &Peers,
    in_flight: usize,
    section: &mut Section,
) -> anyhow::Result<()> {
    let mut measured: [Vec<Measured>; 3] = Default::default();
    for _ in 0..bench.rounds {
        for (index, results) in measured.iter_mut().enumerate() {
            results.push(peers.measure(index, in_flight, bench.window).await?);
        }
    }
    let cpu = measured.each_ref().map(|results| results.iter().map(|one| one.cpu_us).collect::<Vec<_>>());
    for (index, name) in NAMES.iter().enumerate() {
        section.rows.push(vec![
            (*name).to_owned(),
            in_flight.to_string(),
            Spread::of(cpu[index].iter().copied()).to_string(),
            Spread::of(measured[index].iter().map(|one| one.rate)).to_string(),
            Spread::of(measured[index].iter().map(|one| one.load_share * 100.0)).to_string(),
            Spread::of_ratios(&cpu[index], &cpu[1]).to_string(),
        ]);
    }
    let ratio = Spread::of_ratios(&cpu[2], &cpu[1]);
    section.targets.push(Target {
        what: format!("CPU of the routed echo over the bare WebSocket echo, {in_flight} in flight"),
        promised: "≤ 2×",
        measured: format!("{ratio}×"),
        met: ratio.median <= RATIO_MAX,
    });
    Ok(())
}

impl Peers {
    async fn measure(&self, index: usize, in_flight: usize, window: Duration) -> anyhow::Result<Measured> {
        let server = [&self.tcp, &self.bare, &self.gateway.server][index];
        let frame = text_frame(&message());
        let count = Arc::new(AtomicU64::new(0));
        let mut links = JoinSet::new();
        for number in 0..CONNECTIONS {
            let link = connect(index, server, number).await?;
            links.spawn(link.exchange(frame.clone(), in_flight, Arc::clone(&count)));
        }
        tokio::time::sleep(WARM_UP).await;
        let (began, cpu, own, before) =
            (Instant::now(), server.cpu_seconds()?, own_cpu_seconds()?, count.load(Ordering::Relaxed));
        tokio::time::sleep(window).await;
        let seconds = began.elapsed().as_secs_f64();
        let messages = f64::from(u32::try_from(count.load(Ordering::Relaxed) - before)?);
        ensure!(links.try_join_next().is_none(), "{}: a connection was lost", NAMES[index]);
        Ok(Measured {
            cpu_us: (server.cpu_seconds()? - cpu) / messages * 1e6,
            rate: messages / seconds,
            load_share: (own_cpu_seconds()? - own) / seconds,
        })
    }
}

async fn connect(index: usize, server: &Server, number: usize) -> anyhow::Result<Link> {
    Ok(match index {
        0 => Link::Raw(connect_tcp(server.address, number).await?),
        1 => Link::WebSocket(Client::connect(server.address, "/", None, number).await?),
        _ => Link::WebSocket(open_session(server.address, "/echo", number).await?.0),
    })
}

impl Link {
    /// Keeps `in_flight` messages on their way until it is dropped.
    async fn exchange(self, frame: Bytes, in_flight: usize, count: Arc<AtomicU64>) -> anyhow::Result<()> {
        match self {
            Self::Raw(stream) => exchange_raw(stream, &frame, in_flight, &count).await,
            Self::WebSocket(client) => exchange_messages(client, &frame, in_flight, &count).await,
        }
    }
}

async fn exchange_raw(mut stream: TcpStream, frame: &[u8], in_flight: usize, count: &AtomicU64) -> anyhow::Result<()> {
    let burst = frame.repeat(in_flight);
    stream.write_all(&burst).await?;
    let mut received = BytesMut::new();
    loop {
        received.reserve(READ_BYTES);
        ensure!(stream.read_buf(&mut received).await? > 0, "the server ended the connection");
        let answers = received.len() / frame.len();
        received.advance(answers * frame.len());
        count.fetch_add(answers as u64, Ordering::Relaxed);
        stream.write_all(&burst[..answers * frame.len()]).await?;
    }
}

async fn exchange_messages(
    mut client: Client,
    frame: &[u8],
    in_flight: usize,
    count: &AtomicU64,
) -> anyhow::Result<()> {
    (0..in_flight).for_each(|_| client.queue_frame(frame));
    loop {
        client.flush().await?;
        client.receive().await?;
        let mut answers = 1;
        while client.try_receive()?.is_some() {
            answers += 1;
        }
        count.fetch_add(answers, Ordering::Relaxed);
        (0..answers).for_each(|_| client.queue_frame(frame));
    }
}

/// An envelope of [`MESSAGE_BYTES`].
fn message() -> Vec<u8> {
    let (head, tail) = (r#"{"type":"user_message","id":"m00000001","payload":{"message":""#, r#""}}"#);
    let text = "x".repeat(MESSAGE_BYTES - head.len() - tail.len());
    [head, &text, tail].concat().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_has_its_size() {
        assert_eq!(message().len(), MESSAGE_BYTES);
        serde_json::from_slice::<serde_json::Value>(&message()).unwrap();
    }
}
