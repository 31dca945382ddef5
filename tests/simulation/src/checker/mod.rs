//! Holds a history against what the gateway promises. Pure: a history in, findings out.
//!
//! Each promise is one property with a name, so that a planted mistake can be asked for by the property that has to find it.
//! What clients are told of channels is held against the logs in `delivery`, what old clients are told in words of their own in
//! `old`, what becomes of messages and runs in `runs`,
//! who is said to be there in `presence`, and what is kept how long in `keeping`.

mod delivery;
mod keeping;
mod old;
mod presence;
mod runs;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use crate::history::{Entry, Fault, Told, What};
use delivery::View;
use keeping::Kept;
use presence::{Names, Room};
use runs::Run;

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
    /// A client is told nothing of its session before it is welcomed to it (P2).
    WelcomeFirst,
    /// An old client hears the whole text of an answer, and its pieces numbered without a gap (P2).
    WholeAnswer,
    /// What is for one user is told to that user alone.
    OnlyTheirs,
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
    /// What is published stands in its topic once, however often it is sent.
    PublishedOnce,
    /// A message that is refused as busy is not stored.
    RefusedIsNotKept,
    /// A service has one run of a session at a time, unless the route says otherwise.
    OneAtATime,
    /// A run that is interrupted, or left, ends in time.
    EndsInTime,
    /// A run is cancelled, or lost, only where somebody or something has done that.
    EndHasACause,
    /// A call is made again only where nothing can happen twice.
    CalledAgain,
    /// Whoever is in a topic knows who is there; nobody is said to be there who is not.
    PresenceAgrees,
    /// Sessions, runs and topics are kept for as long as was promised.
    KeptForItsTime,
    /// What nobody wants any more goes.
    NothingRemains,
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
const SITUATIONS: [&str; 54] = [
    "resumed",
    "new channel",
    "reset too_far",
    "reset forked",
    "reset unknown",
    "reset epoch_changed",
    "reset in order",
    "folded while behind",
    "slow reader has everything",
    "completed",
    "failed",
    "cancelled",
    "expired",
    "acknowledged again",
    "worker resumed",
    "worker resumed after a stop",
    "waiting over a stop",
    "called after a stop",
    "sent away",
    "refused",
    "busy",
    "waiting",
    "answered",
    "answered already",
    "heartbeat",
    "interrupted",
    "beside another",
    "left",
    "called again",
    "called again after a loss",
    "subscribed",
    "unsubscribed",
    "published",
    "published again",
    "told of a topic",
    "attached a session",
    "detached a session",
    "told of another's session",
    "joined",
    "left a topic",
    "many agree who is there",
    "knows what a member said last",
    "session lost",
    "topic removed",
    "attached a user's channel",
    "resumed a user's channel",
    "detached a user's channel",
    "told of a user's channel",
    "told in payload",
    "told in data",
    "told in flat",
    "told in open",
    "whole answer",
    "own message passed over",
];

/// Checks everything that happened, in order.
pub(crate) fn check(history: &[Entry]) -> Findings {
    let mut checker = Checker { names: presence::names(history), ..Checker::default() };
    for Entry { at_ms, what } in history {
        checker.now_ms = *at_ms;
        checker.take(what);
    }
    checker.findings
}

/// Checks what happened where it is not known when: first what was stored, then what clients did and were told. Whether
/// something came in time, and what caused it, cannot be said of that.
pub fn check_untimed(history: &[What]) -> Findings {
    let entries: Vec<_> = history.iter().map(|what| Entry { at_ms: 0, what: what.clone() }).collect();
    let mut findings = check(&entries);
    let needs_time = [Property::EndHasACause, Property::EndsInTime, Property::KeptForItsTime];
    findings.violations.retain(|violation| !needs_time.contains(&violation.property));
    findings
}

#[derive(Debug, Default)]
struct Checker {
    findings: Findings,
    now_ms: u64,
    /// When this life of the gateway began.
    began_ms: u64,
    /// The gateway was told to stop.
    is_stopping: bool,
    /// This life follows one that was stopped in order.
    follows_stop: bool,
    /// What was stored, by channel.
    logs: BTreeMap<String, Vec<Told>>,
    /// Channels that were removed, and those of them that were not made again.
    removed: BTreeSet<String>,
    gone: BTreeSet<String>,
    /// How many stored messages have this id, and the runs that they started.
    effects: BTreeMap<String, Vec<String>>,
    /// How often what was published with this id is stored.
    publications: BTreeMap<String, u64>,
    acknowledged: BTreeMap<String, Option<String>>,
    /// The paths of the routes by which a message was sent.
    paths: BTreeMap<String, BTreeSet<&'static str>>,
    /// The answer that is stored for each run's question.
    answers: BTreeMap<String, Told>,
    runs: BTreeMap<String, Run>,
    clients: BTreeMap<usize, Client>,
    /// Sessions that are kept, by their channels.
    sessions: BTreeMap<String, Kept>,
    /// Since when nobody is attached to a channel that somebody was attached to.
    deserted: BTreeMap<String, u64>,
    /// By which names members of topics are known.
    names: Names,
    /// When members were seen in topics last in this life, by topic and member.
    seen: BTreeMap<(String, String), u64>,
    /// Clients that said in this life what they do, by topic and member.
    speakers: BTreeMap<(String, String), BTreeSet<usize>>,
}

/// What one client knows.
#[derive(Debug, Default)]
struct Client {
    is_open: bool,
    session: Option<String>,
    /// The user that it has proved to be.
    user: Option<String>,
    channels: BTreeMap<String, View>,
    /// Messages that it has sent on this connection.
    sent: BTreeSet<String>,
    /// Pieces of each run's answer that an old one was told on this connection.
    pieces: BTreeMap<String, u64>,
    /// Topics in which it is seen.
    rooms: BTreeMap<String, Room>,
    /// It reads slowly, or did.
    was_slowed: bool,
}

impl Client {
    /// Whom others see where this one is.
    fn member(&self) -> Option<&String> {
        self.user.as_ref().or(self.session.as_ref())
    }
}

impl Checker {
    fn take(&mut self, what: &What) {
        match what {
            What::Began => self.began(),
            What::Sent { client, message, purpose } => {
                self.client(*client).sent.insert(message.clone());
                self.sent(message, purpose);
            }
            What::Acknowledged { message, run, duplicate, .. } => {
                self.acknowledged(message, run.as_deref(), *duplicate);
            }
            What::Refused { message, code, .. } => self.refused(message, code),
            What::Opened { client, session, user, verdicts } => {
                self.client(*client).user.clone_from(user);
                self.opened(*client, session, verdicts);
            }
            What::ToldEarly { client, kind } => {
                self.violated(Property::WelcomeFirst, format!("client {client} was told {kind} before its welcome"));
            }
            What::SessionLost { client, session } => self.session_lost(*client, session),
            What::Reloaded { client } => drop(self.clients.remove(client)),
            What::Closed { client } => self.closed(*client),
            What::SentAway { .. } => self.reached("sent away"),
            What::Attached { client, verdict } => self.attached(*client, verdict),
            What::Detached { client, channel } => self.detached(*client, channel),
            What::Cancel { run, .. } => self.cancel(run),
            What::Told { client, told } => self.told(*client, told),
            What::Reset { client, channel, reason, pos } => self.reset(*client, channel, reason, pos.as_deref()),
            What::Heartbeat { client, positions } => self.heartbeat(*client, positions),
            What::Slowed { client } => self.client(*client).was_slowed = true,
            What::Present { client, topic, state } => self.present(*client, topic, state),
            What::Seen { client, topic, presence } => self.seen(*client, topic, presence),
            What::Called { run, message, service, attempt, goes_on } => {
                self.called(run, message, service, *attempt, *goes_on);
            }
            What::Declined { run } => self.declined(run),
            What::Answered { run, request, granted } => self.answered(run, request, *granted),
            What::Resumed { .. } => self.resumed(),
            What::WorkerDied { runs } => self.worker_died(runs),
            What::Fault(fault) => {
                self.is_stopping |= *fault == Fault::OrderedStop;
                self.is_stopping &= *fault != Fault::CrashWhileStopping;
                self.reached(&name(*fault));
            }
            What::Stored(record) => self.stored(record),
            What::Renewed { session, until_ms } => self.renewed(session, *until_ms),
            What::Removed { channel } => self.removed(channel),
            What::Calm => {
                self.messages_are_kept();
                self.everything_arrived();
                self.everybody_agrees();
                self.nobody_is_late();
            }
            What::Remains { names } => self.remains(names),
        }
    }

    fn began(&mut self) {
        self.nobody_is_late();
        self.follows_stop = std::mem::take(&mut self.is_stopping);
        if self.follows_stop && self.runs.values().any(Run::is_waiting) {
            self.reached("waiting over a stop");
        }
        let clients: Vec<_> = self.clients.keys().copied().collect();
        for client in clients {
            self.closed(client);
        }
        self.began_ms = self.now_ms;
        self.seen.clear();
        self.speakers.clear();
    }

    fn client(&mut self, client: usize) -> &mut Client {
        self.clients.entry(client).or_default()
    }

    fn reached(&mut self, situation: &str) {
        *self.findings.reached.entry(situation.to_owned()).or_default() += 1;
    }

    fn violated(&mut self, property: Property, what: impl Display) {
        self.findings.violations.push(Violation { property, what: format!("{}: {what}", self.now_ms) });
    }

    /// Something was stored.
    fn stored(&mut self, record: &Told) {
        let log = self.logs.entry(record.channel.clone()).or_default();
        if log.last().is_some_and(Told::is_terminal) {
            let what = format!("{} {} is stored after the end of {}", record.kind, record.pos, record.channel);
            return self.violated(Property::OneEnd, what);
        }
        log.push(record.clone());
        self.gone.remove(&record.channel);
        match record.channel.split_once(':') {
            Some(("session", session)) => self.stored_in_session(session, record),
            Some(("run", run)) => self.stored_in_run(run, record),
            _ => *self.publications.entry(record.id.clone().unwrap_or_default()).or_default() += 1,
        }
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
