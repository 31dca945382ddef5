//! Messages that are input to the run of their session: taken by its worker once, across every loss, or else the beginning
//! of a run of their own.

use serde_json::{Value, json};
use trunkline_bridge::frame::Offer;
use trunkline_protocol::Dialect;

use crate::double::Double;
use crate::harness::{SHORT_DRAIN, TestGateway};
use crate::peer::{NATIVE, Peer, returning};

const ROUTES: &str = r#"
[[route]]
path = "/ws"
service = "chat"
services = ["other"]
while_busy = "steer"
[[route]]
path = "/ws/interrupt"
service = "chat"
while_busy = "interrupt"
"#;

/// Inputs that a run may have which its worker has not taken.
const INPUTS_MAX: usize = 16;

/// A session whose run `m1` is called at a worker that takes input.
struct Steered {
    gateway: TestGateway,
    worker: Double,
    peer: Peer,
    welcome: Value,
    run: String,
    corr: u64,
}

impl Steered {
    async fn start() -> Self {
        Self::with(TestGateway::with_routes(ROUTES).await).await
    }

    async fn lasting() -> Self {
        Self::with(TestGateway::lasting_with_routes(&format!("{SHORT_DRAIN}{ROUTES}")).await).await
    }

    async fn with(gateway: TestGateway) -> Self {
        let mut worker = Double::join_steered(&gateway, "chat").await;
        let (mut peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
        let run = peer.start("m1", json!({ "message": "m1" })).await;
        let corr = worker.receive_call().await.corr;
        Self { gateway, worker, peer, welcome, run, corr }
    }

    /// Sends a message that goes to the run.
    async fn steer(&mut self, id: &str) {
        let run = self.peer.start(id, json!({ "message": id })).await;
        assert_eq!(run, self.run, "the ack of {id} names the run that goes on");
    }

    /// The message that the worker is given next.
    async fn input(&mut self) -> String {
        self.worker.receive_input(self.corr).await.message
    }
}

/// Sends a message again, and gives the run that its `ack` names.
async fn again(peer: &mut Peer, id: &str) -> String {
    peer.ask(id, json!({ "message": id })).await;
    let ack = peer.until_one(|message| message["type"] == "ack" && message["reply_to"] == id).await;
    assert_eq!(ack["payload"]["duplicate"], true, "{ack}");
    peer.ask(id, json!({ "message": "something else" })).await;
    assert_eq!(peer.error_code().await, "duplicate_id");
    ack["run"].as_str().expect("a run").to_owned()
}

/// The run that a message has begun.
async fn begun(peer: &mut Peer, id: &str) -> String {
    let is_wanted = |message: &Value| message["type"] == "run_started" && message["reply_to"] == id;
    peer.until_one(is_wanted).await["run"].as_str().expect("a run").to_owned()
}

async fn end_of(peer: &mut Peer, run: &str) -> Value {
    let is_end = |message: &Value| crate::peer::is_terminal(message) && message["run"] == run;
    peer.until_one(is_end).await["type"].take()
}

#[tokio::test]
async fn a_message_that_comes_while_a_run_goes_on_is_input_to_it() {
    let mut steered = Steered::start().await;
    let (mut other, _) = Peer::welcomed(&steered.gateway, returning(&steered.welcome)).await;
    let (run, corr) = (steered.run.clone(), steered.corr);
    steered.worker.text(corr, 0, b"I begin. ").await;
    steered.steer("m2").await;
    let input = steered.worker.receive_input(corr).await;
    assert_eq!(
        (&*input.message, &*input.kind, &input.payload[..]),
        ("m2", "user_message", &br#"{"message":"m2"}"#[..])
    );
    steered.worker.take(corr, 1, "m2").await;
    steered.worker.result(corr, 2, "1").await;
    for device in [&mut steered.peer, &mut other] {
        let message = device.until_one(|message| message["type"] == "user_message" && message["id"] == "m2").await;
        assert_eq!((&message["run"], message["pos"].is_string()), (&json!(run), true));
        let taken = device.until("run_input").await;
        assert_eq!(
            (&taken["run"], &taken["seq"], &taken["payload"]),
            (&json!(run), &json!(1), &json!({ "input": "m2" }))
        );
        assert_eq!(end_of(device, &run).await, "run_completed");
        let started = |message: &&Value| message["type"] == "run_started" && message["reply_to"] == "m2";
        assert_eq!(device.passed_over().iter().filter(started).count(), 0, "it has no run of its own");
    }
    assert_eq!(again(&mut steered.peer, "m2").await, run, "also now that the run is over");
    // Nothing of it waits: the next message begins a run at once.
    let next = steered.peer.start("m3", json!({})).await;
    assert_eq!((next == run, steered.worker.receive_call().await.message), (false, "m3".to_owned()));
    steered.gateway.until_metric("trunkline_inputs_taken_total", 1).await;
}

#[tokio::test]
async fn inputs_come_in_their_order_and_one_too_many_is_busy() {
    let mut steered = Steered::start().await;
    let ids: Vec<_> = (0..INPUTS_MAX).map(|number| format!("i{number}")).collect();
    for id in &ids {
        steered.steer(id).await;
    }
    steered.peer.ask("more", json!({ "message": "more" })).await;
    assert_eq!(steered.peer.error_code().await, "busy");
    assert_eq!(again(&mut steered.peer, "i3").await, steered.run, "a repetition is none too many");
    for id in &ids {
        assert_eq!(steered.input().await, *id);
    }
    let corr = steered.corr;
    steered.worker.take(corr, 0, "i0").await;
    steered.peer.until("run_input").await;
    steered.gateway.until_metric("trunkline_runs_open", INPUTS_MAX as u64).await;
    steered.steer("more").await;
    assert_eq!(steered.input().await, "more");
}

#[tokio::test]
async fn what_nobody_took_begins_a_run_of_its_own() {
    for cancelled in [false, true] {
        let mut steered = Steered::start().await;
        let (run, corr) = (steered.run.clone(), steered.corr);
        steered.steer("m2").await;
        steered.steer("m3").await;
        assert_eq!([steered.input().await, steered.input().await], ["m2", "m3"]);
        if cancelled {
            steered.peer.send(json!({ "type": "cancel", "run": run })).await;
            steered.worker.receive_cancel(corr).await;
            steered.worker.fail(corr, 0, "cancelled").await;
        } else {
            steered.worker.result(corr, 0, "1").await;
        }
        for id in ["m2", "m3"] {
            let call = steered.worker.receive_call().await;
            let own = begun(&mut steered.peer, id).await;
            assert_eq!((&*call.message, &*call.run), (id, &*own));
            assert_ne!(own, run);
            assert_eq!(&call.payload[..], json!({ "message": id }).to_string().as_bytes());
            assert_eq!(again(&mut steered.peer, id).await, own, "where it is now");
            steered.worker.text(call.corr, 0, id.as_bytes()).await;
            steered.worker.result(call.corr, 1, "1").await;
            assert_eq!(end_of(&mut steered.peer, &own).await, "run_completed");
        }
    }
}

#[tokio::test]
async fn a_worker_that_comes_back_is_given_what_it_has_not_taken() {
    let mut steered = Steered::start().await;
    steered.steer("m2").await;
    steered.steer("m3").await;
    assert_eq!([steered.input().await, steered.input().await], ["m2", "m3"]);
    let corr = steered.corr;
    steered.worker.take(corr, 0, "m2").await;
    steered.peer.until("run_input").await;
    drop(steered.worker);
    steered.peer.start("m4", json!({ "message": "m4" })).await;

    let offer = Offer { run: steered.run.clone(), next: 1, ..Offer::default() };
    let (worker, corr) = Double::return_steered(&steered.gateway, "chat", offer).await;
    (steered.worker, steered.corr) = (worker, corr);
    assert_eq!([steered.input().await, steered.input().await], ["m3", "m4"]);
    steered.worker.take(corr, 1, "m3").await;
    steered.worker.take(corr, 2, "m4").await;
    steered.worker.result(corr, 3, "1").await;
    assert_eq!(end_of(&mut steered.peer, &steered.run).await, "run_completed");
}

#[tokio::test]
async fn inputs_survive_a_restart_of_the_gateway() {
    let mut steered = Steered::lasting().await;
    for id in ["m2", "m3", "m4"] {
        steered.steer(id).await;
        assert_eq!(steered.input().await, id);
    }
    let corr = steered.corr;
    steered.worker.take(corr, 0, "m2").await;
    steered.peer.until("run_input").await;
    let Steered { gateway, worker, peer, welcome, run, .. } = steered;
    drop((worker, peer));

    let gateway = gateway.restarted().await;
    let (mut peer, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    for id in ["m2", "m3"] {
        assert_eq!(again(&mut peer, id).await, run);
    }
    // It had taken one more, which the gateway before did not live to hear.
    let offer = Offer { run: run.clone(), next: 2, ack: 0, ..Offer::default() };
    let (mut worker, corr) = Double::return_steered(&gateway, "chat", offer).await;
    worker.take(corr, 1, "m3").await;
    let mut given = Vec::new();
    while given.last() != Some(&"m4".to_owned()) {
        given.push(worker.receive_input(corr).await.message);
    }
    assert!(!given.contains(&"m2".to_owned()), "what is stored as taken is not given again: {given:?}");
    worker.take(corr, 2, "m4").await;
    worker.result(corr, 3, "1").await;
    let mut taken = Vec::new();
    while taken.len() < 3 {
        taken.push(peer.until("run_input").await["payload"]["input"].take());
    }
    assert_eq!(json!(taken), json!(["m2", "m3", "m4"]), "each once");
    assert_eq!(end_of(&mut peer, &run).await, "run_completed");
    for id in ["m2", "m3", "m4"] {
        assert_eq!(again(&mut peer, id).await, run);
    }
    peer.start("m5", json!({})).await;
    assert_eq!(worker.receive_call().await.message, "m5", "none began a run");
}

#[tokio::test]
async fn an_input_that_nobody_took_before_or_after_a_restart_begins_its_own_run() {
    let mut steered = Steered::lasting().await;
    steered.steer("m2").await;
    let run = steered.run.clone();
    assert_eq!(steered.input().await, "m2");
    let Steered { gateway, worker, peer, welcome, .. } = steered;
    drop((worker, peer));
    let gateway = gateway.restarted().await;
    let (mut peer, _) = Peer::welcomed(&gateway, returning(&welcome)).await;
    let offer = Offer { run: run.clone(), ..Offer::default() };
    // This time as a worker that takes no input.
    let (mut worker, corr) = Double::return_with(&gateway, "chat", offer).await;
    worker.result(corr, 0, "1").await;
    assert_eq!(end_of(&mut peer, &run).await, "run_completed");
    let own = begun(&mut peer, "m2").await;
    assert_eq!(worker.receive_call().await.run, own);
}

#[tokio::test]
async fn where_a_service_takes_no_input_messages_wait_their_turn() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
    let first = peer.start("m1", json!({})).await;
    let call = worker.receive_call().await;
    let second = peer.start("m2", json!({})).await;
    assert_ne!(first, second);
    assert_eq!(begun(&mut peer, "m2").await, second, "it is told of at once, as with queue");
    gateway.until_metric("trunkline_inputs_refused_total", 1).await;
    worker.result(call.corr, 0, "1").await;
    assert_eq!(worker.receive_call().await.message, "m2");
}

#[tokio::test]
async fn a_message_for_another_service_is_no_input() {
    let mut steered = Steered::start().await;
    let mut beside = Double::join_steered(&steered.gateway, "other").await;
    let message = json!({ "type": "user_message", "id": "m2", "to": { "service": "other" }, "payload": {} });
    steered.peer.send(message).await;
    let own = begun(&mut steered.peer, "m2").await;
    assert_ne!(own, steered.run);
    let corr = steered.corr;
    steered.worker.result(corr, 0, "1").await;
    assert_eq!(beside.receive_call().await.message, "m2");
}

#[tokio::test]
async fn a_run_that_waits_for_a_person_takes_input() {
    let mut steered = Steered::start().await;
    let (run, corr) = (steered.run.clone(), steered.corr);
    steered.worker.approval(corr, 0, "q1").await;
    steered.peer.until("run_waiting").await;
    steered.steer("m2").await;
    assert_eq!(steered.input().await, "m2");
    steered.worker.take(corr, 1, "m2").await;
    steered.peer.until("run_input").await;
    let answer =
        json!({ "type": "answer", "id": "a1", "run": run, "payload": { "request_id": "q1", "granted": true } });
    steered.peer.send(answer).await;
    steered.worker.receive_answer(corr).await;
    steered.worker.result(corr, 2, "1").await;
    assert_eq!(end_of(&mut steered.peer, &run).await, "run_completed");
}

#[tokio::test]
async fn a_message_that_interrupts_takes_the_place_of_inputs_too() {
    let mut steered = Steered::start().await;
    let (run, corr) = (steered.run.clone(), steered.corr);
    steered.steer("m2").await;
    assert_eq!(steered.input().await, "m2");
    let mut newer = Peer::open(&steered.gateway, "/ws/interrupt", &[("sec-websocket-protocol", NATIVE)]).await;
    newer.hello(returning(&steered.welcome)).await;
    newer.start("m3", json!({})).await;
    let own = begun(&mut steered.peer, "m2").await;
    assert_eq!(end_of(&mut steered.peer, &own).await, "run_cancelled");
    steered.worker.receive_cancel(corr).await;
    steered.worker.fail(corr, 0, "cancelled").await;
    assert_eq!(end_of(&mut steered.peer, &run).await, "run_cancelled");
    assert_eq!(steered.worker.receive_call().await.message, "m3");
}

#[tokio::test]
async fn a_call_that_is_made_again_is_given_the_inputs_again() {
    let mut steered = Steered::start().await;
    let corr = steered.corr;
    steered.steer("m2").await;
    assert_eq!(steered.input().await, "m2");
    steered.worker.fail_for_now(corr, 0, "overloaded", None).await;
    let call = steered.worker.receive_call().await;
    assert_eq!((call.attempt, &*call.message), (Some(2), "m1"));
    assert_eq!(steered.worker.receive_input(call.corr).await.message, "m2");
    steered.worker.take(call.corr, 0, "m2").await;
    steered.worker.result(call.corr, 1, "1").await;
    assert_eq!(end_of(&mut steered.peer, &steered.run).await, "run_completed");
}

#[tokio::test]
async fn a_worker_that_takes_what_it_was_not_given_fails_its_run() {
    for twice in [false, true] {
        let mut steered = Steered::start().await;
        let corr = steered.corr;
        steered.steer("m2").await;
        assert_eq!(steered.input().await, "m2");
        steered.worker.take(corr, 0, if twice { "m2" } else { "m9" }).await;
        if twice {
            steered.worker.take(corr, 1, "m2").await;
        }
        let failed = steered.peer.until("run_failed").await;
        assert_eq!((&failed["run"], &failed["error"]["code"]), (&json!(steered.run), &json!("worker_protocol")));
    }
}

#[tokio::test]
async fn old_clients_steer_too() {
    for dialect in [Dialect::Open, Dialect::Flat] {
        let name = dialect.name();
        let route =
            format!("[[route]]\npath = \"/old\"\nservice = \"chat\"\ndialect = \"{name}\"\nwhile_busy = \"steer\"\n");
        let gateway = TestGateway::with_routes(&route).await;
        let mut worker = Double::join_steered(&gateway, "chat").await;
        let mut peer = Peer::old(&gateway, "/old", dialect).await;
        peer.send(json!({ "type": "user_message", "message": "draw" })).await;
        let corr = worker.receive_call().await.corr;
        peer.send(json!({ "type": "user_message", "message": "in red" })).await;
        let input = worker.receive_input(corr).await;
        let said: Value = serde_json::from_slice(&input.payload).expect("JSON");
        assert_eq!(said["message"], "in red", "{name}");
        worker.take(corr, 0, &input.message).await;
        worker.text(corr, 1, b"a red house").await;
        worker.result(corr, 2, "null").await;
        assert_eq!(peer.until("run_input").await["input"], json!(input.message), "{name}");
        let answers = if dialect == Dialect::Flat { "agent_complete" } else { "response" };
        peer.until(answers).await;
        peer.send(json!({ "type": "user_message", "message": "again" })).await;
        assert_ne!(worker.receive_call().await.corr, corr, "{name}: one answer to both, and then a run of its own");
    }
}
