//! What a client does by itself: it asks, answers, publishes, listens, is seen, goes away, and is badly connected.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Act, Device, Front, Outgoing, Surroundings, is_session, is_topic, is_users};
use crate::history::{Fault, Purpose, Verdict, What};
use crate::network::Control;
use crate::store::lock;

/// Topics: few, so that clients meet, and so many that some are left alone.
const TOPICS: u64 = 30;

/// Names of users.
pub(crate) const USERS: [&str; 3] = ["alice", "bob", "carol"];

/// Channels beside its session's and their runs that a client has at once.
const FURTHER_MAX: usize = 4;

impl Device {
    pub(super) fn act(&mut self, around: &Surroundings) -> Act {
        self.give_up_old(around);
        let now = Instant::now();
        let due = |outgoing: &&mut Outgoing| outgoing.not_before.is_some_and(|at| at <= now);
        if let Some(refused) = self.unacknowledged.values_mut().find(due) {
            refused.not_before = None;
            let refused = refused.clone();
            return Act::Send(self.note_sent(&refused, around));
        }
        // All devices of a user see the question; each may be the one to answer.
        if !self.asking.is_empty() && self.chance.one_in(3) {
            let run = self.asking.remove(0);
            return self.answer(&run, around);
        }
        if around.is_calm() {
            return Act::Nothing;
        }
        if self.is_away(around.history.now_ms()) {
            return Act::Hurt(Fault::ClientCut);
        }
        match self.chance.between(1, 250) {
            1..=3 => Act::Hurt(Fault::ClientCut),
            4 => Act::Hurt(Fault::ClientHalfOpen),
            5 => Act::Hurt(Fault::SlowReader),
            6 if self.chance.one_in(4) => Act::Hurt(Fault::Gone),
            6 => Act::Hurt(Fault::LongAbsence),
            7..=12 => self.repeat(around),
            13..=20 => self.cancel(around),
            21..=70 => self.ask(around),
            // An old front end has one session, and no topics.
            71..=145 if self.front == Front::Old => Act::Nothing,
            71..=100 => self.publish(around),
            101..=112 => self.attach(around),
            113..=118 => self.detach(around),
            119..=145 => self.be_seen(around),
            _ => Act::Nothing,
        }
    }

    fn repeat(&mut self, around: &Surroundings) -> Act {
        let Some(repeated) = self.acknowledged.last().cloned() else { return Act::Nothing };
        around.history.fault(Fault::Repetition);
        Act::Send(self.note_sent(&repeated, around))
    }

    fn cancel(&mut self, around: &Surroundings) -> Act {
        let Some(run) = self.cursors.keys().find_map(|channel| channel.strip_prefix("run:")) else {
            return Act::Nothing;
        };
        around.history.add(What::Cancel { client: self.client, run: run.to_owned() });
        Act::Send(json!({ "type": "cancel", "run": run }))
    }

    fn ask(&mut self, around: &Surroundings) -> Act {
        let (texts, bytes) = match self.chance.between(1, 12) {
            1 => (300, 1500),
            2..=4 => (self.chance.between(100, 400), 20),
            _ => (self.chance.between(0, 40), 10),
        };
        let pace = [0, 20, 150, 900][usize::try_from(self.chance.between(0, 3)).expect("small")];
        let end = match self.chance.between(1, 20) {
            1 => "never",
            2..=3 => "fails",
            4..=10 => "returns",
            _ => "ends",
        };
        let is_lookup = self.chance.one_in(4);
        let asks = texts > 2 && self.chance.one_in(4) && !is_lookup;
        let kind = if is_lookup { "lookup" } else { "user_message" };
        let sessions: Vec<_> = self.cursors.keys().filter_map(|channel| channel.strip_prefix("session:")).collect();
        let session = sessions[usize::try_from(self.chance.between(0, sessions.len() as u64 - 1)).expect("small")];
        let session = session.to_owned();
        let thinks = if is_lookup { self.chance.between(0, 9000) } else { 0 };
        let payload = json!({
            "texts": texts, "bytes": bytes, "pace": pace, "end": end, "asks": asks, "thinks": thinks
        });
        let message = json!({ "type": kind, "session": session, "payload": payload });
        self.send(message, Purpose::Run { session, path: self.connection.path }, around)
    }

    fn answer(&mut self, run: &str, around: &Surroundings) -> Act {
        let payload = json!({ "request_id": "q1", "granted": self.chance.one_in(2) });
        self.send(json!({ "type": "answer", "run": run, "payload": payload }), Purpose::Answer, around)
    }

    fn publish(&mut self, around: &Surroundings) -> Act {
        if self.user.is_some() && self.chance.one_in(3) {
            return self.publish_to_user(around);
        }
        let topic = self.draw_topic();
        let length = usize::try_from(self.chance.between(0, 200)).expect("small");
        let payload = json!({ "topic": topic, "payload": { "news": "x".repeat(length) } });
        self.send(json!({ "type": "publish", "payload": payload }), Purpose::Topic(topic), around)
    }

    fn publish_to_user(&mut self, around: &Surroundings) -> Act {
        let user = USERS[usize::try_from(self.chance.between(0, USERS.len() as u64 - 1)).expect("small")];
        let payload = json!({ "user": user, "payload": { "report": self.chance.between(1, 9) } });
        let purpose = Purpose::User(user.to_owned());
        self.send(json!({ "type": "publish", "payload": payload }), purpose, around)
    }

    /// Sends a new message, until it is acknowledged.
    fn send(&mut self, mut message: Value, purpose: Purpose, around: &Surroundings) -> Act {
        self.numbered += 1;
        message["id"] = format!("c{}-{}", self.client, self.numbered).into();
        let outgoing = Outgoing { message, purpose, first_sent_ms: around.history.now_ms(), not_before: None };
        self.unacknowledged.insert(self.numbered, outgoing.clone());
        Act::Send(self.note_sent(&outgoing, around))
    }

    /// Asks for a topic or for another user's session, from where it left it.
    fn attach(&mut self, around: &Surroundings) -> Act {
        let further = self.cursors.keys().filter(|channel| !channel.starts_with("run:")).count() - 1;
        let users = self.user.map(|user| format!("user:{user}")).filter(|users| !self.cursors.contains_key(users));
        let is_session = users.is_none() && self.chance.one_in(3);
        let (channel, mut payload) = if let Some(users) = users {
            (users, json!({ "user": true }))
        } else if is_session {
            let Some((session, secret)) = self.draw_session(around) else { return Act::Nothing };
            (format!("session:{session}"), json!({ "session": session, "secret": secret }))
        } else {
            let known = self.left.keys().find_map(|channel| channel.strip_prefix("topic:")).map(str::to_owned);
            let topic = known.filter(|_| self.chance.one_in(2)).unwrap_or_else(|| self.draw_topic());
            (format!("topic:{topic}"), json!({ "topic": topic }))
        };
        let is_wanted = self.connection.wishes.values().any(|wish| wish.channel == channel);
        if is_wanted || self.cursors.contains_key(&channel) || further >= FURTHER_MAX {
            return Act::Nothing;
        }
        let pos = self.left.remove(&channel);
        payload["pos"] = json!(pos);
        self.numbered += 1;
        let id = format!("w{}-{}", self.client, self.numbered);
        self.connection.wishes.insert(id.clone(), Verdict::asked(&channel, pos));
        let kind = if is_topic(&channel) { "subscribe" } else { "attach" };
        Act::Send(json!({ "type": kind, "id": id, "payload": payload }))
    }

    fn detach(&mut self, around: &Surroundings) -> Act {
        let own = self.session.as_ref().map(|session| format!("session:{session}"));
        let further = self.cursors.keys().filter(|channel| Some(*channel) != own.as_ref());
        let is_mine = |channel: &&String| is_topic(channel) || is_session(channel) || is_users(channel);
        let further: Vec<_> = further.filter(is_mine).cloned().collect();
        if further.is_empty() {
            return Act::Nothing;
        }
        let channel =
            further[usize::try_from(self.chance.between(0, further.len() as u64 - 1)).expect("small")].clone();
        if let Some(Some(pos)) = self.cursors.remove(&channel) {
            self.left.insert(channel.clone(), pos);
        }
        self.leave_runs_of(&channel);
        self.connection.seen_in.remove(&channel);
        self.connection.given_up.insert(channel.clone());
        let message = match channel.split_once(':').expect("channels have a kind") {
            ("topic", topic) => json!({ "type": "unsubscribe", "payload": { "topic": topic } }),
            ("user", _) => json!({ "type": "detach", "payload": { "user": true } }),
            (_, session) => json!({ "type": "detach", "payload": { "session": session } }),
        };
        around.history.add(What::Detached { client: self.client, channel });
        Act::Send(message)
    }

    /// Says what it is doing in a topic, and is seen there from then on.
    fn be_seen(&mut self, around: &Surroundings) -> Act {
        let topics: Vec<_> = self.cursors.keys().filter(|channel| is_topic(channel)).cloned().collect();
        if topics.is_empty() {
            return Act::Nothing;
        }
        let topic = topics[usize::try_from(self.chance.between(0, topics.len() as u64 - 1)).expect("small")].clone();
        self.connection.seen_in.insert(topic.clone());
        let state =
            ["online", "typing", "thinking", "away"][usize::try_from(self.chance.between(0, 3)).expect("small")];
        around.history.add(What::Present { client: self.client, topic: topic.clone(), state: state.to_owned() });
        Act::Send(json!({ "type": "presence_state", "channel": topic, "payload": { "state": state } }))
    }

    fn draw_topic(&mut self) -> String {
        // The first ones much more often than the last.
        let most = (0..3).fold(TOPICS, |most, _| self.chance.between(1, most));
        format!("t{most}")
    }

    /// Another account's session, and what opens it. A session of somebody who has a name opens to nobody else.
    fn draw_session(&mut self, around: &Surroundings) -> Option<(String, Option<String>)> {
        let accounts = lock(&self.accounts);
        let account = usize::try_from(self.chance.between(0, accounts.current.len() as u64 - 1)).expect("small");
        let session = accounts.current[account].clone().filter(|_| account != self.own)?;
        if accounts.gone_until_ms[account] > around.history.now_ms() || accounts.users[account] != self.user {
            return None;
        }
        let secret = accounts.secrets.get(&session).cloned();
        Some((session, secret))
    }

    /// Says whether the connection is still of use.
    pub(super) fn suffer(&mut self, fault: Fault, network: &Control, around: &Surroundings) -> bool {
        let away_s = match fault {
            Fault::ClientHalfOpen => {
                network.swallow_everything();
                return true;
            }
            Fault::SlowReader => {
                network.slow_down(self.chance.between(500, 4000));
                let seconds = self.chance.between(5, 60);
                self.connection.slow_until = Some(Instant::now() + Duration::from_secs(seconds));
                around.history.add(What::Slowed { client: self.client });
                return true;
            }
            Fault::LongAbsence => self.chance.between(10, 120),
            Fault::Gone => {
                let back_s = self.chance.between(270, 480);
                lock(&self.accounts).gone_until_ms[self.own] = around.history.now_ms() + 1000 * back_s;
                back_s
            }
            _ => 0,
        };
        network.cut();
        self.away_until_ms = around.history.now_ms() + 1000 * away_s;
        false
    }

    /// A slow network is a fast one again.
    pub(super) fn recover(&mut self, network: &Control) {
        if self.connection.slow_until.is_some_and(|until| until <= Instant::now()) {
            self.connection.slow_until = None;
            network.slow_down(0);
        }
    }
}
