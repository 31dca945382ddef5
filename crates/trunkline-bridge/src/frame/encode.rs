//! Frames to parts. Source: `protocol/worker.md` §1.
//!
//! Absent optional fields are left out, and payloads are moved.

use bytes::Bytes;
use rmpv::{Value, ValueRef};
use trunkline_protocol::Codec;

use super::{
    Ask, CallFrame, Chunk, ChunkKind, Frame, Hello, Input, Load, Offer, Parts, Resumed, Service, VERSION, Welcome,
    WorkerError, json,
};

type Meta<'a> = Vec<(ValueRef<'a>, ValueRef<'a>)>;

/// Spells a frame as the parts of a message.
pub fn encode(frame: Frame) -> Parts {
    match frame {
        Frame::Hello(hello) => hello_parts(&hello),
        Frame::Welcome(welcome) => welcome_parts(&welcome),
        Frame::Ping => bare(3, 0),
        Frame::Pong(load) => pong_parts(load),
        Frame::Call(call) => call_parts(call),
        Frame::Result { corr, seq, codec, payload, buffers } => {
            let mut meta = vec![field("seq", seq)];
            push_codec(&mut meta, codec);
            parts(6, corr, "", meta, payload, buffers)
        }
        Frame::Error { corr, seq, error } => error_parts(corr, seq, &error),
        Frame::Chunk(chunk) => chunk_parts(chunk),
        Frame::End { corr, seq } => parts(9, corr, "", vec![field("seq", seq)], Bytes::new(), Vec::new()),
        Frame::Cancel { corr } => bare(10, corr),
        Frame::Credit { corr, ack } => parts(11, corr, "", vec![field("ack", ack)], Bytes::new(), Vec::new()),
        Frame::Event { corr, name, key, payload } => {
            let mut meta = Vec::new();
            push(&mut meta, "key", key.as_deref());
            parts(12, corr, &name, meta, payload, Vec::new())
        }
        Frame::Reserved => bare(15, 0),
        Frame::Drain => bare(16, 0),
        Frame::UnknownPeer => bare(17, 0),
        Frame::Ask(ask) => ask_parts(ask),
        Frame::Answer { corr, request, payload } => {
            parts(19, corr, "", vec![field("request", request.as_str())], payload, Vec::new())
        }
        Frame::Input(input) => input_parts(input),
        Frame::Taken { corr, seq, message } => {
            let meta = vec![field("seq", seq), field("message", message.as_str())];
            parts(21, corr, "", meta, Bytes::new(), Vec::new())
        }
    }
}

fn field<'a>(key: &'static str, value: impl Into<ValueRef<'a>>) -> (ValueRef<'a>, ValueRef<'a>) {
    (key.into(), value.into())
}

fn push<'a, T: Into<ValueRef<'a>>>(meta: &mut Meta<'a>, key: &'static str, value: Option<T>) {
    if let Some(value) = value {
        meta.push(field(key, value));
    }
}

/// JSON is not named.
fn push_codec(meta: &mut Meta<'_>, codec: Codec) {
    push(meta, "codec", (codec != Codec::Json).then(|| codec.name()));
}

fn bare(kind: u64, corr: u64) -> Parts {
    parts(kind, corr, "", Vec::new(), Bytes::new(), Vec::new())
}

fn parts(kind: u64, corr: u64, name: &str, meta: Meta<'_>, payload: Bytes, buffers: Vec<Bytes>) -> Parts {
    let header = ValueRef::Array(vec![VERSION.into(), kind.into(), corr.into(), name.into(), ValueRef::Map(meta)]);
    let mut bytes = Vec::with_capacity(64);
    rmpv::encode::write_value_ref(&mut bytes, &header).expect("writing to memory does not fail");
    let mut parts = Vec::with_capacity(2 + buffers.len());
    parts.push(bytes.into());
    parts.push(payload);
    parts.extend(buffers);
    parts
}

fn hello_parts(hello: &Hello) -> Parts {
    let inputs: Vec<Option<Value>> =
        hello.services.iter().map(|service| service.input.as_ref().map(json::from_json)).collect();
    let services = hello.services.iter().zip(&inputs).map(|(service, input)| service_value(service, input.as_ref()));
    let mut meta = vec![field("instance", hello.instance.as_str()), field("sdk", hello.sdk.as_str())];
    push(&mut meta, "pid", hello.pid);
    meta.push(field("concurrency", hello.concurrency));
    meta.push(field("services", ValueRef::Array(services.collect())));
    push(&mut meta, "generation", hello.generation.as_deref());
    push(&mut meta, "token", hello.token.as_deref());
    if hello.reads_messagepack {
        let codecs = [Codec::Json, Codec::MessagePack].map(|codec| codec.name().into());
        meta.push(field("codecs", ValueRef::Array(codecs.into())));
    }
    meta.push(field("open", ValueRef::Array(hello.open.iter().map(offer_value).collect())));
    parts(1, 0, &hello.name, meta, Bytes::new(), Vec::new())
}

fn service_value<'a>(service: &'a Service, input: Option<&'a Value>) -> ValueRef<'a> {
    let mut fields = vec![field("name", service.name.as_str())];
    push(&mut fields, "input", input.map(Value::as_ref));
    push(&mut fields, "idempotent", service.idempotent.then_some(ValueRef::Boolean(true)));
    push(&mut fields, "resumable", service.resumable.then_some(ValueRef::Boolean(true)));
    push(&mut fields, "takes_input", service.takes_input.then_some(ValueRef::Boolean(true)));
    ValueRef::Map(fields)
}

fn offer_value(offer: &Offer) -> ValueRef<'_> {
    let mut fields = vec![
        field("run", offer.run.as_str()),
        field("next", offer.next),
        field("ack", offer.ack),
        field("ended", ValueRef::Boolean(offer.ended)),
    ];
    push(&mut fields, "attempt", offer.attempt);
    if !offer.asks.is_empty() {
        let asks = offer.asks.iter().map(|request| request.as_str().into()).collect();
        fields.push(field("asks", ValueRef::Array(asks)));
    }
    ValueRef::Map(fields)
}

fn welcome_parts(welcome: &Welcome) -> Parts {
    let resumed = welcome.resumed.iter().map(resumed_value).collect();
    let dropped = welcome.dropped.iter().map(|run| run.as_str().into()).collect();
    let meta = vec![
        field("epoch", welcome.epoch.as_str()),
        field("ping_ms", welcome.ping_ms),
        field("window", welcome.window),
        field("message_bytes_max", welcome.message_bytes_max),
        field("resumed", ValueRef::Array(resumed)),
        field("dropped", ValueRef::Array(dropped)),
    ];
    parts(2, 0, "", meta, Bytes::new(), Vec::new())
}

fn resumed_value(resumed: &Resumed) -> ValueRef<'_> {
    ValueRef::Map(vec![field("run", resumed.run.as_str()), field("corr", resumed.corr), field("ack", resumed.ack)])
}

fn pong_parts(load: Load) -> Parts {
    let meta = vec![field("running", load.running), field("queued", load.queued), field("lag_ms", load.lag_ms)];
    parts(4, 0, "", meta, Bytes::new(), Vec::new())
}

fn call_parts(call: CallFrame) -> Parts {
    let answers: Vec<Value> = call.answers.iter().map(json::from_json).collect();
    let mut meta = vec![field("run", call.run.as_str())];
    push(&mut meta, "session", filled(&call.session));
    push(&mut meta, "realm", filled(&call.realm));
    push(&mut meta, "user", call.user.as_deref());
    push(&mut meta, "message", filled(&call.message));
    push(&mut meta, "type", filled(&call.kind));
    push(&mut meta, "attempt", call.attempt);
    push(&mut meta, "deadline_ms", call.deadline_ms);
    push(&mut meta, "window", call.window);
    push(&mut meta, "codec", call.codec.map(Codec::name));
    push(&mut meta, "traceparent", call.traceparent.as_deref());
    push(&mut meta, "checkpoint", call.checkpoint.as_deref().map(ValueRef::Binary));
    if !answers.is_empty() {
        meta.push(field("answers", ValueRef::Array(answers.iter().map(Value::as_ref).collect())));
    }
    parts(5, call.corr, &call.service, meta, call.payload, call.buffers)
}

fn filled(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn error_parts(corr: u64, seq: Option<u64>, error: &WorkerError) -> Parts {
    let details: Vec<(&str, Value)> =
        error.details.iter().map(|(key, value)| (key.as_str(), json::from_json(value))).collect();
    let mut meta = Vec::new();
    push(&mut meta, "seq", seq);
    meta.push(field("code", error.code.as_str()));
    meta.push(field("message", error.message.as_str()));
    // Where HELLO is refused there is nothing to repeat.
    push(&mut meta, "retryable", seq.map(|_| ValueRef::Boolean(error.retryable)));
    push(&mut meta, "retry_after_ms", error.retry_after_ms);
    if !details.is_empty() {
        let details = details.iter().map(|(key, value)| ((*key).into(), value.as_ref())).collect();
        meta.push(field("details", ValueRef::Map(details)));
    }
    push(&mut meta, "trace_id", error.trace_id.as_deref());
    parts(7, corr, "", meta, Bytes::new(), Vec::new())
}

fn ask_parts(ask: Ask) -> Parts {
    let mut meta = vec![field("seq", ask.seq), field("request", ask.request.as_str())];
    push_codec(&mut meta, ask.codec);
    push(&mut meta, "checkpoint", ask.checkpoint.as_deref().map(ValueRef::Binary));
    parts(18, ask.corr, "", meta, ask.payload, Vec::new())
}

fn input_parts(input: Input) -> Parts {
    let mut meta = vec![field("message", input.message.as_str()), field("type", input.kind.as_str())];
    push_codec(&mut meta, input.codec);
    parts(20, input.corr, "", meta, input.payload, Vec::new())
}

fn chunk_parts(chunk: Chunk) -> Parts {
    let (kind, name, codec) = match &chunk.kind {
        ChunkKind::Text => ("text", "", Codec::Json),
        ChunkKind::Event { name, codec } => ("event", name.as_str(), *codec),
    };
    let mut meta = vec![field("seq", chunk.seq), field("kind", kind)];
    push_codec(&mut meta, codec);
    parts(8, chunk.corr, name, meta, chunk.payload, chunk.buffers)
}
