//! `bench bridge-alone`: the bridge and the Python worker without a gateway around them, in a process of their own.
//!
//! It prints one line of JSON, [`Found`], which the scenarios subtract from what they see through the gateway.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trunkline_bridge::{Bridge, BridgeConfig, Call, CallEvent, CallSpec, NoClaims, WorkerTransport};
use trunkline_protocol::Codec;

use crate::clock;
use crate::statistics::Latencies;

/// As a gateway that stores segments: credit comes in steps. Half of the bridge's default window, which must not run out
/// before the first of them.
const CREDIT_EVERY: u64 = 32;

/// Calls before anything counts.
const WARM_UP_CALLS: usize = 200;

/// Interpreter and worker that are measured.
const PYTHON: &str = ".venv/bin/python";
const WORKER: &str = "crates/bench/python/worker.py";

/// What is to be measured: at least one of each, so that every number exists.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Calls of the unary service, one at a time
    #[arg(long, default_value_t = 1)]
    calls: usize,
    /// Tokens of one stream
    #[arg(long, default_value_t = 1)]
    tokens: u32,
    /// Streams whose first token is timed
    #[arg(long, default_value_t = 1)]
    streams: usize,
    /// The payload of the unary calls, JSON
    #[arg(long, default_value = "null")]
    payload: String,
}

/// What was found. Times in microseconds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) tokens_per_second: f64,
    pub(crate) first_token_p50_us: f64,
}

/// Measures, and prints what was found.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (shutdown, tracker) = (CancellationToken::new(), TaskTracker::new());
    let config = BridgeConfig { unix: Some(folder.path().join("worker.sock")), ..BridgeConfig::default() };
    let (epoch, generation) = ("bench".to_owned(), "bench".to_owned());
    let bridge =
        Bridge::start(config, epoch, generation, Arc::new(NoClaims), shutdown.clone(), tracker.clone()).await?;
    let worker = start_worker(&bridge)?;
    let found = measure(&bridge, &arguments).await?;
    println!("{}", serde_json::to_string(&found)?);
    drop(worker);
    shutdown.cancel();
    tracker.close();
    tracker.wait().await;
    Ok(())
}

fn start_worker(bridge: &Bridge) -> anyhow::Result<Child> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let address = bridge.address(WorkerTransport::Unix).context("the transport is configured above")?;
    let mut command = Command::new(root.join(PYTHON));
    command.arg(root.join(WORKER)).env("TRUNKLINE_BRIDGE", address).stdout(Stdio::null()).kill_on_drop(true);
    command.spawn().context("failed to start the worker")
}

async fn measure(bridge: &Bridge, arguments: &Arguments) -> anyhow::Result<Found> {
    for _ in 0..WARM_UP_CALLS {
        finish(call(bridge, "echo", &arguments.payload), |_| {}).await?;
    }
    let mut round_trips = Latencies::default();
    for _ in 0..arguments.calls {
        let began = Instant::now();
        finish(call(bridge, "echo", &arguments.payload), |_| {}).await?;
        round_trips.add(began.elapsed());
    }
    let tokens = arguments.tokens;
    let began = Instant::now();
    finish(call(bridge, "tokens", &tokens.to_string()), |_| {}).await?;
    let tokens_per_second = f64::from(tokens) / began.elapsed().as_secs_f64();
    let mut first_tokens = Latencies::default();
    for _ in 0..arguments.streams {
        finish(call(bridge, "clock", r#"{"count":1,"every_ms":0}"#), |text| {
            first_tokens.add(clock::age_of_first(text));
        })
        .await?;
    }
    Ok(Found {
        p50_us: round_trips.percentile_us(50),
        p99_us: round_trips.percentile_us(99),
        tokens_per_second,
        first_token_p50_us: first_tokens.percentile_us(50),
    })
}

fn call(bridge: &Bridge, service: &str, payload: &str) -> Call {
    bridge.call(CallSpec {
        service: service.to_owned(),
        run: "run".to_owned(),
        session: "session".to_owned(),
        realm: "default".to_owned(),
        message: "message".to_owned(),
        kind: "user_message".to_owned(),
        attempt: 1,
        codec: Codec::Json,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        ..CallSpec::default()
    })
}

/// Reads a call to its end, giving credit in steps; every event's content is shown to `observe`.
async fn finish(mut call: Call, mut observe: impl FnMut(&str)) -> anyhow::Result<()> {
    while let Some(event) = call.next().await {
        match event {
            CallEvent::Event { seq, payload, .. } => {
                observe(std::str::from_utf8(&payload)?);
                if (seq + 1) % CREDIT_EVERY == 0 {
                    call.stored(seq + 1);
                }
            }
            CallEvent::Ended { seq, .. } => call.stored(seq + 1),
            CallEvent::Failed(failure) => bail!("the call failed: {failure:?}"),
            _ => {}
        }
    }
    Ok(())
}

/// Runs [`run`] as a child and reads what it found.
pub(crate) async fn ask(mut command: Command, within: Duration) -> anyhow::Result<Found> {
    let output = tokio::time::timeout(within, command.output()).await.context("the bridge alone took too long")??;
    anyhow::ensure!(output.status.success(), "the bridge alone: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("the bridge alone printed something else")
}
