//! Who is in which topic on this node: carries visits to the rooms, and their news to everybody inside.
//!
//! Rooms live in memory. After a restart they are empty, and every member that comes back is told everybody who is there:
//! nobody is said to be there who is not. What a room tells is `trunkline_core::presence`'s to decide.
//!
//! Lock order: the rooms, then an outbox.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use trunkline_core::channel::ChannelKey;
use trunkline_core::presence::{Leaving, MEMBERS_TOLD_MAX, News, Room, State};
use trunkline_protocol::{Codec, Dialect, Envelope, Wire};

use crate::clock::Clock;
use crate::connection::Subscriber;
use crate::message;
use crate::telemetry::Metrics;

/// Time between two looks at what time has brought to all rooms.
const PASS_EVERY: Duration = Duration::from_millis(250);

/// Bytes of names in one list of members: half of what may wait for a client that reads slowly.
const LIST_BYTES_MAX: usize = 32 * 1024;

/// The rooms of this node.
pub(crate) struct Presence {
    rooms: Mutex<Rooms>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Rooms {
    open: BTreeMap<ChannelKey, OpenRoom>,
    visits: u64,
}

#[derive(Default)]
struct OpenRoom {
    room: Room,
    visitors: Vec<Visitor>,
}

struct Visitor {
    visit: u64,
    member: Arc<str>,
    subscriber: Arc<Subscriber>,
}

/// A connection's place in a room. Dropped, its member has lost this connection.
pub(crate) struct Visit {
    presence: Arc<Presence>,
    topic: ChannelKey,
    member: Arc<str>,
    number: u64,
    leaving: Leaving,
}

impl Visit {
    /// The topic that it is in.
    pub(crate) const fn topic(&self) -> &ChannelKey {
        &self.topic
    }

    /// Says what the member is doing.
    pub(crate) fn says(&self, state: State) {
        let now = self.presence.clock.now();
        let mut rooms = self.presence.rooms();
        let Some(open) = rooms.open.get_mut(&self.topic) else { return };
        let news = open.room.set(&self.member, state, now);
        open.tell(&self.topic, news);
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
        let mut rooms = self.presence.rooms();
        let Some(open) = rooms.open.get_mut(&self.topic) else { return };
        open.visitors.retain(|visitor| visitor.visit != self.number);
        let news = open.room.leave(&self.member, self.number, self.leaving, now);
        open.tell(&self.topic, news);
        if open.room.is_empty() {
            rooms.open.remove(&self.topic);
        }
    }
}

impl Presence {
    pub(crate) fn new(clock: Clock, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { rooms: Mutex::default(), clock, metrics })
    }

    /// Lets a member in on one connection, and tells it who is there.
    pub(crate) fn enter(self: &Arc<Self>, topic: &ChannelKey, member: &str, subscriber: &Arc<Subscriber>) -> Visit {
        let now = self.clock.now();
        self.metrics.presence_visits.inc();
        let mut rooms = self.rooms();
        rooms.visits += 1;
        let number = rooms.visits;
        let member: Arc<str> = member.into();
        let open = rooms.open.entry(topic.clone()).or_default();
        let news = open.room.enter(&member, number, now);
        open.tell(topic, news);
        let visitor = Visitor { visit: number, member: Arc::clone(&member), subscriber: Arc::clone(subscriber) };
        visitor.subscriber.push_control(open.list(topic, &visitor));
        open.visitors.push(visitor);
        let presence = Arc::clone(self);
        Visit { presence, topic: topic.clone(), member, number, leaving: Leaving::Lost }
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
        self.rooms().open.retain(|topic, open| {
            let news = open.room.pass(now);
            open.tell(topic, news);
            !open.room.is_empty()
        });
    }

    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenRoom {
    /// Tells everybody inside, on all their connections.
    fn tell(&self, topic: &ChannelKey, news: impl IntoIterator<Item = News>) {
        for news in news {
            if news == News::Everybody {
                for visitor in &self.visitors {
                    visitor.subscriber.push_control(self.list(topic, visitor));
                }
                continue;
            }
            let frames = [Codec::Json, Codec::MessagePack].map(|codec| self.frame(topic, &news, codec));
            for visitor in &self.visitors {
                let is_packed = visitor.subscriber.wire().codec() == Codec::MessagePack;
                visitor.subscriber.push_control(frames[usize::from(is_packed)].clone());
            }
        }
    }

    fn frame(&self, topic: &ChannelKey, news: &News, codec: Codec) -> Bytes {
        #[derive(Serialize)]
        struct Came<'a> {
            member: &'a str,
            info: serde_json::Map<String, serde_json::Value>,
        }
        let came = |member| Came { member, info: serde_json::Map::new() };
        let wire = if codec == Codec::Json { Wire::json(Dialect::Native) } else { Wire::MESSAGE_PACK };
        match news {
            News::Joined(member) => frame(wire, topic, "presence_join", &came(member)),
            News::Left(member) => frame(wire, topic, "presence_leave", &came(member)),
            News::State(member, state) => frame(wire, topic, "presence_state", &Doing { member, state: state.name() }),
            News::Count(_) | News::Everybody => {
                let content = Members { you: None, count: self.room.count(), members: None };
                frame(wire, topic, "presence_members", &content)
            }
        }
    }

    /// Everybody who is there, for one of them; in a large room their number.
    fn list(&self, topic: &ChannelKey, visitor: &Visitor) -> Bytes {
        let mut bytes = 0;
        let fits = |(member, _): &(&str, State)| {
            bytes += member.len();
            bytes <= LIST_BYTES_MAX
        };
        let doing = |(member, state): (&'_ str, State)| (member.to_owned(), state.name());
        let members: Vec<_> = self.room.members().take(MEMBERS_TOLD_MAX).take_while(fits).map(doing).collect();
        let members: Vec<_> = members.iter().map(|(member, state)| Doing { member, state }).collect();
        let is_told = !self.room.is_large();
        let content =
            Members { you: Some(&visitor.member), count: self.room.count(), members: is_told.then_some(members) };
        frame(visitor.subscriber.wire(), topic, "presence_members", &content)
    }
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the field's name is the contract's")]
struct Members<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    you: Option<&'a str>,
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<Doing<'a>>>,
}

#[derive(Serialize)]
struct Doing<'a> {
    member: &'a str,
    state: &'a str,
}

fn frame(wire: Wire, topic: &ChannelKey, kind: &'static str, content: &impl Serialize) -> Bytes {
    let payload = message::payload(content);
    let envelope =
        Envelope { channel: Some(topic.public_name().into()), payload: Some((&payload).into()), ..Envelope::new(kind) };
    message::frame(wire, &envelope)
}
