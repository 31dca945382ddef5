//! Who listens to which channel on this node.
//!
//! The broker tells the hub of new records; the hub offers them to the outbox of every
//! connection that is attached to their channel, to be spelled once for all of them by whoever
//! writes them first. It keeps records only for those who fall behind together ([`recent`]).
//!
//! Lock order: a shard of the hub, then an outbox. Nothing is awaited under either, and
//! never two shards at once.

mod recent;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trunkline_broker::Listener;
use trunkline_core::budget::Budget;
use trunkline_core::channel::{ChannelKey, ChannelKind};
use trunkline_core::log::Record;
use trunkline_core::outbox::{self, Brought, Frame as _, Offer, Outbox, Priority, READ_BELOW_BYTES, Wanted};
use trunkline_core::record::{self, RecordKind};
use trunkline_core::words::{self, Voice};
use trunkline_protocol::{Dialect, Position};

use self::recent::{Lacking, Recent};
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
    budget: Arc<Budget>,
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
    recent: Option<Box<Recent>>,
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

    /// Keeps what some of the listeners could not take, if there is more than one of them.
    fn keep_recent(&mut self, news: &News<'_>, behind: usize, budget: &Arc<Budget>) {
        if behind == 0 || self.subscribers.len() < 2 {
            self.recent = None;
        } else {
            self.recent.get_or_insert_with(|| Box::new(Recent::new(budget))).keep(&news.messages, behind);
        }
    }

    /// Whether one that stands at `cursor` may take what it lacks from what is kept, or would be with what is new.
    fn can_bring_on(&self, cursor: Option<Position>, news: &News<'_>) -> bool {
        let offset = cursor.map_or(0, |cursor| cursor.offset);
        let is_of_news = news.records.first().is_some_and(|first| offset >= first.previous.offset);
        is_of_news || self.recent.as_ref().is_some_and(|recent| recent.reaches(cursor))
    }

    /// Whether a listener that has everything before the newest record has that, too, and so needs no log any more.
    fn caught_up(&mut self, channel: &ChannelKey, outbox: &mut Outbox<Frame>) -> bool {
        let live = outbox.caught_up(channel, self.top);
        if live {
            let lacking = if outbox.takes_latest(channel) { &self.latest[..] } else { &[] };
            for latest in lacking {
                outbox.push_latest(channel, &latest.key, Frame::Shared(Arc::clone(&latest.state), 0));
            }
            self.one_is_behind_no_more();
        }
        live
    }

    fn one_is_behind_no_more(&mut self) {
        self.recent.take_if(|recent| recent.is_needed_by_fewer());
    }

    fn forget(&mut self, subscriber: &Arc<Subscriber>) {
        self.subscribers.retain(|other| !Arc::ptr_eq(other, subscriber));
    }

    fn is_empty(&self) -> bool {
        self.subscribers.is_empty() && self.latest.is_empty()
    }
}

impl Hub {
    /// `budget` is what the buffers of all connections have together.
    pub(crate) fn new(metrics: Arc<Metrics>, budget: Arc<Budget>) -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::new(), metrics, budget }
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
            listeners.forget(subscriber);
            // If it was: otherwise the others read the log, which costs more and tells them the same.
            listeners.one_is_behind_no_more();
            if listeners.is_empty() {
                shard.remove(channel);
            }
        }
    }

    /// A connection has read a channel's log to its end: new records come as they are published, unless some were
    /// published since the log was read (`false`: read on).
    pub(crate) fn caught_up(&self, channel: &ChannelKey, subscriber: &Arc<Subscriber>) -> bool {
        let mut shard = self.shard(channel);
        let mut outbox = subscriber.outbox();
        match shard.get_mut(channel) {
            Some(listeners) => listeners.caught_up(channel, &mut outbox),
            None => outbox.caught_up(channel, None),
        }
    }

    /// Queues about `bytes` of what a connection lacks of a channel, or all of it, if that was told to others lately;
    /// `in_pages` where it may be written as others are written it. `false`: its log is to be read.
    pub(crate) fn bring_on(&self, wanted: &Wanted, subscriber: &Arc<Subscriber>, bytes: usize, in_pages: bool) -> bool {
        let (Wanted { channel, cursor, .. }, true) = (wanted, follows_recent(subscriber)) else { return false };
        let mut shard = self.shard(channel);
        let Some(listeners) = shard.get_mut(channel) else { return false };
        let Some(lacking) = listeners.recent.as_mut().and_then(|recent| recent.after(*cursor)) else { return false };
        let (mut outbox, mut queued, mut is_over) = (subscriber.outbox(), 0, false);
        for lacking in lacking {
            if queued >= bytes {
                return true;
            }
            let mut push = |last: Option<&Record>, frame: Frame| {
                let Some(last) = last else { return };
                queued += frame.bytes();
                is_over = last.seals;
                outbox.push_read(channel, last, |_| Some(frame));
            };
            let mut push_one = |message: &Arc<Shared>| push(message.as_record(), Frame::Shared(Arc::clone(message), 0));
            match lacking {
                Lacking::Message(message) => push_one(message),
                Lacking::Page(page) if in_pages => {
                    push(page.last(), Frame::Page(Arc::clone(page)));
                    self.metrics.pages_shared.inc();
                }
                Lacking::Page(page) => page.messages().iter().for_each(push_one),
            }
        }
        if !is_over {
            listeners.caught_up(channel, &mut outbox);
            return true;
        }
        drop(outbox);
        listeners.forget(subscriber);
        if listeners.is_empty() {
            shard.remove(channel);
        }
        true
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
            if !outbox.has_room_for(bytes) {
                // It gets the newest value when it has caught up.
                outbox.fall_behind(run);
            }
            outbox.push_latest(run, &key, Frame::Shared(Arc::clone(&state), 0));
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
        let (is_shared, mut behind) = (listeners.subscribers.len() > 1, 0);
        for subscriber in &listeners.subscribers {
            let mut outbox = subscriber.outbox();
            let is_later = is_shared && takes_later(subscriber, &mut outbox, channel);
            let offer = if is_later { Offer::Ignored } else { offer_to(&mut outbox, subscriber.voice(), &news) };
            let cursor = if is_shared && offer != Offer::Queued { outbox.behind_at(channel) } else { None };
            drop(outbox);
            // What this client is not to see is nothing to wake it for.
            if matches!(offer, Offer::Queued | Offer::FellBehind) {
                subscriber.wake();
            }
            self.metrics.channels_fell_behind.inc_by((offer == Offer::FellBehind).into());
            behind += usize::from(cursor.is_some_and(|cursor| listeners.can_bring_on(cursor, &news)));
        }
        listeners.keep_recent(&news, behind, &self.budget);
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
            // Only who reads the log is brought the run.
            listeners.recent = None;
            for subscriber in &listeners.subscribers {
                let mut outbox = subscriber.outbox();
                if !outbox.can_attach(ChannelKind::Run) {
                    outbox.fall_behind(session);
                    continue;
                }
                let offer = offer_to(&mut outbox, subscriber.voice(), &news);
                self.metrics.channels_fell_behind.inc_by((offer == Offer::FellBehind).into());
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

/// Offers news to one listener.
fn offer_to(outbox: &mut OpenOutbox<'_>, voice: Voice, news: &News<'_>) -> Offer {
    if news.is_read_by(voice) {
        // The log has it: the end is told with what is read.
        return if outbox.fall_behind(news.channel) { Offer::FellBehind } else { Offer::Ignored };
    }
    if outbox.has_room_for(news.bytes) {
        outbox.offer(news.channel, news.records, |index, pieces| {
            let is_told = news.kinds[index].is_none_or(|kind| voice.is_told_of(kind));
            is_told.then(|| Frame::Shared(Arc::clone(&news.messages[index]), pieces))
        })
    } else if outbox.fall_behind(news.channel) {
        // All connections together hold as much as they may: this one reads the log when it has sent some.
        Offer::FellBehind
    } else {
        Offer::Ignored
    }
}

/// Whether a client can be told what is kept of a channel for all. Others are told of a run's end what only the log has.
fn follows_recent(subscriber: &Subscriber) -> bool {
    subscriber.wire().dialect() == Dialect::Native
}

/// Whether a connection that has something to write, but not more than it writes soon, and is going to look for more
/// before it waits, takes what is new from what is kept for all. Asked while its outbox is locked, so that its task looks
/// afterwards.
fn takes_later(subscriber: &Subscriber, outbox: &mut Outbox<Frame>, channel: &ChannelKey) -> bool {
    let has_some = !outbox.is_empty() && outbox.bytes() < READ_BELOW_BYTES;
    // One log is read at a time, and not while much waits: this channel would wait for others.
    let is_later =
        has_some && subscriber.is_about_to_look() && follows_recent(subscriber) && !outbox.is_behind_elsewhere(channel);
    is_later && (outbox.fall_behind(channel) || outbox.is_attached(channel))
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
impl Hub {
    /// A hub with room for everything.
    pub(crate) fn for_tests(metrics: &Arc<Metrics>) -> Self {
        Self::new(Arc::clone(metrics), Arc::new(Budget::new(usize::MAX)))
    }
}

#[cfg(test)]
mod tests;
