//! One world: a gateway that lives several times, and what stands around it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::runtime::Builder;
use tokio::time::Instant;
use trunkline_gateway::config::{Config, Overrides};
use trunkline_gateway::{Gateway, Stop, simulation};

use crate::chance::Chance;
use crate::checker::{self, Findings};
use crate::client::{self, Accounts, Device, Front, OLD_PATHS, Surroundings, USERS, token_of};
use crate::history::{Fault, History, What};
use crate::store::{End, KEPT, Life, RECORDS_KEPT, Sabotage, Store, TOPICS_KEPT};
use crate::worker::Worker;

/// When a world begins, in milliseconds since 1970.
const BEGINNING_MS: u64 = 1_750_000_000_000;

/// How long a world may take to come to rest.
const REST_WITHIN: Duration = Duration::from_mins(10);

/// Accounts, and the devices of each.
const DEVICES: [&[Front]; 4] = [&[Front::New, Front::New], &[Front::New, Front::Old], &[Front::New], &[Front::Old]];

/// Whose account each is, in worlds where everybody has a name: one of them has two.
const OWNERS: [&str; DEVICES.len()] = ["alice", "bob", "alice", "carol"];

const WORKERS: usize = 2;

/// How long clients and workers go on being hurt when the gateway and its store are no more.
const SETTLING: Duration = Duration::from_mins(1);

/// A connection that broke without a word, and a member that was on it, are given up within this.
const GIVEN_UP_WITHIN: Duration = Duration::from_mins(1);

const CONFIGURATION: &str = r#"
server.listen = "127.0.0.1:0"
server.drain = "3s"
broker.kind = "memory"
limits.heartbeat = "5s"
"#;

/// What everybody may do.
const SCOPES: [&str; 4] = ["subscribe:*", "publish:*", "presence:*", "publish:user:*"];

/// Paths, and what is special about the runs of each.
const PATHS: [(&str, &str); 5] = [
    (client::QUEUES, ""),
    (client::INTERRUPTS, "while_busy = \"interrupt\""),
    (client::REJECTS, "while_busy = \"reject\""),
    (client::PARALLEL, "while_busy = \"parallel\""),
    (client::LEAVES, "on_leave = \"cancel\""),
];

/// What came of one seed.
#[derive(Debug)]
pub struct Outcome {
    /// What the checker found.
    pub findings: Findings,
    /// A hash of everything that happened: the same seed gives the same one.
    pub digest: u64,
    /// How many lives the gateway had.
    pub lives: u64,
}

/// How a life ends.
enum Over {
    /// At once.
    Killed,
    /// In order.
    Stopped,
    /// Everything came to rest, or had the time to.
    AtRest,
}

struct World {
    folder: tempfile::TempDir,
    store: Arc<Store>,
    devices: Vec<Arc<Mutex<Device>>>,
    workers: Vec<Arc<Mutex<Worker>>>,
    history: History,
    sabotage: Option<Sabotage>,
    /// Every client shows who it is.
    has_names: bool,
    chance: Chance,
    wall_ms: u64,
    elapsed: Duration,
    duration: Duration,
}

/// Runs the world of one seed for so long on its own clock, and checks what happened.
///
/// # Panics
/// When a part of the gateway panics, or says something that is not in its protocol.
pub fn simulate(seed: u64, duration: Duration, sabotage: Option<Sabotage>) -> Outcome {
    simulation::seed(seed);
    let history = History::default();
    let store = Store::new(seed, sabotage, history.clone());
    let has_names = seed.is_multiple_of(2);
    let accounts = Accounts::new(OWNERS.map(|owner| has_names.then_some(owner)).into());
    let accounts = Arc::new(Mutex::new(accounts));
    let owners =
        DEVICES.iter().enumerate().flat_map(|(account, fronts)| fronts.iter().map(move |front| (account, *front)));
    let device = |(client, own)| Device::new(client, own, Arc::clone(&accounts), seed);
    let devices = owners.enumerate().map(device).collect();
    let mut world = World {
        folder: tempfile::tempdir().expect("a folder"),
        store,
        devices,
        workers: (0..WORKERS).map(|number| Worker::new(number, seed)).collect(),
        history: history.clone(),
        sabotage,
        has_names,
        chance: Chance::new(seed, 400),
        wall_ms: BEGINNING_MS,
        elapsed: Duration::ZERO,
        duration,
    };
    let mut lives = 0;
    loop {
        lives += 1;
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
        let over = runtime.block_on(world.live());
        // All that lives in it is dropped where it stands, as by kill -9.
        drop(runtime);
        if matches!(over, Over::AtRest) {
            break;
        }
    }
    let entries = history.take();
    let mut hasher = DefaultHasher::new();
    format!("{entries:?}").hash(&mut hasher);
    Outcome { findings: checker::check(&entries), digest: hasher.finish(), lives }
}

impl World {
    /// One life of the gateway.
    async fn live(&mut self) -> Over {
        let begun = Instant::now();
        simulation::set_wall(self.wall_ms);
        self.history.begin(self.wall_ms);
        let (calm, is_last) = (Arc::new(AtomicBool::new(false)), self.elapsed >= self.duration);
        let mut life: Option<Arc<Life>> = None;
        let config = configuration(self.folder.path(), self.has_names, self.sabotage);
        let gateway = Gateway::start_simulated(config, |listener| {
            let opened = self.store.open(listener, is_last);
            life = Some(Arc::clone(&opened));
            let failed = Arc::clone(&opened);
            (opened, async move { failed.ended(End::Failed).await }.map(|()| "the disk is gone".to_owned()).boxed())
        });
        let gateway = gateway.await.expect("the gateway starts");
        let (handle, stop, life) = (gateway.handle(), Stop::default(), life.expect("it was opened"));
        let mut running = tokio::spawn(gateway.run(stop.clone()));
        let around =
            Surroundings { handle, history: self.history.clone(), calm: Arc::clone(&calm), sabotage: self.sabotage };
        for worker in &self.workers {
            tokio::spawn(Worker::live(Arc::clone(worker), around.clone()));
        }
        for device in &self.devices {
            tokio::spawn(Device::live(Arc::clone(device), around.clone()));
        }
        let over = if is_last {
            self.come_to_rest(&calm).await;
            Over::AtRest
        } else {
            let left = self.duration.saturating_sub(self.elapsed);
            let stop_after = Duration::from_secs(self.chance.between(20, 300)).min(left);
            tokio::select! {
                biased;
                () = life.ended(End::Crashed) => Over::Killed,
                ended = &mut running => {
                    ended.expect("it did not panic");
                    Over::Stopped
                }
                () = tokio::time::sleep(stop_after) => {
                    self.history.fault(Fault::OrderedStop);
                    stop.soft.cancel();
                    let dies_after = if self.chance.one_in(4) { self.chance.between(0, 3000) } else { 60_000 };
                    tokio::select! {
                        biased;
                        () = life.ended(End::Crashed) => Over::Killed,
                        ended = &mut running => {
                            ended.expect("it did not panic");
                            Over::Stopped
                        }
                        () = tokio::time::sleep(Duration::from_millis(dies_after)) => {
                            self.history.fault(Fault::CrashWhileStopping);
                            life.crash();
                            Over::Killed
                        }
                    }
                }
            }
        };
        self.elapsed += begun.elapsed();
        let took_ms = u64::try_from(begun.elapsed().as_millis()).expect("short");
        self.wall_ms += took_ms;
        over
    }

    /// The end of the world: nobody is hurt any more, everybody is told everything, and what nobody wants goes.
    async fn come_to_rest(&self, calm: &AtomicBool) {
        tokio::time::sleep(SETTLING).await;
        calm.store(true, Ordering::Relaxed);
        self.rest().await;
        tokio::time::sleep(GIVEN_UP_WITHIN).await;
        self.history.add(What::Calm);
        // What is in use is looked at within half of the time, and what is not goes with the look after that.
        tokio::time::sleep(3 * KEPT).await;
        self.history.add(What::Remains { names: self.store.names() });
    }

    /// Waits until nobody waits for anything.
    async fn rest(&self) {
        let give_up = Instant::now() + REST_WITHIN;
        while Instant::now() < give_up {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if self.devices.iter().all(|device| crate::store::lock(device).is_content()) {
                return;
            }
        }
    }
}

fn configuration(folder: &Path, has_names: bool, sabotage: Option<Sabotage>) -> Config {
    let file = folder.join("trunkline.toml");
    let kept_s = KEPT.as_secs();
    let mut configuration = format!("{CONFIGURATION}broker.keep = \"{kept_s}s\"\n");
    let admission = if has_names { tokens(sabotage) } else { format!("auth.anonymous_scopes = {SCOPES:?}\n") };
    configuration.push_str(&admission);
    for (path, mut special) in PATHS {
        if sabotage == Some(Sabotage::JumpedQueue) {
            special = "while_busy = \"parallel\"";
        }
        let route = "service = \"chat\"\ntypes = { lookup = \"lookup\" }\ndeadline = \"60s\"";
        configuration.extend(["[[route]]\npath = \"", path, "\"\n", route, "\n", special, "\n"]);
    }
    for (path, dialect) in OLD_PATHS {
        let route = format!("dialect = \"{}\"\nservice = \"chat\"\ndeadline = \"60s\"", dialect.name());
        configuration.extend(["[[route]]\npath = \"", path, "\"\n", &*route, "\n"]);
    }
    let topics_kept_s = TOPICS_KEPT.as_secs();
    let topics = format!("[[topic]]\npattern = \"*\"\nkeep_records = {RECORDS_KEPT}\nkeep = \"{topics_kept_s}s\"\n");
    configuration.push_str(&topics);
    std::fs::write(&file, configuration).expect("written");
    let loaded = Config::load(Some(&file), std::iter::empty(), Overrides::default());
    loaded.unwrap_or_else(|mistakes| panic!("{mistakes}")).config
}

/// Who may come, and what they are taken for.
fn tokens(sabotage: Option<Sabotage>) -> String {
    let entry = |user: &str| {
        let is_mistaken = sabotage == Some(Sabotage::MistakenIdentity) && user == USERS[1];
        let subject = if is_mistaken { USERS[0] } else { user };
        let token = token_of(user);
        format!("[[auth.tokens]]\ntoken = {token:?}\nsubject = {subject:?}\nscopes = {SCOPES:?}\n")
    };
    USERS.map(entry).concat()
}
