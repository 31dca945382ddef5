//! A client that keeps to the protocol: it resends what was not acknowledged, comes back with its positions, and writes
//! down what it is told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use trunkline_gateway::simulation::Handle;

use crate::chance::Chance;
use crate::history::{Fault, History, Told, Verdict, What};
use crate::network::{self, Control};
use crate::store::{Sabotage, lock};

/// Heartbeats come every 5 s; without a sign for so long the connection is given up.
const PATIENCE: Duration = Duration::from_secs(12);

/// Messages that were acknowledged and may be repeated.
const REMEMBERED_MAX: usize = 32;

/// The session of a user's devices.
#[derive(Debug, Default)]
pub(crate) struct Account {
    session: Option<String>,
    secret: Option<String>,
}

/// One device, as long as its page is open.
#[derive(Debug)]
pub(crate) struct Device {
    client: usize,
    account: Arc<Mutex<Account>>,
    /// The last position seen, of the session's channel and of the runs that have not ended.
    cursors: BTreeMap<String, Option<String>>,
    unacknowledged: BTreeMap<u64, Outgoing>,
    /// Runs that wait for an answer.
    asking: Vec<String>,
    acknowledged: Vec<Outgoing>,
    numbered: u64,
    chance: Chance,
}

#[derive(Clone, Debug)]
struct Outgoing {
    message: Value,
    /// Refused for now: not before this.
    not_before: Option<Instant>,
}

/// What the world is like for a client.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) handle: Handle,
    pub(crate) history: History,
    pub(crate) calm: Arc<AtomicBool>,
    pub(crate) sabotage: Option<Sabotage>,
}

/// What a client does next of its own accord.
enum Act {
    Send(Value),
    Hurt(Fault),
    Nothing,
}

impl Device {
    pub(crate) fn new(client: usize, account: Arc<Mutex<Account>>, seed: u64) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            client,
            account,
            cursors: BTreeMap::new(),
            unacknowledged: BTreeMap::new(),
            asking: Vec::new(),
            acknowledged: Vec::new(),
            numbered: 0,
            chance: Chance::new(seed, 200 + client as u64),
        }))
    }

    /// Whether it waits for nothing.
    pub(crate) fn is_content(&self) -> bool {
        self.unacknowledged.is_empty() && self.cursors.len() == 1
    }

    /// Connects again and again.
    pub(crate) async fn live(device: Arc<Mutex<Self>>, surroundings: Surroundings) {
        loop {
            let pause = lock(&device).chance.between(50, 1500);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let Some(stream) = surroundings.handle.connect("/ws") else { continue };
            let absence = Self::converse(&device, &surroundings, stream).await;
            tokio::time::sleep(absence).await;
        }
    }

    /// One connection. Gives how long the client stays away.
    async fn converse(device: &Mutex<Self>, around: &Surroundings, stream: DuplexStream) -> Duration {
        let seed = lock(device).chance.between(0, u64::MAX);
        let (stream, network) = network::through(stream, seed);
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
        let (hello, asked) = lock(device).hello(around);
        if socket.send(text(&hello)).await.is_err() {
            return Duration::ZERO;
        }
        let mut asked = Some(asked);
        let (mut heard, mut next_act) = (Instant::now(), Instant::now() + Duration::from_secs(1));
        loop {
            tokio::select! {
                biased;
                message = socket.next() => {
                    heard = Instant::now();
                    let Some(Ok(message)) = message else { return Duration::ZERO };
                    let Message::Text(content) = message else { continue };
                    let message: Value = serde_json::from_str(&content).expect("the gateway writes JSON");
                    if message["type"] == "welcome" {
                        let asked = asked.take().expect("one welcome");
                        let resent = lock(device).welcomed(&message, &asked, around);
                        let Some(resent) = resent else { return Duration::ZERO };
                        for message in resent {
                            if socket.send(text(&message)).await.is_err() {
                                return Duration::ZERO;
                            }
                        }
                        continue;
                    }
                    let mut device = lock(device);
                    device.take(&message, around);
                    if around.sabotage == Some(Sabotage::DoubleDelivery) && device.chance.one_in(300) {
                        device.take(&message, around);
                    }
                }
                () = tokio::time::sleep_until(heard + PATIENCE) => return Duration::ZERO,
                () = tokio::time::sleep_until(next_act), if asked.is_none() => {
                    let act = lock(device).act(around);
                    next_act = Instant::now() + Duration::from_millis(lock(device).chance.between(100, 3000));
                    match act {
                        Act::Send(message) => if socket.send(text(&message)).await.is_err() {
                            return Duration::ZERO;
                        },
                        Act::Hurt(fault) => {
                            around.history.fault(fault);
                            if let Some(absence) = lock(device).suffer(fault, &network) {
                                return absence;
                            }
                        }
                        Act::Nothing => {}
                    }
                }
            }
        }
    }

    /// What it says first, and the positions in it.
    fn hello(&mut self, around: &Surroundings) -> (Value, Vec<Verdict>) {
        let account = lock(&self.account);
        let mut asked = Vec::new();
        let mut resume = serde_json::Map::new();
        let is_forger = !around.calm.load(Ordering::Relaxed) && self.chance.one_in(20);
        for (channel, cursor) in &self.cursors {
            let forged = is_forger && cursor.is_some() && channel.starts_with("session:");
            let cursor = if forged { cursor.as_deref().map(forge) } else { cursor.clone() };
            if forged {
                around.history.fault(Fault::ForgedPosition);
            }
            resume.insert(channel.clone(), json!(cursor));
            asked.push(Verdict {
                channel: channel.clone(),
                asked: cursor,
                forged,
                word: String::new(),
                reason: None,
                pos: None,
            });
        }
        let payload = match (&account.session, &account.secret) {
            (Some(session), Some(secret)) => json!({ "session": session, "secret": secret, "resume": resume }),
            _ => json!({}),
        };
        (json!({ "type": "hello", "payload": payload }), asked)
    }

    /// Gives what has to be sent again; `None` if this session is not the user's, because another device opened one first.
    fn welcomed(&mut self, welcome: &Value, asked: &[Verdict], around: &Surroundings) -> Option<Vec<Value>> {
        let payload = &welcome["payload"];
        let session = payload["session"].as_str().expect("a session").to_owned();
        let mut account = lock(&self.account);
        if account.session.as_ref() != Some(&session) {
            if account.session.is_some() && self.cursors.is_empty() {
                return None;
            }
            account.session = Some(session.clone());
            account.secret = payload["secret"].as_str().map(str::to_owned);
        }
        drop(account);
        let mut verdicts = Vec::new();
        for (channel, said) in payload["channels"].as_object().expect("channels") {
            let text = |name: &str| said[name].as_str().map(str::to_owned);
            let before = asked.iter().find(|asked| asked.channel == *channel);
            let verdict = Verdict {
                channel: channel.clone(),
                asked: before.and_then(|before| before.asked.clone()),
                forged: before.is_some_and(|before| before.forged),
                word: text("verdict").expect("a verdict"),
                reason: text("reason"),
                pos: text("pos"),
            };
            match &verdict.pos {
                Some(pos) => drop(self.cursors.insert(channel.clone(), Some(pos.clone()))),
                None => drop(self.cursors.remove(channel)),
            }
            verdicts.push(verdict);
        }
        around.history.add(What::Opened { client: self.client, session, verdicts });
        let resent = self.unacknowledged.values_mut().map(|outgoing| {
            outgoing.not_before = None;
            outgoing.message.clone()
        });
        let unacknowledged: Vec<_> = resent.collect();
        for message in &unacknowledged {
            self.note_sent(message, around);
        }
        Some(unacknowledged)
    }

    fn take(&mut self, message: &Value, around: &Surroundings) {
        let client = self.client;
        match message["type"].as_str().expect("a type") {
            "ack" => {
                let id = message["reply_to"].as_str().expect("an id").to_owned();
                let run = message["run"].as_str().expect("a run").to_owned();
                let duplicate = message["payload"]["duplicate"] == true;
                around.history.add(What::Acknowledged { client, message: id.clone(), run, duplicate });
                if let Some(outgoing) = self.unacknowledged.remove(&number(&id)) {
                    self.acknowledged.push(outgoing);
                    if self.acknowledged.len() > REMEMBERED_MAX {
                        self.acknowledged.remove(0);
                    }
                }
            }
            "error" => {
                let Some(id) = message["reply_to"].as_str() else { return };
                let code = message["error"]["code"].as_str().expect("a code").to_owned();
                around.history.add(What::Refused { client, message: id.to_owned(), code });
                if message["error"]["retryable"] == true {
                    let wait = Duration::from_millis(self.chance.between(200, 2000));
                    if let Some(outgoing) = self.unacknowledged.get_mut(&number(id)) {
                        outgoing.not_before = Some(Instant::now() + wait);
                    }
                } else {
                    self.unacknowledged.remove(&number(id));
                }
            }
            "heartbeat" => {
                let positions = message["payload"]["channels"].as_object().expect("channels").iter();
                let positions =
                    positions.map(|(name, pos)| (name.clone(), pos.as_str().expect("a position").to_owned()));
                around.history.add(What::Heartbeat { client, positions: positions.collect() });
            }
            "reset" => {
                let channel = message["channel"].as_str().expect("a channel").to_owned();
                let reason = message["payload"]["reason"].as_str().expect("a reason").to_owned();
                let pos = message["payload"]["pos"].as_str().map(str::to_owned);
                match &pos {
                    Some(pos) => drop(self.cursors.insert(channel.clone(), Some(pos.clone()))),
                    None => drop(self.cursors.remove(&channel)),
                }
                around.history.add(What::Reset { client, channel, reason, pos });
            }
            _ => {
                if let Some(told) = Told::read(message) {
                    self.told(&told);
                    around.history.add(What::Told { client, told });
                }
            }
        }
    }

    fn told(&mut self, told: &Told) {
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
        } else {
            self.cursors.insert(told.channel.clone(), Some(told.pos.clone()));
        }
        if told.kind == "run_started"
            && let Some(run) = told.payload["channel"].as_str()
        {
            self.cursors.entry(run.to_owned()).or_insert(None);
        }
    }

    fn act(&mut self, around: &Surroundings) -> Act {
        let now = Instant::now();
        let due = |outgoing: &&mut Outgoing| outgoing.not_before.is_some_and(|at| at <= now);
        if let Some(refused) = self.unacknowledged.values_mut().find(due) {
            refused.not_before = None;
            let message = refused.message.clone();
            return self.send(message, around);
        }
        // All devices of a user see the question; each may be the one to answer.
        if !self.asking.is_empty() && self.chance.one_in(3) {
            let run = self.asking.remove(0);
            let message = self.answer(&run);
            return self.send(message, around);
        }
        if around.calm.load(Ordering::Relaxed) {
            return Act::Nothing;
        }
        match self.chance.between(1, 200) {
            1..=3 => Act::Hurt(Fault::ClientCut),
            4 => Act::Hurt(Fault::ClientHalfOpen),
            5 => Act::Hurt(Fault::SlowReader),
            6 => Act::Hurt(Fault::LongAbsence),
            7..=12 => match self.acknowledged.last().cloned() {
                Some(repeated) => {
                    around.history.fault(Fault::Repetition);
                    self.send(repeated.message, around)
                }
                None => Act::Nothing,
            },
            13..=20 => {
                let run = self.cursors.keys().find_map(|channel| channel.strip_prefix("run:"));
                run.map_or(Act::Nothing, |run| Act::Send(json!({ "type": "cancel", "run": run })))
            }
            21..=70 => {
                let message = self.new_message();
                self.send(message, around)
            }
            _ => Act::Nothing,
        }
    }

    fn new_message(&mut self) -> Value {
        self.numbered += 1;
        let id = format!("c{}-{}", self.client, self.numbered);
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
        let asks = texts > 2 && self.chance.one_in(4);
        let payload = json!({ "texts": texts, "bytes": bytes, "pace": pace, "end": end, "asks": asks });
        let message = json!({ "type": "user_message", "id": id, "payload": payload });
        self.unacknowledged.insert(self.numbered, Outgoing { message: message.clone(), not_before: None });
        message
    }

    fn answer(&mut self, run: &str) -> Value {
        self.numbered += 1;
        let id = format!("c{}-{}", self.client, self.numbered);
        let payload = json!({ "request_id": "q1", "granted": self.chance.one_in(2) });
        let message = json!({ "type": "answer", "id": id, "run": run, "payload": payload });
        self.unacknowledged.insert(self.numbered, Outgoing { message: message.clone(), not_before: None });
        message
    }

    fn send(&self, message: Value, around: &Surroundings) -> Act {
        self.note_sent(&message, around);
        Act::Send(message)
    }

    fn note_sent(&self, message: &Value, around: &Surroundings) {
        let message = message["id"].as_str().expect("an id").to_owned();
        around.history.add(What::Sent { client: self.client, message });
    }

    /// Gives how long the client is away, if its connection is over.
    fn suffer(&mut self, fault: Fault, network: &Control) -> Option<Duration> {
        match fault {
            Fault::ClientHalfOpen => network.swallow_everything(),
            Fault::SlowReader => network.slow_down(self.chance.between(500, 4000)),
            Fault::LongAbsence => {
                network.cut();
                return Some(Duration::from_secs(self.chance.between(10, 120)));
            }
            _ => network.cut(),
        }
        None
    }
}

/// The same place with another tag.
fn forge(pos: &str) -> String {
    let (place, tag) = pos.rsplit_once('-').expect("a tag");
    format!("{place}-{:x}", u64::from_str_radix(tag, 16).expect("a number") ^ 1)
}

fn number(id: &str) -> u64 {
    id.rsplit_once('-').and_then(|(_, number)| number.parse().ok()).expect("as it was made")
}

fn text(message: &Value) -> Message {
    Message::text(message.to_string())
}
