//! One scenario: a gateway and its workers as processes, clients behind a network of their own, and what goes wrong.
//!
//! What goes wrong, and in which order, follows from the seed. When it does, does not: processes and the kernel decide that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use simulation::{Chance, Property, Violation, What, check_untimed};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use trunkline_client::SessionState;

use crate::device::{Common, Device, Seen, lock};
use crate::fault::{Fault, plan};
use crate::process::{Folder, Gateway, Make, REPOSITORY, Worker};
use crate::proxy::Proxy;
use crate::store;

/// Clients in each session; one more reads everything in the end.
const SESSIONS: [usize; 3] = [2, 2, 1];

/// Records and acknowledgements that clients hear of between two faults.
const OPERATIONS_BETWEEN: u64 = 40;

/// How long that is waited for: a network may be so bad that nothing happens.
const LULL: Duration = Duration::from_secs(2);

/// How many faults of the network may last at once.
const WEATHERS_MAX: usize = 2;

/// How long a fault is waited for to be felt, and everything to come to rest: longer than any machine takes.
const REST_WITHIN: Duration = Duration::from_mins(3);

/// What a client that reads in the end adds to the number of its session.
const READER: usize = 100;

/// A run that nobody carries on ends by its deadline, well before the gateway gives its worker up.
const CONFIGURATION: &str = r#"
server.drain = "500ms"
limits.heartbeat = "1s"
limits.write_stall = "3s"

[[route]]
path = "/ws"
service = "chat"
deadline = "6s"

[[route]]
path = "/parallel"
service = "chat"
while_busy = "parallel"
deadline = "6s"
"#;

/// What came of one scenario.
#[derive(Debug)]
pub struct Outcome {
    /// What must not be.
    pub violations: Vec<Violation>,
    /// How often each fault was felt.
    pub faults: BTreeMap<Fault, u64>,
    /// How often each situation was reached, by the checker's name.
    pub situations: BTreeMap<String, u64>,
    /// Everything that happened: first what was stored, then what clients did and were told.
    pub history: Vec<What>,
    /// Where the history and what the processes printed are, if something must not be.
    pub kept: Option<PathBuf>,
}

struct World {
    folder: Folder,
    gateway: Gateway,
    workers: Vec<(Make, Worker)>,
    proxies: Vec<Proxy>,
    seen: Vec<Arc<Mutex<Seen>>>,
    common: Common,
    chance: Chance,
    /// Clients whose network is bad, the first one the longest, with what it is and what was felt before.
    weathers: VecDeque<(usize, Fault, u64)>,
}

/// Runs the scenario of one seed with so many faults, and checks what happened.
///
/// # Panics
/// When a process does not do what it must for the scenario to go on.
pub async fn run(seed: u64, faults: usize) -> Outcome {
    let mut chance = Chance::new(seed, 0);
    let plan = plan(faults, &mut chance);
    let (mut world, clients) = World::begin(seed, chance).await;
    for fault in plan {
        world.progress().await;
        world.strike(fault).await;
    }
    world.progress().await;
    world.end(seed, clients).await
}

impl World {
    async fn begin(scenario: u64, chance: Chance) -> (Self, JoinSet<()>) {
        let mut proxies = Vec::new();
        for number in 0..SESSIONS.iter().sum() {
            proxies.push(Proxy::start(scenario ^ number as u64).await.expect("a port"));
        }
        let folder = Folder::of(&proxies, CONFIGURATION);
        let gateway = Gateway::start(&folder).await;
        for proxy in &proxies {
            proxy.lead_to(gateway.address());
        }
        let workers = [Make::Rust, Make::Python].map(|make| (make, Worker::start(&folder, make))).into();
        let common = Common::default();
        let (mut seen, mut clients) = (Vec::new(), JoinSet::new());
        for (session, devices) in SESSIONS.into_iter().enumerate() {
            let mut state = SessionState::default();
            for _ in 0..devices {
                let number = seen.len();
                let url = format!("ws://{}{}", proxies[number].address(), path(session));
                let device = Device::new(number, url, &common, Chance::new(scenario, 10 + number as u64));
                let client = device.connect(state).await;
                state = SessionState { positions: BTreeMap::new(), ..client.state().clone() };
                seen.push(device.seen());
                clients.spawn(device.live(client));
            }
        }
        (Self { folder, gateway, workers, proxies, seen, common, chance, weathers: VecDeque::new() }, clients)
    }

    /// Waits until clients have heard of enough.
    async fn progress(&self) {
        let enough = self.common.operations() + OPERATIONS_BETWEEN;
        wait(LULL, || self.common.operations() >= enough).await;
    }

    async fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::GatewayKilled | Fault::GatewayStopped => self.replace_gateway(fault).await,
            Fault::WorkerKilled => {
                let (make, worker) = self.workers.remove(0);
                worker.kill().await;
                self.workers.push((make, Worker::start(&self.folder, make)));
                self.common.tally.add(fault);
            }
            Fault::WorkerFrozen => {
                let (_, worker) = &self.workers[usize::from(self.chance.one_in(2))];
                worker.freeze();
                // Long enough, sometimes, for the gateway to take it for lost.
                sleep(Duration::from_millis(self.chance.between(100, 6_000))).await;
                worker.thaw();
                self.common.tally.add(fault);
            }
            _ => self.spoil_network(fault).await,
        }
    }

    async fn replace_gateway(&mut self, fault: Fault) {
        // The new one cannot be there before the old one is gone: both have the same store.
        match fault {
            Fault::GatewayKilled => self.gateway.kill().await,
            _ => assert_eq!(self.gateway.stop().await, Some(0), "a gateway that is told to stop ends in order"),
        }
        self.gateway = Gateway::start(&self.folder).await;
        for proxy in &self.proxies {
            proxy.lead_to(self.gateway.address());
        }
        self.common.tally.add(fault);
    }

    async fn spoil_network(&mut self, fault: Fault) {
        if self.weathers.len() == WEATHERS_MAX {
            self.clear_up().await;
        }
        let spoilt: Vec<_> = self.weathers.iter().map(|(client, ..)| *client).collect();
        let healthy: Vec<_> = (0..self.proxies.len()).filter(|client| !spoilt.contains(client)).collect();
        let client = healthy[usize::try_from(self.chance.between(0, healthy.len() as u64 - 1)).expect("small")];
        let proxy = &self.proxies[client];
        self.weathers.push_back((client, fault, proxy.felt()));
        for (way, toxic) in fault.weather(&mut self.chance) {
            proxy.set(way, vec![toxic]);
        }
    }

    /// Ends what has been wrong with the network for longest, once it was felt.
    async fn clear_up(&mut self) {
        let Some((client, fault, before)) = self.weathers.pop_front() else { return };
        let proxy = &self.proxies[client];
        // A client with a complaint comes back no more.
        let is_over = || proxy.felt() > before || self.common.has_complaint();
        if wait(REST_WITHIN, is_over).await && proxy.felt() > before {
            self.common.tally.add(fault);
        }
        if fault == Fault::BlackHoleDies {
            proxy.cut();
        }
        proxy.heal();
    }

    /// Lets everything come to rest, and holds what happened against what was promised.
    async fn end(mut self, seed: u64, mut clients: JoinSet<()>) -> Outcome {
        while !self.weathers.is_empty() {
            self.clear_up().await;
        }
        self.common.calm_down();
        let mut violations = Vec::new();
        if !self.rest().await {
            let waiting: Vec<_> = self.seen.iter().map(|seen| lock(seen).waits_for.clone()).collect();
            violations.push(late(format!("clients still wait for {waiting:?}")));
        }
        if !self.read_again().await {
            violations.push(late("a client that reads its session from the start does not get to the end".to_owned()));
        }
        let panicked = std::iter::from_fn(|| clients.try_join_next()).find_map(Result::err);
        clients.abort_all();
        let sessions = self.seen.iter().filter_map(|seen| lock(seen).state.id.clone()).collect::<BTreeSet<_>>();
        drop(self.workers);
        let code = self.gateway.stop().await;
        if code != Some(0) {
            violations.push(late(format!("the gateway ended with {code:?}")));
        }
        let stored = store::records(&self.folder.store(), &sessions).await;
        let mut history: Vec<_> = stored.into_iter().map(What::Stored).collect();
        history.extend(self.common.history.take().into_iter().map(|entry| entry.what));
        history.push(What::Calm);
        let findings = check_untimed(&history);
        violations.extend(findings.violations);
        violations.extend(resets(&findings.reached));
        let complaints = std::mem::take(&mut *lock(&self.common.complaints));
        violations.extend(complaints.into_iter().chain(panicked.map(|error| error.to_string())).map(late));
        let kept = (!violations.is_empty()).then(|| keep(seed, &self.folder, &history, &violations));
        Outcome { violations, faults: self.common.tally.counts(), situations: findings.reached, history, kept }
    }

    /// Waits until nobody waits for anything, and all clients of a session have come equally far in it. Then each has
    /// everything: the last record of a session is of a message whose sender was told of the end of its run.
    async fn rest(&self) -> bool {
        wait(REST_WITHIN, || self.sessions().iter().all(|devices| are_at_rest(devices))).await
    }

    /// The clients of each session.
    fn sessions(&self) -> Vec<&[Arc<Mutex<Seen>>]> {
        let mut rest = &self.seen[..];
        let next = |devices: usize| {
            let (session, others) = rest.split_at(devices);
            rest = others;
            session
        };
        SESSIONS.into_iter().map(next).collect()
    }

    /// A new client for each session reads everything from the start, with nothing between it and the gateway: false if
    /// one of them does not get to the end.
    async fn read_again(&self) -> bool {
        for (session, devices) in self.sessions().into_iter().enumerate() {
            let known = lock(&devices[0]).state.clone();
            let url = format!("ws://{}{}", self.gateway.address(), path(session));
            let reader = Device::new(READER + session, url, &self.common, Chance::new(0, 0));
            let seen = reader.seen();
            let client = reader.connect(SessionState { positions: BTreeMap::new(), ..known.clone() }).await;
            let mut reading = JoinSet::new();
            reading.spawn(reader.live(client));
            if !wait(REST_WITHIN, || lock(&seen).state.positions == known.positions).await {
                return false;
            }
        }
        true
    }
}

fn are_at_rest(devices: &[Arc<Mutex<Seen>>]) -> bool {
    let first = lock(&devices[0]).state.positions.clone();
    devices.iter().all(|seen| {
        let seen = lock(seen);
        seen.waits_for.is_empty() && seen.state.positions == first
    })
}

fn path(session: usize) -> &'static str {
    if session.is_multiple_of(2) { "/ws" } else { "/parallel" }
}

/// Looks until it is so: false if it never was.
async fn wait(patience: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let give_up = Instant::now() + patience;
    while !is_so() {
        if Instant::now() > give_up {
            return false;
        }
        sleep(Duration::from_millis(10)).await;
    }
    true
}

fn late(what: String) -> Violation {
    Violation { property: Property::EverythingArrives, what }
}

/// Nothing is trimmed and no position is forged here, so nobody may hear that something is lost.
fn resets(reached: &BTreeMap<String, u64>) -> Option<Violation> {
    let resets: Vec<_> = reached.iter().filter(|(name, _)| name.starts_with("reset")).collect();
    let what = format!("clients were told of {resets:?}");
    (!resets.is_empty()).then_some(Violation { property: Property::HonestResume, what })
}

/// Keeps what is known of a scenario in which something must not be.
fn keep(seed: u64, folder: &Folder, history: &[What], violations: &[Violation]) -> PathBuf {
    let kept = Path::new(REPOSITORY).join(format!("build/faults/seed-{seed}"));
    std::fs::create_dir_all(&kept).expect("a folder");
    let mut text = String::new();
    for violation in violations {
        writeln!(text, "{violation:?}").expect("memory does not fail");
    }
    for what in history {
        writeln!(text, "{what:?}").expect("memory does not fail");
    }
    std::fs::write(kept.join("history.txt"), text).expect("written");
    for log in ["gateway.log", "rust-worker.log", "python-worker.log"] {
        // A process that printed nothing has no log.
        let _ = std::fs::copy(folder.path().join(log), kept.join(log));
    }
    kept.canonicalize().expect("it is there")
}
