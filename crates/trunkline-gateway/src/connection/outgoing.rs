//! Fills the socket's queue from the outbox, and the outbox from the log.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use trunkline_broker::{BrokerError, Page};
use trunkline_core::budget::Share;
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{Record, ResetReason};
use trunkline_core::outbox::{Brought, Priority, Wanted};
use trunkline_core::record::fold;
use trunkline_core::words::{self, Surroundings, TEXT_BYTES_MAX, Voice, WholeText};
use trunkline_protocol::{Envelope, ErrorCode, Position};
use trunkline_ws::Connection as Socket;

use super::coalescing::coalesce;
use super::{SOCKET_QUEUE_BYTES, Subscriber};
use crate::frame::{Frame, frame_of, is_own};
use crate::hub::run_started_by;
use crate::message;
use crate::node::Node;

/// Bytes of a log read at a time.
const PAGE_BYTES: usize = 64 * 1024;

/// The same while the buffers of all connections hold as much as they may: everybody goes on, in small steps.
const SMALL_PAGE_BYTES: usize = 4 * 1024;

/// Places for frames that are kept while there are none.
const KEPT_PLACES: usize = 4;

/// What a read of a log brought.
pub(super) struct Read {
    wanted: Wanted,
    outcome: Result<Result<Page, ResetReason>, BrokerError>,
    /// The run's text, if the page has its end and the client is to be told.
    whole: Option<Gathered>,
}

#[cfg(test)]
impl Read {
    /// One that the store could not do.
    pub(super) fn failed(wanted: Wanted) -> Self {
        Self { wanted, outcome: Err(BrokerError::Overloaded), whole: None }
    }
}

/// The sending half of a connection.
pub(super) struct Outgoing {
    node: Arc<Node>,
    subscriber: Arc<Subscriber>,
    reading: Option<BoxFuture<'static, Read>>,
    /// Frames that are next; more than none only while the socket's queue has enough.
    taken: VecDeque<Frame>,
    /// Channels that go on from their oldest record: the client is told with the next page, which says where that is.
    resetting: Vec<(ChannelKey, ResetReason)>,
    failed: bool,
}

impl Outgoing {
    pub(super) fn new(node: Arc<Node>, subscriber: Arc<Subscriber>) -> Self {
        Self { node, subscriber, reading: None, taken: VecDeque::new(), resetting: Vec::new(), failed: false }
    }

    /// Moves frames to the socket until its queue has enough for one write, and starts a read of a log if there is
    /// room for what it brings.
    pub(super) fn flush<S>(&mut self, socket: &mut Socket<S>)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        self.subscriber.looks_now();
        // What a socket that is closing was not told, its client finds in the log.
        let queue_bytes = if socket.is_closing() { 0 } else { SOCKET_QUEUE_BYTES };
        let is_slow = socket.queued_bytes() > 0;
        self.write_taken(socket, queue_bytes);
        loop {
            let room = queue_bytes.saturating_sub(socket.queued_bytes());
            let (is_empty, wanted) = {
                let mut outbox = self.subscriber.outbox();
                outbox.take(room, |frame| self.taken.push_back(frame));
                (outbox.is_empty(), if self.reading.is_none() { outbox.wanted() } else { None })
            };
            let mut is_brought_on = false;
            if let Some(wanted) = wanted {
                // One by one where they are compressed, or pieces of an answer become one.
                let in_pages = !is_slow && socket.deflate().is_none();
                let is_resetting = self.resetting.iter().any(|(resetting, _)| *resetting == wanted.channel);
                is_brought_on =
                    !is_resetting && self.node.hub.bring_on(&wanted, &self.subscriber, self.page_bytes(), in_pages);
                if !is_brought_on {
                    self.reading = Some(self.read(wanted));
                }
            }
            if is_slow {
                let fewer = coalesce(&mut self.taken, self.subscriber.voice());
                self.node.metrics.pieces_coalesced.inc_by(fewer);
            }
            self.write_taken(socket, queue_bytes);
            if (is_empty && !is_brought_on) || socket.queued_bytes() >= queue_bytes {
                return;
            }
        }
    }

    /// What was taken is spelled and compressed without the outbox's lock: others wait for that.
    fn write_taken<S>(&mut self, socket: &mut Socket<S>, queue_bytes: usize)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        let agreed = socket.deflate();
        let mut written = 0;
        while socket.queued_bytes() < queue_bytes
            && let Some(frame) = self.taken.pop_front()
        {
            let messages = frame.messages() as u64;
            if let Some(frame) = frame.into_bytes(&self.subscriber, agreed) {
                written += messages;
                write(socket, frame);
            }
        }
        if written > 0 {
            self.node.metrics.messages_out.inc_by(written);
        }
        if self.taken.is_empty() {
            self.taken.shrink_to(KEPT_PLACES);
        }
    }

    fn read(&self, wanted: Wanted) -> BoxFuture<'static, Read> {
        let (channel, cursor) = (wanted.channel.clone(), wanted.cursor);
        let (node, voice) = (Arc::clone(&self.node), self.subscriber.voice());
        let page = node.broker.read(&channel, cursor, self.page_bytes());
        Box::pin(async move {
            // Between two pages the client is heard.
            tokio::task::yield_now().await;
            let (outcome, whole) = match page.await {
                Ok(Ok(page)) => with_whole_text(&node, voice, &channel, cursor, page).await,
                other => (other, None),
            };
            Read { wanted, outcome, whole }
        })
    }

    fn page_bytes(&self) -> usize {
        if self.node.budget.has_room() { PAGE_BYTES } else { SMALL_PAGE_BYTES }
    }

    /// Resolves when a read is done; never without one. Cancel-safe.
    pub(super) async fn read_page(&mut self) -> Read {
        match &mut self.reading {
            Some(reading) => {
                let read = reading.await;
                self.reading = None;
                read
            }
            None => std::future::pending().await,
        }
    }

    /// Takes in what a read brought. Gives the channel if it is gone, or cannot be read by this version: the client is told,
    /// and nothing more of it comes.
    pub(super) fn take_page(&mut self, read: Read) -> Option<ChannelKey> {
        let Read { wanted, outcome, whole } = read;
        if !self.subscriber.outbox().still_wants(&wanted) {
            self.resetting.retain(|(resetting, _)| *resetting != wanted.channel);
            return None;
        }
        let Wanted { channel, cursor, .. } = wanted;
        let is_there = match outcome {
            Ok(Ok(page)) => self.deliver(&channel, cursor, page, whole.as_ref().map(|whole| &whole.text)),
            Ok(Err(ResetReason::Unknown)) => false,
            Ok(Err(reason)) => {
                self.subscriber.outbox().rewind(&channel);
                self.resetting.retain(|(resetting, _)| *resetting != channel);
                self.resetting.push((channel.clone(), reason));
                true
            }
            Err(error) => {
                tracing::error!(channel = %channel, %error, "a log cannot be read");
                self.failed = true;
                true
            }
        };
        if is_there {
            return None;
        }
        self.lose(&channel);
        Some(channel)
    }

    /// Whether a log could not be read that is there: nothing more of it would come, and the client would not know.
    pub(super) const fn has_failed(&self) -> bool {
        self.failed
    }

    fn lose(&self, channel: &ChannelKey) {
        let frame = if self.subscriber.voice().hears_of_runs() {
            self.reset_frame(channel, ResetReason::Unknown, None)
        } else {
            // Who knows nothing of resets waits for an answer.
            let error = ErrorCode::Internal.with_message("what was said here can no longer be read");
            message::error_frame(self.subscriber.wire(), None, error)
        };
        self.subscriber.outbox().push_notice(channel, Frame::Own(frame));
        self.node.hub.detach(channel, &self.subscriber);
    }

    /// Tells the client of a channel that goes on from its oldest record where that is. Of one that is told from its
    /// start, what is no longer retained is lost to the client, too.
    fn announce_reset(&mut self, channel: &ChannelKey, cursor: Option<Position>, page: &Page) {
        let start = page.records.first().map_or(page.head.top, |record| record.previous);
        let reason = match self.resetting.iter().position(|(resetting, _)| resetting == channel) {
            Some(index) => Some(self.resetting.swap_remove(index).1),
            None => (cursor.is_none() && start.offset > 0).then_some(ResetReason::TooFar),
        };
        if let Some(reason) = reason {
            let frame = self.reset_frame(channel, reason, Some(start.to_string()));
            self.subscriber.outbox().push_notice(channel, Frame::Own(frame));
        }
    }

    /// Says whether this version can read it.
    fn deliver(
        &mut self,
        channel: &ChannelKey,
        cursor: Option<Position>,
        page: Page,
        whole: Option<&WholeText>,
    ) -> bool {
        self.announce_reset(channel, cursor, &page);
        let at_top = page.records.last().is_none_or(|last| last.position == page.head.top);
        let records = match fold(page.records) {
            Ok(records) => records,
            Err(error) => {
                tracing::error!(channel = %channel, %error, "a log cannot be read by this version");
                return false;
            }
        };
        let voice = self.subscriber.voice();
        for record in &records {
            // Before it is told of: the last place may be taken by another session's run meanwhile.
            if let Some(run) = run_started_by(channel, record) {
                let priority = if self.node.runs.is_live(&run) { Priority::Interactive } else { Priority::Bulk };
                if self.node.hub.bring_run(&run, channel, &self.subscriber, priority) == Brought::NoPlace {
                    return true;
                }
            }
            let lacks = self.subscriber.outbox().lacks(channel, record);
            if let Some(pieces) = lacks {
                // Spelled without the lock: an answer may be large, and others have records for this outbox.
                let told = || frame_of(voice, channel, record, Surroundings { pieces, whole });
                let frame = if is_own(&self.subscriber, record) { None } else { told() };
                self.subscriber.outbox().push_read(channel, record, |_| frame.map(Frame::Read));
            }
        }
        if at_top && page.head.sealed {
            self.node.hub.detach(channel, &self.subscriber);
        } else if at_top {
            self.node.hub.caught_up(channel, &self.subscriber);
        }
        true
    }

    fn reset_frame(&self, channel: &ChannelKey, reason: ResetReason, pos: Option<String>) -> Bytes {
        #[derive(Serialize)]
        struct Reset {
            reason: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            pos: Option<String>,
        }
        let payload = message::payload(&Reset { reason: reason.name(), pos });
        let envelope = Envelope {
            channel: Some(channel.public_name().into()),
            payload: Some((&payload).into()),
            ..Envelope::new("reset")
        };
        message::frame(self.subscriber.wire(), &envelope)
    }

    /// The heartbeat with how far the client was brought.
    pub(super) fn heartbeat(&self) -> Bytes {
        #[derive(Serialize)]
        struct Heartbeat {
            channels: BTreeMap<String, String>,
        }
        let outbox = self.subscriber.outbox();
        let channels =
            outbox.positions().map(|(channel, position)| (channel.public_name().to_owned(), position.to_string()));
        let heartbeat = Heartbeat { channels: channels.collect() };
        drop(outbox);
        message::reply_frame(self.subscriber.wire(), "heartbeat", None, &heartbeat)
    }
}

/// Queues a frame. The queue takes one while it is below its own, larger bound; only a closing socket refuses.
fn write<S>(socket: &mut Socket<S>, frame: Bytes)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let _ = socket.queue(frame);
}

/// A run's text, which holds its turn until it is told.
struct Gathered {
    text: WholeText,
    _turn: OwnedSemaphorePermit,
    _share: Share,
}

/// What reading a page brought, and the run's text.
type PageWithText = (Result<Result<Page, ResetReason>, BrokerError>, Option<Gathered>);

/// Gathers the text of a run whose end stands in `page`, from the start of its log, if `voice` is told of it.
async fn with_whole_text(
    node: &Node,
    voice: Voice,
    channel: &ChannelKey,
    cursor: Option<Position>,
    page: Page,
) -> PageWithText {
    let is_told = |end: &&Record| words::end_of(&end.data).is_some_and(|kind| voice.tells_whole_text(&kind));
    let Some(end) = page.records.last().filter(is_told) else { return (Ok(Ok(page)), None) };
    let _counted = node.metrics.gathers_text();
    let turn = Arc::clone(&node.gathering).acquire_owned().await.expect("it is never closed");
    let mut share = Share::new(Arc::clone(&node.budget));
    share.hold(TEXT_BYTES_MAX);
    let mut whole = WholeText::before(end);
    let mut after = None;
    // What stands before the page was told already, and is read once more.
    while after != cursor && !whole.is_full() {
        let earlier = match node.broker.read(channel, after, PAGE_BYTES).await {
            Ok(Ok(earlier)) => earlier,
            other => return (other, None),
        };
        tokio::task::yield_now().await;
        let before: Vec<_> = earlier.records.iter().take_while(|record| !is_beyond(record, cursor)).collect();
        if let Err(error) = before.iter().try_for_each(|record| whole.add(record)) {
            return (Err(BrokerError::Unavailable(error.to_string())), None);
        }
        after = before.last().map(|record| record.position);
        if before.len() < earlier.records.len() || before.is_empty() {
            break;
        }
    }
    if let Err(error) = page.records.iter().try_for_each(|record| whole.add(record)) {
        return (Err(BrokerError::Unavailable(error.to_string())), None);
    }
    (Ok(Ok(page)), Some(Gathered { text: whole, _turn: turn, _share: share }))
}

/// Whether a record stands behind `cursor` in its log.
fn is_beyond(record: &Record, cursor: Option<Position>) -> bool {
    cursor.is_none_or(|cursor| record.position.offset > cursor.offset)
}
