//! What has changed in a room lately, so that whoever has not asked for a while is told the difference and no more.
//!
//! Each change makes a revision. Of one who knows a revision that is no longer kept, or that lies before something that
//! cannot be told as a difference, all that can be said is: everything.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{AROUND_BYTES_MAX, LIST_BYTES_MAX, Since, State, json_bytes};

/// Changes that even a room of few members keeps.
const KEPT_MIN: usize = 16;

/// How much of a room somebody was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision(u64);

impl Revision {
    /// How many revisions came after `earlier` up to this one.
    pub const fn after(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// What is told of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It came, and is doing this.
    Joined(Arc<str>, State),
    /// It left.
    Left(Arc<str>),
    /// It is doing something else.
    State(Arc<str>, State),
}

/// What became of one member: `None` where it is not there.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) member: Arc<str>,
    pub(super) before: Option<State>,
    pub(super) after: Option<State>,
}

impl Change {
    /// What it takes at most to tell it. Whoever comes and does something is told in two messages.
    fn bytes(&self) -> usize {
        let messages = if self.before.is_none() && self.after != Some(State::Online) { 2 } else { 1 };
        messages * (AROUND_BYTES_MAX + json_bytes(&self.member))
    }
}

/// The newest changes of a room.
#[derive(Debug, Default)]
pub(super) struct Changes {
    top: Revision,
    /// One for each of the last revisions.
    kept: VecDeque<Change>,
    bytes: usize,
}

impl Changes {
    pub(super) const fn top(&self) -> Revision {
        self.top
    }

    /// Notes a change in a room of so many members. More changes than members, or than a list has bytes, are not kept: it
    /// would be shorter to tell everything.
    pub(super) fn add(&mut self, change: Change, members: usize) {
        self.top.0 += 1;
        self.bytes += change.bytes();
        self.kept.push_back(change);
        while (self.kept.len() > members.max(KEPT_MIN) || self.bytes > LIST_BYTES_MAX)
            && let Some(oldest) = self.kept.pop_front()
        {
            self.bytes -= oldest.bytes();
        }
    }

    /// Something has changed that is told to all as a whole.
    pub(super) fn tell_everything(&mut self) {
        let top = Revision(self.top.0 + 1);
        *self = Self { top, ..Self::default() };
    }

    pub(super) fn since(&self, known: Revision) -> Since {
        let missed = usize::try_from(self.top.after(known)).unwrap_or(usize::MAX);
        match missed {
            0 => Since::Nothing,
            _ if missed > self.kept.len() => Since::Everything,
            _ => Since::News(difference(self.kept.range(self.kept.len() - missed..))),
        }
    }

    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What these changes come to. Whoever came and left again meanwhile was never there, for one who looks only now.
fn difference<'a>(changes: impl Iterator<Item = &'a Change>) -> Vec<News> {
    let mut net: BTreeMap<&Arc<str>, (Option<State>, Option<State>)> = BTreeMap::new();
    for Change { member, before, after } in changes {
        net.entry(member).or_insert((*before, *after)).1 = *after;
    }
    let told = |(member, (before, after)): (&Arc<str>, (Option<State>, Option<State>))| match (before, after) {
        (None, Some(state)) => Some(News::Joined(Arc::clone(member), state)),
        (Some(_), None) => Some(News::Left(Arc::clone(member))),
        (Some(before), Some(state)) if before != state => Some(News::State(Arc::clone(member), state)),
        _ => None,
    };
    net.into_iter().filter_map(told).collect()
}
