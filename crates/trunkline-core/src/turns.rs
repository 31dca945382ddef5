//! Whose turn it is in a session: one run at a time, the others wait in order. Runs of routes that say so go beside them.

use std::collections::{BTreeSet, VecDeque};

/// Runs that may wait for their turn in one session; one more is `busy`.
pub const WAITING_MAX: usize = 16;

/// Runs that may go beside the line of one session; one more is `busy`.
pub const BESIDE_MAX: usize = 16;

/// What a message does whose session has a run already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhileBusy {
    /// Its run waits for its turn.
    #[default]
    Queue,
    /// Its run goes beside the others, and holds nobody up.
    Parallel,
}

/// What becomes of a new run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It may go.
    Now,
    /// It waits.
    Waits,
    /// Too many are there already; it is refused.
    Busy,
}

/// The turns of one session.
#[derive(Debug, Default)]
pub struct Turns {
    active: Option<String>,
    waiting: VecDeque<String>,
    beside: BTreeSet<String>,
}

impl Turns {
    /// What would become of one more run.
    pub fn next(&self, while_busy: WhileBusy) -> Turn {
        match (while_busy, &self.active, self.waiting.len(), self.beside.len()) {
            (WhileBusy::Parallel, _, _, BESIDE_MAX..) | (WhileBusy::Queue, Some(_), WAITING_MAX.., _) => Turn::Busy,
            (WhileBusy::Parallel, ..) | (WhileBusy::Queue, None, ..) => Turn::Now,
            (WhileBusy::Queue, Some(_), ..) => Turn::Waits,
        }
    }

    /// Lines a run up and says what became of it. A run that has a place already keeps it.
    pub fn request(&mut self, run: &str, while_busy: WhileBusy) -> Turn {
        match self.place_of(run) {
            Some(turn) => turn,
            None if self.next(while_busy) == Turn::Busy => Turn::Busy,
            None => self.insist(run, while_busy),
        }
    }

    /// Lines a run up whatever the bounds: it was accepted already.
    pub fn insist(&mut self, run: &str, while_busy: WhileBusy) -> Turn {
        if let Some(turn) = self.place_of(run) {
            return turn;
        }
        if while_busy == WhileBusy::Parallel {
            self.beside.insert(run.to_owned());
            return Turn::Now;
        }
        if self.active.is_none() {
            self.active = Some(run.to_owned());
            return Turn::Now;
        }
        self.waiting.push_back(run.to_owned());
        Turn::Waits
    }

    /// The place that a run has already.
    fn place_of(&self, run: &str) -> Option<Turn> {
        if self.active.as_deref() == Some(run) || self.beside.contains(run) {
            return Some(Turn::Now);
        }
        self.waiting.iter().any(|waiting| waiting == run).then_some(Turn::Waits)
    }

    /// Notes that a run is over, and gives the run whose turn it is now.
    pub fn ended(&mut self, run: &str) -> Option<&str> {
        if self.beside.remove(run) {
            return None;
        }
        if self.active.as_deref() == Some(run) {
            self.active = self.waiting.pop_front();
            return self.active.as_deref();
        }
        self.waiting.retain(|waiting| waiting != run);
        None
    }

    /// Whether no run is there.
    pub fn is_idle(&self) -> bool {
        self.active.is_none() && self.beside.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::WhileBusy::{Parallel, Queue};
    use super::*;

    #[test]
    fn one_at_a_time_in_order() {
        let mut turns = Turns::default();
        let requested = ["a", "b", "c"].map(|run| turns.request(run, Queue));
        assert_eq!(requested, [Turn::Now, Turn::Waits, Turn::Waits]);
        assert_eq!(turns.request("b", Queue), Turn::Waits, "asking again changes nothing");
        assert_eq!(turns.ended("b"), None, "a waiting run that ends frees its place only");
        assert_eq!(turns.ended("a"), Some("c"));
        assert_eq!(turns.ended("a"), None, "an end counts once");
        assert_eq!(turns.ended("c"), None);
        assert!(turns.is_idle());
    }

    #[test]
    fn the_line_is_bounded() {
        let mut turns = Turns::default();
        for number in 0..=WAITING_MAX {
            assert_ne!(turns.request(&number.to_string(), Queue), Turn::Busy);
        }
        assert_eq!(turns.request("more", Queue), Turn::Busy);
        turns.ended("0");
        assert_eq!(turns.request("more", Queue), Turn::Waits);
    }

    #[test]
    fn runs_beside_the_line_wait_for_nobody_and_nobody_for_them() {
        let mut turns = Turns::default();
        assert_eq!(turns.request("line", Queue), Turn::Now);
        assert_eq!(["x", "y"].map(|run| turns.request(run, Parallel)), [Turn::Now, Turn::Now]);
        assert_eq!(turns.request("x", Queue), Turn::Now, "asking again changes nothing");
        assert_eq!(turns.request("next", Queue), Turn::Waits);
        assert_eq!(turns.ended("x"), None, "it had nobody's turn");
        assert_eq!(turns.ended("line"), Some("next"));
        assert_eq!(turns.ended("next"), None);
        assert!(!turns.is_idle());
        assert_eq!(turns.request("again", Queue), Turn::Now, "a run beside the line has no turn to wait for");
        turns.ended("y");
        turns.ended("again");
        assert!(turns.is_idle());
    }

    #[test]
    fn runs_beside_the_line_are_bounded() {
        let mut turns = Turns::default();
        for number in 0..BESIDE_MAX {
            assert_eq!(turns.request(&number.to_string(), Parallel), Turn::Now);
        }
        assert_eq!(turns.request("more", Parallel), Turn::Busy);
        assert_eq!(turns.request("line", Queue), Turn::Now, "the line is not full for that");
        assert_eq!(turns.insist("stored", Parallel), Turn::Now, "what was accepted before a restart has its place");
        turns.ended("0");
        turns.ended("1");
        assert_eq!(turns.request("more", Parallel), Turn::Now);
    }
}
