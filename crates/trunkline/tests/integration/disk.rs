//! A disk that is full, or almost: the gateway keeps what it has promised, and promises nothing more.

use std::collections::BTreeMap;
use std::path::PathBuf;

use trunkline_client::{Client, SessionState};

use crate::crash::{Seen, count};
use crate::process::{Folder, PythonWorker, Serving, until, within};

/// A write that makes a file too large fails, as on a full disk, without the signal that would end the process.
const WITHOUT_SIGNAL: &str = "trap '' XFSZ; exec \"$@\"";

/// Bytes that a file of the store may have then: the journal's next writes, and no more.
const FILE_BYTES_MAX: u64 = 300_000;

#[tokio::test]
async fn row_67_a_gateway_that_cannot_write_stops_and_loses_nothing_that_it_acknowledged() {
    let folder = Folder::with("");
    let mut gateway = Serving::through(&folder, &["sh"], WITHOUT_SIGNAL).await;
    gateway.limit_files(FILE_BYTES_MAX);
    let worker = PythonWorker::start(&folder);
    let mut seen = Seen::default();
    let mut client = within(seen.connect(&gateway.options())).await.expect("welcome");
    'lives: for number in 0.. {
        let message = count(&format!("m{number}"), 20);
        seen.sent.insert(message.id.clone(), 20);
        if client.send(&message).await.is_err() {
            break;
        }
        while !seen.is_over() {
            if within(seen.receive(&mut client)).await.is_err() {
                break 'lives;
            }
        }
    }
    assert_eq!(gateway.exit_code().await, Some(1));
    let log = std::fs::read_to_string(folder.path().join("log")).expect("a log");
    assert!(log.lines().last().is_some_and(|line| line.starts_with("trunkline: the store failed: ")), "{log}");
    let acknowledged = seen.acknowledged.len();
    println!("it stopped after {acknowledged} messages");
    assert!(acknowledged > 20);

    let gateway = Serving::start(&folder).await;
    seen.read_to_end(&gateway.options()).await;
    seen.check();
    drop(worker);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_gateway_whose_disk_does_not_sync_stops_and_acknowledges_nothing_more() {
    let folder = Folder::with("broker.durability = \"disk\"");
    let gateway = Serving::start(&folder).await;
    let worker = PythonWorker::start(&folder);
    let mut seen = Seen::default();
    let mut client = within(seen.connect(&gateway.options())).await.expect("welcome");
    let message = count("m1", 20);
    seen.sent.insert(message.id.clone(), 20);
    client.send(&message).await.expect("sent");
    while !seen.is_over() {
        within(seen.receive(&mut client)).await.expect("it works");
    }
    drop((client, gateway));

    let mut gateway = Serving::on_a_broken_disk(&folder).await;
    let acknowledged = seen.acknowledged.len();
    let message = count("m2", 20);
    seen.sent.insert(message.id.clone(), 20);
    if let Ok(mut client) = within(seen.connect(&gateway.options())).await
        && client.send(&message).await.is_ok()
    {
        while within(seen.receive(&mut client)).await.is_ok() {}
    }
    assert_eq!(gateway.exit_code().await, Some(1));
    assert_eq!(seen.acknowledged.len(), acknowledged);
    let log = std::fs::read_to_string(folder.path().join("log")).expect("a log");
    let last = log.lines().last().unwrap_or_default();
    assert!(last.starts_with("trunkline: the store failed: ") && last.contains("Input/output error"), "{log}");

    let gateway = Serving::start(&folder).await;
    seen.read_to_end(&gateway.options()).await;
    seen.check();
    drop(worker);
}

/// A disk of its own for the store, of 16 MiB. Only the gateway sees it.
const SMALL_DISK: &str = "mkdir -p disk && mount -t tmpfs -o size=16m none disk && exec \"$@\"";

#[tokio::test]
async fn row_67_while_the_disk_is_almost_full_nothing_new_is_begun_and_the_rest_goes_on() {
    let folder = Folder::with("broker.path = \"disk\"\nbridge.unix = \"data/worker.sock\"\n");
    // It needs a machine where users may have mounts of their own.
    let gateway =
        Serving::through(&folder, &["unshare", "--user", "--map-root-user", "--mount", "sh"], SMALL_DISK).await;
    let worker = PythonWorker::start(&folder);
    let mut client = within(Client::connect(&gateway.options(), SessionState::default())).await.expect("welcome");
    client.send(&count("m1", 2_000)).await.expect("sent");
    until(&mut client, "run_event").await;

    let disk = PathBuf::from(format!("/proc/{}/root{}/disk", gateway.pid(), folder.path().display()));
    std::fs::write(disk.join("filler"), vec![0; 15 << 20]).expect("written");
    let ready = gateway.until("/health/ready", "almost full").await;
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    client.send(&count("m2", 3)).await.expect("sent");
    let error = until(&mut client, "error").await;
    assert!(error.contains("\"overloaded\""), "{error}");
    until(&mut client, "run_completed").await;
    // Whoever comes back reads it from its start.
    let state = SessionState { positions: BTreeMap::new(), ..client.state().clone() };
    let mut again = within(Client::connect(&gateway.options(), state)).await.expect("welcome");
    until(&mut again, "run_completed").await;

    std::fs::remove_file(disk.join("filler")).expect("removed");
    gateway.until("/health/ready", "\"status\":\"ready\"").await;
    client.send(&count("m2", 3)).await.expect("sent");
    until(&mut client, "run_completed").await;
    drop(worker);
}
