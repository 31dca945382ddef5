//! Frames on their way to connections, spelled and compressed by the task that first writes them.
//!
//! What many are told is put into their outboxes while the broker's pen and a shard of the hub are held, where every
//! microsecond holds up the whole node. So only a reference goes there: the first connection of a voice that writes the
//! message spells it, the first one that compresses compresses it, and all others write what that one made.
//! Knows nothing of who listens.

mod page;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::Record;
use trunkline_core::outbox;
use trunkline_core::record::{self, RecordKind};
use trunkline_core::words::{self, Surroundings, Voice};
use trunkline_protocol::{Codec, Dialect, ErrorCode, Wire};
use trunkline_ws::Deflate;
use trunkline_ws::deflate::{PAYLOAD_BYTES_MIN, WindowBits};
use trunkline_ws::frame::compressed;

pub(crate) use self::page::Page;
use crate::connection::Subscriber;
use crate::message::{self, State};

/// What a frame takes beside its content, about: the names of its channel, run and session, two positions, a time.
const BYTES_AROUND_CONTENT: usize = 256;

/// A frame in an outbox.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    /// The gateway's own word to one client, written as it is: compression would mix its secrets with others' content.
    Own(Bytes),
    /// What one client was found to lack in a log.
    Read(Bytes),
    /// What others are told as well, and how many pieces of the answer this client was told before.
    Shared(Arc<Shared>, u64),
    /// Several messages that native clients who do not compress are told as well.
    Page(Arc<Page>),
}

impl Frame {
    /// What is written to a client; `None` if it is not told of this.
    pub(crate) fn into_bytes(self, client: &Subscriber, agreed: Option<Deflate>) -> Option<Bytes> {
        match self {
            Self::Own(frame) => Some(frame),
            Self::Read(frame) => {
                let window = agreed.map(Deflate::server_window);
                Some(window.and_then(|window| compress(&frame, window)).unwrap_or(frame))
            }
            Self::Shared(shared, pieces) => shared.told(client, pieces, agreed),
            Self::Page(page) => Some(page.told(client)),
        }
    }

    /// How many messages it is.
    pub(crate) fn messages(&self) -> usize {
        match self {
            Self::Page(page) => page.messages().len(),
            Self::Own(_) | Self::Read(_) | Self::Shared(..) => 1,
        }
    }

    /// The channel and record of a piece of an answer that is told as it is said.
    pub(crate) fn piece(&self) -> Option<(&ChannelKey, &Record)> {
        match self {
            Self::Shared(shared, _) => shared.piece(),
            Self::Own(_) | Self::Read(_) | Self::Page(_) => None,
        }
    }
}

impl outbox::Frame for Frame {
    /// As long as it is plain, whatever is written. What is not spelled yet is counted by its content.
    fn bytes(&self) -> usize {
        match self {
            Self::Own(frame) | Self::Read(frame) => frame.len(),
            Self::Shared(shared, _) => shared.bytes(),
            Self::Page(page) => page.bytes(),
        }
    }
}

/// One message to everyone who listens, in the spellings that were asked for.
#[derive(Debug)]
pub(crate) struct Shared {
    content: Content,
    /// What native clients are told, by codec.
    native: [OnceLock<Spelled>; 2],
    /// What each voice of an old dialect is told.
    old: OnceLock<Box<[OnceLock<Spelled>; 2 * Wire::COUNT]>>,
}

#[derive(Debug)]
enum Content {
    /// A record of a channel, as it was published.
    Record(ChannelKey, Record),
    /// The newest value of a run's state.
    State(State),
}

/// One spelling.
#[derive(Debug)]
struct Spelled {
    /// Told after so many pieces, where that matters to the voice.
    pieces: u64,
    /// `None` where a client of this voice is not told.
    plain: Option<Bytes>,
    compressed: OnceLock<Bytes>,
}

impl Shared {
    /// A record, told as it is published.
    pub(crate) fn record(channel: &ChannelKey, record: &Record) -> Arc<Self> {
        Self::of(Content::Record(channel.clone(), record.clone()))
    }

    /// The newest value of a run's state.
    pub(crate) fn state(state: State) -> Arc<Self> {
        Self::of(Content::State(state))
    }

    fn of(content: Content) -> Arc<Self> {
        Arc::new(Self { content, native: [const { OnceLock::new() }; 2], old: OnceLock::new() })
    }

    /// Bytes of what it is written as, about: it may not be spelled yet.
    pub(crate) fn bytes(&self) -> usize {
        self.content.bytes() + BYTES_AROUND_CONTENT
    }

    /// The record, unless it is a run's state.
    pub(crate) const fn as_record(&self) -> Option<&Record> {
        match &self.content {
            Content::Record(_, record) => Some(record),
            Content::State(_) => None,
        }
    }

    /// Bytes of what it says, without what stands around it.
    pub(crate) fn content_bytes(&self) -> usize {
        self.content.bytes()
    }

    fn piece(&self) -> Option<(&ChannelKey, &Record)> {
        match &self.content {
            Content::Record(channel, record) if record::kind(&record.data) == Some(RecordKind::Text) => {
                Some((channel, record))
            }
            Content::Record(..) | Content::State(_) => None,
        }
    }

    fn told(&self, client: &Subscriber, pieces: u64, agreed: Option<Deflate>) -> Option<Bytes> {
        if let Content::Record(_, record) = &self.content
            && is_own(client, record)
        {
            return None;
        }
        let voice = client.voice();
        let pieces = if voice.counts_pieces() { pieces } else { 0 };
        let spelled = self.slot(voice).get_or_init(|| self.spell(voice, pieces));
        if spelled.pieces == pieces {
            return spelled.for_peer(agreed);
        }
        // It came in the middle of a run, and counts for itself.
        self.spell(voice, pieces).for_peer(agreed)
    }

    fn slot(&self, voice: Voice) -> &OnceLock<Spelled> {
        let Voice { wire, knows_runs } = voice;
        if wire.dialect() == Dialect::Native {
            return &self.native[usize::from(wire.codec() == Codec::MessagePack)];
        }
        let old = self.old.get_or_init(|| Box::new([const { OnceLock::new() }; 2 * Wire::COUNT]));
        &old[2 * wire.index() + usize::from(knows_runs)]
    }

    fn spell(&self, voice: Voice, pieces: u64) -> Spelled {
        let plain = match &self.content {
            Content::Record(channel, record) => frame_of(voice, channel, record, Surroundings { pieces, whole: None }),
            Content::State(state) => Some(state.frame(voice.wire)),
        };
        Spelled { pieces, plain, compressed: OnceLock::new() }
    }
}

impl Content {
    fn bytes(&self) -> usize {
        match self {
            Self::Record(_, record) => record.data.len(),
            Self::State(state) => state.bytes(),
        }
    }
}

impl Spelled {
    /// The same compressed form suits every window that the frame fits into. Clients that ask for a narrower one are rare,
    /// and get the frame plain: with a form for each window, one client of many connections could multiply the work.
    fn for_peer(&self, agreed: Option<Deflate>) -> Option<Bytes> {
        let plain = self.plain.as_ref()?;
        let Some(window) = agreed.map(Deflate::server_window) else { return Some(plain.clone()) };
        if window < WindowBits::MAX && plain.len() > window.bytes() {
            return Some(plain.clone());
        }
        let compress = || compress(plain, WindowBits::MAX).unwrap_or_else(|| plain.clone());
        Some(self.compressed.get_or_init(compress).clone())
    }
}

/// `None` where it does not pay.
fn compress(frame: &Bytes, window: WindowBits) -> Option<Bytes> {
    if frame.len() < PAYLOAD_BYTES_MIN { None } else { compressed(frame, window) }
}

/// Whether an old client sent this message itself, and is not to be told of it.
pub(crate) fn is_own(client: &Subscriber, record: &Record) -> bool {
    client.wire().dialect() != Dialect::Native
        && record::kind(&record.data) == Some(RecordKind::Message)
        && record::message(&record.data).is_ok_and(|(_, message)| message.id.is_some_and(|id| client.has_sent(&id)))
}

/// The finished frame of a record; `None` if a client of this voice is not told of it. A record that this version cannot
/// read becomes an `error` in its place: it is never left out in silence.
pub(crate) fn frame_of(
    voice: Voice,
    channel: &ChannelKey,
    record: &Record,
    surroundings: Surroundings<'_>,
) -> Option<Bytes> {
    let mut is_told = true;
    let frame = message::frame_with(voice.wire, |out| {
        words::render(voice, channel, record, surroundings, out).map(|told| is_told = told)
    });
    match frame {
        Ok(frame) => is_told.then_some(frame),
        Err(error) => {
            tracing::error!(channel = %channel, position = %record.position, %error, "a record cannot be shown");
            let error = ErrorCode::Internal.with_message("a stored message cannot be read by this version");
            Some(message::error_frame(voice.wire, None, error))
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use trunkline_core::log::Head;
    use trunkline_core::outbox::Frame as _;
    use trunkline_protocol::Envelope;
    use trunkline_ws::deflate::negotiate;
    use trunkline_ws::frame::{binary, text};

    use super::*;

    fn agreed(window: u8) -> Option<Deflate> {
        let offer = format!("permessage-deflate; server_max_window_bits={window}");
        negotiate([&HeaderValue::try_from(offer).expect("a header's value")])
    }

    /// A record whose frame gets shorter.
    fn long(bytes: usize) -> Arc<Shared> {
        let text = serde_json::to_string(&"the same words ".repeat(bytes / 15 + 1)[..bytes]).unwrap();
        let payload = serde_json::from_str::<Box<serde_json::value::RawValue>>(&text).unwrap();
        let event = Envelope { payload: Some((&payload).into()), ..Envelope::new("run_event") };
        let record = Head::new(1).append(record::data(RecordKind::Event, &event), false, None, 0).unwrap();
        Shared::record(&ChannelKey::run("default", "r"), &record)
    }

    fn native() -> Arc<Subscriber> {
        Subscriber::for_tests(Wire::json(Dialect::Native))
    }

    fn written(shared: &Arc<Shared>, client: &Subscriber, agreed: Option<Deflate>) -> Bytes {
        Frame::Shared(Arc::clone(shared), 0).into_bytes(client, agreed).expect("it is told")
    }

    #[test]
    fn a_message_is_spelled_and_compressed_once_for_everyone() {
        let shared = long(3000);
        let frames = [15, 12, 13].map(|window| written(&shared, &native(), agreed(window)));
        assert_eq!(frames[0][0], 0xC1);
        assert!(frames.iter().all(|frame| frame.as_ptr() == frames[0].as_ptr()), "one frame, shared");
        let plain = [(); 2].map(|()| written(&shared, &native(), None));
        assert_eq!((plain[0][0], plain[0].as_ptr()), (0x81, plain[1].as_ptr()));
    }

    #[test]
    fn each_voice_has_its_own_spelling() {
        let shared = long(10);
        let mut said = Vec::new();
        for wire in Dialect::ALL.map(Wire::json).into_iter().chain([Wire::MESSAGE_PACK]) {
            for knows_runs in [false, true] {
                let client = Subscriber::for_tests(wire);
                if knows_runs {
                    client.said_hello();
                }
                let frame = written(&shared, &client, None);
                assert_eq!(frame.as_ptr(), written(&shared, &client, None).as_ptr());
                said.push(frame);
            }
        }
        said.dedup_by_key(|frame| frame.as_ptr());
        assert_eq!(said.len(), 10, "native clients are told the same with and without hello");
    }

    #[test]
    fn a_frame_longer_than_the_window_is_sent_as_it_is() {
        let shared = long(5000);
        let first_bytes = [15, 13, 12, 9].map(|window| written(&shared, &native(), agreed(window))[0]);
        assert_eq!(first_bytes, [0xC1, 0xC1, 0x81, 0x81]);
    }

    #[test]
    fn what_compression_does_not_pay_for_is_sent_as_it_is() {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        let noise: Vec<u8> = (0..2000).map(|_| noise()).collect();
        for frame in [text(&[b'x'; PAYLOAD_BYTES_MIN - 5]), binary(&noise)] {
            let written = Frame::Read(frame.clone()).into_bytes(&native(), agreed(15)).expect("it is told");
            assert_eq!(written.as_ptr(), frame.as_ptr());
        }
        let read = text(&[b'x'; 2000]);
        assert_eq!(Frame::Read(read.clone()).into_bytes(&native(), agreed(9)).expect("it is told")[0], 0xC1);
        assert_eq!(Frame::Own(read.clone()).into_bytes(&native(), agreed(15)).expect("it is told"), read);
    }

    #[test]
    fn what_is_not_spelled_yet_is_counted_by_its_content() {
        let shared = Frame::Shared(long(3000), 0);
        let counted = shared.bytes();
        let spelled = shared.into_bytes(&native(), None).expect("it is told").len();
        assert!(counted.abs_diff(spelled) < 2 * BYTES_AROUND_CONTENT, "{counted} for {spelled}");
    }
}
