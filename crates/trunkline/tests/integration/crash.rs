//! kill -9 of the gateway at random moments: what was acknowledged is kept, and every run ends once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use trunkline_client::{Client, ClientError, Options, Outgoing, SessionState};

use crate::process::{Folder, PythonWorker, Serving, counted, within};

/// How long a run may take that nobody carries on: the gateway waits 30 s for its worker.
const RUN_PATIENCE: Duration = Duration::from_secs(50);

/// A message that makes the worker count.
pub(crate) fn count(id: &str, upto: u64) -> Outgoing {
    let payload = serde_json::value::to_raw_value(&upto).expect("a number");
    let service = Some("count".to_owned());
    Outgoing { kind: "user_message".to_owned(), id: id.to_owned(), service, payload, deadline_ms: None, run: None }
}

/// Random numbers from a seed (splitmix64), so that a failing run can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// What a client has seen of its session, over all lives of the gateway.
#[derive(Default)]
pub(crate) struct Seen {
    state: SessionState,
    /// Messages by id, with how far each counts.
    pub(crate) sent: BTreeMap<String, u64>,
    /// The run of each message that was acknowledged.
    pub(crate) acknowledged: BTreeMap<String, String>,
    /// The ids of messages that stand in the session, in order.
    stored: Vec<String>,
    texts: BTreeMap<String, String>,
    /// The types of the terminal events of each run.
    pub(crate) ends: BTreeMap<String, Vec<String>>,
    /// The gateway has said that it goes.
    pub(crate) told_to_go: bool,
}

impl Seen {
    /// A client that is to send one message.
    pub(crate) fn of(id: &str, upto: u64) -> Self {
        Self { sent: BTreeMap::from([(id.to_owned(), upto)]), ..Self::default() }
    }

    /// Connects, and sends again what was not acknowledged.
    pub(crate) async fn connect(&self, options: &Options) -> Result<Client, ClientError> {
        let mut client = Client::connect(options, self.state.clone()).await?;
        let channels = &client.welcome().channels;
        assert!(channels.values().all(|channel| channel.verdict != "reset"), "nothing is lost: {channels:?}");
        for (id, upto) in self.sent.iter().filter(|(id, _)| !self.acknowledged.contains_key(*id)) {
            client.send(&count(id, *upto)).await?;
        }
        Ok(client)
    }

    /// Receives one message.
    pub(crate) async fn receive(&mut self, client: &mut Client) -> Result<(), ClientError> {
        let received = client.receive().await?;
        let message = received.envelope()?;
        let run = message.run.as_deref().unwrap_or_default().to_owned();
        match &*message.kind {
            "ack" => {
                self.acknowledged.insert(message.reply_to.as_deref().expect("an id").to_owned(), run);
            }
            "user_message" => self.stored.push(message.id.as_deref().expect("an id").to_owned()),
            "run_event" => {
                let payload: serde_json::Value =
                    serde_json::from_str(message.payload.expect("text").to_json().get()).expect("JSON");
                self.texts.entry(run).or_default().push_str(payload["text"].as_str().expect("text"));
            }
            "run_completed" | "run_failed" | "run_cancelled" | "run_expired" => {
                self.ends.entry(run).or_default().push(message.kind.clone().into_owned());
            }
            // It is sent again to the next gateway.
            "error" if message.error.as_ref().is_some_and(|error| error.retryable) => {}
            "error" => panic!("{}", received.text()),
            "go_away" => self.told_to_go = true,
            _ => {}
        }
        self.state = client.state().clone();
        Ok(())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.acknowledged.len() == self.sent.len() && self.acknowledged.values().all(|run| self.ends.contains_key(run))
    }

    /// Reads until every message is acknowledged and its run over.
    pub(crate) async fn read_to_end(&mut self, options: &Options) {
        let reading = async {
            let mut client = self.connect(options).await.expect("welcome");
            while !self.is_over() {
                self.receive(&mut client).await.expect("the gateway lives");
            }
        };
        tokio::time::timeout(RUN_PATIENCE, reading).await.expect("every run ends");
    }

    /// What must hold in the end.
    pub(crate) fn check(mut self) {
        self.stored.sort();
        assert_eq!(
            self.stored,
            self.sent.keys().cloned().collect::<Vec<_>>(),
            "each message stands in the session once"
        );
        for (id, run) in &self.acknowledged {
            match self.ends[run].iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["run_completed"] => {
                    assert_eq!(self.texts.get(run).cloned().unwrap_or_default(), counted(self.sent[id]), "{id}");
                }
                // It was to be called when the gateway was killed; whether it was, nobody can know.
                ["run_failed"] => {}
                ref ends => panic!("{id} ended with {ends:?}"),
            }
        }
    }
}

#[tokio::test]
async fn row_69_what_was_acknowledged_survives_kills_at_random_moments() {
    let folder = Folder::with("");
    let seed = 7;
    println!("seed {seed}");
    let mut random = Random(seed);
    let worker = PythonWorker::start(&folder);
    let mut clients: Vec<Seen> = Vec::new();
    for life in 0..8 {
        let gateway = Serving::start(&folder).await;
        let sent = (0..4).map(|number| (format!("m{life}-{number}"), random.below(60))).collect();
        clients.push(Seen { sent, ..Seen::default() });
        let mut connections = Vec::new();
        for seen in clients.iter().rev().take(2) {
            connections.push(within(seen.connect(&gateway.options())).await.expect("welcome"));
        }
        for _ in 0..random.below(16) {
            let newest = clients.last_mut().expect("one at least");
            if newest.is_over() {
                break;
            }
            within(newest.receive(&mut connections[0])).await.expect("the gateway lives");
        }
        gateway.kill().await;
    }
    let gateway = Serving::start(&folder).await;
    for seen in &mut clients {
        seen.read_to_end(&gateway.options()).await;
    }
    let completed =
        clients.iter().flat_map(|seen| seen.ends.values()).filter(|ends| *ends == &["run_completed"]).count();
    println!("{completed} of {} runs completed", clients.len() * 4);
    assert!(completed > clients.len() * 2, "most runs were carried on: {completed}");
    clients.into_iter().for_each(Seen::check);
    drop(worker);
}

/// A client whose run has begun, and has brought some text.
async fn begun(gateway: &Serving) -> Seen {
    let mut seen = Seen::of("m1", 300);
    let mut client = within(seen.connect(&gateway.options())).await.expect("welcome");
    while seen.texts.is_empty() || seen.acknowledged.is_empty() {
        within(seen.receive(&mut client)).await.expect("the gateway lives");
    }
    seen
}

#[tokio::test]
async fn a_run_is_carried_on_by_its_worker_after_a_kill() {
    let folder = Folder::with("");
    let gateway = Serving::start(&folder).await;
    let worker = PythonWorker::start(&folder);
    let mut seen = begun(&gateway).await;
    gateway.kill().await;
    let gateway = Serving::start(&folder).await;
    seen.read_to_end(&gateway.options()).await;
    assert_eq!(seen.ends.values().next(), Some(&vec!["run_completed".to_owned()]));
    seen.check();
    drop(worker);
}

#[tokio::test]
async fn a_run_without_its_worker_ends_with_worker_lost_30_s_after_the_restart() {
    let folder = Folder::with("");
    let gateway = Serving::start(&folder).await;
    let worker = PythonWorker::start(&folder);
    let mut seen = begun(&gateway).await;
    gateway.kill().await;
    worker.kill().await;
    let restarted = Instant::now();
    let gateway = Serving::start(&folder).await;
    seen.read_to_end(&gateway.options()).await;
    assert!(restarted.elapsed() >= Duration::from_secs(29), "{:?}", restarted.elapsed());
    assert_eq!(seen.ends.values().next(), Some(&vec!["run_failed".to_owned()]));
    seen.check();
}

#[tokio::test]
async fn a_cancel_that_was_acknowledged_counts_after_a_kill() {
    let folder = Folder::with("");
    let gateway = Serving::start(&folder).await;
    let worker = PythonWorker::start(&folder);
    let mut seen = begun(&gateway).await;
    // The gateway would wait two seconds for it to confirm the cancel.
    worker.freeze();
    let mut client = within(seen.connect(&gateway.options())).await.expect("welcome");
    let run = seen.acknowledged["m1"].clone();
    client.cancel(&run).await.expect("sent");
    let (_, said) = until(&mut client, "cancel_ack").await;
    assert_eq!(said["cancelled"], true);
    drop(client);
    gateway.kill().await;
    worker.kill().await;
    let gateway = Serving::start(&folder).await;
    seen.read_to_end(&gateway.options()).await;
    assert_eq!(seen.ends[&run], ["run_cancelled"]);
}

#[tokio::test]
async fn a_run_that_no_worker_has_is_called_again_after_a_kill_where_that_does_no_harm() {
    let folder = Folder::with("");
    let gateway = Serving::start(&folder).await;
    let mut seen = Seen::default();
    let mut client = within(Client::connect(&gateway.options(), SessionState::default())).await.expect("welcome");
    let message = Outgoing { service: Some("look_up".to_owned()), ..count("m1", 0) };
    client.send(&message).await.expect("sent");
    while seen.acknowledged.is_empty() {
        within(seen.receive(&mut client)).await.expect("the gateway lives");
    }
    // A worker may have it, for all that the next life knows.
    gateway.kill().await;
    let gateway = Serving::start(&folder).await;
    let worker = PythonWorker::start(&folder);
    seen.sent.insert("m1".to_owned(), 0);
    seen.read_to_end(&gateway.options()).await;
    let run = &seen.acknowledged["m1"];
    assert_eq!((&seen.ends[run][..], &*seen.texts[run]), (&["run_completed".to_owned()][..], "attempt 2"));
    drop(worker);
}

#[tokio::test]
async fn waiting_runs_are_called_one_by_one_in_order_after_a_kill_and_their_messages_may_be_repeated() {
    let folder = Folder::with("");
    let gateway = Serving::start(&folder).await;
    // It is the first one's turn: a worker may have it for all that the next life knows, so its deadline ends it.
    let mut messages: Vec<_> = (0..8).map(|number| count(&format!("m{number}"), 3)).collect();
    messages[0].deadline_ms = Some(8_000);
    let ids: Vec<_> = messages.iter().map(|message| message.id.clone()).collect();
    let mut seen = Seen::default();
    let mut client = within(Client::connect(&gateway.options(), SessionState::default())).await.expect("welcome");
    for message in &messages {
        client.send(message).await.expect("sent");
    }
    while seen.acknowledged.len() < messages.len() {
        within(seen.receive(&mut client)).await.expect("the gateway lives");
    }
    assert!(seen.ends.is_empty(), "all are open");
    gateway.kill().await;

    let gateway = Serving::start(&folder).await;
    let mut client = within(Client::connect(&gateway.options(), seen.state.clone())).await.expect("welcome");
    let runs = std::mem::take(&mut seen.acknowledged);
    for message in &messages {
        client.send(message).await.expect("sent");
    }
    let worker = PythonWorker::start(&folder);
    let mut order: Vec<&String> = Vec::new();
    while order.len() < messages.len() || seen.acknowledged.len() < messages.len() {
        within(seen.receive(&mut client)).await.expect("the gateway lives");
        order.extend(runs.values().find(|run| seen.ends.contains_key(*run) && !order.contains(run)));
        let begun = runs.values().filter(|run| seen.texts.contains_key(*run) && !order.contains(run));
        assert!(begun.count() <= 1, "one at a time");
    }
    assert_eq!(order, ids.iter().map(|id| &runs[id]).collect::<Vec<_>>());
    assert_eq!(seen.acknowledged, runs, "a repeated message has the same run");
    assert_eq!(seen.stored, ids, "each message stands in the session once");
    assert_eq!(seen.ends[order[0]], ["run_expired"]);
    for run in &order[1..] {
        assert_eq!((&seen.ends[*run][..], &*seen.texts[*run]), (&["run_completed".to_owned()][..], &*counted(3)));
    }
    drop(worker);
}

/// A message that makes the worker ask.
fn tidy(id: &str, service: &str) -> Outgoing {
    let payload = serde_json::value::to_raw_value(&serde_json::json!({})).expect("an object");
    let service = Some(service.to_owned());
    Outgoing { kind: "user_message".to_owned(), id: id.to_owned(), service, payload, deadline_ms: None, run: None }
}

/// The next message of this type: its run, and its payload.
async fn until(client: &mut Client, kind: &str) -> (String, serde_json::Value) {
    let looking = async {
        loop {
            let received = client.receive().await.expect("the gateway lives");
            let message = received.envelope().expect("an envelope");
            assert_ne!(message.kind, "run_failed", "{}", received.text());
            if message.kind == kind {
                let payload = message.payload.as_ref().expect("a payload").to_json();
                let payload = serde_json::from_str(payload.get()).expect("JSON");
                return (message.run.as_deref().unwrap_or_default().to_owned(), payload);
            }
        }
    };
    tokio::time::timeout(RUN_PATIENCE, looking).await.unwrap_or_else(|_| panic!("{kind} comes"))
}

#[tokio::test]
async fn a_question_survives_kill_9_of_the_gateway_and_of_a_worker_that_can_be_replaced() {
    for (service, worker_dies) in [("tidy", false), ("tidy_anywhere", true)] {
        let folder = Folder::with("");
        let gateway = Serving::start(&folder).await;
        let mut worker = PythonWorker::start(&folder);
        let mut client = Client::connect(&gateway.options(), SessionState::default()).await.expect("welcome");
        client.send(&tidy("m1", service)).await.expect("sent");
        let (run, question) = until(&mut client, "run_waiting").await;
        let state = client.into_state();
        gateway.kill().await;
        if worker_dies {
            worker.kill().await;
            worker = PythonWorker::start(&folder);
        }

        let gateway = Serving::start(&folder).await;
        let mut client = Client::connect(&gateway.options(), state.clone()).await.expect("welcome");
        let granted = serde_json::json!({ "request_id": question["request_id"], "granted": true });
        let payload = serde_json::value::to_raw_value(&granted).expect("an object");
        let (kind, run) = ("answer".to_owned(), Some(run));
        let answer = Outgoing { kind, id: "a1".to_owned(), service: None, payload, deadline_ms: None, run };
        client.send(&answer).await.expect("sent");
        until(&mut client, "ack").await;
        // It is stored, and nobody may have heard it: the gateway is killed once more.
        drop(client);
        gateway.kill().await;
        let gateway = Serving::start(&folder).await;
        let mut client = Client::connect(&gateway.options(), state).await.expect("welcome");
        client.send(&answer).await.expect("sent");
        let (_, ack) = until(&mut client, "ack").await;
        assert_eq!(ack["duplicate"], true);
        let (_, end) = until(&mut client, "run_completed").await;
        let expected = if worker_dies { "2 looked True" } else { "1 - True" };
        assert_eq!(end["result"], expected, "{service}");
        worker.kill().await;
    }
}
