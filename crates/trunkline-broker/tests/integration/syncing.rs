//! A disk that does not sync. After one failure nobody knows what is on it, even if the next sync goes well: the kernel may
//! have let go of what it could not write.
//!
//! The calls of one thread to the kernel are filtered: its `fdatasync` fails with EIO, as where a disk breaks.

use std::thread;
use std::time::Duration;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
use trunkline_broker::{Batch, BrokerError, Durability, Options};

use crate::support::{Kind, World, append, batch, channel, texts};

/// Long enough for a machine under load; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// No sync of this thread, and of those that it starts, goes well from now on.
fn break_the_disk() {
    let errno = u32::try_from(libc::EIO).unwrap();
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let syncs = [(libc::SYS_fdatasync, Vec::new())].into_iter().collect();
    let filter = SeccompFilter::new(syncs, SeccompAction::Allow, SeccompAction::Errno(errno), architecture).unwrap();
    apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
}

/// A broker whose own thread cannot sync. The tests' can, so that only the broker itself keeps them from being answered.
fn on_a_broken_disk() -> World {
    let opened = thread::spawn(|| {
        break_the_disk();
        World::new(Kind::Embedded, Options::default())
    });
    opened.join().unwrap()
}

#[tokio::test]
async fn after_a_sync_that_failed_nothing_is_acknowledged() {
    let mut world = on_a_broken_disk();
    let run = channel("r1");
    let before = world.append(&run, "before").await;
    let failed = world.embedded().failed();
    let to_the_disk = Batch { durability: Durability::Disk, ..batch([append(&run, "never acknowledged")]) };
    let outcome = world.broker().commit(to_the_disk).await;
    assert!(matches!(outcome, Err(BrokerError::Unavailable(_))), "{outcome:?}");
    let reason = tokio::time::timeout(PATIENCE, failed).await.expect("whoever owns it hears that it has failed");
    assert!(reason.contains("Input/output error"), "{reason}");

    for durability in [Durability::Os, Durability::Disk] {
        let later = Batch { durability, ..batch([append(&run, "later")]) };
        let outcome = world.broker().commit(later).await;
        assert!(matches!(outcome, Err(BrokerError::Unavailable(_))), "{outcome:?}");
    }
    assert!(world.broker().read(&run, None, usize::MAX).await.is_err(), "what is read may be lost");
    let heard = world.recorder.heard();
    assert_eq!(heard.len(), 1, "nobody is told of what is not stored: {heard:?}");

    world.reopen();
    let page = world.page(&run, None).await;
    assert_eq!((page.records[0].position, texts(&page)[0]), (before, "before"));
    assert!(!texts(&page).contains(&"later"));
}
