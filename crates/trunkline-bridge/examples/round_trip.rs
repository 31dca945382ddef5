//! Measures the bridge alone against the Python SDK: `cargo run --release -p trunkline-bridge --example round_trip`.
//!
//! Prints, per transport, the round trip of a small call, one at a time, and the tokens per second of one stream.
//! Needs the SDK in `.venv` at the repository's root.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trunkline_bridge::{Bridge, BridgeConfig, Call, CallEvent, CallSpec, NoClaims, WorkerTransport};
use trunkline_protocol::Codec;

const CALLS: usize = 5_000;
const TOKENS: u64 = 200_000;
const WINDOW: u64 = 1_024;
/// As a gateway that stores segments: credit comes in steps.
const CREDIT_EVERY: u64 = 256;
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let shutdown = CancellationToken::new();
    let tracker = TaskTracker::new();
    let config = BridgeConfig {
        unix: Some(directory.path().join("unix.sock")),
        zeromq: Some(format!("ipc://{}", directory.path().join("zeromq.sock").display())),
        window: WINDOW,
        ..BridgeConfig::default()
    };
    let (epoch, generation) = ("bench".to_owned(), "bench".to_owned());
    let bridge =
        Bridge::start(config, epoch, generation, Arc::new(NoClaims), shutdown.clone(), tracker.clone()).await?;
    for transport in [WorkerTransport::Unix, WorkerTransport::Zeromq] {
        let worker = start_worker(&bridge, transport)?;
        for _ in 0..ROUNDS {
            measure(&bridge, transport).await?;
        }
        drop(worker);
        while !bridge.services().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    shutdown.cancel();
    tracker.close();
    tracker.wait().await;
    Ok(())
}

fn start_worker(bridge: &Bridge, transport: WorkerTransport) -> Result<Child, Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let address = bridge.address(transport).ok_or("the transport is configured above")?;
    let mut command = Command::new(root.join("../../.venv/bin/python"));
    command.arg(root.join("examples/round_trip.py")).env("TRUNKLINE_BRIDGE", address).kill_on_drop(true);
    Ok(command.spawn()?)
}

async fn measure(bridge: &Bridge, transport: WorkerTransport) -> Result<(), String> {
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let began = Instant::now();
        finish(call(bridge, "echo", r#""sixty-four bytes of payload, more or less, as tokens tend to be""#)).await?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let began = Instant::now();
    finish(call(bridge, "tokens", &TOKENS.to_string())).await?;
    let per_second = u128::from(TOKENS) * 1_000_000 / began.elapsed().as_micros();
    let (median, late) = (times[CALLS / 2], times[CALLS * 99 / 100]);
    println!("{transport}: round trip p50 {median:?}, p99 {late:?}; {per_second} tokens/s");
    Ok(())
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

/// Reads a call to its end, giving credit in steps.
async fn finish(mut call: Call) -> Result<(), String> {
    while let Some(event) = call.next().await {
        match event {
            CallEvent::Event { seq, .. } if (seq + 1) % CREDIT_EVERY == 0 => call.stored(seq + 1),
            CallEvent::Ended { seq, .. } => call.stored(seq + 1),
            CallEvent::Failed(failure) => return Err(format!("the call failed: {failure:?}")),
            _ => {}
        }
    }
    Ok(())
}
