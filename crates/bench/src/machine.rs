//! The machine that is measured on: its cores, who runs on which, and how busy it is otherwise.
//!
//! A child inherits the cores of the thread that starts it, so a server is placed by placing ourselves first. The
//! load is one thread: the thread of `main`.

use std::fs;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// File descriptors that every scenario needs, in the load and in the server.
const FILES_MIN: u64 = 6_000;

/// Of those, what is not for connections: the store's files, and room to spare.
const OTHER_FILES: u64 = 500;

/// The cores that we may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    all: CpuSet,
    server: usize,
    load: usize,
    connections_max: usize,
}

/// Where a server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Alone on the first core; the load has the last one.
    OwnCore,
    /// Server and load run wherever the system puts them.
    AnyCore,
}

impl Machine {
    /// Looks at the machine and lets this process, and those that it starts, open enough files.
    pub(crate) fn prepare() -> anyhow::Result<Self> {
        let all = sched_getaffinity(None).context("failed to read the cores of this process")?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core));
        let server = cores.next().context("this process may run on no core")?;
        let load = cores.next_back().unwrap_or(server);
        let files = raise_file_limit()?;
        let connections_max = usize::try_from(files - OTHER_FILES)?;
        Ok(Self { all, server, load, connections_max })
    }

    /// Connections that the load and a server can have at once.
    pub(crate) const fn connections_max(&self) -> usize {
        self.connections_max
    }

    /// Makes what this thread starts from now on run there.
    pub(crate) fn place_server(&self, placement: Placement) -> anyhow::Result<()> {
        self.place(placement, self.server)
    }

    /// Makes this thread run where the load belongs beside a server that is placed so.
    pub(crate) fn place_load(&self, placement: Placement) -> anyhow::Result<()> {
        self.place(placement, self.load)
    }

    fn place(&self, placement: Placement, own: usize) -> anyhow::Result<()> {
        let mut one = CpuSet::new();
        one.set(own);
        let cores = if placement == Placement::OwnCore { &one } else { &self.all };
        sched_setaffinity(None, cores).context("failed to choose the cores of this process")
    }

    /// What the report says about it.
    pub(crate) fn describe(&self) -> String {
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = field(&processors, "model name").unwrap_or("unknown processor");
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib: u64 = field(&memory, "MemTotal").and_then(first_number).unwrap_or_default();
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let cores = self.all.count();
        format!("{model}, {cores} cores, {} GiB, Linux {}", kib >> 20, release.trim())
    }
}

/// The load averages of the last 1, 5 and 15 minutes: how many neighbours there were.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Raises the limit as far as it goes, and says how far that is.
fn raise_file_limit() -> anyhow::Result<u64> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .context("failed to raise the limit of open files")?;
    let files = maximum.unwrap_or(u64::from(u32::MAX));
    anyhow::ensure!(files >= FILES_MIN, "needs {FILES_MIN} open files; raise the hard limit (ulimit -Hn)");
    Ok(files)
}

/// The value of the first line `name : value`.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}
