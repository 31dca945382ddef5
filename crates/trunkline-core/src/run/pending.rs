//! What a run has heard and not stored: what waits to be written, and what is on its way.

use trunkline_protocol::Payload;

use super::questions::Answer;
use crate::segment::Segment;

/// What is waiting to be written, in the order of its numbers.
#[derive(Debug)]
pub(super) enum Pending {
    Text(Segment),
    Other { seq: u64, name: String, payload: Payload<'static> },
    Answer(Answer),
    Input { seq: u64, message: String },
}

impl Pending {
    /// Number of events that it carries.
    pub(super) const fn events(&self) -> u64 {
        match self {
            Self::Text(segment) => segment.seq_end + 1 - segment.seq,
            Self::Other { .. } | Self::Input { .. } => 1,
            Self::Answer(_) => 0,
        }
    }
}

/// An append that was not answered yet.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) records: u64,
    pub(super) events: u64,
    pub(super) seals: bool,
    pub(super) answers: Vec<Answer>,
    pub(super) took_inputs: Vec<String>,
    pub(super) calls_again: bool,
}
