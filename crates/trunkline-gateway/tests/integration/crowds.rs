//! Presence where there is much of it: many topics, many members, many changes, and readers who do not keep up. Nobody is
//! let go for it, and in the end everybody knows what is true.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::harness::TestGateway;
use crate::peer::Peer;
use crate::wire;

const EVERYBODY: &str = r#"auth.anonymous_scopes = ["subscribe:*", "presence:*"]"#;

/// Topics that one page has.
const TOPICS: usize = 12;

/// Members of each.
const MEMBERS: usize = 100;

fn subscribe(topic: &str) -> Value {
    json!({ "type": "subscribe", "payload": { "topic": topic } })
}

fn says(topic: &str, state: &str) -> Value {
    json!({ "type": "presence_state", "channel": format!("topic:{topic}"), "payload": { "state": state } })
}

fn burst(messages: impl IntoIterator<Item = Value>) -> Vec<u8> {
    messages.into_iter().flat_map(|message| wire::frame(wire::TEXT, message.to_string().as_bytes())).collect()
}

/// A client that is seen in all of these topics.
async fn seen_in(gateway: &TestGateway, topics: &[String]) -> Peer {
    let (mut peer, _) = Peer::welcomed(gateway, json!({})).await;
    peer.send_bytes(&burst(topics.iter().map(|topic| subscribe(topic)))).await;
    for _ in topics {
        peer.until("attached").await;
    }
    peer.send_bytes(&burst(topics.iter().map(|topic| says(topic, "online")))).await;
    peer
}

/// Who is in a topic and what they do, as a client understands what it is told; `None` where only the number is told.
#[derive(Debug, Default)]
struct View {
    members: Option<BTreeMap<String, String>>,
    count: usize,
}

impl View {
    fn take(&mut self, message: &Value) {
        let payload = &message["payload"];
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let member = || text(&payload["member"]);
        let known = self.members.as_mut();
        let known = || known.expect("a list came before");
        match message["type"].as_str().expect("a type") {
            "presence_members" => {
                let doing = |listed: &Value| (text(&listed["member"]), text(&listed["state"]));
                self.members = payload["members"].as_array().map(|listed| listed.iter().map(doing).collect());
                self.count = usize::try_from(payload["count"].as_u64().expect("a number")).expect("small");
            }
            "presence_join" => assert_eq!(known().insert(member(), "online".to_owned()), None),
            "presence_leave" => assert!(known().remove(&member()).is_some()),
            "presence_state" => assert!(known().insert(member(), text(&payload["state"])).is_some()),
            _ => return,
        }
        self.count = self.members.as_ref().map_or(self.count, BTreeMap::len);
    }
}

/// Takes what a client is told until it sees a topic so.
async fn until_it_sees(peer: &mut Peer, view: &mut View, is_so: impl Fn(&View) -> bool) {
    while !is_so(view) {
        let told = peer.until_one(|message| message["type"].as_str().is_some_and(|kind| kind.starts_with("presence_")));
        view.take(&told.await);
    }
}

#[tokio::test]
async fn a_page_with_many_topics_of_many_members_comes_back_in_one_burst_and_stays() {
    let gateway = TestGateway::start(EVERYBODY).await;
    let topics: Vec<_> = (0..TOPICS).map(|number| format!("room-{number}")).collect();
    let mut others = Vec::new();
    for _ in 1..MEMBERS {
        others.push(seen_in(&gateway, &topics).await);
    }
    let mut page = seen_in(&gateway, &topics).await;
    gateway.until_metric("trunkline_presence_visits", (TOPICS * MEMBERS) as u64).await;
    let positions: serde_json::Map<_, _> = topics
        .iter()
        .map(|topic| format!("topic:{topic}"))
        .map(|channel| (channel.clone(), page.position(&channel).clone()))
        .collect();
    page.so_far().await;
    drop(page);

    let mut page = Peer::native(&gateway).await;
    let hello = json!({ "type": "hello", "payload": { "resume": positions } });
    let states = topics.iter().map(|topic| says(topic, "away"));
    page.send_bytes(&burst([hello].into_iter().chain(states))).await;
    let (mut you, mut told) = (BTreeSet::new(), BTreeMap::<String, View>::new());
    while told.len() < TOPICS || told.values().any(|view| view.count < MEMBERS) {
        let list = page.until("presence_members").await;
        you.extend(list["payload"]["you"].as_str().map(str::to_owned));
        told.entry(list["channel"].as_str().expect("a topic").to_owned()).or_default().take(&list);
    }
    let you = you.pop_first().expect("it is told its name");
    for view in told.values() {
        // The page before it, which was another session, is still waited for.
        let members = view.members.as_ref().expect("everybody is told");
        assert!((MEMBERS..=MEMBERS + 1).contains(&members.len()), "{}", members.len());
        assert_eq!(members[&you], "away");
    }
    assert!(page.so_far().await.iter().all(|message| message["type"] != "error"));
    assert_eq!(gateway.metric("trunkline_connections_closed_total{code=\"4002\"}").await, 0);
}

#[tokio::test]
async fn a_member_that_alternates_is_told_once_a_second_and_lets_nobody_go() {
    const CHANGES: usize = 20_000;
    let gateway = TestGateway::start(EVERYBODY).await;
    let topics = ["room".to_owned()];
    let mut reader = seen_in(&gateway, &topics).await;
    let (mut slow, _) = Peer::slow(&gateway).await;
    slow.send(subscribe("room")).await;
    slow.until("attached").await;
    slow.send(says("room", "online")).await;
    let mut restless = seen_in(&gateway, &topics).await;
    let list = restless.until_one(|message| message["payload"]["you"].is_string()).await;
    let name = list["payload"]["you"].as_str().expect("a name").to_owned();
    let mut view = View::default();
    until_it_sees(&mut reader, &mut view, |view| view.count == 3).await;

    let began = Instant::now();
    let states = (0..CHANGES).map(|number| says("room", if number % 2 == 0 { "thinking" } else { "online" }));
    restless.send_bytes(&burst(states.chain([says("room", "away")]))).await;
    let does = |view: &View, state: &str| {
        view.members.as_ref().is_some_and(|members| members.get(&name).is_some_and(|does| does == state))
    };
    let mut changes = 0;
    while !does(&view, "away") {
        view.take(&reader.until("presence_state").await);
        changes += 1;
    }
    let seconds = began.elapsed().as_secs() + 1;
    assert!(changes <= seconds, "{changes} changes in {seconds} s");
    assert!(gateway.metric("trunkline_presence_held_total").await > 1_000);

    let mut view = View::default();
    until_it_sees(&mut slow, &mut view, |view| view.count == 3 && does(view, "away")).await;
    for peer in [&mut reader, &mut slow, &mut restless] {
        peer.so_far().await;
    }
}

/// Users whose names are so long that a hundred and twenty of them make a topic a large one.
fn long_names(count: usize) -> (String, Vec<String>) {
    let (mut settings, mut tokens) = (String::new(), Vec::new());
    for number in 0..count {
        let token = format!("token-{number:03}-0123456789abcdef");
        let subject = format!("{number:03}{}", "\\\"".repeat(253));
        let scopes = r#"["subscribe:room", "presence:room"]"#;
        writeln!(settings, "[[auth.tokens]]\ntoken = \"{token}\"\nsubject = \"{subject}\"\nscopes = {scopes}")
            .expect("written to memory");
        tokens.push(token);
    }
    (settings, tokens)
}

async fn seen_as(gateway: &TestGateway, token: &str) -> Peer {
    let mut peer = Peer::native(gateway).await;
    peer.hello(json!({ "token": token })).await;
    peer.send(subscribe("room")).await;
    peer.until("attached").await;
    peer.send(says("room", "online")).await;
    peer
}

#[tokio::test]
async fn a_topic_that_becomes_too_large_is_told_by_its_number_until_it_is_well_below_again() {
    let (settings, tokens) = long_names(130);
    let gateway = TestGateway::start(&settings).await;
    let mut reader = seen_as(&gateway, &tokens[0]).await;
    let (mut view, mut others) = (View::default(), Vec::new());
    until_it_sees(&mut reader, &mut view, |view| view.count == 1).await;
    while view.members.is_some() {
        let count = view.count + 1;
        others.push(seen_as(&gateway, &tokens[count - 1]).await);
        until_it_sees(&mut reader, &mut view, |view| view.count == count).await;
    }
    let most = view.count;
    let mut newest = others.pop().expect("somebody");
    let told = newest.until("presence_members").await;
    assert_eq!((&told["payload"]["count"], &told["payload"]["members"]), (&json!(most), &Value::Null));

    // One less is not small again, and everybody is told nothing but the number.
    newest.send(json!({ "type": "unsubscribe", "payload": { "topic": "room" } })).await;
    until_it_sees(&mut reader, &mut view, |view| view.count == most - 1).await;
    assert_eq!(view.members, None);
    let stay = most * 8 / 10;
    for peer in others.drain(stay - 1..) {
        let mut peer = peer;
        peer.send(json!({ "type": "unsubscribe", "payload": { "topic": "room" } })).await;
        drop(peer.so_far().await);
    }
    others[0].send(says("room", "away")).await;
    until_it_sees(&mut reader, &mut view, |view| view.members.is_some() && view.count == stay).await;
    let second = |view: &View| view.members.as_ref().and_then(|members| members.values().nth(1).cloned());
    until_it_sees(&mut reader, &mut view, |view| second(view).as_deref() == Some("away")).await;
    let mut view = View::default();
    until_it_sees(&mut others[0], &mut view, |view| second(view).as_deref() == Some("away") && view.count == stay)
        .await;
}
