//! What a client makes of what it is told.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{Device, Outgoing, SENT_AGAIN_WITHIN, Surroundings, is_users};
use crate::history::{Presence, Purpose, Told, Verdict, What};
use crate::store::{Sabotage, lock};

/// Messages that were acknowledged and may be repeated.
const REMEMBERED_MAX: usize = 32;

impl Device {
    /// Gives what has to be sent again; `None` if this session is not to be used: the user has another one now.
    pub(super) fn welcomed(&mut self, welcome: &Value, asked: &[Verdict], around: &Surroundings) -> Option<Vec<Value>> {
        let payload = &welcome["payload"];
        let session = text(payload, "session").expect("a session");
        let accounts = Arc::clone(&self.accounts);
        let mut accounts = lock(&accounts);
        let current = &mut accounts.current[self.own];
        if current.as_ref() != Some(&session) {
            if *current != self.session {
                return None;
            }
            *current = Some(session.clone());
            let secret = text(payload, "secret");
            assert_eq!(secret.is_some(), self.user.is_none(), "only who has no name needs a secret");
            accounts.secrets.extend(secret.map(|secret| (session.clone(), secret)));
            if let Some(lost) = self.session.take() {
                around.history.add(What::SessionLost { client: self.client, session: lost });
                return None;
            }
        }
        drop(accounts);
        self.session = Some(session.clone());
        let mut verdicts = Vec::new();
        for (channel, said) in payload["channels"].as_object().expect("channels") {
            let before = asked.iter().find(|asked| asked.channel == *channel).cloned();
            let verdict = before.unwrap_or_else(|| Verdict::asked(channel, None)).said(said);
            self.stands_at(channel, verdict.pos.clone());
            verdicts.push(verdict);
        }
        self.connection.is_open = true;
        let user = self.user.map(str::to_owned);
        around.history.add(What::Opened { client: self.client, session, user, verdicts });
        self.give_up_old(around);
        let resent = self.unacknowledged.values_mut().map(|outgoing| {
            outgoing.not_before = None;
            outgoing.clone()
        });
        let resent: Vec<_> = resent.collect();
        Some(resent.iter().map(|outgoing| self.note_sent(outgoing, around)).collect())
    }

    /// Messages that may be forgotten are not sent again.
    pub(super) fn give_up_old(&mut self, around: &Surroundings) {
        let now_ms = around.history.now_ms();
        let is_young = |outgoing: &Outgoing| is_young(outgoing, now_ms);
        self.unacknowledged.retain(|_, outgoing| is_young(outgoing));
        self.acknowledged.retain(is_young);
    }

    /// The gateway says where a channel goes on, if it does.
    fn stands_at(&mut self, channel: &str, pos: Option<String>) {
        if let Some(pos) = pos {
            self.cursors.insert(channel.to_owned(), Some(pos));
            return;
        }
        self.cursors.remove(channel);
        self.connection.seen_in.remove(channel);
        self.leave_runs_of(channel);
    }

    pub(super) fn leave_runs_of(&mut self, session: &str) {
        let Self { sessions, cursors, asking, .. } = self;
        sessions.retain(|run, of| {
            let stays = of != session;
            if !stays {
                cursors.remove(run);
                asking.retain(|asking| Some(&**asking) != run.strip_prefix("run:"));
            }
            stays
        });
    }

    /// A greeting, or word that its session is no more, may come before the welcome, and an error.
    pub(super) fn hear_early(&self, message: &Value, around: &Surroundings) {
        let kind = text(message, "type").expect("a type");
        let may = ["connection_established", "connection_status", "connected", "session_expired", "ping", "error"];
        if !may.contains(&&*kind) {
            around.history.add(What::ToldEarly { client: self.client, kind });
        }
    }

    pub(super) fn hear(&mut self, message: &Value, around: &Surroundings) {
        let client = self.client;
        match message["type"].as_str().expect("a type") {
            "ack" => self.acknowledged(message, around),
            "error" => self.refused(message, around),
            "attached" => {
                let Some(wish) = self.connection.wishes.remove(message["reply_to"].as_str().expect("an id")) else {
                    return;
                };
                let verdict = wish.said(&message["payload"]);
                self.connection.given_up.remove(&verdict.channel);
                self.stands_at(&verdict.channel, verdict.pos.clone());
                around.history.add(What::Attached { client, verdict });
            }
            "heartbeat" => {
                let positions = message["payload"]["channels"].as_object().expect("channels").iter();
                let positions = positions.filter(|(channel, _)| self.cursors.contains_key(*channel));
                let positions =
                    positions.map(|(name, pos)| (name.clone(), pos.as_str().expect("a position").to_owned()));
                around.history.add(What::Heartbeat { client, positions: positions.collect() });
            }
            "reset" => {
                let channel = text(message, "channel").expect("a channel");
                if channel.starts_with("run:") && !self.sessions.contains_key(&channel) {
                    self.connection.unknown.insert(channel, message["payload"].clone());
                } else if self.wants(&channel, None) {
                    self.reset(channel, &message["payload"], around);
                }
            }
            "go_away" => {
                let of = |name: &str| message["payload"][name].as_u64().expect("a time");
                let back = self.chance.between(of("reconnect_min_ms"), of("reconnect_max_ms"));
                self.connection.away = Some(Duration::from_millis(back));
                around.history.add(What::SentAway { client });
            }
            kind if kind.starts_with("presence_") => self.hear_of_presence(message, around),
            _ => {
                if let Some(told) = Told::read(message) {
                    self.hear_record(told, around);
                }
            }
        }
    }

    fn acknowledged(&mut self, message: &Value, around: &Surroundings) {
        let id = text(message, "reply_to").expect("an id");
        let duplicate = message["payload"]["duplicate"] == true;
        if let Some(outgoing) = self.unacknowledged.remove(&number(&id)) {
            self.acknowledged.push(outgoing);
            if self.acknowledged.len() > REMEMBERED_MAX {
                self.acknowledged.remove(0);
            }
        }
        let run = text(message, "run");
        around.history.add(What::Acknowledged { client: self.client, message: id, run, duplicate });
    }

    fn refused(&mut self, message: &Value, around: &Surroundings) {
        let Some(id) = text(message, "reply_to") else { return };
        let code = text(&message["error"], "code").expect("a code");
        if self.connection.wishes.remove(&id).is_some() {
            return;
        }
        around.history.add(What::Refused { client: self.client, message: id.clone(), code });
        if message["error"]["retryable"] == true {
            let wait = Duration::from_millis(self.chance.between(200, 2000));
            if let Some(outgoing) = self.unacknowledged.get_mut(&number(&id)) {
                outgoing.not_before = Some(Instant::now() + wait);
            }
        } else {
            self.unacknowledged.remove(&number(&id));
        }
    }

    /// Something of a channel that was given up may still come, and is nothing to this client.
    fn wants(&self, channel: &str, session: Option<&str>) -> bool {
        let of = match session {
            Some(session) if channel.starts_with("run:") => format!("session:{session}"),
            _ => self.sessions.get(channel).map_or(channel, String::as_str).to_owned(),
        };
        !self.connection.given_up.contains(&of)
    }

    fn hear_record(&mut self, mut told: Told, around: &Surroundings) {
        let unknown = self.connection.unknown.remove(&told.channel);
        if !self.wants(&told.channel, told.session.as_deref()) {
            return;
        }
        if let Some(reset) = unknown {
            self.reset(told.channel.clone(), &reset, around);
        }
        let errs =
            |sabotage, device: &mut Self, count| around.sabotage == Some(sabotage) && device.chance.one_in(count);
        if told.channel.starts_with("topic:") && errs(Sabotage::SkippedPublication, self, 20) {
            return;
        }
        if is_users(&told.channel) && errs(Sabotage::SkippedDevice, self, 5) {
            return;
        }
        let is_message = told.old.is_some() && told.kind == "user_message";
        if is_message && errs(Sabotage::TakenForOwn, self, 5) {
            return;
        }
        if let Some(whole) = told.old.as_mut().and_then(|old| old.whole.as_mut())
            && !whole.is_empty()
            && errs(Sabotage::ShortAnswer, self, 5)
        {
            whole.truncate(whole.len() / 2);
        }
        if errs(Sabotage::DoubleDelivery, self, 300) {
            around.history.add(What::Told { client: self.client, told: told.clone() });
        }
        self.follow(&told);
        around.history.add(What::Told { client: self.client, told });
    }

    fn follow(&mut self, told: &Told) {
        if let Some(run) = &told.run {
            match &*told.kind {
                "run_waiting" => self.asking.push(run.clone()),
                "answer" => self.asking.retain(|asking| asking != run),
                _ if told.is_terminal() => self.asking.retain(|asking| asking != run),
                _ => {}
            }
        }
        if told.is_terminal() {
            self.cursors.remove(&told.channel);
            self.sessions.remove(&told.channel);
        } else {
            self.cursors.insert(told.channel.clone(), Some(told.pos.clone()));
        }
        let started = told.payload["channel"].as_str().filter(|_| told.kind == "run_started");
        if let Some(run) = started {
            self.cursors.entry(run.to_owned()).or_insert(None);
        }
        let run = started.or_else(|| (!told.is_terminal()).then_some(&*told.channel));
        if let (Some(run), Some(session)) = (run.filter(|run| run.starts_with("run:")), &told.session) {
            self.sessions.insert(run.to_owned(), format!("session:{session}"));
        }
    }

    fn reset(&mut self, channel: String, payload: &Value, around: &Surroundings) {
        let reason = text(payload, "reason").expect("a reason");
        let pos = text(payload, "pos");
        self.stands_at(&channel, pos.clone());
        around.history.add(What::Reset { client: self.client, channel, reason, pos });
    }

    fn hear_of_presence(&mut self, message: &Value, around: &Surroundings) {
        let topic = text(message, "channel").expect("a topic");
        if !self.connection.seen_in.contains(&topic) {
            return;
        }
        let payload = &message["payload"];
        let member = || text(payload, "member").expect("a member");
        let presence = match message["type"].as_str().expect("a type") {
            "presence_members" => {
                let members = payload["members"].as_array().expect("few enough").iter();
                let state = |member| text(member, "state").expect("what it does");
                let doing = |member| (text(member, "member").expect("a member"), state(member));
                Presence::Members { you: text(payload, "you"), members: members.map(doing).collect() }
            }
            "presence_join" => Presence::Joined(member()),
            "presence_leave" if around.sabotage == Some(Sabotage::PresenceGhost) && self.chance.one_in(3) => return,
            "presence_leave" => Presence::Left(member()),
            _ => Presence::State(member(), text(payload, "state").expect("what it does")),
        };
        around.history.add(What::Seen { client: self.client, topic, presence });
    }

    /// Notes that a message is sent, and gives it.
    pub(super) fn note_sent(&self, outgoing: &Outgoing, around: &Surroundings) -> Value {
        let purpose = match &outgoing.purpose {
            Purpose::Run { session, .. } => Purpose::Run { session: session.clone(), path: self.connection.path },
            other => other.clone(),
        };
        let message = text(&outgoing.message, "id").expect("an id");
        around.history.add(What::Sent { client: self.client, message, purpose });
        outgoing.message.clone()
    }
}

/// Whether the gateway knows a message for sure that it has stored.
pub(super) fn is_young(outgoing: &Outgoing, now_ms: u64) -> bool {
    u128::from(now_ms - outgoing.first_sent_ms) < SENT_AGAIN_WITHIN.as_millis()
}

fn text(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().map(str::to_owned)
}

fn number(id: &str) -> u64 {
    id.rsplit_once('-').and_then(|(_, number)| number.parse().ok()).expect("as it was made")
}
