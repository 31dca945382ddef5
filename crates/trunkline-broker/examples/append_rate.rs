//! How many messages a second the embedded broker takes, and what each costs.
//!
//! Run with: `cargo run --release -p trunkline-broker --example append_rate [folder]`
//!
//! 300-byte messages go to 10,000 channels in turn, with 1, 64 and 256 of them in flight, at
//! both levels of durability. CPU is that of the whole process, the engine's own threads
//! included. At the end the store is opened again, to show what its journal costs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use trunkline_broker::embedded::EmbeddedBroker;
use trunkline_broker::{Append, Batch, Broker, Durability, Environment, Listener, Metrics, Op, Options};
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{Record, ResetReason};

const CHANNELS: usize = 10_000;
const MESSAGE_BYTES: usize = 300;
const SPELL: Duration = Duration::from_secs(4);

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let temporary = tempfile::TempDir::new()?;
    let folder = std::env::args_os().nth(1).map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let channels: Vec<_> = (0..CHANNELS).map(|number| ChannelKey::run("bench", &number.to_string())).collect();
    let broker = open(&folder)?;
    println!("level  in flight     msg/s   CPU µs/msg   group   read µs");
    for durability in [Durability::Os, Durability::Disk] {
        for in_flight in [1, 64, 256] {
            measure(&broker, &channels, durability, in_flight).await?;
        }
    }
    drop(broker);
    let started = Instant::now();
    drop(open(&folder)?);
    println!("opened again in {:?}", started.elapsed());
    Ok(())
}

struct Deaf;

impl Listener for Deaf {
    fn appended(&self, _: &ChannelKey, _: &[Record]) {}
}

fn open(folder: &Path) -> Outcome<EmbeddedBroker> {
    let clock = || {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
    };
    let environment = Environment { clock: Arc::new(clock), epoch_source: 1, listener: Arc::new(Deaf) };
    Ok(EmbeddedBroker::open(folder, &Options::default(), environment)?)
}

async fn measure(
    broker: &EmbeddedBroker,
    channels: &[ChannelKey],
    durability: Durability,
    in_flight: usize,
) -> Outcome<()> {
    let groups = Metrics::get(&broker.metrics().groups);
    let data = Bytes::from(vec![b'm'; MESSAGE_BYTES]);
    let (started, cpu) = (Instant::now(), cpu_time()?);
    let mut waiting = FuturesUnordered::new();
    let mut count = 0_u32;
    while started.elapsed() < SPELL {
        while waiting.len() < in_flight {
            let channel = channels[count as usize % channels.len()].clone();
            let append = Append {
                channel,
                data: data.clone(),
                expected: None,
                seals: false,
                idempotency: None,
                retention: None,
            };
            waiting.push(broker.commit(Batch { ops: vec![Op::Append(append)], durability }));
            count += 1;
        }
        waiting.next().await.ok_or("nothing is in flight")??;
    }
    while let Some(outcome) = waiting.next().await {
        outcome?;
    }
    let (took, cpu) = (started.elapsed(), cpu_time()?.saturating_sub(cpu));
    let rate = f64::from(count) / took.as_secs_f64();
    let cpu_us = cpu.as_secs_f64() * 1e6 / f64::from(count);
    let groups = Metrics::get(&broker.metrics().groups) - groups;
    let group = u64::from(count) / groups.max(1);
    let read_us = read_time(broker, channels).await?.as_micros();
    println!("{durability:<5?} {in_flight:>10} {rate:>9.0} {cpu_us:>12.1} {group:>7} {read_us:>9}");
    Ok(())
}

/// Mean time to read the last few records of a channel.
async fn read_time(broker: &EmbeddedBroker, channels: &[ChannelKey]) -> Outcome<Duration> {
    const READS: u32 = 200;
    let mut total = Duration::ZERO;
    for channel in channels.iter().take(READS as usize) {
        let first = broker.read(channel, None, 1).await?.map_err(ResetReason::name)?;
        let cursor = first.records.last().map(|record| record.position);
        let started = Instant::now();
        let page = broker.read(channel, cursor, 64 * 1024).await?;
        total += started.elapsed();
        page.map_err(ResetReason::name)?;
    }
    Ok(total / READS)
}

/// CPU time of this process, from `/proc/self/stat` (fields 14 and 15, in hundredths of a second).
fn cpu_time() -> Outcome<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("unknown form of /proc/self/stat")?;
    let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10))
}
