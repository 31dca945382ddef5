//! Removes channels whose time is over: runs that ended, sessions that nobody came back to, and topics and users'
//! channels that nobody listens or publishes to.
//!
//! Every such channel stands in a list that is ordered by the time at which to look at it
//! again. One that is still wanted then is listed anew.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use trunkline_broker::{Batch, Broker, BrokerError, Expect, Op, Put};
use trunkline_core::channel::{ChannelKey, ChannelKind};
use trunkline_protocol::Position;

use crate::clock::wall_ms;
use crate::sessions::Sessions;
use crate::topics::Topics;

/// Where channels are listed that are to be looked at.
const REVIEWS: &str = "review/";

/// Time between two passes.
const PASS_EVERY: Duration = Duration::from_secs(30);

/// Channels that one page of a pass has.
const PER_PAGE_MAX: usize = 512;

/// Channels that one batch removes: a millisecond for the broker, which does nothing else meanwhile.
const PER_BATCH_MAX: usize = 32;

/// How long an entry that cannot be looked at is left alone.
const AGAIN_AFTER_MS: u64 = 10 * 60 * 1000;

/// What becomes of a channel whose time has come.
pub(crate) enum Review {
    /// It is wanted still: what lists it anew.
    Again(Op),
    /// It goes, whatever is in it.
    Over,
    /// It goes, unless somebody has stored something in it since: its top was here.
    OverAt(Position),
}

/// How long channels are kept after their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keep {
    ms: u64,
}

impl Keep {
    pub(crate) fn new(keep: Duration) -> Self {
        Self { ms: u64::try_from(keep.as_millis()).unwrap_or(u64::MAX) }
    }

    /// The time itself, in milliseconds.
    pub(crate) const fn ms(self) -> u64 {
        self.ms
    }

    /// The time itself.
    pub(crate) const fn time(self) -> Duration {
        Duration::from_millis(self.ms)
    }

    /// Lists a run that ends now.
    pub(crate) fn run_ended(self, run: &ChannelKey, now_ms: u64) -> Op {
        review(run, now_ms.saturating_add(self.ms), "1")
    }

    /// Lists a session that is in use now. It is looked at before its time is over, so that one in use is renewed.
    pub(crate) fn session_used(self, session: &ChannelKey, now_ms: u64) -> Op {
        review(session, now_ms.saturating_add(self.ms / 2), "1")
    }

    /// Lists a topic or a user's channel that is in use now, and whose newest record stands at `top`. It is looked at when
    /// its time is over, or up to a quarter later: a channel that is listed again, as after a restart, has few places.
    pub(crate) fn topic_used(self, channel: &ChannelKey, top: &str, now_ms: u64) -> Op {
        let step = (self.ms / 4).max(1);
        review(channel, (now_ms / step).saturating_add(5).saturating_mul(step), top.to_owned())
    }
}

fn review(channel: &ChannelKey, at_ms: u64, noted: impl Into<Bytes>) -> Op {
    let key = format!("{REVIEWS}{at_ms:016x}/{channel}");
    Op::Put(Put { key, value: noted.into(), expect: Expect::Anything, keep_ms: None })
}

/// The time and the channel of an entry.
fn parse(key: &str) -> Option<(u64, ChannelKey)> {
    let (time, channel) = key.strip_prefix(REVIEWS)?.split_once('/')?;
    let (realm, name) = channel.split_once('/')?;
    Some((u64::from_str_radix(time, 16).ok()?, ChannelKey::from_public_name(realm, name)?))
}

/// Looks at channels whose time has come, until `stop`.
pub(crate) async fn keep_tidy(tidier: Tidier, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PASS_EVERY) => {}
        }
        match tidier.pass(wall_ms()).await {
            Ok(removed) if removed > 0 => tracing::debug!(removed, "channels were removed"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "channels whose time is over were not removed; they are tried again"),
        }
    }
}

/// Who knows whether a channel is wanted still.
pub(crate) struct Tidier {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) keep: Keep,
}

impl Tidier {
    /// Looks at every channel whose time has come, a page at a time, and gives the number of those removed.
    async fn pass(&self, now_ms: u64) -> Result<usize, BrokerError> {
        let (mut removed, mut after) = (0, None);
        loop {
            let page = self.broker.list(REVIEWS, after.as_deref(), PER_PAGE_MAX).await?;
            let mut ops = Vec::new();
            let mut is_last = page.len() < PER_PAGE_MAX;
            for (key, noted) in page {
                after = Some(key.clone());
                let Some((due_ms, channel)) = parse(&key) else {
                    tracing::error!(key, "an entry for review cannot be read by this version");
                    continue;
                };
                if due_ms > now_ms {
                    is_last = true;
                    break;
                }
                ops.push(match self.review(&channel, &noted, now_ms).await {
                    Ok(Review::Again(listed)) => listed,
                    Ok(Review::Over) => {
                        removed += 1;
                        Op::Remove { channel, expected: None }
                    }
                    Ok(Review::OverAt(top)) => {
                        removed += usize::from(self.remove(channel, top, key).await?);
                        continue;
                    }
                    // What is behind it is not to wait for it.
                    Err(error) => {
                        tracing::error!(%channel, %error, "a channel cannot be looked at; it is kept for now");
                        review(&channel, now_ms.saturating_add(AGAIN_AFTER_MS), noted)
                    }
                });
                ops.push(Op::Delete { key });
                if ops.len() >= 2 * PER_BATCH_MAX {
                    self.broker.commit(Batch { ops: std::mem::take(&mut ops), ..Batch::default() }).await?;
                }
            }
            self.broker.commit(Batch { ops, ..Batch::default() }).await?;
            if is_last {
                return Ok(removed);
            }
        }
    }

    /// Removes a channel, unless its top is elsewhere by now: then it is looked at again in the next pass.
    async fn remove(&self, channel: ChannelKey, top: Position, key: String) -> Result<bool, BrokerError> {
        let ops = vec![Op::Remove { channel, expected: Some(top) }, Op::Delete { key }];
        match self.broker.commit(Batch { ops, ..Batch::default() }).await {
            Ok(_) => Ok(true),
            Err(BrokerError::Refused { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What becomes of a channel that was listed.
    async fn review(&self, channel: &ChannelKey, noted: &[u8], now_ms: u64) -> Result<Review, BrokerError> {
        match channel.kind() {
            ChannelKind::Run => Ok(Review::Over),
            ChannelKind::Session => {
                let wanted = self.sessions.renew_if_wanted(channel).await?;
                Ok(if wanted { Review::Again(self.keep.session_used(channel, now_ms)) } else { Review::Over })
            }
            ChannelKind::User | ChannelKind::Topic => {
                let review = self.topics.review(channel, noted, now_ms).await?;
                // Before it goes: whoever makes it anew from now on lists it.
                if !matches!(review, Review::Again(_)) {
                    self.topics.forget(channel);
                }
                Ok(review)
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
            let hub = Arc::new(Hub::new(Arc::clone(&metrics)));
            let topics = Topics::new(
                Arc::clone(&shared),
                Arc::clone(&hub),
                Durability::Os,
                vec![TopicRule { pattern: "short.*".to_owned(), keep: KEEP, ..TopicRule::default() }],
                metrics,
                TaskTracker::new(),
            );
            let tidier = Tidier {
                broker: shared,
                sessions: Arc::clone(&sessions),
                topics: Arc::new(topics),
                keep: Keep::new(KEEP),
            };
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
        let runs: Vec<_> =
            (0..=2 * PER_PAGE_MAX).map(|number| ChannelKey::run("default", &number.to_string())).collect();
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
}
