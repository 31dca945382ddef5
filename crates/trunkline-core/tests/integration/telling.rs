//! Whatever stands in a log, clients are told of it in frames of their dialect, or not at all.
//!
//! Shared with the fuzz target, so that every input which it finds can be replayed here.

use bytes::Bytes;
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{Head, Record};
use trunkline_core::record::{self, RecordKind};
use trunkline_core::words::{self, Surroundings, Voice, WholeText};
use trunkline_protocol::{Codec, Dialect, Envelope, Wire, msgpack};

/// Enough for records to be neighbours, few enough to be quick.
const RECORDS_MAX: usize = 8;

/// Ends a record in an input: a byte that no text has.
const END: u8 = 0xFF;

/// More than what is stored may have, and what is told adds.
const DEPTH_MAX: usize = 256;

/// Reads the input as the data of a run's records, one after the other.
pub(crate) fn check_fuzz_input(input: &[u8]) {
    let channel = ChannelKey::run("realm", "r1");
    let mut head = Head::new(7);
    let data = input.split(|byte| *byte == END).take(RECORDS_MAX);
    let records: Vec<_> =
        data.map(|data| head.append(Bytes::copy_from_slice(data), false, None, 0).expect("it is open")).collect();
    records.iter().for_each(check_record);
    for wire in wires() {
        for knows_runs in [false, true] {
            tell(Voice { wire, knows_runs }, &channel, &records);
        }
    }
    check_folding(&records);
}

fn wires() -> impl Iterator<Item = Wire> {
    Dialect::ALL.map(Wire::json).into_iter().chain([Wire::MESSAGE_PACK])
}

/// What can be read of a record, and what it is as the newest state.
fn check_record(record: &Record) {
    let message = record::message(&record.data);
    let is_readable = WholeText::default().add(record).is_ok();
    assert_eq!(is_readable, message.is_ok() && text_is_readable(record));
    if let Ok((kind, message)) = message {
        assert_eq!(record::kind(&record.data), Some(kind));
        wires().for_each(|wire| check_latest(wire, &message));
    }
}

/// Tells one client of a whole log.
fn tell(voice: Voice, channel: &ChannelKey, records: &[Record]) {
    let mut whole = WholeText::default();
    let mut pieces = 0;
    for record in records {
        let is_readable = whole.add(record).is_ok();
        let end = words::end_of(&record.data);
        let whole = Some(&whole).filter(|_| end.is_some_and(|end| voice.tells_whole_text(&end)));
        let surroundings = Surroundings { pieces, whole };
        let mut out = b"before".to_vec();
        match words::render(voice, channel, record, surroundings, &mut out) {
            Ok(true) => check_frame(voice, channel, record, out.strip_prefix(b"before").expect("it is appended")),
            Ok(false) | Err(_) => assert_eq!(out, b"before"),
        }
        pieces += u64::from(is_readable && record::kind(&record.data) == Some(RecordKind::Text));
    }
}

/// Whether the text of a text record can be read, as folding reads it.
fn text_is_readable(record: &Record) -> bool {
    let Ok((RecordKind::Text, message)) = record::message(&record.data) else { return true };
    let numbered = Envelope { seq: Some(message.seq.unwrap_or(0)), ..message };
    let data = record::data(RecordKind::Text, &numbered);
    record::fold(vec![Record { data, ..record.clone() }]).is_ok()
}

fn check_frame(voice: Voice, channel: &ChannelKey, record: &Record, frame: &[u8]) {
    // A native client is sent the stored bytes as they are.
    let Some(stored) = message_without_place(record) else { return };
    let mut fields = String::new();
    let Some(told) = decode(voice.wire, frame, &mut fields) else { return };
    assert_eq!(told.channel.as_deref(), Some(channel.public_name()));
    assert_eq!(told.pos.as_deref(), Some(&*record.position.to_string()));
    assert_eq!(told.prev.as_deref(), Some(&*record.previous.to_string()));
    assert_eq!((told.run, told.seq, told.seq_end), (stored.run, stored.seq, stored.seq_end));
}

/// The message of a record that says nothing of its place, and has at most one payload: of the form that is written.
fn message_without_place(record: &Record) -> Option<Envelope<'_>> {
    let (_, message) = record::message(&record.data).ok()?;
    let parts = record::parts(&record.data).expect("its message was read");
    let native = Dialect::Native.decode(parts.native, DEPTH_MAX).expect("its message was read");
    let is_written = message.channel.is_none()
        && message.pos.is_none()
        && message.prev.is_none()
        && (parts.packed.is_none() || native.payload.is_none());
    is_written.then_some(message)
}

fn check_latest(wire: Wire, message: &Envelope<'_>) {
    let mut out = Vec::new();
    words::render_latest(wire, message, &mut out);
    decode(wire, &out, &mut String::new());
}

/// Reads a frame as a client may; `None` where that is not possible although the frame is right: a number that no double
/// holds arrives as infinity in MessagePack (`protocol/client.md`), which nobody may send.
fn decode<'a>(wire: Wire, frame: &'a [u8], fields: &'a mut String) -> Option<Envelope<'a>> {
    let read = match wire.codec() {
        Codec::Json => wire.dialect().decode(std::str::from_utf8(frame).expect("frames are UTF-8"), DEPTH_MAX),
        Codec::MessagePack => msgpack::decode(frame, fields, DEPTH_MAX, usize::MAX),
    };
    match read {
        Ok(envelope) => Some(envelope),
        Err(error) if wire.codec() == Codec::MessagePack && error.to_string().contains("infinity") => None,
        Err(error) => panic!("{wire:?}: {}: {error}", String::from_utf8_lossy(frame)),
    }
}

/// Folding keeps the text and the chain.
fn check_folding(records: &[Record]) {
    let Ok(folded) = record::fold(records.to_vec()) else { return };
    assert!(folded.len() <= records.len());
    for pair in folded.windows(2) {
        assert_eq!(pair[1].previous, pair[0].position);
    }
    assert_eq!(folded.first().map(|record| record.previous), records.first().map(|record| record.previous));
    assert_eq!(folded.last().map(|record| record.position), records.last().map(|record| record.position));
    assert_eq!(text_of(&folded), text_of(records));
}

fn text_of(records: &[Record]) -> Option<String> {
    let mut whole = WholeText::default();
    records.iter().try_for_each(|record| whole.add(record)).ok()?;
    Some(whole.text().to_owned())
}
