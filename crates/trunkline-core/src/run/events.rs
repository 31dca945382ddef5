//! Writes the events of a run as records.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use trunkline_protocol::{
    Class, Codec, DecodeError, Envelope, ErrorBody, ErrorCode, Payload, belongs_to_gateway, class_of,
};

use super::questions::Answer;
use super::{EVENT_BYTES_MAX, End};
use crate::record::{RecordKind, data, text_payload};
use crate::segment::Segment;
use crate::words::Asked;

/// Nesting allowed in what a worker sends; the envelope around it adds one level for the client's limit of 64.
const WORKER_DEPTH_MAX: usize = 63;

/// The type of the record that a run took a message as input.
pub const TOOK_INPUT: &str = "run_input";

/// What that record says.
#[derive(Serialize)]
pub struct TookInput<'a> {
    /// The message's id.
    pub input: &'a str,
}

/// Writes records of one run.
#[derive(Debug)]
pub(super) struct Writer {
    run: String,
    session: String,
    /// The message that the run answers.
    message: Option<String>,
    /// What its end keeps of that message.
    origin: Option<Box<RawValue>>,
    /// What each piece of its text keeps of it.
    asked: Option<Box<RawValue>>,
}

impl Writer {
    pub(super) fn new(run: &str, session: &str) -> Self {
        Self { run: run.to_owned(), session: session.to_owned(), message: None, origin: None, asked: None }
    }

    pub(super) fn answering(self, message: &str, origin: Option<Box<RawValue>>) -> Self {
        let asked = origin.as_deref().and_then(Asked::in_origin);
        Self { message: Some(message.to_owned()), origin, asked, ..self }
    }

    pub(super) fn text(&self, segment: &Segment, ts: &str) -> (RecordKind, Bytes) {
        let payload = text_payload(&segment.text);
        let mut event = self.event("run_event", segment.seq, ts);
        event.seq_end = (segment.seq_end != segment.seq).then_some(segment.seq_end);
        event.payload = Some((&payload).into());
        event.meta = self.asked.as_deref();
        (RecordKind::Text, data(RecordKind::Text, &event))
    }

    pub(super) fn other(&self, seq: u64, name: &str, payload: &Payload<'_>, ts: &str) -> (RecordKind, Bytes) {
        let mut event = self.event(name, seq, ts);
        event.payload = Some(payload.borrowed());
        (RecordKind::Event, data(RecordKind::Event, &event))
    }

    /// An answer is no event of the worker's: it has no number.
    pub(super) fn answer(&self, answer: &Answer, ts: &str) -> (RecordKind, Bytes) {
        let message = Envelope {
            id: Some(Cow::Borrowed(&answer.message)),
            seq: None,
            payload: Some((&answer.content).into()),
            ..self.event("answer", 0, ts)
        };
        (RecordKind::Message, data(RecordKind::Message, &message))
    }

    /// The worker took a message of the session as input.
    pub(super) fn input(&self, seq: u64, message: &str, ts: &str) -> (RecordKind, Bytes) {
        let content =
            serde_json::value::to_raw_value(&TookInput { input: message }).expect("an id serialises into memory");
        self.other(seq, TOOK_INPUT, &content.into(), ts)
    }

    pub(super) fn terminal(&self, seq: u64, end: &End, ts: &str) -> (RecordKind, Bytes) {
        let mut event = match end {
            End::Completed(value) => {
                let mut event = self.event("run_completed", seq, ts);
                event.payload = Some(value.as_ref().map_or_else(no_result, |value| value.within("result")));
                event
            }
            End::Failed(error) => {
                let mut event = self.event("run_failed", seq, ts);
                event.error = Some(error.clone());
                event
            }
            End::Cancelled => self.event("run_cancelled", seq, ts),
            End::Expired(overdue) => {
                let mut event = self.event("run_expired", seq, ts);
                event.error = Some(overdue.error());
                event
            }
        };
        event.reply_to = self.message.as_deref().map(Cow::Borrowed);
        event.meta = self.origin.as_deref();
        (RecordKind::Terminal, data(RecordKind::Terminal, &event))
    }

    fn event<'a>(&'a self, kind: &'a str, seq: u64, ts: &'a str) -> Envelope<'a> {
        Envelope {
            kind: Cow::Borrowed(kind),
            ts: Some(Cow::Borrowed(ts)),
            session: Some(Cow::Borrowed(&self.session)),
            run: Some(Cow::Borrowed(&self.run)),
            seq: Some(seq),
            ..Envelope::default()
        }
    }
}

/// The payload of a run that ended without a value.
fn no_result() -> Payload<'static> {
    let nothing: Box<RawValue> = serde_json::value::to_raw_value(&()).expect("null serialises into memory");
    Payload::from(nothing).within("result")
}

/// Reads what a worker wrote as one value.
pub(super) fn payload(codec: Codec, bytes: &[u8]) -> Result<Payload<'static>, ErrorBody<'static>> {
    Payload::from_worker(codec, bytes, WORKER_DEPTH_MAX, EVENT_BYTES_MAX).map_err(|error| {
        let code =
            if let DecodeError::TooLarge(_) = error { ErrorCode::PayloadTooLarge } else { ErrorCode::WorkerProtocol };
        code.with_message(format!("the worker's payload is refused: {error}"))
    })
}

/// Types that a worker cannot emit as an event: the gateway's own, and those that are no events.
pub(super) fn is_reserved(name: &str) -> bool {
    let wrong = name.is_empty() || name.len() > 128 || class_of(name) != Class::Durable;
    wrong || (belongs_to_gateway(name) && name != "run_event")
}
