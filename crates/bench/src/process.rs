//! A server under measurement: started on its cores, asked for CPU time and memory, stopped when dropped.

use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::param::clock_ticks_per_second;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::machine::{Machine, Placement};

/// How long a server may take to say where it listens: an embedded store is opened, or an interpreter starts.
const START_WITHIN: Duration = Duration::from_secs(30);

/// What every server of ours prints before its address.
const ANNOUNCEMENT: &str = "listening on ";

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Kept open, so that what it prints later does not fail.
    _output: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Resident, with what is shared.
    pub(crate) resident: u64,
    /// Resident and nobody else's.
    pub(crate) unique: u64,
}

impl Server {
    /// Starts a server and waits until it says where it listens.
    pub(crate) async fn start(mut command: Command, machine: &Machine, placement: Placement) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        machine.place_server(placement)?;
        let spawned = command.spawn().with_context(|| format!("failed to start {command:?}"));
        machine.place_load(placement)?;
        let mut child = spawned?;
        let mut output = BufReader::new(child.stdout.take().context("its output is piped")?);
        let address = timeout(START_WITHIN, announced(&mut output))
            .await
            .with_context(|| format!("{command:?} did not say where it listens"))?
            .with_context(|| format!("{command:?} did not start"))?;
        Ok(Self { child, _output: output, address })
    }

    /// The CPU time that it has used so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds(&self.pid()?.to_string())
    }

    /// The CPU time of the processes that it has started and that still run, in seconds.
    pub(crate) fn children_cpu_seconds(&self) -> anyhow::Result<f64> {
        let pid = self.pid()?;
        let mut children = String::new();
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            children += &fs::read_to_string(thread?.path().join("children"))?;
        }
        children.split_whitespace().map(cpu_seconds).sum()
    }

    /// Its memory now.
    pub(crate) fn memory(&self) -> anyhow::Result<Memory> {
        let path = format!("/proc/{}/smaps_rollup", self.pid()?);
        let text = fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
        let kib = |name: &str| -> u64 {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default()
        };
        let unique = kib("Private_Clean:") + kib("Private_Dirty:");
        Ok(Memory { resident: kib("Rss:") << 10, unique: unique << 10 })
    }

    fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("the server has ended")
    }
}

/// The CPU time of this process, which is the load, in seconds.
pub(crate) fn own_cpu_seconds() -> anyhow::Result<f64> {
    cpu_seconds("self")
}

/// User and system time: fields 14 and 15 of `/proc/<pid>/stat` (proc(5)).
fn cpu_seconds(pid: &str) -> anyhow::Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    let after_name = text.rsplit_once(") ").context("a process has a name")?.1;
    let ticks = after_name.split(' ').skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
    let per_second = u32::try_from(clock_ticks_per_second())?;
    Ok(f64::from(ticks) / f64::from(per_second))
}

async fn announced(output: &mut BufReader<ChildStdout>) -> anyhow::Result<SocketAddr> {
    let mut lines = output.lines();
    while let Some(line) = lines.next_line().await? {
        if let Some((_, address)) = line.split_once(ANNOUNCEMENT) {
            let address = address.trim_start_matches("http://").trim_end_matches('/');
            return address.parse().with_context(|| format!("{address:?} is no address"));
        }
    }
    bail!("it ended")
}
