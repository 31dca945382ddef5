//! What is kept for how long, and what goes.

use super::{Checker, Property};
use crate::history::Told;
use crate::store::{KEPT, TOPICS_KEPT};

const KEPT_MS: u64 = KEPT.as_secs() * 1000;

const TOPICS_KEPT_MS: u64 = TOPICS_KEPT.as_secs() * 1000;

/// A session's time begins anew at the latest when half of it is over; a look for that may come late, or fail.
const SESSION_KEPT_MS: u64 = KEPT_MS / 2 - 110_000;

/// The gateway may know so much earlier than a client that their connection is over.
const NOTICED_WITHIN_MS: u64 = 60_000;

impl Checker {
    /// A client is attached to its channels.
    pub(super) fn comes(&mut self, client: usize) {
        let channels: Vec<_> = self.client(client).channels.keys().cloned().collect();
        for channel in channels {
            if channel.starts_with("session:") {
                self.nobody_is_late();
            }
            self.deserted.remove(&channel);
        }
    }

    /// A client's connection is over.
    pub(super) fn closed(&mut self, client: usize) {
        if !std::mem::take(&mut self.client(client).is_open) {
            return;
        }
        let known = self.client(client);
        known.was_slowed = false;
        let (channels, rooms): (Vec<_>, Vec<_>) =
            (known.channels.keys().cloned().collect(), known.rooms.keys().cloned().collect());
        for topic in &rooms {
            self.note_seen(client, topic);
        }
        self.client(client).rooms.clear();
        for channel in &channels {
            self.leaves(client, channel);
        }
    }

    /// A client is attached to a channel no more.
    pub(super) fn leaves(&mut self, client: usize, channel: &str) {
        if self.client(client).rooms.contains_key(channel) {
            self.note_seen(client, channel);
            self.client(client).rooms.remove(channel);
        }
        let has_it = |(number, other): (&usize, &super::Client)| {
            *number != client && other.is_open && other.channels.contains_key(channel)
        };
        if !self.clients.iter().any(has_it) {
            self.deserted.insert(channel.to_owned(), self.now_ms);
        }
    }

    /// For how long nobody has been attached to a channel.
    pub(super) fn deserted_for_ms(&self, channel: &str) -> u64 {
        let has_it = |client: &super::Client| client.is_open && client.channels.contains_key(channel);
        if self.clients.values().any(has_it) {
            return 0;
        }
        self.deserted.get(channel).map_or(u64::MAX, |since| self.now_ms - since)
    }

    /// A client was given another session.
    pub(super) fn session_lost(&mut self, client: usize, session: &str) {
        self.reached("session lost");
        let deserted_ms = self.deserted_for_ms(&format!("session:{session}"));
        if deserted_ms < SESSION_KEPT_MS {
            let what = format!("client {client} lost session {session}, which was left alone for {deserted_ms} ms");
            self.violated(Property::KeptForItsTime, what);
        }
        self.clients.remove(&client);
    }

    /// Whether the session of a channel may have been given up by now.
    pub(super) fn may_be_over(&self, channel: &str) -> bool {
        let session = match channel.split_once(':') {
            Some(("run", run)) => self.runs.get(run).map(|run| format!("session:{}", run.session)),
            _ => Some(channel.to_owned()),
        };
        session
            .is_some_and(|session| session.starts_with("session:") && self.deserted_for_ms(&session) >= SESSION_KEPT_MS)
    }

    pub(super) fn removed(&mut self, channel: &str) {
        let deserted_ms = self.deserted_for_ms(channel);
        let is_right = match channel.split_once(':') {
            Some(("run", run)) => {
                let ended_ms = self.runs.get(run).and_then(|run| run.ended_ms);
                ended_ms.is_some_and(|ended_ms| self.now_ms - ended_ms >= KEPT_MS)
            }
            Some(("session", _)) => deserted_ms >= SESSION_KEPT_MS,
            _ => {
                self.reached("topic removed");
                // What a life of the gateway knows of listeners ends with it.
                let was_there = self.deserted.get(channel).is_none_or(|since| *since > self.began_ms);
                !was_there || deserted_ms.saturating_add(NOTICED_WITHIN_MS) >= TOPICS_KEPT_MS
            }
        };
        if !is_right {
            let what = format!("{channel} was removed, {deserted_ms} ms after somebody was attached to it");
            self.violated(Property::KeptForItsTime, what);
        }
        self.gone.insert(channel.to_owned());
        self.removed.insert(channel.to_owned());
    }

    /// What is left names somebody who is there, or a topic that somebody listens to.
    pub(super) fn remains(&mut self, names: &[String]) {
        let open = self.clients.values().filter(|client| client.is_open);
        let wanted = open.flat_map(|client| client.channels.keys());
        let wanted: Vec<_> = wanted.map(|name| name.strip_prefix("session:").unwrap_or(name)).collect();
        let left = names.iter().filter(|name| !wanted.iter().any(|wanted| name.contains(wanted)));
        let left: Vec<_> = left.cloned().collect();
        for name in left {
            let last = self.logs.get(&name).and_then(|log| log.last()).map(Told::offset);
            self.violated(Property::NothingRemains, format!("{name} is still there, with {last:?} records"));
        }
    }
}
