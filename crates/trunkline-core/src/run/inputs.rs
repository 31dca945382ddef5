//! Messages of the session that are for the run while it goes on: which of them its worker has not taken.
//!
//! Each waits as a run of its own meanwhile ([`crate::turns::WhileBusy::Steer`]), so what is not taken is not lost. Knows
//! neither their content nor how they reach the worker.

use trunkline_protocol::ErrorCode;

use super::{Pending, Run};

/// Messages that the worker may take.
#[derive(Debug, Default)]
pub(super) struct Inputs(Vec<String>);

impl Run {
    /// A message of the session is for this run. Its worker is to be told; whether it takes it says [`Run::take_input`].
    /// `false` when it is to stop, or its end is decided: then it is given nothing any more.
    pub fn offer_input(&mut self, message: &str) -> bool {
        let goes_on = self.end.is_none() && self.cancel_by.is_none();
        let is_new = goes_on && !self.inputs.0.iter().any(|known| known == message);
        if is_new {
            self.inputs.0.push(message.to_owned());
        }
        is_new
    }

    /// The worker takes a message as input: an event of its call, which is told ([`super::Action::TookInput`]) once it is
    /// stored. Gives back whether it is taken; a message that the worker was not given, or has taken, fails the run.
    pub fn take_input(&mut self, message: &str) -> bool {
        if self.end.is_some() || self.waiting.is_without_worker() {
            return false;
        }
        let Some(place) = self.inputs.0.iter().position(|known| known == message) else {
            let reason = format!("the worker takes the input {message:?}, which it was not given or has taken before");
            self.break_off(ErrorCode::WorkerProtocol.with_message(reason));
            return false;
        };
        if !self.accepts(message.len()) {
            return false;
        }
        let message = self.inputs.0.remove(place);
        self.pending.extend(self.segmenter.close().map(Pending::Text));
        self.pending.push_back(Pending::Input { seq: self.next_seq, message });
        self.next_seq += 1;
        self.waiting.takes_input();
        true
    }
}
