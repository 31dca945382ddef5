//! A run whose call is made again, where [`crate::retry`] permits it.

use super::{Action, Run};
use crate::retry::{Attempts, Circumstances, Failure, Repetition};

impl Run {
    /// The run, as one that was called so often.
    #[must_use]
    pub fn called_before(self, attempts: Attempts) -> Self {
        Self { attempts, ..self }
    }

    /// How often its service was called before the first event of a call.
    pub const fn attempts(&self) -> Attempts {
        self.attempts
    }

    /// Whether its service was called, or is to be.
    pub const fn is_called(&self) -> bool {
        self.called
    }

    /// The call ended without an outcome. Unless it is made again, its failure is to be told as [`super::WorkerEvent::Failed`].
    pub fn repeat(&mut self, failure: Failure, circumstances: &mut Circumstances<'_>) -> Repetition {
        let is_wanted = self.end.is_none() && self.cancel_by.is_none();
        if !is_wanted || !self.called {
            return Repetition::No;
        }
        if self.next_seq > 0 {
            return self.repeat_answered(failure, circumstances);
        }
        let repetition = self.attempts.repeat(failure, self.deadline(), circumstances);
        if let Repetition::At(at) = repetition {
            self.called = false;
            self.call_at = Some(at);
        }
        repetition
    }

    pub(super) fn call(&mut self) {
        self.called = true;
        self.attempts.call();
        self.actions.push_back(Action::Call);
    }
}
