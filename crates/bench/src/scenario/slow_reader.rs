//! Whether one slow reader of a session is felt by the others, or by the gateway's memory.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Bench;
use super::numbered::{Tally, tokens};
use super::run::{finish, is_end, is_type, message};
use super::tokens::text_of;
use crate::client::Client;
use crate::clock;
use crate::machine::Placement;
use crate::peers::{Session, join_narrow, join_session, open_session};
use crate::process::Server;
use crate::report::{Section, Target};
use crate::statistics::{Latencies, Spread};

const FAST: usize = 100;

/// 100 kB/s of text: a hundred times what the slow one reads.
const TOKENS: u32 = 1_200;
const EVERY_MS: u32 = 10;
const TOKEN_BYTES: usize = 1_000;

const SLOW_BYTES: usize = 250;
const SLOW_EVERY: Duration = Duration::from_millis(250);

/// Between two looks at the gateway's memory.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// For the slow one, after the stream: it reads as fast as it can then.
const REST_WITHIN: Duration = Duration::from_secs(30);

const RATIO_MAX: f64 = 1.1;
/// Beyond what the same stream takes without a slow reader: its outbox of 256 KiB, and what the system allots at a time.
const GROWTH_MIB_MAX: f64 = 2.0;

#[derive(Default)]
struct Results {
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    growth_mib: Vec<f64>,
    cpu_us: Vec<f64>,
    fast_messages: Vec<f64>,
    slow: Vec<Slow>,
}

/// What a fast reader got.
#[derive(Default)]
struct Fast {
    latencies: Latencies,
    messages: u32,
}

/// What the slow reader got: the bytes that it had when the stream was over, and all messages in the end.
struct Slow {
    bytes_in_time: f64,
    bytes: f64,
    messages: f64,
}

/// Measures the same stream in turn without and with a slow reader.
pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let gateway = bench.artifacts.gateway(&bench.machine, Placement::OwnCore).await?;
    // Once for nothing, so that memory and caches are as they will be.
    measure_once(&gateway.server, false, &mut Results::default()).await?;
    let (mut without, mut with) = (Results::default(), Results::default());
    for _ in 0..bench.rounds {
        measure_once(&gateway.server, false, &mut without).await?;
        measure_once(&gateway.server, true, &mut with).await?;
    }
    Ok(section(&without, &with))
}

async fn measure_once(gateway: &Server, with_slow: bool, results: &mut Results) -> anyhow::Result<()> {
    let (mut caller, session) = open_session(gateway.address, "/ws", 0).await?;
    let over = CancellationToken::new();
    let slow =
        if with_slow { Some(tokio::spawn(read_slowly(gateway.address, session.clone(), over.clone()))) } else { None };
    let ready = Arc::new(Barrier::new(FAST));
    let mut readers = JoinSet::new();
    for number in 1..FAST {
        let (client, _) = join_session(gateway.address, "/ws", number, Some(&session)).await?;
        readers.spawn(read_fast(client, Arc::clone(&ready)));
    }
    let (cpu, before) = (gateway.cpu_seconds()?, gateway.memory()?.resident);
    let request = serde_json::json!({ "count": TOKENS, "every_ms": EVERY_MS, "bytes": TOKEN_BYTES });
    caller.send(message(0, "numbered", &request.to_string()).as_bytes()).await?;
    readers.spawn(read_fast(caller, ready));
    let mut most = before;
    let (mut latencies, mut messages) = (Latencies::default(), 0);
    while !readers.is_empty() {
        tokio::select! {
            Some(fast) = readers.join_next() => {
                let fast = fast??;
                latencies.append(fast.latencies);
                messages += fast.messages;
            }
            () = sleep(LOOK_EVERY) => most = most.max(gateway.memory()?.resident),
        }
    }
    let cpu = gateway.cpu_seconds()? - cpu;
    results.p50_ms.push(latencies.percentile_us(50) / 1e3);
    results.p99_ms.push(latencies.percentile_us(99) / 1e3);
    results.growth_mib.push(f64::from(u32::try_from((most - before) >> 10)?) / 1024.0);
    results.cpu_us.push(cpu / f64::from(messages) * 1e6);
    results.fast_messages.push(f64::from(messages) / f64::from(u32::try_from(FAST)?));
    over.cancel();
    if let Some(slow) = slow {
        results.slow.push(timeout(REST_WITHIN, slow).await???);
    }
    Ok(())
}

/// Reads one stream to its end.
async fn read_fast(mut client: Client, ready: Arc<Barrier>) -> anyhow::Result<Fast> {
    ready.wait().await;
    let (mut fast, mut tally) = (Fast::default(), Tally::default());
    finish(&mut client, |text| fast.messages += hear(text, &mut tally, |latency| fast.latencies.add(latency))).await?;
    require_all(tally)?;
    Ok(fast)
}

/// Reads a thousand bytes a second until the stream is over, and then the rest.
async fn read_slowly(gateway: std::net::SocketAddr, session: Session, over: CancellationToken) -> anyhow::Result<Slow> {
    let mut client = join_narrow(gateway, "/ws", &session).await?;
    let (mut messages, mut tally, mut ended) = (0, Tally::default(), false);
    let mut take = |text: &[u8], ended: &mut bool| {
        messages += hear(text, &mut tally, |_| {});
        *ended |= is_end(text);
    };
    let mut ticks = interval(SLOW_EVERY);
    while !over.is_cancelled() {
        ticks.tick().await;
        tokio::select! {
            read = client.read_at_most(SLOW_BYTES) => read?,
            () = over.cancelled() => {}
        }
        while let Some(text) = client.try_receive()? {
            take(&text, &mut ended);
        }
    }
    let bytes_in_time = client.bytes_received;
    while !ended {
        let text = client.answer().await?;
        take(&text, &mut ended);
    }
    require_all(tally)?;
    let float = |bytes: u64| anyhow::Ok(f64::from(u32::try_from(bytes)?));
    Ok(Slow {
        bytes_in_time: float(bytes_in_time)?,
        bytes: float(client.bytes_received)?,
        messages: f64::from(messages),
    })
}

/// Counts the tokens of a message and shows how old they are: 1 if it has some, else 0.
fn hear(message: &[u8], tally: &mut Tally, mut observe: impl FnMut(Duration)) -> u32 {
    if !is_type(message, "run_event") {
        return 0;
    }
    let now = clock::now();
    for token in tokens(&text_of(message).unwrap_or_default()) {
        tally.add(token);
        observe(now.saturating_sub(token.made));
    }
    1
}

fn require_all(tally: Tally) -> anyhow::Result<()> {
    let Tally { received, lost, repeated, .. } = tally;
    ensure!(received == TOKENS && lost + repeated == 0, "{received} of {TOKENS} tokens, {lost} lost, {repeated} twice");
    Ok(())
}

fn section(without: &Results, with: &Results) -> Section {
    let spread = |values: &[f64]| Spread::of(values.iter().copied()).to_string();
    let of_slow = |of: fn(&Slow) -> f64| Spread::of(with.slow.iter().map(of)).to_string();
    let row = |what: &str, of: fn(&Results) -> &Vec<f64>, slow: String| {
        vec![what.to_owned(), spread(of(without)), spread(of(with)), slow]
    };
    let none = || "–".to_owned();
    let ratio = Spread::of_ratios(&with.p99_ms, &without.p99_ms);
    let growth = Spread::of(with.growth_mib.iter().zip(&without.growth_mib).map(|(with, without)| with - without));
    let kilobytes = |of: fn(&Slow) -> f64| Spread::of(with.slow.iter().map(|slow| of(slow) / 1e3)).to_string();
    Section {
        title: "A slow reader",
        method: format!(
            "A worker's stream of {TOKENS} tokens of {TOKEN_BYTES} bytes, one every {EVERY_MS} ms, to {FAST} connections of one session; \
             then the same with one more connection that reads {SLOW_BYTES} bytes every {} ms over a path with the packets and the \
             receive buffer of a network ({} and {} bytes), and, when the stream is over, as fast as it can. A latency counts from \
             when the worker made the token, so that the segments, which wait for 40 ms, are in it. Everyone must have every \
             token once. Memory: the most that is resident during the stream, over that before.",
            SLOW_EVERY.as_millis(),
            crate::client::NARROW_SEGMENT_BYTES,
            crate::client::NARROW_RECEIVE_BYTES,
        ),
        header: &["what", "fast readers alone", "fast readers beside a slow one", "the slow one"],
        rows: vec![
            row("latency, p50, ms", |results| &results.p50_ms, none()),
            row("latency, p99, ms", |results| &results.p99_ms, none()),
            row("messages with text, each", |results| &results.fast_messages, of_slow(|slow| slow.messages)),
            row("gateway CPU per message, µs", |results| &results.cpu_us, none()),
            row("growth of the gateway's memory, MiB", |results| &results.growth_mib, none()),
            vec!["kB read when the stream was over".to_owned(), none(), none(), kilobytes(|slow| slow.bytes_in_time)],
            vec!["kB read in the end".to_owned(), none(), none(), kilobytes(|slow| slow.bytes)],
        ],
        targets: vec![
            Target {
                what: format!("p99 latency of {FAST} fast readers beside a slow one, over that without"),
                promised: "≤ 1.10×",
                measured: format!("{ratio}×"),
                met: ratio.median <= RATIO_MAX,
            },
            Target {
                what: "memory of the gateway that a slow reader adds".to_owned(),
                promised: "≤ 2 MiB",
                measured: format!("{growth} MiB"),
                met: growth.median <= GROWTH_MIB_MAX,
            },
        ],
    }
}
