//! What is measured. Each scenario starts what it needs, measures in rounds, and gives its part of the report.

pub(crate) mod compression;
pub(crate) mod connections;
pub(crate) mod echo;
pub(crate) mod endless_header;
pub(crate) mod fan_out;
pub(crate) mod idle;
pub(crate) mod messages;
pub(crate) mod publish;
pub(crate) mod reconnects;
pub(crate) mod slow_reader;
pub(crate) mod tokens;
pub(crate) mod worker;

mod numbered;
mod run;

use std::time::Duration;

use crate::machine::Machine;
use crate::peers::Artifacts;

/// What every scenario is given.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) machine: Machine,
    pub(crate) artifacts: Artifacts,
    pub(crate) rounds: usize,
    /// How long one measurement of a rate takes.
    pub(crate) window: Duration,
    /// How long idle connections are quiet before memory is read.
    pub(crate) quiet: Duration,
}
