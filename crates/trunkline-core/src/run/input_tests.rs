//! A run that is given messages of its session, whose worker takes some of them, and whose store does what it likes: what
//! its channel holds must keep the promises of `protocol/client.md` §3 about `steer`.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;
use crate::record::message;

fn ts() -> String {
    "2026-01-01T00:00:00.000Z".to_owned()
}

#[derive(Clone, Debug)]
enum Step {
    Offer(u8),
    Take(u8),
    Text,
    Stored,
    WorkerEnds,
    Cancel,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u8..8).prop_map(Step::Offer),
        6 => (0_u8..8).prop_map(Step::Take),
        3 => Just(Step::Text),
        6 => Just(Step::Stored),
        1 => Just(Step::WorkerEnds),
        1 => Just(Step::Cancel),
        1 => Just(Step::Restart),
    ]
}

/// A run with its channel, and the messages that were given to it.
struct Model {
    run: Run,
    channel: Vec<(RecordKind, Bytes)>,
    in_flight: Option<AppendRequest>,
    offered: BTreeSet<String>,
    /// Messages that were taken, stored or not: they are not given again.
    gone: BTreeSet<String>,
    /// Messages that their senders' runs were told of: they are this run's now.
    told: BTreeSet<String>,
}

impl Model {
    fn new() -> Self {
        let mut run = Run::new("r", "s", None);
        run.start();
        let (offered, gone, told) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Self { run, channel: Vec::new(), in_flight: None, offered, gone, told }
    }

    fn settle(&mut self) {
        if let Some(request) = self.run.poll_append(Moment::ZERO, ts) {
            let taken = request.records.iter().filter_map(|(_, data)| taken(data));
            assert_eq!(taken.collect::<Vec<_>>(), request.took_inputs, "a batch says which messages it takes");
            self.in_flight = Some(request);
        }
        while let Some(action) = self.run.poll_action() {
            if let Action::TookInput(message) = action {
                assert!(self.taken().contains(&message), "told when it is stored");
                assert!(self.told.insert(message), "told once");
            }
        }
    }

    fn store(&mut self) {
        if let Some(request) = self.in_flight.take() {
            self.channel.extend(request.records);
            self.run.appended();
        }
        self.settle();
    }

    /// The gateway is killed. What was not taken by what stands in the channel is given to the run again.
    fn restart(&mut self) {
        if self.run.is_over() {
            return;
        }
        let last = self.channel.iter().filter_map(|(_, data)| {
            let (_, message) = message(data).unwrap();
            message.seq_end.or(message.seq)
        });
        let events = last.last().map_or(0, |last| last + 1);
        self.run = Run::recovered("r", "s", None, self.channel.len() as u64, events);
        self.in_flight = None;
        let taken: BTreeSet<_> = self.taken().into_iter().collect();
        self.offered = self.offered.union(&self.gone).filter(|message| !taken.contains(*message)).cloned().collect();
        (self.gone, self.told) = (taken.clone(), taken);
        for message in &self.offered {
            assert!(self.run.offer_input(message));
        }
    }

    fn taken(&self) -> Vec<String> {
        self.channel.iter().filter_map(|(_, data)| taken(data)).collect()
    }
}

/// The message that a record says was taken.
fn taken(data: &Bytes) -> Option<String> {
    let (_, message) = message(data).unwrap();
    let payload = message.payload.as_ref().filter(|_| message.kind == TOOK_INPUT)?.to_json();
    let payload: serde_json::Value = serde_json::from_str(payload.get()).unwrap();
    Some(payload["input"].as_str().unwrap().to_owned())
}

proptest! {
    #[test]
    fn a_message_is_taken_once_and_only_where_it_was_given(steps in proptest::collection::vec(step(), 0..60)) {
        let mut model = Model::new();
        for step in steps {
            let goes_on = !model.run.is_ending();
            match step {
                Step::Offer(number) => {
                    let message = format!("m{number}");
                    if !model.gone.contains(&message) {
                        let is_new = model.run.offer_input(&message);
                        prop_assert!(!is_new || (goes_on && !model.run.is_cancelling()));
                        if is_new { model.offered.insert(message); }
                    }
                }
                Step::Take(number) => {
                    let message = format!("m{number}");
                    let is_taken = model.run.take_input(&message);
                    prop_assert_eq!(is_taken, goes_on && model.offered.contains(&message), "{}", message);
                    prop_assert!(is_taken || model.run.is_ending(), "a message that it was not given fails the run");
                    if is_taken {
                        model.offered.remove(&message);
                        model.gone.insert(message);
                    }
                }
                Step::Text => model.run.handle_worker(WorkerEvent::Text("a".into())),
                Step::Stored => model.store(),
                Step::WorkerEnds => model.run.handle_worker(WorkerEvent::Ended),
                Step::Cancel => { model.run.cancel(Moment::ZERO); }
                Step::Restart => model.restart(),
            }
            model.settle();
            let taken = model.taken();
            prop_assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), taken.len(), "taken once");
        }
        model.run.fail(ErrorCode::Internal.body());
        model.settle();
        for _ in 0..3 { model.store(); }
        prop_assert!(model.run.is_over());
        let taken: BTreeSet<_> = model.taken().into_iter().collect();
        prop_assert_eq!(&taken, &model.told, "everything that is stored as taken was told");
        prop_assert!(taken.is_disjoint(&model.offered), "what was not taken is left for a run of its own");
    }
}

#[test]
fn an_input_stands_among_the_events_where_it_was_taken() {
    let mut model = Model::new();
    assert!(model.run.offer_input("m2"));
    model.run.handle_worker(WorkerEvent::Text("before".into()));
    assert!(model.run.take_input("m2"));
    model.run.handle_worker(WorkerEvent::Text("after".into()));
    model.run.handle_worker(WorkerEvent::Ended);
    model.settle();
    for _ in 0..3 {
        model.store();
    }
    let said: Vec<_> = model.channel.iter().map(|(_, data)| message(data).unwrap().1).collect();
    let kinds: Vec<_> = said.iter().map(|message| (&*message.kind, message.seq)).collect();
    let events = [("run_event", Some(0)), (TOOK_INPUT, Some(1)), ("run_event", Some(2)), ("run_completed", Some(3))];
    assert_eq!(kinds, events);
}

#[test]
fn a_run_that_took_input_after_its_question_is_not_called_again_from_before_it() {
    let mut run = Run::new("r", "s", None);
    run.start();
    let payload = Bytes::from_static(br#"{"kind":"approval","message":"Sure?"}"#);
    let ask = |request: &str| Ask {
        request: request.to_owned(),
        codec: Codec::Json,
        payload: payload.clone(),
        resumable: true,
        checkpoint: Some(Bytes::from_static(b"here")),
        expires_in_max: std::time::Duration::from_mins(1),
    };
    let lost = || WorkerEvent::Failed(ErrorCode::WorkerLost.body());
    run.ask(ask("q1"), Moment::ZERO, |_| ts());
    assert!(run.offer_input("m2") && run.take_input("m2"));
    let request = run.poll_append(Moment::ZERO, ts).unwrap();
    assert!(!request.mark.unwrap().resumable, "another life of the gateway knows it, too");
    run.appended();
    let granted = RawValue::from_string(r#"{"request_id":"q1","granted":true}"#.to_owned()).unwrap();
    run.answer(Answer::from_client(&granted, "a1", None).unwrap(), Moment::ZERO);
    run.ask(ask("q2"), Moment::ZERO, |_| ts());
    run.handle_worker(lost());
    assert!(!run.is_ending(), "the next checkpoint knows of it");

    let mut run = Run::new("r", "s", None);
    run.start();
    run.ask(ask("q1"), Moment::ZERO, |_| ts());
    assert!(run.offer_input("m2") && run.take_input("m2"));
    run.handle_worker(lost());
    assert!(matches!(&run.end, Some(End::Failed(error)) if error.code == "worker_lost"));
}
