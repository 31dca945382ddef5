//! What a run costs the embedded broker: the CPU of the two batches that the gateway writes for a message and its answer.
//!
//! Run with: `cargo run --release -p trunkline-broker --example run_cost [folder]`
//!
//! Messages go to 1,000 sessions in turn, one at a time, and each starts a run that one record ends. CPU is that of the
//! whole process, the engine's own threads included, so what they do for one batch may be counted for the other; the sum
//! is not touched by that. Five lines, each after as many runs: their spread is that of the measurement.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use trunkline_broker::embedded::EmbeddedBroker;
use trunkline_broker::{Append, Batch, Broker, Environment, Expect, Listener, Op, Options, Put};
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::Record;

const SESSIONS: u32 = 1_000;
const LINES: u32 = 5;
const ROUNDS_PER_LINE: u32 = 10;
const RUNS_PER_ROUND: u32 = 5_000;
const RECORD_BYTES: usize = 300;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let temporary = tempfile::TempDir::new()?;
    let folder = std::env::args_os().nth(1).map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let clock = || {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
    };
    let environment = Environment { clock: Arc::new(clock), epoch_source: 1, listener: Arc::new(Deaf) };
    let broker = EmbeddedBroker::open(&folder, &Options::default(), environment)?;
    println!("accept, CPU µs   end, CPU µs   run, CPU µs");
    for line in 0..LINES {
        let (mut accepting, mut ending) = (Duration::ZERO, Duration::ZERO);
        for round in 0..ROUNDS_PER_LINE {
            let first = (line * ROUNDS_PER_LINE + round) * RUNS_PER_ROUND;
            let runs = first..first + RUNS_PER_ROUND;
            accepting += cost(&broker, runs.clone().map(accept)).await?;
            ending += cost(&broker, runs.map(end)).await?;
        }
        let mean_us = |total: Duration| total.as_secs_f64() * 1e6 / f64::from(ROUNDS_PER_LINE * RUNS_PER_ROUND);
        let (accepting, ending) = (mean_us(accepting), mean_us(ending));
        println!("{accepting:>14.1} {ending:>13.1} {:>13.1}", accepting + ending);
    }
    Ok(())
}

struct Deaf;

impl Listener for Deaf {
    fn appended(&self, _: &ChannelKey, _: &[Record]) {}
}

/// CPU time of the batches, their making not counted.
async fn cost(broker: &EmbeddedBroker, batches: impl Iterator<Item = Vec<Op>>) -> Outcome<Duration> {
    let batches: Vec<_> = batches.map(|ops| Batch { ops, ..Batch::default() }).collect();
    let before = cpu_time()?;
    for batch in batches {
        broker.commit(batch).await?;
    }
    Ok(cpu_time()?.saturating_sub(before))
}

/// The run's channel, which tells a repetition of the message, the message, the reference to its run, and the entry in the
/// list of open runs.
fn accept(number: u32) -> Vec<Op> {
    let session = ChannelKey::session("bench", &format!("session-{:016x}", number % SESSIONS));
    vec![
        Op::Open { channel: run(number), unique: Some([1; 16]) },
        Op::Append(record(&session)),
        Op::Append(record(&session)),
        put(open_key(number)),
    ]
}

/// The terminal event, the end of the entry in the list of open runs, and the time to look at the channel again.
fn end(number: u32) -> Vec<Op> {
    vec![
        Op::Append(Append { expected: Some(0), seals: true, ..record(&run(number)) }),
        Op::Delete { key: open_key(number) },
        put(format!("review/{:016x}/{}", u64::from(number) * 100, run(number))),
    ]
}

/// Names of runs do not come in order.
fn run(number: u32) -> ChannelKey {
    ChannelKey::run("bench", &format!("{:016x}", u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

fn open_key(number: u32) -> String {
    format!("open/{}", run(number))
}

fn record(channel: &ChannelKey) -> Append {
    let data = Bytes::from(vec![b'm'; RECORD_BYTES]);
    Append { channel: channel.clone(), data, expected: None, seals: false, idempotency: None, retention: None }
}

fn put(key: String) -> Op {
    Op::Put(Put { key, value: Bytes::from_static(&[b'v'; 200]), expect: Expect::Anything, keep_ms: None })
}

/// CPU time of this process, from `/proc/self/stat` (fields 14 and 15, in hundredths of a second).
fn cpu_time() -> Outcome<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("unknown form of /proc/self/stat")?;
    let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10))
}
