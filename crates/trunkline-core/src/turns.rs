//! Whose turn it is in a session: one run at a time, the others wait in order, or go beside it where their route says so.

use std::collections::VecDeque;

use trunkline_protocol::Limits;

/// Runs that may wait for their turn in one session; one more is `busy`.
pub const WAITING_MAX: usize = Limits::DEFAULT.runs_waiting_max;

/// Runs that may go beside the others in one session; one more is `busy`.
pub const BESIDE_MAX: usize = Limits::DEFAULT.runs_parallel_max;

/// What a route does with a message while its session has a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhileBusy {
    /// Its run waits for its turn.
    #[default]
    Queue,
    /// Its run goes at once.
    Parallel,
}

/// What becomes of a new run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It may go.
    Now,
    /// It waits.
    Waits,
    /// Too many wait already; it is refused.
    Busy,
}

/// The turns of one session.
#[derive(Debug, Default)]
pub struct Turns {
    active: Option<String>,
    waiting: VecDeque<String>,
    /// Runs that take no turn.
    beside: Vec<String>,
}

impl Turns {
    /// Whether there is no room for one more run.
    fn is_full(&self, while_busy: WhileBusy) -> bool {
        match while_busy {
            WhileBusy::Queue => self.active.is_some() && self.waiting.len() >= WAITING_MAX,
            WhileBusy::Parallel => self.beside.len() >= BESIDE_MAX,
        }
    }

    /// Lines a run up and says what became of it. A run that is lined up already keeps its place.
    pub fn request(&mut self, run: &str, while_busy: WhileBusy) -> Turn {
        match self.place_of(run) {
            Some(turn) => turn,
            None if self.is_full(while_busy) => Turn::Busy,
            None => self.insist(run, while_busy),
        }
    }

    /// Lines a run up whatever the bound: it was accepted already.
    pub fn insist(&mut self, run: &str, while_busy: WhileBusy) -> Turn {
        if let Some(turn) = self.place_of(run) {
            return turn;
        }
        if while_busy == WhileBusy::Parallel {
            self.beside.push(run.to_owned());
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
        if self.active.as_deref() == Some(run) || self.beside.iter().any(|beside| beside == run) {
            return Some(Turn::Now);
        }
        self.waiting.iter().any(|waiting| waiting == run).then_some(Turn::Waits)
    }

    /// Notes that a run is over, and gives the run whose turn it is now.
    pub fn ended(&mut self, run: &str) -> Option<&str> {
        if self.active.as_deref() == Some(run) {
            self.active = self.waiting.pop_front();
            return self.active.as_deref();
        }
        self.waiting.retain(|waiting| waiting != run);
        self.beside.retain(|beside| beside != run);
        None
    }

    /// Every run that is lined up.
    pub fn runs(&self) -> impl Iterator<Item = &str> {
        self.active.iter().chain(&self.waiting).chain(&self.beside).map(String::as_str)
    }

    /// Whether no run is active or waiting.
    pub const fn is_idle(&self) -> bool {
        self.active.is_none() && self.beside.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_in_order() {
        let mut turns = Turns::default();
        assert_eq!(
            [
                turns.request("a", WhileBusy::Queue),
                turns.request("b", WhileBusy::Queue),
                turns.request("c", WhileBusy::Queue)
            ],
            [Turn::Now, Turn::Waits, Turn::Waits]
        );
        assert_eq!(turns.request("b", WhileBusy::Queue), Turn::Waits, "asking again changes nothing");
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
            assert_ne!(turns.request(&number.to_string(), WhileBusy::Queue), Turn::Busy);
        }
        assert_eq!(turns.request("more", WhileBusy::Queue), Turn::Busy);
        turns.ended("0");
        assert_eq!(turns.request("more", WhileBusy::Queue), Turn::Waits);
    }

    #[test]
    fn a_run_that_goes_beside_the_others_takes_no_turn() {
        let mut turns = Turns::default();
        assert_eq!(turns.request("a", WhileBusy::Queue), Turn::Now);
        assert_eq!(turns.request("b", WhileBusy::Queue), Turn::Waits);
        assert_eq!(turns.request("stop", WhileBusy::Parallel), Turn::Now);
        assert_eq!(turns.request("stop", WhileBusy::Parallel), Turn::Now, "asking again changes nothing");
        assert_eq!(turns.ended("stop"), None, "nobody's turn was waiting for it");
        assert_eq!(turns.ended("a"), Some("b"));
        for number in 0..BESIDE_MAX {
            assert_eq!(turns.request(&number.to_string(), WhileBusy::Parallel), Turn::Now);
        }
        assert_eq!(turns.request("more", WhileBusy::Parallel), Turn::Busy);
        assert_eq!(turns.request("c", WhileBusy::Queue), Turn::Waits, "the line has its own bound");
    }
}
