//! Workers that break, lie, freeze, vanish and come back.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trunkline_bridge::frame::{Chunk, ChunkKind, Frame, Hello, Offer, Resumed, Welcome, encode};
use trunkline_bridge::{
    Bridge, BridgeConfig, Call, CallEvent, CallFailure, Claimed, Claims, FailureReason, NoClaims, Outcome, StartError,
    WorkerPresence,
};
use trunkline_protocol::Codec;

use crate::double::{Double, hello, offer, stream_bytes};
use crate::harness::{Gateway, end, next, text, within};

fn failed(reason: FailureReason) -> CallEvent {
    CallEvent::Failed(CallFailure { reason, handed_over: true })
}

fn protocol(reason: &str) -> CallEvent {
    failed(FailureReason::Protocol(reason.to_owned()))
}

/// One call under way at one worker, its `Started` already read.
async fn under_way(gateway: &Gateway) -> (Double, Call, u64) {
    let (mut worker, _) = Double::join(&gateway.unix, hello("i1", "chat")).await;
    let mut call = gateway.call("chat", "run-1");
    let corr = worker.receive_call().await.corr;
    assert!(matches!(next(&mut call).await, CallEvent::Started { .. }));
    (worker, call, corr)
}

#[tokio::test]
async fn an_answer_after_the_answer_changes_nothing() {
    let gateway = Gateway::start().await;
    let (mut worker, mut call, corr) = under_way(&gateway).await;
    worker.result(corr, 0, "1").await;
    worker.result(corr, 1, "2").await;
    worker.chunk(corr, 1, "more").await;
    let outcome = Outcome::Result { codec: Codec::Json, payload: Bytes::from_static(b"1") };
    assert_eq!(end(&mut call).await, CallEvent::Ended { seq: 0, outcome });
    // The credit proves that the frames before were dealt with.
    call.stored(1);
    worker.receive_credit(corr, 1).await;
    worker.send(Frame::End { corr, seq: 1 }).await;
    let mut other = gateway.call("chat", "run-2");
    let corr = worker.receive_call().await.corr;
    worker.send(Frame::End { corr, seq: 0 }).await;
    end(&mut other).await;
    assert_eq!(gateway.bridge.metrics().protocol_errors.get(), 2);
    assert_eq!(gateway.bridge.metrics().late_frames.get(), 1, "after the credit it is merely late");
}

#[tokio::test]
async fn an_event_out_of_order_ends_the_call_and_only_it() {
    let gateway = Gateway::start().await;
    let (mut worker, mut call, corr) = under_way(&gateway).await;
    worker.chunk(corr, 1, "too early").await;
    assert_eq!(end(&mut call).await, protocol("an event out of its order"));
    assert_eq!(worker.receive().await, Frame::Cancel { corr });
    let _other = gateway.call("chat", "run-2");
    worker.receive_credit(corr, 0).await;
    assert_eq!(worker.receive_call().await.run, "run-2");
}

#[tokio::test]
async fn an_event_beyond_the_window_ends_the_call() {
    let gateway = Gateway::with(|config| config.window = 2).await;
    let (mut worker, mut call, corr) = under_way(&gateway).await;
    worker.chunk(corr, 0, "a").await;
    worker.chunk(corr, 1, "b").await;
    worker.chunk(corr, 2, "c").await;
    assert_eq!(next(&mut call).await, text(0, "a"));
    assert_eq!(next(&mut call).await, text(1, "b"));
    assert_eq!(end(&mut call).await, protocol("an event beyond the window"));
}

#[tokio::test]
async fn the_terminal_event_needs_no_credit() {
    let gateway = Gateway::with(|config| config.window = 1).await;
    let (mut worker, mut call, corr) = under_way(&gateway).await;
    worker.chunk(corr, 0, "a").await;
    worker.send(Frame::End { corr, seq: 1 }).await;
    assert_eq!(next(&mut call).await, text(0, "a"));
    assert_eq!(next(&mut call).await, CallEvent::Ended { seq: 1, outcome: Outcome::End });
}

#[tokio::test]
async fn fields_that_are_wrong_end_the_call() {
    let gateway = Gateway::start().await;
    let (mut worker, mut call, corr) = under_way(&gateway).await;
    let chunk = Chunk { corr, seq: 0, kind: ChunkKind::Text, payload: Bytes::new(), buffers: vec![] };
    let mut parts = encode(Frame::Chunk(chunk));
    let header = parts[0].to_vec();
    // `text` becomes `tixt`, which is no kind of chunk.
    let at = header.windows(4).position(|window| window == b"text").expect("the kind");
    let mut broken = header;
    broken[at + 1] = b'i';
    parts[0] = broken.into();
    worker.send_parts(parts).await;
    assert_eq!(end(&mut call).await, protocol("a chunk that is neither text nor event"));
}

#[tokio::test]
async fn buffers_have_no_place_in_json() {
    let gateway = Gateway::start().await;
    let (mut worker, mut call, corr) = under_way(&gateway).await;
    let buffers = vec![Bytes::from_static(b"raw")];
    worker.send(Frame::Result { corr, seq: 0, codec: Codec::Json, payload: Bytes::from_static(b"1"), buffers }).await;
    assert_eq!(end(&mut call).await, protocol("buffers in a call of the gateway"));
    worker.receive_credit(corr, 1).await;
}

#[tokio::test]
async fn a_corr_that_was_never_given_ends_the_connection() {
    let gateway = Gateway::start().await;
    let (mut worker, mut call, corr) = under_way(&gateway).await;
    worker.result(corr + 2, 0, "1").await;
    assert_eq!(end(&mut call).await, protocol("a corr that was never given out"));
    let said = worker.until_closed().await;
    assert!(matches!(&said[..], [Frame::Error { corr: 0, error, .. }] if error.code == "worker_protocol"), "{said:?}");
}

#[tokio::test]
async fn another_workers_call_cannot_be_answered() {
    let gateway = Gateway::start().await;
    let (mut worker, mut call, corr) = under_way(&gateway).await;
    let (mut stranger, _) = Double::join(&gateway.unix, hello("i2", "other")).await;
    stranger.result(corr, 0, "\"forged\"").await;
    let mut own = gateway.call("other", "run-2");
    let own_corr = stranger.receive_call().await.corr;
    stranger.send(Frame::End { corr: own_corr, seq: 0 }).await;
    end(&mut own).await;
    assert_eq!(gateway.bridge.metrics().late_frames.get(), 1);
    worker.result(corr, 0, "\"true\"").await;
    let outcome = Outcome::Result { codec: Codec::Json, payload: Bytes::from_static(b"\"true\"") };
    assert_eq!(end(&mut call).await, CallEvent::Ended { seq: 0, outcome });
}

#[tokio::test]
async fn garbage_ends_the_connection_and_its_calls() {
    for garbage in [
        stream_bytes(&[Bytes::from_static(b"\xc1")]),
        vec![0xff; 64],
        vec![0, 0, 0, 4, 0, 0, 0, 9],
        stream_bytes(&encode(Frame::Ping)),
    ] {
        let gateway = Gateway::start().await;
        let (mut worker, mut call, _) = under_way(&gateway).await;
        worker.send_bytes(&garbage).await;
        let event = end(&mut call).await;
        assert!(
            matches!(&event, CallEvent::Failed(failure) if failure.reason.code() == "worker_protocol"),
            "{event:?}"
        );
        let said = worker.until_closed().await;
        assert!(matches!(&said[..], [Frame::Error { corr: 0, .. }]), "{said:?}");
        gateway.until(<[_]>::is_empty).await;
    }
}

#[tokio::test]
async fn a_worker_that_dies_in_half_a_message_is_lost_after_its_time() {
    let gateway = Gateway::with(|config| config.reclaim_for = Duration::from_millis(300)).await;
    let (mut worker, mut call, corr) = under_way(&gateway).await;
    worker.chunk(corr, 0, "a").await;
    let whole = stream_bytes(&encode(Frame::End { corr, seq: 1 }));
    worker.send_bytes(&whole[..whole.len() / 2]).await;
    assert_eq!(next(&mut call).await, text(0, "a"));
    let dropped = Instant::now();
    drop(worker);
    gateway.until(|services| services[0].workers[0].presence == WorkerPresence::Away).await;
    assert_eq!(end(&mut call).await, failed(FailureReason::WorkerLost));
    assert!(dropped.elapsed() >= Duration::from_millis(300));
    gateway.until(<[_]>::is_empty).await;
}

#[tokio::test]
async fn a_worker_that_comes_back_goes_on_where_it_is_stored() {
    let gateway = Gateway::start().await;
    let (mut worker, mut call, corr) = under_way(&gateway).await;
    for (seq, text) in [(0, "a"), (1, "b"), (2, "c")] {
        worker.chunk(corr, seq, text).await;
    }
    for seq in 0..3 {
        assert!(matches!(next(&mut call).await, CallEvent::Event { seq: found, .. } if found == seq));
    }
    call.stored(1);
    worker.receive_credit(corr, 1).await;
    drop(worker);

    let back = Hello { open: vec![offer("run-1", 4, 1, false)], ..hello("i1", "chat") };
    let (mut worker, welcome) = Double::join(&gateway.unix, back).await;
    let [Resumed { run, corr, ack: 1 }] = &welcome.resumed[..] else { panic!("{welcome:?}") };
    assert_eq!((run.as_str(), welcome.dropped.len()), ("run-1", 0));
    // It repeats what is not stored; the caller sees only what is new.
    for (seq, text) in [(1, "b"), (2, "c"), (3, "d")] {
        worker.chunk(*corr, seq, text).await;
    }
    worker.send(Frame::End { corr: *corr, seq: 4 }).await;
    assert_eq!(next(&mut call).await, text(3, "d"));
    assert_eq!(next(&mut call).await, CallEvent::Ended { seq: 4, outcome: Outcome::End });
    assert_eq!(gateway.bridge.metrics().resumed.get(), 1);
}

#[tokio::test]
async fn the_terminal_event_is_repeated_until_it_is_stored() {
    let gateway = Gateway::start().await;
    let (mut worker, mut call, corr) = under_way(&gateway).await;
    worker.result(corr, 0, "1").await;
    assert!(matches!(next(&mut call).await, CallEvent::Ended { .. }));
    drop(worker);
    let back = || Hello { open: vec![offer("run-1", 1, 0, true)], ..hello("i1", "chat") };
    let (mut worker, welcome) = Double::join(&gateway.unix, back()).await;
    let corr = welcome.resumed[0].corr;
    worker.result(corr, 0, "1").await;
    call.stored(1);
    worker.receive_credit(corr, 1).await;
    assert_eq!(within(call.next()).await, None);
    drop(worker);
    let (_worker, welcome) = Double::join(&gateway.unix, back()).await;
    assert_eq!((welcome.resumed.len(), welcome.dropped), (0, vec!["run-1".to_owned()]));
}

#[tokio::test]
async fn what_a_returning_worker_does_not_offer_is_lost() {
    let gateway = Gateway::start().await;
    let (worker, mut call, _) = under_way(&gateway).await;
    drop(worker);
    let (_worker, welcome) = Double::join(&gateway.unix, hello("i1", "chat")).await;
    assert_eq!(welcome.resumed, vec![]);
    assert_eq!(end(&mut call).await, failed(FailureReason::WorkerLost));
}

#[tokio::test]
async fn another_process_under_the_same_name_gets_nothing_of_the_old_one() {
    let gateway = Gateway::start().await;
    let (worker, mut call, _) = under_way(&gateway).await;
    drop(worker);
    let thief = Hello { open: vec![offer("run-1", 0, 0, false)], ..hello("i2", "chat") };
    let (_thief, welcome) = Double::join(&gateway.unix, thief).await;
    assert_eq!(welcome.dropped, ["run-1"]);
    let back = Hello { open: vec![offer("run-1", 0, 0, false)], ..hello("i1", "chat") };
    let (mut worker, welcome) = Double::join(&gateway.unix, back).await;
    worker.send(Frame::End { corr: welcome.resumed[0].corr, seq: 0 }).await;
    assert!(matches!(end(&mut call).await, CallEvent::Ended { .. }));
}

#[tokio::test]
async fn a_second_connection_of_a_process_replaces_the_first() {
    let gateway = Gateway::start().await;
    let (mut first, mut call, _) = under_way(&gateway).await;
    let again = Hello { open: vec![offer("run-1", 0, 0, false)], ..hello("i1", "chat") };
    let (mut second, welcome) = Double::join(&gateway.unix, again).await;
    assert_eq!(first.until_closed().await, vec![]);
    second.send(Frame::End { corr: welcome.resumed[0].corr, seq: 0 }).await;
    assert!(matches!(end(&mut call).await, CallEvent::Ended { .. }));
}

#[tokio::test]
async fn a_cancel_during_the_absence_is_told_on_return() {
    let gateway = Gateway::start().await;
    let (worker, call, _) = under_way(&gateway).await;
    drop(worker);
    gateway.until(|services| services[0].workers[0].presence == WorkerPresence::Away).await;
    call.cancel();
    let back = Hello { open: vec![offer("run-1", 0, 0, false)], ..hello("i1", "chat") };
    let (mut worker, welcome) = Double::join(&gateway.unix, back).await;
    assert_eq!(worker.receive().await, Frame::Cancel { corr: welcome.resumed[0].corr });
}

#[tokio::test]
async fn a_silent_worker_is_lost_after_two_questions_and_hears_so_when_it_wakes() {
    let gateway = Gateway::with(|config| config.reclaim_for = Duration::from_millis(200)).await;
    let (mut frozen, mut call, _) = under_way(&gateway).await;
    // It reads and answers nothing: the connection is open, the process is not.
    let began = Instant::now();
    assert_eq!(end(&mut call).await, failed(FailureReason::WorkerLost));
    assert!(began.elapsed() >= Duration::from_millis(2 * 200));
    let said = frozen.until_closed().await;
    assert_eq!(said, vec![]);
    let back = Hello { open: vec![offer("run-1", 0, 0, false)], ..hello("i1", "chat") };
    let (_awake, welcome) = Double::join(&gateway.unix, back).await;
    assert_eq!(welcome.dropped, ["run-1"]);
}

#[tokio::test]
async fn a_worker_whose_process_is_dead_is_not_waited_for() {
    let gateway = Gateway::start().await;
    let spawned = Hello { generation: Some("generation-1".into()), pid: Some(4711), ..hello("i1", "chat") };
    let (mut worker, _) = Double::join(&gateway.unix, spawned).await;
    let mut call = gateway.call("chat", "run-1");
    worker.receive_call().await;
    gateway.bridge.worker_gone(4711);
    assert_eq!(end(&mut call).await, failed(FailureReason::WorkerLost));
}

/// Wants what it is told to want, as a gateway that reads its log does.
struct Log {
    wanted: HashMap<String, u64>,
    calls: mpsc::UnboundedSender<(String, Call)>,
}

impl Claims for Log {
    fn claim(&self, offer: &Offer) -> Option<Claimed> {
        let ack = *self.wanted.get(&offer.run)?;
        Some(Claimed { ack, service: "chat".into(), realm: "default".into(), ..Claimed::default() })
    }

    fn resume(&self, run: &str, call: Call) {
        self.calls.send((run.to_owned(), call)).expect("the test listens");
    }
}

#[tokio::test]
async fn calls_survive_a_restart_of_the_gateway() {
    let gateway = Gateway::start().await;
    let (mut worker, mut call, corr) = under_way(&gateway).await;
    worker.chunk(corr, 0, "a").await;
    assert_eq!(next(&mut call).await, text(0, "a"));
    let (calls, mut resumed) = mpsc::unbounded_channel();
    let log = Log { wanted: HashMap::from([("run-1".to_owned(), 1)]), calls };
    let gateway = gateway.replace("epoch-2", Arc::new(log), |_| {}).await;
    assert_eq!(end(&mut call).await, failed(FailureReason::Stopping));
    drop(call);
    worker.until_closed().await;

    let open = vec![offer("run-1", 2, 0, false), offer("run-0", 9, 9, true)];
    let (mut worker, welcome) = Double::join(&gateway.unix, Hello { open, ..hello("i1", "chat") }).await;
    assert_eq!((welcome.epoch.as_str(), &welcome.dropped[..]), ("epoch-2", &["run-0".to_owned()][..]));
    let [Resumed { corr, ack: 1, .. }] = welcome.resumed[..] else { panic!("{welcome:?}") };
    let (run, mut call) = within(resumed.recv()).await.expect("the call is handed out");
    worker.chunk(corr, 1, "b").await;
    worker.send(Frame::End { corr, seq: 2 }).await;
    let started = CallEvent::Started { worker: "worker of chat".into(), idempotent: false };
    assert_eq!((run.as_str(), next(&mut call).await), ("run-1", started));
    assert_eq!(next(&mut call).await, text(1, "b"));
    assert_eq!(end(&mut call).await, CallEvent::Ended { seq: 2, outcome: Outcome::End });
}

#[tokio::test]
async fn a_worker_of_another_generation_finishes_and_gets_nothing_new() {
    let gateway = Gateway::with(|config| config.dispatch_wait = Duration::from_millis(200)).await;
    let older = Hello { generation: Some("generation-0".into()), ..hello("i1", "chat") };
    let (mut worker, _) = Double::join(&gateway.unix, older).await;
    assert_eq!(worker.receive().await, Frame::Drain);
    let mut call = gateway.call("chat", "run-1");
    let reason = FailureReason::NoWorker;
    assert_eq!(end(&mut call).await, CallEvent::Failed(CallFailure { reason, handed_over: false }));
}

#[tokio::test]
async fn strangers_are_asked_for_hello_and_refused_where_it_is_wrong() {
    let gateway = Gateway::with(|config| {
        config.token = Some("secret".into());
        config.hello_within = Duration::from_millis(200);
    })
    .await;
    let mut stranger = Double::unix(&gateway.unix).await;
    stranger.send(Frame::Cancel { corr: 1 }).await;
    assert_eq!(stranger.receive().await, Frame::UnknownPeer);
    assert_eq!(stranger.until_closed().await, vec![], "it had its time");

    let code = |hello: Hello| {
        let path = gateway.unix.clone();
        async move {
            let mut refused = Double::unix(&path).await;
            refused.send(Frame::Hello(hello)).await;
            match &refused.until_closed().await[..] {
                [Frame::Error { corr: 0, error, .. }] => error.code.clone(),
                other => panic!("{other:?}"),
            }
        }
    };
    let known = || Hello { token: Some("secret".into()), ..hello("i1", "chat") };
    assert_eq!(code(hello("i1", "chat")).await, "unauthorized");
    assert_eq!(code(Hello { token: Some("secres".into()), ..known() }).await, "unauthorized");
    assert_eq!(code(Hello { concurrency: 0, ..known() }).await, "worker_protocol");
    assert_eq!(code(Hello { name: String::new(), ..known() }).await, "worker_protocol");
    let Welcome { window, .. } = Double::join(&gateway.unix, known()).await.1;
    assert_eq!(window, 64);
}

#[tokio::test]
async fn too_many_connections_are_refused() {
    let gateway = Gateway::with(|config| config.links_max = 1).await;
    let _first = Double::join(&gateway.unix, hello("i1", "chat")).await;
    let mut second = Double::unix(&gateway.unix).await;
    assert_eq!(second.until_closed().await, vec![]);
    assert_eq!(gateway.bridge.metrics().links_refused.get(), 1);
}

#[tokio::test]
async fn the_socket_is_the_owners_and_stale_ones_are_replaced() {
    let directory = tempfile::tempdir().expect("a directory");
    let unix = directory.path().join("bridge.sock");
    let start = || {
        let config = BridgeConfig { unix: Some(unix.clone()), ..BridgeConfig::default() };
        let token = CancellationToken::new();
        let bridge =
            Bridge::start(config, "e".into(), "g".into(), Arc::new(NoClaims), token.clone(), TaskTracker::new());
        async move { (bridge.await, token) }
    };
    // What a process that was killed leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&unix).expect("a socket"));
    let (first, _running) = start().await;
    first.expect("a stale socket is replaced");
    let mode = std::fs::metadata(&unix).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(matches!(start().await.0, Err(StartError::Occupied { .. })), "another gateway is not pushed aside");

    let file = directory.path().join("notes");
    std::fs::write(&file, "dear").expect("a file");
    let config = BridgeConfig { unix: Some(file.clone()), ..BridgeConfig::default() };
    let token = CancellationToken::new();
    let result = Bridge::start(config, "e".into(), "g".into(), Arc::new(NoClaims), token, TaskTracker::new()).await;
    assert!(matches!(result, Err(StartError::Occupied { .. })));
    assert_eq!(std::fs::read_to_string(&file).expect("still there"), "dear");
}
