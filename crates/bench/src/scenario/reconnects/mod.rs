//! Lost connections: what is lost with them, how long it takes to have what was missed, and what many at once cost.

mod crowd;
mod link;
mod random;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::crowd::{AWAY, Outcome, Plan, connection_number, live};
use self::link::{Link, Peer};
use super::Bench;
use crate::clock;
use crate::machine::Placement;
use crate::process::{Server, own_cpu_seconds};
use crate::report::{Section, Target};
use crate::statistics::Spread;

const CLIENTS_MAX: usize = 10_000;
const CUT: usize = 5_000;

/// Connections that are opened at a time: fewer than a listening socket's usual backlog.
const OPENED_TOGETHER: usize = 50;

/// So slow, because all streams come from one Python worker that shares the gateway's core.
const EVERY: Duration = Duration::from_secs(4);
const RAMP: Duration = Duration::from_secs(20);
const KILLS_FOR: Duration = Duration::from_secs(15);
const KILL_EVERY: Duration = Duration::from_secs(20);
/// Between the last kill and the cut, and after the cut: everyone comes back.
const QUIET: Duration = Duration::from_secs(8);
const AFTER_CUT: Duration = Duration::from_secs(10);

/// A round with everything in it, opening included.
const ROUND_WITHIN: Duration = Duration::from_secs(150);

/// After everyone may come back: the CPU of both sides is read over this time.
const RUSH: Duration = Duration::from_secs(2);

const REPLAY_MS_MAX: f64 = 2_000.0;
const RETURN_MS_MAX: f64 = 2_000.0;
const RATIO_MAX: f64 = 0.5;

/// What the rounds of one peer gave.
#[derive(Default)]
struct Results {
    delivered_percent: Vec<f64>,
    replay_p50_ms: Vec<f64>,
    replay_p99_ms: Vec<f64>,
    return_p50_ms: Vec<f64>,
    return_p95_ms: Vec<f64>,
    return_last_ms: Vec<f64>,
    rush_server_share: Vec<f64>,
    rush_load_share: Vec<f64>,
    cpu_seconds: Vec<f64>,
    replays: usize,
    sum: Outcome,
}

/// CPU of both sides, of the whole round and of the rush.
struct Cpu {
    total: f64,
    rush_server: f64,
    rush_load: f64,
}

/// Measures both peers in turn, each round on new servers.
pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let clients = CLIENTS_MAX.min(bench.machine.connections_max());
    let (mut ours, mut theirs) = (Results::default(), Results::default());
    for _ in 0..bench.rounds {
        let gateway = bench.artifacts.gateway(&bench.machine, Placement::OwnCore).await?;
        round(Peer::Gateway, &gateway.server, clients, &mut ours).await?;
        drop(gateway);
        let socketio = bench.artifacts.socketio(&bench.machine).await?;
        round(Peer::SocketIo, &socketio, clients, &mut theirs).await?;
    }
    Ok(section(clients, &ours, &theirs))
}

async fn round(peer: Peer, server: &Server, clients: usize, results: &mut Results) -> anyhow::Result<()> {
    let within = timeout(ROUND_WITHIN, play(peer, server, clients));
    let (mut outcome, cpu) = within.await.with_context(|| format!("{peer:?}: a round took too long"))??;
    let Outcome { tally, replays, returns, broken_first, .. } = &mut outcome;
    if let Some(why) = broken_first {
        eprintln!("{peer:?}: {why}");
    }
    let all = f64::from(tally.received + tally.lost);
    results.delivered_percent.push(f64::from(tally.received) / all * 100.0);
    results.replay_p50_ms.push(replays.percentile_us(50) / 1e3);
    results.replay_p99_ms.push(replays.percentile_us(99) / 1e3);
    results.return_p50_ms.push(returns.percentile_us(50) / 1e3);
    results.return_p95_ms.push(returns.percentile_us(95) / 1e3);
    results.return_last_ms.push(returns.percentile_us(100) / 1e3);
    results.rush_server_share.push(cpu.rush_server / RUSH.as_secs_f64() * 100.0);
    results.rush_load_share.push(cpu.rush_load / RUSH.as_secs_f64() * 100.0);
    results.cpu_seconds.push(cpu.total);
    results.replays += replays.len();
    results.sum.merge(outcome);
    Ok(())
}

async fn play(peer: Peer, server: &Server, clients: usize) -> anyhow::Result<(Outcome, Cpu)> {
    let links = open(peer, server.address, clients).await?;
    let plan = Arc::new(plan(server.address, clients));
    let cpu = server.cpu_seconds()?;
    let mut crowd = JoinSet::new();
    for (number, link) in links.into_iter().enumerate() {
        crowd.spawn(live(number, link, Arc::clone(&plan)));
    }
    sleep((plan.cut_at + AWAY).saturating_sub(clock::now())).await;
    let (rush_server, rush_load) = (server.cpu_seconds()?, own_cpu_seconds()?);
    sleep(RUSH).await;
    let (rush_server, rush_load) = (server.cpu_seconds()? - rush_server, own_cpu_seconds()? - rush_load);
    let mut all = Outcome::default();
    while let Some(outcome) = crowd.join_next().await {
        all.merge(outcome??);
    }
    Ok((all, Cpu { total: server.cpu_seconds()? - cpu, rush_server, rush_load }))
}

async fn open(peer: Peer, server: SocketAddr, clients: usize) -> anyhow::Result<Vec<Link>> {
    let mut links = Vec::new();
    while links.len() < clients {
        let mut opening = JoinSet::new();
        for client in links.len()..clients.min(links.len() + OPENED_TOGETHER) {
            opening.spawn(Link::open(peer, server, connection_number(client)));
        }
        while let Some(link) = opening.join_next().await {
            links.push(link??);
        }
    }
    Ok(links)
}

fn plan(server: SocketAddr, clients: usize) -> Plan {
    let begins = clock::now();
    let kills_end = begins + RAMP + KILLS_FOR;
    let cut_at = kills_end + QUIET;
    let ends = cut_at + AWAY + AFTER_CUT;
    let (every, ramp, kill_every) = (EVERY, RAMP, KILL_EVERY);
    let cut = CUT.min(clients);
    Plan { server, clients, cut, ends, every, begins, ramp, kills_end, kill_every, cut_at }
}

fn section(clients: usize, ours: &Results, theirs: &Results) -> Section {
    let spread = |values: &[f64]| Spread::of(values.iter().copied());
    let row = |what: &str, of: fn(&Results) -> &Vec<f64>| {
        vec![what.to_owned(), spread(of(ours)).to_string(), spread(of(theirs)).to_string()]
    };
    let sum =
        |what: &str, of: fn(&Results) -> usize| vec![what.to_owned(), of(ours).to_string(), of(theirs).to_string()];
    let rows = vec![
        row("delivered, %", |results| &results.delivered_percent),
        sum("tokens delivered, all rounds", |results| results.sum.tally.received as usize),
        sum("tokens lost, all rounds", |results| results.sum.tally.lost as usize),
        sum("tokens delivered twice, all rounds", |results| results.sum.tally.repeated as usize),
        sum("random losses of a connection, all rounds", |results| results.replays),
        row("replay after a random loss, p50, ms", |results| &results.replay_p50_ms),
        row("replay after a random loss, p99, ms", |results| &results.replay_p99_ms),
        row("back and complete after the cut, p50, ms", |results| &results.return_p50_ms),
        row("back and complete after the cut, p95, ms", |results| &results.return_p95_ms),
        row("back and complete after the cut, the last, ms", |results| &results.return_last_ms),
        sum("connects after a loss, all rounds", |results| results.sum.connects as usize),
        sum("of them failed", |results| results.sum.failed_connects as usize),
        sum("clients that were not let in again", |results| results.sum.gave_up as usize),
        sum("returns that the server did not continue", |results| results.sum.not_resumed as usize),
        sum("runs that failed, and records that did not follow", |results| results.sum.broken as usize),
        sum("connections lost unplanned", |results| results.sum.unplanned as usize),
        row("server's CPU in the two seconds after the cut, %", |results| &results.rush_server_share),
        row("load's CPU in the two seconds after the cut, %", |results| &results.rush_load_share),
        row("server's CPU in the round after opening, s", |results| &results.cpu_seconds),
    ];
    Section {
        title: "Lost connections",
        method: method(clients),
        header: &["what", "gateway", "Socket.IO"],
        rows,
        targets: targets(clients, ours, theirs),
    }
}

fn method(clients: usize) -> String {
    format!(
        "{clients} clients, each with a session of its own and a running stream of numbered tokens, one every {} s. For {} s each \
         connection is closed at random times, {} s apart on average; then {} are closed at once. Nobody says goodbye, and \
         everyone is away for {} s. A replay lasts from when the client may connect again, whatever holds it up, to the last \
         token that was made before that; after the cut all may connect at the same moment. The gateway's records are followed by \
         `prev`, the tokens of both by their numbers; what a client did not have when its stream was over is lost. Beside it Socket.IO (Node.js, WebSocket only, connection \
         state recovery, the adapter in memory, everything else at its default), with a room for each client and the same losses; it \
         keeps nothing on a disk, and makes its own tokens, while the gateway's come from a Python worker on the same core. The load \
         is the same for both and speaks Socket.IO's protocol itself, because {clients} of its own clients would measure themselves.",
        EVERY.as_secs(),
        KILLS_FOR.as_secs(),
        KILL_EVERY.as_secs(),
        CUT.min(clients),
        AWAY.as_secs_f64(),
    )
}

fn targets(clients: usize, ours: &Results, theirs: &Results) -> Vec<Target> {
    let spread = |values: &[f64]| Spread::of(values.iter().copied());
    let ratio = Spread::of_ratios(&ours.return_p95_ms, &theirs.return_p95_ms);
    let delivered = spread(&ours.delivered_percent);
    let (replay, back) = (spread(&ours.replay_p99_ms), spread(&ours.return_p95_ms));
    let whole = ours.sum.tally.lost + ours.sum.tally.repeated + ours.sum.broken == 0;
    vec![
        Target {
            what: format!("delivered to {clients} clients through random losses and the cut, once each"),
            promised: "100 %",
            measured: format!("{delivered} %"),
            met: whole,
        },
        Target {
            what: "replay after a random loss, p99".to_owned(),
            promised: "< 2 s",
            measured: format!("{replay} ms"),
            met: replay.median < REPLAY_MS_MAX,
        },
        Target {
            what: format!("{} clients cut at once: back and complete, p95", CUT.min(clients)),
            promised: "< 2 s",
            measured: format!("{back} ms"),
            met: back.median < RETURN_MS_MAX,
        },
        Target {
            what: "the same over Socket.IO's".to_owned(),
            promised: "≤ 0.5×",
            measured: format!("{ratio}×"),
            met: ratio.median <= RATIO_MAX,
        },
    ]
}
