//! What is hard to bring about from outside: logs that are lost while they are read, and threads that meet.

use std::pin::pin;
use std::sync::Barrier;
use std::task::Context;
use std::thread;
use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use http::HeaderValue;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, protocol::Role};
use trunkline_broker::{Append, Batch, Committed, Op, Written};
use trunkline_core::channel::ChannelKey;
use trunkline_core::record::{self, RecordKind};
use trunkline_protocol::{Envelope, Position};

use trunkline_ws::deflate::negotiate;

use super::opening::Hello;
use super::outgoing::Read;
use super::*;
use crate::gateway::Gateway;

/// Appends a record, and gives its position.
async fn append(node: &Node, channel: &ChannelKey, kind: RecordKind) -> Position {
    let data = record::data(kind, &Envelope::new("something"));
    let append =
        Append { channel: channel.clone(), data, expected: None, seals: false, idempotency: None, retention: None };
    let batch = Batch { ops: vec![Op::Append(append)], ..Batch::default() };
    let Committed { written } = node.broker.commit(batch).await.expect("stored");
    let [Written::Appended(position)] = written[..] else { panic!("appended") };
    position
}

/// The sending half of a connection, whose client's frames the test takes itself.
struct Sending {
    outgoing: Outgoing,
    subscriber: Arc<Subscriber>,
    socket: Socket<DuplexStream>,
    said: Vec<Value>,
}

impl Sending {
    fn new(node: &Arc<Node>) -> Self {
        let subscriber = Subscriber::for_tests(Dialect::Native.into());
        let outgoing = Outgoing::new(Arc::clone(node), Arc::clone(&subscriber));
        let (stream, _) = duplex(1);
        Self { outgoing, subscriber, socket: Socket::new(stream, Bytes::new(), &Options::default()), said: Vec::new() }
    }

    /// Reads the log that is wanted most.
    async fn read(&mut self) {
        self.outgoing.flush(&mut self.socket);
        let read = self.outgoing.read_page().await;
        assert_eq!(self.outgoing.take_page(read), None, "its log is there");
        self.take();
    }

    fn take(&mut self) {
        let mut frames = Vec::new();
        self.subscriber.outbox().take(usize::MAX, |frame| frames.push(frame));
        let written = frames.into_iter().filter_map(|frame| frame.into_bytes(&self.subscriber, None));
        self.said.extend(written.map(|frame| message::read_frame(&frame)));
    }

    /// What was said of a channel.
    fn of(&self, channel: &ChannelKey) -> Vec<&Value> {
        self.said.iter().filter(|message| message["channel"] == channel.public_name()).collect()
    }
}

#[tokio::test]
async fn two_channels_that_are_reset_at_once_are_both_told_and_both_come_from_their_oldest_record() {
    let node = Gateway::node_for_tests("broker.retention.records = 2").await;
    let (trimmed, renewed) = (ChannelKey::run("default", "r"), ChannelKey::session("default", "s"));
    let mut of_trimmed = Vec::new();
    for _ in 0..9 {
        of_trimmed.push(append(&node, &trimmed, RecordKind::Event).await);
    }
    let only = append(&node, &renewed, RecordKind::Message).await;
    let of_another_life = Position { epoch: only.epoch.wrapping_add(1), ..only };

    let mut sending = Sending::new(&node);
    node.hub.attach(&trimmed, &sending.subscriber, Priority::Bulk, Some(of_trimmed[0]));
    sending.read().await;
    // The one that is more urgent comes before the other one was told where it goes on.
    node.hub.attach(&renewed, &sending.subscriber, Priority::Interactive, Some(of_another_life));
    sending.read().await;
    assert!(sending.said.is_empty(), "both are to be reset: {:?}", sending.said);
    sending.read().await;
    sending.read().await;

    for (channel, reason, newest) in [(&trimmed, "too_far", of_trimmed[8]), (&renewed, "epoch_changed", only)] {
        let said = sending.of(channel);
        let [reset, records @ ..] = &said[..] else { panic!("nothing was said of {channel}") };
        assert_eq!((&reset["type"], &reset["payload"]["reason"]), (&json!("reset"), &json!(reason)), "{channel}");
        assert_eq!(records[0]["prev"], reset["payload"]["pos"], "{channel}");
        assert_eq!(records.last().expect("one at least")["pos"], newest.to_string(), "{channel}");
        assert!(records.is_sorted_by(|one, next| one["pos"] == next["prev"]), "{channel}: {records:?}");
    }
    assert_eq!(sending.of(&renewed).len(), 2);
    assert!(sending.of(&trimmed).len() > 2, "all that is retained");
    // And both are live again.
    for (channel, kind) in [(&trimmed, RecordKind::Event), (&renewed, RecordKind::Message)] {
        let next = append(&node, channel, kind).await;
        sending.take();
        assert_eq!(sending.said.pop().expect("it was offered")["pos"], next.to_string());
    }
}

/// Threads that have something for one connection at the same moment.
const THREADS: usize = 2;

/// How often they have.
const ROUNDS: usize = 10_000;

/// Long enough for a machine under load; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client's pong without content: it wakes the connection's task and has no answer.
const PONG: [u8; 6] = [0x8A, 0x80, 0, 0, 0, 0];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_queued_while_a_connection_is_at_work_is_seen_without_a_further_wake_up() {
    // No heartbeat may come to the help of a frame that was overlooked.
    let node = Gateway::node_for_tests("limits.heartbeat = \"1h\"").await;
    let route = Arc::clone(node.routes.find("/ws").expect("the route that is always there"));
    let accepted = Accepted { route, wire: Dialect::Native.into(), caller: None, deflate: None };
    let (stream, mut client) = duplex(64 * 1024);
    let mut connection = Connection::new(node, accepted, stream, Bytes::new());
    let subscriber = Arc::clone(&connection.membership.subscriber);
    let serving = tokio::spawn(async move { connection.run().await });

    let frame = trunkline_ws::frame::ping(b"seen");
    let start = Arc::new(Barrier::new(THREADS + 1));
    for _ in 0..THREADS {
        let (subscriber, frame, start) = (Arc::clone(&subscriber), frame.clone(), Arc::clone(&start));
        thread::spawn(move || {
            for _ in 0..ROUNDS {
                start.wait();
                subscriber.push_control(frame.clone());
            }
        });
    }
    let mut seen = vec![0; THREADS * frame.len()];
    for round in 0..ROUNDS {
        start.wait();
        client.write_all(&PONG).await.expect("the connection is open");
        let all = tokio::time::timeout(PATIENCE, client.read_exact(&mut seen)).await;
        all.unwrap_or_else(|_| panic!("a frame of round {round} was overlooked")).expect("the connection is open");
    }
    drop(client);
    serving.await.expect("it did not panic");
}

/// What a connection reads before it lets others have their turn.
const TURN_BYTES: usize = 256 * 1024;

#[tokio::test]
async fn a_connection_with_much_to_read_lets_others_have_their_turn() {
    let node = Gateway::node_for_tests("limits.heartbeat = \"1h\"").await;
    for (deflate, turn_bytes) in [(None, TURN_BYTES), (Some(agreed()), COMPRESSED_TURN_BYTES)] {
        let route = Arc::clone(node.routes.find("/ws").expect("the route that is always there"));
        let accepted = Accepted { route, wire: Dialect::Native.into(), caller: None, deflate };
        let sent = PONG.repeat(8 * turn_bytes / PONG.len());
        let stream = tokio::io::join(&sent[..], tokio::io::sink());
        let mut connection = Connection::new(Arc::clone(&node), accepted, stream, Bytes::new());
        assert_eq!(turns_of(connection.run()).await, 8, "{deflate:?}");
    }
}

/// What is agreed on with a client that offers `permessage-deflate` and nothing else.
fn agreed() -> Deflate {
    negotiate([&HeaderValue::from_static("permessage-deflate")]).expect("acceptable")
}

/// The same of a connection whose messages may be compressed.
const COMPRESSED_TURN_BYTES: usize = 16 * 1024;

/// How often a task has its turn until it is over.
async fn turns_of(task: impl Future) -> usize {
    let mut task = pin!(task);
    let mut turns = 0;
    let count = |context: &mut Context<'_>| {
        turns += 1;
        task.as_mut().poll(context)
    };
    std::future::poll_fn(count).await;
    turns
}

#[tokio::test]
async fn a_connection_that_has_begun_to_look_at_its_outbox_is_woken_again() {
    let node = Gateway::node_for_tests("").await;
    let mut sending = Sending::new(&node);
    let subscriber = Arc::clone(&sending.subscriber);
    subscriber.wake();
    subscriber.woken().now_or_never().expect("it was woken, and is going to look");
    // Whoever holds the outbox puts something in; the connection looks at what was there before or after that.
    let outbox = subscriber.outbox();
    let looking = thread::spawn(move || sending.outgoing.flush(&mut sending.socket));
    let begun = Instant::now();
    while subscriber.woken().now_or_never().is_none() {
        assert!(begun.elapsed() < PATIENCE, "it does not know yet whether it will see this, so it has to be woken");
        subscriber.wake();
        thread::yield_now();
    }
    drop(outbox);
    looking.join().expect("it did not panic");
}

#[tokio::test]
async fn a_log_that_cannot_be_read_ends_the_connection_and_is_not_told_as_gone() {
    let node = Gateway::node_for_tests("").await;
    let route = Arc::clone(node.routes.find("/ws").expect("the route that is always there"));
    let accepted = Accepted { route, wire: Dialect::Native.into(), caller: None, deflate: None };
    let mut connection = Connection::new(Arc::clone(&node), accepted, duplex(1).0, Bytes::new());
    let channel = ChannelKey::session("default", "s");
    let subscriber = Arc::clone(&connection.membership.subscriber);
    node.hub.attach(&channel, &subscriber, Priority::Interactive, None);
    let wanted = subscriber.outbox().wanted().expect("its log is to be read");
    assert_eq!(connection.outgoing.take_page(Read::failed(wanted)), None);
    assert!(subscriber.outbox().is_empty(), "nothing is said of it");
    connection.end_if_due();
    assert_eq!(connection.incoming.close_code(), Some(CloseCode::Overloaded));
}

#[tokio::test]
async fn on_a_full_disk_whoever_was_here_before_comes_back_and_nothing_new_is_made() {
    let node = Gateway::node_for_tests("[auth]\nanonymous_scopes = [\"subscribe:*\"]").await;
    let client = || Client {
        caller: node.auth.anonymous().expect("there are no tokens"),
        realm: "default".to_owned(),
        wire: Dialect::Native.into(),
        connection: "c".to_owned(),
    };
    let says = |hello: Value| open(Arc::clone(&node), client(), serde_json::from_value::<Hello>(hello).expect("hello"));
    let opened = says(json!({ "resume": { "topic:old": null } })).await.expect("there is room");
    let welcome = message::read_frame(&opened.welcome)["payload"].take();
    node.runs.disk.fill();
    let returning = json!({
        "session": welcome["session"], "secret": welcome["secret"], "resume": { "topic:old": null },
    });
    assert_eq!(says(returning).await.expect("it is there").places.len(), 2);
    let mut with_a_new_topic = welcome.clone();
    with_a_new_topic["resume"] = json!({ "topic:new": null });
    for hello in [json!({}), with_a_new_topic] {
        assert_eq!(says(hello).await.err(), Some(BrokerError::Overloaded));
    }
    assert!(node.broker.head(&ChannelKey::topic("default", "new").expect("a name")).await.expect("read").is_none());
}

#[tokio::test]
async fn a_session_whose_runs_find_no_place_is_refused_and_not_followed_in_part() {
    let node = Gateway::node_for_tests("").await;
    let route = Arc::clone(node.routes.find("/ws").expect("the route that is always there"));
    let accepted = Accepted { route, wire: Dialect::Native.into(), caller: None, deflate: None };
    let mut connection = Connection::new(Arc::clone(&node), accepted, duplex(1).0, Bytes::new());
    let subscriber = Arc::clone(&connection.membership.subscriber);
    let [first, further] = ["s", "t"].map(|id| ChannelKey::session("default", id));
    let run = |id: usize| ChannelKey::run("default", &id.to_string());
    node.hub.attach(&first, &subscriber, Priority::Interactive, None);
    for id in 1..CHANNELS_MAX {
        assert!(node.hub.attach_run(&run(id), &first, &subscriber, Priority::Interactive, None));
    }
    let place = || Some(Place { channel: further.clone(), session: None, cursor: None, is_new: false });
    let attached = |runs| Attached { told: Bytes::from_static(b"{}"), place: place(), session: None, runs };
    connection.attached(Some("a1"), Ok(attached(vec![run(CHANNELS_MAX), run(CHANNELS_MAX + 1)])));
    let mut said = Vec::new();
    subscriber.outbox().take(usize::MAX, |frame| said.extend(frame.into_bytes(&subscriber, None)));
    let [refusal] = &said[..] else { panic!("one answer: {said:?}") };
    let refusal = message::read_frame(refusal);
    assert_eq!((&refusal["reply_to"], &refusal["error"]["code"]), (&json!("a1"), &json!("busy")));
    assert!(!subscriber.outbox().is_attached(&further) && subscriber.outbox().runs_of(&further).is_empty());
    assert!(!node.hub.has_listeners(&further));

    connection.attached(Some("a2"), Ok(attached(vec![run(CHANNELS_MAX)])));
    assert_eq!(subscriber.outbox().runs_of(&further), [run(CHANNELS_MAX)], "it has a place for one");
}

/// A client that says what it likes, and waits for what it wants to hear.
struct Talking(WebSocketStream<DuplexStream>);

impl Talking {
    async fn say(&mut self, message: Value) {
        self.0.send(tungstenite::Message::text(message.to_string())).await.expect("the connection is open");
    }

    async fn hear(&mut self, kind: &str) -> Value {
        let heard = async {
            loop {
                let next = self.0.next().await.expect("the connection is open").expect("a frame");
                if let tungstenite::Message::Text(text) = next
                    && let message = serde_json::from_str::<Value>(&text).expect("JSON")
                    && message["type"] == kind
                {
                    return message;
                }
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.unwrap_or_else(|_| panic!("nothing was said of {kind}"))
    }
}

#[tokio::test]
async fn a_topic_that_is_gone_takes_whoever_is_seen_in_it_along() {
    let scopes = "[auth]\nanonymous_scopes = [\"subscribe:*\", \"presence:*\"]";
    let node = Gateway::node_for_tests(scopes).await;
    let route = Arc::clone(node.routes.find("/ws").expect("the route that is always there"));
    let accepted = Accepted { route, wire: Dialect::Native.into(), caller: None, deflate: None };
    let (stream, client) = duplex(64 * 1024);
    let mut connection = Connection::new(Arc::clone(&node), accepted, stream, Bytes::new());
    let subscriber = Arc::clone(&connection.membership.subscriber);
    let serving = tokio::spawn(async move { connection.run().await });
    let mut client = Talking(WebSocketStream::from_raw_socket(client, Role::Client, None).await);
    client.say(json!({ "type": "hello" })).await;
    client.hear("welcome").await;

    let topic = ChannelKey::topic("default", "t").expect("a name");
    for id in ["first", "again"] {
        client.say(json!({ "type": "subscribe", "id": id, "payload": { "topic": "t" } })).await;
        client.hear("attached").await;
        let online = json!({ "type": "presence_state", "channel": "topic:t", "payload": { "state": "online" } });
        client.say(online).await;
        assert!(client.hear("presence_members").await["payload"]["you"].is_string(), "{id}");

        let gone = Op::Remove { channel: topic.clone(), expected: None };
        node.broker.commit(Batch { ops: vec![gone], ..Batch::default() }).await.expect("removed");
        subscriber.outbox().fall_behind(&topic);
        subscriber.wake();
        assert_eq!(client.hear("reset").await["payload"], json!({ "reason": "unknown" }));
        assert_eq!(node.metrics.presence_visits.get(), 0, "nobody is seen there");
    }
    drop(client);
    serving.await.expect("it did not panic");
}
