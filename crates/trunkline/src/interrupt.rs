//! Ctrl-C while a run is followed: the first one is a wish, the second one leaves.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The exit code after Ctrl-C, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

/// How often the person has pressed Ctrl-C; nothing, where that ends the process as ever.
pub(crate) struct Interrupt(Option<watch::Receiver<u32>>);

impl Interrupt {
    /// Listens from now on, and tells the person what the first one does.
    pub(crate) fn listen(first_does: &'static str) -> io::Result<Self> {
        let mut interrupts = signal(SignalKind::interrupt())?;
        let (count, counted) = watch::channel(0);
        tokio::spawn(async move {
            while interrupts.recv().await.is_some() {
                if *count.borrow() == 0 {
                    // What was printed so far need not end with a line's end.
                    eprintln!("\ntrunkline: {first_does}");
                }
                count.send_modify(|count| *count += 1);
            }
        });
        Ok(Self(Some(counted)))
    }

    /// Leaves Ctrl-C as it is.
    pub(crate) const fn ends_process() -> Self {
        Self(None)
    }

    /// Resolves when it was pressed.
    pub(crate) async fn first(&self) {
        self.times(1).await;
    }

    /// Resolves when it was pressed again.
    pub(crate) async fn second(&self) {
        self.times(2).await;
    }

    async fn times(&self, times: u32) {
        let Some(count) = &self.0 else { return std::future::pending().await };
        if count.clone().wait_for(|count| *count >= times).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
