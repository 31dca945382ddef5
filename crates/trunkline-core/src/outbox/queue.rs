//! Finished frames in their classes, and which one is next.

use std::collections::VecDeque;

use trunkline_protocol::Position;

use super::{Frame, LATEST_BYTES_MAX, Priority};

/// Interactive bytes that go for each bulk byte while both wait.
const INTERACTIVE_WEIGHT: usize = 8;

/// Bytes of other frames after which one that is made when it is written has its turn, while others wait: as many as the
/// largest of them has, so that neither keeps the other from its half.
const DUE_AFTER_BYTES: usize = 64 * 1024;

/// Places that an empty queue keeps, so that a connection at work does not allocate for every frame.
const KEPT_PLACES: usize = 4;

/// Names one attachment of a channel. A channel that is attached again gets another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(pub(super) u64);

/// A frame of a channel, and the position that the client has once it is written.
#[derive(Debug)]
pub(super) struct Item<F> {
    pub(super) frame: F,
    pub(super) slot: Slot,
    pub(super) position: Option<Position>,
    /// Interactive frames that go before it, of all that were ever queued.
    pub(super) after: u64,
}

/// A frame that is next to be written.
#[derive(Debug)]
pub(super) struct Next<F> {
    pub(super) frame: F,
    /// What the client has of which channel, once this is written.
    pub(super) reached: Option<(Slot, Position)>,
    /// What it takes is not known before it is written.
    pub(super) is_due: bool,
}

/// The newest value of one piece of state.
#[derive(Debug)]
struct Latest<F> {
    slot: Slot,
    key: Box<str>,
    frame: F,
}

/// A frame that is made when it is written, and what it is known by until then.
#[derive(Debug)]
struct Due<F> {
    key: u64,
    frame: F,
}

/// The queues of one outbox.
#[derive(Debug)]
pub(super) struct Queues<F> {
    control: VecDeque<F>,
    control_bytes: usize,
    interactive: VecDeque<Item<F>>,
    bulk: VecDeque<Item<F>>,
    latest: VecDeque<Latest<F>>,
    latest_bytes: usize,
    due: VecDeque<Due<F>>,
    /// Bytes of channels and of state that were taken since one of those had its turn.
    since_due: usize,
    bytes: usize,
    /// Interactive frames that were taken, of all that were ever queued.
    interactive_taken: u64,
    /// Interactive bytes written since the last bulk frame.
    interactive_run: usize,
    /// Interactive bytes that must go before bulk may.
    bulk_debt: usize,
}

impl<F> Default for Queues<F> {
    fn default() -> Self {
        Self {
            control: VecDeque::new(),
            control_bytes: 0,
            interactive: VecDeque::new(),
            bulk: VecDeque::new(),
            latest: VecDeque::new(),
            latest_bytes: 0,
            due: VecDeque::new(),
            since_due: 0,
            bytes: 0,
            interactive_taken: 0,
            interactive_run: 0,
            bulk_debt: 0,
        }
    }
}

impl<F: Frame> Queues<F> {
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) const fn control_bytes(&self) -> usize {
        self.control_bytes
    }

    pub(super) const fn latest_bytes(&self) -> usize {
        self.latest_bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        let Self { control, interactive, bulk, latest, due, .. } = self;
        control.is_empty() && interactive.is_empty() && bulk.is_empty() && latest.is_empty() && due.is_empty()
    }

    pub(super) fn push_control(&mut self, frame: F) {
        self.control_bytes += frame.bytes();
        self.control.push_back(frame);
    }

    pub(super) fn push(&mut self, priority: Priority, item: Item<F>) {
        self.bytes += item.frame.bytes();
        match priority {
            Priority::Interactive => self.interactive.push_back(item),
            Priority::Bulk => self.bulk.push_back(item),
        }
    }

    /// How many interactive frames were ever queued.
    pub(super) fn interactive_queued(&self) -> u64 {
        self.interactive_taken + self.interactive.len() as u64
    }

    /// What waits now goes before everything interactive that is queued from here on.
    pub(super) fn line_up(&mut self) {
        self.interactive.append(&mut self.bulk);
    }

    pub(super) fn push_latest(&mut self, slot: Slot, key: &str, frame: F) {
        self.latest_bytes += frame.bytes();
        let same = |latest: &&mut Latest<F>| latest.slot == slot && *latest.key == *key;
        if let Some(latest) = self.latest.iter_mut().find(same) {
            self.latest_bytes -= latest.frame.bytes();
            latest.frame = frame;
        } else {
            self.latest.push_back(Latest { slot, key: key.into(), frame });
        }
        while self.latest_bytes > LATEST_BYTES_MAX
            && let Some(oldest) = self.latest.pop_front()
        {
            self.latest_bytes -= oldest.frame.bytes();
        }
    }

    /// Puts the state of a channel that is over before its end, which comes next: it must not come after.
    pub(super) fn end_latest(&mut self, slot: Slot, priority: Priority, after: u64) {
        if self.latest.iter().all(|latest| latest.slot != slot) {
            return;
        }
        let (ended, others): (VecDeque<_>, VecDeque<_>) = self.latest.drain(..).partition(|latest| latest.slot == slot);
        self.latest = others;
        for Latest { slot, frame, .. } in ended {
            self.latest_bytes -= frame.bytes();
            self.push(priority, Item { frame, slot, position: None, after });
        }
    }

    /// Drops state of a channel that is no longer attached.
    pub(super) fn forget_latest(&mut self, slot: Slot) {
        self.latest.retain(|latest| latest.slot != slot);
        self.latest_bytes = self.latest.iter().map(|latest| latest.frame.bytes()).sum();
    }

    pub(super) fn push_due(&mut self, key: u64, frame: F) {
        if self.due.iter().all(|due| due.key != key) {
            self.due.push_back(Due { key, frame });
        }
    }

    pub(super) fn forget_due(&mut self, key: u64) {
        self.due.retain(|due| due.key != key);
    }

    /// The next frame: control, then interactive and bulk by weight, then latest state, then what is made when it is
    /// written, unless that has waited for long.
    pub(super) fn pop(&mut self) -> Option<Next<F>> {
        if let Some(frame) = self.control.pop_front() {
            self.control_bytes -= frame.bytes();
            return Some(Next { frame, reached: None, is_due: false });
        }
        let has_waited = self.since_due >= DUE_AFTER_BYTES && !self.due.is_empty();
        let next = if has_waited { None } else { self.pop_ready() };
        if let Some(next) = next {
            self.since_due = self.since_due.saturating_add(next.frame.bytes());
            return Some(next);
        }
        let Some(due) = self.due.pop_front() else {
            self.shrink();
            return None;
        };
        self.since_due = 0;
        Some(Next { frame: due.frame, reached: None, is_due: true })
    }

    fn pop_ready(&mut self) -> Option<Next<F>> {
        if let Some(item) = self.pop_weighted() {
            self.bytes -= item.frame.bytes();
            let reached = item.position.map(|position| (item.slot, position));
            return Some(Next { frame: item.frame, reached, is_due: false });
        }
        let latest = self.latest.pop_front()?;
        self.latest_bytes -= latest.frame.bytes();
        Some(Next { frame: latest.frame, reached: None, is_due: false })
    }

    /// Everything was taken: what it took is given back, so that an idle connection holds next to none of it.
    fn shrink(&mut self) {
        let Self { control, interactive, bulk, latest, due, .. } = self;
        control.shrink_to(KEPT_PLACES);
        interactive.shrink_to(KEPT_PLACES);
        bulk.shrink_to(KEPT_PLACES);
        latest.shrink_to(KEPT_PLACES);
        due.shrink_to(KEPT_PLACES);
    }

    /// Bulk goes when nothing interactive waits, or when interactive had its share since the last bulk frame and what the
    /// next one comes after is taken.
    fn pop_weighted(&mut self) -> Option<Item<F>> {
        let has_turn = self.interactive.is_empty() || self.interactive_run >= self.bulk_debt;
        let bulk_may_go = |item: &mut Item<F>| has_turn && item.after <= self.interactive_taken;
        if let Some(item) = self.bulk.pop_front_if(bulk_may_go) {
            self.interactive_run = 0;
            self.bulk_debt = item.frame.bytes() * INTERACTIVE_WEIGHT;
            return Some(item);
        }
        let item = self.interactive.pop_front()?;
        self.interactive_taken += 1;
        self.interactive_run = self.interactive_run.saturating_add(item.frame.bytes());
        Some(item)
    }
}
