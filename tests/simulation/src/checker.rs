//! Holds a history against what the gateway promises. Pure: a history in, findings out.
//!
//! Each promise is one property with a name, so that a planted mistake can be asked for by the property that has to find it.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Fault, Told, Verdict, What, offset};
use crate::store::RECORDS_KEPT;
use crate::worker;

/// What the gateway promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Property {
    /// An acknowledged message is stored (P1).
    AcknowledgedIsKept,
    /// A message is stored once and starts one run, however often it is sent (P1).
    OneEffect,
    /// A client is told of each record once, after the one before it, or told that it was not (P2).
    InOrderOnce,
    /// What a client is told is what is stored (P2).
    OneLog,
    /// Coming back is complete or says why not, for a reason that there is (P3).
    HonestResume,
    /// A run ends once, and then for good (P4).
    OneEnd,
    /// A question is answered once, by what was acknowledged, and the worker is told that and nothing else.
    OneAnswer,
    /// The text of an answer is the worker's, its events are numbered without a gap.
    WorkersWords,
    /// Once the world is at rest everybody knows everything.
    EverythingArrives,
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What was promised.
    pub property: Property,
    /// What happened instead.
    pub what: String,
}

/// What the checker found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// What must not be.
    pub violations: Vec<Violation>,
    /// How often each fault was made and each situation was reached, by its name.
    pub reached: BTreeMap<String, u64>,
}

/// Situations that a simulation has to reach, beside every fault.
const SITUATIONS: [&str; 17] = [
    "resumed",
    "new channel",
    "reset too_far",
    "reset forked",
    "reset in order",
    "folded while behind",
    "completed",
    "failed",
    "cancelled",
    "expired",
    "acknowledged again",
    "worker resumed",
    "refused",
    "waiting",
    "answered",
    "answered already",
    "heartbeat",
];

/// Checks everything that happened, in order.
pub fn check(history: &[What]) -> Findings {
    let mut checker = Checker::default();
    for what in history {
        checker.take(what);
    }
    checker.finish()
}

#[derive(Debug, Default)]
struct Checker {
    findings: Findings,
    /// What was stored, by channel.
    logs: BTreeMap<String, Vec<Told>>,
    /// How many stored messages have this id, and the runs that they started.
    effects: BTreeMap<String, Vec<String>>,
    acknowledged: BTreeMap<String, String>,
    /// The answer that is stored for each run's question.
    answers: BTreeMap<String, Told>,
    /// The message that each run answers.
    messages: BTreeMap<String, String>,
    clients: BTreeMap<usize, Client>,
}

/// What one client knows.
#[derive(Debug, Default)]
struct Client {
    session: Option<String>,
    channels: BTreeMap<String, View>,
}

/// What a client knows of one channel.
#[derive(Debug, Default)]
struct View {
    /// The last position; `None` before any.
    cursor: Option<String>,
    /// The number of the next event; `None` after records were lost.
    next_seq: Option<u64>,
    over: bool,
    /// It was told anew since the connection began.
    was_reset: bool,
}

impl Checker {
    fn take(&mut self, what: &What) {
        match what {
            What::Stored(record) => self.stored(record),
            What::Acknowledged { message, run, duplicate, .. } => self.acknowledged(message, run, *duplicate),
            What::Refused { code, .. } if code == "already_answered" => self.reached("answered already"),
            What::Refused { .. } => self.reached("refused"),
            What::Opened { client, session, verdicts } => self.opened(*client, session, verdicts),
            What::Told { client, told } => self.told(*client, told),
            What::Reset { client, channel, reason, pos } => self.reset(*client, channel, reason, pos.as_deref()),
            What::Heartbeat { client, positions } => self.heartbeat(*client, positions),
            What::Answered { run, request, granted } => self.answered(run, request, *granted),
            What::Resumed { .. } => self.reached("worker resumed"),
            What::Fault(fault) => self.reached(&name(*fault)),
            What::Called { run, message } => drop(self.messages.insert(run.clone(), message.clone())),
            What::Sent { .. } => {}
            What::Calm => self.calm(),
        }
    }

    fn reached(&mut self, situation: &str) {
        *self.findings.reached.entry(situation.to_owned()).or_default() += 1;
    }

    fn violated(&mut self, property: Property, what: String) {
        self.findings.violations.push(Violation { property, what });
    }

    fn stored(&mut self, record: &Told) {
        let log = self.logs.entry(record.channel.clone()).or_default();
        if log.last().is_some_and(Told::is_terminal) {
            let what = format!("{} {} is stored after the end of {}", record.kind, record.pos, record.channel);
            self.violated(Property::OneEnd, what);
        } else {
            log.push(record.clone());
        }
        if record.channel.starts_with("session:")
            && let (Some(id), Some(run)) = (&record.id, &record.run)
            && record.kind != "run_started"
        {
            self.effects.entry(id.clone()).or_default().push(run.clone());
            self.messages.insert(run.clone(), id.clone());
        }
        if record.kind == "run_waiting" {
            self.reached("waiting");
        }
        if record.kind == "answer" {
            self.answer_stored(record);
        }
        if record.is_terminal() {
            let state = record.kind.trim_start_matches("run_").to_owned();
            self.reached(&state);
        }
    }

    fn answer_stored(&mut self, record: &Told) {
        self.reached("answered");
        if self.answers.insert(record.channel.clone(), record.clone()).is_some() {
            self.violated(Property::OneAnswer, format!("{} has two answers", record.channel));
        }
        if let (Some(id), Some(run)) = (&record.id, &record.run) {
            self.effects.entry(id.clone()).or_default().push(run.clone());
        }
    }

    /// The worker heard an answer.
    fn answered(&mut self, run: &str, request: &str, granted: bool) {
        let stored = self.answers.get(&format!("run:{run}")).map(|stored| &stored.payload);
        if stored.is_none_or(|stored| stored["request_id"] != request || stored["granted"] != granted) {
            let what = format!("the worker of run {run} heard granted: {granted}, and stored is {stored:?}");
            self.violated(Property::OneAnswer, what);
        }
    }

    fn acknowledged(&mut self, message: &str, run: &str, duplicate: bool) {
        if duplicate {
            self.reached("acknowledged again");
        }
        if let Some(before) = self.acknowledged.insert(message.to_owned(), run.to_owned())
            && before != run
        {
            self.violated(Property::OneEffect, format!("{message} was acknowledged with run {before} and {run}"));
        }
    }

    fn opened(&mut self, client: usize, session: &str, verdicts: &[Verdict]) {
        let known = &mut self.clients.entry(client).or_default().session;
        if known.as_ref().is_some_and(|known| known != session) {
            self.violated(Property::HonestResume, format!("client {client} lost its session"));
        }
        self.clients.entry(client).or_default().session = Some(session.to_owned());
        for verdict in verdicts {
            self.verdict(client, verdict);
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
                if *forged || pos != asked {
                    self.violated(Property::HonestResume, said);
                }
                self.reached("resumed");
            }
            (_, Some(reason)) => self.lost(client, channel, reason, asked.as_deref(), *forged, pos.as_deref(), &said),
            _ => self.violated(Property::HonestResume, said),
        }
    }

    fn reset(&mut self, client: usize, channel: &str, reason: &str, pos: Option<&str>) {
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
        let is_true = match reason {
            "too_far" => asked.is_none_or(|asked| offset(asked) <= kept_from + RECORDS_KEPT / 8 + 2),
            "forked" => forged,
            _ => false,
        };
        if !is_true || pos.is_none() {
            self.violated(Property::HonestResume, said.to_owned());
        }
        self.reached(&format!("reset {reason}"));
        let view = self.clients.entry(client).or_default().channels.entry(channel.to_owned()).or_default();
        *view = View { cursor: pos.map(str::to_owned), next_seq: None, was_reset: true, over: false };
    }

    fn told(&mut self, client: usize, told: &Told) {
        self.compare_with_log(client, told);
        self.begin_again(client, told);
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
        let in_order = follows && !view.over;
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

    /// A session that is told anew tells its runs anew, those that are over among them.
    fn begin_again(&mut self, client: usize, told: &Told) {
        let client = self.clients.entry(client).or_default();
        let Some(run) = told.payload["channel"].as_str().filter(|_| told.kind == "run_started") else { return };
        let is_told_anew = client.channels.get(&told.channel).is_some_and(|session| session.was_reset);
        if is_told_anew && client.channels.get(run).is_some_and(|run| run.over) {
            client.channels.remove(run);
        }
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
            Some(stored) => stored == told,
            None => false,
        };
        if !is_same {
            let what = format!("client {client} was told {told:?}, and stored is {stored:?}");
            self.violated(Property::OneLog, what);
        }
    }

    fn compare_with_worker(&mut self, client: usize, told: &Told) {
        let Some(run) = &told.run else { return };
        let Some(message) = self.messages.get(run) else { return };
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
    fn heartbeat(&mut self, client: usize, positions: &BTreeMap<String, String>) {
        self.reached("heartbeat");
        for (channel, pos) in positions {
            let cursor = self.clients.get(&client).and_then(|client| client.channels.get(channel)?.cursor.clone());
            if offset(pos) > cursor.as_deref().map_or(0, offset) {
                let what = format!("client {client} has {cursor:?} of {channel}, and should have {pos}");
                self.violated(Property::InOrderOnce, what);
            }
        }
    }

    /// Nobody waits for anything any more.
    fn calm(&mut self) {
        for (message, run) in self.acknowledged.clone() {
            match self.effects.get(&message).map(Vec::as_slice) {
                None => {
                    self.violated(
                        Property::AcknowledgedIsKept,
                        format!("{message} was acknowledged and is not stored"),
                    );
                }
                Some([stored]) if *stored != run => {
                    self.violated(
                        Property::OneEffect,
                        format!("{message} was acknowledged with run {run} and is in {stored}"),
                    );
                }
                Some(_) => {}
            }
            let ends = self.logs.get(&format!("run:{run}")).and_then(|log| log.last()).is_some_and(Told::is_terminal);
            if !ends {
                self.violated(Property::OneEnd, format!("run {run} of {message} has no end"));
            }
        }
        for (message, runs) in self.effects.clone() {
            if runs.len() != 1 {
                self.violated(Property::OneEffect, format!("{message} is stored {} times", runs.len()));
            }
        }
        self.everything_arrived();
    }

    fn everything_arrived(&mut self) {
        let mut late = Vec::new();
        for (number, client) in &self.clients {
            let session = client.session.as_ref().map(|session| format!("session:{session}"));
            let told: BTreeSet<_> = client.channels.keys().collect();
            for channel in told {
                let top = self.logs.get(channel).and_then(|log| log.last()).map(|top| top.pos.clone());
                let view = &client.channels[channel];
                let is_theirs = session.as_ref() == Some(channel) || channel.starts_with("run:");
                if is_theirs && top.is_some() && view.cursor != top {
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

    fn finish(self) -> Findings {
        self.findings
    }
}

/// The names of every fault and situation: a simulation that never reaches one of them shows nothing about it.
pub fn all_situations() -> impl Iterator<Item = String> {
    Fault::ALL.into_iter().map(name).chain(SITUATIONS.map(str::to_owned))
}

/// A fault's name among the situations.
fn name(fault: Fault) -> String {
    format!("{fault:?}")
}
