//! Writes the gateway's own messages as finished frames.

use std::borrow::Cow;
use std::cell::RefCell;
use std::convert::Infallible;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use trunkline_core::words;
use trunkline_protocol::{Codec, Dialect, Envelope, ErrorBody, Payload, Wire, scan};
use trunkline_ws::connection::{QueueError, WriteQueue};

use crate::clock::timestamp;

/// A payload made from any serialisable value.
pub(crate) fn payload(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("the gateway's own payloads serialise into memory")
}

thread_local! {
    /// Where shared frames are spelled before their size is known.
    static SPELLING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Largest buffer that is kept for the next frame.
const SPELLING_BYTES_MAX: usize = 64 * 1024;

/// Queues an envelope for one connection alone.
pub(crate) fn queue(queue: &mut WriteQueue, wire: Wire, envelope: &Envelope<'_>) -> Result<(), QueueError> {
    let write = |out: &mut Vec<u8>| encode(wire, envelope, out);
    match wire.codec() {
        Codec::Json => queue.push_text_with(write),
        Codec::MessagePack => queue.push_binary_with(write),
    }
}

/// The frame of an envelope.
pub(crate) fn frame(wire: Wire, envelope: &Envelope<'_>) -> Bytes {
    let Ok(frame) = frame_with(wire, |out| {
        encode(wire, envelope, out);
        Ok::<_, Infallible>(())
    });
    frame
}

/// Spells a message of the gateway itself. In dialect `flat` every message says when it was made.
fn encode(wire: Wire, envelope: &Envelope<'_>, out: &mut Vec<u8>) {
    if wire.dialect() == Dialect::Flat && envelope.ts.is_none() {
        let ts = Some(Cow::Owned(timestamp()));
        return words::render_latest(wire, &Envelope { ts, ..envelope.clone() }, out);
    }
    words::render_latest(wire, envelope, out);
}

/// The frame of what `spell` appends, unless that fails. One allocation, exactly as large as the frame.
pub(crate) fn frame_with<E>(wire: Wire, spell: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Bytes, E> {
    SPELLING.with_borrow_mut(|content| {
        content.clear();
        let frame = spell(content).map(|()| match wire.codec() {
            Codec::Json => trunkline_ws::frame::text(content),
            Codec::MessagePack => trunkline_ws::frame::binary(content),
        });
        content.shrink_to(SPELLING_BYTES_MAX);
        frame
    })
}

/// The frame of a message that has a type, a payload and perhaps something it answers.
pub(crate) fn reply_frame(wire: Wire, kind: &str, reply_to: Option<&str>, content: &impl Serialize) -> Bytes {
    let content = payload(content);
    let envelope = Envelope {
        kind: Cow::Borrowed(kind),
        reply_to: reply_to.map(Cow::Borrowed),
        payload: Some((&content).into()),
        ..Envelope::default()
    };
    frame(wire, &envelope)
}

/// The frame of an `error`, in the words of its dialect.
pub(crate) fn error_frame(wire: Wire, reply_to: Option<&str>, error: ErrorBody<'_>) -> Bytes {
    let (kind, payload) = error.spelled(wire.dialect());
    let envelope = Envelope {
        reply_to: reply_to.map(Cow::Borrowed),
        payload: payload.map(Payload::from),
        error: Some(error),
        ..Envelope::new(kind)
    };
    frame(wire, &envelope)
}

/// The `ack` of a durable message, with its run if it starts one.
pub(crate) fn ack_frame(wire: Wire, message: &str, run: Option<&str>, duplicate: bool) -> Bytes {
    #[derive(Serialize)]
    struct Ack<'a> {
        id: &'a str,
        level: &'static str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        duplicate: bool,
    }
    let content = payload(&Ack { id: message, level: "stored", duplicate });
    let envelope = Envelope {
        reply_to: Some(Cow::Borrowed(message)),
        run: run.map(Cow::Borrowed),
        payload: Some((&content).into()),
        ..Envelope::new("ack")
    };
    frame(wire, &envelope)
}

/// Nesting allowed in a value of state; the envelope around it adds one level for the client's limit of 64.
const STATE_DEPTH_MAX: usize = 63;

/// The newest value of one piece of a run's state.
#[derive(Debug)]
pub(crate) struct State {
    kind: String,
    run: String,
    session: String,
    content: Box<RawValue>,
}

impl State {
    /// `None` if `content` is no JSON that a message may hold.
    pub(crate) fn new(kind: &str, run: &str, session: &str, content: &[u8]) -> Option<Self> {
        let content = std::str::from_utf8(content).ok().filter(|text| scan(text, STATE_DEPTH_MAX).is_ok())?;
        let content = serde_json::from_str(content).ok()?;
        let (kind, run, session) = (kind.to_owned(), run.to_owned(), session.to_owned());
        Some(Self { kind, run, session, content })
    }

    /// Bytes of its value.
    pub(crate) fn bytes(&self) -> usize {
        self.content.get().len()
    }

    /// Its frame.
    pub(crate) fn frame(&self, wire: Wire) -> Bytes {
        let envelope = Envelope {
            kind: Cow::Borrowed(&self.kind),
            run: Some(Cow::Borrowed(&self.run)),
            session: Some(Cow::Borrowed(&self.session)),
            payload: Some((&self.content).into()),
            ..Envelope::default()
        };
        frame(wire, &envelope)
    }
}

/// The answer of `/ws-test`: `{"type":"echo","message":…}`, whatever the text was.
pub(crate) fn echo_text_frame(text: &str) -> Bytes {
    #[derive(Serialize)]
    struct Echo<'a> {
        r#type: &'static str,
        message: &'a str,
    }
    let echo = Echo { r#type: "echo", message: text };
    trunkline_ws::frame::text(&serde_json::to_vec(&echo).expect("text serialises into memory"))
}

/// The payload of `health_response`.
#[derive(Serialize)]
pub(crate) struct Health {
    status: &'static str,
    timestamp: String,
}

impl Health {
    /// The state of this node, now.
    pub(crate) fn now(status: &'static str) -> Self {
        Self { status, timestamp: timestamp() }
    }
}

/// The message in a frame.
#[cfg(test)]
pub(crate) fn read_frame(frame: &[u8]) -> serde_json::Value {
    let header = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    serde_json::from_slice(&frame[header..]).expect("JSON")
}
