//! Who is in which topic on this node: carries visits to the rooms, and invites those who are to look at what is new.
//!
//! Rooms live in memory. After a restart they are empty, and every member that comes back is told everybody who is there:
//! nobody is said to be there who is not. What is told is `trunkline_core::presence`'s to decide. A connection that is
//! invited holds one reference in its outbox, however much happens in the room, and learns what is new when it has room to
//! write: who reads slowly is told less often, and never more than there is to know ([`telling`]).
//!
//! Lock order: the list of rooms, then a room, then an outbox. Rooms do not wait for one another.

mod telling;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use trunkline_core::Moment;
use trunkline_core::channel::ChannelKey;
use trunkline_core::presence::{Leaving, Revision, Room, State};
use trunkline_protocol::Codec;

use self::telling::{Telling, Tellings};
use crate::clock::Clock;
use crate::connection::Subscriber;
use crate::frame::Frame;
use crate::telemetry::Metrics;

/// Time between two looks at what time has brought to all rooms.
const PASS_EVERY: Duration = Duration::from_millis(250);

/// The rooms of this node.
pub(crate) struct Presence {
    rooms: Mutex<BTreeMap<ChannelKey, Arc<OpenRoom>>>,
    visits: AtomicU64,
    clock: Clock,
    metrics: Arc<Metrics>,
}

/// The room of one topic.
struct OpenRoom {
    topic: ChannelKey,
    /// When time brings something next, in milliseconds: who looks after all rooms opens those alone in which it does.
    next_ms: AtomicU64,
    inside: Mutex<Inside>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Inside {
    room: Room,
    visitors: BTreeMap<u64, Visitor>,
    /// How many of them are invited.
    invited: usize,
    /// Kept while somebody may be told the same.
    tellings: Tellings,
}

/// A connection in a room.
struct Visitor {
    member: Arc<str>,
    subscriber: Arc<Subscriber>,
    /// What it was told.
    known: Option<Revision>,
    /// It has a [`View`] that it has not looked at yet.
    is_invited: bool,
}

/// A connection's place in a room. Dropped, its member has lost this connection.
pub(crate) struct Visit {
    presence: Arc<Presence>,
    room: Arc<OpenRoom>,
    member: Arc<str>,
    number: u64,
    leaving: Leaving,
}

impl Visit {
    /// The topic that it is in.
    pub(crate) fn topic(&self) -> &ChannelKey {
        &self.room.topic
    }

    /// Says what the member is doing.
    pub(crate) fn says(&self, state: State) {
        let now = self.presence.clock.now();
        if self.room.happens(self.room.inside(), |inside| inside.room.set(&self.member, state, now)) {
            self.presence.metrics.presence_held.inc();
        }
    }

    /// Ends it, because the client wants that.
    pub(crate) fn end(mut self) {
        self.leaving = Leaving::ByWish;
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let now = self.presence.clock.now();
        self.presence.metrics.presence_visits.dec();
        let is_empty = self.room.happens(self.room.inside(), |inside| {
            if let Some(visitor) = inside.visitors.remove(&self.number) {
                visitor.subscriber.outbox().forget_due(self.number);
                inside.has_answered(visitor.is_invited);
            }
            inside.room.leave(&self.member, self.leaving, now);
            inside.room.is_empty()
        });
        if is_empty {
            self.presence.close(&self.room);
        }
    }
}

impl Presence {
    pub(crate) fn new(clock: Clock, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { rooms: Mutex::default(), visits: AtomicU64::new(0), clock, metrics })
    }

    /// Lets a member in on one connection, which is to be told who is there.
    pub(crate) fn enter(
        self: &Arc<Self>,
        topic: &ChannelKey,
        member: &str,
        state: State,
        subscriber: &Arc<Subscriber>,
    ) -> Visit {
        let now = self.clock.now();
        self.metrics.presence_visits.inc();
        let number = self.visits.fetch_add(1, Ordering::Relaxed);
        let member: Arc<str> = member.into();
        let mut rooms = self.rooms();
        let room = Arc::clone(rooms.entry(topic.clone()).or_insert_with(|| self.open(topic)));
        // Before the list is let go of: a room that looks empty is closed.
        let inside = room.inside();
        drop(rooms);
        room.happens(inside, |inside| {
            inside.room.enter(&member, state, now);
            let (member, subscriber) = (Arc::clone(&member), Arc::clone(subscriber));
            let visitor = Visitor { member, subscriber, known: None, is_invited: false };
            inside.invited += room.invite(number, inside.visitors.entry(number).or_insert(visitor));
        });
        Visit { presence: Arc::clone(self), room, member, number, leaving: Leaving::Lost }
    }

    fn open(&self, topic: &ChannelKey) -> Arc<OpenRoom> {
        Arc::new(OpenRoom {
            topic: topic.clone(),
            next_ms: AtomicU64::new(u64::MAX),
            inside: Mutex::default(),
            metrics: Arc::clone(&self.metrics),
        })
    }

    /// Takes a room away, unless somebody came in meanwhile.
    fn close(&self, room: &Arc<OpenRoom>) {
        let mut rooms = self.rooms();
        let is_listed = rooms.get(&room.topic).is_some_and(|listed| Arc::ptr_eq(listed, room));
        if is_listed && room.inside().room.is_empty() {
            rooms.remove(&room.topic);
        }
    }

    /// Tells what time brings, until `stop`.
    pub(crate) async fn keep_time(self: Arc<Self>, stop: CancellationToken) {
        let mut look = tokio::time::interval(PASS_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => self.pass(),
            }
        }
    }

    fn pass(&self) {
        let now = self.clock.now();
        let is_due = |room: &&Arc<OpenRoom>| room.next_ms.load(Ordering::Relaxed) <= in_ms(now);
        let due: Vec<_> = self.rooms().values().filter(is_due).cloned().collect();
        for room in due {
            let is_empty = room.happens(room.inside(), |inside| {
                inside.room.pass(now);
                inside.room.is_empty()
            });
            if is_empty {
                self.close(&room);
            }
        }
    }

    fn rooms(&self) -> MutexGuard<'_, BTreeMap<ChannelKey, Arc<OpenRoom>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenRoom {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets something happen, and invites everybody if that is news.
    fn happens<T>(self: &Arc<Self>, mut inside: MutexGuard<'_, Inside>, what: impl FnOnce(&mut Inside) -> T) -> T {
        let before = inside.room.revision();
        let outcome = what(&mut inside);
        if inside.room.revision() != before {
            let Inside { visitors, invited, .. } = &mut *inside;
            *invited += visitors.iter_mut().map(|(visit, visitor)| self.invite(*visit, visitor)).sum::<usize>();
        }
        self.next_ms.store(inside.room.next_at().map_or(u64::MAX, in_ms), Ordering::Relaxed);
        outcome
    }

    /// Has a connection look at what is new, unless it is going to. Gives how many were invited by that.
    fn invite(self: &Arc<Self>, visit: u64, visitor: &mut Visitor) -> usize {
        if std::mem::replace(&mut visitor.is_invited, true) {
            return 0;
        }
        let view = View { room: Arc::clone(self), visit };
        visitor.subscriber.outbox().push_due(visit, Frame::Presence(view));
        visitor.subscriber.wake();
        1
    }
}

impl Inside {
    /// One that was invited has looked, or will not.
    fn has_answered(&mut self, was_invited: bool) {
        self.invited -= usize::from(was_invited);
        if self.invited == 0 {
            self.tellings = Tellings::default();
        }
    }

    /// What a visitor is told now, who may learn its own name.
    fn look(&mut self, visit: u64) -> Option<Look> {
        let revision = self.room.revision();
        let visitor = self.visitors.get_mut(&visit)?;
        let was_invited = std::mem::take(&mut visitor.is_invited);
        let known = visitor.known.replace(revision);
        let you = known.is_none().then(|| Arc::clone(&visitor.member));
        let telling = self.tellings.of(&self.room, known);
        self.has_answered(was_invited);
        Some(Look { telling: telling?, known, you })
    }
}

/// What one sees who looks.
struct Look {
    telling: Arc<Telling>,
    known: Option<Revision>,
    you: Option<Arc<str>>,
}

/// What a connection sees of a room at the moment in which it looks.
#[derive(Clone)]
pub(crate) struct View {
    room: Arc<OpenRoom>,
    visit: u64,
}

impl View {
    /// The frames of what is new; `None` if there is nothing, or the visit is over.
    pub(crate) fn news(&self, codec: Codec) -> Option<Bytes> {
        let Look { telling, known, you } = self.room.inside().look(self.visit)?;
        self.room.metrics.presence_conflated.inc_by(telling.conflated(known));
        telling.frames(&self.room.topic, you.as_deref(), codec)
    }
}

impl fmt::Debug for View {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("View").field("topic", &self.room.topic).field("visit", &self.visit).finish()
    }
}

fn in_ms(moment: Moment) -> u64 {
    u64::try_from(moment.as_millis()).unwrap_or(u64::MAX)
}
