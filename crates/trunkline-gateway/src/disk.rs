//! Watches the disk of the store: while there is little left, nothing new is begun.
//!
//! Reads and the ends of runs go on; what is little is decided by `trunkline_core::disk`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use trunkline_core::disk::Disk;

use crate::machine;
use crate::telemetry::Metrics;

/// Time between two looks: at a gigabyte a second the reserve of a large disk lasts as long.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What whoever wants to begin something is told.
pub(crate) const FULL: &str = "the disk of this gateway is almost full; nothing new is begun";

/// Whether the disk has room for what is new.
#[derive(Debug, Default)]
pub(crate) struct DiskWatch {
    is_full: AtomicBool,
}

impl DiskWatch {
    /// Whether nothing new is to be begun.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn fill(&self) {
        self.is_full.store(true, Ordering::Relaxed);
    }

    /// Measures the disk of `folder` until `stop`, for the first time before it waits.
    pub(crate) async fn watch(self: Arc<Self>, folder: PathBuf, metrics: Arc<Metrics>, stop: CancellationToken) {
        let mut disk = Disk::default();
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            // A call to the kernel that asks no disk; where it fails, writing will say why.
            let Ok((size, free)) = machine::disk(&folder) else { continue };
            metrics.disk_free_bytes.set(i64::try_from(free).unwrap_or(i64::MAX));
            let is_full = disk.measured(size, free);
            if is_full != self.is_full.swap(is_full, Ordering::Relaxed) {
                tell(&folder, is_full, free);
            }
        }
    }
}

fn tell(folder: &Path, is_full: bool, free: u64) {
    let folder = folder.display();
    if is_full {
        tracing::error!(%folder, free_bytes = free, "the disk is almost full; nothing new is begun until there is room");
    } else {
        tracing::info!(%folder, free_bytes = free, "the disk has room again");
    }
}
