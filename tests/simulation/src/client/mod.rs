//! A client that keeps to the protocol: it resends what was not acknowledged, comes back with its positions, and writes
//! down what it is told.
//!
//! Here is its connection; what it makes of what it hears stands in `hearing`, what it does by itself in `acting`.

mod acting;
mod hearing;
mod tongue;

use std::collections::{BTreeMap, BTreeSet};
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
use trunkline_protocol::Dialect;

use crate::chance::Chance;
use crate::history::{Fault, History, Purpose, Verdict, What};
use crate::network;
use crate::store::{Sabotage, TOPICS_KEPT, lock};
pub(crate) use acting::USERS;
use tongue::Tongue;

/// Paths of routes, by what becomes of their messages while the session is busy.
pub(crate) const QUEUES: &str = "/queue";
pub(crate) const INTERRUPTS: &str = "/interrupt";
pub(crate) const REJECTS: &str = "/reject";
pub(crate) const PARALLEL: &str = "/parallel";
/// The path of a route whose runs end when nobody is there.
pub(crate) const LEAVES: &str = "/leave";

/// Half of all connections are those of a chat.
const PATHS: [&str; 8] = [QUEUES, QUEUES, QUEUES, QUEUES, INTERRUPTS, REJECTS, PARALLEL, LEAVES];

/// The paths of old front ends, each with its dialect.
pub(crate) const OLD_PATHS: [(&str, Dialect); 4] =
    [("/payload", Dialect::Payload), ("/data", Dialect::Data), ("/flat", Dialect::Flat), ("/open", Dialect::Open)];

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// It speaks native.
    New,
    /// It has learnt to resume, and speaks another of the old dialects each time.
    Old,
}

/// Heartbeats come every 5 s; without a sign for so long the connection is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(12);

/// A message that is older than this is not sent again: the gateway may have forgotten it.
const SENT_AGAIN_WITHIN: Duration = Duration::from_secs(TOPICS_KEPT.as_secs() / 2);

/// Sessions of all users, and what opens each.
#[derive(Debug)]
pub(crate) struct Accounts {
    /// The session that each account has now.
    current: Vec<Option<String>>,
    /// The user that each belongs to; nobody where nobody has a name.
    users: Vec<Option<&'static str>>,
    /// What opens each session of nobody in particular.
    secrets: BTreeMap<String, String>,
    /// Until when each account is away with all devices, by the wall clock.
    gone_until_ms: Vec<u64>,
}

impl Accounts {
    pub(crate) fn new(users: Vec<Option<&'static str>>) -> Self {
        let count = users.len();
        Self { current: vec![None; count], users, secrets: BTreeMap::new(), gone_until_ms: vec![0; count] }
    }
}

/// One device, as long as its page is open.
#[derive(Debug)]
pub(crate) struct Device {
    client: usize,
    own: usize,
    front: Front,
    user: Option<&'static str>,
    accounts: Arc<Mutex<Accounts>>,
    session: Option<String>,
    /// The last position seen, of the channels that it wants: sessions, topics, its user's, and runs that have not ended.
    cursors: BTreeMap<String, Option<String>>,
    /// The session of each run among them.
    sessions: BTreeMap<String, String>,
    /// Where it stood in channels that it gave up.
    left: BTreeMap<String, String>,
    unacknowledged: BTreeMap<u64, Outgoing>,
    acknowledged: Vec<Outgoing>,
    /// Runs that wait for an answer.
    asking: Vec<String>,
    numbered: u64,
    /// By the wall clock.
    away_until_ms: u64,
    chance: Chance,
    connection: Connection,
}

/// What is over with a connection.
#[derive(Debug, Default)]
struct Connection {
    is_open: bool,
    path: &'static str,
    /// Channels that it has asked for, by the id of the message.
    wishes: BTreeMap<String, Verdict>,
    /// Channels that it gave up: something of them may be on its way.
    given_up: BTreeSet<String>,
    /// Runs of which nothing was told but that they go on elsewhere: whose they are is not known yet.
    unknown: BTreeMap<String, Value>,
    /// Topics in which it is seen.
    seen_in: BTreeSet<String>,
    /// When it reads as fast as ever again.
    slow_until: Option<Instant>,
    /// When it was asked to come back.
    away: Option<Duration>,
}

#[derive(Clone, Debug)]
struct Outgoing {
    message: Value,
    purpose: Purpose,
    first_sent_ms: u64,
    /// Refused for now: not before this.
    not_before: Option<Instant>,
}

/// What the world is like for a client or a worker.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) handle: Handle,
    pub(crate) history: History,
    pub(crate) calm: Arc<AtomicBool>,
    pub(crate) sabotage: Option<Sabotage>,
}

impl Surroundings {
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }
}

/// What a client does next of its own accord.
enum Act {
    Send(Value),
    Hurt(Fault),
    Nothing,
}

impl Device {
    pub(crate) fn new(
        client: usize,
        (own, front): (usize, Front),
        accounts: Arc<Mutex<Accounts>>,
        seed: u64,
    ) -> Arc<Mutex<Self>> {
        let user = lock(&accounts).users[own];
        Arc::new(Mutex::new(Self {
            client,
            own,
            front,
            user,
            accounts,
            session: None,
            cursors: BTreeMap::new(),
            sessions: BTreeMap::new(),
            left: BTreeMap::new(),
            unacknowledged: BTreeMap::new(),
            acknowledged: Vec::new(),
            asking: Vec::new(),
            numbered: 0,
            away_until_ms: 0,
            chance: Chance::new(seed, 200 + client as u64),
            connection: Connection::default(),
        }))
    }

    /// Whether it is there and waits for nothing.
    pub(crate) fn is_content(&self) -> bool {
        let Connection { is_open, wishes, .. } = &self.connection;
        let has_run = self.cursors.keys().any(|channel| channel.starts_with("run:"));
        *is_open && wishes.is_empty() && self.unacknowledged.is_empty() && !has_run
    }

    /// Connects again and again.
    pub(crate) async fn live(device: Arc<Mutex<Self>>, around: Surroundings) {
        lock(&device).connection = Connection::default();
        loop {
            let pause = lock(&device).chance.between(50, 1500);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            while !around.is_calm() && lock(&device).is_away(around.history.now_ms()) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let (path, tongue) = lock(&device).draw_path();
            let Some(stream) = tongue.connect(&around.handle, path) else { continue };
            lock(&device).connection = Connection { path, ..Connection::default() };
            Self::converse(&device, &around, tongue, stream).await;
            let over = std::mem::take(&mut lock(&device).connection);
            if over.is_open {
                around.history.add(What::Closed { client: lock(&device).client });
            }
            if let Some(away) = over.away {
                tokio::time::sleep(away).await;
            }
        }
    }

    /// One connection.
    async fn converse(device: &Mutex<Self>, around: &Surroundings, tongue: Tongue, stream: DuplexStream) {
        let seed = lock(device).chance.between(0, u64::MAX);
        let (stream, network) = network::through(stream, seed);
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
        let (hello, asked) = lock(device).hello(around);
        if socket.send(tongue.say(&hello)).await.is_err() {
            return;
        }
        let mut asked = Some(asked);
        let (mut heard, mut next_act) = (Instant::now(), Instant::now() + Duration::from_secs(1));
        loop {
            tokio::select! {
                biased;
                message = socket.next() => {
                    heard = Instant::now();
                    let Some(Ok(message)) = message else { return };
                    let Message::Text(content) = message else { continue };
                    let message = tongue.hear(&content);
                    if message["type"] == "welcome" {
                        let asked = asked.take().expect("one welcome");
                        let resent = lock(device).welcomed(&message, &asked, around);
                        for message in resent.iter().flatten() {
                            if socket.send(tongue.say(message)).await.is_err() {
                                return;
                            }
                        }
                        if resent.is_none() {
                            return;
                        }
                        continue;
                    }
                    if asked.is_some() {
                        lock(device).hear_early(&message, around);
                    }
                    lock(device).hear(&message, around);
                }
                () = tokio::time::sleep_until(heard + PATIENCE) => return,
                () = tokio::time::sleep_until(next_act), if asked.is_none() => {
                    let act = lock(device).act(around);
                    next_act = Instant::now() + Duration::from_millis(lock(device).chance.between(100, 3000));
                    match act {
                        Act::Send(message) => if socket.send(tongue.say(&message)).await.is_err() {
                            return;
                        },
                        Act::Hurt(fault) => {
                            around.history.fault(fault);
                            if !lock(device).suffer(fault, &network, around) {
                                return;
                            }
                        }
                        Act::Nothing => {}
                    }
                    lock(device).recover(&network);
                }
            }
        }
    }

    fn is_away(&self, now_ms: u64) -> bool {
        self.away_until_ms > now_ms || lock(&self.accounts).gone_until_ms[self.own] > now_ms
    }

    fn draw_path(&mut self) -> (&'static str, Tongue) {
        let mut draw = |count: usize| usize::try_from(self.chance.between(0, count as u64 - 1)).expect("small");
        match self.front {
            Front::New => (PATHS[draw(PATHS.len())], Tongue::new(Dialect::Native)),
            Front::Old => {
                let (path, dialect) = OLD_PATHS[draw(OLD_PATHS.len())];
                (path, Tongue::new(dialect))
            }
        }
    }

    /// What it says first, and the positions in it.
    fn hello(&mut self, around: &Surroundings) -> (Value, Vec<Verdict>) {
        let accounts = Arc::clone(&self.accounts);
        let accounts = lock(&accounts);
        let session = accounts.current[self.own].clone();
        if self.session != session {
            self.forget_everything(around);
        }
        let token = self.user.map(token_of);
        let Some(session) = session else {
            return (json!({ "type": "hello", "payload": { "token": token } }), Vec::new());
        };
        let mut asked = Vec::new();
        let mut resume = serde_json::Map::new();
        let is_forger = !around.is_calm() && self.chance.one_in(20);
        for (channel, cursor) in &self.cursors {
            let forged = is_forger && cursor.is_some() && !channel.starts_with("run:");
            let cursor = if forged { cursor.as_deref().map(forge) } else { cursor.clone() };
            if forged {
                around.history.fault(Fault::ForgedPosition);
            }
            resume.insert(channel.clone(), json!(cursor));
            asked.push(Verdict { forged, ..Verdict::asked(channel, cursor) });
        }
        let secrets = &accounts.secrets;
        let secret = secrets.get(&session);
        let payload = json!({
            "token": token, "session": session, "secret": secret, "secrets": secrets, "resume": resume
        });
        (json!({ "type": "hello", "payload": payload }), asked)
    }

    /// Its page is loaded anew, in another session.
    fn forget_everything(&mut self, around: &Surroundings) {
        if self.session.take().is_some() {
            around.history.add(What::Reloaded { client: self.client });
        }
        self.cursors.clear();
        self.sessions.clear();
        self.left.clear();
        self.unacknowledged.clear();
        self.acknowledged.clear();
        self.asking.clear();
    }
}

/// What proves to be this user.
pub(crate) fn token_of(user: &str) -> String {
    format!("the token of {user}")
}

fn is_topic(channel: &str) -> bool {
    channel.starts_with("topic:")
}

fn is_session(channel: &str) -> bool {
    channel.starts_with("session:")
}

fn is_users(channel: &str) -> bool {
    channel.starts_with("user:")
}

/// The same place with another tag.
fn forge(pos: &str) -> String {
    let (place, tag) = pos.rsplit_once('-').expect("a tag");
    format!("{place}-{:x}", u64::from_str_radix(tag, 16).expect("a number") ^ 1)
}
