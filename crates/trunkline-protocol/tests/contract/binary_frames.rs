//! Any bytes as a MessagePack frame, and what holds for those that are accepted.
//!
//! Shared with the fuzz target, so that every input which it finds can be replayed here.

use trunkline_protocol::{Codec, Dialect, Envelope, Payload, msgpack};

const DEPTH_MAX: usize = 64;
const BYTES_MAX: usize = 64 * 1024;

/// The first byte says whether the rest is a client's frame or a worker's payload.
pub(crate) fn check_fuzz_input(input: &[u8]) {
    match input.split_first() {
        Some((0, frame)) => check_frame(frame),
        Some((_, payload)) => check_payload(payload),
        None => {}
    }
}

/// A frame that is accepted means the same in both codecs.
fn check_frame(frame: &[u8]) {
    let mut fields = String::new();
    let Ok(envelope) = msgpack::decode(frame, &mut fields, DEPTH_MAX, BYTES_MAX) else { return };
    let json = spelled(&envelope);
    let read = Dialect::Native.decode(&json, DEPTH_MAX).expect("JSON has the same rules");
    assert_eq!(spelled(&read), json);
    let mut again = Vec::new();
    msgpack::encode(&envelope, &mut again);
    let mut fields = String::new();
    let read = msgpack::decode(&again, &mut fields, DEPTH_MAX, BYTES_MAX).expect("what was read can be written");
    assert_eq!(spelled(&read), json);
    let size = |envelope: &Envelope<'_>| envelope.payload.as_ref().map(Payload::json_bytes);
    assert_eq!(size(&envelope), envelope.payload.as_ref().map(|payload| payload.to_json().get().len()));
    assert_eq!(size(&read), size(&envelope));
}

/// A payload that is accepted has one form, and its JSON is what it was measured as.
fn check_payload(payload: &[u8]) {
    let Ok(taken) = Payload::from_worker(Codec::MessagePack, payload, DEPTH_MAX, BYTES_MAX) else { return };
    let json = taken.to_json().into_owned();
    assert_eq!(taken.json_bytes(), json.get().len());
    assert!(json.get().len() <= BYTES_MAX);
    assert_eq!(msgpack::worker_to_json(payload, DEPTH_MAX, BYTES_MAX).as_deref(), Ok(json.get()));
    let (codec, kept) = taken.as_kept();
    let again = Payload::from_worker(codec, kept, DEPTH_MAX, BYTES_MAX).expect("what is kept can be read");
    assert_eq!(again.as_kept(), (codec, kept));
}

fn spelled(envelope: &Envelope<'_>) -> String {
    let mut out = Vec::new();
    Dialect::Native.encode(envelope, &mut out);
    String::from_utf8(out).expect("what is written is UTF-8")
}
