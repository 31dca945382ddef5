//! Runs whose task fails, or whose past cannot be read: what is left of them, and that the others go on.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use trunkline_bridge::BridgeConfig;
use trunkline_broker::memory::MemoryBroker;
use trunkline_broker::{
    Append, Batch, BrokerError, Capabilities, Committed, Environment, Expect, Op, Options, Page, Put,
};
use trunkline_core::log::{Head, ResetReason};
use trunkline_core::outbox::Priority;
use trunkline_core::record::RecordKind;
use trunkline_protocol::{Dialect, Envelope, Position};

use super::store::OPEN_RUNS;
use super::*;
use crate::connection::Subscriber;
use crate::message;
use crate::sessions::Sessions;

type Answer<T> = BoxFuture<'static, Result<T, BrokerError>>;

/// A broker that panics once, where it is to store the end of a run, or has no room now and then.
struct Failing {
    broker: MemoryBroker,
    /// Set before: tells when.
    fail_now: Mutex<Option<oneshot::Receiver<()>>>,
    /// What is stored just before the next end of a run.
    in_between: Mutex<Option<Batch>>,
    /// How many more changes of open runs find no room.
    overloaded: AtomicUsize,
    /// Held back until the second one; the first one is told that somebody waits.
    reading_a_run: Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>,
}

impl Broker for Failing {
    fn commit(&self, batch: Batch) -> Answer<Committed> {
        let ends_a_run = batch.ops.iter().any(|op| matches!(op, Op::Append(append) if append.seals));
        let changes_a_run = matches!(&batch.ops[..], [Op::Put(put)] if put.key.starts_with(OPEN_RUNS) && put.expect != Expect::Anything);
        let less = |count: usize| count.checked_sub(1);
        if changes_a_run && self.overloaded.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            return std::future::ready(Err(BrokerError::Overloaded)).boxed();
        }
        if let Some(now) = self.fail_now.lock().expect("nobody panics with it").take_if(|_| ends_a_run) {
            return async { panic!("as the test wants: {:?}", now.await) }.boxed();
        }
        let in_between = self.in_between.lock().expect("nobody panics with it").take_if(|_| ends_a_run);
        let before = in_between.map(|batch| self.broker.commit(batch));
        let commit = self.broker.commit(batch);
        async move {
            if let Some(before) = before {
                before.await?;
            }
            commit.await
        }
        .boxed()
    }

    fn read(
        &self,
        channel: &ChannelKey,
        cursor: Option<Position>,
        bytes_max: usize,
    ) -> Answer<Result<Page, ResetReason>> {
        self.broker.read(channel, cursor, bytes_max)
    }

    fn head(&self, channel: &ChannelKey) -> Answer<Option<Head>> {
        self.broker.head(channel)
    }

    fn get(&self, key: &str) -> Answer<Option<bytes::Bytes>> {
        let value = self.broker.get(key);
        let mut held = self.reading_a_run.lock().expect("nobody panics with it");
        match held.take_if(|_| key.starts_with(OPEN_RUNS)) {
            None => value,
            Some((reached, go_on)) => async move {
                reached.send(()).expect("the test waits");
                go_on.await.expect("the test says so");
                value.await
            }
            .boxed(),
        }
    }

    fn list(&self, prefix: &str, after: Option<&str>, count_max: usize) -> Answer<Vec<(String, bytes::Bytes)>> {
        self.broker.list(prefix, after, count_max)
    }

    fn capabilities(&self) -> Capabilities {
        self.broker.capabilities()
    }
}

/// A store that outlives whoever uses it, and a client of one session that is sent what is stored.
struct Stored {
    broker: Arc<Failing>,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    registry: Registry,
    session: Arc<Session>,
    client: Arc<Subscriber>,
}

impl Stored {
    fn new() -> Self {
        let (metrics, registry) = Metrics::new();
        let hub = Arc::new(Hub::for_tests(&metrics));
        let environment = Environment { clock: Arc::new(wall_ms), epoch_source: 1, listener: Arc::<Hub>::clone(&hub) };
        let broker = MemoryBroker::new(&Options::default(), environment);
        let session = Session::for_tests("default", "s");
        let client = Subscriber::for_tests(Dialect::Native.into());
        hub.attach(&session.channel, &client, Priority::Interactive, None);
        assert!(hub.caught_up(&session.channel, &client), "there is nothing to catch up with");
        Self {
            broker: Arc::new(Failing {
                broker,
                fail_now: Mutex::default(),
                in_between: Mutex::default(),
                overloaded: AtomicUsize::new(0),
                reading_a_run: Mutex::default(),
            }),
            hub,
            metrics,
            registry,
            session,
            client,
        }
    }

    /// Runs of one life of the gateway. They have no bridge: a service that is called has no worker.
    fn runs(&self) -> Arc<Runs> {
        Arc::new(Runs::new(
            Arc::<Failing>::clone(&self.broker),
            Arc::clone(&self.hub),
            Clock::start(),
            Arc::clone(&self.metrics),
            Durability::Os,
            Keep::new(Duration::from_hours(1)),
            Arc::default(),
        ))
    }

    /// Accepts a message of the client, and gives the run that it starts.
    fn accept(&self, runs: &Arc<Runs>, id: &str) -> ChannelKey {
        let message = Envelope::new("user_message");
        let new = NewRun {
            session: &self.session,
            service: "chat".to_owned(),
            message: &message,
            message_id: id,
            deadline_ms: 60_000,
            while_busy: WhileBusy::Queue,
            on_leave: OnLeave::Continue,
        };
        let origin = self.client.acquire_in_flight(64, true).expect("a place");
        runs.accept(new, origin).expect("accepted");
        ChannelKey::run("default", &run_id("default", "s", id))
    }

    /// What the client was sent of channels.
    fn said(&self) -> Vec<Value> {
        let mut said = Vec::new();
        let mut frames = Vec::new();
        self.client.outbox().take(usize::MAX, |frame| frames.push(frame));
        let written = frames.into_iter().filter_map(|frame| frame.into_bytes(&self.client, None));
        said.extend(written.map(|frame| message::read_frame(&frame)));
        said.retain(|message| message["channel"].is_string());
        said
    }

    /// Stores a message whose run waits, as a life of the gateway leaves it that is gone before its turn.
    async fn leave_waiting(&self, id: &str) -> ChannelKey {
        self.leave_waiting_as(id, |_| ()).await
    }

    /// The same for a run that `change` makes another one.
    async fn leave_waiting_as(&self, id: &str, change: impl FnOnce(&mut OpenRun)) -> ChannelKey {
        let run = ChannelKey::run("default", id);
        let mut open = OpenRun {
            session: "s".to_owned(),
            user: None,
            service: "chat".to_owned(),
            kind: "user_message".to_owned(),
            message: id.to_owned(),
            payload: message::payload(&()),
            packed: None,
            accepted_ms: wall_ms(),
            order: 0,
            deadline_at_ms: wall_ms() + 60_000,
            called: false,
            repetitions: 0,
            parallel: false,
            interrupts: false,
            input_to: None,
            ends_when_left: false,
            traceparent: None,
            origin: None,
        };
        change(&mut open);
        let batch = store::accept_batch(&AcceptedMessage {
            session: &self.session.channel,
            run: &run,
            open: &open,
            stored: &open.to_value(),
            message: &Envelope::new("user_message"),
            ts: "now",
            durability: Durability::Os,
        });
        self.commit(batch.ops).await;
        run
    }

    async fn commit(&self, ops: Vec<Op>) {
        self.broker.commit(Batch { ops, ..Batch::default() }).await.expect("stored");
    }

    /// Begins another life of the gateway: takes up what is open.
    async fn restart(&self) -> Arc<Runs> {
        let runs = self.runs();
        let sessions = Sessions::new(Arc::<Failing>::clone(&self.broker), runs.keep);
        Recovery::default().find(&runs, &sessions).await.expect("the store can be read").go(&runs);
        runs
    }

    /// The keys of the runs that are listed as open.
    async fn open(&self) -> Vec<String> {
        let listed = self.broker.list(OPEN_RUNS, None, 100).await.expect("read");
        listed.into_iter().map(|(key, _)| key).collect()
    }

    /// The code of the error that a run ended with, or the type of its end.
    async fn end(&self, run: &ChannelKey) -> String {
        let page = self.broker.read(run, None, 65_536).await.expect("read").expect("there");
        let last = page.records.last().expect("its end");
        let (_, end) = trunkline_core::record::message(&last.data).expect("a message");
        end.error.map_or(end.kind, |error| error.code).into_owned()
    }

    async fn is_sealed(&self, run: &ChannelKey) -> bool {
        self.broker.head(run).await.expect("read").expect("it is there").sealed
    }
}

/// Waits until no run is open.
async fn ended(runs: &Runs) {
    tokio::time::timeout(Duration::from_secs(20), runs.ended()).await.expect("they end");
}

#[tokio::test]
async fn a_run_whose_task_panics_ends_and_the_next_one_has_its_turn() {
    let stored = Stored::new();
    let runs = stored.runs();
    let (fail, now) = oneshot::channel();
    *stored.broker.fail_now.lock().expect("nobody panics with it") = Some(now);
    let (first, second) = (stored.accept(&runs, "m1"), stored.accept(&runs, "m2"));
    assert_eq!(runs.live_count(), 2, "the end of the first is being stored");
    fail.send(()).expect("it waits for this");
    ended(&runs).await;

    let said = stored.said();
    let ends: Vec<_> = said.iter().filter(|message| message["error"].is_object()).collect();
    let end = |message: &Value| (message["channel"].clone(), message["type"].clone(), message["error"]["code"].clone());
    let failed = |run: &ChannelKey, code: &str| (json!(run.public_name()), json!("run_failed"), json!(code));
    assert_eq!(ends.len(), 2, "{said:?}");
    assert_eq!([end(ends[0]), end(ends[1])], [failed(&first, "internal"), failed(&second, "no_worker")]);
    assert!(stored.is_sealed(&first).await);
    assert_eq!(runs.live_count(), 0);
    let mut counted = String::new();
    prometheus_client::encoding::text::encode(&mut counted, &stored.registry).expect("text");
    assert!(counted.contains("trunkline_runs_ended_total{state=\"failed\"} 2"), "{counted}");
    assert_eq!(stored.restart().await.live_count(), 0, "nothing is open after a restart");
}

#[tokio::test]
async fn a_run_whose_task_panics_ends_though_something_of_it_was_still_on_its_way() {
    let stored = Stored::new();
    let runs = stored.runs();
    let (fail, now) = oneshot::channel();
    *stored.broker.fail_now.lock().expect("nobody panics with it") = Some(now);
    let run = stored.accept(&runs, "m1");
    let data = trunkline_core::record::data(RecordKind::Event, &Envelope::new("something"));
    let append =
        Append { channel: run.clone(), data, expected: None, seals: false, idempotency: None, retention: None };
    let batch = Batch { ops: vec![Op::Append(append)], ..Batch::default() };
    *stored.broker.in_between.lock().expect("nobody panics with it") = Some(batch);
    fail.send(()).expect("it waits for this");
    ended(&runs).await;
    assert!(stored.broker.in_between.lock().expect("nobody panics with it").is_none());
    assert!(stored.is_sealed(&run).await);
    assert!(stored.open().await.is_empty());
}

#[tokio::test]
async fn a_run_that_waits_for_a_worker_is_left_as_such_though_the_broker_has_no_room_at_first() {
    let stored = Stored::new();
    let runs = stored.runs();
    let folder = tempfile::tempdir().expect("a folder");
    let config = BridgeConfig { unix: Some(folder.path().join("worker.sock")), ..BridgeConfig::default() };
    let (claims, stop) = (Arc::<Recovery>::default(), CancellationToken::new());
    let names = ("epoch".to_owned(), "generation".to_owned());
    let bridge = Bridge::start(config, names.0, names.1, claims, stop.clone(), TaskTracker::new()).await;
    runs.connect(bridge.expect("it starts"));
    let run = stored.accept(&runs, "m1");
    let called = async || store::open_run(&*stored.broker, &run).await.expect("read").expect("it is open").called;
    assert!(called().await, "it waits in the bridge, for all that the store knows in a worker");
    stored.broker.overloaded.store(3, Ordering::Relaxed);
    runs.stopping.begin(0, Duration::ZERO);
    ended(&runs).await;
    assert!(!called().await, "the next life calls it");
    stop.cancel();
}

#[tokio::test]
async fn an_open_run_that_cannot_be_read_stays_listed_and_the_others_go_on() {
    let stored = Stored::new();
    let mut readable = vec![stored.leave_waiting("a").await];
    let of_another_version = format!("{OPEN_RUNS}default/run:b");
    let put = Put { key: of_another_version.clone(), value: "{}".into(), expect: Expect::Anything, keep_ms: None };
    stored.commit(vec![Op::Put(put)]).await;
    let log_of_another_version = stored.leave_waiting("c").await;
    let channel = log_of_another_version.clone();
    let append = Append { channel, data: "?".into(), expected: None, seals: false, idempotency: None, retention: None };
    stored.commit(vec![Op::Append(append)]).await;
    readable.push(stored.leave_waiting("d").await);

    let log = tempfile::NamedTempFile::new().expect("a file");
    let writer = Arc::new(log.reopen().expect("a file"));
    let logging = tracing::subscriber::set_default(tracing_subscriber::fmt().with_writer(writer).finish());
    ended(&*stored.restart().await).await;
    drop(logging);

    for run in &readable {
        assert!(stored.is_sealed(run).await, "{run} was called, and there was no worker");
    }
    assert!(!stored.is_sealed(&log_of_another_version).await);
    let unreadable = [of_another_version, format!("{OPEN_RUNS}{log_of_another_version}")];
    assert_eq!(stored.open().await, unreadable);
    let log = std::fs::read_to_string(log.path()).expect("text");
    for run in ["run:b", "run:c"] {
        assert!(log.lines().any(|line| line.contains("ERROR") && line.contains(run)), "{run} is not in {log}");
    }
}

#[tokio::test]
async fn an_open_run_whose_payload_cannot_be_read_fails() {
    let stored = Stored::new();
    let with_bytes = |packed: &str| {
        let packed = Some(packed.to_owned());
        |open: &mut OpenRun| open.packed = packed
    };
    let readable = stored.leave_waiting_as("a", with_bytes("xAEH")).await;
    let unreadable = stored.leave_waiting_as("b", with_bytes("?")).await;
    ended(&*stored.restart().await).await;
    assert_eq!([stored.end(&readable).await, stored.end(&unreadable).await], ["no_worker", "internal"]);
}

/// Stores a called run of a resumable service whose question was answered, with a mark that says until when it may go.
async fn leave_answered(stored: &Stored, id: &str, deadline_at_ms: u64) -> ChannelKey {
    let run = stored.leave_waiting_as(id, |open| open.called = true).await;
    let payload = |json: Value| serde_json::value::to_raw_value(&json).expect("JSON");
    let asked = payload(json!({ "request_id": "q1", "kind": "approval", "message": "Sure?" }));
    let said = payload(json!({ "request_id": "q1", "granted": true }));
    let question = Envelope { seq: Some(0), payload: Some((&asked).into()), ..Envelope::new("run_waiting") };
    let answer = Envelope { id: Some("a1".into()), payload: Some((&said).into()), ..Envelope::new("answer") };
    let append = |kind, message: &Envelope<'_>| {
        let data = trunkline_core::record::data(kind, message);
        Op::Append(Append {
            channel: run.clone(),
            data,
            expected: None,
            seals: false,
            idempotency: None,
            retention: None,
        })
    };
    let mark = json!({ "deadline_at_ms": deadline_at_ms, "attempt": 1, "base": 0, "resumable": true });
    let (key, value) = (format!("asked-run/{run}"), mark.to_string().into());
    let mark = Op::Put(Put { key, value, expect: Expect::Anything, keep_ms: None });
    let ops = vec![append(RecordKind::Event, &question), append(RecordKind::Message, &answer), mark];
    stored.commit(ops).await;
    run
}

#[tokio::test]
async fn a_service_is_not_called_again_when_the_time_of_its_run_is_over_meanwhile() {
    let stored = Stored::new();
    // Longer than the wait before the call, which is a tenth of a second.
    let deadline = wall_ms() + 500;
    let run = leave_answered(&stored, "a", deadline).await;
    let ((reached, reading), (go_on, held)) = (oneshot::channel(), oneshot::channel());
    *stored.broker.reading_a_run.lock().expect("nobody panics with it") = Some((reached, held));
    let runs = stored.restart().await;
    // On a slow machine its time may be over before that.
    tokio::select! {
        _ = reading => {}
        () = ended(&runs) => {}
    }
    let mut look = tokio::time::interval(Duration::from_millis(10));
    while wall_ms() <= deadline {
        look.tick().await;
    }
    let _ = go_on.send(());
    ended(&runs).await;
    assert_eq!(stored.end(&run).await, "deadline_exceeded", "there was no worker to be called");
}

#[tokio::test]
async fn a_run_that_was_stored_to_interrupt_does_so_after_a_restart() {
    let stored = Stored::new();
    let before = [stored.leave_waiting("a").await, stored.leave_waiting("b").await];
    let interrupts = stored.leave_waiting_as("c", |open| open.interrupts = true).await;
    let after = stored.leave_waiting("d").await;
    ended(&*stored.restart().await).await;
    for run in before {
        assert_eq!(stored.end(&run).await, "run_cancelled", "it was not called");
    }
    assert_eq!([stored.end(&interrupts).await, stored.end(&after).await], ["no_worker", "no_worker"]);
}
