//! The line of a session under any order of messages, stores and ends.

use std::collections::BTreeSet;

use proptest::prelude::*;

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

#[test]
fn a_run_that_may_not_wait_is_busy_while_another_has_its_turn() {
    let mut turns = Turns::default();
    assert_eq!(turns.request("beside", WhileBusy::Parallel), Turn::Now);
    assert_eq!(turns.request("a", WhileBusy::Reject), Turn::Now, "what takes no turn makes nobody busy");
    assert_eq!(turns.request("b", WhileBusy::Reject), Turn::Busy);
    assert_eq!(turns.request("a", WhileBusy::Reject), Turn::Now, "asking again changes nothing");
    assert_eq!(turns.insist("b", WhileBusy::Reject), Turn::Waits, "what was accepted before goes in its turn");
    assert_eq!(turns.ended("a"), Some("b"));
    assert_eq!(turns.ended("b"), None);
    assert_eq!(turns.request("c", WhileBusy::Reject), Turn::Now);
}

#[test]
fn a_stored_run_that_interrupts_takes_the_place_of_all_before_it() {
    let mut turns = Turns::default();
    for (run, turn) in [("a", Turn::Now), ("b", Turn::Waits)] {
        assert_eq!(turns.request(run, WhileBusy::Queue), turn);
    }
    assert_eq!(turns.request("beside", WhileBusy::Parallel), Turn::Now);
    assert_eq!(turns.request("c", WhileBusy::Interrupt), Turn::Waits);
    assert_eq!(turns.request("d", WhileBusy::Queue), Turn::Waits);
    assert_eq!(turns.interrupt("c"), ["a", "b"], "neither what goes beside, nor what came later");
    assert_eq!(turns.interrupt("c"), ["a"], "a second time there is nobody else");
    assert_eq!(turns.ended("b"), None, "nobody waits for its end");
    assert_eq!(turns.ended("a"), Some("c"));
    assert!(turns.interrupt("c").is_empty(), "it has its turn");
    assert_eq!(turns.ended("c"), Some("d"));
}

#[test]
fn a_full_line_has_room_for_the_run_that_clears_it() {
    let mut turns = Turns::default();
    for number in 0..=WAITING_MAX {
        turns.request(&number.to_string(), WhileBusy::Queue);
    }
    assert_eq!(turns.request("more", WhileBusy::Queue), Turn::Busy);
    for number in 0..WAITING_MAX {
        assert_eq!(turns.request(&format!("stop {number}"), WhileBusy::Interrupt), Turn::Waits);
    }
    assert_eq!(turns.request("stop", WhileBusy::Interrupt), Turn::Busy, "while none of them is stored");
    assert_eq!(turns.interrupt("stop 0").len(), WAITING_MAX + 1);
    assert_eq!(turns.request("stop", WhileBusy::Interrupt), Turn::Waits);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Request(WhileBusy),
    /// The oldest run that interrupts and was not stored yet is.
    Stored,
    /// This one of the open runs ends.
    Ends(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    let modes = [WhileBusy::Queue, WhileBusy::Parallel, WhileBusy::Reject, WhileBusy::Interrupt, WhileBusy::Steer];
    prop_oneof![
        4 => prop::sample::select(modes.to_vec()).prop_map(Step::Request),
        2 => Just(Step::Stored),
        3 => any::<prop::sample::Index>().prop_map(Step::Ends),
    ]
}

/// What a session was promised, beside the turns. Runs are numbered as they were requested.
#[derive(Default)]
struct Model {
    turns: Turns,
    requested: usize,
    open: Vec<(usize, WhileBusy)>,
    /// Runs that interrupt and are not stored yet.
    to_store: Vec<usize>,
    cancelled: BTreeSet<usize>,
    /// The run in the line that has its turn.
    active: Option<usize>,
}

impl Model {
    fn request(&mut self, while_busy: WhileBusy) {
        let run = self.requested;
        self.requested += 1;
        let turn = self.turns.request(&run.to_string(), while_busy);
        match (while_busy, turn) {
            (_, Turn::Busy) => {
                assert!(while_busy == WhileBusy::Parallel || self.active.is_some(), "an idle session refuses nobody");
                return;
            }
            (WhileBusy::Parallel, turn) => assert_eq!(turn, Turn::Now),
            (_, Turn::Now) => assert_eq!(self.active.replace(run), None, "one has the turn at a time"),
            (while_busy, Turn::Waits) => assert!(self.active.is_some() && while_busy != WhileBusy::Reject),
        }
        self.open.push((run, while_busy));
        if while_busy == WhileBusy::Interrupt {
            self.to_store.push(run);
        }
    }

    fn stored(&mut self) {
        if self.to_store.is_empty() {
            return;
        }
        let run = self.to_store.remove(0);
        let given: BTreeSet<_> = self.turns.interrupt(&run.to_string()).iter().map(|run| number(run)).collect();
        if self.active != Some(run) && !self.cancelled.contains(&run) {
            let in_line = |(other, mode): &&(usize, WhileBusy)| *other < run && *mode != WhileBusy::Parallel;
            let earlier: BTreeSet<_> = self.open.iter().filter(in_line).map(|(other, _)| *other).collect();
            assert!(given.is_subset(&earlier), "only what was there before it, and takes a turn");
            self.cancelled.extend(given);
            assert!(earlier.is_subset(&self.cancelled), "and all of it");
        } else {
            assert!(given.is_empty(), "it has its turn, or was interrupted itself");
        }
    }

    fn ends(&mut self, place: usize) {
        let (run, _) = self.open.remove(place);
        self.to_store.retain(|other| *other != run);
        let next = self.turns.ended(&run.to_string()).map(number);
        if self.active != Some(run) {
            assert_eq!(next, None, "only the end of the active one gives a turn");
            return;
        }
        let waits = |(run, mode): &&(usize, WhileBusy)| *mode != WhileBusy::Parallel && !self.cancelled.contains(run);
        assert_eq!(next, self.open.iter().find(waits).map(|(run, _)| *run), "who has waited longest is next");
        self.active = next;
    }
}

fn number(run: &str) -> usize {
    run.parse().unwrap()
}

proptest! {
    #[test]
    fn one_run_at_a_time_in_order_and_nobody_is_forgotten(steps in prop::collection::vec(step(), 0..200)) {
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Request(while_busy) => model.request(while_busy),
                Step::Stored => model.stored(),
                Step::Ends(which) if !model.open.is_empty() => model.ends(which.index(model.open.len())),
                Step::Ends(_) => {}
            }
            prop_assert!(model.turns.waiting.len() <= WAITING_TO_INTERRUPT_MAX);
        }
        while !model.open.is_empty() {
            model.ends(0);
        }
        prop_assert!(model.turns.is_idle() && model.turns.waiting.is_empty());
    }
}
