//! Fan-out: one run's events to every connection of its session, beside a bare broadcast, uWebSockets and Socket.IO.

use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::Bench;
use super::run::{finish, is_type, message};
use crate::client::Client;
use crate::machine::Placement;
use crate::peers::{Gateway, Session, join_session, open_session};
use crate::process::Server;
use crate::report::{Section, Target};
use crate::socketio::{Recovery, Socket};
use crate::statistics::Spread;

/// Connections, events, and milliseconds between events.
const CASES: [(usize, u32, u32); 3] = [(100, 500, 2), (1_000, 100, 10), (1_000, 1_000, 0)];

const NAMES: [&str; 4] = ["gateway", "bare broadcast", "uWebSockets", "Socket.IO"];

/// Of the gateway's CPU to that of a broadcast with nothing around it.
const BROADCAST_RATIO_MAX: f64 = 1.3;
const SOCKETIO_RATIO_MIN: f64 = 3.0;

/// What is measured at once.
#[derive(Clone, Copy)]
struct Case {
    connections: usize,
    events: u32,
    every_ms: u32,
    /// Of the events of the bare peer and of uWebSockets.
    event_bytes: usize,
}

/// The four servers, all running; only one has something to do at a time.
struct Peers {
    gateway: Gateway,
    bare: Server,
    uwebsockets: Server,
    socketio: Server,
}

/// One connection of the load.
enum Link {
    Gateway(Client),
    /// To the bare peer or to uWebSockets, which understand the same request.
    Broadcast(Client),
    SocketIo(Socket),
}

/// Events that connections were sent.
#[derive(Clone, Copy, Default)]
struct Heard {
    events: u32,
    /// Of their messages, without frames around them.
    bytes: usize,
}

impl Heard {
    fn add(&mut self, message: &[u8]) {
        self.events += 1;
        self.bytes += message.len();
    }
}

#[derive(Default)]
struct Results {
    /// Of the last round.
    heard: Heard,
    cpu_us: Vec<f64>,
    rate: Vec<f64>,
}

/// Measures each case in rounds.
pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let (mut rows, mut targets) = (Vec::new(), Vec::new());
    for (connections, events, every_ms) in CASES {
        let peers = Peers {
            gateway: bench.artifacts.gateway(&bench.machine, Placement::OwnCore).await?,
            bare: bench.artifacts.websocket_broadcast(&bench.machine).await?,
            uwebsockets: bench.artifacts.uwebsockets(&bench.machine).await?,
            socketio: bench.artifacts.socketio(&bench.machine).await?,
        };
        let mut results: [Results; 4] = Default::default();
        for round in 0..bench.rounds {
            for index in 0..NAMES.len() {
                // A broadcast sends what the gateway's clients are sent: as many bytes.
                let Heard { events: heard, bytes } = results[0].heard;
                let event_bytes = bytes.checked_div(heard as usize).unwrap_or_default();
                let case = Case { connections, events, every_ms, event_bytes };
                peers.measure_once(index, round, case, &mut results[index]).await?;
            }
        }
        let pace =
            if every_ms > 0 { format!("one every {every_ms} ms") } else { "as fast as they are taken".to_owned() };
        let ratio = |index: usize| Spread::of_ratios(&results[index].cpu_us, &results[0].cpu_us);
        for (index, name) in NAMES.into_iter().enumerate() {
            let Results { cpu_us, rate, .. } = &results[index];
            let [cpu_us, rate] = [cpu_us, rate].map(|values| Spread::of(values.iter().copied()).to_string());
            rows.push(vec![
                name.to_owned(),
                connections.to_string(),
                pace.clone(),
                cpu_us,
                rate,
                ratio(index).to_string(),
            ]);
        }
        let over = |index: usize| Spread::of_ratios(&results[0].cpu_us, &results[index].cpu_us);
        let case = format!("{connections} connections, {pace}");
        targets.extend([
            broadcast_target("a bare broadcast", &case, over(1)),
            broadcast_target("uWebSockets", &case, over(2)),
            socketio_target(&case, ratio(3)),
        ]);
    }
    Ok(Section {
        title: "Fan-out",
        method:
            "Events of 64 bytes of one run to every connection of its session: each is stored once, encoded once and \
             delivered to all; the CPU includes storing. The worker shares the gateway's core, and is not counted. Beside it:\n\n\
             - a bare broadcast: the gateway's WebSocket driver with a queue, no envelope, no log, no session;\n\
             - uWebSockets 20, which is C++, through socketify 0.0.31: a topic that all connections subscribe to, its own \
             batches, and libuv 1.51 (out of gevent) as its loop, as in uWebSockets.js. The binding adds \
             one call from Python for each event, and the timer between two; none for a delivery;\n\
             - Socket.IO: Node.js, WebSocket only, an emit to a room, connection state recovery.\n\n\
             The first two send as many bytes as the gateway's clients are sent for an event; the events of all three come from \
             within. As fast as they are taken: 64 at a time, which is the window of the gateway's workers."
                .to_owned(),
        header: &[
            "peer",
            "connections",
            "events",
            "server CPU per delivery, µs",
            "deliveries/s",
            "CPU ÷ gateway",
        ],
        rows,
        targets,
    })
}

fn broadcast_target(peer: &str, case: &str, gateway_over: Spread) -> Target {
    Target {
        what: format!("CPU per delivery over {peer}: {case}"),
        promised: "≤ 1.3×",
        measured: format!("{gateway_over}×"),
        met: gateway_over.median <= BROADCAST_RATIO_MAX,
    }
}

fn socketio_target(case: &str, socketio_over: Spread) -> Target {
    Target {
        what: format!("CPU per delivery of Socket.IO over the gateway's: {case}"),
        promised: "≥ 3×",
        measured: format!("{socketio_over}×"),
        met: socketio_over.median >= SOCKETIO_RATIO_MIN,
    }
}

impl Peers {
    async fn measure_once(&self, index: usize, round: usize, case: Case, results: &mut Results) -> anyhow::Result<()> {
        let Case { connections, events, .. } = case;
        let server = [&self.gateway.server, &self.bare, &self.uwebsockets, &self.socketio][index];
        let room = format!("round {round}");
        let (mut caller, session) = connect(index, server, &room, 0, None).await?;
        let ready = Arc::new(Barrier::new(connections));
        let mut listeners = JoinSet::new();
        for number in 1..connections {
            let (link, _) = connect(index, server, &room, number, session.as_ref()).await?;
            listeners.spawn(link.listen(Arc::clone(&ready)));
        }
        ready.wait().await;
        let (began, cpu) = (Instant::now(), server.cpu_seconds()?);
        caller.ask(&room, case).await?;
        results.heard = caller.listen(Arc::new(Barrier::new(1))).await?;
        while let Some(heard) = listeners.join_next().await {
            let Heard { events, bytes } = heard??;
            results.heard.events += events;
            results.heard.bytes += bytes;
        }
        let delivered = results.heard.events;
        let cpu = server.cpu_seconds()? - cpu;
        let expected = events * u32::try_from(connections)?;
        ensure!(delivered == expected, "{}: {delivered} of {expected} events were delivered", NAMES[index]);
        results.cpu_us.push(cpu / f64::from(delivered) * 1e6);
        results.rate.push(f64::from(delivered) / began.elapsed().as_secs_f64());
        Ok(())
    }
}

async fn connect(
    index: usize,
    server: &Server,
    room: &str,
    number: usize,
    session: Option<&Session>,
) -> anyhow::Result<(Link, Option<Session>)> {
    let address = server.address;
    Ok(match index {
        0 => {
            let joined = match session {
                None => open_session(address, "/ws", number).await?,
                Some(_) => join_session(address, "/ws", number, session).await?,
            };
            (Link::Gateway(joined.0), Some(joined.1))
        }
        1 | 2 => (Link::Broadcast(Client::connect(address, "/", None, number).await?), None),
        _ => {
            let (mut socket, _) = Socket::connect(address, number, Recovery::default()).await?;
            socket.request("join", &[json!(room)]).await?;
            (Link::SocketIo(socket), None)
        }
    })
}

impl Link {
    /// Asks for the events, to everyone who listens.
    async fn ask(&mut self, room: &str, case: Case) -> anyhow::Result<()> {
        let Case { events, every_ms, event_bytes, .. } = case;
        let request = json!({ "count": events, "every_ms": every_ms });
        match self {
            Self::Gateway(client) => client.send(message(0, "events", &request.to_string()).as_bytes()).await,
            Self::Broadcast(client) => client.send(format!("{events} {every_ms} {event_bytes}").as_bytes()).await,
            Self::SocketIo(socket) => socket.emit("broadcast", &[json!(room), request]).await,
        }
    }

    /// Receives to the end, and counts the events.
    async fn listen(self, ready: Arc<Barrier>) -> anyhow::Result<Heard> {
        ready.wait().await;
        let mut heard = Heard::default();
        match self {
            Self::Gateway(mut client) => {
                finish(&mut client, |text| {
                    if is_type(text, "measurement") {
                        heard.add(text);
                    }
                })
                .await?;
            }
            Self::Broadcast(mut client) => loop {
                let message = client.answer().await?;
                if message == "end" {
                    break;
                }
                heard.add(&message);
            },
            Self::SocketIo(mut socket) => loop {
                let event = socket.receive().await?;
                if event.name == "end" {
                    break;
                }
                heard.add(event.argument.as_bytes());
            },
        }
        Ok(heard)
    }
}
