//! What is told of a room, made once for all who are told the same: most connections know the same before, and look at
//! the same moment. Spelled by the first of them that writes it, without the room's lock.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use trunkline_core::channel::ChannelKey;
use trunkline_core::presence::{Everything, News, Revision, Room, Since, State};
use trunkline_protocol::{Codec, Dialect, Envelope, Wire};

use crate::message;

/// What was last told of a room as a whole, and as news.
#[derive(Default)]
pub(super) struct Tellings {
    everything: Option<Arc<Telling>>,
    news: Option<Arc<Telling>>,
}

/// What one is told who knows what was told up to `from`, to know all up to `to`.
pub(super) struct Telling {
    from: Option<Revision>,
    to: Revision,
    content: Content,
    /// By codec.
    spelled: [OnceLock<Bytes>; 2],
}

enum Content {
    News(Vec<News>),
    /// Who is there, and how that is spelled within a message.
    Members(Vec<(Arc<str>, State)>, OnceLock<Box<RawValue>>),
    Count(usize),
}

impl Tellings {
    /// What is told to one who knows what was told up to `known`; `None` if that is all there is.
    pub(super) fn of(&mut self, room: &Room, known: Option<Revision>) -> Option<Arc<Telling>> {
        let is_same = |telling: &&Arc<Telling>| telling.to == room.revision() && telling.from == known;
        if let Some(telling) = self.news.as_ref().filter(is_same) {
            return Some(Arc::clone(telling));
        }
        match room.since(known) {
            Since::Nothing => None,
            Since::News(news) => {
                let telling = Telling::new(known, room.revision(), Content::News(news));
                Some(Arc::clone(self.news.insert(telling)))
            }
            Since::Everything => Some(self.everything(room)),
        }
    }

    fn everything(&mut self, room: &Room) -> Arc<Telling> {
        if let Some(telling) = self.everything.as_ref().filter(|telling| telling.to == room.revision()) {
            return Arc::clone(telling);
        }
        let content = match room.everything() {
            Everything::Members(members) => Content::Members(members, OnceLock::new()),
            Everything::Count(count) => Content::Count(count),
        };
        Arc::clone(self.everything.insert(Telling::new(None, room.revision(), content)))
    }
}

impl Telling {
    fn new(from: Option<Revision>, to: Revision, content: Content) -> Arc<Self> {
        Arc::new(Self { from, to, content, spelled: [const { OnceLock::new() }; 2] })
    }

    /// How many changes one who knew what was told up to `known` is not told of.
    pub(super) fn conflated(&self, known: Option<Revision>) -> u64 {
        let missed = known.map_or(0, |known| self.to.after(known));
        match &self.content {
            Content::News(news) => missed.saturating_sub(news.len() as u64),
            Content::Members(..) => missed,
            Content::Count(_) => 0,
        }
    }

    /// The frames for one who is told for the first time by which name it is known, or for everybody else; `None` where
    /// nothing is to be said.
    pub(super) fn frames(&self, topic: &ChannelKey, you: Option<&str>, codec: Codec) -> Option<Bytes> {
        let wire = if codec == Codec::Json { Wire::json(Dialect::Native) } else { Wire::MESSAGE_PACK };
        let frames = if you.is_some() {
            self.spell(wire, topic, you)
        } else {
            let spelled = &self.spelled[usize::from(codec == Codec::MessagePack)];
            spelled.get_or_init(|| self.spell(wire, topic, None)).clone()
        };
        (!frames.is_empty()).then_some(frames)
    }

    fn spell(&self, wire: Wire, topic: &ChannelKey, you: Option<&str>) -> Bytes {
        match &self.content {
            Content::News(news) => spell_news(wire, topic, news),
            Content::Members(members, listed) => {
                let listed = Some(&**listed.get_or_init(|| list(members)));
                frame(wire, topic, "presence_members", &Members { you, count: members.len(), members: listed })
            }
            Content::Count(count) => {
                frame(wire, topic, "presence_members", &Members { you, count: *count, members: None })
            }
        }
    }
}

fn list(members: &[(Arc<str>, State)]) -> Box<RawValue> {
    let members: Vec<_> = members.iter().map(|(member, state)| Doing { member, state: state.name() }).collect();
    message::payload(&members)
}

fn spell_news(wire: Wire, topic: &ChannelKey, news: &[News]) -> Bytes {
    let came = |kind, member| frame(wire, topic, kind, &Came { member, info: serde_json::Map::new() });
    let does = |member, state: State| frame(wire, topic, "presence_state", &Doing { member, state: state.name() });
    let mut frames = Vec::with_capacity(news.len());
    for news in news {
        match news {
            News::Joined(member, state) => {
                frames.push(came("presence_join", member));
                frames.extend((*state != State::Online).then(|| does(member, *state)));
            }
            News::Left(member) => frames.push(came("presence_leave", member)),
            News::State(member, state) => frames.push(does(member, *state)),
        }
    }
    if frames.len() == 1 { frames.remove(0) } else { frames.iter().flatten().copied().collect() }
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the field's name is the contract's")]
struct Members<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    you: Option<&'a str>,
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Doing<'a> {
    member: &'a str,
    state: &'a str,
}

#[derive(Serialize)]
struct Came<'a> {
    member: &'a str,
    info: serde_json::Map<String, serde_json::Value>,
}

fn frame(wire: Wire, topic: &ChannelKey, kind: &'static str, content: &impl Serialize) -> Bytes {
    let payload = message::payload(content);
    let envelope =
        Envelope { channel: Some(topic.public_name().into()), payload: Some((&payload).into()), ..Envelope::new(kind) };
    message::frame(wire, &envelope)
}

#[cfg(test)]
mod tests {
    use trunkline_core::Moment;
    use trunkline_core::channel::TOPIC_BYTES_MAX;
    use trunkline_core::presence::{AROUND_BYTES_MAX, LIST_BYTES_MAX};

    use super::*;

    fn topic() -> ChannelKey {
        ChannelKey::topic("default", &"t".repeat(TOPIC_BYTES_MAX)).unwrap()
    }

    /// The longest room that is told one by one, and what was told of it before its last member came.
    fn longest() -> (Room, Revision) {
        let member = |number: usize| -> Arc<str> { format!("{number:0200}").into() };
        let fill = |members: usize| {
            let mut room = Room::default();
            let enter = |number| room.enter(&member(number), State::Thinking, Moment::ZERO);
            (0..members).for_each(enter);
            room
        };
        let is_told = |members: &usize| matches!(fill(*members).everything(), Everything::Members(_));
        let most = (1..1_000).take_while(is_told).last().expect("a room of one is told");
        (fill(most), fill(most - 1).revision())
    }

    #[test]
    fn what_is_told_of_the_longest_room_keeps_to_its_bounds_in_each_codec() {
        let (room, before) = longest();
        for codec in [Codec::Json, Codec::MessagePack] {
            let everything = Tellings::default().of(&room, None).unwrap();
            let list = everything.frames(&topic(), None, codec).unwrap();
            assert!(list.len() <= LIST_BYTES_MAX, "{}", list.len());
            assert!(codec != Codec::Json || list.len() > LIST_BYTES_MAX * 9 / 10, "it is used: {}", list.len());
            let news = Tellings::default().of(&room, Some(before)).unwrap();
            let told = news.frames(&topic(), None, codec).unwrap();
            assert!(told.len() <= 2 * (AROUND_BYTES_MAX + 200), "a join and a state: {}", told.len());
        }
    }

    #[test]
    fn what_many_are_told_is_spelled_once() {
        let (room, before) = longest();
        for known in [None, Some(before), Some(Revision::default())] {
            let mut tellings = Tellings::default();
            let [one, other] = [(); 2].map(|()| tellings.of(&room, known).unwrap());
            let [one, other] = [one, other].map(|telling| telling.frames(&topic(), None, Codec::Json).unwrap());
            assert_eq!(one.as_ptr(), other.as_ptr());
        }
        let mut tellings = Tellings::default();
        assert!(tellings.of(&room, Some(room.revision())).is_none(), "it knows");
    }
}
