//! What a channel's listeners were told lately, kept for those who were not there to take it.
//!
//! Where many listen and one publishes, a connection that has its turn finds more than one message for it. It takes them
//! from here in one piece, which the first of them has spelled for all. Without this each would queue each message, and
//! who falls behind would read the same log as all others and have it spelled anew.
//! It knows no listener, and keeps nothing where only one could come for it.

use std::collections::VecDeque;
use std::sync::Arc;

use trunkline_core::budget::{Budget, Share};
use trunkline_protocol::Position;

use crate::frame::{Page, Shared};

/// Bytes that are kept of one channel. Whoever is further behind reads the log.
const BYTES_MAX: usize = 1024 * 1024;

/// Bytes of a page: half of what a socket's queue takes at once.
const PAGE_BYTES: usize = 16 * 1024;

/// The newest messages of one channel, without a gap.
pub(super) struct Recent {
    pages: VecDeque<Arc<Page>>,
    /// Behind all pages: what nobody has come for yet.
    open: Vec<Arc<Shared>>,
    open_bytes: usize,
    /// Of everything.
    bytes: usize,
    /// What they have of the memory for all connections' buffers.
    share: Share,
    budget: Arc<Budget>,
    /// Listeners that may come for them, as far as it is known.
    behind: usize,
}

/// Something that a listener lacks.
pub(super) enum Lacking<'a> {
    Page(&'a Arc<Page>),
    /// One message of a page whose beginning it has.
    Message(&'a Arc<Shared>),
}

impl Recent {
    pub(super) fn new(budget: &Arc<Budget>) -> Self {
        let (share, budget) = (Share::new(Arc::clone(budget)), Arc::clone(budget));
        Self { pages: VecDeque::new(), open: Vec::new(), open_bytes: 0, bytes: 0, share, budget, behind: 0 }
    }

    /// Keeps what follows, for so many listeners. The oldest go where there are too many; all of them, where connections
    /// need the memory.
    pub(super) fn keep(&mut self, news: &[Arc<Shared>], behind: usize) {
        self.behind = behind;
        for message in news {
            self.push(message);
        }
        while self.bytes > BYTES_MAX
            && let Some(oldest) = self.pages.pop_front()
        {
            self.bytes -= oldest.bytes();
        }
        // Twice: the records, and their pages as they are written.
        if !self.share.try_hold(2 * self.bytes) || self.budget.is_scarce() {
            self.clear();
        }
    }

    /// Whether who stands at `cursor`, or at the channel's beginning, lacks nothing that is not here.
    pub(super) fn reaches(&self, cursor: Option<Position>) -> bool {
        let oldest = self.pages.front().and_then(|page| page.previous());
        let oldest = oldest.or_else(|| Some(self.open.first()?.as_record()?.previous));
        oldest.is_some_and(|oldest| cursor.map_or(0, |cursor| cursor.offset) >= oldest.offset)
    }

    fn push(&mut self, message: &Arc<Shared>) {
        let Some(record) = message.as_record() else { return };
        if self.top().is_some_and(|top| top != record.previous) {
            self.clear();
        }
        self.bytes += message.bytes();
        self.open_bytes += message.bytes();
        self.open.push(Arc::clone(message));
        if self.open_bytes >= PAGE_BYTES {
            self.close_page();
        }
    }

    fn close_page(&mut self) {
        if !self.open.is_empty() {
            self.pages.push_back(Arc::new(Page::new(std::mem::take(&mut self.open))));
            self.open_bytes = 0;
        }
    }

    fn clear(&mut self) {
        (self.pages, self.open) = (VecDeque::new(), Vec::new());
        (self.open_bytes, self.bytes) = (0, 0);
        self.share.hold(0);
    }

    fn top(&self) -> Option<Position> {
        let newest = self.open.last().and_then(|message| message.as_record());
        Some(newest.or_else(|| self.pages.back()?.last())?.position)
    }

    /// What follows `cursor`, or the channel's beginning; `None` where that is not known here. A page ends where somebody
    /// comes for it, because the others, who have their turns now, lack the same.
    pub(super) fn after(&mut self, cursor: Option<Position>) -> Option<impl Iterator<Item = Lacking<'_>>> {
        self.close_page();
        let cursor = cursor.or_else(|| self.beginning())?;
        let has = |page: &Arc<Page>| page.last().is_some_and(|last| last.position.offset <= cursor.offset);
        let index = self.pages.partition_point(has);
        let mut begun: &[Arc<Shared>] = &[];
        let mut whole = index;
        if let Some(page) = self.pages.get(index) {
            let had = usize::try_from(cursor.offset.checked_sub(page.previous()?.offset)?).ok()?;
            let next = page.messages().get(had)?.as_record()?;
            if next.previous != cursor {
                return None;
            }
            if had > 0 {
                begun = &page.messages()[had..];
                whole += 1;
            }
        } else if self.top() != Some(cursor) {
            return None;
        }
        Some(begun.iter().map(Lacking::Message).chain(self.pages.range(whole..).map(Lacking::Page)))
    }

    /// Where the channel begins, if nothing of it is missing here.
    fn beginning(&self) -> Option<Position> {
        self.pages.front()?.previous().filter(|previous| previous.offset == 0)
    }

    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// A listener needs nothing of this any more. Says whether none does.
    pub(super) const fn is_needed_by_fewer(&mut self) -> bool {
        self.behind = self.behind.saturating_sub(1);
        self.behind == 0
    }
}

#[cfg(test)]
mod tests {
    use trunkline_core::channel::ChannelKey;
    use trunkline_core::log::Head;
    use trunkline_core::record::{self, RecordKind};
    use trunkline_protocol::Envelope;

    use super::*;

    /// A log of messages of 1 KiB and what stands around them.
    struct Log(Head);

    impl Log {
        fn new() -> Self {
            Self(Head::new(1))
        }

        fn append(&mut self, count: usize) -> Vec<Arc<Shared>> {
            let channel = ChannelKey::run("default", "r");
            let content = serde_json::value::to_raw_value(&"x".repeat(1024)).unwrap();
            let event = Envelope { payload: Some((&*content).into()), ..Envelope::new("run_event") };
            let data = record::data(RecordKind::Event, &event);
            let mut append = || self.0.append(data.clone(), false, None, 0).unwrap();
            (0..count).map(|_| Shared::record(&channel, &append())).collect()
        }
    }

    fn recent(bytes: usize) -> Recent {
        Recent::new(&Arc::new(Budget::new(bytes)))
    }

    fn position(message: &Shared) -> Position {
        message.as_record().unwrap().position
    }

    /// How many messages follow, and in how many pieces.
    fn after(recent: &mut Recent, cursor: impl Into<Option<Position>>) -> Option<(usize, usize)> {
        let pieces: Vec<_> = recent.after(cursor.into())?.collect();
        let messages = |piece: &Lacking<'_>| match piece {
            Lacking::Page(page) => page.messages().len(),
            Lacking::Message(_) => 1,
        };
        Some((pieces.iter().map(messages).sum(), pieces.len()))
    }

    #[test]
    fn what_follows_a_cursor_is_found_or_known_to_be_elsewhere() {
        let (mut log, mut recent) = (Log::new(), recent(usize::MAX));
        let before = log.append(2);
        let kept = log.append(3);
        assert_eq!(after(&mut recent, position(&before[1])), None, "nothing is kept");
        assert_eq!(after(&mut recent, None), None);
        recent.keep(&kept, 1);
        assert_eq!(after(&mut recent, position(&before[0])), None, "it lacks a message that was not kept");
        assert_eq!(after(&mut recent, position(&before[1])), Some((3, 1)), "all at once");
        assert_eq!(after(&mut recent, position(&kept[0])), Some((2, 2)), "it has the beginning of the page");
        assert_eq!(after(&mut recent, position(&kept[2])), Some((0, 0)), "it has everything");
        let other = Position { epoch: 2, ..position(&kept[1]) };
        assert_eq!(after(&mut recent, other), None, "of another life of the channel");
        let later = log.append(2);
        recent.keep(&later, 1);
        assert_eq!(after(&mut recent, position(&kept[2])), Some((2, 1)), "those who have the first page");
        assert_eq!(after(&mut recent, position(&before[1])), Some((5, 2)));
        let missed = log.append(1);
        recent.keep(&log.append(1), 1);
        assert_eq!(after(&mut recent, position(&kept[2])), None, "there is never a gap");
        assert_eq!(after(&mut recent, position(&missed[0])), Some((1, 1)));
        assert_eq!(after(&mut recent, None), None, "there was more before it");
    }

    #[test]
    fn whoever_has_nothing_yet_is_told_from_the_beginning() {
        let (mut log, mut recent) = (Log::new(), recent(usize::MAX));
        recent.keep(&log.append(3), 1);
        assert_eq!(after(&mut recent, None), Some((3, 1)));
    }

    #[test]
    fn it_is_bounded_by_its_own_bytes_and_by_those_of_all_connections() {
        let count =
            |recent: &mut Recent, cursor: &Shared| after(recent, position(cursor)).map(|(messages, _)| messages);
        let (mut log, mut large) = (Log::new(), recent(usize::MAX));
        let messages = log.append(2_000);
        for together in messages.chunks(7) {
            large.keep(together, 1);
            assert!(large.bytes <= BYTES_MAX);
        }
        assert_eq!(count(&mut large, &messages[1_900]), Some(99), "the newest are there");
        assert_eq!(count(&mut large, &messages[0]), None, "the oldest are not");
        let mut small = recent(100 * 1024);
        small.keep(&messages[..10], 1);
        assert_eq!(count(&mut small, &messages[0]), Some(9));
        small.keep(&messages[10..200], 1);
        assert_eq!(count(&mut small, &messages[190]), None, "connections need the memory");
        small.keep(&messages[200..210], 1);
        assert_eq!(count(&mut small, &messages[200]), Some(9), "later there is room again");
    }
}
