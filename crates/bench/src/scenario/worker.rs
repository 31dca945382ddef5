//! What the whole way to a Python worker costs, beside the bridge alone and a `FastAPI` WebSocket.

use std::ops::Sub;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::task::JoinSet;

use super::Bench;
use super::run::{finish, is_end, is_type, message};
use crate::bridge_alone::{self, Found};
use crate::client::Client;
use crate::machine::Placement;
use crate::peers::{Gateway, open_session};
use crate::process::Server;
use crate::report::{Section, Target};
use crate::statistics::{Latencies, Spread};

const CALLS: usize = 1_000;
const WARM_UP_CALLS: usize = 200;
const CONNECTIONS: usize = 16;
const IN_FLIGHT_PER_CONNECTION: usize = 4;
const WARM_UP: Duration = Duration::from_millis(500);
const BRIDGE_WITHIN: Duration = Duration::from_mins(1);

const ADDED_US_MAX: f64 = 150.0;
const THROUGHPUT_RATIO_MIN: f64 = 5.0;

/// What is sent: about 200 bytes with the envelope around it.
const TEXT_BYTES: usize = 100;

#[derive(Clone, Copy)]
enum Peer {
    Gateway,
    FastApi,
}

#[derive(Default)]
struct Results {
    p50_us: Vec<f64>,
    p99_us: Vec<f64>,
    rate: Vec<f64>,
    cpu_us: Vec<f64>,
    worker_cpu_us: Vec<f64>,
}

/// CPU time in seconds: of the server, and of the worker that it started.
#[derive(Clone, Copy)]
struct Cpu {
    server: f64,
    worker: f64,
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { server: self.server - before.server, worker: self.worker - before.worker }
    }
}

impl Cpu {
    fn of(server: &Server) -> anyhow::Result<Self> {
        Ok(Self { server: server.cpu_seconds()?, worker: server.children_cpu_seconds()? })
    }
}

/// Measures latency one at a time, and throughput with many in flight.
pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let Gateway { server: gateway, .. } = &bench.artifacts.gateway(&bench.machine, Placement::AnyCore).await?;
    let fastapi = &bench.artifacts.fastapi(&bench.machine).await?;
    let (mut ours, mut theirs, mut bridge) = (Results::default(), Results::default(), Vec::new());
    for _ in 0..bench.rounds {
        bridge.push(bridge_alone(bench).await?);
        for (peer, server, results) in [(Peer::Gateway, gateway, &mut ours), (Peer::FastApi, fastapi, &mut theirs)] {
            let mut latencies = one_at_a_time(peer, server).await?;
            results.p50_us.push(latencies.percentile_us(50));
            results.p99_us.push(latencies.percentile_us(99));
            many_in_flight(peer, server, bench.window, results).await?;
        }
    }
    Ok(section(&ours, &theirs, &bridge))
}

async fn bridge_alone(bench: &Bench) -> anyhow::Result<Found> {
    bench.machine.place_server(Placement::AnyCore)?;
    let mut command = bench.artifacts.bridge_alone();
    command.arg("--calls").arg(CALLS.to_string()).arg("--payload").arg(payload());
    bridge_alone::ask(command, BRIDGE_WITHIN).await
}

impl Peer {
    async fn connect(self, server: &Server, number: usize) -> anyhow::Result<Client> {
        match self {
            Self::Gateway => Ok(open_session(server.address, "/ws", number).await?.0),
            Self::FastApi => Client::connect(server.address, "/ws", None, number).await,
        }
    }

    /// Whether this is the answer: of the gateway the run's end, after its `ack` and its records.
    fn is_answer(self, text: &[u8]) -> bool {
        match self {
            Self::Gateway => is_end(text),
            Self::FastApi => true,
        }
    }

    fn is_good_answer(self, text: &[u8]) -> bool {
        match self {
            Self::Gateway => is_type(text, "run_completed"),
            Self::FastApi => true,
        }
    }
}

async fn one_at_a_time(peer: Peer, server: &Server) -> anyhow::Result<Latencies> {
    let mut client = peer.connect(server, 0).await?;
    let mut latencies = Latencies::default();
    for number in 0..WARM_UP_CALLS + CALLS {
        let text = message(number, "echo", &payload());
        let began = Instant::now();
        client.send(text.as_bytes()).await?;
        match peer {
            Peer::Gateway => finish(&mut client, |_| {}).await?,
            Peer::FastApi => drop(client.answer().await?),
        }
        if number >= WARM_UP_CALLS {
            latencies.add(began.elapsed());
        }
    }
    Ok(latencies)
}

async fn many_in_flight(peer: Peer, server: &Server, window: Duration, results: &mut Results) -> anyhow::Result<()> {
    let count = Arc::new(AtomicU64::new(0));
    let mut links = JoinSet::new();
    for number in 0..CONNECTIONS {
        let client = peer.connect(server, number).await?;
        links.spawn(exchange(peer, client, Arc::clone(&count)));
    }
    tokio::time::sleep(WARM_UP).await;
    let (began, cpu, before) = (Instant::now(), Cpu::of(server)?, count.load(Ordering::Relaxed));
    tokio::time::sleep(window).await;
    let messages = f64::from(u32::try_from(count.load(Ordering::Relaxed) - before)?);
    let cpu = Cpu::of(server)? - cpu;
    if let Some(ended) = links.try_join_next() {
        ended??;
    }
    results.rate.push(messages / began.elapsed().as_secs_f64());
    results.cpu_us.push(cpu.server / messages * 1e6);
    results.worker_cpu_us.push(cpu.worker / messages * 1e6);
    Ok(())
}

/// Keeps [`IN_FLIGHT_PER_CONNECTION`] calls on their way until it is dropped.
async fn exchange(peer: Peer, mut client: Client, count: Arc<AtomicU64>) -> anyhow::Result<()> {
    let mut number = 0;
    let mut next = || {
        number += 1;
        message(number, "echo", &payload())
    };
    (0..IN_FLIGHT_PER_CONNECTION).for_each(|_| client.queue(next().as_bytes()));
    loop {
        client.flush().await?;
        let text = client.receive().await?;
        if peer.is_answer(&text) {
            ensure!(peer.is_good_answer(&text), "a run failed: {}", String::from_utf8_lossy(&text));
            count.fetch_add(1, Ordering::Relaxed);
            client.queue(next().as_bytes());
        }
    }
}

fn payload() -> String {
    format!(r#"{{"message":"{}"}}"#, "x".repeat(TEXT_BYTES))
}

fn section(ours: &Results, theirs: &Results, bridge: &[Found]) -> Section {
    let bridge_p50: Vec<f64> = bridge.iter().map(|found| found.p50_us).collect();
    let added = Spread::of(ours.p50_us.iter().zip(&bridge_p50).map(|(own, alone)| own - alone));
    let faster = Spread::of_ratios(&ours.rate, &theirs.rate);
    let spread = |values: &[f64]| Spread::of(values.iter().copied()).to_string();
    let row = |name: &str, results: &Results| {
        vec![
            name.to_owned(),
            spread(&results.p50_us),
            spread(&results.p99_us),
            spread(&results.rate),
            spread(&results.cpu_us),
            spread(&results.worker_cpu_us),
        ]
    };
    let none = || "–".to_owned();
    let alone = vec![
        "bridge alone".to_owned(),
        spread(&bridge_p50),
        Spread::of(bridge.iter().map(|found| found.p99_us)).to_string(),
        none(),
        none(),
        none(),
    ];
    Section {
        title: "Python worker",
        method: format!(
            "A message of about 200 bytes to a unary service in Python that gives its payload back, timed until its \
             `run_completed`: stored, called, stored again. Beside it the same call over the bridge alone, and a FastAPI \
             WebSocket (uvicorn with uvloop and httptools) that parses and returns the message and stores nothing. The worker is a process of its own and takes more CPU for a call than that \
             endpoint for everything, so one worker cannot reach its throughput with single calls; see the token streams for what it is built for. Latency: \
             1 connection, 1 in flight, {CALLS} calls. Throughput: {CONNECTIONS} connections, {IN_FLIGHT_PER_CONNECTION} in \
             flight each, where a session runs one after the other. Nothing is pinned: gateway, worker and load share the cores, and where the system puts them shows in the spread."
        ),
        header: &[
            "peer",
            "p50, µs",
            "p99, µs",
            "messages/s",
            "server CPU per message, µs",
            "worker CPU per message, µs",
        ],
        rows: vec![row("gateway and Python worker", ours), alone, row("FastAPI WebSocket", theirs)],
        targets: vec![
            Target {
                what: "client → gateway → Python worker → client, added to the bridge alone, p50".to_owned(),
                promised: "≤ 150 µs",
                measured: format!("{added} µs"),
                met: added.median <= ADDED_US_MAX,
            },
            Target {
                what: "throughput of single calls over a FastAPI WebSocket in one process".to_owned(),
                promised: "≥ 5×",
                measured: format!("{faster}×"),
                met: faster.median >= THROUGHPUT_RATIO_MIN,
            },
        ],
    }
}
