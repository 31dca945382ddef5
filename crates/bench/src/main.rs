//! `make bench`: measures the gateway beside its peers, prints what it found, and writes the report.
//!
//! This process is the load; every server is a child. It judges nothing but the targets, and asserts no times.

#![forbid(unsafe_code)]

mod bridge_alone;
mod client;
mod clock;
mod machine;
mod peers;
mod process;
mod publish_alone;
mod report;
mod scenario;
mod socketio;
mod statistics;
mod tcp_echo;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Parser, Subcommand, ValueEnum};

use crate::machine::{Machine, load_average};
use crate::peers::Artifacts;
use crate::report::{Section, Setting};
use crate::scenario::Bench;

/// Measures the gateway beside its peers
#[derive(Parser)]
struct Arguments {
    /// Where to write the report; it is printed in any case
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Only these scenarios
    #[arg(long, value_enum, value_name = "NAME", value_delimiter = ',')]
    only: Vec<Scenario>,
    /// How often each measurement is made
    #[arg(long, default_value_t = 3, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// Milliseconds of one measurement of a rate
    #[arg(long, default_value_t = 1_500, value_name = "MS")]
    window_ms: u64,
    /// Seconds that idle connections are quiet before memory is read
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    quiet: u64,
    #[command(subcommand)]
    helper: Option<Helper>,
}

/// What this program starts itself as.
#[derive(Subcommand)]
enum Helper {
    /// Send every byte back over TCP
    #[command(hide = true)]
    TcpEcho,
    /// Measure the bridge alone
    #[command(hide = true)]
    BridgeAlone(bridge_alone::Arguments),
    /// Measure the broker alone
    #[command(hide = true)]
    PublishAlone(publish_alone::Arguments),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    Echo,
    Worker,
    Tokens,
    FanOut,
    Connections,
    Reconnects,
    SlowReader,
    Publish,
    Compression,
    Idle,
    EndlessHeader,
    Messages,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.helper {
        None => single_thread()?.block_on(measure(&arguments)),
        // As the gateway is: the broker has its own thread for writing.
        Some(Helper::PublishAlone(arguments)) => single_thread()?.block_on(publish_alone::run(&arguments)),
        Some(Helper::TcpEcho) => single_thread()?.block_on(tcp_echo::serve()),
        // As the gateway is: one thread per core.
        Some(Helper::BridgeAlone(arguments)) => {
            tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(bridge_alone::run(arguments))
        }
    }
}

fn single_thread() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let bench = Bench {
        machine: Machine::prepare()?,
        artifacts: Artifacts::find()?,
        rounds: arguments.rounds.into(),
        window: Duration::from_millis(arguments.window_ms),
        quiet: Duration::from_secs(arguments.quiet),
    };
    let load_before = load_average();
    let (mut sections, mut failures) = (Vec::new(), Vec::new());
    for scenario in Scenario::value_variants() {
        if arguments.only.is_empty() || arguments.only.contains(scenario) {
            eprintln!("measuring: {scenario:?}");
            match scenario.measure(&bench).await {
                Ok(section) => sections.push(section),
                Err(error) => failures.push(format!("{scenario:?}: {error:#}")),
            }
        }
    }
    let setting = Setting {
        machine: bench.machine.describe(),
        load_before,
        load_after: load_average(),
        command: command(),
        rounds: bench.rounds,
    };
    let text = report::render(&setting, &sections, &failures);
    println!("{text}");
    if let Some(path) = &arguments.report {
        std::fs::write(path, &text).with_context(|| format!("failed to write {}", path.display()))?;
    }
    ensure!(failures.is_empty(), "not everything was measured: {}", failures.join("; "));
    Ok(())
}

impl Scenario {
    async fn measure(self, bench: &Bench) -> anyhow::Result<Section> {
        if !matches!(self, Self::Messages | Self::Publish) {
            bench.artifacts.require()?;
        }
        match self {
            Self::Echo => scenario::echo::measure(bench).await,
            Self::Worker => scenario::worker::measure(bench).await,
            Self::Tokens => scenario::tokens::measure(bench).await,
            Self::FanOut => scenario::fan_out::measure(bench).await,
            Self::Connections => scenario::connections::measure(bench).await,
            Self::Reconnects => scenario::reconnects::measure(bench).await,
            Self::SlowReader => scenario::slow_reader::measure(bench).await,
            Self::Publish => scenario::publish::measure(bench).await,
            Self::Compression => scenario::compression::measure(bench).await,
            Self::Idle => scenario::idle::measure(bench).await,
            Self::EndlessHeader => scenario::endless_header::measure(bench).await,
            Self::Messages => scenario::messages::measure(bench),
        }
    }
}

/// How this was started, without the folder that the program lies in.
fn command() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    format!("bench {}", arguments.join(" ")).trim_end().to_owned()
}
