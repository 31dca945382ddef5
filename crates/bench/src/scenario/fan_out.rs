//! Fan-out: one run's events to every connection of its session.

use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::Bench;
use super::run::{finish, is_type, message};
use crate::client::Client;
use crate::machine::Placement;
use crate::peers::{join_session, open_session};
use crate::process::Server;
use crate::report::Section;
use crate::statistics::Spread;

/// Connections, events, and milliseconds between events.
const CASES: [(usize, u32, f64); 3] = [(100, 500, 2.0), (1_000, 100, 10.0), (1_000, 1_000, 0.0)];

#[derive(Default)]
struct Results {
    cpu_us: Vec<f64>,
    rate: Vec<f64>,
}

/// Measures each case in rounds.
pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut rows = Vec::new();
    for (connections, events, every_ms) in CASES {
        let gateway = bench.artifacts.gateway(&bench.machine, Placement::OwnCore).await?;
        let mut results = Results::default();
        for _ in 0..bench.rounds {
            measure_once(&gateway.server, connections, events, every_ms, &mut results).await?;
        }
        let pace =
            if every_ms > 0.0 { format!("one every {every_ms} ms") } else { "as fast as they are taken".to_owned() };
        rows.push(vec![
            connections.to_string(),
            pace,
            Spread::of(results.cpu_us).to_string(),
            Spread::of(results.rate).to_string(),
        ]);
    }
    Ok(Section {
        title: "Fan-out",
        method:
            "Events of 64 bytes of one run to every connection of its session: each is stored once, encoded once and \
                 delivered to all; the CPU includes storing. The worker shares the gateway's core, and is not counted."
                .to_owned(),
        header: &["connections", "events", "gateway CPU per delivery, µs", "deliveries/s"],
        rows,
        targets: Vec::new(),
    })
}

async fn measure_once(
    gateway: &Server,
    connections: usize,
    events: u32,
    every_ms: f64,
    results: &mut Results,
) -> anyhow::Result<()> {
    let (mut caller, session) = open_session(gateway.address, "/ws", 0).await?;
    let ready = Arc::new(Barrier::new(connections));
    let mut listeners = JoinSet::new();
    for number in 1..connections {
        let (client, _) = join_session(gateway.address, "/ws", number, Some(&session)).await?;
        listeners.spawn(listen(client, Arc::clone(&ready)));
    }
    ready.wait().await;
    let (began, cpu) = (Instant::now(), gateway.cpu_seconds()?);
    let request = format!(r#"{{"count":{events},"every_ms":{every_ms}}}"#);
    caller.send(message(0, "events", &request).as_bytes()).await?;
    let mut delivered = listen(caller, Arc::new(Barrier::new(1))).await?;
    while let Some(listener) = listeners.join_next().await {
        delivered += listener??;
    }
    let cpu = gateway.cpu_seconds()? - cpu;
    let expected = events * u32::try_from(connections)?;
    ensure!(delivered == expected, "{delivered} of {expected} events were delivered");
    results.cpu_us.push(cpu / f64::from(delivered) * 1e6);
    results.rate.push(f64::from(delivered) / began.elapsed().as_secs_f64());
    Ok(())
}

/// Receives one run to its end, and counts its events.
async fn listen(mut client: Client, ready: Arc<Barrier>) -> anyhow::Result<u32> {
    ready.wait().await;
    let mut events = 0;
    finish(&mut client, |text| events += u32::from(is_type(text, "measurement"))).await?;
    Ok(events)
}
