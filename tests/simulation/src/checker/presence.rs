//! Who is said to be in a topic.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checker, Property};
use crate::history::{Entry, Presence, What};

/// A connection that ended without a word may be noticed this late, and its member leaves some time after that.
const NOTICED_WITHIN_MS: u64 = 90_000;

/// Each member, by the name that it was told to have.
pub(super) type Names = BTreeMap<String, String>;

/// Who is in a topic and what they do, as far as a client knows, and what it said of itself.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Nothing before it was told.
    told: Option<BTreeMap<String, String>>,
    said: String,
}

/// Finds out which names members have.
pub(super) fn names(history: &[Entry]) -> Names {
    let (mut names, mut members) = (Names::new(), BTreeMap::new());
    for Entry { what, .. } in history {
        match what {
            What::Opened { client, session, user, .. } => {
                members.insert(*client, user.as_ref().unwrap_or(session).clone());
            }
            What::Seen { client, presence: Presence::Members { you: Some(you), .. }, .. } => {
                names.insert(you.clone(), members[client].clone());
            }
            _ => {}
        }
    }
    names
}

impl Checker {
    /// A client says what it does, and wants to be seen.
    pub(super) fn present(&mut self, client: usize, topic: &str, state: &str) {
        state.clone_into(&mut self.client(client).rooms.entry(topic.to_owned()).or_default().said);
        if let Some(member) = self.client(client).member().cloned() {
            self.speakers.entry((topic.to_owned(), member)).or_default().insert(client);
        }
        self.note_seen(client, topic);
    }

    /// A client is, or was until now, in a topic.
    pub(super) fn note_seen(&mut self, client: usize, topic: &str) {
        if let Some(member) = self.client(client).member().cloned() {
            self.seen.insert((topic.to_owned(), member), self.now_ms);
        }
    }

    /// A client was told who is there.
    pub(super) fn seen(&mut self, client: usize, topic: &str, presence: &Presence) {
        let said = format!("client {client} was told of {topic}: {presence:?}");
        let Some(Room { told: room, .. }) = self.client(client).rooms.get_mut(topic) else {
            return self.violated(Property::PresenceAgrees, format!("{said}, and is not in it"));
        };
        let before = room.clone();
        let is_right = match (presence, &mut *room) {
            (Presence::Members { you, members }, _) => {
                let is_first = room.replace(members.clone()).is_none();
                you.as_ref().map_or(!is_first, |you| is_first && members.contains_key(you))
            }
            (Presence::Joined(member), Some(room)) => room.insert(member.clone(), "online".to_owned()).is_none(),
            (Presence::Left(member), Some(room)) => room.remove(member).is_some(),
            (Presence::State(member, state), Some(room)) => room.insert(member.clone(), state.clone()).is_some(),
            (_, None) => false,
        };
        if !is_right {
            self.violated(Property::PresenceAgrees, format!("{said}, and knew of {before:?}"));
        }
        let named = match presence {
            Presence::Members { members, .. } => members.keys().cloned().collect(),
            Presence::Joined(member) => {
                self.reached("joined");
                vec![member.clone()]
            }
            Presence::Left(_) => return self.reached("left a topic"),
            Presence::State(..) => return,
        };
        for member in named {
            if !self.may_be_in(topic, &member) {
                self.violated(Property::PresenceAgrees, format!("{said}, and {member} is not there"));
            }
        }
    }

    /// Whether a member has been seen in a topic in this life of the gateway, and is or was a moment ago.
    fn may_be_in(&self, topic: &str, name: &str) -> bool {
        // Of one that was told nothing itself nobody knows who it is.
        let Some(member) = self.names.get(name) else { return true };
        let has_that_name = |client: &&super::Client| client.member() == Some(member);
        let is_in = self.clients.values().filter(has_that_name).any(|client| client.rooms.contains_key(topic));
        let seen = self.seen.get(&(topic.to_owned(), member.clone()));
        is_in || seen.is_some_and(|seen| seen + NOTICED_WITHIN_MS >= self.now_ms)
    }

    /// At rest everybody in a topic knows of everybody in it, and of nobody else.
    pub(super) fn everybody_agrees(&mut self) {
        let mut members = BTreeMap::<&String, BTreeSet<&String>>::new();
        for client in self.clients.values() {
            for topic in client.rooms.keys() {
                members.entry(topic).or_default().extend(client.member());
            }
        }
        let (mut wrong, mut agreed) = (Vec::new(), 0);
        for (number, client) in &self.clients {
            for (topic, Room { told, .. }) in &client.rooms {
                let told = told.as_ref().map(|told| told.keys().filter_map(|name| self.names.get(name)).collect());
                if told.as_ref() != members.get(topic) {
                    wrong.push(format!("client {number} knows of {told:?} in {topic}: {:?}", members.get(topic)));
                } else if members[topic].len() > 1 {
                    agreed += 1;
                }
            }
        }
        for what in wrong {
            self.violated(Property::PresenceAgrees, what);
        }
        (0..agreed).for_each(|_| self.reached("many agree who is there"));
        self.last_states_are_known();
    }

    /// At rest everybody knows of each member what it said last, where one device alone has spoken for it.
    fn last_states_are_known(&mut self) {
        let (mut wrong, mut right) = (Vec::new(), 0);
        for (number, client) in &self.clients {
            for (topic, room) in &client.rooms {
                for (member, does) in room.told.iter().flatten() {
                    let Some(said) = self.said_last(topic, member) else { continue };
                    if does == said {
                        right += 1;
                    } else {
                        wrong.push(format!("client {number} was told that {member} is {does} in {topic}, not {said}"));
                    }
                }
            }
        }
        for what in wrong {
            self.violated(Property::PresenceAgrees, what);
        }
        (0..right).for_each(|_| self.reached("knows what a member said last"));
    }

    /// What a member said last in a topic, unless several devices said something. Nobody types for ever.
    fn said_last(&self, topic: &str, name: &str) -> Option<&str> {
        let member = self.names.get(name)?;
        let speakers = self.speakers.get(&(topic.to_owned(), member.clone()))?;
        let speaker = speakers.first().filter(|_| speakers.len() == 1)?;
        let said = &self.clients.get(speaker)?.rooms.get(topic)?.said;
        Some(if said == "typing" { "online" } else { said })
    }
}
