//! Whose turn it is in a session: one run at a time, the others wait in order.

use std::collections::VecDeque;

/// Runs that may wait for their turn in one session; one more is `busy`.
pub const WAITING_MAX: usize = 16;

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
}

impl Turns {
    /// What would become of one more run.
    pub fn next(&self) -> Turn {
        match (&self.active, self.waiting.len()) {
            (None, _) => Turn::Now,
            (Some(_), WAITING_MAX..) => Turn::Busy,
            (Some(_), _) => Turn::Waits,
        }
    }

    /// Lines a run up and says what became of it. A run that is lined up already keeps its place.
    pub fn request(&mut self, run: &str) -> Turn {
        match self.place_of(run) {
            Some(turn) => turn,
            None if self.next() == Turn::Busy => Turn::Busy,
            None => self.insist(run),
        }
    }

    /// Lines a run up whatever the bound: it was accepted already.
    pub fn insist(&mut self, run: &str) -> Turn {
        if let Some(turn) = self.place_of(run) {
            return turn;
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
        if self.active.as_deref() == Some(run) {
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
        None
    }

    /// Whether no run is active or waiting.
    pub const fn is_idle(&self) -> bool {
        self.active.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_in_order() {
        let mut turns = Turns::default();
        assert_eq!([turns.request("a"), turns.request("b"), turns.request("c")], [Turn::Now, Turn::Waits, Turn::Waits]);
        assert_eq!(turns.request("b"), Turn::Waits, "asking again changes nothing");
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
            assert_ne!(turns.request(&number.to_string()), Turn::Busy);
        }
        assert_eq!(turns.request("more"), Turn::Busy);
        turns.ended("0");
        assert_eq!(turns.request("more"), Turn::Waits);
    }
}
