//! Whose turn it is in a session: one run at a time. What becomes of a further one, its route says: it waits in order,
//! goes beside the others, is refused, or takes the place of those before it.

use std::collections::VecDeque;

use trunkline_protocol::Limits;

/// Runs that may wait for their turn in one session; one more is `busy`.
pub const WAITING_MAX: usize = Limits::DEFAULT.runs_waiting_max;

/// Runs that may go beside the others in one session; one more is `busy`.
pub const BESIDE_MAX: usize = Limits::DEFAULT.runs_parallel_max;

/// Waiting runs beyond which one that interrupts is `busy`, too. It finds room behind a full line, because it clears that
/// when it is stored; so this many wait only while many such messages are being stored.
const WAITING_TO_INTERRUPT_MAX: usize = 2 * WAITING_MAX;

/// What a route does with a message while its session has a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhileBusy {
    /// Its run waits for its turn.
    #[default]
    Queue,
    /// Its run goes at once.
    Parallel,
    /// It is refused.
    Reject,
    /// Its run takes the place of the one that has its turn, and of those that wait.
    Interrupt,
    /// It is input to the run that has its turn; until that has taken it, its own run waits, and goes if nobody takes it.
    Steer,
}

/// What becomes of a new run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It may go.
    Now,
    /// It waits.
    Waits,
    /// It is refused: too many wait already, or none may.
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
            WhileBusy::Queue | WhileBusy::Steer => self.active.is_some() && self.waiting.len() >= WAITING_MAX,
            WhileBusy::Parallel => self.beside.len() >= BESIDE_MAX,
            WhileBusy::Reject => self.active.is_some(),
            WhileBusy::Interrupt => self.waiting.len() >= WAITING_TO_INTERRUPT_MAX,
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

    /// The run that has its turn.
    pub fn active(&self) -> Option<&str> {
        self.active.as_deref()
    }

    /// The place that a run has already.
    fn place_of(&self, run: &str) -> Option<Turn> {
        if self.active.as_deref() == Some(run) || self.beside.iter().any(|beside| beside == run) {
            return Some(Turn::Now);
        }
        self.waiting.iter().any(|waiting| waiting == run).then_some(Turn::Waits)
    }

    /// A run that interrupts is stored: gives the runs that stand before it, which are to be cancelled. The one that has
    /// its turn keeps it until it is over; nobody waits for the others any more.
    pub fn interrupt(&mut self, run: &str) -> Vec<String> {
        let Some(place) = self.waiting.iter().position(|waiting| waiting == run) else { return Vec::new() };
        self.active.iter().cloned().chain(self.waiting.drain(..place)).collect()
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
mod tests;
