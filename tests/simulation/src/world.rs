//! One world: a gateway that lives several times, and what stands around it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::runtime::Builder;
use tokio::time::Instant;
use trunkline_gateway::config::{Config, Overrides};
use trunkline_gateway::{Gateway, Stop, simulation};

use crate::chance::Chance;
use crate::checker::{self, Findings};
use crate::client::{Account, Device, Surroundings};
use crate::history::{Fault, History, What};
use crate::store::{End, Life, Sabotage, Store};
use crate::worker::Worker;

/// When a world begins, in milliseconds since 1970.
const BEGINNING_MS: u64 = 1_750_000_000_000;

/// How long a world may take to come to rest.
const REST_WITHIN: Duration = Duration::from_mins(10);

/// Sessions, and the devices in each.
const DEVICES: [usize; 4] = [2, 2, 1, 1];

const WORKERS: usize = 2;

const CONFIGURATION: &str = r#"
server.listen = "127.0.0.1:0"
server.drain = "3s"
broker.kind = "memory"
limits.heartbeat = "5s"

[[route]]
path = "/ws"
service = "chat"
deadline = "60s"
"#;

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
    chance: Chance,
    wall_ms: Arc<AtomicU64>,
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
    let wall_ms = Arc::new(AtomicU64::new(BEGINNING_MS));
    let clock = Arc::clone(&wall_ms);
    let store = Store::new(seed, sabotage, history.clone(), Arc::new(move || clock.load(Ordering::Relaxed)));
    let accounts: Vec<_> = DEVICES.iter().map(|_| Arc::<Mutex<Account>>::default()).collect();
    let owners = DEVICES.iter().zip(&accounts).flat_map(|(count, account)| vec![account; *count]);
    let devices = owners.enumerate().map(|(client, account)| Device::new(client, Arc::clone(account), seed)).collect();
    let mut world = World {
        folder: tempfile::tempdir().expect("a folder"),
        store,
        devices,
        workers: (0..WORKERS).map(|number| Worker::new(number, seed)).collect(),
        history: history.clone(),
        sabotage,
        chance: Chance::new(seed, 400),
        wall_ms,
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
    history.add(What::Calm);
    let entries = history.take();
    let mut hasher = DefaultHasher::new();
    format!("{entries:?}").hash(&mut hasher);
    Outcome { findings: checker::check(&entries), digest: hasher.finish(), lives }
}

impl World {
    /// One life of the gateway.
    async fn live(&mut self) -> Over {
        let begun = Instant::now();
        simulation::set_wall(self.wall_ms.load(Ordering::Relaxed));
        let calm = Arc::new(AtomicBool::new(self.elapsed >= self.duration));
        let mut life: Option<Arc<Life>> = None;
        let config = configuration(self.folder.path());
        let gateway = Gateway::start_simulated(config, |listener| {
            let opened = self.store.open(listener, calm.load(Ordering::Relaxed));
            life = Some(Arc::clone(&opened));
            let failed = Arc::clone(&opened);
            (opened, async move { failed.ended(End::Failed).await }.map(|()| "the disk is gone".to_owned()).boxed())
        });
        let gateway = gateway.await.expect("the gateway starts");
        let (handle, stop, life) = (gateway.handle(), Stop::default(), life.expect("it was opened"));
        let mut running = tokio::spawn(gateway.run(stop.clone()));
        for worker in &self.workers {
            tokio::spawn(Worker::live(Arc::clone(worker), handle.clone(), self.history.clone(), Arc::clone(&calm)));
        }
        let around =
            Surroundings { handle, history: self.history.clone(), calm: Arc::clone(&calm), sabotage: self.sabotage };
        for device in &self.devices {
            tokio::spawn(Device::live(Arc::clone(device), around.clone()));
        }
        let over = if calm.load(Ordering::Relaxed) {
            life.calm_down();
            self.rest().await;
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
                    tokio::select! {
                        biased;
                        () = life.ended(End::Crashed) => Over::Killed,
                        ended = &mut running => {
                            ended.expect("it did not panic");
                            Over::Stopped
                        }
                    }
                }
            }
        };
        self.elapsed += begun.elapsed();
        let took_ms = u64::try_from(begun.elapsed().as_millis()).expect("short");
        self.wall_ms.fetch_add(took_ms, Ordering::Relaxed);
        over
    }

    /// Waits until nobody waits for anything.
    async fn rest(&self) {
        let give_up = Instant::now() + REST_WITHIN;
        while Instant::now() < give_up {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if self.devices.iter().all(|device| crate::store::lock(device).is_content()) {
                // What has been said last is on its way.
                tokio::time::sleep(Duration::from_secs(5)).await;
                return;
            }
        }
    }
}

fn configuration(folder: &Path) -> Config {
    let file = folder.join("trunkline.toml");
    std::fs::write(&file, CONFIGURATION).expect("written");
    let loaded = Config::load(Some(&file), std::iter::empty(), Overrides::default());
    loaded.unwrap_or_else(|mistakes| panic!("{mistakes}")).config
}
