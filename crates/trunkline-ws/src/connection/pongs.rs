//! Answering pings (RFC 6455 §5.5.2, §5.5.3).
//!
//! Pings are answered in their place among the messages. A flood of them is not worth a flood of answers: beyond some,
//! and while the peer does not read, only the latest is answered, as §5.5.3 allows. Whether the peer sends too many is
//! the owner's question.

use super::write_queue::{QueueError, WriteQueue};

/// Pings answered one by one in one drive. Peers that measure or test send some at once, none more than ten.
const PONGS_PER_DRIVE_MAX: u32 = 16;

/// The answer that could not be queued yet: at most one, the latest.
#[derive(Debug, Default)]
pub(super) struct Pongs {
    held: Option<Box<[u8]>>,
}

impl Pongs {
    /// Answers the `nth` ping of a drive.
    pub(super) fn answer(&mut self, payload: &[u8], nth: u32, queue: &mut WriteQueue) {
        if nth > PONGS_PER_DRIVE_MAX || queue.push_pong(payload).is_err() {
            self.held = Some(payload.into());
        }
    }

    /// Queues the answer that is held, if there is room.
    pub(super) fn queue_held(&mut self, queue: &mut WriteQueue) {
        let Some(payload) = &self.held else { return };
        match queue.push_pong(payload) {
            Err(QueueError::Full) => {}
            // While the connection closes, nobody waits for it.
            Ok(()) | Err(QueueError::Closing) => self.held = None,
        }
    }

    /// The memory that is held, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.held.as_ref().map_or(0, |payload| payload.len())
    }
}
