//! Members who come, go, are lost and say things, and readers who ask when they like: whatever happens, nobody is told of
//! one who was not there, and in the end everybody knows what is true.

use proptest::prelude::*;

use super::*;

fn name(number: usize) -> Arc<str> {
    format!("m{number:05}").into()
}

#[derive(Clone, Debug)]
enum Step {
    Enter(usize, usize),
    Leave(usize, bool),
    Set(usize, usize),
    Wait(u64),
    Read(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (member, state) = (0_usize..6, 0_usize..4);
    let step = prop_oneof![
        3 => (member.clone(), state.clone()).prop_map(|(member, state)| Step::Enter(member, state)),
        3 => ((0_usize..6), any::<bool>()).prop_map(|(visit, wish)| Step::Leave(visit, wish)),
        3 => (member, state).prop_map(|(member, state)| Step::Set(member, state)),
        3 => prop_oneof![0_u64..400, 0_u64..7_000].prop_map(Step::Wait),
        4 => (0_usize..3).prop_map(Step::Read),
    ];
    proptest::collection::vec(step, 0..200)
}

/// Somebody who asks now and then.
#[derive(Debug, Default)]
struct Reader {
    known: Option<Revision>,
    /// Who is there and what they do; nothing where only the number was told.
    view: Option<BTreeMap<Arc<str>, State>>,
    count: usize,
}

impl Reader {
    fn read(&mut self, room: &Room) {
        match room.since(self.known) {
            Since::Nothing => {}
            Since::Everything => match room.everything() {
                Everything::Members(members) => self.view = Some(members.into_iter().collect()),
                Everything::Count(count) => (self.view, self.count) = (None, count),
            },
            Since::News(news) => news.into_iter().for_each(|news| self.hear(news)),
        }
        self.known = Some(room.revision());
        self.count = self.view.as_ref().map_or(self.count, BTreeMap::len);
    }

    fn hear(&mut self, news: News) {
        let view = self.view.as_mut().expect("news are told of a small room only");
        match news {
            News::Joined(member, state) => assert_eq!(view.insert(member, state), None, "nobody joins twice"),
            News::Left(member) => assert!(view.remove(&member).is_some(), "only who is there leaves"),
            News::State(member, state) => {
                assert!(view.insert(member, state).is_some_and(|before| before != state), "no news");
            }
        }
    }
}

/// A room, its readers, and what is true by the definition.
struct World {
    room: Room,
    readers: Vec<Reader>,
    now: Moment,
    visits: Vec<Arc<str>>,
    /// What each member said last, and when.
    said: BTreeMap<Arc<str>, (State, Moment)>,
    /// When it was last there.
    there: BTreeMap<Arc<str>, Moment>,
}

impl World {
    fn new(room: Room) -> Self {
        let readers = (0..3).map(|_| Reader::default()).collect();
        let (said, there) = (BTreeMap::new(), BTreeMap::new());
        Self { room, readers, now: Moment::ZERO, visits: Vec::new(), said, there }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Enter(member, state) => {
                self.room.enter(&name(member), State::ALL[state], self.now);
                self.visits.push(name(member));
                self.said.insert(name(member), (State::ALL[state], self.now));
            }
            Step::Leave(index, wish) if index < self.visits.len() => {
                let member = self.visits.remove(index);
                self.room.leave(&member, if wish { Leaving::ByWish } else { Leaving::Lost }, self.now);
                self.there.insert(member, self.now);
            }
            Step::Leave(..) => {}
            Step::Set(member, state) => {
                if self.visits.contains(&name(member)) {
                    self.room.set(&name(member), State::ALL[state], self.now);
                    self.said.insert(name(member), (State::ALL[state], self.now));
                }
            }
            Step::Wait(ms) => {
                self.now += Duration::from_millis(ms);
                self.room.pass(self.now);
            }
            Step::Read(reader) => {
                self.readers[reader].read(&self.room);
                self.check(reader);
            }
        }
        self.there.extend(self.visits.iter().map(|member| (Arc::clone(member), self.now)));
    }

    /// Whoever has just read knows all who have a connection, and nobody who has none for longer than it may take to say.
    fn check(&self, reader: usize) {
        let Some(view) = &self.readers[reader].view else { return };
        for member in &self.visits {
            assert!(view.contains_key(member), "{member} is there, and is not seen");
        }
        for member in view.keys() {
            let since = self.there.get(member).expect("whoever is seen was there");
            let is_there = self.visits.contains(member);
            assert!(is_there || self.now.saturating_sub(*since) <= GRACE, "{member} is seen, and long gone");
        }
    }

    fn rest(&mut self) {
        for _ in 0..4 {
            self.step(&Step::Wait(u64::try_from((TYPING + CHANGE_EVERY).as_millis()).unwrap()));
        }
        (0..self.readers.len()).for_each(|reader| self.step(&Step::Read(reader)));
    }

    /// Who is there, and what they do, when nothing has happened for a while.
    fn truth(&self) -> BTreeMap<Arc<str>, State> {
        let doing = |member| match self.said[member].0 {
            State::Typing => State::Online,
            said => said,
        };
        self.visits.iter().map(|member| (Arc::clone(member), doing(member))).collect()
    }
}

/// A room that is large with five members, and no more with three.
fn tiny() -> Room {
    Room { size: Size { members_max: 4, members_again_max: 3, ..Size::default() }, ..Room::default() }
}

proptest! {
    #[test]
    fn in_the_end_everybody_knows_what_is_true(steps in steps(), is_tiny in any::<bool>()) {
        let mut world = World::new(if is_tiny { tiny() } else { Room::default() });
        for step in &steps {
            world.step(step);
            prop_assert!(world.room.changes.bytes() <= LIST_BYTES_MAX);
        }
        world.rest();
        let truth = world.truth();
        for reader in &world.readers {
            prop_assert_eq!(reader.count, truth.len());
            if let Some(view) = &reader.view {
                prop_assert_eq!(view, &truth);
            }
            prop_assert_eq!(reader.view.is_none(), world.room.size.is_large);
        }
        prop_assert_eq!(world.room.next_at(), None, "nothing is waited for");
        let left = std::mem::take(&mut world.visits);
        for member in &left {
            world.room.leave(member, Leaving::Lost, world.now);
        }
        world.rest();
        prop_assert!(world.room.is_empty());
    }

    #[test]
    fn a_member_costs_the_others_two_changes_a_second_whatever_it_does(steps in steps()) {
        let mut world = World::new(Room::default());
        let alone = |step: &Step| match *step {
            Step::Enter(_, state) => Step::Enter(0, state),
            Step::Set(_, state) => Step::Set(0, state),
            ref other => other.clone(),
        };
        for step in steps.iter().map(alone) {
            world.step(&step);
            let changes = world.room.revision().after(Revision::default());
            prop_assert!(changes <= 2 * (1 + world.now.as_secs()), "{changes} in {:?}", world.now);
        }
    }

    #[test]
    fn names_are_counted_as_they_are_told(name in "\\PC{0,9}[\u{0}-\u{1f}\"\\\\\u{7f}é]{0,4}") {
        prop_assert_eq!(json_bytes(&name), serde_json::to_string(&name).unwrap().len());
    }
}

/// Members with a visit each.
fn fill(room: &mut Room, numbers: std::ops::Range<usize>, now: Moment) {
    numbers.for_each(|number| room.enter(&name(number), State::Online, now));
}

fn leave(room: &mut Room, numbers: std::ops::Range<usize>, now: Moment) {
    numbers.for_each(|number| room.leave(&name(number), Leaving::ByWish, now));
}

#[test]
fn a_state_that_alternates_is_told_once_a_second_and_the_last_one_is_what_remains() {
    let mut room = Room::default();
    let member = name(1);
    room.enter(&member, State::Online, Moment::ZERO);
    let (mut known, mut told) = (room.revision(), Vec::new());
    for ms in 0..3_500 {
        let now = Moment::from_millis(ms);
        room.pass(now);
        room.set(&member, if ms % 2 == 0 { State::Away } else { State::Thinking }, now);
        if let Since::News(news) = room.since(Some(known)) {
            told.extend(news.into_iter().map(|news| (ms, news)));
        }
        known = room.revision();
    }
    assert_eq!(told.iter().map(|(ms, _)| *ms).collect::<Vec<_>>(), [1_000, 2_000, 3_000]);
    room.pass(Moment::from_secs(5));
    assert_eq!(room.everything(), Everything::Members(vec![(member, State::Thinking)]));
}

#[test]
fn who_comes_is_told_at_once_with_what_it_does_and_who_comes_and_goes_is_told_once_a_second() {
    let mut room = Room::default();
    fill(&mut room, 0..1, Moment::ZERO);
    let first = room.revision();
    let known = Some(first);
    for ms in 0..400 {
        room.enter(&name(1), State::Away, Moment::from_millis(2 * ms));
        assert_eq!(room.since(known), Since::News(vec![News::Joined(name(1), State::Away)]));
        room.leave(&name(1), Leaving::ByWish, Moment::from_millis(2 * ms + 1));
    }
    room.pass(Moment::from_millis(999));
    assert_eq!(room.revision().after(first), 1);
    room.pass(Moment::from_secs(1));
    assert_eq!(room.since(known), Since::News(vec![]), "for one who looks only now it was never there");
    let now = room.revision();
    room.enter(&name(1), State::Online, Moment::from_secs(3));
    room.leave(&name(1), Leaving::ByWish, Moment::from_secs(5));
    assert_eq!((room.since(Some(now)), room.since(known)), (Since::News(vec![]), Since::News(vec![])));
    assert_eq!(room.revision().after(now), 2, "after a second of quiet both are told at once");
}

#[test]
fn whoever_has_missed_more_than_there_are_members_is_told_everything() {
    let mut room = Room::default();
    fill(&mut room, 0..100, Moment::ZERO);
    let known = room.revision();
    for second in 1..=2 {
        assert!(matches!(room.since(Some(known)), Since::Nothing | Since::News(_)));
        let state = if second == 1 { State::Away } else { State::Thinking };
        for number in 0..100 {
            assert!(!room.set(&name(number), state, Moment::from_secs(second)), "told at once");
        }
    }
    assert_eq!(room.since(Some(known)), Since::Everything);
}

#[test]
fn of_a_large_room_the_number_is_told_once_a_second() {
    let mut room = Room::default();
    let second = Moment::from_secs;
    fill(&mut room, 0..MEMBERS_TOLD_MAX, second(0));
    assert!(matches!(room.everything(), Everything::Members(members) if members.len() == MEMBERS_TOLD_MAX));
    fill(&mut room, MEMBERS_TOLD_MAX..MEMBERS_TOLD_MAX + 1, second(0));
    assert_eq!(room.everything(), Everything::Count(MEMBERS_TOLD_MAX + 1));
    let known = room.revision();
    fill(&mut room, MEMBERS_TOLD_MAX + 1..MEMBERS_TOLD_MAX + 5, second(0));
    assert!(!room.set(&name(1), State::Away, second(0)));
    room.pass(Moment::from_millis(999));
    assert_eq!(room.since(Some(known)), Since::Nothing);
    room.pass(second(1));
    assert_eq!((room.since(Some(known)), room.revision().after(known)), (Since::Everything, 1));
    room.pass(second(2));
    assert_eq!(room.revision().after(known), 1, "nothing has changed");
}

#[test]
fn a_room_on_the_edge_is_not_told_to_all_each_time_that_somebody_comes_or_goes() {
    let mut room = Room::default();
    fill(&mut room, 0..MEMBERS_TOLD_MAX + 1, Moment::ZERO);
    let mut now = Moment::ZERO;
    for _ in 0..50 {
        now += CHANGE_EVERY;
        leave(&mut room, 0..50, now);
        room.pass(now + COUNT_EVERY);
        assert!(matches!(room.everything(), Everything::Count(951)));
        fill(&mut room, 0..50, now + COUNT_EVERY);
    }
    leave(&mut room, 0..101, now + COUNT_EVERY);
    assert!(matches!(room.everything(), Everything::Count(900)));
    room.set(&name(500), State::Away, now + COUNT_EVERY);
    room.pass(now + 2 * COUNT_EVERY);
    let Everything::Members(members) = room.everything() else { panic!("it is small again") };
    assert_eq!(members.len(), 900);
    assert!(members.contains(&(name(500), State::Away)), "also what was said meanwhile");
}

#[test]
fn a_room_whose_list_would_be_too_long_is_a_large_one() {
    let mut room = Room::default();
    let long = |number: usize| -> Arc<str> { format!("{number:03}{}", "\u{1}".repeat(253)).into() };
    let mut told = 0;
    while let Everything::Members(members) = room.everything() {
        told = members.len();
        room.enter(&long(told), State::Thinking, Moment::ZERO);
    }
    let (before, after) = (told * (6 * 253 + 3 + 2 + 31), (told + 1) * (6 * 253 + 3 + 2 + 31));
    assert!(before + AROUND_BYTES_MAX <= LIST_BYTES_MAX && after + AROUND_BYTES_MAX > LIST_BYTES_MAX, "{told}");
}
