//! What clients are told of channels: each record once and in order, as it is stored; and honest words when they come back.

use std::collections::{BTreeMap, BTreeSet};

use super::old::is_told_of;
use super::runs::Run;
use super::{Checker, Property};
use crate::history::{Told, Verdict, offset};
use crate::store::RECORDS_KEPT;
use crate::worker;

/// What a client knows of one channel.
#[derive(Debug, Default)]
pub(super) struct View {
    /// The last position; `None` before any.
    pub(super) cursor: Option<String>,
    /// The number of the next event; `None` after records were lost.
    next_seq: Option<u64>,
    over: bool,
}

impl Checker {
    pub(super) fn opened(&mut self, client: usize, session: &str, verdicts: &[Verdict]) {
        let known = &mut self.client(client).session;
        if known.as_ref().is_some_and(|known| known != session) {
            self.violated(Property::HonestResume, format!("client {client} lost its session"));
        }
        self.client(client).session = Some(session.to_owned());
        for verdict in verdicts {
            self.verdict(client, verdict);
        }
        self.client(client).is_open = true;
        self.came_back(session);
        self.comes(client);
    }

    /// A client has one more channel.
    pub(super) fn attached(&mut self, client: usize, verdict: &Verdict) {
        self.reached(match kind(&verdict.channel) {
            "session" => "attached a session",
            "user" => "attached a user's channel",
            _ => "subscribed",
        });
        self.verdict(client, verdict);
        self.comes(client);
    }

    /// A client has given a channel up.
    pub(super) fn detached(&mut self, client: usize, channel: &str) {
        self.reached(match kind(channel) {
            "session" => "detached a session",
            "user" => "detached a user's channel",
            _ => "unsubscribed",
        });
        self.leaves(client, channel);
        self.forget_runs(client, channel);
        self.client(client).channels.remove(channel);
    }

    fn forget_runs(&mut self, client: usize, session: &str) {
        let session = session.trim_start_matches("session:");
        let runs = self.runs.iter().filter(|(_, run)| run.session == session).map(|(run, _)| format!("run:{run}"));
        for run in runs.collect::<Vec<_>>() {
            self.client(client).channels.remove(&run);
        }
    }

    fn verdict(&mut self, client: usize, verdict: &Verdict) {
        let Verdict { channel, asked, forged, word, reason, pos } = verdict;
        let said = format!("client {client} came back to {channel} at {asked:?} and heard {word} {reason:?} {pos:?}");
        let view = self.clients.entry(client).or_default().channels.entry(channel.clone()).or_default();
        match (&**word, reason.as_deref()) {
            ("new", _) => {
                // Where it begins is said: what stood before it is no longer kept.
                let is_whole = pos.as_deref().map_or(0, offset) == 0;
                *view = View { cursor: pos.clone(), next_seq: is_whole.then_some(0), ..View::default() };
                if asked.is_some() {
                    self.violated(Property::HonestResume, said);
                } else {
                    self.reached("new channel");
                }
            }
            ("resumed", _) => {
                // Of a channel that the client had given up nothing is known but the place.
                view.cursor = view.cursor.take().or_else(|| pos.clone());
                if *forged || pos != asked {
                    self.violated(Property::HonestResume, said);
                }
                self.reached("resumed");
                if kind(channel) == "user" {
                    self.reached("resumed a user's channel");
                }
            }
            (_, Some(reason)) => self.lost(client, channel, reason, asked.as_deref(), *forged, pos.as_deref(), &said),
            _ => self.violated(Property::HonestResume, said),
        }
    }

    pub(super) fn reset(&mut self, client: usize, channel: &str, reason: &str, pos: Option<&str>) {
        let asked = self.clients.get(&client).and_then(|client| client.channels.get(channel)?.cursor.clone());
        let said = format!("client {client} was told in {channel} at {asked:?}: reset {reason} {pos:?}");
        self.reached("reset in order");
        self.lost(client, channel, reason, asked.as_deref(), false, pos, &said);
    }

    /// A channel goes on elsewhere, for a reason that has to hold.
    #[expect(clippy::too_many_arguments, reason = "all of one sentence that the gateway said")]
    fn lost(
        &mut self,
        client: usize,
        channel: &str,
        reason: &str,
        asked: Option<&str>,
        forged: bool,
        pos: Option<&str>,
        said: &str,
    ) {
        let kept_from = self.logs.get(channel).and_then(|log| log.last()).map_or(0, |top| {
            // A sixteenth more may be kept for a while.
            top.offset().saturating_sub(RECORDS_KEPT + RECORDS_KEPT / 16 + 1)
        });
        let is_true = match (reason, pos) {
            // A user's channel keeps more than is ever published to it here.
            ("too_far", Some(_)) => {
                kind(channel) != "user" && asked.is_none_or(|asked| offset(asked) <= kept_from + RECORDS_KEPT / 8 + 2)
            }
            ("forked", Some(_)) => forged,
            ("epoch_changed", Some(_)) => self.removed.contains(channel),
            ("unknown", None) => self.removed.contains(channel) || self.may_be_over(channel),
            _ => false,
        };
        if !is_true {
            self.violated(Property::HonestResume, said.to_owned());
        }
        self.reached(&format!("reset {reason}"));
        if pos.is_none() {
            self.leaves(client, channel);
            self.forget_runs(client, channel);
            self.client(client).channels.remove(channel);
            self.client(client).rooms.remove(channel);
            return;
        }
        self.forget_ended_runs(client, channel);
        let view = View { cursor: pos.map(str::to_owned), next_seq: None, over: false };
        self.client(client).channels.insert(channel.to_owned(), view);
    }

    /// A session that is told anew tells its runs anew, those that are over among them. A run that goes on, or ends from
    /// now on, is not told again.
    fn forget_ended_runs(&mut self, client: usize, session: &str) {
        let session = session.trim_start_matches("session:");
        let is_of = |run: &str| self.runs.get(run).is_some_and(|run| run.session == session);
        let client = self.clients.entry(client).or_default();
        client.channels.retain(|channel, view| !(view.over && channel.strip_prefix("run:").is_some_and(is_of)));
    }

    pub(super) fn told(&mut self, client: usize, told: &Told) {
        match kind(&told.channel) {
            "topic" => self.reached("told of a topic"),
            "user" => self.told_as_user(client, told),
            _ if told.session != self.client(client).session => self.reached("told of another's session"),
            _ => {}
        }
        self.compare_with_log(client, told);
        self.compare_with_words(client, told);
        let view = self
            .clients
            .entry(client)
            .or_default()
            .channels
            .entry(told.channel.clone())
            .or_insert_with(|| View { next_seq: Some(0), ..View::default() });
        let follows = match &view.cursor {
            Some(cursor) => *cursor == told.prev,
            None => offset(&told.prev) == 0,
        };
        let (cursor, is_over) = (view.cursor.clone(), view.over);
        let in_order = !is_over && (follows || self.passes_over_its_own(client, cursor.as_deref(), told));
        let view = self.client(client).channels.get_mut(&told.channel).expect("it was just made");
        let said = format!(
            "client {client} is at {:?} and is told of {} {} after {}",
            view.cursor, told.channel, told.pos, told.prev
        );
        let (expected, seq) = (view.next_seq, told.seq);
        view.cursor = Some(told.pos.clone());
        view.over = told.is_terminal();
        if let Some((_, last)) = seq {
            view.next_seq = Some(last + 1);
        }
        if !in_order {
            self.violated(Property::InOrderOnce, said);
        }
        if let (Some(expected), Some((first, _))) = (expected, seq)
            && first != expected
        {
            self.violated(
                Property::WorkersWords,
                format!("client {client}: {} has event {first} after {expected}", told.channel),
            );
        }
        self.compare_with_worker(client, told);
    }

    /// What is told must stand in the log where it says.
    fn compare_with_log(&mut self, client: usize, told: &Told) {
        let log = self.logs.get(&told.channel);
        let stored = log.and_then(|log| log.iter().rev().find(|stored| stored.pos == told.pos)).cloned();
        let is_same = match &stored {
            Some(stored) if told.text().is_some() => {
                if stored.prev != told.prev {
                    self.reached("folded while behind");
                }
                stored.seq.map(|(_, last)| last) == told.seq.map(|(_, last)| last)
            }
            Some(stored) if told.old.is_some() => is_told_of(told, stored),
            Some(stored) => stored == told,
            None => false,
        };
        if !is_same {
            let what = format!("client {client} was told {told:?}, and stored is {stored:?}");
            self.violated(Property::OneLog, what);
        }
    }

    fn told_as_user(&mut self, client: usize, told: &Told) {
        self.reached("told of a user's channel");
        let user = self.client(client).user.clone();
        if user.as_deref() != told.channel.strip_prefix("user:") {
            let what = format!("client {client} of {user:?} was told {told:?}");
            self.violated(Property::OnlyTheirs, what);
        }
    }

    fn compare_with_worker(&mut self, client: usize, told: &Told) {
        let Some(run) = &told.run else { return };
        let Some(Run { message, .. }) = self.runs.get(run) else { return };
        let Some((first, last)) = told.seq else { return };
        let is_right = if let Some(text) = told.text() {
            let mut rest = text;
            let all = (first..=last).all(|number| {
                let begins = format!("{message}.{number}");
                let found = !worker::is_other(number) && rest.starts_with(&begins);
                let end = rest.find(' ').map_or(rest.len(), |end| end + 1);
                rest = &rest[end..];
                found
            });
            all && rest.is_empty()
        } else if told.kind == "tool_output" {
            first == last && told.payload["number"] == first && told.payload["message"] == **message
        } else {
            true
        };
        if !is_right {
            self.violated(Property::WorkersWords, format!("client {client} was told {told:?} of {message}"));
        }
    }

    /// A position that the client was sent up to cannot be ahead of what it has.
    pub(super) fn heartbeat(&mut self, client: usize, positions: &BTreeMap<String, String>) {
        self.reached("heartbeat");
        let is_at_top = |(channel, pos): (&String, &String)| {
            self.logs.get(channel).and_then(|log| log.last()).is_none_or(|top| top.pos == *pos)
        };
        let has_everything = positions.iter().all(is_at_top);
        if has_everything && std::mem::take(&mut self.client(client).was_slowed) {
            self.reached("slow reader has everything");
        }
        for (channel, pos) in positions {
            let cursor = self.clients.get(&client).and_then(|client| client.channels.get(channel)?.cursor.clone());
            if offset(pos) > cursor.as_deref().map_or(0, offset) {
                let what = format!("client {client} has {cursor:?} of {channel}, and should have {pos}");
                self.violated(Property::InOrderOnce, what);
            }
        }
    }

    pub(super) fn everything_arrived(&mut self) {
        let mut late = Vec::new();
        for (number, client) in &self.clients {
            let told: BTreeSet<_> = client.channels.keys().collect();
            for channel in told {
                let top = self.logs.get(channel).and_then(|log| log.last()).map(|top| top.pos.clone());
                let view = &client.channels[channel];
                if client.is_open && top.is_some() && !self.gone.contains(channel) && view.cursor != top {
                    late.push(format!(
                        "client {number} has {:?} of {channel}, whose last record is {top:?}",
                        view.cursor
                    ));
                }
            }
        }
        for what in late {
            self.violated(Property::EverythingArrives, what);
        }
    }
}

/// What a channel is of, by its name.
fn kind(channel: &str) -> &str {
    channel.split_once(':').map_or("", |(kind, _)| kind)
}
