//! A client of a session: `trunkline-client`, behind a bad network of its own. It comes back whenever it is cut off, and
//! writes down what it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use simulation::{Chance, History, Purpose, Told, Verdict, What};
use tokio::time::Instant;
use trunkline_client::{Client, ClientError, Options, Outgoing, SessionState};

use crate::fault::{Fault, Tally};

/// How long a client tries to come back: longer than any scenario.
const PATIENCE: Duration = Duration::from_hours(24);

/// Runs of its session that a client knows to be open; with more of them it begins no further one.
const OPEN_RUNS_MAX: usize = 5;

/// Its own messages that are not acknowledged; with more of them it sends no further one.
const UNACKNOWLEDGED_MAX: usize = 4;

/// What all clients share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Common {
    pub(crate) history: History,
    pub(crate) tally: Tally,
    /// Records and acknowledgements that came: what a scenario is measured by.
    operations: Arc<AtomicU64>,
    /// Nothing new is begun any more.
    calm: Arc<AtomicBool>,
    /// What must not be, and is no matter of the checker's.
    pub(crate) complaints: Arc<Mutex<Vec<String>>>,
}

impl Common {
    fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    pub(crate) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    pub(crate) fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    pub(crate) fn has_complaint(&self) -> bool {
        !lock(&self.complaints).is_empty()
    }

    fn complain(&self, what: String) {
        lock(&self.complaints).push(what);
    }
}

/// What the world may know of a client while it is at work.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// What it waits for, or nothing.
    pub(crate) waits_for: Vec<String>,
    /// What another client needs to come to the same session.
    pub(crate) state: SessionState,
}

/// One client.
pub(crate) struct Device {
    number: usize,
    options: Options,
    common: Common,
    seen: Arc<Mutex<Seen>>,
    chance: Chance,
    numbered: u64,
    unacknowledged: BTreeMap<String, Refused>,
    acknowledged: Vec<Outgoing>,
    /// Runs that its messages began, or are answers to, whose end it was not told of yet; and those whose end it was.
    unended: BTreeSet<String>,
    ended: BTreeSet<String>,
    /// Runs that wait for a person, and what they ask.
    asking: Vec<(String, String)>,
}

/// A message that is not acknowledged.
struct Refused {
    message: Outgoing,
    /// It was refused for now: not before this.
    again: Option<Instant>,
}

impl Device {
    pub(crate) fn new(number: usize, url: String, common: &Common, chance: Chance) -> Self {
        Self {
            number,
            options: Options { url, token: None },
            common: common.clone(),
            seen: Arc::default(),
            chance,
            numbered: 0,
            unacknowledged: BTreeMap::new(),
            acknowledged: Vec::new(),
            unended: BTreeSet::new(),
            ended: BTreeSet::new(),
            asking: Vec::new(),
        }
    }

    pub(crate) fn seen(&self) -> Arc<Mutex<Seen>> {
        Arc::clone(&self.seen)
    }

    /// Connects, as the first of its session or with what another one knows of it.
    pub(crate) async fn connect(&self, state: SessionState) -> Client {
        let asked = state.positions.clone();
        loop {
            match Client::connect(&self.options, state.clone()).await {
                Ok(client) => {
                    self.opened(&client, &asked);
                    self.show(&client);
                    return client;
                }
                Err(error) if error.is_passing() => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(error) => panic!("client {} is not let in: {error}", self.number),
            }
        }
    }

    /// Works, and comes back, until it is dropped or has a complaint that it cannot live with.
    pub(crate) async fn live(mut self, mut client: Client) {
        loop {
            let error = self.converse(&mut client).await;
            let asked = client.state().positions.clone();
            if let Err(fatal) = client.reconnect(error, PATIENCE).await {
                return self.common.complain(format!("client {} cannot come back: {fatal}", self.number));
            }
            self.opened(&client, &asked);
            self.unacknowledged.values_mut().for_each(|refused| refused.again = None);
        }
    }

    /// One connection; gives how it ended.
    async fn converse(&mut self, client: &mut Client) -> ClientError {
        let mut next_act = Instant::now();
        loop {
            tokio::select! {
                received = client.receive() => {
                    let message = match received {
                        Ok(received) => serde_json::from_str(received.text()).expect("the gateway writes JSON"),
                        Err(error) => return error,
                    };
                    self.take(&message);
                }
                () = tokio::time::sleep_until(next_act) => {
                    next_act = Instant::now() + Duration::from_millis(self.chance.between(5, 150));
                    if let Err(error) = self.act(client).await {
                        return error;
                    }
                }
            }
            self.show(client);
        }
    }

    fn show(&self, client: &Client) {
        let mut seen = lock(&self.seen);
        seen.state.clone_from(client.state());
        let runs = seen.state.positions.keys().filter(|channel| channel.starts_with("run:"));
        seen.waits_for = self.unacknowledged.keys().chain(runs).chain(&self.unended).cloned().collect();
    }

    fn opened(&self, client: &Client, asked: &BTreeMap<String, Option<String>>) {
        let verdict = |(channel, said): (&String, &trunkline_client::Verdict)| Verdict {
            channel: channel.clone(),
            asked: asked.get(channel).cloned().flatten(),
            forged: false,
            word: said.verdict.clone(),
            reason: said.reason.clone(),
            pos: said.pos.clone(),
        };
        let verdicts = client.welcome().channels.iter().map(verdict).collect();
        let session = client.welcome().session.clone();
        self.common.history.add(What::Opened { client: self.number, session, user: None, verdicts });
    }

    fn take(&mut self, message: &Value) {
        let client = self.number;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match message["type"].as_str().expect("a type") {
            "ack" => self.acknowledged(message),
            "error" => self.refused(message),
            "heartbeat" => {
                let channels = message["payload"]["channels"].as_object().expect("channels");
                let position = |(name, pos): (&String, &Value)| Some((name.clone(), text(pos)?));
                let positions = channels.iter().filter_map(position).collect();
                self.common.history.add(What::Heartbeat { client, positions });
            }
            "reset" => {
                let channel = text(&message["channel"]).expect("a channel");
                let reason = text(&message["payload"]["reason"]).expect("a reason");
                let pos = text(&message["payload"]["pos"]);
                self.common.history.add(What::Reset { client, channel, reason, pos });
            }
            _ => {
                if let Some(told) = Told::read(message) {
                    self.told(&told);
                    self.common.operations.fetch_add(1, Ordering::Relaxed);
                    self.common.history.add(What::Told { client, told });
                }
            }
        }
    }

    fn acknowledged(&mut self, message: &Value) {
        let id = message["reply_to"].as_str().expect("an id").to_owned();
        let run = message["run"].as_str().map(str::to_owned);
        let duplicate = message["payload"]["duplicate"] == true;
        if let Some(Refused { message, .. }) = self.unacknowledged.remove(&id) {
            self.acknowledged.push(message);
            self.acknowledged.drain(..self.acknowledged.len().saturating_sub(16));
        }
        self.unended.extend(run.clone().filter(|run| !self.ended.contains(run)));
        self.common.operations.fetch_add(1, Ordering::Relaxed);
        self.common.history.add(What::Acknowledged { client: self.number, message: id, run, duplicate });
    }

    fn refused(&mut self, message: &Value) {
        let Some(id) = message["reply_to"].as_str() else { return };
        let code = message["error"]["code"].as_str().expect("a code").to_owned();
        self.common.history.add(What::Refused { client: self.number, message: id.to_owned(), code });
        if message["error"]["retryable"] != true {
            self.unacknowledged.remove(id);
        } else if let Some(refused) = self.unacknowledged.get_mut(id) {
            refused.again = Some(Instant::now() + Duration::from_millis(self.chance.between(100, 1000)));
        }
    }

    fn told(&mut self, told: &Told) {
        let Some(run) = &told.run else { return };
        if told.kind == "run_waiting" {
            let question = told.payload["request_id"].as_str().expect("a question").to_owned();
            self.asking.push((run.clone(), question));
        } else if told.kind == "answer" || told.is_terminal() {
            self.asking.retain(|(asking, _)| asking != run);
        }
        if told.is_terminal() {
            self.unended.remove(run);
            self.ended.insert(run.clone());
        }
    }

    async fn act(&mut self, client: &mut Client) -> Result<(), ClientError> {
        let now = Instant::now();
        let again = self.unacknowledged.values_mut().find(|refused| refused.again.is_some_and(|again| again <= now));
        if let Some(refused) = again {
            refused.again = None;
            let message = refused.message.clone();
            return self.send(client, message).await;
        }
        if !self.asking.is_empty() && self.chance.one_in(3) {
            let (run, question) = self.asking.remove(0);
            let payload = json!({ "request_id": question, "granted": self.chance.one_in(2) });
            return self.send_new(client, "answer", Some(run), &payload).await;
        }
        if self.common.is_calm() {
            return Ok(());
        }
        let open: Vec<_> = client
            .state()
            .positions
            .keys()
            .filter_map(|channel| channel.strip_prefix("run:"))
            .map(str::to_owned)
            .collect();
        match self.chance.between(1, 100) {
            1..=5 => match self.acknowledged.last().cloned() {
                Some(message) => {
                    self.common.tally.add(Fault::Repetition);
                    self.note_sent(&message);
                    client.send(&message).await
                }
                None => Ok(()),
            },
            6..=10 => match open.first() {
                Some(run) => client.cancel(run).await,
                None => Ok(()),
            },
            11..=60 if open.len() < OPEN_RUNS_MAX && self.unacknowledged.len() < UNACKNOWLEDGED_MAX => {
                let payload = self.work();
                self.send_new(client, "user_message", None, &payload).await
            }
            _ => Ok(()),
        }
    }

    /// What a worker is to do.
    fn work(&mut self) -> Value {
        let (texts, bytes) = match self.chance.between(1, 12) {
            1 => (200, 1500),
            2..=3 => (self.chance.between(60, 200), 20),
            _ => (self.chance.between(0, 30), 10),
        };
        let pace = [0, 0, 5, 30][usize::try_from(self.chance.between(0, 3)).expect("small")];
        let end = match self.chance.between(1, 20) {
            1 => "never",
            2..=3 => "fails",
            4..=8 => "returns",
            _ => "ends",
        };
        let asks = texts > 2 && self.chance.one_in(5);
        json!({ "texts": texts, "bytes": bytes, "pace": pace, "end": end, "asks": asks })
    }

    async fn send_new(
        &mut self,
        client: &mut Client,
        kind: &str,
        run: Option<String>,
        payload: &Value,
    ) -> Result<(), ClientError> {
        self.numbered += 1;
        let id = format!("c{}-{}", self.number, self.numbered);
        let payload = serde_json::value::to_raw_value(payload).expect("it is JSON");
        let message = Outgoing { kind: kind.to_owned(), id, service: None, payload, deadline_ms: None, run };
        self.send(client, message).await
    }

    async fn send(&mut self, client: &mut Client, message: Outgoing) -> Result<(), ClientError> {
        self.note_sent(&message);
        self.unacknowledged.insert(message.id.clone(), Refused { message: message.clone(), again: None });
        client.send(&message).await
    }

    fn note_sent(&self, message: &Outgoing) {
        let purpose = match &*message.kind {
            "answer" => Purpose::Answer,
            _ => Purpose::Run { session: String::new(), path: "/ws" },
        };
        self.common.history.add(What::Sent { client: self.number, message: message.id.clone(), purpose });
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
