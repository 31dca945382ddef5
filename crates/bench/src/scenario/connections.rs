//! Whether a message costs the same however many connections there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};

use super::Bench;
use crate::client::{Client, text_frame};
use crate::machine::Placement;
use crate::peers::open_session;
use crate::process::{Server, own_cpu_seconds};
use crate::report::{Section, Target};
use crate::statistics::Spread;

const CASES: [usize; 3] = [100, 1_000, 10_000];

/// Messages a second over all connections together.
const RATE: u32 = 10_000;

/// Connections that are opened at a time: fewer than a listening socket's usual backlog.
const OPENED_TOGETHER: usize = 50;

/// Connections of one address of the load: so few that those that have ended do not use up its ports.
const ADDRESS_SHARE: usize = 10;

/// Each connection has sent its first message by then.
const WARM_UP: Duration = Duration::from_millis(1_500);

/// Of the window of the other scenarios: the CPU time is counted in hundredths of a second, and this load is a light one.
const WINDOWS: u32 = 2;

const DEVIATION_MAX: f64 = 0.2;

#[derive(Default)]
struct Results {
    cpu_us: Vec<f64>,
    rate: Vec<f64>,
    load_share: Vec<f64>,
}

/// Measures each number of connections in turn within a round, each on a gateway of its own.
pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let cases = CASES.map(|connections| connections.min(bench.machine.connections_max()));
    let mut results = cases.map(|_| Results::default());
    for _ in 0..bench.rounds {
        for (connections, results) in cases.into_iter().zip(&mut results) {
            let gateway = bench.artifacts.gateway(&bench.machine, Placement::OwnCore).await?;
            measure_once(&gateway.server, connections, bench.window * WINDOWS, results).await?;
        }
    }
    Ok(section(cases, &results))
}

async fn measure_once(
    gateway: &Server,
    connections: usize,
    window: Duration,
    results: &mut Results,
) -> anyhow::Result<()> {
    let count = Arc::new(AtomicU64::new(0));
    let mut links = open(gateway, connections, &count).await?;
    tokio::time::sleep(WARM_UP).await;
    let (began, cpu, own, before) =
        (Instant::now(), gateway.cpu_seconds()?, own_cpu_seconds()?, count.load(Ordering::Relaxed));
    tokio::time::sleep(window).await;
    let seconds = began.elapsed().as_secs_f64();
    let messages = f64::from(u32::try_from(count.load(Ordering::Relaxed) - before)?);
    results.cpu_us.push((gateway.cpu_seconds()? - cpu) / messages * 1e6);
    results.load_share.push((own_cpu_seconds()? - own) / seconds * 100.0);
    results.rate.push(messages / seconds);
    if let Some(ended) = links.try_join_next() {
        ended??;
    }
    Ok(())
}

/// Opens all, and lets them begin together, each at its own part of the interval.
async fn open(
    gateway: &Server,
    connections: usize,
    count: &Arc<AtomicU64>,
) -> anyhow::Result<JoinSet<anyhow::Result<()>>> {
    let mut clients = Vec::new();
    while clients.len() < connections {
        let mut opening = JoinSet::new();
        for number in clients.len()..connections.min(clients.len() + OPENED_TOGETHER) {
            let address = gateway.address;
            opening.spawn(async move { open_session(address, "/echo", number * ADDRESS_SHARE).await });
        }
        while let Some(opened) = opening.join_next().await {
            clients.push(opened??.0);
        }
    }
    let frame = text_frame(br#"{"type":"user_message","id":"m00000001","payload":{"message":"constant"}}"#);
    let share = u32::try_from(connections)?;
    let every = Duration::from_secs(1) * share / RATE;
    let (began, mut links) = (tokio::time::Instant::now(), JoinSet::new());
    for (number, client) in (0..share).zip(clients) {
        links.spawn(exchange(client, frame.clone(), began + every * number / share, every, Arc::clone(count)));
    }
    ensure!(!links.is_empty(), "there are connections");
    Ok(links)
}

/// Sends at its times whatever the answers do, and counts these.
async fn exchange(
    mut client: Client,
    frame: Bytes,
    first: tokio::time::Instant,
    every: Duration,
    count: Arc<AtomicU64>,
) -> anyhow::Result<()> {
    let mut times = interval_at(first, every);
    times.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        tokio::select! {
            _ = times.tick() => {
                client.queue_frame(&frame);
                client.flush().await?;
            }
            answer = client.receive() => {
                answer?;
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn section(cases: [usize; 3], results: &[Results; 3]) -> Section {
    let few = &results[0].cpu_us;
    let mut rows = Vec::new();
    let mut targets = Vec::new();
    for (connections, results) in cases.iter().zip(results) {
        let spread = |values: &[f64]| Spread::of(values.iter().copied()).to_string();
        let ratio = Spread::of_ratios(&results.cpu_us, few);
        rows.push(vec![
            connections.to_string(),
            spread(&results.cpu_us),
            spread(&results.rate),
            spread(&results.load_share),
            ratio.to_string(),
        ]);
        targets.push(Target {
            what: format!("CPU per message at {connections} connections over that at {}, the same rate", cases[0]),
            promised: "within ± 20 %",
            measured: format!("{ratio}×"),
            met: (ratio.median - 1.0).abs() <= DEVIATION_MAX,
        });
    }
    targets.remove(0);
    Section {
        title: "Cost as connections grow",
        method: format!(
            "{RATE} messages a second in all over 100, 1,000 and 10,000 connections, each with a session of its own, to a route with \
             `service = \"builtin:echo\"`. Each connection sends at its own times, whatever the answers do. Messages/s are the answers."
        ),
        header: &[
            "connections",
            "gateway CPU per message, µs",
            "messages/s",
            "load's CPU, %",
            "CPU ÷ at the fewest connections",
        ],
        rows,
        targets,
    }
}
