//! `bench publish-alone`: the embedded broker without a gateway around it, in a process of its own.
//!
//! It prints one line of JSON, [`Found`]. Beside the broker it times the disk itself: a small write and its sync, again and
//! again, which is all that a level `disk` could do without writing together what waits.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use tokio::process::Command;
use trunkline_broker::embedded::EmbeddedBroker;
use trunkline_broker::{Append, Batch, Broker as _, Durability, Environment, Listener, Metrics, Op, Options};
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::Record;

use crate::process::own_cpu_seconds;
use crate::statistics::Latencies;

const CHANNELS: usize = 1_000;
const MESSAGE_BYTES: usize = 300;
const SYNCS: usize = 200;

/// What is to be measured.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Messages that are not yet acknowledged
    #[arg(long, default_value_t = 256)]
    in_flight: usize,
    /// Milliseconds at each level
    #[arg(long, default_value_t = 3_000)]
    window_ms: u64,
    /// Where the store is made
    #[arg(long)]
    folder: std::path::PathBuf,
}

/// What was found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) os: Level,
    pub(crate) disk: Level,
    pub(crate) sync_p50_us: f64,
    pub(crate) sync_p99_us: f64,
}

/// What one level of durability gave.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Level {
    pub(crate) rate: f64,
    pub(crate) cpu_us: f64,
    /// Messages that were written together, on average.
    pub(crate) together: f64,
}

/// Measures, and prints what was found.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut syncs = time_syncs(&arguments.folder)?;
    let broker = open(&arguments.folder.join("store"))?;
    let found = Found {
        os: publish(&broker, Durability::Os, arguments).await?,
        disk: publish(&broker, Durability::Disk, arguments).await?,
        sync_p50_us: syncs.percentile_us(50),
        sync_p99_us: syncs.percentile_us(99),
    };
    println!("{}", serde_json::to_string(&found)?);
    Ok(())
}

fn time_syncs(folder: &Path) -> anyhow::Result<Latencies> {
    let mut file = File::create(folder.join("syncs"))?;
    let mut latencies = Latencies::default();
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&[b'm'; MESSAGE_BYTES])?;
        file.sync_data()?;
        latencies.add(began.elapsed());
    }
    Ok(latencies)
}

struct Deaf;

impl Listener for Deaf {
    fn appended(&self, _: &ChannelKey, _: &[Record]) {}
}

fn open(folder: &Path) -> anyhow::Result<EmbeddedBroker> {
    let clock = || {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
    };
    let environment = Environment { clock: Arc::new(clock), epoch_source: 1, listener: Arc::new(Deaf) };
    EmbeddedBroker::open(folder, &Options::default(), environment).context("failed to open the store")
}

async fn publish(broker: &EmbeddedBroker, durability: Durability, arguments: &Arguments) -> anyhow::Result<Level> {
    let channels: Vec<_> = (0..CHANNELS).map(|number| ChannelKey::run("bench", &number.to_string())).collect();
    let data = Bytes::from(vec![b'm'; MESSAGE_BYTES]);
    let groups = Metrics::get(&broker.metrics().groups);
    let (began, cpu) = (Instant::now(), own_cpu_seconds()?);
    let (mut waiting, mut sent) = (FuturesUnordered::new(), 0_u32);
    while began.elapsed() < Duration::from_millis(arguments.window_ms) {
        while waiting.len() < arguments.in_flight {
            let channel = channels[sent as usize % CHANNELS].clone();
            let append = Append {
                channel,
                data: data.clone(),
                expected: None,
                seals: false,
                idempotency: None,
                retention: None,
            };
            waiting.push(broker.commit(Batch { ops: vec![Op::Append(append)], durability }));
            sent += 1;
        }
        waiting.next().await.context("something is in flight")??;
    }
    while let Some(outcome) = waiting.next().await {
        outcome?;
    }
    let seconds = began.elapsed().as_secs_f64();
    let groups = u32::try_from(Metrics::get(&broker.metrics().groups) - groups)?;
    Ok(Level {
        rate: f64::from(sent) / seconds,
        cpu_us: (own_cpu_seconds()? - cpu) / f64::from(sent) * 1e6,
        together: f64::from(sent) / f64::from(groups.max(1)),
    })
}

/// Runs [`run`] as a child and reads what it found.
pub(crate) async fn ask(mut command: Command, within: Duration) -> anyhow::Result<Found> {
    let output = tokio::time::timeout(within, command.output()).await.context("the broker alone took too long")??;
    anyhow::ensure!(output.status.success(), "the broker alone: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("the broker alone printed something else")
}
