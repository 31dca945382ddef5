//! What one record of a session's or run's channel holds, and how it becomes a frame.
//!
//! The data is two bytes (version and kind) and the message in the native JSON spelling
//! without its position. So a native client's frame is those bytes with the position put
//! in front: no field is parsed or written again. Where the payload holds bytes, version 2 has
//! the length of a message without payload, that message, and the payload in MessagePack.

use std::borrow::Cow;
use std::io::Write as _;

use bytes::Bytes;
use serde_json::value::RawValue;
use trunkline_protocol::{Codec, Dialect, Envelope, Packed, Payload, msgpack};

use crate::channel::ChannelKey;
use crate::log::Record;

/// The version of the data's form whose message is all JSON.
const VERSION_JSON: u8 = 1;

/// The version whose payload is MessagePack.
const VERSION_PACKED: u8 = 2;

/// Bytes of a version 2 record before its message: version, kind and the message's length.
const PACKED_PREFIX_BYTES: usize = 6;

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

/// A record's data, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// What it means.
    pub kind: RecordKind,
    /// The message in the native spelling, without a payload that holds bytes.
    pub native: &'a str,
    /// That payload, in MessagePack.
    pub packed: Option<&'a [u8]>,
}

/// Writes a message as a record's data.
pub fn data(kind: RecordKind, message: &Envelope<'_>) -> Bytes {
    let payload_bytes = message.payload.as_ref().map_or(0, |payload| payload.as_kept().1.len());
    let mut out = Vec::with_capacity(DATA_BYTES_TYPICAL + payload_bytes);
    if let Some(Payload::Packed(payload)) = &message.payload {
        out.extend_from_slice(&[VERSION_PACKED, kind as u8, 0, 0, 0, 0]);
        Dialect::Native.encode(&Envelope { payload: None, ..message.clone() }, &mut out);
        let length = length_bytes(out.len() - PACKED_PREFIX_BYTES);
        out[2..PACKED_PREFIX_BYTES].copy_from_slice(&length);
        out.extend_from_slice(payload.bytes());
    } else {
        out.extend_from_slice(&[VERSION_JSON, kind as u8]);
        Dialect::Native.encode(message, &mut out);
    }
    out.into()
}

fn length_bytes(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a message has less than 4 GiB").to_be_bytes()
}

/// The kind of a record, without looking at its message.
pub fn kind(data: &[u8]) -> Option<RecordKind> {
    let (&[version, kind], _) = data.split_first_chunk::<2>()?;
    let is_known = matches!(version, VERSION_JSON | VERSION_PACKED);
    RecordKind::ALL.get(usize::from(kind)).copied().filter(|_| is_known)
}

/// Takes a record's data apart.
pub fn parts(data: &[u8]) -> Result<Parts<'_>, UnknownForm> {
    let (&[version, kind], rest) = data.split_first_chunk::<2>().ok_or(UnknownForm)?;
    let kind = *RecordKind::ALL.get(usize::from(kind)).ok_or(UnknownForm)?;
    let (message, packed) = match version {
        VERSION_JSON => (rest, None),
        VERSION_PACKED => {
            let (length, rest) = rest.split_first_chunk::<4>().ok_or(UnknownForm)?;
            let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| UnknownForm)?;
            let (message, packed) = rest.split_at_checked(length).ok_or(UnknownForm)?;
            (message, Some(packed))
        }
        _ => return Err(UnknownForm),
    };
    let native = std::str::from_utf8(message).map_err(|_| UnknownForm)?;
    if native.starts_with('{') && native.ends_with('}') { Ok(Parts { kind, native, packed }) } else { Err(UnknownForm) }
}

/// Reads the message of a record, without its position.
pub fn message(data: &[u8]) -> Result<(RecordKind, Envelope<'_>), UnknownForm> {
    let Parts { kind, native, packed } = parts(data)?;
    let mut message = Dialect::Native.decode(native, STORED_DEPTH_MAX).map_err(|_| UnknownForm)?;
    if let Some(packed) = packed {
        let packed = Packed::read(packed, STORED_DEPTH_MAX).map_err(|_| UnknownForm)?;
        message.payload = Some(Payload::Packed(packed));
    }
    Ok((kind, message))
}

/// Appends a record to `out` as a native client sees it, with its position. After an error `out` is as it was.
pub fn render_native(
    codec: Codec,
    channel: &ChannelKey,
    record: &Record,
    out: &mut Vec<u8>,
) -> Result<(), UnknownForm> {
    let Parts { native, packed, .. } = parts(&record.data)?;
    let channel = channel.public_name();
    if codec == Codec::MessagePack {
        let (position, previous) = (record.position.to_string(), record.previous.to_string());
        let place = [("channel", channel), ("pos", &*position), ("prev", &*previous)];
        return msgpack::encode_native(&place, native, packed, out).ok_or(UnknownForm);
    }
    let payload = packed.map(|packed| Packed::read(packed, STORED_DEPTH_MAX).map_err(|_| UnknownForm)).transpose()?;
    let (position, previous) = (record.position, record.previous);
    write!(out, r#"{{"channel":"{channel}","pos":"{position}","prev":"{previous}","#)
        .expect("writing to memory does not fail");
    out.extend_from_slice(&native.as_bytes()[1..]);
    if let Some(payload) = payload {
        out.pop();
        out.extend_from_slice(br#","payload":"#);
        out.extend_from_slice(payload.to_json().get().as_bytes());
        out.push(b'}');
    }
    Ok(())
}

/// The text of a text record's message.
pub(crate) fn text_of<'a>(message: &'a Envelope<'_>) -> Result<Cow<'a, str>, UnknownForm> {
    let payload = message.payload.as_ref().and_then(Payload::as_json).ok_or(UnknownForm)?;
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
        if parts(&record.data)?.kind != RecordKind::Text {
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
        message.payload = Some((&payload).into());
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
    use trunkline_protocol::{Position, Wire};

    use super::*;
    use crate::log::Head;
    use crate::words::{self, Surroundings, Voice};

    /// Shows a record to a client that said hello.
    fn render(wire: Wire, channel: &ChannelKey, record: &Record, out: &mut Vec<u8>) -> Result<bool, UnknownForm> {
        words::render(Voice { wire, knows_runs: true }, channel, record, Surroundings::default(), out)
    }

    /// A run's log in which every text event carries `texts`, with another event wherever there is `None`.
    fn log(texts: &[Option<String>]) -> Vec<Record> {
        let mut head = Head::new(7);
        let mut records = Vec::new();
        for (seq, text) in (0..).zip(texts) {
            let mut event = Envelope { run: Some("r".into()), seq: Some(seq), ..Envelope::new("run_event") };
            let payload = text.as_deref().map(text_payload);
            event.payload = payload.as_ref().map(Payload::from);
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
    fn a_payload_with_bytes_is_shown_in_both_codecs() {
        let payload = Payload::from_worker(Codec::MessagePack, b"\x81\xa1b\xc4\x02\x00\xff", 64, 64).unwrap();
        let event = Envelope { run: Some("r".into()), payload: Some(payload.clone()), ..Envelope::new("image") };
        let record = Head::new(7).append(data(RecordKind::Event, &event), false, None, 0).unwrap();
        assert_eq!(kind(&record.data), Some(RecordKind::Event));
        let channel = ChannelKey::run("realm", "r");
        for dialect in Dialect::ALL {
            let mut frame = Vec::new();
            render(dialect.into(), &channel, &record, &mut frame).unwrap();
            let frame = String::from_utf8(frame).unwrap();
            let message = dialect.decode(&frame, 64).unwrap();
            assert_eq!(message.pos.as_deref(), Some(&*record.position.to_string()));
            assert_eq!(message.payload.unwrap().to_json().get(), r#"{"b":"AP8="}"#, "{frame}");
        }
        let (mut frame, mut fields) = (Vec::new(), String::new());
        render(Wire::MESSAGE_PACK, &channel, &record, &mut frame).unwrap();
        let message = msgpack::decode(&frame, &mut fields, 64, 4096).unwrap();
        assert_eq!((message.channel.as_deref(), message.run.as_deref()), (Some("run:r"), Some("r")));
        assert_eq!(message.prev.as_deref(), Some(&*record.previous.to_string()));
        assert_eq!(message.payload.unwrap().as_kept(), payload.as_kept());
    }

    #[test]
    fn a_record_that_cannot_be_shown_leaves_nothing_behind() {
        let channel = ChannelKey::run("realm", "r");
        for data in [&b"\x01\x00{]}"[..], b"\x02\x00\x00\x00\x00\x02{}\xc1", b"\x01\x00{\"type\":}"] {
            let record = Head::new(7).append(Bytes::from_static(data), false, None, 0).unwrap();
            for wire in [Wire::MESSAGE_PACK, Dialect::Native.into(), Dialect::Payload.into()] {
                let mut frame = Vec::new();
                if render(wire, &channel, &record, &mut frame).is_err() {
                    assert!(frame.is_empty(), "{data:?} {wire:?}");
                }
            }
        }
    }

    #[test]
    fn unknown_forms_are_refused() {
        for data in [
            &b""[..],
            b"\x01",
            b"\x03\x00{}",
            b"\x01\x09{}",
            b"\x01\x00[]",
            b"\x01\x00{\xff}",
            b"\x01\x00{",
            b"\x02\x00{}",
            b"\x02\x00\x00\x00\x00\x03{}",
        ] {
            assert_eq!(parts(data), Err(UnknownForm));
        }
    }
}
