//! What an idle connection costs in memory.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::task::JoinSet;

use super::Bench;
use crate::machine::Placement;
use crate::peers::open_session;
use crate::process::{Memory, Server};
use crate::report::{Section, Target};

/// Connections before the first look, so that what exists once is not counted.
const FIRST: usize = 500;
const ALL: usize = 5_000;

/// Connections that are opened at a time: fewer than a listening socket's usual backlog.
const OPENED_TOGETHER: usize = 50;

/// Before the first look; shorter than the second wait, because what it leaves over is divided by all of them.
const FIRST_QUIET: Duration = Duration::from_secs(5);

const BYTES_MAX: f64 = 8.0 * 1024.0;

/// Measures the growth from [`FIRST`] to [`ALL`] connections that each opened a session of their own.
pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let gateway = bench.artifacts.gateway(&bench.machine, Placement::OwnCore).await?;
    let mut links = JoinSet::new();
    open_up_to(FIRST, &gateway.server, &mut links).await?;
    quiet(FIRST_QUIET.min(bench.quiet), &mut links).await?;
    let before = gateway.server.memory()?;
    open_up_to(ALL, &gateway.server, &mut links).await?;
    let busy = gateway.server.memory()?;
    quiet(bench.quiet, &mut links).await?;
    let after = gateway.server.memory()?;
    Ok(section(bench, &before, &busy, &after))
}

async fn open_up_to(count: usize, gateway: &Server, links: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while links.len() < count {
        let first = links.len();
        let mut opening = JoinSet::new();
        for number in first..count.min(first + OPENED_TOGETHER) {
            let (address, path) = (gateway.address, "/echo");
            opening.spawn(async move { open_session(address, path, number).await });
        }
        while let Some(opened) = opening.join_next().await {
            let (mut client, _) = opened??;
            // Reads heartbeats and answers pings; nothing else comes.
            links.spawn(async move {
                loop {
                    client.receive().await?;
                }
            });
        }
    }
    Ok(())
}

async fn quiet(time: Duration, links: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        Some(lost) = links.join_next() => lost?.context("an idle connection was lost"),
    }?;
    ensure!(!links.is_empty(), "there are connections");
    Ok(())
}

fn section(bench: &Bench, before: &Memory, busy: &Memory, after: &Memory) -> Section {
    let growth = |of: fn(&Memory) -> u64, memory: &Memory| {
        (as_f64(of(memory)) - as_f64(of(before))) / as_f64((ALL - FIRST) as u64)
    };
    let row = |name: &str, memory: &Memory| {
        let kib = |of: fn(&Memory) -> u64| format!("{:.2}", growth(of, memory) / 1024.0);
        vec![
            name.to_owned(),
            kib(|memory| memory.resident),
            kib(|memory| memory.unique),
            format!("{}", memory.resident >> 20),
        ]
    };
    let per_connection = growth(|memory| memory.resident, after);
    Section {
        title: "Idle session connections",
        method: format!(
            "Growth of the gateway's memory from {FIRST} to {ALL} connections over plain TCP, each welcomed to a session of its \
             own that is stored and can be resumed; divided by {}. Heartbeats go on. Memory of the kernel is not in it. One round.",
            ALL - FIRST
        ),
        header: &["when", "resident per connection, KiB", "unique per connection, KiB", "resident in all, MiB"],
        rows: vec![
            row("right after opening", busy),
            row(&format!("after {} s of quiet", bench.quiet.as_secs()), after),
        ],
        targets: vec![Target {
            what: "memory of an idle session connection".to_owned(),
            promised: "≤ 8 KB",
            measured: format!("{:.2} KiB", per_connection / 1024.0),
            met: per_connection <= BYTES_MAX,
        }],
    }
}

#[expect(clippy::cast_precision_loss, reason = "memory of a process is far below 2^53 bytes")]
const fn as_f64(bytes: u64) -> f64 {
    bytes as f64
}
