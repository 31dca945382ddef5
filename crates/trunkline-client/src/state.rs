//! What a client has to remember of its session: who it is, and how far it was brought in each channel.
//!
//! Plain code: messages in, state out. Knows no socket.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trunkline_protocol::Envelope;

/// The types that end a run's channel.
const TERMINAL: [&str; 4] = ["run_completed", "run_failed", "run_cancelled", "run_expired"];

/// A session as its client knows it. Serialise it to come back after a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionState {
    /// The session's id; `None` before the first `welcome`.
    pub id: Option<String>,
    /// What proves that an anonymous session is ours.
    pub secret: Option<String>,
    /// The last position of each channel that has not ended; `None` where nothing was seen of it yet.
    pub positions: BTreeMap<String, Option<String>>,
}

/// What a `welcome` says.
#[derive(Clone, Debug, Deserialize)]
pub struct Welcome {
    /// The session that this connection has.
    pub session: String,
    /// Its secret, when it was just made and is anonymous.
    pub secret: Option<String>,
    /// How often the gateway sends a heartbeat, in milliseconds.
    pub heartbeat_ms: u64,
    /// What was decided about each channel that was to be resumed.
    pub channels: BTreeMap<String, Verdict>,
}

/// Whether a channel goes on where the client stood.
#[derive(Clone, Debug, Deserialize)]
pub struct Verdict {
    /// Where delivery goes on from; `None` where nothing follows.
    pub pos: Option<String>,
    /// `new`, `resumed` or `reset`.
    pub verdict: String,
    /// Why it was reset.
    pub reason: Option<String>,
}

impl SessionState {
    /// The payload of `hello`.
    pub(crate) fn hello(&self, token: Option<&str>) -> Value {
        json!({
            "token": token,
            "session": self.id,
            "secret": self.secret,
            "resume": self.positions,
            "client": { "name": "trunkline-rust", "version": env!("CARGO_PKG_VERSION") },
        })
    }

    /// Takes a `welcome` in: another session than before has other channels.
    pub(crate) fn welcomed(&mut self, welcome: &Welcome) {
        if self.id.as_deref() != Some(&welcome.session) {
            *self = Self { id: Some(welcome.session.clone()), secret: welcome.secret.clone(), ..Self::default() };
        }
        for (channel, verdict) in &welcome.channels {
            if verdict.verdict == "reset" {
                self.positions.remove(channel);
            }
        }
    }

    /// Takes a message in: the client has everything of its channel up to it.
    pub(crate) fn received(&mut self, message: &Envelope<'_>) {
        let (Some(channel), Some(pos)) = (&message.channel, &message.pos) else {
            if let (true, Some(channel)) = (message.kind == "reset", &message.channel) {
                self.positions.insert(channel.clone().into_owned(), None);
            }
            return;
        };
        if TERMINAL.contains(&&*message.kind) {
            self.positions.remove(&**channel);
        } else {
            self.positions.insert(channel.clone().into_owned(), Some(pos.clone().into_owned()));
        }
        if let (true, Some(run)) = (message.kind == "run_started", &message.run) {
            self.positions.entry(format!("run:{run}")).or_insert(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_protocol::Dialect;

    #[test]
    fn positions_follow_the_channels_until_they_end() {
        let mut state = SessionState::default();
        let mut take = |text: &str| {
            state.received(&Dialect::Native.decode(text, 8).unwrap());
            state.positions.clone().into_iter().collect::<Vec<_>>()
        };
        let at = |position: &str| Some(position.to_owned());
        let session = ("session:s".to_owned(), at("1-2-3"));
        let after_start = take(r#"{"type":"run_started","channel":"session:s","pos":"1-2-3","run":"r"}"#);
        assert_eq!(after_start, [("run:r".to_owned(), None), session.clone()]);
        let after_event = take(r#"{"type":"run_event","channel":"run:r","pos":"1-1-1","run":"r"}"#);
        assert_eq!(after_event, [("run:r".to_owned(), at("1-1-1")), session.clone()]);
        assert_eq!(take(r#"{"type":"run_failed","channel":"run:r","pos":"1-2-2","run":"r"}"#), [session]);
    }
}
