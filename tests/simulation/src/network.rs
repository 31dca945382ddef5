//! The way between a client and the gateway: late, in pieces, and sometimes not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, duplex, split};
use tokio::sync::watch;

use crate::chance::Chance;

/// What the networks between hold, each way.
const PATH_BYTES: usize = 16 * 1024;

/// What can be done to one connection.
#[derive(Debug)]
pub(crate) struct Control {
    /// Bytes a second, each way; 0 where it does not matter.
    bytes_per_second: AtomicU64,
    black_hole: AtomicBool,
    cut: watch::Sender<bool>,
}

impl Control {
    pub(crate) fn cut(&self) {
        self.cut.send_replace(true);
    }

    pub(crate) fn swallow_everything(&self) {
        self.black_hole.store(true, Ordering::Relaxed);
    }

    /// With 0 it is as fast as it can be again.
    pub(crate) fn slow_down(&self, bytes_per_second: u64) {
        self.bytes_per_second.store(bytes_per_second, Ordering::Relaxed);
    }
}

/// Puts a network before a stream.
pub(crate) fn through(far: DuplexStream, seed: u64) -> (DuplexStream, Arc<Control>) {
    let (near, middle) = duplex(PATH_BYTES);
    let control = Arc::new(Control {
        bytes_per_second: AtomicU64::new(0),
        black_hole: AtomicBool::new(false),
        cut: watch::Sender::new(false),
    });
    let ((from_client, to_client), (from_gateway, to_gateway)) = (split(middle), split(far));
    tokio::spawn(pump(from_client, to_gateway, Arc::clone(&control), Chance::new(seed, 1)));
    tokio::spawn(pump(from_gateway, to_client, Arc::clone(&control), Chance::new(seed, 2)));
    (near, control)
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    control: Arc<Control>,
    mut chance: Chance,
) {
    let mut cut = control.cut.subscribe();
    let mut buffer = vec![0; 8 * 1024];
    loop {
        let size = usize::try_from(chance.between(1, 8 * 1024)).expect("small");
        let read = tokio::select! {
            biased;
            _ = cut.wait_for(|cut| *cut) => return,
            read = from.read(&mut buffer[..size]) => read,
        };
        let Ok(read @ 1..) = read else {
            let _ = to.shutdown().await;
            return;
        };
        let mut delay = Duration::from_millis(chance.between(1, 40));
        if let rate @ 1.. = control.bytes_per_second.load(Ordering::Relaxed) {
            delay += Duration::from_millis(1000 * read as u64 / rate);
        }
        tokio::select! {
            biased;
            _ = cut.wait_for(|cut| *cut) => return,
            () = tokio::time::sleep(delay) => {}
        }
        if control.black_hole.load(Ordering::Relaxed) {
            continue;
        }
        let written = tokio::select! {
            biased;
            _ = cut.wait_for(|cut| *cut) => return,
            written = to.write_all(&buffer[..read]) => written,
        };
        if written.is_err() {
            return;
        }
    }
}
