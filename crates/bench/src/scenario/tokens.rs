//! Token streams: how fast one can go, and how old a token is when it is seen.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use tokio::task::JoinSet;

use super::Bench;
use super::run::{finish, is_type, message};
use crate::bridge_alone;
use crate::client::Client;
use crate::clock;
use crate::machine::Placement;
use crate::peers::open_session;
use crate::process::Server;
use crate::report::{Section, Target};
use crate::statistics::{Latencies, Spread};

/// Of the stream that is as fast as it can be.
const TOKENS: u32 = 5_000;

/// Streams at the pace of a model, at once.
const PACED_STREAMS: usize = 10;
const PACED_TOKENS: usize = 300;
const PACED_PER_SECOND: f64 = 150.0;

/// Streams of one token, for the first one's latency.
const FIRST_STREAMS: usize = 200;

const BRIDGE_WITHIN: Duration = Duration::from_mins(1);

const FIRST_ADDED_MS_MAX: f64 = 5.0;
const LATER_MS_MAX: f64 = 45.0;
const FRAMES_PER_SECOND_MAX: f64 = 25.0;
const THROUGHPUT_RATIO_MIN: f64 = 5.0;

#[derive(Default)]
struct Results {
    tokens_per_second: Vec<f64>,
    fast_frames_per_second: Vec<f64>,
    first_p50_us: Vec<f64>,
    later_p50_us: Vec<f64>,
    later_p99_us: Vec<f64>,
    frames_per_second: Vec<f64>,
    fastapi_tokens_per_second: Vec<f64>,
    bridge_tokens_per_second: Vec<f64>,
    bridge_first_p50_us: Vec<f64>,
}

/// What one paced stream gave.
#[derive(Default)]
struct Paced {
    later: Latencies,
    frames_per_second: f64,
}

/// Measures in turn: the gateway, `FastAPI` and the bridge alone.
pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let gateway = bench.artifacts.gateway(&bench.machine, Placement::AnyCore).await?;
    let fastapi = bench.artifacts.fastapi(&bench.machine).await?;
    let mut results = Results::default();
    for _ in 0..bench.rounds {
        fast(&gateway.server, &mut results).await?;
        results.fastapi_tokens_per_second.push(fast_of_fastapi(&fastapi).await?);
        results.first_p50_us.push(first_tokens(&gateway.server).await?.percentile_us(50));
        paced(&gateway.server, &mut results).await?;
        let mut command = bench.artifacts.bridge_alone();
        command.args(["--tokens", &TOKENS.to_string(), "--streams", &FIRST_STREAMS.to_string()]);
        let alone = bridge_alone::ask(command, BRIDGE_WITHIN).await?;
        results.bridge_tokens_per_second.push(alone.tokens_per_second);
        results.bridge_first_p50_us.push(alone.first_token_p50_us);
    }
    Ok(section(&results))
}

/// One stream as fast as it can be.
async fn fast(gateway: &Server, results: &mut Results) -> anyhow::Result<()> {
    let (mut client, _) = open_session(gateway.address, "/ws", 0).await?;
    client.send(message(0, "tokens", "1").as_bytes()).await?;
    finish(&mut client, |_| {}).await?;
    let began = Instant::now();
    client.send(message(1, "tokens", &TOKENS.to_string()).as_bytes()).await?;
    let (mut bytes, mut frames) = (0, 0_u32);
    finish(&mut client, |text| {
        if let Some(content) = text_of(text) {
            bytes += content.len();
            frames += 1;
        }
    })
    .await?;
    let seconds = began.elapsed().as_secs_f64();
    ensure!(bytes == usize::try_from(TOKENS)? * "token ".len(), "the text arrived with {bytes} bytes");
    results.tokens_per_second.push(f64::from(TOKENS) / seconds);
    results.fast_frames_per_second.push(f64::from(frames) / seconds);
    Ok(())
}

/// The same stream from `FastAPI`, a message for each token: tokens a second.
async fn fast_of_fastapi(fastapi: &Server) -> anyhow::Result<f64> {
    let mut client = Client::connect(fastapi.address, "/tokens", None, 0).await?;
    client.send(b"1").await?;
    client.receive().await?;
    let began = Instant::now();
    client.send(TOKENS.to_string().as_bytes()).await?;
    for _ in 0..TOKENS {
        ensure!(is_type(&client.receive().await?, "token"), "something else arrived");
    }
    Ok(f64::from(TOKENS) / began.elapsed().as_secs_f64())
}

/// Streams of one token, one after the other.
async fn first_tokens(gateway: &Server) -> anyhow::Result<Latencies> {
    let (mut client, _) = open_session(gateway.address, "/ws", 0).await?;
    let mut latencies = Latencies::default();
    for number in 0..FIRST_STREAMS {
        client.send(message(number, "clock", r#"{"count":1,"every_ms":0}"#).as_bytes()).await?;
        finish(&mut client, |text| {
            if let Some(content) = text_of(text) {
                latencies.add(clock::age_of_first(&content));
            }
        })
        .await?;
    }
    Ok(latencies)
}

/// Several streams at a model's pace at once.
async fn paced(gateway: &Server, results: &mut Results) -> anyhow::Result<()> {
    let mut streams = JoinSet::new();
    for number in 0..PACED_STREAMS {
        streams.spawn(paced_stream(gateway.address, number));
    }
    let (mut later, mut frames) = (Latencies::default(), Vec::new());
    while let Some(stream) = streams.join_next().await {
        let stream = stream??;
        later.append(stream.later);
        frames.push(stream.frames_per_second);
    }
    results.later_p50_us.push(later.percentile_us(50));
    results.later_p99_us.push(later.percentile_us(99));
    results.frames_per_second.push(Spread::of(frames).max);
    Ok(())
}

async fn paced_stream(gateway: std::net::SocketAddr, number: usize) -> anyhow::Result<Paced> {
    let (mut client, _) = open_session(gateway, "/ws", number).await?;
    let request = format!(r#"{{"count":{PACED_TOKENS},"every_ms":{}}}"#, 1000.0 / PACED_PER_SECOND);
    client.send(message(0, "clock", &request).as_bytes()).await?;
    let mut paced = Paced::default();
    let (mut began, mut tokens, mut frames) = (Instant::now(), 0, 0_u32);
    finish(&mut client, |text| {
        let Some(content) = text_of(text) else { return };
        frames += 1;
        let is_first = tokens == 0;
        if is_first {
            began = Instant::now();
        }
        for age in clock::ages(&content).skip(usize::from(is_first)) {
            paced.later.add(age);
        }
        tokens += content.split_whitespace().count();
    })
    .await?;
    ensure!(tokens == PACED_TOKENS, "{tokens} tokens arrived");
    // From the first frame on: that many frames have one interval less between them.
    paced.frames_per_second = f64::from(frames.saturating_sub(1)) / began.elapsed().as_secs_f64();
    Ok(paced)
}

/// The text of a text event.
pub(super) fn text_of(message: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Event {
        payload: Text,
    }
    #[derive(Deserialize)]
    struct Text {
        text: String,
    }
    if !is_type(message, "run_event") {
        return None;
    }
    let event: Event = serde_json::from_slice(message).context("a text event has a text").ok()?;
    Some(event.payload.text)
}

fn section(results: &Results) -> Section {
    let milliseconds = |values: &[f64]| Spread::of(values.iter().map(|us| us / 1000.0));
    let spread = |values: &[f64]| Spread::of(values.iter().copied()).to_string();
    let added = Spread::of(
        results.first_p50_us.iter().zip(&results.bridge_first_p50_us).map(|(own, alone)| (own - alone) / 1000.0),
    );
    let later = milliseconds(&results.later_p99_us);
    let frames = Spread::of(results.frames_per_second.iter().copied());
    let faster = Spread::of_ratios(&results.tokens_per_second, &results.fastapi_tokens_per_second);
    let row = |what: &str, gateway: String, alone: String| vec![what.to_owned(), gateway, alone, "–".to_owned()];
    let none = || "–".to_owned();
    Section {
        title: "Token streams",
        method: format!(
            "A Python async generator. Fast: one stream of {TOKENS} tokens as fast as they are taken, compared by length; \
             beside it the same from a FastAPI WebSocket (uvicorn with uvloop and httptools), which sends a message for each token and stores none. Paced: \
             {PACED_STREAMS} streams at once of {PACED_TOKENS} tokens, {PACED_PER_SECOND} a second each. A token carries the \
             time at which it was made; its latency counts from then until the client has it, so the way of the request is not in it. First tokens: {FIRST_STREAMS} \
             streams of one token, one after the other. Nothing is pinned."
        ),
        header: &["what", "through the gateway", "bridge alone", "FastAPI WebSocket"],
        rows: vec![
            vec![
                "fast stream, tokens/s".to_owned(),
                spread(&results.tokens_per_second),
                spread(&results.bridge_tokens_per_second),
                spread(&results.fastapi_tokens_per_second),
            ],
            row("fast stream, frames/s at the client", spread(&results.fast_frames_per_second), none()),
            row(
                "first token, p50, ms",
                milliseconds(&results.first_p50_us).to_string(),
                milliseconds(&results.bridge_first_p50_us).to_string(),
            ),
            row("paced, later tokens, p50, ms", milliseconds(&results.later_p50_us).to_string(), none()),
            row("paced, later tokens, p99, ms", later.to_string(), none()),
            row("paced, frames/s at the client with the most", frames.to_string(), none()),
        ],
        targets: vec![
            Target {
                what: "throughput of a token stream over that of a FastAPI WebSocket in one process".to_owned(),
                promised: "≥ 5×",
                measured: format!("{faster}×"),
                met: faster.median >= THROUGHPUT_RATIO_MIN,
            },
            Target {
                what: "latency added to the first token by the gateway, p50".to_owned(),
                promised: "≤ 5 ms",
                measured: format!("{added} ms"),
                met: added.median <= FIRST_ADDED_MS_MAX,
            },
            Target {
                what: "latency of later tokens, p99".to_owned(),
                promised: "≤ 45 ms",
                measured: format!("{later} ms"),
                met: later.median <= LATER_MS_MAX,
            },
            Target {
                what: "frames per second at a client".to_owned(),
                promised: "≤ 25",
                measured: frames.to_string(),
                met: frames.median <= FRAMES_PER_SECOND_MAX,
            },
        ],
    }
}
