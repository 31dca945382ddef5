//! What becomes of messages and of the runs that they start.

use super::{Checker, Property};
use crate::client::{INTERRUPTS, LEAVES, PARALLEL};
use crate::history::{Purpose, Told};
use crate::worker::IDEMPOTENT;

/// A worker has two seconds to confirm a cancel; writes are slow, and some have to be tried again.
const INTERRUPTED_WITHIN_MS: u64 = 20_000;

/// A client has left ten seconds after its last connection, or thirty after a start; connections that break without a word
/// are noticed late.
const LEFT_WITHIN_MS: u64 = 90_000;

/// Most calls of a run that are not continued from a checkpoint.
const CALLS_MAX: u64 = 3;

/// One run.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that somebody told of the run")]
pub(super) struct Run {
    pub(super) session: String,
    pub(super) message: String,
    accepted_ms: u64,
    pub(super) ended_ms: Option<u64>,
    /// Events that are stored.
    events: u64,
    /// It has asked, and was not answered.
    asks: bool,
    /// A worker has it, or had when it was last heard of.
    taken: bool,
    /// Calls that a worker has taken, from the beginning.
    calls: u64,
    /// A worker died that had it.
    lost: bool,
    /// A client has asked it to end.
    cancel: bool,
    /// When a message was stored that takes its place.
    interrupted_ms: Option<u64>,
}

impl Run {
    pub(super) const fn is_waiting(&self) -> bool {
        self.asks && self.ended_ms.is_none()
    }
}

impl Checker {
    pub(super) fn sent(&mut self, message: &str, purpose: &Purpose) {
        if let Purpose::Run { path, .. } = purpose {
            self.paths.entry(message.to_owned()).or_default().insert(path);
        }
    }

    /// Whether a message came by this route alone.
    fn came_by(&self, message: &str, path: &str) -> bool {
        self.paths.get(message).is_some_and(|paths| paths.iter().all(|other| *other == path))
    }

    /// Whether a message may have come by this route.
    fn may_have_come_by(&self, message: &str, path: &str) -> bool {
        self.paths.get(message).is_none_or(|paths| paths.contains(path))
    }

    pub(super) fn acknowledged(&mut self, message: &str, run: Option<&str>, duplicate: bool) {
        if duplicate {
            self.reached(if run.is_some() { "acknowledged again" } else { "published again" });
        }
        if let Some(before) = self.acknowledged.insert(message.to_owned(), run.map(str::to_owned))
            && before.as_deref() != run
        {
            self.violated(Property::OneEffect, format!("{message} was acknowledged with run {before:?} and {run:?}"));
        }
    }

    pub(super) fn refused(&mut self, message: &str, code: &str) {
        match code {
            "already_answered" => self.reached("answered already"),
            "busy" => {
                self.reached("busy");
                if self.effects.contains_key(message) {
                    self.violated(Property::RefusedIsNotKept, format!("{message} is stored, and was refused"));
                }
            }
            _ => self.reached("refused"),
        }
    }

    pub(super) fn stored_in_session(&mut self, session: &str, record: &Told) {
        let (Some(id), Some(run)) = (&record.id, &record.run) else { return };
        if record.kind == "run_started" {
            return;
        }
        self.effects.entry(id.clone()).or_default().push(run.clone());
        let (session, accepted_ms) = (session.to_owned(), self.now_ms);
        if self.came_by(id, INTERRUPTS) {
            self.interrupt(&session);
        }
        self.runs.insert(run.clone(), Run { session, message: id.clone(), accepted_ms, ..Run::default() });
    }

    /// A message takes the place of all before it in its session's line.
    fn interrupt(&mut self, session: &str) {
        let is_in_line = |run: &Run| !self.may_have_come_by(&run.message, PARALLEL);
        let earlier = self.runs.iter().filter(|(_, run)| run.session == session && run.ended_ms.is_none());
        let earlier: Vec<_> = earlier.filter(|(_, run)| is_in_line(run)).map(|(id, _)| id.clone()).collect();
        for run in earlier {
            let now_ms = self.now_ms;
            self.runs.entry(run).or_default().interrupted_ms.get_or_insert(now_ms);
        }
    }

    pub(super) fn stored_in_run(&mut self, id: &str, record: &Told) {
        let Some(run) = self.runs.get_mut(id) else { return };
        run.events += u64::from(record.seq.is_some() && !record.is_terminal());
        match &*record.kind {
            "run_waiting" => {
                run.asks = true;
                self.reached("waiting");
            }
            "answer" => {
                run.asks = false;
                self.answer_stored(record);
            }
            _ if record.is_terminal() => self.ended(id, record),
            _ => {}
        }
    }

    fn ended(&mut self, id: &str, end: &Told) {
        self.nobody_is_late();
        self.reached(end.kind.trim_start_matches("run_"));
        let now_ms = self.now_ms;
        let Some(run) = self.runs.get_mut(id) else { return };
        run.ended_ms = Some(now_ms);
        let (message, session) = (run.message.clone(), run.session.clone());
        let (cancel, is_lost, accepted_ms) = (run.cancel, run.lost || !run.taken, run.accepted_ms);
        let code = end.code.as_deref();
        if code == Some("worker_lost") && !is_lost {
            self.violated(Property::EndHasACause, format!("run {id} of {message} is lost, and its worker has it"));
        }
        if end.kind != "run_cancelled" || cancel {
            return;
        }
        let interrupts = |other: &Run| {
            let is_later = other.session == session && other.message != message && other.accepted_ms >= accepted_ms;
            is_later && self.may_have_come_by(&other.message, INTERRUPTS)
        };
        if self.runs.values().any(interrupts) {
            self.reached("interrupted");
        } else if self.may_have_come_by(&message, LEAVES) {
            self.reached("left");
        } else {
            self.violated(Property::EndHasACause, format!("run {id} of {message} is cancelled, and nobody did that"));
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
    pub(super) fn answered(&mut self, run: &str, request: &str, granted: bool) {
        let stored = self.answers.get(&format!("run:{run}")).map(|stored| &stored.payload);
        if stored.is_none_or(|stored| stored["request_id"] != request || stored["granted"] != granted) {
            let what = format!("the worker of run {run} heard granted: {granted}, and stored is {stored:?}");
            self.violated(Property::OneAnswer, what);
        }
    }

    pub(super) fn cancel(&mut self, run: &str) {
        if let Some(run) = self.runs.get_mut(run) {
            run.cancel = true;
        }
    }

    /// A worker has taken a call.
    pub(super) fn called(&mut self, id: &str, message: &str, service: &str, attempt: u64, goes_on: bool) {
        let Some(run) = self.runs.get_mut(id) else {
            return self.violated(Property::AcknowledgedIsKept, format!("{message} is called, and is not stored"));
        };
        let (calls, events, was_lost) = (run.calls, run.events, run.lost);
        let is_open = run.ended_ms.is_none();
        (run.taken, run.lost) = (true, false);
        run.calls += u64::from(!goes_on);
        if run.accepted_ms < self.began_ms && attempt == 1 && self.follows_stop {
            self.reached("called after a stop");
        }
        if attempt > 1 && !goes_on {
            self.reached(if was_lost { "called again after a loss" } else { "called again" });
        }
        let is_harmless = goes_on || (events == 0 && attempt <= CALLS_MAX && (calls == 0 || service == IDEMPOTENT));
        if is_open && !is_harmless {
            let what =
                format!("run {id} of {message}: call {attempt} of {service} after {events} events, {calls} taken");
            self.violated(Property::CalledAgain, what);
        }
        if is_open {
            self.one_at_a_time(id);
        }
    }

    fn one_at_a_time(&mut self, id: &str) {
        let run = &self.runs[id];
        let is_beside = |run: &Run| self.may_have_come_by(&run.message, PARALLEL);
        let others = self.runs.iter().filter(|(other, has)| *other != id && has.session == run.session);
        let others: Vec<_> = others.filter(|(_, other)| other.taken && other.ended_ms.is_none()).collect();
        if others.is_empty() {
            return;
        }
        let in_line = others.iter().find(|(_, other)| !is_beside(other) && !is_beside(run));
        match in_line.map(|(other, has)| format!("run {id} goes while {other} of {} does", has.message)) {
            Some(what) => self.violated(Property::OneAtATime, what),
            None => self.reached("beside another"),
        }
    }

    /// A worker gave back a call that it had just taken.
    pub(super) fn declined(&mut self, run: &str) {
        if let Some(run) = self.runs.get_mut(run) {
            run.calls = run.calls.saturating_sub(1);
            run.taken = false;
        }
    }

    pub(super) fn resumed(&mut self) {
        self.reached("worker resumed");
        if self.follows_stop {
            self.reached("worker resumed after a stop");
        }
    }

    pub(super) fn worker_died(&mut self, runs: &[String]) {
        for run in runs {
            if let Some(run) = self.runs.get_mut(run) {
                run.lost = true;
            }
        }
    }

    /// Runs that should have ended by now have.
    pub(super) fn nobody_is_late(&mut self) {
        let mut late = Vec::new();
        for (id, run) in self.runs.iter().filter(|(_, run)| run.ended_ms.is_none()) {
            let since = |ms: u64| self.now_ms.saturating_sub(ms.max(self.began_ms));
            if run.interrupted_ms.is_some_and(|ms| since(ms) > INTERRUPTED_WITHIN_MS) {
                late.push(format!("run {id} of {} was interrupted at {:?}", run.message, run.interrupted_ms));
            }
            let alone_ms = self.deserted_for_ms(&format!("session:{}", run.session)).min(since(run.accepted_ms));
            if self.came_by(&run.message, LEAVES) && alone_ms > LEFT_WITHIN_MS {
                late.push(format!("run {id} of {} was left alone for {alone_ms} ms", run.message));
            }
        }
        for what in late {
            self.violated(Property::EndsInTime, what);
        }
    }

    /// Nobody waits for anything any more.
    pub(super) fn messages_are_kept(&mut self) {
        for (message, run) in self.acknowledged.clone() {
            let stored = self.effects.get(&message).map(Vec::as_slice);
            match (run, stored) {
                (Some(run), Some([stored])) if *stored != run => {
                    let what = format!("{message} was acknowledged with run {run} and is in {stored}");
                    self.violated(Property::OneEffect, what);
                }
                (None, None) if self.publications.contains_key(&message) => {}
                (_, None) => {
                    let what = format!("{message} was acknowledged and is not stored");
                    self.violated(Property::AcknowledgedIsKept, what);
                }
                _ => {}
            }
        }
        let unended = self.runs.iter().filter(|(_, run)| run.ended_ms.is_none());
        let unended: Vec<_> = unended.map(|(id, run)| format!("run {id} of {} has no end", run.message)).collect();
        for what in unended {
            self.violated(Property::OneEnd, what);
        }
        for (message, runs) in self.effects.clone() {
            if runs.len() != 1 {
                self.violated(Property::OneEffect, format!("{message} is stored {} times", runs.len()));
            }
        }
        for (message, count) in self.publications.clone() {
            self.reached("published");
            if count != 1 {
                self.violated(Property::PublishedOnce, format!("{message} is stored {count} times"));
            }
        }
    }
}
