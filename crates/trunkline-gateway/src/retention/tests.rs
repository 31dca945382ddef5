//! What is kept and what goes, over brokers that are slow, refuse, or hold what cannot be read.

use std::future::ready;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use trunkline_broker::memory::MemoryBroker;
use trunkline_broker::{Capabilities, Committed, Environment, Listener, Options, Page};
use trunkline_core::log::{Head, Record, ResetReason};

use tokio_util::task::TaskTracker;
use trunkline_broker::{Append, Durability};
use trunkline_core::outbox::Priority;
use trunkline_protocol::{Dialect, Wire};

use super::*;
use crate::config::TopicRule;
use crate::connection::Subscriber;
use crate::hub::Hub;
use crate::sessions::Identity;
use crate::telemetry::Metrics;

struct Nobody;

impl Listener for Nobody {
    fn appended(&self, _: &ChannelKey, _: &[Record]) {}
}

const KEEP: Duration = Duration::from_secs(1);

/// A broker in which something happens between a look at a channel and what follows from it, and in which some
/// values cannot be read.
struct Meanwhile {
    broker: MemoryBroker,
    published: Mutex<Option<Batch>>,
    unreadable: Mutex<Option<String>>,
}

impl Broker for Meanwhile {
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<Committed, BrokerError>> {
        self.broker.commit(batch)
    }

    fn read(
        &self,
        channel: &ChannelKey,
        cursor: Option<Position>,
        bytes_max: usize,
    ) -> BoxFuture<'static, Result<Result<Page, ResetReason>, BrokerError>> {
        self.broker.read(channel, cursor, bytes_max)
    }

    fn head(&self, channel: &ChannelKey) -> BoxFuture<'static, Result<Option<Head>, BrokerError>> {
        let head = self.broker.head(channel);
        let published = self.published.lock().expect("nobody panics with it").take();
        let published = published.map(|batch| self.broker.commit(batch));
        async move {
            if let Some(published) = published {
                published.await?;
            }
            head.await
        }
        .boxed()
    }

    fn get(&self, key: &str) -> BoxFuture<'static, Result<Option<Bytes>, BrokerError>> {
        if self.unreadable.lock().expect("nobody panics with it").as_deref() == Some(key) {
            return ready(Err(BrokerError::Unavailable("as the test wants".to_owned()))).boxed();
        }
        self.broker.get(key)
    }

    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        count_max: usize,
    ) -> BoxFuture<'static, Result<Vec<(String, Bytes)>, BrokerError>> {
        self.broker.list(prefix, after, count_max)
    }

    fn capabilities(&self) -> Capabilities {
        self.broker.capabilities()
    }
}

struct World {
    broker: Arc<Meanwhile>,
    sessions: Arc<Sessions>,
    tidier: Tidier,
    hub: Arc<Hub>,
    now: Arc<AtomicU64>,
}

impl World {
    fn new() -> Self {
        let now = Arc::new(AtomicU64::new(10_000));
        let clock = Arc::clone(&now);
        let clock = Arc::new(move || clock.load(Ordering::Relaxed));
        let environment = Environment { clock, epoch_source: 1, listener: Arc::new(Nobody) };
        let options = Options { idempotency: KEEP, ..Options::default() };
        let broker = MemoryBroker::new(&options, environment);
        let broker = Arc::new(Meanwhile { broker, published: Mutex::default(), unreadable: Mutex::default() });
        let shared: Arc<dyn Broker> = Arc::<Meanwhile>::clone(&broker);
        let sessions = Arc::new(Sessions::new(Arc::clone(&shared), Keep::new(KEEP)));
        let (metrics, _) = Metrics::new();
        let hub = Arc::new(Hub::for_tests(&metrics));
        let topics = Topics::new(
            Arc::clone(&shared),
            Arc::clone(&hub),
            Durability::Os,
            vec![TopicRule { pattern: "short.*".to_owned(), keep: KEEP, ..TopicRule::default() }],
            metrics,
            TaskTracker::new(),
        );
        let tidier =
            Tidier { broker: shared, sessions: Arc::clone(&sessions), topics: Arc::new(topics), keep: Keep::new(KEEP) };
        Self { broker, sessions, tidier, hub, now }
    }

    async fn pass_after(&self, ms: u64) {
        let now = self.now.fetch_add(ms, Ordering::Relaxed) + ms;
        self.tidier.pass(now).await.unwrap();
    }

    /// Comes back to a session as its owner does.
    async fn returns(&self, id: &str, secret: Option<&str>) -> bool {
        let now_ms = self.now.load(Ordering::Relaxed);
        self.sessions.resume("default", id, &Identity::Anonymous, secret, now_ms).await.unwrap().is_some()
    }

    async fn exists(&self, channel: &ChannelKey) -> bool {
        self.broker.head(channel).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn a_run_goes_when_its_time_is_over() {
    let world = World::new();
    let run = ChannelKey::run("default", "r1");
    let ops = vec![Op::Open { channel: run.clone(), unique: None }, Keep::new(KEEP).run_ended(&run, 10_000)];
    world.broker.commit(Batch { ops, ..Batch::default() }).await.unwrap();
    world.pass_after(999).await;
    assert!(world.exists(&run).await);
    world.pass_after(1).await;
    assert!(!world.exists(&run).await);
    assert!(world.broker.list(REVIEWS, None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_pass_has_no_end_before_the_last_channel_whose_time_is_over() {
    let world = World::new();
    let runs: Vec<_> = (0..=2 * PER_PAGE_MAX).map(|number| ChannelKey::run("default", &number.to_string())).collect();
    for run in &runs {
        let ops = vec![Op::Open { channel: run.clone(), unique: None }, Keep::new(KEEP).run_ended(run, 10_000)];
        world.broker.commit(Batch { ops, ..Batch::default() }).await.unwrap();
    }
    world.pass_after(1_000).await;
    for run in &runs {
        assert!(!world.exists(run).await, "{run}");
    }
    assert!(world.broker.list(REVIEWS, None, 9).await.unwrap().is_empty());
}

fn append(channel: &ChannelKey) -> Batch {
    let append = Append {
        channel: channel.clone(),
        data: "said".into(),
        expected: None,
        seals: false,
        idempotency: None,
        retention: None,
    };
    Batch { ops: vec![Op::Append(append)], ..Batch::default() }
}

#[tokio::test]
async fn what_is_published_while_a_topic_is_looked_at_is_not_removed_with_it() {
    let world = World::new();
    let topic = ChannelKey::topic("default", "short.news").unwrap();
    world.tidier.topics.open(&topic, 10_000).await.unwrap();
    // Noted as it is: nobody has used it since when its time comes again.
    world.pass_after(2_000).await;
    *world.broker.published.lock().unwrap() = Some(append(&topic));
    world.pass_after(2_000).await;
    assert!(world.broker.published.lock().unwrap().is_none(), "it was looked at");
    assert_eq!(world.broker.head(&topic).await.unwrap().map(|head| head.top.offset), Some(1));
    assert_eq!(world.broker.list(REVIEWS, None, 9).await.unwrap().len(), 1, "it is looked at again");
    for _ in 0..4 {
        world.pass_after(2_000).await;
    }
    assert!(!world.exists(&topic).await, "nobody uses it any more");
    assert!(world.broker.list(REVIEWS, None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_channel_that_cannot_be_looked_at_keeps_no_other_from_going() {
    let world = World::new();
    let new = world.sessions.create("default", &Identity::Anonymous, 9_000).await.unwrap();
    let session = new.session.channel.clone();
    drop(new);
    let run = ChannelKey::run("default", "r1");
    let ops = vec![Op::Open { channel: run.clone(), unique: None }, Keep::new(KEEP).run_ended(&run, 10_000)];
    world.broker.commit(Batch { ops, ..Batch::default() }).await.unwrap();
    *world.broker.unreadable.lock().unwrap() = Some(format!("session/default/{}", session.id()));
    world.pass_after(1_000).await;
    assert!(!world.exists(&run).await && world.exists(&session).await);
    *world.broker.unreadable.lock().unwrap() = None;
    world.pass_after(AGAIN_AFTER_MS).await;
    assert!(!world.exists(&session).await, "it is looked at again later");
    assert!(world.broker.list(REVIEWS, None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_session_stays_while_somebody_uses_it() {
    let world = World::new();
    let new = world.sessions.create("default", &Identity::Anonymous, 10_000).await.unwrap();
    let channel = new.session.channel.clone();
    for _ in 0..6 {
        world.pass_after(500).await;
    }
    assert!(world.exists(&channel).await, "it is connected");
    let id = new.session.id.clone();
    drop(new.session);
    world.pass_after(500).await;
    assert!(world.exists(&channel).await, "it was in use a moment ago");
    assert!(world.returns(&id, new.secret.as_deref()).await, "its owner can come back");
    world.pass_after(999).await;
    assert!(world.exists(&channel).await, "its time began anew");
    for _ in 0..4 {
        world.pass_after(500).await;
    }
    assert!(!world.exists(&channel).await, "nobody came back");
    assert!(!world.returns(&id, new.secret.as_deref()).await);
}

#[tokio::test]
async fn a_topic_goes_when_nobody_listens_or_publishes_to_it_any_more() {
    let world = World::new();
    let topic = ChannelKey::topic("default", "short.news").unwrap();
    let subscriber = Subscriber::for_tests(Wire::json(Dialect::Native));
    world.tidier.topics.open(&topic, 10_000).await.unwrap();
    world.hub.attach(&topic, &subscriber, Priority::Interactive, None);
    for _ in 0..6 {
        world.pass_after(1_000).await;
    }
    assert!(world.exists(&topic).await, "somebody listens");
    world.hub.detach(&topic, &subscriber);
    for number in 0..6 {
        let append = Append {
            channel: topic.clone(),
            data: number.to_string().into(),
            expected: None,
            seals: false,
            idempotency: None,
            retention: None,
        };
        world.broker.commit(Batch { ops: vec![Op::Append(append)], ..Batch::default() }).await.unwrap();
        world.pass_after(1_000).await;
    }
    assert!(world.exists(&topic).await, "somebody publishes");
    world.pass_after(999).await;
    assert!(world.exists(&topic).await, "its time is not over");
    for _ in 0..3 {
        world.pass_after(1_000).await;
    }
    assert!(!world.exists(&topic).await);
    assert!(world.broker.list(REVIEWS, None, 9).await.unwrap().is_empty());

    world.tidier.topics.open(&topic, 30_000).await.unwrap();
    assert_eq!(world.broker.list(REVIEWS, None, 9).await.unwrap().len(), 1, "one that comes again is listed again");
}

#[tokio::test]
async fn a_topic_stays_for_its_time_after_somebody_listened() {
    let topic = ChannelKey::topic("default", "short.news").unwrap();
    for looks in 1..6 {
        let world = World::new();
        let subscriber = Subscriber::for_tests(Wire::json(Dialect::Native));
        world.tidier.topics.open(&topic, 10_000).await.unwrap();
        world.hub.attach(&topic, &subscriber, Priority::Interactive, None);
        for _ in 0..looks {
            world.pass_after(500).await;
        }
        world.hub.detach(&topic, &subscriber);
        for _ in 0..9 {
            world.pass_after(100).await;
            assert!(world.exists(&topic).await, "somebody listened less than a second ago, after {looks} looks");
        }
        for _ in 0..40 {
            world.pass_after(100).await;
        }
        assert!(!world.exists(&topic).await, "nobody has listened for long");

        world.tidier.topics.open(&topic, world.now.load(Ordering::Relaxed)).await.unwrap();
        for _ in 0..15 {
            world.pass_after(100).await;
        }
        world.tidier.topics.open(&topic, world.now.load(Ordering::Relaxed)).await.unwrap();
        for _ in 0..9 {
            world.pass_after(100).await;
            assert!(world.exists(&topic).await, "somebody came, and went before anybody looked");
        }
    }
}
