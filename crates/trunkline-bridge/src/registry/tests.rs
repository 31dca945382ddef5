//! The rules without sockets: time is a number, and a connection is its outbox.

mod inputs;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use tokio::time::Instant;
use trunkline_protocol::Codec;

use super::asks::WAITING_MAX;
use super::{LinkId, Registry, Settings};
use crate::call::{CallEvent, CallFailure, CallId, CallSpec, FailureReason};
use crate::config::BridgeConfig;
use crate::frame::{Ask, CallFrame, Chunk, ChunkKind, Frame, Hello, Load, Offer, Service, Welcome};
use crate::inbox::Inbox;
use crate::metrics::BridgeMetrics;
use crate::outbox::{Outbox, Outgoing};

/// A registry and its time.
struct World {
    registry: Registry,
    now: Instant,
}

/// A connection, as the transport sees it.
struct Peer {
    link: LinkId,
    outbox: Arc<Outbox>,
}

impl World {
    fn new() -> Self {
        let settings = Settings::new(&BridgeConfig::default(), "epoch".into(), "generation".into());
        Self { registry: Registry::new(settings, Arc::new(BridgeMetrics::default())), now: Instant::now() }
    }

    fn join(&mut self, hello: Hello) -> Peer {
        let (link, outbox) = self.registry.connect(self.now).expect("there is room");
        self.registry.hello(link, hello, HashMap::new(), self.now);
        Peer { link, outbox }
    }

    fn call(&mut self, run: &str) -> (CallId, Arc<Inbox>) {
        let spec = CallSpec { service: "chat".into(), run: run.into(), attempt: 1, ..CallSpec::default() };
        self.registry.call(spec, self.now)
    }

    /// Lets time pass as the bridge does, in small steps.
    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.now = end.min(self.now + Duration::from_millis(100));
            self.registry.tick(self.now);
        }
    }

    fn says(&mut self, peer: &Peer, frame: Frame) {
        self.registry.frame(peer.link, frame, self.now);
    }

    /// Whether anything is to be sent to a worker now.
    fn is_flushed(&mut self, peer: &Peer) -> bool {
        self.registry.take_to_flush().iter().any(|outbox| Arc::ptr_eq(outbox, &peer.outbox))
    }

    fn outstanding(&self) -> usize {
        self.registry.workers.values().map(|worker| worker.outstanding).sum()
    }

    fn is_empty(&self) -> bool {
        let Registry { links, workers, instances, services, calls, .. } = &self.registry;
        links.is_empty() && workers.is_empty() && instances.is_empty() && services.is_empty() && calls.is_empty()
    }
}

impl Peer {
    /// What the transport would send now.
    fn take(&self) -> Vec<Frame> {
        match futures_now(self.outbox.next()) {
            Some(Outgoing::Send { frames, .. }) => frames,
            Some(Outgoing::Close | Outgoing::Rest) | None => Vec::new(),
        }
    }

    fn take_calls(&self) -> Vec<CallFrame> {
        self.take()
            .into_iter()
            .filter_map(|frame| match frame {
                Frame::Call(call) => Some(call),
                _ => None,
            })
            .collect()
    }
}

/// The value of a future that is ready.
fn futures_now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

fn hello(instance: &str) -> Hello {
    Hello {
        name: "agents".into(),
        instance: instance.into(),
        concurrency: 2,
        services: vec![Service { name: "chat".into(), ..Service::default() }],
        ..Hello::default()
    }
}

fn chunk(corr: u64, seq: u64) -> Frame {
    Frame::Chunk(Chunk { corr, seq, kind: ChunkKind::Text, payload: Bytes::from_static(b"x"), buffers: vec![] })
}

fn drain(inbox: &Inbox) -> Vec<CallEvent> {
    std::iter::from_fn(|| inbox.try_next()).collect()
}

fn failed(reason: FailureReason, handed_over: bool) -> CallEvent {
    CallEvent::Failed(CallFailure { reason, handed_over })
}

#[test]
fn a_silent_worker_is_lost_when_the_third_question_is_due_and_its_calls_30_s_later() {
    let mut world = World::new();
    let worker = world.join(hello("i1"));
    let (_, inbox) = world.call("run-1");
    worker.take();
    world.pass(Duration::from_millis(5_900));
    assert_eq!(worker.take(), [Frame::Ping], "two questions, and one is as good as two");
    assert!(!world.registry.links.is_empty());
    world.pass(Duration::from_millis(100));
    assert!(world.registry.links.is_empty());
    drain(&inbox);
    world.pass(Duration::from_millis(29_900));
    assert_eq!(drain(&inbox), []);
    world.pass(Duration::from_millis(100));
    assert_eq!(drain(&inbox), [failed(FailureReason::WorkerLost, true)]);
    assert!(world.is_empty());
}

#[test]
fn an_answer_to_any_question_keeps_a_worker() {
    let mut world = World::new();
    let worker = world.join(hello("i1"));
    for _ in 0..10 {
        world.pass(Duration::from_millis(3_900));
        world.says(&worker, Frame::Pong(Load { running: 1, queued: 2, lag_ms: 3 }));
    }
    assert_eq!(world.registry.status()[0].workers[0].load.queued, 2);
}

#[test]
fn what_never_left_the_outbox_goes_to_another_worker() {
    let mut world = World::new();
    let first = world.join(hello("i1"));
    let (_, sent) = world.call("run-1");
    assert_eq!(first.take_calls().len(), 1);
    let (_, unsent) = world.call("run-2");
    let second = world.join(hello("i2"));
    world.registry.disconnected(first.link, world.now);
    let calls = second.take_calls();
    assert_eq!(calls.iter().map(|call| call.run.as_str()).collect::<Vec<_>>(), ["run-2"]);
    world.says(&second, Frame::End { corr: calls[0].corr, seq: 0 });
    assert!(matches!(drain(&unsent).last(), Some(CallEvent::Ended { .. })));
    world.pass(Duration::from_secs(30));
    assert_eq!(drain(&sent).last(), Some(&failed(FailureReason::WorkerLost, true)));
}

#[test]
fn the_credit_that_ends_a_call_waits_for_company_but_not_for_long() {
    let mut world = World::new();
    let worker = world.join(hello("i1"));
    let ended = |world: &mut World| {
        let (id, _inbox) = world.call("run");
        assert!(world.is_flushed(&worker), "a call leaves at once, with what waited");
        let corr = worker.take_calls()[0].corr;
        world.says(&worker, Frame::End { corr, seq: 0 });
        world.registry.stored(id, 1, world.now);
        corr
    };
    ended(&mut world);
    let last = ended(&mut world);
    assert!(!world.is_flushed(&worker));
    world.pass(Duration::from_millis(100));
    assert!(world.is_flushed(&worker));
    assert_eq!(worker.take(), [Frame::Credit { corr: last, ack: 1 }]);

    ended(&mut world);
    world.registry.drain_workers(world.now);
    assert!(world.is_flushed(&worker), "a worker that is to end need not wait");
}

#[test]
fn a_call_that_waits_can_be_taken_back_and_one_that_a_worker_has_cannot() {
    let mut world = World::new();
    let (waiting, inbox) = world.call("run-1");
    assert!(world.registry.take_back_call(waiting, world.now));
    assert_eq!(drain(&inbox), [], "nothing more happens to it");
    let worker = world.join(hello("i1"));
    assert_eq!(worker.take_calls(), []);
    let (open, _inbox) = world.call("run-2");
    assert!(!world.registry.take_back_call(open, world.now));
    assert!(!world.registry.take_back_call(waiting, world.now), "once");
}

#[test]
fn a_call_outlives_the_gateway_with_a_worker_that_is_not_its_own() {
    let mut world = World::new();
    let own = Some("generation".to_owned());
    for (generation, outlives) in [(None, true), (Some("an older one".to_owned()), true), (own, false)] {
        let worker = world.join(Hello { generation: generation.clone(), ..hello("i1") });
        let (call, _inbox) = world.call("run");
        let is_called = !worker.take_calls().is_empty();
        assert_eq!(world.registry.outlives_us(call), outlives && is_called, "{generation:?}");
        if let Some(corr) = world.registry.workers.values().next().and_then(|worker| worker.open.keys().next().copied())
        {
            world.says(&worker, Frame::End { corr, seq: 0 });
            assert!(!world.registry.outlives_us(call), "its end can be read");
        }
        world.registry.abandon(call, world.now);
        world.registry.disconnected(worker.link, world.now);
    }
}

#[test]
fn a_dead_process_is_heard_out_and_then_not_waited_for() {
    let mut world = World::new();
    let spawned = Hello { pid: Some(7), generation: Some("generation".into()), ..hello("i1") };
    let worker = world.join(spawned);
    let (_, finished) = world.call("run-1");
    let (_, unfinished) = world.call("run-2");
    let corr = worker.take_calls()[0].corr;
    world.registry.process_gone(7, world.now);
    world.says(&worker, Frame::End { corr, seq: 0 });
    assert!(matches!(drain(&finished).last(), Some(CallEvent::Ended { .. })));
    world.registry.disconnected(worker.link, world.now);
    assert_eq!(drain(&unfinished).last(), Some(&failed(FailureReason::WorkerLost, true)));
    assert!(world.is_empty());
}

#[test]
fn a_dead_process_whose_connection_stays_is_given_a_second() {
    let mut world = World::new();
    let worker = world.join(Hello { pid: Some(7), generation: Some("generation".into()), ..hello("i1") });
    let (_, inbox) = world.call("run-1");
    worker.take();
    world.registry.process_gone(7, world.now);
    world.pass(Duration::from_secs(1));
    assert_eq!(drain(&inbox).last(), Some(&failed(FailureReason::WorkerLost, true)));
}

#[test]
fn a_process_id_of_another_generation_is_somebody_else() {
    let mut world = World::new();
    world.join(Hello { pid: Some(7), generation: Some("other".into()), ..hello("i1") });
    world.registry.process_gone(7, world.now);
    world.pass(Duration::from_secs(2));
    assert!(!world.is_empty());
}

#[test]
fn a_second_hello_over_one_connection_begins_again() {
    let mut world = World::new();
    let worker = world.join(hello("i1"));
    let (_, held) = world.call("run-1");
    assert_eq!(worker.take_calls().len(), 1);
    let (_, unsent) = world.call("run-2");
    let open = vec![Offer { run: "run-1".into(), next: 0, ack: 0, ended: false, ..Offer::default() }];
    world.registry.hello(worker.link, Hello { open, ..hello("i1") }, HashMap::new(), world.now);
    let frames = worker.take();
    let [Frame::Welcome(Welcome { resumed, .. }), Frame::Call(call)] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((resumed[0].run.as_str(), call.run.as_str()), ("run-1", "run-2"));
    world.says(&worker, Frame::End { corr: resumed[0].corr, seq: 0 });
    world.says(&worker, Frame::End { corr: call.corr, seq: 0 });
    for inbox in [held, unsent] {
        assert!(matches!(drain(&inbox).last(), Some(CallEvent::Ended { .. })));
    }
}

#[test]
fn a_worker_that_does_not_read_gets_no_more_calls_and_the_rest_is_not_lost() {
    let mut world = World::new();
    let worker = world.join(Hello { concurrency: 60_000, ..hello("i1") });
    worker.take();
    let inboxes: Vec<_> = (0..1200).map(|run| world.call(&run.to_string()).1).collect();
    assert_eq!(world.outstanding(), 1024);
    assert_eq!(world.registry.status()[0].queued, 176);
    let calls = worker.take_calls();
    world.registry.relieved(worker.link, world.now);
    assert_eq!((calls.len(), worker.take_calls().len()), (1024, 176));
    assert_eq!(inboxes.len(), 1200);
}

#[test]
fn a_deadline_ends_the_wait_and_the_worker_is_told_what_is_left() {
    let mut world = World::new();
    let deadline = Some(world.now + Duration::from_secs(3));
    let spec = |run: &str| CallSpec { service: "chat".into(), run: run.into(), deadline, ..CallSpec::default() };
    let (_, late) = world.registry.call(spec("run-1"), world.now);
    world.pass(Duration::from_secs(1));
    let worker = world.join(Hello { concurrency: 1, ..hello("i1") });
    assert_eq!(worker.take_calls()[0].deadline_ms, Some(2_000));
    let (_, inbox) = world.registry.call(spec("run-2"), world.now);
    world.pass(Duration::from_secs(2));
    assert_eq!(drain(&inbox), [failed(FailureReason::DeadlineExceeded, false)]);
    assert_eq!(drain(&late).len(), 1, "a call that a worker has is its caller's to cancel");
}

#[test]
fn a_payload_that_fits_in_no_message_is_refused() {
    let mut world = World::new();
    let payload = Bytes::from(vec![0; 4 * 1024 * 1024]);
    let spec = CallSpec { service: "chat".into(), payload, ..CallSpec::default() };
    let (_, inbox) = world.registry.call(spec, world.now);
    assert_eq!(drain(&inbox), [failed(FailureReason::TooLarge, false)]);
    assert!(world.is_empty());
}

/// A map with a byte string and a UUID, and what it is in JSON.
const RICH: &[u8] =
    b"\x82\xa1b\xc4\x01\xff\xa2id\xd8\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
const RICH_JSON: &[u8] = br#"{"b":"/w==","id":"00000000-0000-0000-0000-000000000000"}"#;

#[test]
fn a_worker_that_reads_json_only_gets_json_and_the_next_one_what_was_sent() {
    let mut world = World::new();
    let old = world.join(hello("i1"));
    let spec = CallSpec {
        service: "chat".into(),
        run: "run-1".into(),
        codec: Codec::MessagePack,
        payload: Bytes::from_static(RICH),
        ..CallSpec::default()
    };
    world.registry.call(spec, world.now);
    let new = world.join(Hello { reads_messagepack: true, ..hello("i2") });
    // The old one is gone before it was sent anything: the call is made again.
    world.registry.disconnected(old.link, world.now);
    let [call] = &new.take_calls()[..] else { panic!("one call") };
    assert_eq!((call.codec, &call.payload[..]), (Some(Codec::MessagePack), RICH));

    world.registry.disconnected(new.link, world.now);
    let old = world.join(hello("i3"));
    let spec = CallSpec {
        service: "chat".into(),
        run: "run-2".into(),
        codec: Codec::MessagePack,
        payload: Bytes::from_static(RICH),
        ..CallSpec::default()
    };
    world.registry.call(spec, world.now);
    let [call] = &old.take_calls()[..] else { panic!("one call") };
    assert_eq!((call.codec, &call.payload[..]), (Some(Codec::Json), RICH_JSON));
}

#[test]
fn a_payload_that_cannot_be_converted_ends_its_call() {
    let mut world = World::new();
    let worker = world.join(hello("i1"));
    let spec = CallSpec {
        service: "chat".into(),
        codec: Codec::MessagePack,
        payload: Bytes::from_static(b"\xc1"),
        ..CallSpec::default()
    };
    let (_, inbox) = world.registry.call(spec, world.now);
    let ended = drain(&inbox);
    assert!(
        matches!(&ended[..], [CallEvent::Failed(CallFailure { reason: FailureReason::Protocol(_), .. })]),
        "{ended:?}"
    );
    assert!(worker.take_calls().is_empty());
    world.call("run-2");
    assert_eq!(worker.take_calls().len(), 1, "the worker is free");
}

#[test]
fn what_a_called_worker_writes_is_converted_for_a_caller_that_reads_json_only() {
    for reads_messagepack in [false, true] {
        let mut world = World::new();
        let caller = world.join(Hello { reads_messagepack, ..hello("i1") });
        world.call("run-1");
        let parent = caller.take_calls().remove(0);
        let services = vec![Service { name: "draw".into(), ..Service::default() }];
        let drawer = world.join(Hello { services, reads_messagepack: true, ..hello("i2") });
        let request = CallFrame {
            corr: 1,
            service: "draw".into(),
            run: parent.run.clone(),
            codec: Some(Codec::MessagePack),
            payload: Bytes::from_static(RICH),
            ..CallFrame::default()
        };
        world.says(&caller, Frame::Call(request));
        let call = drawer.take_calls().remove(0);
        assert_eq!((call.codec, &call.payload[..]), (Some(Codec::MessagePack), RICH), "as it was sent");
        let (corr, codec, payload) = (call.corr, Codec::MessagePack, Bytes::from_static(RICH));
        let kind = ChunkKind::Event { name: "image".into(), codec };
        world.says(&drawer, Frame::Chunk(Chunk { corr, seq: 0, kind, payload: payload.clone(), buffers: vec![] }));
        world.says(&drawer, Frame::Result { corr, seq: 1, codec, payload, buffers: vec![] });
        let (codec, payload) = if reads_messagepack { (codec, RICH) } else { (Codec::Json, RICH_JSON) };
        let payload = Bytes::from_static(payload);
        let kind = ChunkKind::Event { name: "image".into(), codec };
        assert_eq!(
            caller.take(),
            [
                Frame::Chunk(Chunk { corr: 1, seq: 0, kind, payload: payload.clone(), buffers: vec![] }),
                Frame::Result { corr: 1, seq: 1, codec, payload, buffers: vec![] },
            ]
        );
    }
}

/// One thing that may happen.
#[derive(Clone, Copy, Debug)]
enum Step {
    Call,
    Join(u8),
    Leave(u8),
    Read(u8),
    Say { peer: u8, call: u8, what: u8, seq: u8 },
    Stored { call: u8, count: u8 },
    Cancel(u8),
    Drop(u8),
    Pass(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Call),
        2 => (0..3_u8).prop_map(Step::Join),
        1 => (0..3_u8).prop_map(Step::Leave),
        4 => (0..3_u8).prop_map(Step::Read),
        8 => (0..3_u8, any::<u8>(), 0..8_u8, 0..4_u8).prop_map(|(peer, call, what, seq)| Step::Say { peer, call, what, seq }),
        3 => (any::<u8>(), 0..6_u8).prop_map(|(call, count)| Step::Stored { call, count }),
        1 => any::<u8>().prop_map(Step::Cancel),
        1 => any::<u8>().prop_map(Step::Drop),
        1 => (0..9_000_u16).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 0..120)
}

/// A world that does whatever it is told, however wrong.
struct Chaos {
    world: World,
    peers: HashMap<u8, Peer>,
    /// What each worker was handed, as it would offer it.
    held: HashMap<u8, Vec<CallFrame>>,
    calls: Vec<(CallId, Arc<Inbox>)>,
    terminals: HashMap<CallId, usize>,
}

impl Chaos {
    fn new() -> Self {
        let (peers, held, calls, terminals) = Default::default();
        Self { world: World::new(), peers, held, calls, terminals }
    }

    fn take(&mut self, step: Step) {
        let now = self.world.now;
        match step {
            Step::Call => {
                let call = self.world.call(&format!("run-{}", self.calls.len()));
                self.calls.push(call);
            }
            Step::Join(worker) => self.join(worker),
            Step::Leave(worker) => {
                if let Some(peer) = self.peers.remove(&worker) {
                    self.world.registry.disconnected(peer.link, now);
                }
            }
            Step::Read(worker) => {
                if let Some(peer) = self.peers.get(&worker) {
                    self.held.entry(worker).or_default().extend(peer.take_calls());
                }
            }
            Step::Say { peer, call, what, seq } => self.say(peer, call, what, seq.into()),
            Step::Stored { call, count } => {
                self.with_call(call, |registry, call| registry.stored(call, count.into(), now));
            }
            Step::Cancel(call) => self.with_call(call, |registry, call| registry.cancel(call, now)),
            Step::Drop(call) => self.with_call(call, |registry, call| registry.abandon(call, now)),
            Step::Pass(ms) => self.world.pass(Duration::from_millis(ms.into())),
        }
        self.check();
    }

    fn join(&mut self, worker: u8) {
        let offer = |call: CallFrame| Offer { run: call.run, next: 0, ack: 0, ended: false, ..Offer::default() };
        let open = self.held.remove(&worker).unwrap_or_default().into_iter().map(offer).collect();
        let peer = self.world.join(Hello { open, ..hello(&worker.to_string()) });
        self.peers.insert(worker, peer);
    }

    fn say(&mut self, peer: u8, call: u8, what: u8, seq: u64) {
        let Some(peer_of) = self.peers.get(&peer) else {
            return;
        };
        let held = self.held.get(&peer).map_or(&[][..], Vec::as_slice);
        let Some(corr) = held.get(usize::from(call) % held.len().max(1)).map(|call| call.corr) else {
            return;
        };
        let frame = match what {
            0..=3 => chunk(corr, seq),
            4 => Frame::End { corr, seq },
            5 => Frame::Event { corr, name: "progress".into(), key: None, payload: Bytes::new() },
            6 => Frame::Pong(Load::default()),
            _ => {
                let run = held[0].run.clone();
                Frame::Call(CallFrame { corr: corr + 1, service: "chat".into(), run, ..CallFrame::default() })
            }
        };
        self.world.says(peer_of, frame);
    }

    fn with_call(&mut self, call: u8, act: impl FnOnce(&mut Registry, CallId)) {
        if let Some((call, _)) = self.calls.get(usize::from(call) % self.calls.len().max(1)) {
            act(&mut self.world.registry, *call);
        }
    }

    fn check(&mut self) {
        for worker in self.world.registry.workers.values() {
            assert!(worker.outstanding <= worker.concurrency);
            let running = worker.open.values().filter(|call| self.world.registry.calls[call].terminal.is_none());
            assert_eq!(running.count(), worker.outstanding);
        }
        for (call, inbox) in &self.calls {
            let ends = drain(inbox).iter().filter(|event| event.is_terminal()).count();
            let terminals = self.terminals.entry(*call).or_default();
            *terminals += ends;
            assert!(*terminals <= 1);
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_calls_end_once_and_nothing_stays(steps in steps()) {
        let mut chaos = Chaos::new();
        for step in steps {
            chaos.take(step);
        }
        // Everybody falls silent: in time every call is over and forgotten.
        chaos.world.pass(Duration::from_mins(1));
        chaos.check();
        prop_assert!(chaos.world.is_empty(), "{:#?}", chaos.world.registry);
        // The caller of a dropped call hears nothing; everybody else hears one end.
        for (call, inbox) in &chaos.calls {
            prop_assert!(drain(inbox).is_empty());
            prop_assert!(chaos.terminals[call] <= 1);
        }
    }
}

fn ask(corr: u64, seq: u64, request: &str) -> Frame {
    let request = request.to_owned();
    Frame::Ask(Ask { corr, seq, request, codec: Codec::Json, payload: Bytes::from_static(b"{}"), checkpoint: None })
}

#[test]
fn a_call_that_waits_leaves_its_slot_until_all_its_questions_are_answered() {
    let mut world = World::new();
    let worker = world.join(Hello { concurrency: 1, ..hello("i1") });
    let (id, inbox) = world.call("run-1");
    let (_, _beside) = world.call("run-2");
    let corr = worker.take_calls()[0].corr;
    world.says(&worker, ask(corr, 0, "q1"));
    assert_eq!(worker.take_calls().len(), 1, "the other call has its slot");
    world.says(&worker, ask(corr, 1, "q2"));
    assert_eq!(drain(&inbox).len(), 3, "started, and asked twice");
    let answer = |world: &mut World, request: &str| {
        world.registry.answer(id, request, Bytes::from_static(b"1"), world.now);
        let waiting = world.registry.status()[0].workers[0].waiting;
        (world.outstanding(), waiting, worker.take())
    };
    let told = |request: &str| vec![Frame::Answer { corr, request: request.into(), payload: Bytes::from_static(b"1") }];
    assert_eq!(answer(&mut world, "q1"), (1, 1, told("q1")));
    assert_eq!(answer(&mut world, "q2"), (2, 0, told("q2")), "it goes on beside the other");
    let (_, _later) = world.call("run-3");
    world.says(&worker, Frame::End { corr, seq: 2 });
    assert!(worker.take_calls().is_empty(), "one is executed, and there is one slot");
    assert_eq!(world.outstanding(), 1);
}

#[test]
fn a_call_that_ends_while_it_waits_leaves_nothing_behind() {
    let mut world = World::new();
    let worker = world.join(hello("i1"));
    let (id, _inbox) = world.call("run-1");
    let corr = worker.take_calls()[0].corr;
    world.says(&worker, ask(corr, 0, "q1"));
    world.says(&worker, Frame::End { corr, seq: 1 });
    world.registry.answer(id, "q1", Bytes::new(), world.now);
    world.registry.stored(id, 2, world.now);
    let status = &world.registry.status()[0].workers[0];
    assert_eq!((status.outstanding, status.waiting), (0, 0));
    world.registry.disconnected(worker.link, world.now);
    assert!(world.is_empty());
}

#[test]
fn a_worker_that_comes_back_says_what_it_waits_for() {
    let mut world = World::new();
    let worker = world.join(hello("i1"));
    let (id, inbox) = world.call("run-1");
    let corr = worker.take_calls()[0].corr;
    world.says(&worker, ask(corr, 0, "q1"));
    world.registry.stored(id, 1, world.now);
    world.registry.disconnected(worker.link, world.now);
    world.registry.answer(id, "q1", Bytes::from_static(b"1"), world.now);
    drain(&inbox);
    let offer = Offer { run: "run-1".into(), next: 1, ack: 1, asks: vec!["q1".into()], ..Offer::default() };
    let back = world.join(Hello { open: vec![offer], ..hello("i1") });
    assert_eq!(drain(&inbox), [CallEvent::AsksAgain { requests: vec!["q1".into()] }]);
    world.registry.answer(id, "q1", Bytes::from_static(b"1"), world.now);
    assert!(matches!(&back.take()[..], [Frame::Welcome(_), Frame::Answer { request, .. }] if request == "q1"));
}

#[test]
fn one_call_too_many_that_waits_keeps_its_slot() {
    let mut world = World::new();
    let worker = world.join(Hello { concurrency: 1, ..hello("i1") });
    let mut inboxes = Vec::new();
    for run in 0..=WAITING_MAX {
        inboxes.push(world.call(&run.to_string()));
        let corr = worker.take_calls()[0].corr;
        world.says(&worker, ask(corr, 0, "q"));
    }
    inboxes.push(world.call("one more"));
    assert!(worker.take_calls().is_empty());
}
