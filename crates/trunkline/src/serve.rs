//! `trunkline serve`: a gateway in the foreground, until a signal.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use trunkline_gateway::config::{Config, LogFormat, Overrides, Telemetry};
use trunkline_gateway::{Ended, Gateway, Stop};

use crate::check;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The configuration; without it the defaults are used
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen, in place of server.listen
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut flags = Overrides::default();
    if let Some(listen) = &arguments.listen {
        flags.set("--listen", "server.listen", listen);
    }
    let config = match check::load(arguments.config.as_deref(), flags) {
        Ok(config) => config,
        Err(code) => return code,
    };
    start_logging(&config.telemetry);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("cannot start threads: {error}")),
    };
    let ended = runtime.block_on(serve(config));
    // What still waits for a disk that does not answer is not waited for.
    runtime.shutdown_background();
    ended
}

async fn serve(config: Config) -> ExitCode {
    let has_page = config.server.page.is_some();
    let gateway = match Gateway::start(config).await {
        Ok(gateway) => gateway,
        Err(error) => return failed(&error.to_string()),
    };
    let stop = Stop::default();
    if let Err(error) = stop_on_signals(&stop) {
        return failed(&format!("cannot listen for signals: {error}"));
    }
    announce(gateway.address(), has_page);
    match gateway.run(stop).await {
        Ended::Stopped => ExitCode::SUCCESS,
        Ended::StoreFailed(reason) => failed(&format!("the store failed: {reason}")),
    }
}

/// The one line that a person looks for.
fn announce(address: SocketAddr, has_page: bool) {
    let what = if has_page { "open" } else { "listening on" };
    println!("trunkline: {what} http://{address}/");
}

/// The first SIGINT, SIGTERM or SIGHUP (the terminal was closed) stops in order, the second at once.
fn stop_on_signals(stop: &Stop) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let stop = stop.clone();
    tokio::spawn(async move {
        for token in [stop.soft, stop.hard] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            token.cancel();
        }
    });
    Ok(())
}

fn start_logging(telemetry: &Telemetry) {
    let Telemetry { format, level } = telemetry;
    let filter = EnvFilter::new(level);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_ansi(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

fn failed(message: &str) -> ExitCode {
    eprintln!("trunkline: {message}");
    ExitCode::FAILURE
}
