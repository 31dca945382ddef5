//! A stop in order in the middle of answers, and a new gateway on the same data: nothing that was acknowledged is lost.

use rustix::process::Signal;
use tokio::task::JoinSet;
use trunkline_client::{Client, ClientError, Options};

use crate::crash::{Seen, count};
use crate::process::{Folder, PythonWorker, Serving};

/// More than the worker takes at a time: the calls of the others wait.
const CLIENTS: usize = 500;

/// How far each answer counts.
const UPTO: u64 = 300;

/// A client whose message is acknowledged.
async fn begun(options: Options) -> (Seen, Client) {
    let mut seen = Seen::of("m1", UPTO);
    let mut client = seen.connect(&options).await.expect("welcome");
    while seen.acknowledged.is_empty() {
        seen.receive(&mut client).await.expect("the gateway lives");
    }
    (seen, client)
}

/// Reads until the gateway ends the connection, and sends one message more once it says that it will.
async fn read_until_sent_away((mut seen, mut client): (Seen, Client)) -> Seen {
    loop {
        match seen.receive(&mut client).await {
            Ok(()) if seen.told_to_go && seen.sent.len() == 1 => {
                seen.sent.insert("m2".to_owned(), 3);
                // It may be too late for it: the next gateway is sent it again.
                let _ = client.send(&count("m2", 3)).await;
            }
            Ok(()) => {}
            Err(ClientError::Closed { code: 4000, .. }) => return seen,
            Err(error) => panic!("{error}"),
        }
    }
}

/// All of them beside each other.
async fn together<T: Send + 'static>(each: impl Iterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    each.collect::<JoinSet<_>>().join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p10_a_drain_in_the_middle_of_500_answers_loses_nothing() {
    let folder = Folder::with("server.drain = \"300ms\"\n");
    let mut gateway = Serving::start(&folder).await;
    let worker = PythonWorker::start(&folder);
    let options = gateway.options();
    let begun = together((0..CLIENTS).map(|_| begun(options.clone()))).await;
    gateway.signal(Signal::TERM);
    let seen = together(begun.into_iter().map(read_until_sent_away)).await;
    assert_eq!(gateway.exit_code().await, Some(0));
    assert!(seen.iter().all(|seen| seen.told_to_go), "each was told before it was sent away");
    let open = seen.iter().filter(|seen| seen.ends.is_empty()).count();
    let kept = seen.iter().filter(|seen| seen.acknowledged.contains_key("m2")).count();
    println!("{open} answers were not over, {kept} messages were taken while the gateway drained");
    assert!(open > CLIENTS / 10, "it was stopped in the middle: {open}");

    let gateway = Serving::start(&folder).await;
    let options = gateway.options();
    let mut seen = together(seen.into_iter().map(|mut seen| {
        let options = options.clone();
        async move {
            seen.read_to_end(&options).await;
            seen
        }
    }))
    .await;
    let ends = |state: &str| seen.iter().flat_map(|seen| seen.ends.values()).filter(|ends| ends[0] == state).count();
    println!("{} runs completed, {} failed", ends("run_completed"), ends("run_failed"));
    assert_eq!(ends("run_failed"), 0, "each goes on where it was, or is called");
    seen.drain(..).for_each(Seen::check);
    drop(worker);
}
