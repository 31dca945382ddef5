//! What one connection is sent, and in which order.
//!
//! An outbox holds finished frames in three classes and knows, for each attached channel,
//! how far the client was brought. A channel is either *live* (new records are offered
//! and queued) or *behind* (nothing of it is queued; its log is read when there is room).
//! Attaching starts behind, a full outbox falls behind, and a read that reaches the top
//! makes the channel live: resuming and serving a slow client are one mechanism.
//!
//! It knows neither sockets nor the log. Its memory is bounded by [`QUEUE_BYTES_MAX`] and
//! one page of a log.

mod queue;
mod runs;

use bytes::Bytes;
use trunkline_protocol::Position;

use crate::channel::{ChannelKey, ChannelKind};
use crate::log::Record;
use crate::record::{self, RecordKind};
pub use queue::Slot;
use queue::{Item, Queues};
pub use runs::Brought;

/// Bytes of channel frames that may wait; above it channels fall behind.
pub const QUEUE_BYTES_MAX: usize = 256 * 1024;

/// Bytes of control frames that may wait; above it the client is not reading and is let go.
pub const CONTROL_BYTES_MAX: usize = 64 * 1024;

/// Bytes of queued frames below which a log is read for a channel that is behind.
pub const READ_BELOW_BYTES: usize = 64 * 1024;

/// Channels that one connection may have attached at once: so many that its client asks for (sessions, users, topics),
/// and as many runs, which come by themselves. One kind leaves the other its room: a client that filled all of it with
/// topics would be told of no run any more, and so of nothing else of its sessions.
pub const CHANNELS_MAX: usize = 64;

/// Bytes of latest state that may wait; the oldest values go when there are more.
pub const LATEST_BYTES_MAX: usize = 64 * 1024;

/// What an outbox holds.
pub trait Frame {
    /// The memory that it is counted as, in bytes.
    fn bytes(&self) -> usize;
}

impl Frame for Bytes {
    fn bytes(&self) -> usize {
        self.len()
    }
}

/// How urgent a channel is on this connection. Control frames come before both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Somebody is watching it happen.
    Interactive,
    /// The past, and large content.
    Bulk,
}

/// What became of an offered record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It is queued; the connection has something to write.
    Queued,
    /// It is not for this client to see: the channel goes on behind it.
    Passed,
    /// The client has it, or the log is being read for it already.
    Ignored,
    /// It did not fit or did not follow; the channel is behind now and its log has to be read.
    FellBehind,
}

/// The outbox cannot hold one more control frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client does not read its control messages")]
pub struct ControlFull;

/// A log that should be read now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Whose log.
    pub channel: ChannelKey,
    /// After which record; `None` from the oldest that is retained.
    pub cursor: Option<Position>,
    /// What [`Outbox::still_wants`] knows it by: a channel may be given up and attached again while its log is read.
    pub attachment: Slot,
}

/// How the past of a channel is being followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    Live,
    Behind,
}

/// One attached channel.
#[derive(Debug)]
struct Attached {
    channel: ChannelKey,
    slot: Slot,
    /// The session that brought it, if it is a run.
    session: Option<ChannelKey>,
    priority: Priority,
    delivery: Delivery,
    /// The last record queued; `None` before any.
    queued: Option<Position>,
    /// The last record taken for writing; what a heartbeat reports.
    sent: Option<Position>,
    /// Text records queued so far.
    pieces: u64,
    /// A run of whose start its session's log may still have to tell, or to tell again.
    is_ahead: bool,
    /// The newest state was not told while it was behind.
    lacks_latest: bool,
    /// How many interactive frames were ever queued when its last one was, if it has any.
    last: u64,
}

/// The outbox of one connection.
#[derive(Debug)]
pub struct Outbox<F> {
    queues: Queues<F>,
    /// In the order of their slots.
    attached: Vec<Attached>,
    next_slot: u64,
    /// Whose log was wanted last.
    wanted_last: Slot,
    /// Sessions that are behind, and runs of theirs that were told to their ends before the log told of their starts: those
    /// that were ahead, so at most as many as a connection has at once and its sessions had when they were attached.
    told: Vec<(ChannelKey, ChannelKey)>,
    closed: bool,
}

impl<F> Default for Outbox<F> {
    fn default() -> Self {
        let (queues, attached, told) = (Queues::default(), Vec::new(), Vec::new());
        Self { queues, attached, next_slot: 0, wanted_last: Slot(0), told, closed: false }
    }
}

impl<F: Frame> Outbox<F> {
    /// The connection is over: nothing is queued or attached from now on. Gives the channels that were attached.
    pub fn close(&mut self) -> Vec<ChannelKey> {
        self.closed = true;
        self.queues = Queues::default();
        self.attached.drain(..).map(|attached| attached.channel).collect()
    }

    /// Queues a frame that belongs to the connection alone. After [`Outbox::close`] it is dropped.
    pub fn push_control(&mut self, frame: F) -> Result<(), ControlFull> {
        if self.closed {
            return Ok(());
        }
        if self.queues.control_bytes() + frame.bytes() > CONTROL_BYTES_MAX {
            return Err(ControlFull);
        }
        self.queues.push_control(frame);
        Ok(())
    }

    /// Attaches a channel whose log is to be read after `cursor` (`None`: from the oldest record). A channel that
    /// is attached already, or one too many, is left alone; says whether it was attached.
    pub fn attach(&mut self, channel: ChannelKey, priority: Priority, cursor: Option<Position>) -> bool {
        self.add(channel, None, priority, Delivery::Behind, cursor)
    }

    /// Attaches a channel that has no record yet, so that its first one is taken as it comes. `start` is the place before
    /// that one, where it is known.
    pub fn attach_new(&mut self, channel: ChannelKey, start: Option<Position>) -> bool {
        self.add(channel, None, Priority::Interactive, Delivery::Live, start)
    }

    fn add(
        &mut self,
        channel: ChannelKey,
        session: Option<ChannelKey>,
        priority: Priority,
        delivery: Delivery,
        cursor: Option<Position>,
    ) -> bool {
        if self.closed || !self.can_attach(channel.kind()) || self.find(&channel).is_some() {
            return false;
        }
        self.next_slot += 1;
        let (slot, queued, sent) = (Slot(self.next_slot), cursor, cursor);
        self.attached.push(Attached {
            channel,
            slot,
            session,
            priority,
            delivery,
            queued,
            sent,
            pieces: 0,
            is_ahead: false,
            lacks_latest: delivery == Delivery::Behind,
            last: 0,
        });
        true
    }

    /// Whether one more channel of this kind can be attached.
    pub fn can_attach(&self, kind: ChannelKind) -> bool {
        let is_run = |kind| kind == ChannelKind::Run;
        let alike = self.attached.iter().filter(|attached| is_run(attached.channel.kind()) == is_run(kind));
        self.attached.len() < CHANNELS_MAX || alike.count() < CHANNELS_MAX
    }

    /// Whether this channel is attached and its new records are queued as they come.
    pub fn is_live(&self, channel: &ChannelKey) -> bool {
        self.find(channel).is_some_and(|index| self.attached[index].delivery == Delivery::Live)
    }

    /// Offers new records of a channel, one after the other; only the last may seal it. `frame` is called for each that
    /// follows, with its index and the number of text records that were queued before; it gives nothing for a record that
    /// this client is not to see.
    pub fn offer(
        &mut self,
        channel: &ChannelKey,
        records: &[Record],
        mut frame: impl FnMut(usize, u64) -> Option<F>,
    ) -> Offer {
        let Some(index) = self.find(channel) else { return Offer::Ignored };
        if self.attached[index].delivery == Delivery::Behind {
            return Offer::Ignored;
        }
        let mut outcome = Offer::Ignored;
        for (number, record) in records.iter().enumerate() {
            let attached = &self.attached[index];
            if !is_news(attached.queued, record) {
                continue;
            }
            let frame = if follows(attached.queued, record) { Some(frame(number, attached.pieces)) } else { None };
            let fits = |frame: &F| self.queues.bytes() + frame.bytes() <= QUEUE_BYTES_MAX;
            let Some(frame) = frame.filter(|frame| frame.as_ref().is_none_or(fits)) else {
                self.attached[index].delivery = Delivery::Behind;
                return Offer::FellBehind;
            };
            outcome = match (&frame, outcome) {
                (None, Offer::Ignored) => Offer::Passed,
                (None, before) => before,
                (Some(_), _) => Offer::Queued,
            };
            self.queue(index, record, frame);
        }
        outcome
    }

    /// Takes a live channel as behind: its log is to be read from where the client stands. `false` if it was not live.
    pub fn fall_behind(&mut self, channel: &ChannelKey) -> bool {
        let Some(index) = self.find(channel) else { return false };
        std::mem::replace(&mut self.attached[index].delivery, Delivery::Behind) == Delivery::Live
    }

    /// Whether the client lacks a record that was read from the log; then, how many text records were queued before it.
    pub fn lacks(&self, channel: &ChannelKey, record: &Record) -> Option<u64> {
        let attached = &self.attached[self.find(channel)?];
        is_news(attached.queued, record).then_some(attached.pieces)
    }

    /// Queues a record that was read from the log of a channel that is behind; records that the client has are left out.
    /// `frame` is as for [`Outbox::offer`].
    pub fn push_read(&mut self, channel: &ChannelKey, record: &Record, frame: impl FnOnce(u64) -> Option<F>) {
        let Some(index) = self.find(channel) else { return };
        if is_news(self.attached[index].queued, record) {
            let frame = frame(self.attached[index].pieces);
            self.queue(index, record, frame);
        }
    }

    fn queue(&mut self, index: usize, record: &Record, frame: Option<F>) {
        let attached = &mut self.attached[index];
        attached.queued = Some(record.position);
        attached.pieces += u64::from(record::kind(&record.data) == Some(RecordKind::Text));
        if record.seals {
            let (slot, priority) = (attached.slot, attached.priority);
            self.queues.end_latest(slot, priority, self.comes_after(index));
        }
        if let Some(frame) = frame {
            self.push(index, frame, (!record.seals).then_some(record.position));
        }
        if record.seals {
            self.is_told(index);
        }
    }

    fn push(&mut self, index: usize, frame: F, position: Option<Position>) {
        let after = self.comes_after(index);
        let attached = &mut self.attached[index];
        let slot = attached.slot;
        self.queues.push(attached.priority, Item { frame, slot, position, after });
        attached.last = self.queues.interactive_queued();
    }

    /// A read reached `top`, the newest record that was published: the channel is live. `false` when more came
    /// since, and the log has to be read on.
    pub fn caught_up(&mut self, channel: &ChannelKey, top: Option<Position>) -> bool {
        let Some(index) = self.find(channel) else { return true };
        let attached = &mut self.attached[index];
        let queued = attached.queued.map_or(0, |position| position.offset);
        if top.is_some_and(|top| top.offset > queued) {
            return false;
        }
        attached.delivery = Delivery::Live;
        self.told.retain(|(session, _)| session != channel);
        true
    }

    /// Takes a channel that is behind back to its oldest record.
    pub fn rewind(&mut self, channel: &ChannelKey) {
        if let Some(index) = self.find(channel) {
            self.attached[index].queued = None;
            self.attached[index].sent = None;
            self.attached[index].pieces = 0;
        }
    }

    /// Whether this channel is attached.
    pub fn is_attached(&self, channel: &ChannelKey) -> bool {
        self.find(channel).is_some()
    }

    /// Queues a frame that says where a channel goes on, in the channel's order. A session takes its runs with it: what
    /// was queued of them goes before, and from here on its log tells of their starts anew.
    pub fn push_notice(&mut self, channel: &ChannelKey, frame: F) {
        let Some(index) = self.find(channel) else { return };
        if channel.kind() == ChannelKind::Session {
            self.queues.line_up();
            self.tells_anew(channel);
        }
        self.push(index, frame, None);
    }

    /// Stops delivering a channel.
    pub fn detach(&mut self, channel: &ChannelKey) {
        if let Some(index) = self.find(channel) {
            let Attached { slot, .. } = self.attached.remove(index);
            self.told.retain(|(session, _)| session != channel);
            self.queues.forget_latest(slot);
        }
    }

    /// Queues the newest value of state where only the newest matters, in place of an older one with the same key.
    pub fn push_latest(&mut self, channel: &ChannelKey, key: &str, frame: F) {
        let Some(index) = self.find(channel) else { return };
        let attached = &mut self.attached[index];
        if attached.delivery == Delivery::Live {
            self.queues.push_latest(attached.slot, key, frame);
        } else {
            attached.lacks_latest = true;
        }
    }

    /// Whether the newest state is to be told of a channel that is live now: it was attached, or missed some. Says it once.
    pub fn takes_latest(&mut self, channel: &ChannelKey) -> bool {
        let index = self.find(channel);
        index.is_some_and(|index| std::mem::take(&mut self.attached[index].lacks_latest))
    }

    /// The last record that is queued of a channel that is behind; `None` of one that is not.
    pub fn behind_at(&self, channel: &ChannelKey) -> Option<Option<Position>> {
        let attached = &self.attached[self.find(channel)?];
        (attached.delivery == Delivery::Behind).then_some(attached.queued)
    }

    /// Whether another channel than this one is behind.
    pub fn is_behind_elsewhere(&self, channel: &ChannelKey) -> bool {
        self.attached.iter().any(|attached| attached.delivery == Delivery::Behind && attached.channel != *channel)
    }

    /// Queues a frame that is made when it is written, and holds nothing until then: one for each key, in the order in
    /// which they came. It goes behind what is ready, unless much of that went ahead of it already.
    pub fn push_due(&mut self, key: u64, frame: F) {
        if !self.closed {
            self.queues.push_due(key, frame);
        }
    }

    /// Takes such a frame back.
    pub fn forget_due(&mut self, key: u64) {
        self.queues.forget_due(key);
    }

    /// The log to read next, if there is room for what it holds. Channels take turns in the order in which they were
    /// attached; a session's log waits while its runs cannot be attached.
    pub fn wanted(&mut self) -> Option<Wanted> {
        if self.queues.bytes() >= READ_BELOW_BYTES {
            return None;
        }
        let full = !self.can_attach(ChannelKind::Run);
        let readable = |attached: &&Attached| {
            let opens_others = attached.channel.kind() == ChannelKind::Session;
            attached.delivery == Delivery::Behind && !(full && opens_others)
        };
        // The least in this order: the urgent ones first, and among them who comes after the one that had its turn last.
        let turn = |attached: &&Attached| {
            (attached.priority != Priority::Interactive, attached.slot <= self.wanted_last, attached.slot)
        };
        let next = self.attached.iter().filter(readable).min_by_key(turn)?;
        self.wanted_last = next.slot;
        Some(Wanted { channel: next.channel.clone(), cursor: next.queued, attachment: next.slot })
    }

    /// Whether what was read of a log is for the channel as it is attached now.
    pub fn still_wants(&self, wanted: &Wanted) -> bool {
        self.find(&wanted.channel).is_some_and(|index| self.attached[index].slot == wanted.attachment)
    }

    /// Takes frames for one write, at least one if there is any, until `bytes_max`: control first, then the other
    /// classes by weight. A frame that is yet to be made is the last one, since nobody knows how long it will be.
    pub fn take(&mut self, bytes_max: usize, mut write: impl FnMut(F)) {
        let mut room = bytes_max;
        let mut reached: Option<(Slot, Position)> = None;
        while room > 0
            && let Some(next) = self.queues.pop()
        {
            room = if next.is_due { 0 } else { room.saturating_sub(next.frame.bytes()) };
            if let Some((slot, position)) = next.reached {
                // Of neighbours, which most are, the last one counts.
                if let Some((before, position)) = reached.filter(|(before, _)| *before != slot) {
                    self.sent(before, position);
                }
                reached = Some((slot, position));
            }
            write(next.frame);
        }
        if let Some((slot, position)) = reached {
            self.sent(slot, position);
        }
    }

    fn sent(&mut self, slot: Slot, position: Position) {
        if let Ok(index) = self.attached.binary_search_by_key(&slot, |attached| attached.slot) {
            self.attached[index].sent = Some(position);
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Bytes of all frames that wait.
    pub fn bytes(&self) -> usize {
        self.queues.bytes() + self.queues.control_bytes() + self.queues.latest_bytes()
    }

    /// How far the client was brought in each attached channel, as far as frames were taken for writing.
    pub fn positions(&self) -> impl Iterator<Item = (&ChannelKey, Position)> {
        self.attached.iter().filter_map(|attached| Some((&attached.channel, attached.sent?)))
    }

    fn find(&self, channel: &ChannelKey) -> Option<usize> {
        self.attached.iter().position(|attached| attached.channel == *channel)
    }
}

/// Whether the client lacks this record.
fn is_news(queued: Option<Position>, record: &Record) -> bool {
    queued.is_none_or(|queued| queued.epoch != record.position.epoch || record.position.offset > queued.offset)
}

/// Whether this record is the one after `queued`.
fn follows(queued: Option<Position>, record: &Record) -> bool {
    match queued {
        Some(queued) => queued == record.previous,
        None => record.previous.offset == 0,
    }
}

#[cfg(test)]
mod tests;
