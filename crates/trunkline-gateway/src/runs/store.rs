//! How runs are kept in the broker: the batches that begin and end one, and the value that
//! tells another life of the gateway that it is open.

use std::borrow::Cow;
use std::sync::Arc;

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine as _};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use trunkline_broker::{Append, Batch, Broker, BrokerError, Durability, Expect, Op, Put, Refusal};
use trunkline_core::Moment;
use trunkline_core::channel::ChannelKey;
use trunkline_core::identity::content_digest;
use trunkline_core::log::Retention;
use trunkline_core::record::{RecordKind, data, message};
use trunkline_core::retry::Attempts;
use trunkline_core::run::{AppendRequest, TOOK_INPUT, TookInput};
use trunkline_core::turns::WhileBusy;
use trunkline_core::words::Origin;
use trunkline_protocol::{Codec, Envelope, Payload};

use super::mark;
use crate::clock::wall_ms;
use crate::message::payload;
use crate::random;
use crate::retention::Keep;

/// Where open runs are listed.
pub(super) const OPEN_RUNS: &str = "open-run/";

/// What is needed to call a run's service, or to go on with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own in what is stored")]
pub(super) struct OpenRun {
    pub(super) session: String,
    pub(super) user: Option<String>,
    pub(super) service: String,
    /// The type of the client's message.
    pub(super) kind: String,
    /// The id of the client's message.
    pub(super) message: String,
    /// The client's payload, `null` where it is `packed`.
    pub(super) payload: Box<RawValue>,
    /// The client's payload where it holds bytes: MessagePack as base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) packed: Option<String>,
    /// When the message was accepted; orders the runs of a session after a restart.
    pub(super) accepted_ms: u64,
    /// Orders those of one millisecond.
    pub(super) order: u64,
    pub(super) deadline_at_ms: u64,
    /// Whether a worker may have it: it must not be called again then.
    pub(super) called: bool,
    /// How often it was called before: that came to nothing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) repetitions: u32,
    /// Whether it takes no turn in its session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) parallel: bool,
    /// Whether it takes the place of those before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) interrupts: bool,
    /// The run that its message is offered to as input, until it begins itself. Clients are not told of it before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) input_to: Option<String>,
    /// Whether it ends when its session has no connection any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) ends_when_left: bool,
    /// The trace context that the client sent, where that was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) traceparent: Option<String>,
    /// What its end tells old clients of its message; only where that came from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<Origin>,
}

/// The client's payload in the two forms of [`OpenRun`].
pub(super) fn kept_payload(message: &Envelope<'_>) -> (Box<RawValue>, Option<String>) {
    match &message.payload {
        Some(Payload::Json(text)) => ((**text).to_owned(), None),
        Some(Payload::Packed(packed)) => (payload(&()), Some(STANDARD.encode(packed.bytes()))),
        None => (payload(&()), None),
    }
}

/// A client's message on its way into the store.
pub(super) struct AcceptedMessage<'a> {
    pub(super) session: &'a ChannelKey,
    pub(super) run: &'a ChannelKey,
    pub(super) open: &'a OpenRun,
    /// The open run as it is stored.
    pub(super) stored: &'a Bytes,
    pub(super) message: &'a Envelope<'a>,
    pub(super) ts: &'a str,
    pub(super) durability: Durability,
}

/// Stores a message, the reference to its run, the run's empty channel and the open run, all or none. A message that is
/// offered to another run names that one, and its own is not told of.
/// The run's channel has its name from the message's id, so a repetition is refused as long as the run is kept.
pub(super) fn accept_batch(accepted: &AcceptedMessage<'_>) -> Batch {
    let AcceptedMessage { session, run, open, stored: open_run, message, ts, durability } = *accepted;
    // Only what is the client's to say: position, numbers and error are the gateway's.
    let stored = Envelope {
        kind: message.kind.clone(),
        id: Some(Cow::Borrowed(&open.message)),
        ts: Some(Cow::Borrowed(ts)),
        session: Some(Cow::Borrowed(session.id())),
        run: Some(Cow::Borrowed(open.input_to.as_deref().unwrap_or(run.id()))),
        to: message.to.clone(),
        reply_to: message.reply_to.clone(),
        payload: message.payload.as_ref().map(Payload::borrowed),
        meta: message.meta,
        extra: message.extra.clone(),
        ..Envelope::default()
    };
    let mut ops = vec![
        Op::Open { channel: run.clone(), unique: Some(digest(message)) },
        append(session, data(RecordKind::Message, &stored)),
    ];
    if open.input_to.is_none() {
        ops.push(announce(session, run, open, ts));
    }
    ops.push(Op::Put(put_open_run(run, open_run.clone(), Expect::Anything)));
    Batch { ops, durability }
}

/// Tells the session of a run that begins.
pub(super) fn announce(session: &ChannelKey, run: &ChannelKey, open: &OpenRun, ts: &str) -> Op {
    let reference_payload = payload(&RunReference { service: &open.service, channel: run.public_name() });
    let reference_id = random::id();
    let reference = Envelope {
        id: Some(Cow::Borrowed(&reference_id)),
        ts: Some(Cow::Borrowed(ts)),
        session: Some(Cow::Borrowed(session.id())),
        run: Some(Cow::Borrowed(run.id())),
        reply_to: Some(Cow::Borrowed(&open.message)),
        payload: Some((&reference_payload).into()),
        ..Envelope::new("run_started")
    };
    append(session, data(RecordKind::RunStarted, &reference))
}

/// Stores nothing: it is refused with [`Refusal::Exists`] if the message was stored before, and otherwise for a value
/// that is not there.
pub(super) fn look_up_batch(run: &ChannelKey, message: &Envelope<'_>) -> Batch {
    let never = Put { key: open_run_key(run), value: Bytes::new(), expect: Expect::Value(Bytes::new()), keep_ms: None };
    let open = Op::Open { channel: run.clone(), unique: Some(digest(message)) };
    Batch { ops: vec![open, Op::Put(never)], ..Batch::default() }
}

/// Notes that a run is handed to a worker now. `stored` is what the list has of it: refused when the run has ended
/// meanwhile.
pub(super) fn called_batch(run: &ChannelKey, open: &OpenRun, stored: Bytes, durability: Durability) -> Batch {
    let called = OpenRun { called: true, input_to: None, ..open.clone() };
    Batch { ops: vec![Op::Put(put_open_run(run, called.to_value(), Expect::Value(stored)))], durability }
}

/// Ends a run before it began, because the worker of another one took its message. Its channel keeps which one.
pub(super) fn taken_ops(own: &ChannelKey, session: &str, by: &str, message: &str, ts: &str, keep: Keep) -> [Op; 3] {
    let content = payload(&TookInput { input: message });
    let record = Envelope {
        ts: Some(Cow::Borrowed(ts)),
        session: Some(Cow::Borrowed(session)),
        run: Some(Cow::Borrowed(by)),
        payload: Some((&content).into()),
        ..Envelope::new(TOOK_INPUT)
    };
    let append = Append {
        channel: own.clone(),
        data: data(RecordKind::Event, &record),
        expected: Some(0),
        seals: true,
        idempotency: None,
        retention: None,
    };
    [Op::Append(append), Op::Delete { key: open_run_key(own) }, keep.run_ended(own, wall_ms())]
}

/// The run that a stored message went to: its own, or the one that it is or was input to.
pub(super) async fn went_to(broker: &dyn Broker, run: &ChannelKey) -> Result<String, BrokerError> {
    let first = broker.read(run, None, 1).await?.ok().and_then(|page| page.records.into_iter().next());
    let to = match first {
        Some(record) => {
            let (_, event) = message(&record.data).map_err(|error| BrokerError::Unavailable(error.to_string()))?;
            event.run.filter(|_| event.kind == TOOK_INPUT).map(Cow::into_owned)
        }
        None => open_run(broker, run).await?.and_then(|open| open.input_to),
    };
    Ok(to.unwrap_or_else(|| run.id().to_owned()))
}

/// Reads what the list of open runs has of a run whose service is to be called again, after it was noted there. Fails
/// where somebody else has ended the run.
pub(super) async fn note_repetition(
    broker: Arc<dyn Broker>,
    run: ChannelKey,
    durability: Durability,
) -> Result<Box<OpenRun>, BrokerError> {
    let key = open_run_key(&run);
    let gone = || BrokerError::Refused { index: 0, refusal: Refusal::Value(None) };
    let value = broker.get(&key).await?.ok_or_else(gone)?;
    let unreadable = |error: serde_json::Error| BrokerError::Unavailable(error.to_string());
    let mut open: Box<OpenRun> = serde_json::from_slice(&value).map_err(unreadable)?;
    open.called = true;
    open.repetitions += 1;
    let put = Op::Put(put_open_run(&run, open.to_value(), Expect::Value(value)));
    broker.commit(Batch { ops: vec![put], durability }).await?;
    Ok(open)
}

/// Takes back that a worker may have a run: none does, after this many calls that came to nothing.
pub(super) async fn take_back_called(
    broker: &dyn Broker,
    run: &ChannelKey,
    calls: u32,
    durability: Durability,
) -> Result<(), BrokerError> {
    // Only the store has the payload still.
    let Some(stored) = broker.get(&open_run_key(run)).await? else { return Ok(()) };
    let open = serde_json::from_slice::<OpenRun>(&stored);
    let open = open.map_err(|error| BrokerError::Unavailable(error.to_string()))?;
    let waiting = OpenRun { called: false, repetitions: calls, ..open }.to_value();
    let ops = vec![Op::Put(put_open_run(run, waiting, Expect::Value(stored)))];
    broker.commit(Batch { ops, durability }).await.map(drop)
}

/// Where runs are listed that a client has cancelled, until they have ended.
const CANCELLED_RUNS: &str = "cancelled-run/";

fn cancelled_key(run: &ChannelKey) -> String {
    format!("{CANCELLED_RUNS}{run}")
}

/// Notes that a client has cancelled a run, so that the next life of the gateway knows it. If the run ends at the same
/// moment nobody removes that.
pub(super) fn cancelled_batch(run: &ChannelKey, keep: Keep) -> Batch {
    let (key, value) = (cancelled_key(run), Bytes::from_static(b"1"));
    let put = Op::Put(Put { key, value, expect: Expect::Anything, keep_ms: Some(keep.ms()) });
    Batch { ops: vec![put], ..Batch::default() }
}

/// Removes that note.
pub(super) fn forget_cancel(run: &ChannelKey) -> Op {
    Op::Delete { key: cancelled_key(run) }
}

/// Whether a client has cancelled a run.
pub(super) async fn is_cancelled(broker: &dyn Broker, run: &ChannelKey) -> Result<bool, BrokerError> {
    Ok(broker.get(&cancelled_key(run)).await?.is_some())
}

/// Takes a run off the list that has ended already.
pub(super) fn forget_batch(run: &ChannelKey) -> Batch {
    let delete = |key| Op::Delete { key };
    let ops = [delete(open_run_key(run)), mark::forget(run), delete(cancelled_key(run))];
    Batch { ops: ops.into(), ..Batch::default() }
}

/// How much is kept of a run that has asked something: its questions and answers stand in its channel alone, and nothing
/// else says which answer counts. What a run may hold is bounded (`trunkline_core::run`).
const WHOLE: Retention = Retention { records_max: u64::MAX, bytes_max: u64::MAX };

/// Stores events of a run. Its terminal event seals the channel and takes the run off the list of open ones, and its
/// channel has its time to live from then on. `asked` says whether there may be a mark of the run to remove.
pub(super) fn events_batch(
    run: &ChannelKey,
    request: &AppendRequest,
    asked: bool,
    now: Moment,
    durability: Durability,
    keep: Keep,
) -> Batch {
    let mut ops: Vec<_> = (request.expected..)
        .zip(&request.records)
        .map(|(expected, (kind, data))| {
            Op::Append(Append {
                channel: run.clone(),
                data: data.clone(),
                expected: Some(expected),
                seals: *kind == RecordKind::Terminal,
                idempotency: None,
                retention: asked.then_some(WHOLE),
            })
        })
        .collect();
    let ends = request.end.is_some();
    if ends {
        ops.push(Op::Delete { key: open_run_key(run) });
        ops.push(keep.run_ended(run, wall_ms()));
        if asked {
            ops.push(mark::forget(run));
        }
    } else if let Some(mark) = &request.mark {
        ops.push(mark::put(run, mark, now));
    }
    // Whoever ended or answered a run is told that it is stored.
    Batch { ops, durability: if ends || request.has_answers { durability } else { Durability::Os } }
}

/// The open run as it is stored; `None` if it is no longer open.
pub(super) async fn open_run(broker: &dyn Broker, run: &ChannelKey) -> Result<Option<OpenRun>, BrokerError> {
    let value = broker.get(&open_run_key(run)).await?;
    let read =
        |value: Bytes| serde_json::from_slice(&value).map_err(|error| BrokerError::Unavailable(error.to_string()));
    value.map(read).transpose()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[derive(Serialize)]
struct RunReference<'a> {
    service: &'a str,
    channel: &'a str,
}

fn append(channel: &ChannelKey, data: Bytes) -> Op {
    Op::Append(Append {
        channel: channel.clone(),
        data,
        expected: None,
        seals: false,
        idempotency: None,
        retention: None,
    })
}

fn put_open_run(run: &ChannelKey, value: Bytes, expect: Expect) -> Put {
    Put { key: open_run_key(run), value, expect, keep_ms: None }
}

impl OpenRun {
    /// The payload for the call. It is given once: for another call it is read again. Fails where it cannot be read.
    pub(super) fn take_payload(&mut self) -> Result<(Codec, Bytes), DecodeError> {
        if let Some(packed) = self.packed.take() {
            return Ok((Codec::MessagePack, STANDARD.decode(packed)?.into()));
        }
        let text = std::mem::replace(&mut self.payload, payload(&()));
        Ok((Codec::Json, Bytes::from(Box::<str>::from(text).into_string())))
    }

    /// How often its service was called.
    pub(super) fn attempts(&self) -> Attempts {
        Attempts::new(u32::from(self.called) + self.repetitions)
    }

    /// What becomes of it while its session has another run. One that was not refused goes in its turn.
    pub(super) const fn while_busy(&self) -> WhileBusy {
        match (self.parallel, self.interrupts) {
            (true, _) => WhileBusy::Parallel,
            (false, true) => WhileBusy::Interrupt,
            (false, false) => WhileBusy::Queue,
        }
    }

    /// The value in the list of open runs.
    pub(super) fn to_value(&self) -> Bytes {
        serde_json::to_vec(self).expect("an open run serialises into memory").into()
    }
}

fn open_run_key(run: &ChannelKey) -> String {
    format!("{OPEN_RUNS}{run}")
}

/// The channel of the run that is listed under `key`.
pub(super) fn run_of_key(key: &str) -> Option<ChannelKey> {
    let (realm, name) = key.strip_prefix(OPEN_RUNS)?.split_once('/')?;
    ChannelKey::from_public_name(realm, name)
}

/// What makes a repeated message the same one.
fn digest(message: &Envelope<'_>) -> [u8; 16] {
    let to = serde_json::to_string(&message.to).expect("an address serialises into memory");
    let deadline = message.deadline_ms.map(|deadline| deadline.to_string()).unwrap_or_default();
    let (codec, content) = message.payload.as_ref().map_or((Codec::Json, &b""[..]), Payload::as_kept);
    let parts = [message.kind.as_bytes(), to.as_bytes(), deadline.as_bytes(), content, codec.name().as_bytes()];
    // JSON is not named: what was stored before there was another codec stays the same.
    content_digest(if codec == Codec::Json { &parts[..4] } else { &parts })
}

/// Whether `run` is open and of this session.
pub(crate) async fn is_open_run_of(broker: &dyn Broker, run: &ChannelKey, session: &str) -> Result<bool, BrokerError> {
    let value = broker.get(&open_run_key(run)).await?;
    let open = value.and_then(|value| serde_json::from_slice::<OpenRun>(&value).ok());
    Ok(open.is_some_and(|open| open.session == session))
}

#[cfg(test)]
mod tests {
    use trunkline_protocol::Dialect;

    use super::*;

    #[test]
    fn a_client_cannot_say_what_is_the_gateways_to_say() {
        let forged = r#"{"type":"x","id":"m","channel":"session:z","pos":"1-1-1","prev":"1-0-0","run":"z","session":"z","seq":1,
            "seq_end":2,"ts":"z","error":{"code":"internal","message":"z","retryable":false},"payload":{"mine":1},"other":2}"#;
        let message = Dialect::Native.decode(forged, 64).unwrap();
        let open = OpenRun {
            session: "s".to_owned(),
            user: None,
            service: "chat".to_owned(),
            kind: "x".to_owned(),
            message: "m".to_owned(),
            payload: kept_payload(&message).0,
            packed: None,
            accepted_ms: 0,
            order: 0,
            deadline_at_ms: 0,
            called: true,
            repetitions: 0,
            parallel: false,
            interrupts: false,
            input_to: None,
            ends_when_left: false,
            traceparent: None,
            origin: None,
        };
        let batch = accept_batch(&AcceptedMessage {
            session: &ChannelKey::session("default", "s"),
            run: &ChannelKey::run("default", "r"),
            open: &open,
            stored: &open.to_value(),
            message: &message,
            ts: "now",
            durability: Durability::Os,
        });
        let Some(Op::Append(append)) = batch.ops.iter().find(|op| matches!(op, Op::Append(_))) else {
            panic!("the message is stored")
        };
        let text = trunkline_core::record::parts(&append.data).unwrap().native;
        let expected = r#"{"type":"x","id":"m","ts":"now","session":"s","run":"r","payload":{"mine":1},"other":2}"#;
        assert_eq!(text, expected);
    }
}
