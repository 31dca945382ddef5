//! Once and in order: across cuts, to several connections, and to clients that are slow to read.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trunkline_client::{Client, ClientError, Options, Outgoing, SessionState};

use crate::double::{Double, progress, serve, served_texts};
use crate::harness::{TestGateway, within};
use crate::history::History;
use crate::peer::{Incoming, Peer, returning};

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

/// A client that is cut off again and again, and what it went through.
struct Cut {
    options: Options,
    state: SessionState,
    history: History,
    random: Random,
    /// Messages that were not acknowledged, by id, with the number of texts of their runs.
    unacknowledged: BTreeMap<String, u64>,
    /// The run of each acknowledged message.
    acknowledged: BTreeMap<String, String>,
}

impl Cut {
    const MESSAGES: usize = 8;

    fn new(gateway: &TestGateway, seed: u64) -> Self {
        let mut random = Random(seed);
        let unacknowledged = (0..Self::MESSAGES).map(|number| (format!("m{number}"), random.below(300))).collect();
        Self {
            options: Options { url: format!("ws://{}/ws", gateway.address), token: None },
            state: SessionState::default(),
            history: History::default(),
            random,
            unacknowledged,
            acknowledged: BTreeMap::new(),
        }
    }

    /// One connection: resumes, repeats what was not acknowledged, reads a while, and is cut off.
    async fn connect_and_read(&mut self, expected: usize) -> Result<(), ClientError> {
        let mut client = Client::connect(&self.options, self.state.clone()).await?;
        self.history.welcome(&serde_json::to_value(welcome(&client)).expect("JSON"));
        for (id, texts) in &self.unacknowledged {
            let payload = serde_json::value::to_raw_value(&json!({ "texts": texts, "bytes": 40 })).expect("JSON");
            let message = Outgoing {
                kind: "user_message".to_owned(),
                id: id.clone(),
                service: None,
                payload,
                deadline_ms: None,
                run: None,
            };
            client.send(&message).await?;
        }
        for _ in 0..self.random.below(25) {
            if self.history.ended() == expected {
                break;
            }
            let received = match client.receive().await {
                Ok(received) => received,
                // On a busy machine either side may give the connection up: one cut more.
                Err(ClientError::Closed { code: 4003, .. } | ClientError::Silent(_)) => break,
                Err(error) => return Err(error),
            };
            let message: Value = serde_json::from_str(received.text()).expect("JSON");
            self.history.message(&message);
            self.acknowledge(&message);
        }
        self.state = client.into_state();
        Ok(())
    }

    fn acknowledge(&mut self, message: &Value) {
        if message["type"] == "ack" {
            let id = message["reply_to"].as_str().expect("an id").to_owned();
            self.unacknowledged.remove(&id);
            self.acknowledged.insert(id, message["run"].as_str().expect("a run").to_owned());
        }
    }
}

/// A welcome as the history reads it.
fn welcome(client: &Client) -> Value {
    let channels = client.welcome().channels.iter();
    let channels: serde_json::Map<_, _> = channels
        .map(|(name, verdict)| (name.clone(), json!({ "verdict": verdict.verdict, "pos": verdict.pos })))
        .collect();
    json!({ "channels": channels })
}

#[tokio::test]
async fn every_message_has_its_effect_once_and_is_seen_once_across_random_cuts() {
    let gateway = TestGateway::start("limits.heartbeat = \"300ms\"").await;
    let _serving = serve(&gateway, "chat").await;
    for seed in 0..12 {
        println!("seed {seed}");
        let mut cut = Cut::new(&gateway, seed);
        let texts: BTreeMap<_, _> = cut.unacknowledged.clone();
        within(async {
            while cut.history.ended() < Cut::MESSAGES || !cut.unacknowledged.is_empty() {
                cut.connect_and_read(Cut::MESSAGES).await.expect("the connection holds until it is cut");
            }
        })
        .await;
        let mut messages = cut.history.messages().to_vec();
        messages.sort();
        assert_eq!(messages, texts.keys().cloned().collect::<Vec<_>>(), "each message stands in the session once");
        for (id, run) in &cut.acknowledged {
            let seen = cut.history.run(run).expect("its run was seen");
            assert_eq!(seen.end.as_deref(), Some("run_completed"), "{id}");
            assert_eq!(seen.text, served_texts(texts[id], 40), "{id}");
        }
    }
    assert_eq!(gateway.metric("trunkline_runs_started_total").await, 12 * Cut::MESSAGES as u64);
}

/// Reads until this many runs have ended.
async fn read_runs(peer: &mut Peer, history: &mut History, runs: usize) {
    while history.ended() < runs {
        history.message(&peer.message().await);
    }
}

#[tokio::test]
async fn row_41_two_connections_of_one_session_get_everything_once() {
    let gateway = TestGateway::start("limits.heartbeat = \"300ms\"").await;
    let _serving = serve(&gateway, "chat").await;
    let (mut one, welcome) = Peer::welcomed(&gateway, json!({})).await;
    let (mut two, second) = Peer::welcomed(&gateway, returning(&welcome)).await;
    let mut histories = [History::default(), History::default()];
    histories[0].welcome(&welcome);
    histories[1].welcome(&second);
    one.ask("m1", json!({ "texts": 500, "bytes": 20 })).await;
    two.ask("m2", json!({ "texts": 500, "bytes": 20 })).await;
    let [first, second] = &mut histories;
    tokio::join!(read_runs(&mut one, first, 2), read_runs(&mut two, second, 2));
    for history in histories {
        assert_eq!(history.messages().len(), 2);
        assert!(history.runs().all(|run| run.text == served_texts(500, 20)));
    }
}

#[tokio::test]
async fn row_66_a_client_that_stops_reading_goes_on_from_the_log_and_misses_nothing() {
    const TEXTS: u64 = 3_000;
    let gateway = TestGateway::start("").await;
    let _serving = serve(&gateway, "chat").await;
    let (mut slow, welcome) = Peer::slow(&gateway).await;
    let (mut fast, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    slow.ask("m1", json!({ "texts": TEXTS, "bytes": 2_000, "progress": true })).await;
    // The other connection is not held up by the one that does not read.
    fast.until_terminal().await;
    assert!(gateway.metric("trunkline_channels_fell_behind_total").await > 0);

    let mut history = History::default();
    history.welcome(&welcome);
    read_runs(&mut slow, &mut history, 1).await;
    let run = history.runs().next().expect("a run");
    assert!(run.text == served_texts(TEXTS, 2_000), "{} bytes", run.text.len());
    assert!(run.progress.is_sorted(), "state never goes back: {:?}", run.progress);
    assert!(run.progress.len() < usize::try_from(TEXTS).expect("small") / 2, "only the newest state waits");
    assert!(history.frames < usize::try_from(TEXTS).expect("small"), "the past comes folded");
    assert_eq!(history.resets, 0);
}

/// What may be on its way to a client ahead of an answer to it: what the kernel holds, and one message of the largest.
const AHEAD_BYTES_MAX: usize = 160 * 1024;

#[tokio::test]
async fn a_cancel_is_answered_ahead_of_ten_megabytes_that_wait_for_a_slow_client() {
    let gateway = TestGateway::start("").await;
    let _serving = serve(&gateway, "chat").await;
    let (mut slow, welcome) = Peer::slow(&gateway).await;
    let (mut fast, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    let run = slow.start("m1", json!({ "texts": 5_000, "bytes": 2_000 })).await;
    // All of it is said, and next to nothing of it read.
    fast.until_terminal().await;

    slow.send(json!({ "type": "cancel", "run": run })).await;
    let mut ahead = 0;
    loop {
        let message = slow.message().await;
        if message["type"] == "cancel_ack" {
            break;
        }
        ahead += message["payload"]["text"].as_str().unwrap_or_default().len();
    }
    assert!(ahead < AHEAD_BYTES_MAX, "{ahead} bytes went ahead");
}

#[tokio::test]
async fn a_client_that_reads_a_little_slower_is_told_fewer_and_longer_pieces() {
    const TEXTS: u64 = 400;
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut slow, welcome) = Peer::slow(&gateway).await;
    slow.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    // As much as fits into what a connection may have waiting: none of it is read from the log.
    let piece = [b'x'; 300];
    for number in 0..TEXTS {
        worker.text(call.corr, number, &piece).await;
        worker.receive_credit(call.corr, number + 1).await;
    }
    worker.result(call.corr, TEXTS, "1").await;
    let mut history = History::default();
    history.welcome(&welcome);
    read_runs(&mut slow, &mut history, 1).await;
    assert!(history.runs().all(|run| run.text.len() == piece.len() * usize::try_from(TEXTS).expect("small")));
    assert_eq!(gateway.metric("trunkline_channels_fell_behind_total").await, 0);
    let saved = gateway.metric("trunkline_pieces_coalesced_total").await;
    assert!(saved > 0 && history.frames < usize::try_from(TEXTS).expect("small"), "{saved} messages saved");
}

#[tokio::test]
async fn a_client_that_retention_overtakes_is_told() {
    let gateway = TestGateway::start("broker.retention.bytes = \"64KiB\"").await;
    let _serving = serve(&gateway, "chat").await;
    let (mut slow, welcome) = Peer::slow(&gateway).await;
    let (mut fast, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    slow.ask("m1", json!({ "texts": 3_000, "bytes": 2_000 })).await;
    fast.until_terminal().await;

    let mut history = History::default();
    history.welcome(&welcome);
    let mut resets = Vec::new();
    while history.ended() == 0 {
        let message = slow.message().await;
        if message["type"] == "reset" {
            resets.push(message.clone());
        }
        history.message(&message);
    }
    assert_eq!(resets.len(), 1, "{resets:?}");
    assert_eq!(resets[0]["payload"]["reason"], "too_far");
    let run = history.runs().next().expect("a run");
    assert!(served_texts(3_000, 2_000).ends_with(&run.text), "what is left is whole");
}

#[tokio::test]
async fn who_is_told_of_a_run_whose_beginning_is_no_longer_kept_is_told_that() {
    let gateway = TestGateway::start("broker.retention.bytes = \"64KiB\"").await;
    let _serving = serve(&gateway, "chat").await;
    let (mut first, welcome) = Peer::welcomed(&gateway, json!({})).await;
    first.ask("m1", json!({ "texts": 3_000, "bytes": 2_000 })).await;
    first.until_terminal().await;

    let (mut later, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    let run = later.until("run_started").await["payload"]["channel"].clone();
    let of_run = |message: &Value| message["channel"] == run;
    let reset = later.until_one(of_run).await;
    assert_eq!((&reset["type"], &reset["payload"]["reason"]), (&json!("reset"), &json!("too_far")));
    assert_eq!(later.until_one(of_run).await["prev"], reset["payload"]["pos"]);
}

#[tokio::test]
async fn the_newest_state_comes_after_attaching_and_none_after_the_end() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
    peer.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    for percent in 0..100 {
        worker.progress(call.corr, &progress(percent)).await;
    }
    let mut newest = 0;
    while newest < 99 {
        let next = peer.until("progress").await["payload"]["step"].as_u64().expect("a number");
        assert!(next >= newest, "state never goes back");
        newest = next;
    }
    let (mut later, second) = Peer::welcomed(&gateway, returning(&welcome)).await;
    assert_eq!(later.until("progress").await["payload"]["step"], 99, "who comes later gets the newest");
    worker.progress(call.corr, &progress(100)).await;
    worker.result(call.corr, 0, "1").await;
    worker.progress(call.corr, &progress(101)).await;
    // The history refuses state after the end. A second run goes by whole, so that whatever was to come has come.
    later.ask("m2", json!({})).await;
    let next = worker.receive_call().await;
    worker.result(next.corr, 0, "1").await;
    let mut history = History::default();
    history.welcome(&second);
    read_runs(&mut later, &mut history, 2).await;
}

#[tokio::test]
async fn state_that_came_while_nobody_was_there_is_told_to_who_comes_next() {
    let gateway = TestGateway::start("").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
    peer.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    drop(peer);
    gateway.until_metric("trunkline_connections{dialect=\"native\"}", 0).await;
    worker.progress(call.corr, &progress(7)).await;
    // What is stored of the same worker came later.
    worker.text(call.corr, 0, b"x").await;
    worker.receive_credit(call.corr, 1).await;
    let (mut later, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    assert_eq!(later.until("progress").await["payload"]["step"], 7);
    worker.result(call.corr, 1, "1").await;
    later.until_terminal().await;
}

#[tokio::test]
async fn heartbeats_say_how_far_the_client_was_brought() {
    let gateway = TestGateway::start("limits.heartbeat = \"100ms\"").await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
    let own = format!("session:{}", welcome["session"].as_str().expect("an id"));
    let start = json!({ &own: welcome["channels"][&own]["pos"] });
    assert_eq!(peer.until("heartbeat").await["payload"]["channels"], start, "also before anything was sent");
    peer.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    let started = peer.until("run_started").await;
    worker.text(call.corr, 0, b"hello").await;
    let event = peer.until("run_event").await;
    let run = event["channel"].as_str().expect("a channel").to_owned();
    assert_eq!(
        peer.until("heartbeat").await["payload"]["channels"],
        json!({ &own: started["pos"], run: event["pos"] })
    );
    worker.result(call.corr, 1, "1").await;
    peer.until_terminal().await;
    assert_eq!(
        peer.until("heartbeat").await["payload"]["channels"],
        json!({ &own: started["pos"] }),
        "a run that is over is left"
    );
}

#[tokio::test]
async fn row_66_a_client_that_does_not_read_at_all_is_closed_and_can_resume() {
    let gateway = TestGateway::start("limits.write_stall = \"300ms\"").await;
    let _serving = serve(&gateway, "chat").await;
    let (mut slow, welcome) = Peer::slow(&gateway).await;
    slow.ask("m1", json!({ "texts": 3_000, "bytes": 2_000 })).await;
    gateway.until_metric("trunkline_connections_closed_total{code=\"4002\"}", 1).await;

    let mut history = History::default();
    history.welcome(&welcome);
    let mut last = BTreeMap::new();
    while let Incoming::Message(message) = slow.next().await {
        history.message(&message);
        if let (Some(channel), Some(position)) = (message["channel"].as_str(), message["pos"].as_str()) {
            last.insert(channel.to_owned(), json!(position));
        }
        if message["type"] == "run_started" {
            // A run that it has heard nothing of yet is resumed from its beginning.
            let run = message["payload"]["channel"].as_str().expect("a run has a channel");
            last.entry(run.to_owned()).or_insert(Value::Null);
        }
    }
    assert_eq!(history.ended(), 0);
    let mut hello = returning(&welcome);
    hello["resume"] = json!(last);
    let (mut again, second) = Peer::welcomed(&gateway, hello).await;
    history.welcome(&second);
    read_runs(&mut again, &mut history, 1).await;
    assert!(history.runs().all(|run| run.text == served_texts(3_000, 2_000)));
}
