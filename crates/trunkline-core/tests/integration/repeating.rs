//! A run whose calls fail in every way, at any time: how often its service is called.

use proptest::prelude::*;
use trunkline_core::Moment;
use trunkline_core::retry::{ATTEMPTS_MAX, Allowance, Attempts, Circumstances, Failure, Repetition};
use trunkline_core::run::{Action, Run, WorkerEvent};
use trunkline_protocol::ErrorCode;

#[derive(Clone, Copy, Debug)]
enum Step {
    Event,
    Fails(Failure),
    Ends,
    Cancel,
    Wait(u64),
    Stored,
}

fn step() -> impl Strategy<Value = Step> {
    let failure = prop_oneof![
        Just(Failure::Unseen),
        prop::option::of(0_u64..3_000).prop_map(|wait| Failure::Retryable(wait.map(Moment::from_millis))),
        any::<bool>().prop_map(|idempotent| Failure::Lost { idempotent }),
        Just(Failure::Final),
    ];
    prop_oneof![
        1 => Just(Step::Event),
        6 => failure.prop_map(Step::Fails),
        1 => Just(Step::Ends),
        1 => Just(Step::Cancel),
        6 => (0_u64..400).prop_map(Step::Wait),
        3 => Just(Step::Stored),
    ]
}

/// A run, and what its caller sees of it.
struct Scene {
    run: Run,
    allowance: Allowance,
    now: Moment,
    deadline: Option<Moment>,
    /// Calls made by this life and before it.
    calls: u32,
    /// Whether a call is out.
    is_out: bool,
    /// Whether no event was heard of it, and nobody has cancelled it.
    may_be_called: bool,
    appending: bool,
}

impl Scene {
    fn new(run: Run, deadline: Option<Moment>, calls: u32) -> Self {
        let is_out = calls > 0;
        let (allowance, now) = (Allowance::default(), Moment::ZERO);
        Self { run, allowance, now, deadline, calls, is_out, may_be_called: true, appending: false }
    }

    fn settle(&mut self) {
        self.run.tick(self.now);
        while let Some(action) = self.run.poll_action() {
            if action == Action::Call {
                self.called();
            }
        }
        self.appending |= self.run.poll_append(self.now, String::new).is_some();
    }

    fn called(&mut self) {
        self.calls += 1;
        assert!(!self.is_out, "one call at a time");
        self.is_out = true;
        assert!(self.calls <= ATTEMPTS_MAX, "three at most");
        assert_eq!(self.run.attempts().made(), self.calls);
        assert!(self.may_be_called, "never after the first event, nor after a cancel");
        assert!(!self.run.is_ending(), "never for nobody");
        assert!(self.deadline.is_none_or(|deadline| self.now < deadline), "never after the deadline");
    }

    fn take(&mut self, step: Step, chance: f64) {
        match step {
            Step::Wait(ms) => self.now += Moment::from_millis(ms),
            Step::Stored if std::mem::take(&mut self.appending) => self.run.appended(),
            Step::Cancel => self.may_be_called &= !self.run.cancel(self.now),
            Step::Event if self.is_out => {
                self.may_be_called = false;
                self.run.handle_worker(WorkerEvent::Text("a".into()));
            }
            Step::Ends if std::mem::take(&mut self.is_out) => self.run.handle_worker(WorkerEvent::Ended),
            Step::Fails(failure) if std::mem::take(&mut self.is_out) => self.fails(failure, chance),
            Step::Event | Step::Ends | Step::Fails(_) | Step::Stored => {}
        }
        self.settle();
    }

    fn fails(&mut self, failure: Failure, chance: f64) {
        let mut circumstances = Circumstances { now: self.now, chance, allowance: &mut self.allowance };
        match self.run.repeat(failure, &mut circumstances) {
            Repetition::At(at) => assert!(self.run.poll_timeout().is_some_and(|due| due <= at), "it is asked again"),
            Repetition::No | Repetition::TooMany => {
                self.run.handle_worker(WorkerEvent::Failed(ErrorCode::UpstreamError.body()));
            }
        }
    }
}

proptest! {
    #[test]
    fn a_call_is_repeated_only_where_nothing_can_happen_twice(
        steps in prop::collection::vec((step(), 0.0_f64..=1.0), 0..60),
        deadline in prop::option::of(0_u64..1_000),
        before in 0..=ATTEMPTS_MAX,
    ) {
        let deadline = deadline.map(Moment::from_millis);
        let run = match before {
            0 => Run::new("r", "s", deadline),
            made => Run::recovered("r", "s", deadline, 0, 0).called_before(Attempts::new(made)),
        };
        let mut scene = Scene::new(run, deadline, before);
        scene.run.tick(scene.now);
        scene.run.start();
        scene.settle();
        for (step, chance) in steps {
            scene.take(step, chance);
        }
        // Whatever it was waiting for, a run that has a deadline ends.
        scene.take(Step::Ends, 0.0);
        scene.now += Moment::from_secs(5);
        scene.settle();
        scene.take(Step::Ends, 0.0);
        for _ in 0..3 {
            scene.take(Step::Stored, 0.0);
        }
        prop_assert!(scene.run.is_over());
    }
}

#[test]
fn a_run_that_waits_for_its_next_call_is_cancelled_at_once() {
    let mut run = Run::new("r", "s", None);
    run.start();
    assert_eq!(run.poll_action(), Some(Action::Call));
    let mut allowance = Allowance::default();
    let mut circumstances = Circumstances { now: Moment::ZERO, chance: 1.0, allowance: &mut allowance };
    let at = Moment::from_millis(100);
    assert_eq!(run.repeat(Failure::Unseen, &mut circumstances), Repetition::At(at));
    assert!(run.cancel(Moment::ZERO));
    run.tick(at);
    assert_eq!(run.poll_action(), None, "nobody is to be told");
    let end = run.poll_append(at, String::new).expect("it is due").end.expect("it ends");
    assert_eq!(end.state(), "cancelled");
}

#[test]
fn a_run_that_begins_late_is_not_called() {
    let deadline = Moment::from_millis(10);
    let mut run = Run::new("r", "s", Some(deadline));
    run.tick(deadline);
    run.start();
    assert_eq!(run.poll_action(), None);
}
