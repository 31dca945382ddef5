//! Who is in a topic, and what they are doing: one room per topic.
//!
//! A member is there while it has a visit, one per connection: a user on three devices is one member. Whoever loses its
//! last connection without a word has a time to come back in before it is said to have left. Nobody is sent anything
//! here: each change makes a new [`Revision`], and whoever wants to be told asks, when it likes, what has come
//! [since](Room::since) the one that it knows. How fast somebody asks costs the others nothing, and nobody is told what is
//! over already. [`Room::pass`] says what time has brought. Knows neither connections nor who may enter.

mod changes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::Moment;
use changes::{Change, Changes};
pub use changes::{News, Revision};

/// How long a member may be without a connection before it has left: a reconnect is no leave and join.
pub const GRACE: Duration = Duration::from_secs(5);

/// How long a member is typing that does not say so again.
pub const TYPING: Duration = Duration::from_secs(10);

/// Time in which a member is told to do something else, or to have left, once at most. What comes sooner waits, and what
/// is newest then is told: one member costs the others so much and no more.
pub const CHANGE_EVERY: Duration = Duration::from_secs(1);

/// Members whose coming and going is told one by one. Of a larger room only the number is told: everything else would be
/// told by each to all.
pub const MEMBERS_TOLD_MAX: usize = 1_000;

/// Members that a large room may have when it is told one by one again: less than those that made it large, so that a few
/// who come and go do not have everybody told everything each time.
const MEMBERS_TOLD_AGAIN_MAX: usize = 900;

/// Bytes of a list of members as it is told in JSON, without the name of whom it is told. A room whose list would be
/// longer is a large one, too: what is told of a small room is always all of it.
pub const LIST_BYTES_MAX: usize = 64 * 1024;

/// The same for a large room that is told one by one again.
const LIST_BYTES_AGAIN_MAX: usize = LIST_BYTES_MAX / 10 * 9;

/// Time between two tellings of a larger room's number.
pub const COUNT_EVERY: Duration = Duration::from_secs(1);

/// What a message about a topic takes at most beside members' names and what they do.
pub const AROUND_BYTES_MAX: usize = 384;

/// What a member takes in a list beside its name: `{"member":,"state":"thinking"},`.
const AROUND_NAME_BYTES: usize = 31;

/// What a member is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There, and nothing more is known.
    #[default]
    Online,
    /// Writing something; for [`TYPING`], unless it is said again.
    Typing,
    /// Working on something.
    Thinking,
    /// There, but not at the screen.
    Away,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Online, Self::Typing, Self::Thinking, Self::Away];

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Typing => "typing",
            Self::Thinking => "thinking",
            Self::Away => "away",
        }
    }
}

/// How a visit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// The client said so.
    ByWish,
    /// Its connection is gone.
    Lost,
}

/// What somebody has to be told to know what there is to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// Nothing: it knows.
    Nothing,
    /// What has changed; of each member only what is new.
    News(Vec<News>),
    /// Everything, in place of what it knew.
    Everything,
}

/// All that is told of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Everything {
    /// Everybody who is there, and what they are doing.
    Members(Vec<(Arc<str>, State)>),
    /// How many there are in a large room.
    Count(usize),
}

/// Everybody in one topic.
#[derive(Debug, Default)]
pub struct Room {
    members: BTreeMap<Arc<str>, Member>,
    /// Members in the order in which time brings them something.
    timers: BTreeSet<(Moment, Arc<str>)>,
    changes: Changes,
    size: Size,
    /// When the number is told next, if it has changed.
    count_due: Option<Moment>,
}

#[derive(Debug)]
struct Member {
    /// How many connections it has.
    visits: usize,
    state: State,
    /// What it was told to do last, and when.
    told: State,
    told_at: Moment,
    typing_until: Option<Moment>,
    /// When it has left, unless it comes back.
    leaves_at: Option<Moment>,
    /// Its place among the timers.
    timer: Option<Moment>,
}

impl Member {
    /// When time brings something next.
    fn next_at(&self, is_large: bool) -> Option<Moment> {
        let is_held = self.state != self.told && !is_large;
        let tells_at = is_held.then(|| self.told_at + CHANGE_EVERY);
        [self.leaves_at, self.typing_until, tells_at].into_iter().flatten().min()
    }

    fn says(&mut self, state: State, now: Moment) {
        self.state = state;
        self.typing_until = (state == State::Typing).then_some(now + TYPING);
    }
}

/// Whether only the number of members is told.
#[derive(Debug)]
struct Size {
    is_large: bool,
    members: usize,
    list_bytes: usize,
    members_max: usize,
    members_again_max: usize,
}

impl Default for Size {
    fn default() -> Self {
        let (members_max, members_again_max) = (MEMBERS_TOLD_MAX, MEMBERS_TOLD_AGAIN_MAX);
        Self { is_large: false, members: 0, list_bytes: AROUND_BYTES_MAX, members_max, members_again_max }
    }
}

impl Size {
    fn add(&mut self, member: &str) {
        self.members += 1;
        self.list_bytes += json_bytes(member) + AROUND_NAME_BYTES;
    }

    fn remove(&mut self, member: &str) {
        self.members -= 1;
        self.list_bytes -= json_bytes(member) + AROUND_NAME_BYTES;
    }

    const fn is_too_large(&self) -> bool {
        self.members > self.members_max || self.list_bytes > LIST_BYTES_MAX
    }

    const fn is_small_again(&self) -> bool {
        self.members <= self.members_again_max && self.list_bytes <= LIST_BYTES_AGAIN_MAX
    }
}

impl Room {
    /// Lets a member in with one more connection.
    pub fn enter(&mut self, member: &Arc<str>, state: State, now: Moment) {
        if let Some(known) = self.members.get_mut(member) {
            known.visits += 1;
            known.leaves_at = None;
            known.says(state, now);
        } else {
            self.join(member, state, now);
        }
        self.settle(member, now);
    }

    fn join(&mut self, member: &Arc<str>, state: State, now: Moment) {
        let mut known =
            Member { visits: 1, state, told: state, told_at: now, typing_until: None, leaves_at: None, timer: None };
        known.says(state, now);
        self.members.insert(Arc::clone(member), known);
        self.size.add(member);
        if self.size.is_large {
            return self.count_later(now);
        }
        self.change(member, None, Some(state));
        if self.size.is_too_large() {
            self.size.is_large = true;
            self.changes.tell_everything();
        }
    }

    /// Ends a visit.
    pub fn leave(&mut self, member: &Arc<str>, leaving: Leaving, now: Moment) {
        let is_large = self.size.is_large;
        let Some(known) = self.members.get_mut(member) else { return };
        known.visits = known.visits.saturating_sub(1);
        if known.visits == 0 {
            // Otherwise one that comes and goes would be told to all each time.
            let tells_at = if is_large { now } else { now.max(known.told_at + CHANGE_EVERY) };
            known.leaves_at = Some(if leaving == Leaving::ByWish { tells_at } else { now + GRACE });
        }
        self.settle(member, now);
    }

    /// A member says what it is doing. Says whether that has to wait, because of what it said a moment ago.
    pub fn set(&mut self, member: &Arc<str>, state: State, now: Moment) -> bool {
        let Some(known) = self.members.get_mut(member) else { return false };
        known.says(state, now);
        self.settle(member, now);
        !self.size.is_large && self.members.get(member).is_some_and(|known| known.state != known.told)
    }

    /// What time has brought.
    pub fn pass(&mut self, now: Moment) {
        while let Some((at, member)) = self.timers.first()
            && *at <= now
        {
            let member = Arc::clone(member);
            self.settle(&member, now);
        }
        if self.count_due.is_some_and(|due| due <= now) {
            self.count_due = None;
            if self.size.is_small_again() {
                self.become_small(now);
            } else {
                self.changes.tell_everything();
            }
        }
    }

    /// When time brings something next.
    pub fn next_at(&self) -> Option<Moment> {
        let timer = self.timers.first().map(|(at, _)| *at);
        [timer, self.count_due].into_iter().flatten().min()
    }

    /// Tells what is to be told of a member now, and notes when to look again.
    fn settle(&mut self, member: &Arc<str>, now: Moment) {
        let is_large = self.size.is_large;
        let Some(known) = self.members.get_mut(member) else { return };
        if let Some(timer) = known.timer.take() {
            self.timers.remove(&(timer, Arc::clone(member)));
        }
        let is_over = |at: Option<Moment>| at.is_some_and(|at| at <= now);
        if is_over(known.leaves_at) {
            return self.remove(member, now);
        }
        if is_over(known.typing_until) {
            known.says(State::Online, now);
        }
        let is_news = known.state != known.told && !is_large && now >= known.told_at + CHANGE_EVERY;
        let before = is_news.then_some(known.told);
        if is_news {
            (known.told, known.told_at) = (known.state, now);
        }
        known.timer = known.next_at(is_large);
        let (timer, state) = (known.timer, known.told);
        self.timers.extend(timer.map(|timer| (timer, Arc::clone(member))));
        if before.is_some() {
            self.change(member, before, Some(state));
        }
    }

    fn remove(&mut self, member: &Arc<str>, now: Moment) {
        let Some(gone) = self.members.remove(member) else { return };
        self.size.remove(member);
        if self.size.is_large {
            self.count_later(now);
        } else {
            self.change(member, Some(gone.told), None);
        }
    }

    fn change(&mut self, member: &Arc<str>, before: Option<State>, after: Option<State>) {
        let member = Arc::clone(member);
        self.changes.add(Change { member, before, after }, self.members.len());
    }

    fn become_small(&mut self, now: Moment) {
        self.size.is_large = false;
        for known in self.members.values_mut() {
            (known.told, known.told_at) = (known.state, now);
        }
        self.changes.tell_everything();
    }

    fn count_later(&mut self, now: Moment) {
        self.count_due.get_or_insert(now + COUNT_EVERY);
    }

    /// How far one is who was told everything until now.
    pub const fn revision(&self) -> Revision {
        self.changes.top()
    }

    /// What has to be told to somebody who knows what was told up to `known`; `None` knows nothing.
    pub fn since(&self, known: Option<Revision>) -> Since {
        known.map_or(Since::Everything, |known| self.changes.since(known))
    }

    /// All that is told of this room now.
    pub fn everything(&self) -> Everything {
        if self.size.is_large {
            return Everything::Count(self.members.len());
        }
        Everything::Members(self.members.iter().map(|(name, member)| (Arc::clone(name), member.told)).collect())
    }

    /// Whether nobody is there, and nobody is waited for.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// Bytes of a name as it stands in JSON, with its quotes.
fn json_bytes(name: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0C => 2,
        0..0x20 => 6,
        _ => 1,
    };
    2 + name.bytes().map(escaped).sum::<usize>()
}

#[cfg(test)]
mod tests;
