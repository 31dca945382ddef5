//! `[broker]`: where channels, sessions and runs are kept, and for how long.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::section::Section;
use super::value;

const DAY: Duration = Duration::from_hours(24);

/// How a retention is written.
const RETENTION_EXAMPLE: &str = "{ records = 100000, bytes = \"64MiB\" }";

/// Where channels, sessions and runs are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Which broker. Default: embedded.
    pub kind: BrokerKind,
    /// The folder of the embedded broker's files; relative to the configuration file, or to the current folder without
    /// one. Absolute here. Default: `data`.
    pub path: PathBuf,
    /// How safe a message must be before it is acknowledged. Default: os.
    pub durability: Durability,
    /// How much of each channel is kept.
    pub retention: Retention,
    /// How long sessions and finished runs are kept. Default: 7 days.
    pub keep: Duration,
}

/// Which broker keeps the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerKind {
    /// In files beside the gateway: survives its end.
    Embedded,
    /// In memory: gone with the process.
    Memory,
}

/// How safe a message must be before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Handed to the operating system: survives the end of the process.
    Os,
    /// Synced to the disk: survives loss of power.
    Disk,
}

/// How much of one channel is kept. What is older goes, whichever bound is reached first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Records. Default: 100,000.
    pub records: u64,
    /// Bytes of their content. Default: 64 MiB.
    pub bytes: u64,
}

impl Broker {
    pub(super) fn read(section: &mut Section<'_>, base: &Path) -> Self {
        let kinds = [("embedded", BrokerKind::Embedded), ("memory", BrokerKind::Memory)];
        let durabilities = [("os", Durability::Os), ("disk", Durability::Disk)];
        Self {
            kind: section.or("kind", BrokerKind::Embedded, value::choice(&kinds)),
            path: base.join(section.or("path", "data".to_owned(), value::text)),
            durability: section.or("durability", Durability::Os, value::choice(&durabilities)),
            retention: section.section_such_as("retention", RETENTION_EXAMPLE, Retention::read),
            keep: section.or("keep", 7 * DAY, value::duration(Duration::from_mins(1)..=3650 * DAY)),
        }
    }
}

impl Retention {
    fn read(section: &mut Section<'_>) -> Self {
        Self {
            records: section.or("records", 100_000, value::integer(1..=1_000_000_000)),
            bytes: section.or("bytes", 64 << 20, value::size(4096..=1 << 40)),
        }
    }
}
