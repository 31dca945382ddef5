//! Who listens to which channel on this node.
//!
//! The broker tells the hub of each record; the hub offers it to the outbox of every
//! connection that is attached to its channel, to be spelled once for all of them by whoever
//! writes it first. It keeps no records.
//!
//! Lock order: a shard of the hub, then an outbox. Nothing is awaited under either, and
//! never two shards at once.

use std::cell::LazyCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trunkline_broker::Listener;
use trunkline_core::channel::{ChannelKey, ChannelKind};
use trunkline_core::log::Record;
use trunkline_core::outbox::{Offer, Outbox, Priority};
use trunkline_core::record::{self, RecordKind};
use trunkline_core::words;
use trunkline_protocol::{Dialect, Position};

use crate::connection::Subscriber;
use crate::frame::{Frame, Shared};
use crate::message::State;
use crate::telemetry::Metrics;

/// Number of parts, each behind its own lock.
const SHARDS: usize = 64;

/// Values of latest state that one channel keeps for connections that attach later.
const LATEST_PER_CHANNEL_MAX: usize = 16;

/// The listeners of all channels on this node.
pub(crate) struct Hub {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    metrics: Arc<Metrics>,
}

type Shard = HashMap<ChannelKey, Listeners>;

/// The listeners of one channel. Exists while there are any.
#[derive(Default)]
struct Listeners {
    subscribers: Vec<Arc<Subscriber>>,
    /// The newest record that was published since the first of them came.
    top: Option<Position>,
    latest: Vec<Latest>,
}

/// The newest value of one piece of state.
struct Latest {
    key: String,
    state: Arc<Shared>,
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
    ) -> bool {
        self.attach_with(run, subscriber, |outbox| outbox.attach_run(run.clone(), session, priority, cursor))
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
        self.shard(channel).contains_key(channel)
    }

    /// Detaches a connection from a channel.
    pub(crate) fn detach(&self, channel: &ChannelKey, subscriber: &Arc<Subscriber>) {
        let mut shard = self.shard(channel);
        subscriber.outbox().detach(channel);
        if let Some(listeners) = shard.get_mut(channel) {
            listeners.subscribers.retain(|other| !Arc::ptr_eq(other, subscriber));
            if listeners.subscribers.is_empty() {
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

    /// Sends the newest value of a piece of state to everyone who is attached to the channel.
    pub(crate) fn publish_latest(&self, channel: &ChannelKey, key: String, state: State) {
        let mut shard = self.shard(channel);
        let Some(listeners) = shard.get_mut(channel) else { return };
        let state = Shared::state(state);
        for subscriber in &listeners.subscribers {
            subscriber.outbox().push_latest(channel, &key, Frame::Shared(Arc::clone(&state), 0));
            subscriber.wake();
        }
        listeners.latest.retain(|latest| latest.key != key);
        if listeners.latest.len() >= LATEST_PER_CHANNEL_MAX {
            listeners.latest.remove(0);
        }
        listeners.latest.push(Latest { key, state });
    }

    /// Attaches connections to the channel of a run that has just begun, before it can have a record.
    fn attach_to_new_run(&self, run: &ChannelKey, session: &ChannelKey, subscribers: Vec<Arc<Subscriber>>) {
        let mut shard = self.shard(run);
        for subscriber in subscribers {
            if subscriber.outbox().attach_new_run(run.clone(), session) {
                shard.entry(run.clone()).or_default().subscribers.push(subscriber);
            }
        }
    }

    /// Offers a record to the channel's listeners, and gives those who have all of the channel before it.
    ///
    /// A connection that has no room for one more channel is not told of a run's start now: it reads the session's
    /// log later, when there is room.
    fn offer(&self, channel: &ChannelKey, record: &Record, opens_run: bool) -> Vec<Arc<Subscriber>> {
        let mut shard = self.shard(channel);
        let Some(listeners) = shard.get_mut(channel) else { return Vec::new() };
        listeners.top = Some(record.position);
        let message = Shared::record(channel, record);
        let end = LazyCell::new(|| if record.seals { words::end_of(&record.data) } else { None });
        let kind = record::kind(&record.data);
        let mut live = Vec::new();
        for subscriber in &listeners.subscribers {
            let mut outbox = subscriber.outbox();
            if opens_run && !outbox.has_room_for(ChannelKind::Run) {
                outbox.fall_behind(channel);
                continue;
            }
            let voice = subscriber.voice();
            if voice.wire.dialect() != Dialect::Native && end.as_deref().is_some_and(|end| voice.tells_whole_text(end))
            {
                // The log has it: the end is told with what is read.
                if outbox.fall_behind(channel) {
                    drop(outbox);
                    subscriber.wake();
                }
                continue;
            }
            let is_told = kind.is_none_or(|kind| voice.is_told_of(kind));
            let frame = |pieces| is_told.then(|| Frame::Shared(Arc::clone(&message), pieces));
            let offer = outbox.offer(channel, record, frame);
            drop(outbox);
            match offer {
                Offer::Queued | Offer::Passed if opens_run => live.push(Arc::clone(subscriber)),
                Offer::Queued => {}
                Offer::FellBehind => {
                    self.metrics.channels_fell_behind.inc();
                }
                Offer::Passed | Offer::Ignored => continue,
            }
            subscriber.wake();
        }
        if record.seals {
            // Whoever is behind still has to learn that there is more to read.
            listeners.subscribers.retain(|subscriber| subscriber.outbox().is_attached(channel));
            if listeners.subscribers.is_empty() {
                shard.remove(channel);
            }
        }
        live
    }

    fn shard(&self, channel: &ChannelKey) -> MutexGuard<'_, Shard> {
        let index = usize::try_from(self.hasher.hash_one(channel) % SHARDS as u64).expect("less than SHARDS");
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Hub {
    fn appended(&self, channel: &ChannelKey, record: &Record) {
        let run = run_started_by(channel, record);
        let live = self.offer(channel, record, run.is_some());
        if let Some(run) = run {
            self.attach_to_new_run(&run, channel, live);
        }
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
    use trunkline_protocol::Wire;

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
            self.hub.appended(&self.channel, &record);
            record
        }
    }

    #[test]
    fn a_run_that_ends_while_its_log_is_read_is_read_to_its_end() {
        let mut log = Log::new();
        let subscriber = Subscriber::new(Wire::json(Dialect::Native));
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
        let subscriber = Subscriber::new(Wire::json(Dialect::Native));
        let session = ChannelKey::session("default", "s");
        log.hub.attach(&session, &subscriber, Priority::Interactive, None);
        log.hub.attach_to_new_run(&log.channel, &session, vec![Arc::clone(&subscriber)]);
        log.append(true);
        assert!(log.hub.shard(&log.channel).is_empty());
        assert!(!subscriber.outbox().is_attached(&log.channel));
    }
}
