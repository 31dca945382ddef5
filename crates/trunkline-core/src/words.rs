//! What a record is called when a client is told of it.
//!
//! A native client is told of a run in the words of the log. Old clients have words of their own: pieces of an answer are
//! `agent_streaming` in dialect `flat`, and a whole answer is `agent_complete`, `chat_response`, `llm_response` or
//! `response`. Whoever said hello is also told what those words leave out: that a run began, its pieces, and an end
//! without an answer. This module knows neither connections nor the log; what a whole answer was is given to it.

mod answer;

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use trunkline_protocol::{Dialect, Envelope, ErrorCode, Payload, Wire};

use crate::channel::ChannelKey;
use crate::log::Record;
use crate::record::{self, RecordKind, UnknownForm};

use answer::Answer;
pub use answer::{Asked, Origin, TEXT_BYTES_MAX, WholeText};

/// How one client is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Voice {
    /// The spelling of its frames.
    pub wire: Wire,
    /// Whether it said hello, and so knows runs and positions.
    pub knows_runs: bool,
}

impl Voice {
    /// Whether this client is told of runs and positions at all.
    pub fn hears_of_runs(self) -> bool {
        self.knows_runs || self.wire.dialect() == Dialect::Native
    }

    /// Whether this client may be told of a record of this kind. Who said no hello hears of answers, not of pieces.
    pub fn is_told_of(self, kind: RecordKind) -> bool {
        self.hears_of_runs()
            || match kind {
                RecordKind::RunStarted => false,
                RecordKind::Text => self.wire.dialect() == Dialect::Flat,
                RecordKind::Message | RecordKind::Event | RecordKind::Terminal => true,
            }
    }

    /// Whether pieces of an answer are told with their place in it ([`Surroundings::pieces`]).
    pub fn counts_pieces(self) -> bool {
        self.wire.dialect() == Dialect::Flat
    }

    /// Whether this end of a run ([`end_of`]) is told with the whole text before it ([`WholeText`]).
    pub fn tells_whole_text(self, end: &str) -> bool {
        match self.wire.dialect() {
            Dialect::Native => false,
            Dialect::Flat => ["run_completed", "run_cancelled"].contains(&end),
            Dialect::Payload | Dialect::Data | Dialect::Open => end == "run_completed",
        }
    }
}

/// The type of the record that ends a run; `None` for any other record.
pub fn end_of(data: &Bytes) -> Option<String> {
    let is_end = record::kind(data) == Some(RecordKind::Terminal);
    let message = if is_end { record::message(data).ok() } else { None };
    message.map(|(_, end)| end.kind.into_owned())
}

/// What is known of a record's place beside what stands in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// How many pieces of the answer this connection was told before.
    pub pieces: u64,
    /// The run's text, where [`Voice::tells_whole_text`].
    pub whole: Option<&'a WholeText>,
}

/// Appends a record's frame as `voice` says it, with its position. `false` if there is nothing to say; then, and after
/// an error, `out` is as it was.
pub fn render(
    voice: Voice,
    channel: &ChannelKey,
    record: &Record,
    surroundings: Surroundings<'_>,
    out: &mut Vec<u8>,
) -> Result<bool, UnknownForm> {
    let dialect = voice.wire.dialect();
    if dialect == Dialect::Native {
        record::render_native(voice.wire.codec(), channel, record, out)?;
        return Ok(true);
    }
    if record::kind(&record.data).is_some_and(|kind| !voice.is_told_of(kind)) {
        return Ok(false);
    }
    let (kind, mut message) = record::message(&record.data)?;
    message.channel = Some(Cow::Borrowed(channel.public_name()));
    message.pos = Some(record.position.to_string().into());
    message.prev = Some(record.previous.to_string().into());
    match kind {
        RecordKind::Text if dialect == Dialect::Flat => say_piece(&message, surroundings.pieces, out)?,
        RecordKind::Terminal => return end(voice, message, surroundings.whole, out),
        RecordKind::Text => dialect.encode(&Envelope { meta: None, ..message }, out),
        RecordKind::RunStarted | RecordKind::Message | RecordKind::Event => dialect.encode(&message, out),
    }
    Ok(true)
}

/// Appends the newest value of a run's state. Dialect `flat` has a word of its own for progress.
pub fn render_latest(wire: Wire, message: &Envelope<'_>, out: &mut Vec<u8>) {
    let is_progress = wire.dialect() == Dialect::Flat && message.kind == "progress";
    let spelled = message.payload.as_ref().and_then(Payload::as_json).filter(|_| is_progress);
    match spelled.and_then(progress_update) {
        Some(payload) => {
            let kind = Cow::Borrowed("progress_update");
            wire.encode(&Envelope { kind, payload: Some(payload.into()), ..message.clone() }, out);
        }
        None => wire.encode(message, out),
    }
}

/// A piece of an answer in dialect `flat`.
fn say_piece(message: &Envelope<'_>, pieces: u64, out: &mut Vec<u8>) -> Result<(), UnknownForm> {
    #[derive(Serialize)]
    struct Piece<'a> {
        message: &'a str,
        is_streaming: bool,
        stream_index: u64,
        #[serde(flatten)]
        asked: Asked<'a>,
    }
    let text = record::text_of(message)?;
    let asked = message.meta.map(Asked::read).unwrap_or_default();
    let payload = raw(&Piece { message: &text, is_streaming: true, stream_index: pieces, asked });
    let kind = Cow::Borrowed("agent_streaming");
    Dialect::Flat.encode(&Envelope { kind, payload: Some(payload.into()), meta: None, ..message.clone() }, out);
    Ok(())
}

/// The end of a run.
fn end(
    voice: Voice,
    mut message: Envelope<'_>,
    whole: Option<&WholeText>,
    out: &mut Vec<u8>,
) -> Result<bool, UnknownForm> {
    let (dialect, knows_runs) = (voice.wire.dialect(), voice.knows_runs);
    let origin = message.meta.take();
    let cancelled = message.kind == "run_cancelled";
    if message.kind == "run_completed" || (cancelled && dialect == Dialect::Flat) {
        let no_text = WholeText::default();
        let whole = whole.unwrap_or(&no_text);
        let answer = Answer::read(&message, origin, whole)?;
        // In this dialect the end of a run has no other word.
        let empty = || (dialect == Dialect::Flat && knows_runs && !cancelled).then(|| Answer::nothing(&message, whole));
        if let Some(answer) = answer.or_else(empty) {
            answer.say(dialect, out);
            return Ok(true);
        }
    }
    if let Some(error) = message.error.clone().or_else(|| cancelled.then(|| ErrorCode::Cancelled.body()))
        && !(cancelled && knows_runs)
    {
        let (kind, payload) = error.spelled(dialect);
        let payload = payload.map(Into::into);
        dialect.encode(&Envelope { kind: Cow::Borrowed(kind), payload, error: Some(error), ..message }, out);
        return Ok(true);
    }
    if knows_runs {
        dialect.encode(&message, out);
    }
    Ok(knows_runs)
}

/// `progress` in the words of dialect `flat`; `None` where it does not say how much is done.
fn progress_update(payload: &RawValue) -> Option<Box<RawValue>> {
    #[derive(serde::Deserialize)]
    struct Progress<'a> {
        percentage: f64,
        #[serde(borrow)]
        message: Option<Cow<'a, str>>,
        #[serde(borrow)]
        stage: Option<Cow<'a, str>>,
    }
    #[derive(Serialize)]
    struct ProgressUpdate<'a> {
        progress: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<Cow<'a, str>>,
    }
    let Progress { percentage, message, stage } = serde_json::from_str(payload.get()).ok()?;
    Some(raw(&ProgressUpdate { progress: percentage / 100.0, message, status: stage }))
}

fn raw(value: &(impl Serialize + ?Sized)) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("a message serialises into memory")
}

#[cfg(test)]
mod tests;
