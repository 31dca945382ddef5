//! A session and its runs: which runs come with it, and which of them the client has.
//!
//! A session's log tells of the starts of its runs, and each start brings its run. A client may have a run already that
//! its session's log comes to: it asked for it when it came back, or went on with it when the session was reset. Such a
//! run is *ahead*, and not brought again, be it that it goes on or that it was told to its end meanwhile.

use super::{Attached, ChannelKey, Delivery, Frame, Outbox, Position, Priority};

/// What became of a run of whose start a session's log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brought {
    /// It is attached now.
    Attached,
    /// The client has it, or had it to its end.
    Known,
    /// There is no place for it, and its start is not to be told yet.
    NoPlace,
}

impl<F: Frame> Outbox<F> {
    /// The same as [`Outbox::attach`] for a run of `session`, whose log may have to tell of the run's start yet. Refused when
    /// the session is not attached.
    pub fn attach_run(
        &mut self,
        run: ChannelKey,
        session: &ChannelKey,
        priority: Priority,
        cursor: Option<Position>,
    ) -> bool {
        let attached = self.add_run(run, session, priority, cursor);
        if let Some(run) = self.attached.last_mut().filter(|_| attached) {
            run.is_ahead = true;
        }
        attached
    }

    /// The log of `session` tells of a run's start: it is attached, to be told from there, unless the client has it.
    pub fn bring_run(&mut self, run: ChannelKey, session: &ChannelKey, priority: Priority) -> Brought {
        if let Some(index) = self.told.iter().position(|(_, told)| *told == run) {
            self.told.swap_remove(index);
            return Brought::Known;
        }
        if let Some(index) = self.find(&run) {
            self.attached[index].is_ahead = false;
            return Brought::Known;
        }
        if self.add_run(run, session, priority, None) { Brought::Attached } else { Brought::NoPlace }
    }

    fn add_run(&mut self, run: ChannelKey, session: &ChannelKey, priority: Priority, cursor: Option<Position>) -> bool {
        self.is_attached(session) && self.add(run, Some(session.clone()), priority, Delivery::Behind, cursor)
    }

    /// Attaches a run of an attached session that has no record yet, so that its first one is taken as it comes.
    pub fn attach_new_run(&mut self, run: ChannelKey, session: &ChannelKey) -> bool {
        self.is_attached(session) && self.add(run, Some(session.clone()), Priority::Interactive, Delivery::Live, None)
    }

    /// The attached runs that a session brought.
    pub fn runs_of(&self, session: &ChannelKey) -> Vec<ChannelKey> {
        let brought = self.attached.iter().filter(|attached| attached.session.as_ref() == Some(session));
        brought.map(|attached| attached.channel.clone()).collect()
    }

    /// From here on the log of a session may tell of every start again.
    pub(super) fn tells_anew(&mut self, session: &ChannelKey) {
        self.told.retain(|(of, _)| of != session);
        let runs = self.attached.iter_mut().filter(|run| run.session.as_ref() == Some(session));
        runs.for_each(|run| run.is_ahead = true);
    }

    /// A run was told to its end.
    pub(super) fn is_told(&mut self, index: usize) {
        let run = self.attached.remove(index);
        if let Some(session) = run.session.filter(|_| run.is_ahead)
            && self.find(&session).is_some_and(|index| self.attached[index].delivery == Delivery::Behind)
        {
            self.told.push((session, run.channel));
        }
    }

    /// How many interactive frames go before the next one of this channel, where their queue does not see to it: a run
    /// goes behind what its session was told, be it that the session is attached, or that the run began.
    pub(super) fn comes_after(&self, index: usize) -> u64 {
        let Attached { session: Some(session), priority: Priority::Bulk, .. } = &self.attached[index] else { return 0 };
        self.find(session).map_or(0, |session| self.attached[session].last)
    }
}
