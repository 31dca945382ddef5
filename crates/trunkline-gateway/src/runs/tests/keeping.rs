//! What a worker keeps of a call while the gateway stores what it said: over a real socket, with a store that fails.

use std::path::Path;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use trunkline_bridge::frame::stream::{take_message, write_message};
use trunkline_bridge::frame::{Chunk, ChunkKind, Frame, Hello, Offer, Service, decode, encode};

use super::*;

/// The protocol's (`protocol/worker.md` §1).
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// One life of the gateway, as far as runs and workers know.
struct Life {
    runs: Arc<Runs>,
    stop: CancellationToken,
}

impl Life {
    async fn begin(stored: &Stored, socket: &Path) -> Self {
        let (runs, recovery) = (stored.runs(), Arc::<Recovery>::default());
        let sessions = Sessions::new(Arc::<Failing>::clone(&stored.broker), runs.keep);
        let recovered = recovery.find(&runs, &sessions).await.expect("the store can be read");
        let config = BridgeConfig { unix: Some(socket.to_owned()), ..BridgeConfig::default() };
        let (names, stop) = (("epoch".to_owned(), "generation".to_owned()), CancellationToken::new());
        let bridge = Bridge::start(config, names.0, names.1, recovery, stop.clone(), TaskTracker::new()).await;
        runs.connect(bridge.expect("it starts"));
        recovered.go(&runs);
        Self { runs, stop }
    }
}

/// A worker's end of a connection.
struct Worker {
    stream: UnixStream,
    incoming: BytesMut,
}

impl Worker {
    /// Connects, with the calls that it still has; gives the numbers of those that go on.
    async fn join(socket: &Path, open: Vec<Offer>) -> (Self, Vec<u64>) {
        let stream = UnixStream::connect(socket).await.expect("the bridge listens");
        let mut worker = Self { stream, incoming: BytesMut::new() };
        let services = vec![Service { name: "chat".to_owned(), ..Service::default() }];
        let (name, instance) = ("worker".to_owned(), "its only life".to_owned());
        worker.send(Frame::Hello(Hello { name, instance, concurrency: 1, services, open, ..Hello::default() })).await;
        match worker.next().await {
            Some(Frame::Welcome(welcome)) => (worker, welcome.resumed.iter().map(|resumed| resumed.corr).collect()),
            other => panic!("not welcome: {other:?}"),
        }
    }

    async fn send(&mut self, frame: Frame) {
        let mut bytes = BytesMut::new();
        write_message(&encode(frame), &mut bytes);
        self.stream.write_all(&bytes).await.expect("sent");
    }

    async fn text(&mut self, corr: u64, text: &'static str) {
        let (kind, payload) = (ChunkKind::Text, Bytes::from_static(text.as_bytes()));
        self.send(Frame::Chunk(Chunk { corr, seq: 0, kind, payload, buffers: Vec::new() })).await;
    }

    /// The next frame; `None` when the gateway is gone.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(parts) = take_message(&mut self.incoming, MESSAGE_BYTES_MAX).expect("a message") {
                return Some(decode(parts).expect("the gateway speaks the protocol"));
            }
            let read = tokio::time::timeout(Duration::from_secs(20), self.stream.read_buf(&mut self.incoming)).await;
            if read.expect("it comes in time").unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    async fn call(&mut self) -> u64 {
        match self.next().await {
            Some(Frame::Call(call)) => call.corr,
            other => panic!("not a call: {other:?}"),
        }
    }

    /// Whether nothing that the gateway still says lets it forget or stop its call.
    async fn keeps_its_call(&mut self) -> bool {
        while let Some(frame) = self.next().await {
            if matches!(frame, Frame::Cancel { .. } | Frame::Credit { ack: 1.., .. }) {
                return false;
            }
        }
        true
    }
}

/// Lets a life of the gateway end as soon as a write of `holds` has failed, which comes when `says` was said; gives the
/// worker, as the gateway leaves it, and its run.
async fn fail(
    stored: &Stored,
    socket: &Path,
    holds: fn(&Op) -> bool,
    says: impl AsyncFn(&mut Worker, u64),
) -> ChannelKey {
    let life = Life::begin(stored, socket).await;
    let (mut worker, _) = Worker::join(socket, Vec::new()).await;
    let run = stored.accept(&life.runs, "m1");
    let corr = worker.call().await;
    let ((reached, writing), (fails, go_on)) = (oneshot::channel(), oneshot::channel());
    *stored.broker.refused.lock().expect("nobody panics with it") = Some(Refused { holds, reached, go_on });
    says(&mut worker, corr).await;
    writing.await.expect("it is being written");
    fails.send(()).expect("it waits for this");
    ended(&life.runs).await;
    life.stop.cancel();
    assert!(worker.keeps_its_call().await);
    run
}

fn offer(run: &ChannelKey, next: u64, ended: bool) -> Vec<Offer> {
    vec![Offer { run: run.id().to_owned(), next, ended, ..Offer::default() }]
}

#[tokio::test]
async fn a_worker_keeps_its_call_until_the_end_is_stored() {
    let (stored, folder) = (Stored::new(), tempfile::tempdir().expect("a folder"));
    let is_end = |op: &Op| matches!(op, Op::Append(append) if append.seals);
    let says = async |worker: &mut Worker, corr| worker.send(Frame::End { corr, seq: 0 }).await;
    let run = fail(&stored, &folder.path().join("first.sock"), is_end, says).await;
    assert!(!stored.is_sealed(&run).await);

    let next = folder.path().join("next.sock");
    let life = Life::begin(&stored, &next).await;
    let (mut worker, goes_on) = Worker::join(&next, offer(&run, 1, true)).await;
    let [corr] = goes_on[..] else { panic!("the next life knows its run: {goes_on:?}") };
    worker.send(Frame::End { corr, seq: 0 }).await;
    ended(&life.runs).await;
    assert_eq!(stored.end(&run).await, "run_completed");
    life.stop.cancel();
    assert!(!worker.keeps_its_call().await, "now it may forget it");
}

#[tokio::test]
async fn a_run_whose_write_failed_is_left_to_its_worker() {
    let (stored, folder) = (Stored::new(), tempfile::tempdir().expect("a folder"));
    let is_event = |op: &Op| matches!(op, Op::Append(append) if append.channel.kind() == ChannelKind::Run);
    let says = async |worker: &mut Worker, corr| worker.text(corr, "hello").await;
    let run = fail(&stored, &folder.path().join("first.sock"), is_event, says).await;

    let next = folder.path().join("next.sock");
    let life = Life::begin(&stored, &next).await;
    let (mut worker, goes_on) = Worker::join(&next, offer(&run, 1, false)).await;
    let [corr] = goes_on[..] else { panic!("the next life knows its run: {goes_on:?}") };
    worker.text(corr, "hello").await;
    worker.send(Frame::End { corr, seq: 1 }).await;
    ended(&life.runs).await;
    assert_eq!(stored.end(&run).await, "run_completed");
    life.stop.cancel();
}
