//! Clients that take next to nothing, and clients whose host stands still.

use std::time::Duration;

use faults::proxy::{Proxy, Way};
use faults::toxic::Toxic;
use faults::{Folder, Gateway, Make, Worker, within};
use serde_json::json;
use trunkline_client::{Client, ClientError, Options, Outgoing, SessionState};

/// What the gateway may hold for a client that does not read: its outbox and a page of its log, of 256 KiB each, and as much
/// again for what is being written of them.
const KIB_A_CLIENT: u64 = 1024;

const ROUTE: &str = r#"
[[route]]
path = "/ws"
service = "chat"
"#;

/// A gateway with a worker, and proxies before it in good weather.
struct Scene {
    gateway: Gateway,
    proxies: Vec<Proxy>,
    _worker: Worker,
    _folder: Folder,
}

impl Scene {
    async fn begin(limits: &str, proxies: u64) -> Self {
        let mut listening = Vec::new();
        for seed in 0..proxies {
            listening.push(Proxy::start(seed).await.expect("a port"));
        }
        let folder = Folder::of(&listening, &format!("{limits}\n{ROUTE}"));
        let gateway = Gateway::start(&folder).await;
        for proxy in &listening {
            proxy.lead_to(gateway.address());
        }
        let worker = Worker::start(&folder, Make::Rust);
        Self { gateway, proxies: listening, _worker: worker, _folder: folder }
    }

    /// Connects through a proxy.
    async fn connect(&self, proxy: &Proxy, state: SessionState) -> Client {
        let options = Options { url: format!("ws://{}/ws", proxy.address()), token: None };
        within(Client::connect(&options, state)).await.expect("welcome")
    }

    /// Waits until a metric is so high, and gives the most memory that the gateway had meanwhile, in KiB.
    async fn until_metric(&self, name: &str, least: u64) -> u64 {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        within(async {
            let mut most = 0;
            while self.gateway.metric(name).await < least {
                most = most.max(self.gateway.memory_kib());
                look.tick().await;
            }
            most.max(self.gateway.memory_kib())
        })
        .await
    }
}

fn closed_with(code: u16) -> String {
    format!("trunkline_connections_closed_total{{code=\"{code}\"}}")
}

/// Reads to the end of a run; gives the bytes of its text.
async fn read_to_end(client: &mut Client) -> Result<usize, ClientError> {
    let mut bytes = 0;
    loop {
        let received = client.receive().await?;
        let message: serde_json::Value = serde_json::from_str(received.text()).expect("JSON");
        bytes += message["payload"]["text"].as_str().map_or(0, str::len);
        if message["type"] == "run_completed" {
            return Ok(bytes);
        }
    }
}

#[tokio::test]
async fn row_66_clients_that_read_a_byte_a_second_are_let_go_and_cost_little() {
    const CLIENTS: u64 = 20;
    const TEXTS: u64 = 3_000;
    let scene = Scene::begin("limits.write_stall = \"2s\"", CLIENTS).await;
    let first = &scene.proxies[0];
    let mut writer = scene.connect(first, SessionState::default()).await;
    let work = json!({ "texts": TEXTS, "bytes": 2_000, "pace": 0, "end": "ends", "asks": false });
    let payload = serde_json::value::to_raw_value(&work).expect("JSON");
    let (kind, id) = ("user_message".to_owned(), "m1".to_owned());
    let message = Outgoing { kind, id, service: None, payload, deadline_ms: None, run: None };
    writer.send(&message).await.expect("sent");
    let whole = within(read_to_end(&mut writer)).await.expect("all of it");
    let SessionState { id, secret, .. } = writer.into_state();
    let from_the_start = || SessionState { id: id.clone(), secret: secret.clone(), ..SessionState::default() };
    // One has read all of it from the log, so what reading it costs once is no longer counted.
    let mut reader = scene.connect(first, from_the_start()).await;
    assert_eq!(within(read_to_end(&mut reader)).await.expect("all of it"), whole);
    drop(reader);

    let before = scene.gateway.memory_kib();
    let mut slow = Vec::new();
    for proxy in &scene.proxies {
        slow.push(scene.connect(proxy, from_the_start()).await);
        proxy.set(Way::Down, vec![Toxic::Bandwidth { bytes_per_second: 1 }]);
    }
    let most = scene.until_metric(&closed_with(4002), CLIENTS).await;
    let grown = most.saturating_sub(before);
    println!("grown by {grown} KiB for {CLIENTS} clients, each of which is owed {whole} bytes");
    assert!(grown < CLIENTS * KIB_A_CLIENT, "{grown} KiB");

    // Whoever was let go comes back and gets everything.
    drop(slow);
    first.heal();
    let mut again = scene.connect(first, from_the_start()).await;
    assert_eq!(within(read_to_end(&mut again)).await.expect("all of it"), whole);
}

#[tokio::test]
async fn a_client_whose_host_stands_still_is_found_by_its_heartbeats() {
    let scene = Scene::begin("limits.heartbeat = \"1s\"", 1).await;
    let [proxy] = &scene.proxies[..] else { panic!("one") };
    let client = scene.connect(proxy, SessionState::default()).await;
    proxy.set(Way::Up, vec![Toxic::BlackHole]);
    proxy.set(Way::Down, vec![Toxic::BlackHole]);
    scene.until_metric(&closed_with(4003), 1).await;
    let state = client.into_state();
    proxy.heal();
    let again = scene.connect(proxy, state.clone()).await;
    assert_eq!(again.welcome().session, state.id.expect("a session"), "and it may come back");
}
