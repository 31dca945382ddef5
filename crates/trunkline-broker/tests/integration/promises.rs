//! One promise per test: refusals, order, fencing, cursors, sealing, overload.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Waker};

use futures_util::future::BoxFuture;
use tempfile::TempDir;
use trunkline_broker::embedded::EmbeddedBroker;
use trunkline_broker::{
    Append, Batch, Broker, BrokerError, Committed, Duplicate, Durability, Environment, Expect, KEY_BYTES_MAX, Listener,
    Metrics, Op, Options, PAGE_RECORDS_MAX, Refusal, Written,
};
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{AppendRefused, Head, Record, ResetReason};
use trunkline_protocol::Position;

use crate::support::{
    Kind, World, append, batch, channel, on_each, once, plain, position, put, short_retention, texts,
};

#[tokio::test]
async fn a_refused_batch_leaves_no_trace() {
    on_each(Options::default(), async |world| {
        let (first, second) = (channel("r1"), channel("r2"));
        world.append(&first, "a").await;
        let ops = [
            append(&second, "b"),
            put("acme/k", "v", Expect::Anything, None),
            once(&second, "c", "id", 1),
            put("acme/other", "v", Expect::Value("w".into()), None),
        ];
        let refused = world.commit(ops).await;
        assert_eq!(refused, Err(BrokerError::Refused { index: 3, refusal: Refusal::Value(None) }));
        assert_eq!(world.broker().head(&second).await, Ok(None));
        assert_eq!(world.broker().get("acme/k").await, Ok(None));
        assert_eq!(world.recorder.heard().len(), 1);
        // Its idempotency key was not used up.
        world.commit([once(&second, "c", "id", 1)]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_batch_sees_its_own_operations() {
    on_each(Options::default(), async |world| {
        let run = channel("r1");
        let ops = [
            Op::Open { channel: run.clone(), unique: None },
            append(&run, "a"),
            Op::Append(Append { expected: Some(1), seals: true, ..plain(&run, "b") }),
            put("acme/k", "v", Expect::Absent, None),
            put("acme/k", "w", Expect::Value("v".into()), None),
        ];
        let committed = world.commit(ops).await.unwrap();
        assert!(matches!(committed.written[..], [Written::Stored, Written::Appended(_), Written::Appended(_), ..]));
        let page = world.page(&run, None).await;
        assert_eq!(texts(&page), ["a", "b"]);
        assert!(page.head.sealed);
        assert_eq!(world.broker().get("acme/k").await, Ok(Some("w".into())));
    })
    .await;
}

#[tokio::test]
async fn a_sealed_channel_takes_nothing_more() {
    on_each(Options::default(), async |world| {
        let run = channel("r1");
        world.commit([Op::Append(Append { seals: true, ..plain(&run, "end") })]).await.unwrap();
        assert_eq!(world.refusal([append(&run, "late")]).await, Refusal::Append(AppendRefused::Sealed));
        world.reopen();
        assert_eq!(world.refusal([append(&run, "late")]).await, Refusal::Append(AppendRefused::Sealed));
        assert!(world.page(&run, None).await.records[0].seals);
    })
    .await;
}

#[tokio::test]
async fn of_two_writers_that_expect_the_same_top_one_wins() {
    on_each(Options::default(), async |world| {
        let run = channel("r1");
        let ending = |data| batch([Op::Append(Append { expected: Some(0), seals: true, ..plain(&run, data) })]);
        let (first, second) = (world.broker().commit(ending("done")), world.broker().commit(ending("lost")));
        let (first, second) = tokio::join!(first, second);
        let top = position(&first.unwrap());
        // The loser reads the result; a sealed channel says so first.
        assert_eq!(second, Err(BrokerError::Refused { index: 0, refusal: Refusal::Append(AppendRefused::Sealed) }));
        assert_eq!(texts(&world.page(&run, None).await), ["done"]);

        let open = channel("r2");
        world.append(&open, "a").await;
        let fenced = Op::Append(Append { expected: Some(0), ..plain(&open, "b") });
        let conflict = world.refusal([fenced]).await;
        let there = world.page(&open, None).await.head.top;
        assert_eq!(conflict, Refusal::Append(AppendRefused::Conflict { top: there }));
        assert_eq!(world.page(&run, None).await.head.top, top);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_append_gets_the_first_position_even_after_a_restart() {
    on_each(Options::default(), async |world| {
        let run = channel("r1");
        let first = position(&world.commit([once(&run, "a", "m1", 7)]).await.unwrap());
        for _ in 0..2 {
            let same = Refusal::Duplicate(Duplicate { position: first, same_content: true });
            assert_eq!(world.refusal([once(&run, "a", "m1", 7)]).await, same);
            let other = Refusal::Duplicate(Duplicate { position: first, same_content: false });
            assert_eq!(world.refusal([once(&run, "b", "m1", 8)]).await, other);
            world.reopen();
        }
        // A key belongs to its channel.
        world.commit([once(&channel("r2"), "a", "m1", 7)]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_key_has_a_length() {
    on_each(Options::default(), async |world| {
        for key in [String::new(), "k".repeat(KEY_BYTES_MAX + 1)] {
            assert_eq!(world.refusal([put(&key, "v", Expect::Anything, None)]).await, Refusal::Key);
            assert_eq!(world.refusal([Op::Delete { key: key.clone() }]).await, Refusal::Key);
            assert_eq!(world.refusal([once(&channel("r1"), "a", &key, 1)]).await, Refusal::Key);
        }
        let name = channel(&"r".repeat(KEY_BYTES_MAX));
        assert_eq!(world.refusal([append(&name, "a")]).await, Refusal::Key);
        assert_eq!(world.refusal([Op::Open { channel: name, unique: Some([1; 16]) }]).await, Refusal::Key);
        let longest = "k".repeat(KEY_BYTES_MAX);
        world.commit([put(&longest, "v", Expect::Anything, None)]).await.unwrap();
        assert_eq!(world.broker().get(&longest).await, Ok(Some("v".into())));
    })
    .await;
}

#[tokio::test]
async fn every_cursor_gets_its_verdict() {
    on_each(short_retention(2), async |world| {
        let run = channel("r1");
        let mut positions = Vec::new();
        for data in ["a", "b", "c", "d"] {
            positions.push(world.append(&run, data).await);
        }
        let [first, second, third, fourth] = positions[..] else { unreachable!() };
        let verdict = async |cursor| world.broker().read(&run, Some(cursor), usize::MAX).await.unwrap();

        // "c" and "d" are retained; after "b" nothing is missing, though "b" itself is gone.
        assert_eq!(texts(&verdict(second).await.unwrap()), ["c", "d"]);
        assert_eq!(texts(&verdict(third).await.unwrap()), ["d"]);
        assert_eq!(texts(&verdict(fourth).await.unwrap()), [""; 0]);
        assert_eq!(verdict(first).await, Err(ResetReason::TooFar));
        assert_eq!(verdict(Position::start(first.epoch)).await, Err(ResetReason::TooFar));
        for forged in [second, third, fourth].map(|position| Position { tag: !position.tag, ..position }) {
            assert_eq!(verdict(forged).await, Err(ResetReason::Forked));
        }
        assert_eq!(verdict(Position { offset: 5, ..fourth }).await, Err(ResetReason::Forked));
        let elsewhere = Position { epoch: !fourth.epoch, ..fourth };
        assert_eq!(verdict(elsewhere).await, Err(ResetReason::EpochChanged));
        let unknown = world.broker().read(&channel("r2"), None, usize::MAX).await.unwrap();
        assert_eq!(unknown, Err(ResetReason::Unknown));
    })
    .await;
}

#[tokio::test]
async fn an_empty_channel_can_be_resumed_from_its_start() {
    on_each(Options::default(), async |world| {
        let run = channel("r1");
        world.commit([Op::Open { channel: run.clone(), unique: None }]).await.unwrap();
        let start = world.page(&run, None).await.head.top;
        assert_eq!(start.offset, 0);
        world.reopen();
        // Opening it again changes nothing.
        world.commit([Op::Open { channel: run.clone(), unique: None }, append(&run, "a")]).await.unwrap();
        assert_eq!(texts(&world.page(&run, Some(start)).await), ["a"]);
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_has_to_be_new_is_opened_once() {
    on_each(Options::default(), async |world| {
        let (run, session) = (channel("r1"), channel("s1"));
        let unique = |digest: u8| Op::Open { channel: run.clone(), unique: Some([digest; 16]) };
        let same = Refusal::Exists { same_content: true };
        let other = Refusal::Exists { same_content: false };
        world.commit([unique(1), append(&session, "first")]).await.unwrap();
        // Empty, with a record, sealed: it is there.
        for state in [None, Some(append(&run, "a")), Some(Op::Append(Append { seals: true, ..plain(&run, "end") }))] {
            world.commit(Vec::from_iter(state)).await.unwrap();
            for _ in 0..2 {
                assert_eq!(world.refusal([append(&session, "again"), unique(1)]).await, same);
                assert_eq!(world.refusal([unique(2), append(&session, "again")]).await, other);
                world.reopen();
            }
        }
        assert_eq!(texts(&world.page(&session, None).await), ["first"]);
        // Who does not ask for a new one gets the one that is there.
        world.commit([Op::Open { channel: run.clone(), unique: None }]).await.unwrap();
        assert_eq!(texts(&world.page(&run, None).await), ["a", "end"]);

        world.commit([Op::Remove { channel: run.clone(), expected: None }, unique(2)]).await.unwrap();
        assert_eq!(world.refusal([unique(1)]).await, other);
        assert_eq!(world.refusal([unique(2)]).await, same);
        assert_eq!(texts(&world.page(&run, None).await), [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_was_not_opened_with_a_content_has_none_to_compare() {
    on_each(Options::default(), async |world| {
        let (opened, written) = (channel("r1"), channel("r2"));
        world.commit([Op::Open { channel: opened.clone(), unique: None }, append(&written, "a")]).await.unwrap();
        for channel in [opened, written] {
            let unique = Op::Open { channel, unique: Some([0; 16]) };
            assert_eq!(world.refusal([unique]).await, Refusal::Exists { same_content: false });
        }
    })
    .await;
}

#[tokio::test]
async fn of_two_that_open_a_channel_at_once_one_succeeds() {
    on_each(Options::default(), async |world| {
        let unique = |digest: u8| Op::Open { channel: channel("r1"), unique: Some([digest; 16]) };
        let twice = world.commit([unique(1), unique(1)]).await;
        assert_eq!(twice, Err(BrokerError::Refused { index: 1, refusal: Refusal::Exists { same_content: true } }));
        // Of the refused batch nothing is left.
        let (first, second) = (world.broker().commit(batch([unique(2)])), world.broker().commit(batch([unique(3)])));
        let (first, second) = tokio::join!(first, second);
        first.unwrap();
        assert_eq!(second, Err(BrokerError::Refused { index: 0, refusal: Refusal::Exists { same_content: false } }));
        assert_eq!(world.refusal([unique(2)]).await, Refusal::Exists { same_content: true });
    })
    .await;
}

#[tokio::test]
async fn a_removed_channel_begins_again_with_another_epoch() {
    on_each(Options::default(), async |world| {
        let run = channel("r1");
        let before = position(&world.commit([once(&run, "old", "m1", 1)]).await.unwrap());
        world.commit([Op::Remove { channel: run.clone(), expected: None }]).await.unwrap();
        assert_eq!(world.broker().head(&run).await, Ok(None));
        let gone = world.broker().read(&run, Some(before), usize::MAX).await.unwrap();
        assert_eq!(gone, Err(ResetReason::Unknown));

        let after = position(&world.commit([once(&run, "new", "m1", 1)]).await.unwrap());
        assert_ne!(after.epoch, before.epoch);
        let verdict = world.broker().read(&run, Some(before), usize::MAX).await.unwrap();
        assert_eq!(verdict, Err(ResetReason::EpochChanged));
        world.sweep().await;
        world.reopen();
        assert_eq!(texts(&world.page(&run, None).await), ["new"]);
    })
    .await;
}

#[tokio::test]
async fn a_page_ends_at_its_size_and_goes_on_from_there() {
    on_each(Options::default(), async |world| {
        let run = channel("r1");
        for data in ["aaaa", "bbbb", "cccc"] {
            world.append(&run, data).await;
        }
        let first = world.broker().read(&run, None, 8).await.unwrap().unwrap();
        assert_eq!(texts(&first), ["aaaa", "bbbb"]);
        assert_eq!(first.head.top.offset, 3);
        let cursor = first.records[1].position;
        let rest = world.broker().read(&run, Some(cursor), 0).await.unwrap().unwrap();
        assert_eq!(texts(&rest), ["cccc"]);
    })
    .await;
}

#[tokio::test]
async fn a_page_of_tiny_records_ends_too() {
    on_each(Options::default(), async |world| {
        let run = channel("r1");
        world.commit(vec![append(&run, ""); PAGE_RECORDS_MAX + 1]).await.unwrap();
        assert_eq!(world.page(&run, None).await.records.len(), PAGE_RECORDS_MAX);
    })
    .await;
}

#[tokio::test]
async fn a_clean_restart_keeps_everything() {
    let mut world = World::new(Kind::Embedded, Options::default());
    let run = channel("r1");
    let last = world.append(&run, "a").await;
    world.commit([put("acme/k", "v", Expect::Anything, None)]).await.unwrap();
    world.reopen();
    let page = world.page(&run, None).await;
    assert_eq!(page.records[0].position, last);
    assert_eq!(world.broker().get("acme/k").await, Ok(Some("v".into())));
    // The next record continues the chain.
    let next = world.append(&run, "b").await;
    assert_eq!((next.epoch, next.offset), (last.epoch, 2));
}

/// Gives a channel of each kind, with what its head has to be, in whole.
async fn channels_of_each_kind(world: &World) -> Vec<(ChannelKey, Option<Head>)> {
    let [empty, trimmed, trimmed_at_once, sealed, removed, again] =
        ["empty", "trimmed", "trimmed_at_once", "sealed", "removed", "again"].map(channel);
    let open = |channel: &ChannelKey| Op::Open { channel: channel.clone(), unique: None };
    let remove = |channel: &ChannelKey| Op::Remove { channel: channel.clone(), expected: None };
    world.commit([open(&empty)]).await.unwrap();
    for data in ["a", "bb", "ccc", "dddd"] {
        world.append(&trimmed, data).await;
    }
    world.commit(["a", "bb", "ccc", "dddd"].map(|data| append(&trimmed_at_once, data))).await.unwrap();
    let end = Op::Append(Append { seals: true, ..plain(&sealed, "end") });
    world.commit([append(&sealed, "a"), end]).await.unwrap();
    world.commit([append(&removed, "a"), remove(&removed)]).await.unwrap();
    world.commit(vec![append(&again, "old"); 3]).await.unwrap();
    world.commit([remove(&again), open(&again), append(&again, "new")]).await.unwrap();

    let mut channels = Vec::new();
    for (channel, expected) in [
        (empty, Some((0, 1, 0, false))),
        (trimmed, Some((4, 3, 7, false))),
        (trimmed_at_once, Some((4, 3, 7, false))),
        (sealed, Some((2, 1, 4, true))),
        (removed, None),
        (again, Some((1, 1, 3, false))),
    ] {
        let head = world.broker().head(&channel).await.unwrap();
        let found = head.map(|head| (head.top.offset, head.oldest, head.bytes, head.sealed));
        assert_eq!(found, expected, "{channel}");
        channels.push((channel, head));
    }
    channels
}

async fn assert_heads(world: &World, channels: &[(ChannelKey, Option<Head>)]) {
    for (channel, head) in channels {
        assert_eq!(world.broker().head(channel).await, Ok(*head), "{channel}");
        let page = world.broker().read(channel, None, usize::MAX).await.unwrap();
        assert_eq!(page.map(|page| page.head).ok(), *head, "{channel}");
    }
}

#[tokio::test]
async fn every_channel_is_as_it_was_after_a_restart() {
    on_each(short_retention(2), async |world| {
        let channels = channels_of_each_kind(world).await;
        for _ in 0..2 {
            world.reopen();
            assert_heads(world, &channels).await;
            // What is left of former lives is not what the present one is made from.
            world.sweep().await;
            assert_heads(world, &channels).await;
        }
        // Each goes on where it was.
        for (channel, head) in channels {
            let top = head.map_or(0, |head| head.top.offset);
            let next = Op::Append(Append { expected: Some(top), ..plain(&channel, "next") });
            match head {
                Some(head) if head.sealed => {
                    assert_eq!(world.refusal([next]).await, Refusal::Append(AppendRefused::Sealed));
                }
                _ => assert_eq!(position(&world.commit([next]).await.unwrap()).offset, top + 1),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn channels_beyond_those_in_memory_are_the_same() {
    let options = Options { heads_cached_max: 1, ..short_retention(2) };
    let world = World::new(Kind::Embedded, options);
    let channels = channels_of_each_kind(&world).await;
    assert_heads(&world, &channels).await;
    for number in 1..=4 {
        for name in 0..16 {
            let channel = channel(&name.to_string());
            let append = Op::Append(Append { expected: Some(number - 1), ..plain(&channel, "x") });
            world.commit([append]).await.unwrap();
            let head = world.broker().head(&channel).await.unwrap().unwrap();
            assert_eq!((head.top.offset, head.retained()), (number, number.min(2)));
        }
    }
    assert_heads(&world, &channels).await;
}

#[tokio::test]
async fn a_commit_whose_future_is_dropped_takes_effect() {
    on_each(Options::default(), async |world| {
        let run = channel("r1");
        drop(world.broker().commit(batch([append(&run, "a")])));
        // The next one comes after it.
        assert_eq!(world.append(&run, "b").await.offset, 2);
        assert_eq!(texts(&world.page(&run, None).await), ["a", "b"]);
    })
    .await;
}

#[tokio::test]
async fn a_batch_at_the_disk_level_is_answered_like_any_other() {
    on_each(Options::default(), async |world| {
        let run = channel("r1");
        let disk = |ops: Vec<Op>| Batch { ops, durability: Durability::Disk };
        let first = world.broker().commit(disk(vec![append(&run, "a")])).await.unwrap();
        assert_eq!(position(&first).offset, 1);
        let nothing_new =
            world.broker().commit(disk(vec![Op::Open { channel: run.clone(), unique: None }])).await.unwrap();
        assert_eq!(nothing_new.written, [Written::Stored]);
    })
    .await;
}

#[tokio::test]
async fn a_repetition_at_the_disk_level_is_answered_when_the_first_one_is_on_the_disk() {
    let mut world = World::new(Kind::Embedded, Options::default());
    let run = channel("r1");
    let unique = || Op::Open { channel: run.clone(), unique: Some([1; 16]) };
    world.commit([unique()]).await.unwrap();
    // Only the system has it, as after a kill before the first sync.
    world.reopen();
    let repeated = world.broker().commit(Batch { ops: vec![unique()], durability: Durability::Disk }).await;
    let exists = Refusal::Exists { same_content: true };
    assert_eq!(repeated, Err(BrokerError::Refused { index: 0, refusal: exists }));
    assert_eq!(Metrics::get(&world.embedded().metrics().synced), 1);
}

#[tokio::test]
async fn a_channel_that_has_more_than_was_seen_is_not_removed() {
    on_each(Options::default(), async |world| {
        let run = channel("r1");
        let seen = position(&world.commit([append(&run, "a")]).await.unwrap());
        let remove = |expected| Op::Remove { channel: run.clone(), expected: Some(expected) };
        let top = position(&world.commit([append(&run, "b")]).await.unwrap());
        let refusal = Refusal::Append(AppendRefused::Conflict { top });
        let refused = world.commit([append(&channel("other"), "c"), remove(seen)]).await;
        assert_eq!(refused, Err(BrokerError::Refused { index: 1, refusal }));
        assert_eq!(texts(&world.page(&run, None).await), ["a", "b"]);
        world.commit([remove(top)]).await.unwrap();
        assert_eq!(world.broker().head(&run).await.unwrap(), None);
        // What is not there is nobody's to lose.
        world.commit([remove(top)]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_broker_whose_writer_hangs_can_be_left_behind() {
    let (folder, gate) = (TempDir::new().unwrap(), Arc::new(Gate::default()));
    let broker = gated(&gate, &folder, &Options::default());
    drop(commit_held(&broker, &gate, batch([append(&channel("r1"), "a")])));
    let mut closing = broker.close();
    assert!(closing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    broker.leave_behind();
    drop(broker);
    gate.let_go();
}

/// Holds the writer up until it is let go.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
    reached: AtomicBool,
}

impl Gate {
    fn let_go(&self) {
        *self.open.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

impl Listener for Gate {
    fn appended(&self, _: &ChannelKey, _: &[Record]) {
        self.reached.store(true, Ordering::Release);
        let open = self.open.lock().unwrap();
        drop(self.changed.wait_while(open, |open| !*open).unwrap());
    }
}

/// Commits `batch` in the writer's thread, which this lets go no further than the gate.
fn commit_held(
    broker: &EmbeddedBroker,
    gate: &Gate,
    batch: Batch,
) -> BoxFuture<'static, Result<Committed, BrokerError>> {
    let held = broker.commit(Batch { durability: Durability::Disk, ..batch });
    while !gate.reached.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
    held
}

fn gated(gate: &Arc<Gate>, folder: &TempDir, options: &Options) -> EmbeddedBroker {
    let environment = Environment { clock: Arc::new(|| 1_000), epoch_source: 1, listener: gate.clone() };
    EmbeddedBroker::open(folder.path(), options, environment).unwrap()
}

#[tokio::test]
async fn a_full_queue_turns_batches_away_and_does_nothing() {
    for limit in
        [Options { queue_batches_max: 2, ..Options::default() }, Options { queue_bytes_max: 2, ..Options::default() }]
    {
        let (folder, gate) = (TempDir::new().unwrap(), Arc::new(Gate::default()));
        let broker = gated(&gate, &folder, &limit);
        let run = channel("r1");
        let commit = |data| broker.commit(batch([append(&run, data)]));
        let held = commit_held(&broker, &gate, batch([append(&run, "a")]));
        let waiting = [commit("b"), commit("c")];
        assert_eq!(commit("d").await, Err(BrokerError::Overloaded));
        assert_eq!(Metrics::get(&broker.metrics().overloaded), 1);
        assert_eq!(Metrics::get(&broker.metrics().queue_batches), 2);
        gate.let_go();
        held.await.unwrap();
        for waiting in waiting {
            waiting.await.unwrap();
        }
        let page = broker.read(&run, None, usize::MAX).await.unwrap().unwrap();
        assert_eq!(texts(&page), ["a", "b", "c"]);
    }
}

#[tokio::test]
async fn the_listener_hears_a_record_before_its_writer_is_answered() {
    let (folder, gate) = (TempDir::new().unwrap(), Arc::new(Gate::default()));
    let broker = gated(&gate, &folder, &Options::default());
    let run = channel("r1");
    let mut answer = commit_held(&broker, &gate, batch([append(&run, "a")]));
    // The listener is being told, and the record can be read, but the answer is not there yet.
    assert!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let page = broker.read(&run, None, usize::MAX).await.unwrap().unwrap();
    assert_eq!(texts(&page), ["a"]);
    gate.let_go();
    answer.await.unwrap();
}

#[tokio::test]
async fn batches_that_wait_are_written_as_one_group() {
    let (folder, gate) = (TempDir::new().unwrap(), Arc::new(Gate::default()));
    let broker = gated(&gate, &folder, &Options::default());
    let run = channel("r1");
    let first = commit_held(&broker, &gate, batch([append(&run, "first")]));
    let waiting: Vec<_> = (0..100).map(|_| broker.commit(batch([append(&run, "x")]))).collect();
    gate.let_go();
    first.await.unwrap();
    for (index, answer) in waiting.into_iter().enumerate() {
        assert_eq!(position(&answer.await.unwrap()).offset, index as u64 + 2);
    }
    assert_eq!(Metrics::get(&broker.metrics().groups), 2);
    assert_eq!(Metrics::get(&broker.metrics().batches), 101);
}

#[tokio::test]
async fn a_small_batch_is_written_by_its_caller_when_nobody_else_writes() {
    let mut world = World::new(Kind::Embedded, Options::default());
    let run = channel("r1");
    for count in 1..=100 {
        // Another thread may have the permit for a moment: to look for what has expired.
        let committed = world.broker().commit(batch([append(&run, "x")]));
        assert_eq!(position(&committed.await.unwrap()).offset, count);
    }
    let metrics = world.embedded().metrics();
    assert!(Metrics::get(&metrics.groups_by_caller) > 0, "{metrics:?}");
    world.reopen();
    assert_eq!(world.page(&run, None).await.records.len(), 100);
}

#[tokio::test]
async fn no_caller_waits_for_the_disk() {
    let world = World::new(Kind::Embedded, Options::default());
    let run = channel("r1");
    world.commit([append(&run, &"x".repeat(64 * 1024))]).await.unwrap();
    let synced = Batch { ops: vec![append(&run, "a")], durability: Durability::Disk };
    world.broker().commit(synced).await.unwrap();
    let removals: Vec<_> =
        (0..100).map(|number| Op::Remove { channel: channel(&number.to_string()), expected: None }).collect();
    world.commit(removals).await.unwrap();
    assert_eq!(Metrics::get(&world.embedded().metrics().groups_by_caller), 0);
}

#[tokio::test]
async fn a_caller_does_not_overtake_what_waits() {
    let (folder, gate) = (TempDir::new().unwrap(), Arc::new(Gate::default()));
    let broker = gated(&gate, &folder, &Options::default());
    let run = channel("r1");
    let held = commit_held(&broker, &gate, batch([append(&run, "first")]));
    let waiting = broker.commit(Batch { durability: Durability::Disk, ..batch([append(&run, "second")]) });
    let mut last = broker.commit(batch([append(&run, "third")]));
    assert!(last.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    gate.let_go();
    for (answer, offset) in [(held, 1), (waiting, 2), (last, 3)] {
        assert_eq!(position(&answer.await.unwrap()).offset, offset);
    }
}

struct Panics;

impl Listener for Panics {
    fn appended(&self, _: &ChannelKey, _: &[Record]) {
        panic!("a listener must not do this");
    }
}

#[tokio::test]
async fn a_broker_whose_writer_died_says_so() {
    let folder = TempDir::new().unwrap();
    let environment = Environment { clock: Arc::new(|| 1_000), epoch_source: 1, listener: Arc::new(Panics) };
    let broker = EmbeddedBroker::open(folder.path(), &Options::default(), environment).unwrap();
    let run = channel("r1");
    let unavailable = |outcome| assert!(matches!(outcome, Err(BrokerError::Unavailable(_))), "{outcome:?}");
    unavailable(broker.commit(batch([append(&run, "a")])).await);
    assert_eq!(broker.failed().await, "the writer panicked");
    unavailable(broker.commit(batch([append(&run, "b")])).await);
    assert!(matches!(broker.get("acme/k").await, Err(BrokerError::Unavailable(_))));
    // What is in memory is not told either: whether it is durable is not known.
    assert!(matches!(broker.head(&run).await, Err(BrokerError::Unavailable(_))));
}

#[tokio::test]
async fn a_closed_broker_has_carried_out_what_was_queued() {
    let mut world = World::new(Kind::Embedded, Options::default());
    let run = channel("r1");
    let queued: Vec<_> = (0..50).map(|_| world.broker().commit(batch([append(&run, "x")]))).collect();
    world.embedded().close().await;
    for answer in queued {
        answer.await.unwrap();
    }
    assert!(matches!(world.commit([append(&run, "y")]).await, Err(BrokerError::Unavailable(_))));
    world.reopen();
    assert_eq!(world.page(&run, None).await.records.len(), 50);
}
