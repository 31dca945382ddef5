//! A run is driven by random workers, clients, clocks and stores; what its channel holds must keep
//! the promises of `protocol/client.md` §4.

use proptest::prelude::*;
use trunkline_protocol::Envelope;

use super::*;
use crate::record::message;

fn ts() -> String {
    "2026-01-01T00:00:00.000Z".to_owned()
}

#[derive(Clone, Debug)]
enum Step {
    Text(String),
    Json(bool),
    WorkerEnds,
    WorkerFails(bool),
    Cancel,
    Wait(u64),
    Stored,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => "[a-zäß🙂\"\\\\\n]{0,6}".prop_map(Step::Text),
        2 => any::<bool>().prop_map(Step::Json),
        1 => Just(Step::WorkerEnds),
        1 => any::<bool>().prop_map(Step::WorkerFails),
        1 => Just(Step::Cancel),
        4 => (0_u64..3000).prop_map(Step::Wait),
        6 => Just(Step::Stored),
    ]
}

/// Drives a run and keeps what its channel and its worker saw.
struct Driver {
    run: Run,
    now: Moment,
    channel: Vec<(RecordKind, Bytes)>,
    in_flight: Option<AppendRequest>,
    credit: u64,
    cancels: usize,
}

impl Driver {
    fn new(deadline: Option<Moment>) -> Self {
        let mut run = Run::new("r", "s", deadline);
        run.start();
        Self { run, now: Moment::ZERO, channel: Vec::new(), in_flight: None, credit: 0, cancels: 0 }
    }

    fn settle(&mut self) {
        self.run.tick(self.now);
        if let Some(request) = self.run.poll_append(self.now, ts) {
            assert_eq!(request.expected, self.channel.len() as u64, "an append names the top");
            assert!(self.in_flight.replace(request).is_none(), "one append at a time");
        }
        while let Some(action) = self.run.poll_action() {
            match action {
                Action::Stored(count) => {
                    assert!(count >= self.credit, "credit never goes back");
                    self.credit = count;
                }
                Action::CancelCall => self.cancels += 1,
                Action::Call | Action::CallAgain | Action::Answered { .. } | Action::TookInput(_) => {}
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

    fn wait(&mut self, ms: u64) {
        self.now += Moment::from_millis(ms);
        self.settle();
    }

    fn text(&self) -> String {
        let texts = self.channel.iter().filter_map(|(kind, data)| {
            let (_, message) = message(data).unwrap();
            (*kind == RecordKind::Text).then(|| {
                let payload: serde_json::Value =
                    serde_json::from_str(message.payload.unwrap().to_json().get()).unwrap();
                payload["text"].as_str().unwrap().to_owned()
            })
        });
        texts.collect()
    }
}

/// Event numbers are dense from 0, and only the last record is terminal.
fn check_channel(channel: &[(RecordKind, Bytes)]) {
    let mut next = 0;
    for (index, (kind, data)) in channel.iter().enumerate() {
        let (_, Envelope { seq, seq_end, .. }) = message(data).unwrap();
        assert_eq!(seq, Some(next), "dense");
        next = seq_end.unwrap_or(next) + 1;
        assert_eq!(*kind == RecordKind::Terminal, index + 1 == channel.len(), "the terminal event is the last");
    }
}

fn json(name: &str, payload: &'static [u8]) -> WorkerEvent {
    WorkerEvent::Other { name: name.into(), codec: Codec::Json, payload: payload.into() }
}

proptest! {
    #[test]
    fn the_channel_keeps_its_promises(steps in proptest::collection::vec(step(), 0..60), deadline in proptest::option::of(0_u64..20_000)) {
        let mut driver = Driver::new(deadline.map(Moment::from_millis));
        let mut sent = String::new();
        for step in steps {
            match step {
                Step::Text(text) => {
                    if driver.run.end.is_none() { sent.push_str(&text); }
                    driver.run.handle_worker(WorkerEvent::Text(text.into()));
                }
                Step::Json(valid) => {
                    let payload = if valid { &b"{\"a\":1}"[..] } else { b"{\"a\":" };
                    driver.run.handle_worker(json("tool_output", payload));
                }
                Step::WorkerEnds => driver.run.handle_worker(WorkerEvent::Ended),
                Step::WorkerFails(cancelled) => {
                    let code = if cancelled { ErrorCode::Cancelled } else { ErrorCode::UpstreamError };
                    driver.run.handle_worker(WorkerEvent::Failed(code.body()));
                }
                Step::Cancel => { driver.run.cancel(driver.now); }
                Step::Wait(ms) => driver.wait(ms),
                Step::Stored => driver.store(),
            }
            driver.settle();
        }
        driver.run.handle_worker(WorkerEvent::Ended);
        driver.settle();
        for _ in 0..3 { driver.store(); }
        prop_assert!(driver.run.is_over());
        prop_assert_eq!(driver.run.poll_timeout(), None);
        check_channel(&driver.channel);
        prop_assert_eq!(driver.text(), sent);
        let (_, last) = message(&driver.channel.last().unwrap().1).unwrap();
        prop_assert_eq!(driver.credit, last.seq.unwrap() + 1, "the worker may forget the call");
        prop_assert!(driver.cancels <= 1);
    }
}

#[test]
fn a_cancel_is_confirmed_by_the_worker_or_after_two_seconds() {
    for confirmed in [true, false] {
        let mut driver = Driver::new(None);
        driver.run.handle_worker(WorkerEvent::Text("a".into()));
        assert!(driver.run.cancel(driver.now));
        assert!(driver.run.cancel(driver.now), "asking again is harmless");
        driver.settle();
        assert_eq!(driver.cancels, 1);
        driver.store();
        if confirmed {
            driver.run.handle_worker(WorkerEvent::Failed(ErrorCode::Cancelled.body()));
            driver.settle();
        } else {
            assert_eq!(driver.run.poll_timeout(), Some(CANCEL_CONFIRM_WITHIN));
            driver.wait(2000);
        }
        driver.store();
        assert!(driver.run.is_over());
        assert_eq!(message(&driver.channel[1].1).unwrap().1.kind, "run_cancelled");
        assert!(!driver.run.cancel(driver.now), "it is over");
    }
}

#[test]
fn a_run_that_waits_for_its_turn_is_cancelled_without_a_call() {
    let mut run = Run::new("r", "s", None);
    assert!(run.cancel(Moment::ZERO));
    run.start();
    assert_eq!(run.poll_action(), None);
    let request = run.poll_append(Moment::ZERO, ts).unwrap();
    assert_eq!(request.end.unwrap().state(), "cancelled");
}

#[test]
fn a_worker_cannot_speak_for_the_gateway() {
    for name in ["run_completed", "welcome", "error", "progress", ""] {
        let mut driver = Driver::new(None);
        driver.run.handle_worker(json(name, b"{}"));
        driver.settle();
        driver.store();
        let (_, last) = message(&driver.channel.last().unwrap().1).unwrap();
        assert_eq!(last.error.unwrap().code, "worker_protocol", "{name}");
        assert_eq!(driver.cancels, 1);
    }
}

#[test]
fn a_recovered_run_goes_on_where_its_channel_stands() {
    let mut run = Run::recovered("r", "s", None, 3, 12);
    run.handle_worker(WorkerEvent::Text("x".into()));
    let request = run.poll_append(Moment::ZERO, ts).unwrap();
    assert_eq!(request.expected, 3);
    assert_eq!(message(&request.records[0].1).unwrap().1.seq, Some(12));
    run.appended();
    assert_eq!(run.poll_action(), Some(Action::Stored(13)));
}

#[test]
fn an_append_is_bounded_however_slow_the_store_is() {
    let mut driver = Driver::new(None);
    driver.run.handle_worker(WorkerEvent::Text("first".into()));
    driver.settle();
    let delta = "\u{1}".repeat(EVENT_BYTES_MAX);
    for _ in 0..16 {
        driver.run.handle_worker(WorkerEvent::Text(delta.clone().into()));
    }
    driver.run.handle_worker(WorkerEvent::Ended);
    let mut appends = 0;
    while !driver.run.is_over() {
        let request = driver.in_flight.as_ref().expect("there is always something to append");
        let bytes: usize = request.records.iter().map(|(_, data)| data.len()).sum();
        assert!(bytes <= APPEND_BYTES_MAX + 6 * EVENT_BYTES_MAX + 1024, "{bytes}");
        appends += 1;
        driver.store();
    }
    assert!(appends > 16);
    check_channel(&driver.channel);
    assert_eq!(driver.text().len(), "first".len() + 16 * EVENT_BYTES_MAX);
}

#[test]
fn an_event_that_is_too_large_fails_the_run() {
    let mut driver = Driver::new(None);
    driver.run.handle_worker(WorkerEvent::Text("x".repeat(EVENT_BYTES_MAX + 1).into()));
    driver.settle();
    driver.store();
    let (_, last) = message(&driver.channel.last().unwrap().1).unwrap();
    assert_eq!(last.error.unwrap().code, "payload_too_large");
}

#[test]
fn a_deadline_that_the_worker_reports_expires_the_run() {
    let mut driver = Driver::new(None);
    driver.run.handle_worker(WorkerEvent::Failed(ErrorCode::DeadlineExceeded.body()));
    driver.settle();
    driver.store();
    assert_eq!(message(&driver.channel[0].1).unwrap().1.kind, "run_expired");
}

#[test]
fn one_event_too_many_fails_the_run() {
    let mut run = Run::new("r", "s", None);
    run.start();
    for _ in 0..RUN_EVENTS_MAX {
        run.handle_worker(WorkerEvent::Text(Bytes::new()));
    }
    assert!(!run.is_ending());
    run.handle_worker(WorkerEvent::Text(Bytes::new()));
    let mut end = None;
    while let Some(append) = run.poll_append(Moment::ZERO, String::new) {
        run.appended();
        end = append.end;
    }
    assert!(matches!(end, Some(End::Failed(error)) if error.code == "payload_too_large"));
}

#[test]
fn bytes_are_kept_as_they_came_and_counted_as_json() {
    let image = |bytes: usize| -> Vec<u8> {
        let length = u32::try_from(bytes).unwrap().to_be_bytes();
        [&b"\x82\xa2id\xd8\x01"[..], &[0; 16], b"\xa5image\xc6", &length, &vec![7; bytes]].concat()
    };
    let event =
        |bytes| WorkerEvent::Other { name: "image".into(), codec: Codec::MessagePack, payload: image(bytes).into() };
    let mut driver = Driver::new(None);
    driver.run.handle_worker(event(3));
    driver.run.handle_worker(WorkerEvent::Returned { codec: Codec::MessagePack, payload: image(1).into() });
    driver.settle();
    driver.store();
    let uuid = r#""id":"00000000-0000-0000-0000-000000000000""#;
    let (_, first) = message(&driver.channel[0].1).unwrap();
    assert_eq!(first.payload.as_ref().unwrap().as_kept().0, Codec::MessagePack);
    assert_eq!(first.payload.unwrap().to_json().get(), format!(r#"{{{uuid},"image":"BwcH"}}"#));
    let (_, last) = message(&driver.channel[1].1).unwrap();
    assert_eq!(last.payload.unwrap().to_json().get(), format!(r#"{{"result":{{{uuid},"image":"Bw=="}}}}"#));

    let mut driver = Driver::new(None);
    driver.run.handle_worker(event(EVENT_BYTES_MAX * 3 / 4));
    driver.settle();
    driver.store();
    assert_eq!(message(&driver.channel[0].1).unwrap().1.error.unwrap().code, "payload_too_large");
}

#[test]
fn an_array_of_millions_of_lists_fails_its_run() {
    let shape = [&b"\xdc\x00\x3f\xce\x00\x01\x00\x00"[..], &[1; 61], b"\x00"].concat();
    let array = [&b"\x93\xa3|u1"[..], &shape, b"\xc4\x00"].concat();
    let payload = [&[0xc7, u8::try_from(array.len()).unwrap(), 3][..], &array].concat();
    let mut driver = Driver::new(None);
    driver.run.handle_worker(WorkerEvent::Returned { codec: Codec::MessagePack, payload: payload.into() });
    driver.settle();
    driver.store();
    assert_eq!(message(&driver.channel[0].1).unwrap().1.error.unwrap().code, "payload_too_large");
}

#[test]
fn messagepack_without_bytes_is_kept_as_json() {
    let mut driver = Driver::new(None);
    let payload = Bytes::from_static(b"\x82\xa1a\xc7\x01\x02\x35\xa1b\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00");
    driver.run.handle_worker(WorkerEvent::Other { name: "price".into(), codec: Codec::MessagePack, payload });
    driver.settle();
    driver.store();
    let (_, event) = message(&driver.channel[0].1).unwrap();
    let kept = event.payload.as_ref().and_then(Payload::as_json).map(serde_json::value::RawValue::get);
    assert_eq!(kept, Some(r#"{"a":"5","b":null}"#));
}

#[test]
fn messagepack_that_is_none_fails_the_run() {
    for payload in [&b""[..], b"\xc1", b"\x81\x01\xc0", b"\xd4\x2a\x00", b"\xc0\xc0"] {
        let mut driver = Driver::new(None);
        driver.run.handle_worker(WorkerEvent::Returned { codec: Codec::MessagePack, payload: payload.into() });
        driver.settle();
        driver.store();
        assert_eq!(message(&driver.channel[0].1).unwrap().1.error.unwrap().code, "worker_protocol", "{payload:?}");
    }
}
