//! What one record of a session's or run's channel holds, and how it becomes a frame.
//!
//! The data is two bytes (version and kind) and the message in the native JSON spelling
//! without its position. So a native client's frame is those bytes with the position put
//! in front: no field is parsed or written again.

use std::borrow::Cow;
use std::io::Write as _;

use bytes::Bytes;
use serde_json::value::RawValue;
use trunkline_protocol::{Dialect, Envelope};

use crate::channel::ChannelKey;
use crate::log::Record;

/// The version of the data's form that this code writes and reads.
const VERSION: u8 = 1;

/// Nesting allowed when stored messages are read again: they were bounded when they came in, and wrapped once.
const STORED_DEPTH_MAX: usize = 128;

/// What a message's fields but the payload take, roughly.
const DATA_BYTES_TYPICAL: usize = 256;

/// Most bytes of text in one folded message.
pub const FOLDED_TEXT_BYTES_MAX: usize = 64 * 1024;

/// What a record means for its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// A message of a client.
    Message = 0,
    /// The session's reference to a run.
    RunStarted = 1,
    /// Text of a run; neighbours may be folded.
    Text = 2,
    /// Any other event of a run.
    Event = 3,
    /// The end of a run.
    Terminal = 4,
}

impl RecordKind {
    const ALL: [Self; 5] = [Self::Message, Self::RunStarted, Self::Text, Self::Event, Self::Terminal];
}

/// The data of a record is not of the form that this version reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored record has a form that this version does not read")]
pub struct UnknownForm;

/// Writes a message as a record's data.
pub fn data(kind: RecordKind, message: &Envelope<'_>) -> Bytes {
    let mut out =
        Vec::with_capacity(DATA_BYTES_TYPICAL + message.payload.as_ref().map_or(0, |payload| payload.get().len()));
    out.extend_from_slice(&[VERSION, kind as u8]);
    Dialect::Native.encode(message, &mut out);
    out.into()
}

/// The kind of a record, without looking at its message.
pub fn kind(data: &[u8]) -> Option<RecordKind> {
    let (&[version, kind], _) = data.split_first_chunk::<2>()?;
    RecordKind::ALL.get(usize::from(kind)).copied().filter(|_| version == VERSION)
}

/// Takes a record's data apart: its kind, and the message in the native spelling.
pub fn parts(data: &[u8]) -> Result<(RecordKind, &str), UnknownForm> {
    let (&[version, kind], message) = data.split_first_chunk::<2>().ok_or(UnknownForm)?;
    let kind = *RecordKind::ALL.get(usize::from(kind)).ok_or(UnknownForm)?;
    if version != VERSION || !message.starts_with(b"{") {
        return Err(UnknownForm);
    }
    Ok((kind, std::str::from_utf8(message).map_err(|_| UnknownForm)?))
}

/// Reads the message of a record, without its position.
pub fn message(data: &[u8]) -> Result<(RecordKind, Envelope<'_>), UnknownForm> {
    let (kind, text) = parts(data)?;
    let message = Dialect::Native.decode(text, STORED_DEPTH_MAX).map_err(|_| UnknownForm)?;
    Ok((kind, message))
}

/// Appends a record to `out` as a native client sees it, with its position. After an error `out` is as it was.
pub fn render_native(channel: &ChannelKey, record: &Record, out: &mut Vec<u8>) -> Result<(), UnknownForm> {
    let (_, text) = parts(&record.data)?;
    let (position, previous) = (record.position, record.previous);
    let channel = channel.public_name();
    write!(out, r#"{{"channel":"{channel}","pos":"{position}","prev":"{previous}","#)
        .expect("writing to memory does not fail");
    out.extend_from_slice(&text.as_bytes()[1..]);
    Ok(())
}

/// The text of a text record's message.
pub(crate) fn text_of<'a>(message: &'a Envelope<'_>) -> Result<Cow<'a, str>, UnknownForm> {
    let payload = message.payload.as_deref().ok_or(UnknownForm)?;
    let payload: TextPayload<'_> = serde_json::from_str(payload.get()).map_err(|_| UnknownForm)?;
    Ok(payload.text)
}

/// Merges consecutive text records of one run into as few as [`FOLDED_TEXT_BYTES_MAX`] allows.
///
/// The concatenated text, the range of event numbers and the chain of positions stay what they were.
pub fn fold(records: Vec<Record>) -> Result<Vec<Record>, UnknownForm> {
    let mut folded = Vec::with_capacity(records.len());
    let mut open: Option<Fold> = None;
    for record in records {
        let Some(event) = TextEvent::read(&record)? else {
            folded.extend(open.take().map(Fold::finish).transpose()?);
            folded.push(record);
            continue;
        };
        match &mut open {
            Some(fold) if fold.text.len() + event.text.len() <= FOLDED_TEXT_BYTES_MAX => fold.add(record, &event),
            _ => folded.extend(open.replace(Fold::start(record, event)).map(Fold::finish).transpose()?),
        }
    }
    folded.extend(open.take().map(Fold::finish).transpose()?);
    Ok(folded)
}

/// The content of a text record.
struct TextEvent {
    seq_end: u64,
    text: String,
}

impl TextEvent {
    fn read(record: &Record) -> Result<Option<Self>, UnknownForm> {
        if !matches!(parts(&record.data)?, (RecordKind::Text, _)) {
            return Ok(None);
        }
        let (_, message) = message(&record.data)?;
        let seq = message.seq.ok_or(UnknownForm)?;
        Ok(Some(Self { seq_end: message.seq_end.unwrap_or(seq), text: text_of(&message)?.into_owned() }))
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct TextPayload<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}

/// Text records being merged. The first record's message is kept for its other fields.
struct Fold {
    first: Record,
    last: Record,
    seq_end: u64,
    text: String,
    merged: bool,
}

impl Fold {
    fn start(record: Record, event: TextEvent) -> Self {
        Self { first: record.clone(), last: record, seq_end: event.seq_end, text: event.text, merged: false }
    }

    fn add(&mut self, record: Record, event: &TextEvent) {
        self.last = record;
        self.seq_end = event.seq_end;
        self.text.push_str(&event.text);
        self.merged = true;
    }

    fn finish(self) -> Result<Record, UnknownForm> {
        if !self.merged {
            return Ok(self.first);
        }
        let (_, mut message) = message(&self.first.data)?;
        let payload = text_payload(&self.text);
        message.seq_end = Some(self.seq_end);
        message.payload = Some(Cow::Borrowed(&payload));
        Ok(Record { previous: self.first.previous, data: data(RecordKind::Text, &message), ..self.last })
    }
}

/// The payload of a text event: `{"text": …}`.
pub(crate) fn text_payload(text: &str) -> Box<RawValue> {
    let payload = TextPayload { text: Cow::Borrowed(text) };
    serde_json::value::to_raw_value(&payload).expect("text serialises into memory")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use trunkline_protocol::Position;

    use super::*;
    use crate::log::Head;

    /// A run's log in which every text event carries `texts`, with another event wherever there is `None`.
    fn log(texts: &[Option<String>]) -> Vec<Record> {
        let mut head = Head::new(7);
        let mut records = Vec::new();
        for (seq, text) in (0..).zip(texts) {
            let mut event = Envelope { run: Some("r".into()), seq: Some(seq), ..Envelope::new("run_event") };
            let payload = text.as_deref().map(text_payload);
            event.payload = payload.as_deref().map(Cow::Borrowed);
            let kind = if text.is_some() { RecordKind::Text } else { RecordKind::Event };
            records.push(head.append(data(kind, &event), false, None, 0).unwrap());
        }
        records
    }

    fn content(records: &[Record]) -> Vec<String> {
        let mut content = vec![String::new()];
        for record in records {
            match TextEvent::read(record).unwrap() {
                Some(event) => content.last_mut().unwrap().push_str(&event.text),
                None => content.push(String::new()),
            }
        }
        content
    }

    proptest! {
        #[test]
        fn folding_changes_neither_content_nor_chain(texts in proptest::collection::vec(proptest::option::weighted(0.8, "[a-z🙂\"]{0,9}"), 0..40)) {
            let records = log(&texts);
            let folded = fold(records.clone()).unwrap();
            prop_assert_eq!(content(&folded), content(&records));
            let mut previous = Position::start(7);
            let mut next_seq = 0;
            for record in &folded {
                prop_assert_eq!(record.previous, previous);
                previous = record.position;
                let (_, event) = message(&record.data).unwrap();
                prop_assert_eq!(event.seq, Some(next_seq));
                next_seq = event.seq_end.unwrap_or(next_seq) + 1;
            }
            prop_assert_eq!(Some(previous), records.last().map(|record| record.position).or(Some(Position::start(7))));
            let runs_of_text = texts.split(Option::is_none).filter(|run| !run.is_empty()).count();
            let others = texts.iter().filter(|text| text.is_none()).count();
            prop_assert_eq!(folded.len(), runs_of_text + others, "as few as possible");
        }
    }

    #[test]
    fn a_folded_message_is_bounded() {
        let big = Some("x".repeat(FOLDED_TEXT_BYTES_MAX - 1));
        let folded = fold(log(&[big.clone(), Some("yz".into()), big])).unwrap();
        assert_eq!(folded.len(), 3);
    }

    #[test]
    fn unknown_forms_are_refused() {
        for data in [&b""[..], b"\x01", b"\x02\x00{}", b"\x01\x09{}", b"\x01\x00[]", b"\x01\x00{\xff}"] {
            assert_eq!(parts(data), Err(UnknownForm));
        }
    }
}
