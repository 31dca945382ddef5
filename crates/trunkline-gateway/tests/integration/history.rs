//! What a client was sent over all its connections, checked as it comes: each channel is one unbroken chain, each
//! run's events are numbered without a gap, and nothing follows a run's end.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::peer::is_terminal;

/// What a client has.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// The last position of each channel.
    positions: BTreeMap<String, String>,
    runs: BTreeMap<String, RunHistory>,
    messages: Vec<String>,
    /// Channels that were given up and began anew.
    pub(crate) resets: usize,
    /// Frames that a channel's records came in.
    pub(crate) frames: usize,
}

/// What a client has of one run.
#[derive(Debug, Default)]
pub(crate) struct RunHistory {
    /// The text of its events, put together.
    pub(crate) text: String,
    /// The type of its terminal event.
    pub(crate) end: Option<String>,
    /// The values of its latest state, as they came.
    pub(crate) progress: Vec<u64>,
    next_seq: u64,
}

impl History {
    /// Takes in the payload of a `welcome`: where each channel goes on.
    pub(crate) fn welcome(&mut self, payload: &Value) {
        for (channel, verdict) in payload["channels"].as_object().expect("channels") {
            let position = verdict["pos"].as_str().map(ToOwned::to_owned);
            match verdict["verdict"].as_str() {
                Some("resumed") => assert_eq!(self.positions.get(channel), position.as_ref(), "{channel}"),
                Some("new") => {
                    let known = self.positions.insert(channel.clone(), position.clone().expect("a position"));
                    assert!(known.is_none() || known == position, "{channel} was known");
                }
                verdict => panic!("{channel}: {verdict:?}"),
            }
        }
    }

    /// Takes in a message.
    pub(crate) fn message(&mut self, message: &Value) {
        let kind = message["type"].as_str().expect("a type");
        match (kind, message["channel"].as_str(), message["pos"].as_str()) {
            ("heartbeat", ..) => self.heartbeat(&message["payload"]["channels"]),
            ("reset", Some(channel), _) => self.reset(channel),
            ("progress", ..) => self.progress(message),
            (_, Some(channel), Some(position)) => self.record(channel, position, message),
            _ => {}
        }
    }

    /// The history of a run; nothing if none of it came.
    pub(crate) fn run(&self, run: &str) -> Option<&RunHistory> {
        self.runs.get(run)
    }

    /// All runs of which something came.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &RunHistory> {
        self.runs.values()
    }

    /// The ids of the client's own messages, in the order of its session.
    pub(crate) fn messages(&self) -> &[String] {
        &self.messages
    }

    /// How many runs have ended.
    pub(crate) fn ended(&self) -> usize {
        self.runs.values().filter(|run| run.end.is_some()).count()
    }

    fn record(&mut self, channel: &str, position: &str, message: &Value) {
        self.frames += 1;
        let before = self.positions.insert(channel.to_owned(), position.to_owned());
        let previous = message["prev"].as_str().expect("prev");
        match before {
            Some(before) => assert_eq!(previous, before, "a gap, or something twice, in {channel}"),
            None if channel.starts_with("run:") && self.resets == 0 => {
                assert!(previous.ends_with("-0-0"), "the beginning of {channel} is missing: {message}");
            }
            None => {}
        }
        if channel.starts_with("run:") {
            self.run_event(message);
        } else if message["type"] == "user_message" {
            self.messages.push(message["id"].as_str().expect("an id").to_owned());
        }
    }

    fn run_event(&mut self, message: &Value) {
        let lost = self.resets > 0;
        let run = self.runs.entry(message["run"].as_str().expect("a run").to_owned()).or_default();
        assert_eq!(run.end, None, "something follows the end: {message}");
        let seq = message["seq"].as_u64().expect("seq");
        assert!(lost || seq == run.next_seq, "{} is missing: {message}", run.next_seq);
        run.next_seq = message["seq_end"].as_u64().unwrap_or(seq) + 1;
        if let Some(text) = message["payload"]["text"].as_str() {
            run.text.push_str(text);
        }
        if is_terminal(message) {
            run.end = message["type"].as_str().map(ToOwned::to_owned);
        }
    }

    fn progress(&mut self, message: &Value) {
        let run = self.runs.entry(message["run"].as_str().expect("a run").to_owned()).or_default();
        assert_eq!(run.end, None, "state follows the end: {message}");
        run.progress.push(message["payload"]["step"].as_u64().expect("a number"));
    }

    /// A heartbeat says how far the client was brought, and must agree with what it has.
    fn heartbeat(&self, channels: &Value) {
        for (channel, position) in channels.as_object().expect("channels") {
            let known = self.positions.get(channel).map(String::as_str);
            let at_start = known.is_none() && position.as_str().is_some_and(|position| position.ends_with("-0-0"));
            assert!(at_start || known == position.as_str(), "{channel}: the client has {known:?}, not {position}");
        }
    }

    fn reset(&mut self, channel: &str) {
        self.resets += 1;
        self.positions.remove(channel);
        if let Some(run) = channel.strip_prefix("run:").and_then(|run| self.runs.get_mut(run)) {
            run.text.clear();
        }
    }
}
