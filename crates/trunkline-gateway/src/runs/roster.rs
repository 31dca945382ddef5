//! The runs that are open on this node, and whose turn it is in their sessions.
//!
//! A run has a [`Place`] here while a task drives it. Dropping the place, also in a panic,
//! takes the run off the roster and gives the next run of its session its turn.
//!
//! Lock order: the roster, then a session's turns.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use trunkline_core::channel::ChannelKey;
use trunkline_core::turns::{Turn, WhileBusy};

use super::answers::{Given, Mailbox, NotGiven};
use crate::sessions::Session;

/// Runs that may be open on this node at once.
const OPEN_RUNS_MAX: usize = 50_000;

/// Why a run gets no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// This node has as many open runs as it can hold.
    Full,
    /// Its session has a run beside which it may not go, or as many waiting as it may.
    Busy,
}

/// When a run was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancelled {
    /// For the first time.
    Now,
    /// It had been asked before.
    Before,
}

/// The open runs of this node.
#[derive(Default)]
pub(super) struct Roster(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    runs: HashMap<ChannelKey, Entry>,
    tickets: u64,
}

/// How others reach a run's task.
struct Entry {
    session: ChannelKey,
    /// Tells whose place it is: that of the last one who got it.
    ticket: u64,
    cancel: CancellationToken,
    turn: CancellationToken,
    answers: Arc<Mailbox>,
}

/// A run's place on the roster and in the line of its session.
pub(super) struct Place {
    /// Cancelled when a client wants the run to stop.
    pub(super) cancel: CancellationToken,
    /// Cancelled when its turn has come, if it was not at once.
    pub(super) turn: CancellationToken,
    pub(super) turn_is_now: bool,
    /// What clients answer to the run's questions.
    pub(super) answers: Arc<Mailbox>,
    roster: Arc<Roster>,
    channel: ChannelKey,
    session: Arc<Session>,
    ticket: u64,
}

impl Roster {
    /// Gives a new run a place and lines it up. `None` when it has one already: its message was repeated.
    pub(super) fn enlist(
        self: &Arc<Self>,
        run: &ChannelKey,
        session: &Arc<Session>,
        while_busy: WhileBusy,
    ) -> Result<Option<Place>, NoPlace> {
        let mut entries = self.lock();
        if entries.runs.contains_key(run) {
            return Ok(None);
        }
        if entries.runs.len() >= OPEN_RUNS_MAX {
            return Err(NoPlace::Full);
        }
        match session.turns().request(run.id(), while_busy) {
            Turn::Busy => Err(NoPlace::Busy),
            turn => Ok(Some(self.add(&mut entries, run, session, turn == Turn::Now))),
        }
    }

    /// Gives a run a place that is stored and so must be driven: a new one whatever the bounds, or that of a task
    /// which has turned out not to own it.
    pub(super) fn take_over(
        self: &Arc<Self>,
        run: &ChannelKey,
        session: &Arc<Session>,
        while_busy: WhileBusy,
    ) -> Place {
        let mut entries = self.lock();
        let turn_is_now = session.turns().insist(run.id(), while_busy) == Turn::Now;
        self.add(&mut entries, run, session, turn_is_now)
    }

    fn add(
        self: &Arc<Self>,
        entries: &mut Entries,
        run: &ChannelKey,
        session: &Arc<Session>,
        turn_is_now: bool,
    ) -> Place {
        entries.tickets += 1;
        let ticket = entries.tickets;
        let (cancel, turn) = (CancellationToken::new(), CancellationToken::new());
        let answers = Arc::<Mailbox>::default();
        let entry = Entry {
            session: session.channel.clone(),
            ticket,
            cancel: cancel.clone(),
            turn: turn.clone(),
            answers: Arc::clone(&answers),
        };
        entries.runs.insert(run.clone(), entry);
        let (channel, session) = (run.clone(), Arc::clone(session));
        Place { cancel, turn, turn_is_now, answers, roster: Arc::clone(self), channel, session, ticket }
    }

    /// Asks an open run of this session to stop; `None` when it has none of this name.
    pub(super) fn cancel(&self, run: &ChannelKey, session: &ChannelKey) -> Option<Cancelled> {
        let entries = self.lock();
        let own = entries.runs.get(run).filter(|entry| entry.session == *session)?;
        let cancelled = if own.cancel.is_cancelled() { Cancelled::Before } else { Cancelled::Now };
        own.cancel.cancel();
        Some(cancelled)
    }

    /// Asks the runs to stop that stand before a stored one in its session's line, and gives their number.
    pub(super) fn interrupt(&self, run: &ChannelKey, session: &Session) -> usize {
        let entries = self.lock();
        let earlier = session.turns().interrupt(run.id());
        let open = earlier.iter().filter_map(|id| entries.runs.get(&ChannelKey::run(&session.realm, id)));
        open.map(|entry| entry.cancel.cancel()).count()
    }

    /// Gives an open run of this session an answer.
    pub(super) fn answer(&self, run: &ChannelKey, session: &ChannelKey, given: Given) -> Result<(), NotGiven> {
        let entries = self.lock();
        match entries.runs.get(run).filter(|entry| entry.session == *session) {
            Some(entry) => entry.answers.put(given),
            None => Err(NotGiven::NoRun(given)),
        }
    }

    pub(super) fn contains(&self, run: &ChannelKey) -> bool {
        self.lock().runs.contains_key(run)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().runs.len()
    }

    fn leave(&self, place: &Place) {
        let mut entries = self.lock();
        if entries.runs.get(&place.channel).is_none_or(|entry| entry.ticket != place.ticket) {
            return;
        }
        entries.runs.remove(&place.channel);
        let session = &place.session;
        let next = session.turns().ended(place.channel.id()).map(|run| ChannelKey::run(&session.realm, run));
        if let Some(next) = next.and_then(|next| entries.runs.get(&next)) {
            next.turn.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.roster.leave(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_core::turns::WAITING_MAX;

    fn run(id: &str) -> ChannelKey {
        ChannelKey::run("default", id)
    }

    #[test]
    fn a_dropped_place_gives_the_next_run_its_turn() {
        let (roster, session) = (Arc::<Roster>::default(), Session::for_tests("default", "s"));
        let first = roster.enlist(&run("a"), &session, WhileBusy::Queue).unwrap().unwrap();
        let second = roster.enlist(&run("b"), &session, WhileBusy::Queue).unwrap().unwrap();
        assert!(first.turn_is_now && !second.turn_is_now);
        assert!(
            roster.enlist(&run("a"), &session, WhileBusy::Queue).unwrap().is_none(),
            "a repetition has no place of its own"
        );
        drop(first);
        assert!(second.turn.is_cancelled());
        assert_eq!(roster.len(), 1);
    }

    #[test]
    fn whoever_stored_a_run_drives_it_and_the_other_leaves_nothing_behind() {
        let (roster, session) = (Arc::<Roster>::default(), Session::for_tests("default", "s"));
        let pretender = roster.enlist(&run("a"), &session, WhileBusy::Queue).unwrap().unwrap();
        let owner = roster.take_over(&run("a"), &session, WhileBusy::Queue);
        assert!(owner.turn_is_now);
        drop(pretender);
        assert_eq!(roster.cancel(&run("a"), &session.channel), Some(Cancelled::Now));
        assert_eq!(roster.cancel(&run("a"), &session.channel), Some(Cancelled::Before));
        assert!(owner.cancel.is_cancelled());
        drop(owner);
        assert_eq!(roster.len(), 0);
        assert!(session.turns().is_idle());
    }

    #[test]
    fn a_stored_run_gets_a_place_in_a_busy_session() {
        let (roster, session) = (Arc::<Roster>::default(), Session::for_tests("default", "s"));
        let places: Vec<_> = (0..=WAITING_MAX)
            .map(|number| roster.enlist(&run(&number.to_string()), &session, WhileBusy::Queue).unwrap())
            .collect();
        assert!(matches!(roster.enlist(&run("more"), &session, WhileBusy::Queue), Err(NoPlace::Busy)));
        let stored = roster.take_over(&run("more"), &session, WhileBusy::Queue);
        assert!(!stored.turn_is_now);
        drop(places);
        assert!(stored.turn.is_cancelled());
    }

    #[test]
    fn a_run_that_interrupts_is_next_when_the_one_before_it_is_over() {
        let (roster, session) = (Arc::<Roster>::default(), Session::for_tests("default", "s"));
        let enlist = |id| roster.enlist(&run(id), &session, WhileBusy::Interrupt).unwrap().unwrap();
        let (first, second, third) = (enlist("a"), enlist("b"), enlist("c"));
        assert!(!first.cancel.is_cancelled(), "nothing is stored yet");
        assert_eq!(roster.interrupt(&run("c"), &session), 2);
        assert!(first.cancel.is_cancelled() && second.cancel.is_cancelled() && !third.cancel.is_cancelled());
        drop(first);
        assert!(third.turn.is_cancelled() && !second.turn.is_cancelled());
    }

    #[test]
    fn a_run_of_another_session_is_not_cancelled() {
        let (roster, session) = (Arc::<Roster>::default(), Session::for_tests("default", "s"));
        let place = roster.enlist(&run("a"), &session, WhileBusy::Queue).unwrap().unwrap();
        assert_eq!(roster.cancel(&run("a"), &ChannelKey::session("default", "other")), None);
        assert!(!place.cancel.is_cancelled());
    }
}
