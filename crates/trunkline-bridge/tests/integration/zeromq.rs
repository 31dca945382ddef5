//! The same protocol through ROUTER and DEALER, and what is particular to it.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use trunkline_bridge::frame::{Frame, Hello};
use trunkline_bridge::{CallEvent, Outcome, WorkerPresence, WorkerStatus, WorkerTransport};
use trunkline_protocol::Codec;

use crate::double::{Double, hello, offer};
use crate::harness::{Gateway, end, next, text};

async fn over_tcp() -> (Gateway, String) {
    let gateway = Gateway::with(|config| config.zeromq = Some("tcp://127.0.0.1:0".into())).await;
    let endpoint = gateway.bridge.address(WorkerTransport::Zeromq).expect("configured");
    (gateway, endpoint)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_pass_through_a_router() {
    let (gateway, endpoint) = over_tcp().await;
    assert!(!endpoint.ends_with(":0"), "{endpoint}");
    let mut worker = Double::zeromq(&endpoint, "0123456789abcdef").await;
    worker.greet(hello("i1", "chat")).await;
    let mut call = gateway.call("chat", "run-1");
    let corr = worker.receive_call().await.corr;
    worker.chunk(corr, 0, "a").await;
    worker.send(Frame::End { corr, seq: 1 }).await;
    assert!(matches!(next(&mut call).await, CallEvent::Started { .. }));
    assert_eq!(next(&mut call).await, text(0, "a"));
    assert_eq!(end(&mut call).await, CallEvent::Ended { seq: 1, outcome: Outcome::End });
    call.stored(2);
    worker.receive_credit(corr, 2).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ipc_socket_is_the_owners() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("zeromq.sock");
    let endpoint = format!("ipc://{}", path.display());
    let gateway = Gateway::with(|config| config.zeromq = Some(endpoint.clone())).await;
    assert_eq!(gateway.bridge.address(WorkerTransport::Zeromq).as_ref(), Some(&endpoint));
    let mode = std::fs::metadata(&path).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut worker = Double::zeromq(&endpoint, "0123456789abcdef").await;
    worker.greet(hello("i1", "chat")).await;
    gateway.stop().await;
    assert!(!path.exists(), "the socket is gone with its gateway");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_asked_for_hello() {
    let (_gateway, endpoint) = over_tcp().await;
    let mut worker = Double::zeromq(&endpoint, "0123456789abcdef").await;
    worker.send(Frame::Drain).await;
    assert_eq!(worker.receive().await, Frame::UnknownPeer);
    worker.greet(hello("i1", "chat")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_was_silent_too_long_is_unknown_and_joins_again() {
    let (gateway, endpoint) = over_tcp().await;
    let mut worker = Double::zeromq(&endpoint, "0123456789abcdef").await;
    worker.greet(hello("i1", "chat")).await;
    let mut call = gateway.call("chat", "run-1");
    let corr = worker.receive_call().await.corr;
    gateway.until(|services| services[0].workers[0].presence == WorkerPresence::Away).await;
    worker.chunk(corr, 0, "a").await;
    assert_eq!(worker.receive().await, Frame::UnknownPeer);
    let back = Hello { open: vec![offer("run-1", 1, 0, false)], ..hello("i1", "chat") };
    let corr = worker.greet(back).await.resumed[0].corr;
    worker.chunk(corr, 0, "a").await;
    worker.send(Frame::End { corr, seq: 1 }).await;
    assert!(matches!(next(&mut call).await, CallEvent::Started { .. }));
    assert_eq!(next(&mut call).await, text(0, "a"));
    assert!(matches!(end(&mut call).await, CallEvent::Ended { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_routing_id_that_is_used_again_is_another_connection() {
    let (gateway, endpoint) = over_tcp().await;
    let mut first = Double::zeromq(&endpoint, "0123456789abcdef").await;
    first.greet(hello("i1", "chat")).await;
    let mut call = gateway.call("chat", "run-1");
    let corr = first.receive_call().await.corr;
    drop(first);
    gateway.until(|services| services[0].workers[0].presence == WorkerPresence::Away).await;
    let mut second = Double::zeromq(&endpoint, "0123456789abcdef").await;
    second.result(corr, 0, "\"forged\"").await;
    assert_eq!(second.receive().await, Frame::UnknownPeer);
    let back = Hello { open: vec![offer("run-1", 0, 0, false)], ..hello("i1", "chat") };
    let corr = second.greet(back).await.resumed[0].corr;
    second.send(Frame::End { corr, seq: 0 }).await;
    assert_eq!(end(&mut call).await, CallEvent::Ended { seq: 0, outcome: Outcome::End });
}

/// 4 KiB × 256 for each of two workers, of which one never reads: the other must not notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_worker_does_not_delay_its_neighbour() {
    // Long heartbeats: the stalled worker stays a worker for the whole test.
    let gateway = Gateway::with(|config| {
        config.zeromq = Some("tcp://127.0.0.1:0".into());
        config.ping_interval = Duration::from_secs(30);
    })
    .await;
    let endpoint = gateway.bridge.address(WorkerTransport::Zeromq).expect("configured");
    let busy = |instance: &str, service: &str| Hello { concurrency: 4096, ..hello(instance, service) };
    let mut stalled = Double::zeromq(&endpoint, "stalled---------").await;
    stalled.greet(busy("i1", "stalled")).await;
    let mut healthy = Double::zeromq(&endpoint, "healthy---------").await;
    healthy.greet(busy("i2", "healthy")).await;

    let payload = format!("\"{}\"", "x".repeat(4094));
    // Enough to fill the pipe, the kernel's buffers and the outbox of a worker that reads nothing.
    let flood: Vec<_> = (0..4096).map(|run| gateway.call_with("stalled", &format!("s-{run}"), &payload)).collect();
    let is_stuck = |worker: &WorkerStatus| worker.presence == WorkerPresence::Stuck;
    gateway.until(|services| services.iter().any(|service| service.workers.iter().any(is_stuck))).await;
    let calls: Vec<_> = (0..256).map(|run| gateway.call_with("healthy", &format!("h-{run}"), &payload)).collect();
    for _ in &calls {
        let call = healthy.receive_call().await;
        assert_eq!(call.payload.len(), 4096);
        healthy
            .send(Frame::Result { corr: call.corr, seq: 0, codec: Codec::Json, payload: call.payload, buffers: vec![] })
            .await;
    }
    for mut call in calls {
        assert!(matches!(end(&mut call).await, CallEvent::Ended { .. }));
    }
    drop(stalled);
    drop(flood);
}
