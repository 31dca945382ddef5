//! What is kept for how long, and what goes.

use super::{Checker, Property};
use crate::client::PATIENCE;
use crate::history::Told;
use crate::store::{KEPT, TOPICS_KEPT};

const KEPT_MS: u64 = KEPT.as_secs() * 1000;

/// How long a client waits for what it was promised.
const PATIENCE_MS: u64 = PATIENCE.as_secs() * 1000;

const TOPICS_KEPT_MS: u64 = TOPICS_KEPT.as_secs() * 1000;

/// The gateway may know so much earlier than a client that their connection is over.
const NOTICED_WITHIN_MS: u64 = 60_000;

/// The time of a session that somebody comes back to begins anew, unless it has just begun: as precisely as this.
const RENEWAL_STEP_MS: u64 = KEPT_MS / 1000;

/// Channels whose time to be looked at has come are looked at so often.
const PASS_EVERY_MS: u64 = 30_000;

/// What could not be looked at is looked at again so much later.
const AGAIN_AFTER_MS: u64 = KEPT_MS / 8;

/// How long one pass takes where writes are slow.
const PASS_TAKES_MS: u64 = 10_000;

/// The time of a session that is in use begins anew within this: when half of it is over it is looked at, in the next pass,
/// and where the store has no room once more.
const RENEWED_WITHIN_MS: u64 = KEPT_MS / 2 + 2 * (PASS_EVERY_MS + PASS_TAKES_MS) + AGAIN_AFTER_MS;

/// Until when a session is kept, as it is stored, and since when somebody is in it.
#[derive(Debug, Default)]
pub(super) struct Kept {
    until_ms: u64,
    used_since_ms: Option<u64>,
}

impl Checker {
    /// A client is attached to its channels.
    pub(super) fn comes(&mut self, client: usize) {
        let channels: Vec<_> = self.client(client).channels.keys().cloned().collect();
        for channel in channels {
            if channel.starts_with("session:") {
                self.nobody_is_late();
                let now_ms = self.now_ms;
                self.sessions.entry(channel.clone()).or_default().used_since_ms.get_or_insert(now_ms);
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
        known.sent.clear();
        known.pieces.clear();
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
            self.look_at_session(channel, NOTICED_WITHIN_MS);
            if let Some(kept) = self.sessions.get_mut(channel) {
                kept.used_since_ms = None;
            }
        }
    }

    /// A session's time begins anew.
    pub(super) fn renewed(&mut self, session: &str, until_ms: u64) {
        let channel = format!("session:{session}");
        self.look_at_session(&channel, 0);
        self.sessions.entry(channel).or_default().until_ms = until_ms;
    }

    /// Whether the time of a session, if it is in use, has begun anew in time; `more_ms` is how long it may not have been.
    fn look_at_session(&mut self, channel: &str, more_ms: u64) {
        let Some(Kept { until_ms, used_since_ms: Some(since_ms) }) = self.sessions.get(channel) else { return };
        let for_ms = self.now_ms - until_ms.saturating_sub(KEPT_MS).max(*since_ms).min(self.now_ms);
        if for_ms > RENEWED_WITHIN_MS + more_ms {
            let what = format!("{channel} is in use, and its time has not begun anew for {for_ms} ms");
            self.violated(Property::KeptForItsTime, what);
        }
    }

    /// All sessions that are in use are kept for as long as that.
    pub(super) fn look_at_sessions(&mut self) {
        for channel in self.sessions.keys().cloned().collect::<Vec<_>>() {
            self.look_at_session(&channel, 0);
        }
    }

    /// Whoever comes back to a session has it for its whole time again: a client was welcomed to it now.
    pub(super) fn came_back(&mut self, session: &str) {
        let Some(kept) = self.sessions.get(&format!("session:{session}")) else { return };
        let (least_ms, until_ms) = (self.now_ms + KEPT_MS - RENEWAL_STEP_MS - PATIENCE_MS, kept.until_ms);
        if until_ms < least_ms {
            let what = format!("session {session} was given back, and is kept until {until_ms} only");
            self.violated(Property::KeptForItsTime, what);
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
        if !self.is_over(&format!("session:{session}")) {
            let what = format!("client {client} lost session {session}, whose time is not over");
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
        session.is_some_and(|session| session.starts_with("session:") && self.is_over(&session))
    }

    /// Whether the time of a session is over, as it is stored.
    fn is_over(&self, session: &str) -> bool {
        self.sessions.get(session).is_none_or(|kept| kept.until_ms <= self.now_ms)
    }

    pub(super) fn removed(&mut self, channel: &str) {
        let deserted_ms = self.deserted_for_ms(channel);
        let is_right = match channel.split_once(':') {
            Some(("run", run)) => {
                let ended_ms = self.runs.get(run).and_then(|run| run.ended_ms);
                ended_ms.is_some_and(|ended_ms| self.now_ms - ended_ms >= KEPT_MS)
            }
            Some(("session", _)) => self.is_over(channel),
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
        self.look_at_sessions();
        let open = self.clients.values().filter(|client| client.is_open);
        let wanted = open.flat_map(|client| client.channels.keys());
        let wanted: Vec<_> = wanted.map(|name| name.strip_prefix("session:").unwrap_or(name)).collect();
        // Users' channels are kept for a day.
        let goes = |name: &&String| !name.contains("user:") && !wanted.iter().any(|wanted| name.contains(wanted));
        let left = names.iter().filter(goes);
        let left: Vec<_> = left.cloned().collect();
        for name in left {
            let last = self.logs.get(&name).and_then(|log| log.last()).map(Told::offset);
            self.violated(Property::NothingRemains, format!("{name} is still there, with {last:?} records"));
        }
    }
}
