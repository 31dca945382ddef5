//! A run whose worker asks, whose clients answer, and whose store and clock do what they like: what its channel holds must
//! keep the promises of `protocol/client.md` §4 about questions.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;
use crate::record::message;
use crate::retry::{ATTEMPTS_MAX, Allowance, Circumstances, Failure, Repetition};

fn ts() -> String {
    "2026-01-01T00:00:00.000Z".to_owned()
}

/// How long a question is open where its worker names no time.
const EXPIRES_IN_MAX: Duration = Duration::from_secs(3);

fn wall_clock(after: Duration) -> String {
    format!("in {} ms", after.as_millis())
}

fn approval() -> Bytes {
    Bytes::from_static(br#"{"kind":"approval","message":"Sure?"}"#)
}

fn question(request: &str, resumable: bool) -> Ask {
    let checkpoint = Some(Bytes::from_static(b"here"));
    let (codec, payload) = (Codec::Json, approval());
    Ask { request: request.to_owned(), codec, payload, resumable, checkpoint, expires_in_max: EXPIRES_IN_MAX }
}

/// A question whose worker wants to wait for so long.
fn question_for(request: &str, resumable: bool, ms: Option<u64>) -> Ask {
    let wanted = ms.map(|ms| format!(r#","expires_in_ms":{ms}"#)).unwrap_or_default();
    let payload = format!(r#"{{"kind":"approval","message":"Sure?"{wanted}}}"#).into();
    Ask { payload, ..question(request, resumable) }
}

fn answer(request: &str, id: &str, granted: bool) -> Answer {
    let payload = format!(r#"{{"request_id":"{request}","granted":{granted}}}"#);
    Answer::from_client(&RawValue::from_string(payload).unwrap(), id, Some("anna")).unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    Text,
    /// The question, and how long it may be open.
    Ask(u8, Option<u64>),
    /// The question, the message's id, and what it says.
    Answer(u8, u8, bool),
    WorkerLost,
    WorkerEnds,
    Cancel,
    Wait(u64),
    Stored,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Text),
        5 => (0_u8..6, prop::option::of(0_u64..6_000)).prop_map(|(number, ms)| Step::Ask(number, ms)),
        8 => (0_u8..7, 0_u8..4, any::<bool>()).prop_map(|(request, id, granted)| Step::Answer(request, id, granted)),
        1 => Just(Step::WorkerLost),
        1 => Just(Step::WorkerEnds),
        1 => Just(Step::Cancel),
        3 => (0_u64..900).prop_map(Step::Wait),
        6 => Just(Step::Stored),
        1 => Just(Step::Restart),
    ]
}

/// A run with its channel, its mark, its clients and a model of its clock.
struct Model {
    run: Run,
    now: Moment,
    deadline: Option<Moment>,
    /// What is left of the deadline by a plain count of the time in which no question was open.
    left: Option<Duration>,
    channel: Vec<(RecordKind, Bytes)>,
    mark: Option<Box<Mark>>,
    in_flight: Option<AppendRequest>,
    resumable: bool,
    /// When the questions expire that were asked, by a plain list of them.
    expires: HashMap<String, Moment>,
    /// Answers that a sender was promised, by question; the promise is kept unless the gateway is killed before it is stored.
    acknowledged: HashMap<String, String>,
    calls: u64,
}

impl Model {
    fn new(deadline: Option<Moment>, resumable: bool) -> Self {
        let mut run = Run::new("r", "s", deadline);
        run.start();
        let (channel, acknowledged) = (Vec::new(), HashMap::new());
        Self {
            run,
            now: Moment::ZERO,
            deadline,
            left: deadline,
            channel,
            mark: None,
            in_flight: None,
            resumable,
            expires: HashMap::new(),
            acknowledged,
            calls: 0,
        }
    }

    fn settle(&mut self) {
        self.run.tick(self.now);
        if let Some(request) = self.run.poll_append(self.now, ts) {
            assert_eq!(request.expected, self.channel.len() as u64, "an append names the top");
            assert!(self.in_flight.replace(request).is_none(), "one append at a time");
        }
        while let Some(action) = self.run.poll_action() {
            match action {
                Action::Answered { request, content } => {
                    assert!(self.acknowledged.insert(request, content).is_none(), "acknowledged and told once");
                }
                Action::CallAgain => {
                    self.calls += 1;
                    assert!(self.resumable && !self.run.is_waiting());
                    assert_eq!(self.run.attempt(), self.mark.as_ref().unwrap().attempt, "stored before it is called");
                }
                Action::Call | Action::CancelCall | Action::Stored(_) | Action::TookInput(_) => {}
            }
        }
    }

    fn ask(&mut self, number: u8, ms: Option<u64>) {
        let request = format!("q{number}");
        let goes_on = !self.run.is_ending() && !self.run.waiting.is_without_worker();
        self.run.ask(question_for(&request, self.resumable, ms), self.now, wall_clock);
        if goes_on && !self.run.is_ending() {
            let open_for = ms.map_or(EXPIRES_IN_MAX, |ms| Duration::from_millis(ms).min(EXPIRES_IN_MAX));
            self.expires.insert(request, self.now + open_for);
        }
    }

    /// When the first open question expires.
    fn first_to_expire(&self) -> Option<Moment> {
        let open = self.run.waiting.questions.expiries();
        open.iter().filter_map(|(request, _)| self.expires.get(request)).min().copied()
    }

    /// As the driver tells it. Says whether the service is called again.
    fn lose_worker(&mut self) -> bool {
        let (failure, allowance) = (Failure::Lost { idempotent: false }, &mut Allowance::default());
        let repetition = self.run.repeat(failure, &mut Circumstances { now: self.now, chance: 0.0, allowance });
        if repetition == Repetition::No {
            self.run.handle_worker(WorkerEvent::Failed(ErrorCode::WorkerLost.body()));
        }
        repetition == Repetition::At(self.now)
    }

    fn wait(&mut self, ms: u64) {
        let time = Moment::from_millis(ms);
        if !self.run.is_waiting() {
            self.left = self.left.map(|left| left.saturating_sub(time));
        }
        self.now += time;
        self.settle();
    }

    fn store(&mut self) {
        if let Some(request) = self.in_flight.take() {
            self.channel.extend(request.records);
            self.mark = request.mark.or(self.mark.take());
            self.run.appended();
        }
        self.settle();
    }

    /// The gateway is killed: what stands in the channel is all there is. Time goes on.
    fn restart(&mut self) {
        if self.run.is_over() {
            return;
        }
        let (mut questions, mut events, mut quiet) = (Questions::default(), 0, false);
        for (_, data) in &self.channel {
            let (_, message) = message(data).unwrap();
            if let Some(seq) = message.seq {
                (events, quiet) = (message.seq_end.unwrap_or(seq) + 1, false);
            }
            quiet |= matches!(questions.read(&message), Some(Said::Answer { .. }));
        }
        let top = self.channel.len() as u64;
        let run = Run::recovered("r", "s", self.deadline, top, events);
        self.run = match self.mark.clone() {
            Some(mark) => run.having_asked(questions, quiet, *mark, self.now, EXPIRES_IN_MAX),
            None => run,
        };
        self.in_flight = None;
        // An answer that was not stored is none: its question has its whole time again.
        let recovered = self.run.waiting.questions.expiries();
        let stored = self.mark.as_ref().map(|mark| mark.open.clone()).unwrap_or_default();
        for (request, expires) in recovered {
            if !stored.iter().any(|(name, _)| *name == request) {
                self.expires.insert(request, expires);
            }
        }
        // What was asked or answered and not stored never was: only the run knows what is left.
        self.left = match self.run.time {
            TimeLeft::Unbounded => None,
            TimeLeft::Until(deadline) => Some(deadline.saturating_sub(self.now)),
            TimeLeft::Paused(left) => Some(left),
        };
        self.settle();
    }

    /// Every answer stands behind its question, and no question has two.
    fn check(&self) {
        let (mut asked, mut answered) = (HashSet::new(), HashMap::new());
        for (_, data) in &self.channel {
            let (_, message) = message(data).unwrap();
            let request = |message: &trunkline_protocol::Envelope<'_>| {
                let payload = message.payload.as_ref().unwrap().to_json();
                let payload: serde_json::Value = serde_json::from_str(payload.get()).unwrap();
                (payload["request_id"].as_str().unwrap().to_owned(), payload.to_string())
            };
            match &*message.kind {
                "run_waiting" => assert!(asked.insert(request(&message).0), "asked once"),
                "answer" => {
                    let (request, _) = request(&message);
                    let content = message.payload.as_ref().unwrap().to_json().get().to_owned();
                    assert!(asked.contains(&request), "nobody asked {request}");
                    assert!(answered.insert(request, content).is_none(), "answered twice");
                }
                _ => {}
            }
        }
        for (request, content) in &self.acknowledged {
            assert_eq!(answered.get(request), Some(content), "what was acknowledged is what is stored");
        }
    }
}

proptest! {
    #[test]
    fn a_question_is_answered_once_and_the_deadline_stands_still(
        steps in proptest::collection::vec(step(), 0..80),
        deadline in proptest::option::of(1_u64..6_000),
        resumable in any::<bool>(),
    ) {
        let mut model = Model::new(deadline.map(Moment::from_millis), resumable);
        for step in steps {
            let is_open = !model.run.is_ending();
            match step {
                Step::Text => model.run.handle_worker(WorkerEvent::Text("a".into())),
                Step::Ask(number, ms) => model.ask(number, ms),
                Step::Answer(number, id, granted) => {
                    let decision = model.run.answer(answer(&format!("q{number}"), &format!("m{id}"), granted), model.now);
                    prop_assert!(is_open || decision != Decision::Accepted, "a run that ends takes no answer");
                }
                Step::WorkerLost => { model.lose_worker(); }
                Step::WorkerEnds => model.run.handle_worker(WorkerEvent::Ended),
                Step::Cancel => { model.run.cancel(model.now); }
                Step::Wait(ms) => model.wait(ms),
                Step::Stored => model.store(),
                Step::Restart => model.restart(),
            }
            model.settle();
            model.check();
            if !model.run.is_ending() {
                prop_assert_eq!(model.run.waiting.questions.expire(), model.first_to_expire(), "each question has its time");
                prop_assert!(model.first_to_expire().is_none_or(|at| at > model.now), "nobody is waited for beyond it");
            }
            if let (Some(left), false) = (model.left, model.run.is_ending()) {
                prop_assert!(left > Duration::ZERO || model.run.is_waiting(), "it expires when its time is over");
                let due = model.run.deadline();
                prop_assert_eq!(due, (!model.run.is_waiting()).then(|| model.now + left), "to the millisecond");
            }
        }
        model.run.fail(ErrorCode::Internal.body());
        for _ in 0..4 { model.store(); }
        prop_assert!(model.run.is_over());
        model.check();
    }

    #[test]
    fn an_answer_is_known_again_by_what_stands_in_the_channel(value in "[ -~]{0,12}", spaces in 0_usize..3, named in any::<bool>()) {
        let text = serde_json::to_string(&value).unwrap();
        let payload = format!(r#"{{"request_id":"q1",{} "value":{{"a":{text}, "b":1.50}}}}"#, " ".repeat(spaces));
        let read = || {
            let payload = RawValue::from_string(payload.clone()).unwrap();
            Answer::from_client(&payload, "m1", named.then_some("anna")).unwrap()
        };
        let mut model = Model::new(None, false);
        let ask = Ask { payload: Bytes::from_static(br#"{"kind":"question","message":"Which?"}"#), ..question("q1", false) };
        model.run.ask(ask, model.now, wall_clock);
        prop_assert_eq!(model.run.answer(read(), model.now), Decision::Accepted);
        prop_assert_eq!(model.run.answer(read(), model.now), Decision::Repeated { stored: false });
        model.settle();
        for _ in 0..2 { model.store(); }
        model.restart();
        prop_assert_eq!(model.run.answer(read(), model.now), Decision::Repeated { stored: true });
        let mut other = read();
        other.message = "m2".to_owned();
        prop_assert_eq!(model.run.answer(other, model.now), Decision::AlreadyAnswered);
    }
}

#[test]
fn one_question_too_many_fails_the_run() {
    let mut model = Model::new(None, false);
    for number in 0..OPEN_QUESTIONS_MAX {
        model.run.ask(question(&format!("q{number}"), false), model.now, wall_clock);
    }
    assert!(!model.run.is_ending());
    model.run.ask(question("one more", false), model.now, wall_clock);
    assert!(matches!(&model.run.end, Some(End::Failed(error)) if error.code == "worker_protocol"));

    let mut model = Model::new(None, false);
    for number in 0..QUESTIONS_MAX {
        let request = format!("q{number}");
        model.run.ask(question(&request, false), model.now, wall_clock);
        assert_eq!(model.run.answer(answer(&request, "m", true), model.now), Decision::Accepted);
    }
    assert!(!model.run.is_ending());
    model.run.ask(question("one-more", false), model.now, wall_clock);
    assert!(model.run.is_ending());
}

#[test]
fn a_lost_worker_is_nothing_to_a_resumable_run_that_waits() {
    let mut model = Model::new(None, true);
    model.run.ask(question("q1", true), model.now, wall_clock);
    model.run.ask(question("q2", true), model.now, wall_clock);
    model.settle();
    model.store();
    model.lose_worker();
    for request in ["q1", "q2"] {
        assert_eq!(model.calls, 0, "it is called when all is answered");
        model.run.answer(answer(request, "m", true), model.now);
        model.settle();
        model.store();
        model.store();
    }
    assert_eq!((model.calls, model.run.attempt(), model.run.stored_of_call()), (1, 2, 0));
    assert_eq!(model.run.checkpoint(), Some(&Bytes::from_static(b"here")));
}

#[test]
fn a_checkpoint_that_is_too_large_fails_the_run() {
    let mut model = Model::new(None, true);
    let checkpoint = Some(Bytes::from(vec![0; CHECKPOINT_BYTES_MAX + 1]));
    model.run.ask(Ask { checkpoint, ..question("q1", true) }, model.now, wall_clock);
    assert!(matches!(&model.run.end, Some(End::Failed(error)) if error.code == "payload_too_large"));
}

#[test]
fn what_a_worker_that_is_gone_asks_is_not_asked() {
    let mut model = Model::new(None, true);
    model.run.ask(question("q1", true), model.now, wall_clock);
    model.settle();
    model.store();
    model.run.answer(answer("q1", "m", true), model.now);
    model.settle();
    model.store();
    model.lose_worker();
    model.run.ask(question("q2", true), model.now, wall_clock);
    for _ in 0..2 {
        model.settle();
        model.store();
    }
    assert_eq!((model.calls, model.run.is_waiting()), (1, false), "it is called again, with the answer to the first");
}

#[test]
fn a_question_that_nobody_answers_ends_its_run_and_says_when() {
    for (wanted_ms, open_ms) in [(None, 3_000), (Some(5), 5), (Some(u64::MAX), 3_000)] {
        let mut model = Model::new(None, false);
        model.run.ask(question_for("q1", false, wanted_ms), model.now, wall_clock);
        model.settle();
        model.store();
        let (_, asked) = message(&model.channel[0].1).unwrap();
        let told = asked.payload.unwrap().to_json().into_owned();
        assert!(told.get().contains(&format!(r#""expires_at":"in {open_ms} ms""#)), "{told}");
        assert!(!told.get().contains("expires_in_ms"), "{told}");
        model.wait(open_ms - 1);
        assert!(model.run.is_waiting());
        model.restart();
        assert!(model.run.is_waiting(), "its time goes on where the gateway is killed");
        model.wait(1);
        assert!(matches!(model.run.end, Some(End::Expired(Overdue::Answer))));
    }
}

#[test]
fn a_worker_is_told_that_nobody_answers_and_an_answered_question_does_not_expire() {
    let mut model = Model::new(None, false);
    model.run.ask(question_for("q1", false, Some(10)), model.now, wall_clock);
    model.run.ask(question_for("q2", false, Some(20)), model.now, wall_clock);
    model.run.answer(answer("q1", "m", true), model.now);
    model.wait(19);
    model.store();
    assert!(model.run.is_waiting());
    model.now += Duration::from_millis(1);
    model.run.tick(model.now);
    let actions: Vec<_> = std::iter::from_fn(|| model.run.poll_action()).collect();
    assert!(actions.contains(&Action::CancelCall), "{actions:?}");
}

#[test]
fn a_service_whose_worker_is_lost_with_every_answer_is_not_called_for_ever() {
    for kills in [false, true] {
        let mut model = Model::new(None, true);
        model.run.ask(question("q1", true), model.now, wall_clock);
        model.run.answer(answer("q1", "m", true), model.now);
        model.settle();
        model.store();
        let mut calls = 1;
        while model.lose_worker() {
            model.settle();
            model.store();
            calls += 1;
            if kills {
                model.restart();
            }
        }
        assert_eq!(calls, ATTEMPTS_MAX);
        assert!(matches!(&model.run.end, Some(End::Failed(error)) if error.code == "worker_lost"));
    }
}

#[test]
fn a_call_with_an_answer_waits_like_any_that_is_made_again() {
    let mut model = Model::new(None, true);
    model.run.ask(question("q1", true), model.now, wall_clock);
    model.run.answer(answer("q1", "m", true), model.now);
    model.settle();
    model.store();
    let allowance = &mut Allowance::default();
    let circumstances = &mut Circumstances { now: model.now, chance: 1.0, allowance };
    let repetition = model.run.repeat(Failure::Lost { idempotent: false }, circumstances);
    assert_eq!(repetition, Repetition::At(Duration::from_millis(100)));
    assert_eq!(model.run.poll_timeout(), Some(Duration::from_millis(100)));
    assert!(model.run.is_to_be_called_again());
    model.wait(99);
    model.store();
    assert_eq!(model.calls, 0);
    model.wait(1);
    model.store();
    assert_eq!((model.calls, model.run.is_to_be_called_again()), (1, false));
}
