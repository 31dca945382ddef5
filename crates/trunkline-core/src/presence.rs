//! Who is in a topic, and what they are doing: one room per topic.
//!
//! A member is there while it has a visit, one per connection: a user on three devices is one member. Whoever loses its
//! last connection without a word has a time to come back in before it is said to have left. What has to be told comes out
//! of each event; [`Room::pass`] says what time has brought. Knows neither connections nor who may enter.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Moment;

/// How long a member may be without a connection before it has left: a reconnect is no leave and join.
pub const GRACE: Duration = Duration::from_secs(5);

/// How long a member is typing that does not say so again.
pub const TYPING: Duration = Duration::from_secs(10);

/// Members whose coming and going is told one by one. Of a larger room only the number is told: everything else would be
/// told by each to all.
pub const MEMBERS_TOLD_MAX: usize = 1_000;

/// Time between two tellings of a larger room's number.
pub const COUNT_EVERY: Duration = Duration::from_secs(1);

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

/// What everybody in a room is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Somebody came.
    Joined(String),
    /// Somebody left.
    Left(String),
    /// Somebody is doing something else.
    State(String, State),
    /// How many there are in a large room.
    Count(usize),
    /// Everybody who is there: the room is no large one any more.
    Everybody,
}

/// How a visit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// The client said so.
    ByWish,
    /// Its connection is gone.
    Lost,
}

/// Everybody in one topic.
#[derive(Debug, Default)]
pub struct Room {
    members: BTreeMap<String, Member>,
    /// When the number is told next, if it has changed.
    count_due: Option<Moment>,
}

#[derive(Debug, Default)]
struct Member {
    visits: Vec<u64>,
    state: State,
    typing_until: Option<Moment>,
    /// When it has left, unless it comes back.
    leaves_at: Option<Moment>,
}

impl Room {
    /// Lets a member in with one more connection. `visit` is a number that no other visit has.
    pub fn enter(&mut self, member: &str, visit: u64, now: Moment) -> Option<News> {
        if let Some(known) = self.members.get_mut(member) {
            known.visits.push(visit);
            known.leaves_at = None;
            return None;
        }
        self.members.insert(member.to_owned(), Member { visits: vec![visit], ..Member::default() });
        if self.is_large() {
            self.count_later(now);
            return None;
        }
        Some(News::Joined(member.to_owned()))
    }

    /// Ends a visit.
    pub fn leave(&mut self, member: &str, visit: u64, leaving: Leaving, now: Moment) -> Option<News> {
        let known = self.members.get_mut(member)?;
        known.visits.retain(|other| *other != visit);
        if !known.visits.is_empty() {
            return None;
        }
        match leaving {
            Leaving::ByWish => self.remove(member, now),
            Leaving::Lost => {
                known.leaves_at = Some(now + GRACE);
                None
            }
        }
    }

    /// A member says what it is doing.
    pub fn set(&mut self, member: &str, state: State, now: Moment) -> Option<News> {
        let is_large = self.is_large();
        let known = self.members.get_mut(member)?;
        known.typing_until = (state == State::Typing).then_some(now + TYPING);
        let before = std::mem::replace(&mut known.state, state);
        (before != state && !is_large).then(|| News::State(member.to_owned(), state))
    }

    /// What time has brought.
    pub fn pass(&mut self, now: Moment) -> Vec<News> {
        let mut news = Vec::new();
        let is_over = |at: Option<Moment>| at.is_some_and(|at| at <= now);
        let gone = self.members.iter().filter(|(_, member)| is_over(member.leaves_at));
        for member in gone.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            news.extend(self.remove(&member, now));
        }
        let silent = self.members.iter().filter(|(_, member)| is_over(member.typing_until));
        for member in silent.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            news.extend(self.set(&member, State::Online, now));
        }
        if is_over(self.count_due) {
            self.count_due = None;
            news.extend(self.is_large().then_some(News::Count(self.members.len())));
        }
        news
    }

    fn remove(&mut self, member: &str, now: Moment) -> Option<News> {
        let was_large = self.is_large();
        self.members.remove(member)?;
        match (was_large, self.is_large()) {
            (true, true) => {
                self.count_later(now);
                None
            }
            (true, false) => Some(News::Everybody),
            (false, _) => Some(News::Left(member.to_owned())),
        }
    }

    fn count_later(&mut self, now: Moment) {
        self.count_due.get_or_insert(now + COUNT_EVERY);
    }

    /// Whether only the number of its members is told.
    pub fn is_large(&self) -> bool {
        self.members.len() > MEMBERS_TOLD_MAX
    }

    /// Everybody who is there, and what they are doing.
    pub fn members(&self) -> impl Iterator<Item = (&str, State)> {
        self.members.iter().map(|(name, member)| (name.as_str(), member.state))
    }

    /// How many are there.
    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is there, and nobody is waited for.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Enter(usize),
        Leave(usize, bool),
        Set(usize, usize),
        Wait(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => (0_usize..4).prop_map(Step::Enter),
            3 => ((0_usize..6), any::<bool>()).prop_map(|(visit, wish)| Step::Leave(visit, wish)),
            2 => ((0_usize..4), (0_usize..4)).prop_map(|(member, state)| Step::Set(member, state)),
            3 => (0_u64..7_000).prop_map(Step::Wait),
        ];
        proptest::collection::vec(step, 0..80)
    }

    /// What somebody in the room believes, who only hears the news.
    fn hear(view: &mut BTreeMap<String, State>, news: impl IntoIterator<Item = News>) {
        for news in news {
            match news {
                News::Joined(member) => assert_eq!(view.insert(member, State::Online), None, "nobody joins twice"),
                News::Left(member) => assert!(view.remove(&member).is_some(), "only who is there leaves"),
                News::State(member, state) => assert!(view.insert(member, state).is_some_and(|before| before != state)),
                News::Count(_) | News::Everybody => panic!("the room is small"),
            }
        }
    }

    proptest! {
        #[test]
        fn whoever_hears_the_news_knows_who_is_there_and_what_they_do(steps in steps()) {
            let name = |member: usize| format!("m{member}");
            let (mut room, mut view, mut now) = (Room::default(), BTreeMap::new(), Moment::ZERO);
            let mut visits: Vec<(String, u64)> = Vec::new();
            // By the definition: when each member lost its last connection, and when it said that it types.
            let (mut lost, mut typed) = (BTreeMap::new(), BTreeMap::new());
            for (number, step) in (0..).zip(steps) {
                match step {
                    Step::Enter(member) => {
                        hear(&mut view, room.enter(&name(member), number, now));
                        visits.push((name(member), number));
                        lost.remove(&name(member));
                    }
                    Step::Leave(index, wish) if index < visits.len() => {
                        let (member, visit) = visits.remove(index);
                        let leaving = if wish { Leaving::ByWish } else { Leaving::Lost };
                        hear(&mut view, room.leave(&member, visit, leaving, now));
                        let is_last = visits.iter().all(|(other, _)| *other != member);
                        if is_last && wish {
                            lost.remove(&member);
                            typed.remove(&member);
                        } else if is_last {
                            lost.insert(member, now);
                        }
                    }
                    Step::Leave(..) => {}
                    Step::Set(member, state) => {
                        hear(&mut view, room.set(&name(member), State::ALL[state], now));
                        if view.contains_key(&name(member)) && State::ALL[state] == State::Typing {
                            typed.insert(name(member), now);
                        } else {
                            typed.remove(&name(member));
                        }
                    }
                    Step::Wait(ms) => {
                        now += Duration::from_millis(ms);
                        hear(&mut view, room.pass(now));
                        lost.retain(|member, since| {
                            let stays = now.saturating_sub(*since) < GRACE;
                            if !stays {
                                typed.remove(member);
                            }
                            stays
                        });
                        typed.retain(|_, since| now.saturating_sub(*since) < TYPING);
                    }
                }
                let seen: Vec<_> = room.members().map(|(member, state)| (member.to_owned(), state)).collect();
                prop_assert_eq!(view.clone().into_iter().collect::<Vec<_>>(), seen);
                let mut there: Vec<_> = visits.iter().map(|(member, _)| member.clone()).chain(lost.keys().cloned()).collect();
                there.sort();
                there.dedup();
                prop_assert_eq!(view.keys().cloned().collect::<Vec<_>>(), there);
                let typing = view.iter().filter(|(_, state)| **state == State::Typing).map(|(member, _)| member);
                prop_assert_eq!(typing.collect::<Vec<_>>(), typed.keys().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn of_a_large_room_the_number_is_told_once_a_second() {
        let mut room = Room::default();
        let second = Moment::from_secs;
        let enter = |room: &mut Room, number: usize| room.enter(&format!("m{number:05}"), number as u64, second(0));
        for number in 0..MEMBERS_TOLD_MAX {
            assert!(matches!(enter(&mut room, number), Some(News::Joined(_))));
        }
        for number in 0..5 {
            assert_eq!(enter(&mut room, MEMBERS_TOLD_MAX + number), None);
        }
        assert_eq!(room.set("m00001", State::Typing, second(0)), None);
        assert_eq!(room.pass(Moment::from_millis(999)), []);
        assert_eq!(room.pass(second(1)), [News::Count(MEMBERS_TOLD_MAX + 5)]);
        assert_eq!(room.pass(second(2)), [], "nothing has changed");
        for number in 0..4 {
            assert_eq!(room.leave(&format!("m{number:05}"), number, Leaving::ByWish, second(3)), None);
        }
        assert_eq!(room.leave("m00004", 4, Leaving::ByWish, second(3)), Some(News::Everybody));
        assert_eq!(room.leave("m00005", 5, Leaving::ByWish, second(3)), Some(News::Left("m00005".to_owned())));
        assert_eq!(room.pass(second(4)), [], "a small room has no number to tell");
    }
}
