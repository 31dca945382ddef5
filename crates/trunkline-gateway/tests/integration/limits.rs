//! Every limit that `welcome` announces is held, and has a refusal of its own.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::double::Double;
use crate::harness::{TestGateway, within};
use crate::peer::{Peer, is_terminal};
use crate::wire::{PING, TEXT, frame, read_close, upgraded};

const SETTINGS: &str =
    "limits.in_flight = 4\nlimits.message_bytes = \"8KiB\"\nlimits.message_bytes_before_auth = \"2KiB\"";

/// A gateway, a worker of its one service, and a client that has said hello.
struct Scene {
    gateway: TestGateway,
    worker: Double,
    peer: Peer,
    limits: Value,
}

impl Scene {
    async fn open(settings: &str) -> Self {
        let gateway = TestGateway::start(settings).await;
        let worker = Double::join(&gateway, "chat").await;
        let (peer, welcome) = Peer::welcomed(&gateway, json!({})).await;
        Self { gateway, worker, peer, limits: welcome["limits"].clone() }
    }

    fn limit(&self, name: &str) -> usize {
        usize::try_from(self.limits[name].as_u64().expect("a number")).expect("small")
    }

    /// The code of the next `error` with the message that it answers.
    async fn refusal(&mut self) -> (String, Value) {
        let error = self.peer.until("error").await;
        (error["error"]["code"].as_str().expect("a code").to_owned(), error["reply_to"].clone())
    }

    /// How a run ends whose worker sends these events.
    async fn end_of_run(&mut self, events: impl IntoIterator<Item = String>) -> Value {
        self.peer.start("m1", json!({})).await;
        let call = self.worker.receive_call().await;
        for (seq, text) in events.into_iter().enumerate() {
            let seq = u64::try_from(seq).expect("small");
            self.worker.event(call.corr, seq, "tool_output", &text).await;
            if seq % 32 == 31 {
                self.worker.receive_credit(call.corr, seq + 1).await;
            }
        }
        self.peer.until_one(is_terminal).await
    }
}

#[tokio::test]
async fn each_announced_limit_is_held_and_has_its_refusal() {
    let announced = Scene::open(SETTINGS).await.limits;
    for (name, _) in announced.as_object().expect("limits") {
        let mut scene = Scene::open(SETTINGS).await;
        let limit = scene.limit(name);
        match name.as_str() {
            "message_bytes_max" => {
                let text = |bytes: usize| format!(r#"{{"type":"ping","payload":"{}"}}"#, "x".repeat(bytes - 28));
                let (fits, more) = (text(limit), text(limit + 1));
                assert_eq!((fits.len(), more.len()), (limit, limit + 1));
                scene.peer.send_text(&fits).await;
                scene.peer.until("pong").await;
                scene.peer.send_text(&more).await;
                assert_eq!(scene.peer.until_closed().await.1, 1009);
            }
            "message_bytes_before_auth_max" => {
                let token = "[[auth.tokens]]\ntoken = \"0123456789abcdef\"\nsubject = \"a\"";
                let gateway = TestGateway::start(&format!("{SETTINGS}\n{token}")).await;
                let mut stream = upgraded(&gateway, "/ws").await;
                let _ = within(stream.write_all(&frame(TEXT, &vec![b' '; limit + 1]))).await;
                assert_eq!(read_close(&mut stream).await, Some(1009));
            }
            "depth_max" => {
                let nested = |depth: usize| {
                    format!(r#"{{"type":"ping","payload":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1))
                };
                scene.peer.send_text(&nested(limit)).await;
                scene.peer.until("pong").await;
                scene.peer.send_text(&nested(limit + 1)).await;
                assert_eq!(scene.refusal().await.0, "payload_too_deep");
            }
            "in_flight_max" => {
                let message = |id: usize| json!({ "type": "user_message", "id": id.to_string() }).to_string();
                let burst: Vec<u8> = (0..=limit).flat_map(|id| frame(TEXT, message(id).as_bytes())).collect();
                scene.peer.send_bytes(&burst).await;
                assert_eq!(scene.refusal().await, ("too_many_in_flight".to_owned(), json!(limit.to_string())));
            }
            "deadline_ms_max" => {
                let wish = json!({ "type": "user_message", "id": "m1", "deadline_ms": limit * 10 });
                scene.peer.send(wish).await;
                let call = scene.worker.receive_call().await;
                let left = call.deadline_ms.expect("a deadline");
                assert!(left <= limit as u64 && left > limit as u64 / 2, "shortened, not refused: {left}");
            }
            "resume_channels_max" => {
                let channels = |runs: usize, topics: usize| -> serde_json::Map<_, _> {
                    let runs = (0..runs).map(|number| format!("run:{number}"));
                    let topics = (0..topics).map(|number| format!("topic:{number}"));
                    let own = std::iter::once("session:s".to_owned());
                    own.chain(runs).chain(topics).map(|name| (name, Value::Null)).collect()
                };
                let mut peer = Peer::native(&scene.gateway).await;
                for resume in [channels(limit + 1, 0), channels(0, limit), channels(limit, limit)] {
                    let payload = json!({ "session": "s", "resume": resume });
                    peer.send(json!({ "type": "hello", "payload": payload })).await;
                    assert_eq!(peer.error_code().await, "bad_envelope");
                }
                peer.hello(json!({ "session": "s", "resume": channels(limit, limit - 1) })).await;
            }
            "runs_waiting_max" => {
                for number in 0..=limit {
                    scene.peer.start(&number.to_string(), json!({})).await;
                }
                scene.peer.ask("more", json!({})).await;
                assert_eq!(scene.refusal().await, ("busy".to_owned(), json!("more")));
            }
            "runs_parallel_max" => {
                let route = "[[route]]\npath = \"/ws\"\nservice = \"chat\"\nwhile_busy = \"parallel\"";
                let gateway = TestGateway::with_routes(route).await;
                let (mut peer, _) = Peer::welcomed(&gateway, json!({})).await;
                for number in 0..limit {
                    peer.start(&number.to_string(), json!({})).await;
                }
                peer.ask("more", json!({})).await;
                assert_eq!(peer.error_code().await, "busy");
            }
            "event_bytes_max" => {
                let end = scene.end_of_run([format!("\"{}\"", "x".repeat(limit - 1))]).await;
                assert_eq!(end["error"]["code"], "payload_too_large");
            }
            "run_bytes_max" => {
                let event = format!("\"{}\"", "x".repeat(scene.limit("event_bytes_max") - 2));
                let count = limit / event.len() + 1;
                let end = scene.end_of_run(std::iter::repeat_n(event, count)).await;
                assert_eq!(end["error"]["code"], "payload_too_large");
            }
            // A million events take too long here: `trunkline_core::run` has the test.
            "run_events_max" => assert_eq!(limit as u64, trunkline_core::run::RUN_EVENTS_MAX),
            "mistakes_per_minute_max" => {
                for _ in 0..=limit {
                    scene.peer.send_text("{}").await;
                }
                assert_eq!(scene.peer.until_closed().await.1, 4505);
            }
            "pings_per_second_max" => {
                let mut stream = upgraded(&scene.gateway, "/ws").await;
                within(stream.write_all(&frame(PING, b"").repeat(limit + 1))).await.expect("sent");
                assert_eq!(read_close(&mut stream).await, Some(4006));
            }
            other => panic!("{other} is announced, and nothing here shows that it is held"),
        }
    }
}
