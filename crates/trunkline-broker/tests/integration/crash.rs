//! Nothing that was acknowledged is lost when the process is killed.
//!
//! The test starts itself again as a writer: that process appends and prints every position
//! that it was told. It is killed (SIGKILL) at some moment, and its store is compared with what
//! it said. The comparison itself is tried on a broker that acknowledges too early.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use futures_util::future::join_all;
use tempfile::TempDir;
use trunkline_broker::embedded::EmbeddedBroker;
use trunkline_broker::{
    Append, Batch, Broker, Durability, Environment, Expect, Idempotency, Op, Options, Put, Written,
};
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{Record, Retention};
use trunkline_protocol::Position;

use crate::support::{Recorder, channel, plain};

/// Set in the process that writes: the folder, and how it writes.
const FOLDER: &str = "TRUNKLINE_CRASH_TEST_FOLDER";
const MANNER: &str = "TRUNKLINE_CRASH_TEST_MANNER";

/// Channels that are written to at the same time.
const CHANNELS: u64 = 8;

fn options(manner: &str) -> Options {
    Options {
        retention: Retention { records_max: 1 << 40, bytes_max: 1 << 40 },
        acknowledge_unpersisted: manner == "careless",
        ..Options::default()
    }
}

fn open(folder: &Path, manner: &str, epoch_source: u64) -> EmbeddedBroker {
    let environment = Environment { clock: Arc::new(|| 1_000), epoch_source, listener: Arc::<Recorder>::default() };
    EmbeddedBroker::open(folder, &options(manner), environment).unwrap()
}

/// The process that writes. As a test of its own it has nothing to do.
#[tokio::test]
async fn writer_until_killed() {
    let (Ok(folder), Ok(manner)) = (std::env::var(FOLDER), std::env::var(MANNER)) else { return };
    let broker = open(Path::new(&folder), &manner, u64::from(std::process::id()));
    let durability = if manner == "disk" { Durability::Disk } else { Durability::Os };
    loop {
        let written = join_all((0..CHANNELS).map(|number| append_one(&broker, number, durability))).await;
        let lines: Vec<_> = written.iter().zip(0..).map(|(position, number)| line_of(number, *position)).collect();
        // One write: what the parent has not read when this process dies is still in the pipe, whole.
        std::io::stdout().write_all(lines.concat().as_bytes()).unwrap();
    }
}

fn line_of(number: u64, position: Position) -> String {
    format!("stored {number} {position}\n")
}

/// Appends one record, and in the same batch a value that says how many there are.
async fn append_one(broker: &EmbeddedBroker, number: u64, durability: Durability) -> Position {
    let run = name(number);
    let count = broker.head(&run).await.unwrap().map_or(0, |head| head.top.offset) + 1;
    let idempotency = Some(Idempotency { key: count.to_string(), digest: [0; 16] });
    let ops = vec![
        Op::Append(Append { expected: Some(count - 1), idempotency, ..plain(&run, &content(number, count)) }),
        Op::Put(Put {
            key: format!("acme/count/{number}"),
            value: count.to_string().into(),
            expect: Expect::Anything,
            keep_ms: None,
        }),
    ];
    match broker.commit(Batch { ops, durability }).await.unwrap().written[0] {
        Written::Appended(position) => position,
        Written::Stored => unreachable!("the first operation is an append"),
    }
}

fn name(number: u64) -> ChannelKey {
    channel(&format!("r{number}"))
}

fn content(number: u64, count: u64) -> String {
    format!("{number}:{count}:{}", "x".repeat(usize::try_from(count % 300).unwrap()))
}

/// A writer that is killed when it goes out of scope.
struct Victim {
    process: Child,
    said: BufReader<ChildStdout>,
}

impl Victim {
    fn start(folder: &Path, manner: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::writer_until_killed", "--nocapture"])
            .env(FOLDER, folder)
            .env(MANNER, manner)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        Self { process, said }
    }

    /// Lets it write until it said this many lines, kills it, and gives all that it said.
    fn kill_after(mut self, lines: usize) -> Vec<(u64, Position)> {
        let mut acknowledged = Vec::new();
        let mut line = String::new();
        let mut alive = true;
        loop {
            line.clear();
            // After the kill, what is still in the pipe is read to its end.
            if self.said.read_line(&mut line).unwrap() == 0 {
                break;
            }
            acknowledged.extend(line.ends_with('\n').then(|| parse(&line)).flatten());
            if alive && acknowledged.len() >= lines {
                self.process.kill().unwrap();
                alive = false;
            }
        }
        assert!(!alive, "the writer ended by itself");
        acknowledged
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // It may be dead already; then there is nothing to kill.
        let _ = self.process.kill();
        self.process.wait().unwrap();
    }
}

fn parse(line: &str) -> Option<(u64, Position)> {
    let (number, position) = line.trim_end().strip_prefix("stored ")?.split_once(' ')?;
    Some((number.parse().unwrap(), position.parse().unwrap()))
}

/// Compares what a writer was told with what is there now. Gives the first thing that is wrong.
async fn check(broker: &EmbeddedBroker, acknowledged: &[(u64, Position)]) -> Result<(), String> {
    let mut by_channel: BTreeMap<u64, Vec<Position>> = BTreeMap::new();
    for (number, position) in acknowledged {
        by_channel.entry(*number).or_default().push(*position);
    }
    for (number, positions) in by_channel {
        let records = read_all(broker, number).await?;
        for position in positions {
            let index = usize::try_from(position.offset - 1).unwrap();
            let there = records.get(index).map(|record| record.position);
            if there != Some(position) {
                return Err(format!("channel {number}: {position} was acknowledged, there is {there:?}"));
            }
        }
        let count = broker.get(&format!("acme/count/{number}")).await.unwrap();
        if count.as_deref() != Some(records.len().to_string().as_bytes()) {
            return Err(format!("channel {number}: {} records, but the value says {count:?}", records.len()));
        }
    }
    Ok(())
}

/// All records of a channel: dense, chained, and each with the content of its place.
async fn read_all(broker: &EmbeddedBroker, number: u64) -> Result<Vec<Record>, String> {
    let mut records: Vec<Record> = Vec::new();
    loop {
        let cursor = records.last().map(|record| record.position);
        let page = broker.read(&name(number), cursor, 1 << 20).await.unwrap();
        let page = page.map_err(|reason| format!("channel {number}: {}", reason.name()))?;
        if page.records.is_empty() {
            return Ok(records);
        }
        for record in page.records {
            let count = records.len() as u64 + 1;
            let chained = records.last().is_none_or(|last| last.position == record.previous);
            if record.position.offset != count || !chained || record.data != content(number, count).as_bytes() {
                return Err(format!("channel {number}: {} is not record {count}", record.position));
            }
            records.push(record);
        }
    }
}

async fn nothing_is_lost(manner: &str, rounds: usize) {
    let folder = TempDir::new().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        // At other moments in each round: early, while the journal is young, and late.
        let lines = [1, 700, 90, 2_500, 333][round % 5];
        acknowledged.extend(Victim::start(folder.path(), manner).kill_after(lines));
        let broker = open(folder.path(), manner, round as u64);
        assert_eq!(check(&broker, &acknowledged).await, Ok(()), "round {round}");
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_it_acknowledged() {
    nothing_is_lost("os", 5).await;
}

#[tokio::test]
async fn a_killed_process_loses_nothing_at_the_disk_level() {
    nothing_is_lost("disk", 3).await;
}

/// The engine keeps up to 8 KiB in the process unless it is told to hand them over; this
/// broker does not tell it, and the comparison has to notice.
#[tokio::test]
async fn the_comparison_notices_a_broker_that_acknowledges_too_early() {
    let folder = TempDir::new().unwrap();
    let acknowledged = Victim::start(folder.path(), "careless").kill_after(200);
    let broker = open(folder.path(), "careless", 1);
    let complaint = check(&broker, &acknowledged).await.unwrap_err();
    assert!(complaint.contains("was acknowledged") || complaint.contains("unknown"), "{complaint}");
}

/// How long that takes is the benchmark's to say: here it depends on what else the machine does.
#[tokio::test]
async fn a_store_that_was_killed_takes_new_batches() {
    let folder = TempDir::new().unwrap();
    let acknowledged = Victim::start(folder.path(), "os").kill_after(5_000);
    let broker = open(folder.path(), "os", 1);
    assert_eq!(check(&broker, &acknowledged).await, Ok(()));
    append_one(&broker, 0, Durability::Disk).await;
    assert_eq!(check(&broker, &acknowledged).await, Ok(()));
}
