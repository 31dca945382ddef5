//! Durable publish: how many messages a second the embedded broker takes by itself, at both levels of durability.

use std::time::Duration;

use super::Bench;
use crate::machine::Placement;
use crate::publish_alone::{self, Found, Level};
use crate::report::{Section, Target};
use crate::statistics::Spread;

const IN_FLIGHT: usize = 256;
const WITHIN: Duration = Duration::from_mins(1);
const DISK_RATE_MIN: f64 = 40_000.0;

/// Measures a new store in each round.
pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut found = Vec::new();
    for _ in 0..bench.rounds {
        bench.machine.place_server(Placement::AnyCore)?;
        let folder = tempfile::tempdir()?;
        let window_ms = bench.window.as_millis() * 2;
        let mut command = bench.artifacts.publish_alone();
        command.arg("--in-flight").arg(IN_FLIGHT.to_string()).arg("--window-ms").arg(window_ms.to_string());
        command.arg("--folder").arg(folder.path());
        found.push(publish_alone::ask(command, WITHIN).await?);
    }
    Ok(section(&found))
}

fn section(found: &[Found]) -> Section {
    let row = |name: &str, level: fn(&Found) -> &Level| {
        let spread = |of: fn(&Level) -> f64| Spread::of(found.iter().map(|found| of(level(found)))).to_string();
        vec![name.to_owned(), spread(|level| level.rate), spread(|level| level.cpu_us), spread(|level| level.together)]
    };
    let disk = Spread::of(found.iter().map(|found| found.disk.rate));
    let [sync_p50, sync_p99] = [|found: &Found| found.sync_p50_us, |found: &Found| found.sync_p99_us]
        .map(|of| Spread::of(found.iter().map(of)).to_string());
    Section {
        title: "Durable publish",
        method: format!(
            "Messages of 300 bytes to 1,000 channels in turn, {IN_FLIGHT} in flight, to the embedded broker in a process of its own \
             without a gateway; what is acknowledged is stored. `os` survives the end of the process, `disk` the loss of power. The \
             CPU is that of the whole process, the one that publishes included. Nothing is pinned. A small write and its sync take \
             {sync_p50} µs (p50) and {sync_p99} µs (p99) on this disk, in the folder of temporary files: where the disk is virtual, \
             a sync may be less than it says."
        ),
        header: &["level", "messages/s", "CPU per message, µs", "messages written together"],
        rows: vec![row("os", |found| &found.os), row("disk", |found| &found.disk)],
        targets: vec![Target {
            what: format!("durable publish at level `disk`, {IN_FLIGHT} in flight, messages/s"),
            promised: "≥ 40,000",
            measured: disk.to_string(),
            met: disk.median >= DISK_RATE_MIN,
        }],
    }
}
