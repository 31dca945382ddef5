//! Who listens to which channel on this node.
//!
//! The broker tells the hub of new records; the hub offers them to the outbox of every
//! connection that is attached to their channel, to be spelled once for all of them by whoever
//! writes them first. It keeps no records.
//!
//! Lock order: a shard of the hub, then an outbox. Nothing is awaited under either, and
//! never two shards at once.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trunkline_broker::Listener;
use trunkline_core::channel::{ChannelKey, ChannelKind};
use trunkline_core::log::Record;
use trunkline_core::outbox::{self, Brought, Offer, Outbox, Priority};
use trunkline_core::record::{self, RecordKind};
use trunkline_core::words::{self, Voice};
use trunkline_protocol::{Dialect, Position};

use crate::connection::{OpenOutbox, Subscriber};
use crate::frame::{Frame, Shared};
use crate::message::State;
use crate::telemetry::Metrics;

/// Number of parts, each behind its own lock.
const SHARDS: usize = 64;

/// Values of latest state that one channel keeps for connections that attach later.
const LATEST_PER_CHANNEL_MAX: usize = 16;

/// Bytes of them: as much as one connection may have waiting.
const LATEST_BYTES_PER_CHANNEL_MAX: usize = outbox::LATEST_BYTES_MAX;

/// The listeners of all channels on this node.
pub(crate) struct Hub {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    metrics: Arc<Metrics>,
}

type Shard = HashMap<ChannelKey, Listeners>;

/// The listeners of one channel, and the newest state of its run. Exists while there is either.
#[derive(Default)]
struct Listeners {
    subscribers: Vec<Arc<Subscriber>>,
    /// The newest record that was published since this exists.
    top: Option<Position>,
    /// Kept whether anybody listens or not: who sent the message may be attached later than its run has begun.
    latest: Vec<Latest>,
}

/// The newest value of one piece of state.
struct Latest {
    key: String,
    state: Arc<Shared>,
}

impl Listeners {
    /// Keeps the newest value of a piece of state. The oldest values go where there are too many.
    fn keep(&mut self, newest: Latest, metrics: &Metrics) {
        self.latest.retain(|latest| latest.key != newest.key);
        self.latest.push(newest);
        let mut bytes: usize = self.latest.iter().map(|latest| latest.state.content_bytes()).sum();
        while self.latest.len() > LATEST_PER_CHANNEL_MAX || bytes > LATEST_BYTES_PER_CHANNEL_MAX {
            bytes -= self.latest.remove(0).state.content_bytes();
            metrics.latest_displaced.inc();
        }
    }

    fn is_empty(&self) -> bool {
        self.subscribers.is_empty() && self.latest.is_empty()
    }
}

impl Hub {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::new(), metrics }
    }

    /// Attaches a connection to a channel, to be brought on from `cursor` (`None`: from the oldest record). Says whether
    /// there was room for it.
    pub(crate) fn attach(
        &self,
        channel: &ChannelKey,
        subscriber: &Arc<Subscriber>,
        priority: Priority,
        cursor: Option<Position>,
    ) -> bool {
        self.attach_with(channel, subscriber, |outbox| outbox.attach(channel.clone(), priority, cursor))
    }

    /// The same for a run that its session brings, while that is attached.
    pub(crate) fn attach_run(
        &self,
        run: &ChannelKey,
        session: &ChannelKey,
        subscriber: &Arc<Subscriber>,
        priority: Priority,
        cursor: Option<Position>,
        is_ahead: bool,
    ) -> bool {
        self.attach_with(run, subscriber, |outbox| outbox.attach_run(run.clone(), session, priority, cursor, is_ahead))
    }

    /// The same for a run of whose start the session's log tells.
    pub(crate) fn bring_run(
        &self,
        run: &ChannelKey,
        session: &ChannelKey,
        subscriber: &Arc<Subscriber>,
        priority: Priority,
    ) -> Brought {
        let mut brought = Brought::NoPlace;
        self.attach_with(run, subscriber, |outbox| {
            brought = outbox.bring_run(run.clone(), session, priority);
            brought == Brought::Attached
        });
        brought
    }

    /// Attaches a connection to the channel of a session that has just begun, before it can have a record. Says whether
    /// there was room for it.
    pub(crate) fn attach_new(
        &self,
        channel: &ChannelKey,
        start: Option<Position>,
        subscriber: &Arc<Subscriber>,
    ) -> bool {
        self.attach_with(channel, subscriber, |outbox| outbox.attach_new(channel.clone(), start))
    }

    fn attach_with(
        &self,
        channel: &ChannelKey,
        subscriber: &Arc<Subscriber>,
        attach: impl FnOnce(&mut Outbox<Frame>) -> bool,
    ) -> bool {
        let mut shard = self.shard(channel);
        let attached = attach(&mut subscriber.outbox());
        if attached {
            shard.entry(channel.clone()).or_default().subscribers.push(Arc::clone(subscriber));
        }
        attached
    }

    /// Detaches a connection from a session and from the runs that it brought.
    pub(crate) fn detach_session(&self, session: &ChannelKey, subscriber: &Arc<Subscriber>) {
        self.detach(session, subscriber);
        // Nothing brings another one from here on.
        let runs = subscriber.outbox().runs_of(session);
        for run in runs {
            self.detach(&run, subscriber);
        }
    }

    /// Whether anybody is attached to a channel.
    pub(crate) fn has_listeners(&self, channel: &ChannelKey) -> bool {
        self.shard(channel).get(channel).is_some_and(|listeners| !listeners.subscribers.is_empty())
    }

    /// Detaches a connection from a channel.
    pub(crate) fn detach(&self, channel: &ChannelKey, subscriber: &Arc<Subscriber>) {
        let mut shard = self.shard(channel);
        subscriber.outbox().detach(channel);
        if let Some(listeners) = shard.get_mut(channel) {
            listeners.subscribers.retain(|other| !Arc::ptr_eq(other, subscriber));
            if listeners.is_empty() {
                shard.remove(channel);
            }
        }
    }

    /// A connection has read a channel's log to its end: new records come as they are published, unless some were
    /// published since the log was read (`false`: read on).
    pub(crate) fn caught_up(&self, channel: &ChannelKey, subscriber: &Arc<Subscriber>) -> bool {
        let mut shard = self.shard(channel);
        let listeners = shard.get_mut(channel);
        let mut outbox = subscriber.outbox();
        let live = outbox.caught_up(channel, listeners.as_ref().and_then(|listeners| listeners.top));
        if let (true, Some(listeners)) = (live, listeners) {
            for latest in &listeners.latest {
                outbox.push_latest(channel, &latest.key, Frame::Shared(Arc::clone(&latest.state), 0));
            }
        }
        live
    }

    /// Sends the newest value of a piece of a run's state to everyone who is attached to its channel, and keeps it for
    /// those who attach before the run ends.
    pub(crate) fn publish_latest(&self, run: &ChannelKey, key: String, state: State) {
        let mut shard = self.shard(run);
        let listeners = shard.entry(run.clone()).or_default();
        let bytes = state.bytes();
        let state = Shared::state(state);
        for subscriber in &listeners.subscribers {
            let mut outbox = subscriber.outbox();
            if outbox.has_room_for(bytes) {
                outbox.push_latest(run, &key, Frame::Shared(Arc::clone(&state), 0));
            } else {
                // It gets the newest value when it has caught up.
                outbox.fall_behind(run);
            }
            drop(outbox);
            subscriber.wake();
        }
        listeners.keep(Latest { key, state }, &self.metrics);
    }

    /// Drops the state of a run that publishes no more.
    pub(crate) fn forget_latest(&self, run: &ChannelKey) {
        let mut shard = self.shard(run);
        if let Some(listeners) = shard.get_mut(run) {
            listeners.latest = Vec::new();
            if listeners.is_empty() {
                shard.remove(run);
            }
        }
    }

    /// Offers records to the channel's listeners, each of whom is locked and woken once for all of them.
    fn offer(&self, channel: &ChannelKey, records: &[Record]) {
        let mut shard = self.shard(channel);
        let Some(listeners) = shard.get_mut(channel) else { return };
        let news = News::new(channel, records);
        listeners.top = news.records.last().map(|last| last.position);
        for subscriber in &listeners.subscribers {
            // What this client is not to see is nothing to wake it for.
            let offer = self.offer_to(&mut subscriber.outbox(), subscriber.voice(), &news);
            if matches!(offer, Offer::Queued | Offer::FellBehind) {
                subscriber.wake();
            }
        }
        if records.iter().any(|record| record.seals) {
            // Whoever is behind still has to learn that there is more to read.
            listeners.subscribers.retain(|subscriber| subscriber.outbox().is_attached(channel));
            // What was going on is over.
            listeners.latest = Vec::new();
            if listeners.is_empty() {
                shard.remove(channel);
            }
        }
    }

    /// Offers the start of a run to its session's listeners, and attaches it for those who have all of the session before
    /// it. A connection that has no room for one more run is not told now: it reads the session's log later, when there
    /// is room. The place is taken while it is told: its own reading of a log may bring it a run at the same time.
    fn offer_run(&self, session: &ChannelKey, start: &Record, run: &ChannelKey) {
        let mut attached = Vec::new();
        {
            let mut shard = self.shard(session);
            let Some(listeners) = shard.get_mut(session) else { return };
            let news = News::new(session, std::slice::from_ref(start));
            listeners.top = Some(start.position);
            for subscriber in &listeners.subscribers {
                let mut outbox = subscriber.outbox();
                if !outbox.can_attach(ChannelKind::Run) {
                    outbox.fall_behind(session);
                    continue;
                }
                let offer = self.offer_to(&mut outbox, subscriber.voice(), &news);
                let is_told = matches!(offer, Offer::Queued | Offer::Passed);
                if is_told && outbox.attach_new_run(run.clone(), session) {
                    attached.push(Arc::clone(subscriber));
                }
                drop(outbox);
                if offer != Offer::Ignored {
                    subscriber.wake();
                }
            }
        }
        for subscriber in attached {
            self.listen(run, subscriber);
        }
    }

    /// Makes a connection that has a channel attached one of its listeners, unless it was detached meanwhile.
    fn listen(&self, channel: &ChannelKey, subscriber: Arc<Subscriber>) {
        let mut shard = self.shard(channel);
        if !subscriber.outbox().is_attached(channel) {
            return;
        }
        let Listeners { subscribers, .. } = shard.entry(channel.clone()).or_default();
        // It may have been detached and attached again.
        if !subscribers.iter().any(|other| Arc::ptr_eq(other, &subscriber)) {
            subscribers.push(subscriber);
        }
    }

    fn offer_to(&self, outbox: &mut OpenOutbox<'_>, voice: Voice, news: &News<'_>) -> Offer {
        if news.is_read_by(voice) {
            // The log has it: the end is told with what is read.
            return if outbox.fall_behind(news.channel) { Offer::FellBehind } else { Offer::Ignored };
        }
        let offer = if outbox.has_room_for(news.bytes) {
            outbox.offer(news.channel, news.records, |index, pieces| {
                let is_told = news.kinds[index].is_none_or(|kind| voice.is_told_of(kind));
                is_told.then(|| Frame::Shared(Arc::clone(&news.messages[index]), pieces))
            })
        } else if outbox.fall_behind(news.channel) {
            // All connections together hold as much as they may: this one reads the log when it has sent some.
            Offer::FellBehind
        } else {
            Offer::Ignored
        };
        if offer == Offer::FellBehind {
            self.metrics.channels_fell_behind.inc();
        }
        offer
    }

    fn shard(&self, channel: &ChannelKey) -> MutexGuard<'_, Shard> {
        let index = usize::try_from(self.hasher.hash_one(channel) % SHARDS as u64).expect("less than SHARDS");
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Hub {
    fn appended(&self, channel: &ChannelKey, records: &[Record]) {
        let opens_run = |record: &Record| record::kind(&record.data) == Some(RecordKind::RunStarted);
        for together in records.chunk_by(|one, next| !opens_run(one) && !opens_run(next)) {
            match run_started_by(channel, &together[0]) {
                Some(run) => self.offer_run(channel, &together[0], &run),
                None => self.offer(channel, together),
            }
        }
    }
}

/// New records of one channel, made ready for everyone who listens.
struct News<'a> {
    channel: &'a ChannelKey,
    records: &'a [Record],
    messages: Vec<Arc<Shared>>,
    kinds: Vec<Option<RecordKind>>,
    bytes: usize,
    /// How the run ends, if the last record is its end; read when somebody has to know.
    end: OnceCell<Option<String>>,
}

impl<'a> News<'a> {
    fn new(channel: &'a ChannelKey, records: &'a [Record]) -> Self {
        Self {
            channel,
            records,
            messages: records.iter().map(|record| Shared::record(channel, record)).collect(),
            kinds: records.iter().map(|record| record::kind(&record.data)).collect(),
            bytes: records.iter().map(|record| record.data.len()).sum(),
            end: OnceCell::new(),
        }
    }

    /// Whether a client of this voice is told of the end from the log, with all of the run's text.
    fn is_read_by(&self, voice: Voice) -> bool {
        let end = || self.records.last().filter(|last| last.seals).and_then(|last| words::end_of(&last.data));
        voice.wire.dialect() != Dialect::Native
            && self.end.get_or_init(end).as_deref().is_some_and(|end| voice.tells_whole_text(end))
    }
}

/// The channel of the run that this record of a session's channel refers to.
pub(crate) fn run_started_by(channel: &ChannelKey, record: &Record) -> Option<ChannelKey> {
    if record::kind(&record.data) != Some(RecordKind::RunStarted) {
        return None;
    }
    let (_, message) = record::message(&record.data).ok()?;
    Some(channel.run_of_same_realm(&message.run?))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use trunkline_core::log::Head;
    use trunkline_protocol::{Envelope, Wire};

    use super::*;

    /// A run's log, of which everything is published as it is appended.
    struct Log {
        hub: Hub,
        channel: ChannelKey,
        head: Head,
    }

    impl Log {
        fn new() -> Self {
            let (metrics, _) = Metrics::new();
            Self { hub: Hub::new(metrics), channel: ChannelKey::run("default", "r"), head: Head::new(1) }
        }

        fn append(&mut self, seals: bool) -> Record {
            let event = trunkline_protocol::Envelope::new("run_event");
            let record = self.head.append(record::data(RecordKind::Event, &event), seals, None, 0).unwrap();
            self.hub.appended(&self.channel, std::slice::from_ref(&record));
            record
        }
    }

    #[test]
    fn a_run_that_ends_while_its_log_is_read_is_read_to_its_end() {
        let mut log = Log::new();
        let subscriber = Subscriber::for_tests(Wire::json(Dialect::Native));
        log.hub.attach(&log.channel, &subscriber, Priority::Interactive, None);
        let first = log.append(false);
        subscriber.outbox().push_read(&log.channel, &first, |_| Some(Frame::Own(Bytes::new())));
        let end = log.append(true);
        assert!(!log.hub.caught_up(&log.channel, &subscriber), "the end was published since the log was read");
        assert!(subscriber.outbox().wanted().is_some());
        subscriber.outbox().push_read(&log.channel, &end, |_| Some(Frame::Own(Bytes::new())));
        log.hub.detach(&log.channel, &subscriber);
        assert!(log.hub.shard(&log.channel).is_empty(), "nothing of the run is left behind");
    }

    #[test]
    fn live_listeners_of_a_run_that_ended_are_forgotten() {
        let mut log = Log::new();
        let subscriber = Subscriber::for_tests(Wire::json(Dialect::Native));
        let session = ChannelKey::session("default", "s");
        log.hub.attach(&session, &subscriber, Priority::Interactive, None);
        log.hub.attach_with(&log.channel, &subscriber, |outbox| outbox.attach_new_run(log.channel.clone(), &session));
        log.append(true);
        assert!(log.hub.shard(&log.channel).is_empty());
        assert!(!subscriber.outbox().is_attached(&log.channel));
    }

    #[test]
    fn nobody_is_told_of_a_run_that_finds_no_place() {
        for _ in 0..300 {
            let (metrics, _) = Metrics::new();
            let (hub, subscriber) = (Hub::new(metrics), Subscriber::for_tests(Wire::json(Dialect::Native)));
            let sessions = ["s", "t", "u"].map(|id| ChannelKey::session("default", id));
            for session in &sessions {
                hub.attach_new(session, None, &subscriber);
            }
            for number in 1..outbox::CHANNELS_MAX {
                subscriber.outbox().attach_new_run(ChannelKey::run("default", &number.to_string()), &sessions[0]);
            }
            // One place is left, and each of these wants it at the same time.
            std::thread::scope(|scope| {
                for session in &sessions {
                    let run = format!("of-{}", session.id());
                    let start = Envelope { run: Some(run.into()), ..Envelope::new("run_started") };
                    let data = record::data(RecordKind::RunStarted, &start);
                    let record = Head::new(1).append(data, false, None, 0).unwrap();
                    let hub = &hub;
                    scope.spawn(move || hub.appended(session, &[record]));
                }
            });
            let mut told = 0;
            subscriber.outbox().take(usize::MAX, |_| told += 1);
            assert_eq!(told, 1, "the others are read from their logs when there is a place");
            let runs = sessions.iter().map(|session| ChannelKey::run("default", &format!("of-{}", session.id())));
            assert_eq!(runs.filter(|run| hub.has_listeners(run)).count(), 1);
        }
    }

    fn state(content: &str) -> State {
        State::new("progress", "r", "s", content.as_bytes()).unwrap()
    }

    /// How many values of state a connection is told that attaches now.
    fn told(log: &Log) -> usize {
        let subscriber = Subscriber::for_tests(Wire::json(Dialect::Native));
        log.hub.attach(&log.channel, &subscriber, Priority::Interactive, None);
        log.hub.caught_up(&log.channel, &subscriber);
        let mut told = 0;
        subscriber.outbox().take(usize::MAX, |_| told += 1);
        log.hub.detach(&log.channel, &subscriber);
        told
    }

    #[test]
    fn state_that_nobody_listened_to_waits_for_whoever_attaches_and_is_gone_with_its_run() {
        let mut log = Log::new();
        log.hub.publish_latest(&log.channel, "progress/".to_owned(), state("1"));
        log.hub.publish_latest(&log.channel, "progress/".to_owned(), state("2"));
        assert_eq!((told(&log), told(&log)), (1, 1), "the newest value of each piece, to everyone");
        log.append(true);
        assert!(log.hub.shard(&log.channel).is_empty(), "nothing of the run is left behind");
        log.hub.publish_latest(&log.channel, "progress/".to_owned(), state("3"));
        log.hub.forget_latest(&log.channel);
        assert!(log.hub.shard(&log.channel).is_empty(), "also where its end was not published");
    }

    #[test]
    fn state_that_is_kept_is_bounded_in_number_and_bytes() {
        let log = Log::new();
        for number in 0..LATEST_PER_CHANNEL_MAX + 3 {
            log.hub.publish_latest(&log.channel, number.to_string(), state("1"));
        }
        assert_eq!(told(&log), LATEST_PER_CHANNEL_MAX);
        let large = format!("\"{}\"", "x".repeat(LATEST_BYTES_PER_CHANNEL_MAX / 4 - 2));
        for number in 0..5 {
            log.hub.publish_latest(&log.channel, format!("large {number}"), state(&large));
        }
        assert_eq!(log.hub.shard(&log.channel)[&log.channel].latest.len(), 4, "the oldest went");
        assert_eq!(log.hub.metrics.latest_displaced.get(), 3 + 16 + 1);
    }
}
