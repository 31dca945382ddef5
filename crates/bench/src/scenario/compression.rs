//! Compression: what a stream of tokens costs, on the wire and in the gateway, with and without.

use std::sync::Arc;

use anyhow::ensure;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::Bench;
use super::run::{finish, is_type, message};
use crate::client::Client;
use crate::machine::Placement;
use crate::peers::{join_session, open_session};
use crate::process::Server;
use crate::report::Section;
use crate::statistics::Spread;

/// Prose that does not change.
const TEXT: &str = include_str!("../../../../LICENSE-APACHE");

/// Bytes of it that each stream says.
const TEXT_BYTES: usize = 4_000;

const EVERY_MS: f64 = 10.0;

/// Streams at once, and connections that are told of each.
const CASES: [(usize, usize); 2] = [(20, 1), (1, 100)];

/// What all connections of one measurement were sent.
#[derive(Default)]
struct Told {
    messages: u32,
    bytes: u64,
}

/// Measures each case in rounds, plain and compressed in turn.
pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut rows = Vec::new();
    for (streams, subscribers) in CASES {
        let gateway = bench.artifacts.gateway(&bench.machine, Placement::OwnCore).await?;
        let routes = ["/ws", "/compressed"];
        let mut results = routes.map(|_| (Vec::new(), Vec::new()));
        for _ in 0..bench.rounds {
            for (path, (bytes, cpu_us)) in routes.into_iter().zip(&mut results) {
                let cpu = gateway.server.cpu_seconds()?;
                let told = measure_once(&gateway.server, path, streams, subscribers).await?;
                cpu_us.push((gateway.server.cpu_seconds()? - cpu) / f64::from(told.messages) * 1e6);
                bytes.push(f64::from(u32::try_from(told.bytes)?) / f64::from(told.messages));
            }
        }
        for (path, (bytes, cpu_us)) in routes.into_iter().zip(results) {
            let how = if path == "/ws" { "plain" } else { "compressed" };
            let [bytes, cpu_us] = [bytes, cpu_us].map(|values| Spread::of(values).to_string());
            rows.push(vec![subscribers.to_string(), how.to_owned(), bytes, cpu_us]);
        }
    }
    Ok(Section {
        title: "Compression",
        method: format!(
            "Streams of {TEXT_BYTES} bytes of English prose, a word every {EVERY_MS} ms: {} of them at once, each for its own connection, and \
             one for {} connections of one session. A message is one of text, as a connection is sent it; the bytes are those of the \
             whole run on the wire. The CPU includes connecting and storing.",
            CASES[0].0, CASES[1].1
        ),
        header: &["subscribers", "messages", "bytes per message", "gateway CPU per message, µs"],
        rows,
        targets: Vec::new(),
    })
}

async fn measure_once(gateway: &Server, path: &str, streams: usize, subscribers: usize) -> anyhow::Result<Told> {
    let ready = Arc::new(Barrier::new(streams * subscribers));
    let mut connections = JoinSet::new();
    for stream in 0..streams {
        let (caller, session) = open_session(gateway.address, path, stream).await?;
        connections.spawn(listen(caller, true, Arc::clone(&ready)));
        for number in 1..subscribers {
            let (client, _) = join_session(gateway.address, path, number, Some(&session)).await?;
            connections.spawn(listen(client, false, Arc::clone(&ready)));
        }
    }
    let mut all = Told::default();
    while let Some(told) = connections.join_next().await {
        let told = told??;
        all.messages += told.messages;
        all.bytes += told.bytes;
    }
    ensure!(all.messages > 0, "nothing was said");
    Ok(all)
}

/// Receives one run to its end, which the `caller` asks for.
async fn listen(mut client: Client, caller: bool, ready: Arc<Barrier>) -> anyhow::Result<Told> {
    ready.wait().await;
    let before = client.bytes_received;
    if caller {
        let text = TEXT.get(..TEXT_BYTES).unwrap_or(TEXT);
        let speech = serde_json::json!({ "text": text, "every_ms": EVERY_MS });
        client.send(message(0, "speak", &speech.to_string()).as_bytes()).await?;
    }
    let mut messages = 0;
    finish(&mut client, |text| messages += u32::from(is_type(text, "run_event"))).await?;
    Ok(Told { messages, bytes: client.bytes_received - before })
}
