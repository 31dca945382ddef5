//! Parts to frames, trusting nothing. Source: `protocol/worker.md` §1–§5.
//!
//! Says whether a mistake is the connection's (its header cannot be read) or one call's (its fields are wrong).

use bytes::Bytes;
use rmpv::ValueRef;
use trunkline_protocol::Codec;

use super::{
    Ask, CORR_MAX, CallFrame, Chunk, ChunkKind, Frame, Hello, Input, Load, NAME_BYTES_MAX, Offer, PARTS_MAX, Parts,
    Resumed, Service, VERSION, Welcome, WorkerError, json,
};

/// Nesting that a header may have; schemas of services are the deepest thing in one.
const DEPTH_MAX: usize = 64;
/// Longest string of an identifier in a header, in bytes.
const ID_BYTES_MAX: usize = 256;

/// Why parts are no frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The header cannot be read: the connection is broken.
    #[error("{0}")]
    Connection(&'static str),
    /// The header names a call, and the rest of it is wrong: the call is broken.
    #[error("{reason}")]
    Call {
        /// The call.
        corr: u64,
        /// What is wrong.
        reason: &'static str,
    },
}

/// Reads the parts of a message.
pub fn decode(parts: Parts) -> Result<Frame, DecodeError> {
    let count = parts.len();
    let mut parts = parts.into_iter();
    let header = parts.next().ok_or(DecodeError::Connection("a message without parts"))?;
    if count > PARTS_MAX {
        return Err(DecodeError::Connection("a message with too many parts"));
    }
    let payload = parts.next().unwrap_or_default();
    let header = Header::read(&header)?;
    let corr = header.corr;
    header.frame(payload, parts.collect()).map_err(|reason| match corr {
        0 => DecodeError::Connection(reason),
        corr => DecodeError::Call { corr, reason },
    })
}

struct Header<'a> {
    kind: u64,
    corr: u64,
    name: String,
    meta: Meta<'a>,
}

impl<'a> Header<'a> {
    fn read(mut bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let value = rmpv::decode::read_value_ref_with_max_depth(&mut bytes, DEPTH_MAX)
            .map_err(|_| DecodeError::Connection("a header that is not MessagePack"))?;
        if !bytes.is_empty() {
            return Err(DecodeError::Connection("bytes after the header"));
        }
        Self::from_value(value).map_err(DecodeError::Connection)
    }

    fn from_value(value: ValueRef<'a>) -> Result<Self, &'static str> {
        let ValueRef::Array(fields) = value else {
            return Err("a header that is not an array");
        };
        let Ok([version, kind, corr, name, meta]) = <[ValueRef<'a>; 5]>::try_from(fields) else {
            return Err("a header that has not five fields");
        };
        if version.as_u64() != Some(VERSION) {
            return Err("a version that is not 1");
        }
        let kind = kind.as_u64().ok_or("a kind that is not a number")?;
        let corr = corr.as_u64().filter(|corr| *corr <= CORR_MAX).ok_or("a corr that is not a number up to 2^53-1")?;
        let name = json::text(&name)
            .filter(|name| name.len() <= NAME_BYTES_MAX)
            .ok_or("a name that is not short text")?
            .to_owned();
        let ValueRef::Map(entries) = meta else {
            return Err("a meta that is not a map");
        };
        if entries.iter().any(|(key, _)| json::text(key).is_none()) {
            return Err("a meta whose keys are not text");
        }
        Ok(Self { kind, corr, name, meta: Meta(entries) })
    }

    fn frame(self, payload: Bytes, buffers: Vec<Bytes>) -> Result<Frame, &'static str> {
        let Self { kind, corr, name, meta } = self;
        if ((5..=12).contains(&kind) && kind != 7 || matches!(kind, 18..=21)) && corr == 0 {
            return Err("a frame of a call without its corr");
        }
        Ok(match kind {
            1 => Frame::Hello(meta.hello(name)?),
            2 => Frame::Welcome(meta.welcome()?),
            3 => Frame::Ping,
            4 => Frame::Pong(meta.load()),
            5 => Frame::Call(meta.call(corr, name, payload, buffers)?),
            6 => {
                let codec = meta.codec()?.unwrap_or_default();
                Frame::Result { corr, seq: meta.number("seq")?, codec, payload, buffers }
            }
            7 => Frame::Error { corr, seq: meta.error_seq(corr)?, error: meta.error()? },
            8 => Frame::Chunk(Chunk { corr, seq: meta.number("seq")?, kind: meta.chunk_kind(name)?, payload, buffers }),
            9 => Frame::End { corr, seq: meta.number("seq")? },
            10 => Frame::Cancel { corr },
            11 => Frame::Credit { corr, ack: meta.number("ack")? },
            12 => Frame::Event { corr, name, key: meta.optional_id("key")?, payload },
            13..=15 => Frame::Reserved,
            16 => Frame::Drain,
            17 => Frame::UnknownPeer,
            18 => Frame::Ask(meta.ask(corr, payload)?),
            19 => Frame::Answer { corr, request: meta.id("request")?, payload },
            20 => Frame::Input(meta.input(corr, payload)?),
            21 => Frame::Taken { corr, seq: meta.number("seq")?, message: meta.id("message")? },
            _ => return Err("an unknown kind"),
        })
    }
}

/// A map with string keys; unknown keys are ignored.
struct Meta<'a>(Vec<(ValueRef<'a>, ValueRef<'a>)>);

impl<'a> Meta<'a> {
    fn of(value: &ValueRef<'a>) -> Option<Self> {
        match value {
            ValueRef::Map(entries) => Some(Self(entries.clone())),
            _ => None,
        }
    }

    fn get(&self, key: &str) -> Option<&ValueRef<'a>> {
        let (_, value) = self.0.iter().find(|(name, _)| json::text(name) == Some(key))?;
        (*value != ValueRef::Nil).then_some(value)
    }

    fn optional_number(&self, key: &str) -> Result<Option<u64>, &'static str> {
        self.get(key)
            .map(|value| {
                value.as_u64().filter(|number| *number <= CORR_MAX).ok_or("a field that is not a number up to 2^53-1")
            })
            .transpose()
    }

    fn number(&self, key: &str) -> Result<u64, &'static str> {
        self.optional_number(key)?.ok_or("a number is missing")
    }

    fn optional_text(&self, key: &str) -> Result<Option<String>, &'static str> {
        self.get(key).map(|value| json::text(value).map(str::to_owned).ok_or("a field that is not text")).transpose()
    }

    fn optional_id(&self, key: &str) -> Result<Option<String>, &'static str> {
        let id = self.optional_text(key)?;
        if id.as_ref().is_some_and(|id| id.len() > ID_BYTES_MAX) {
            return Err("a field that is too long");
        }
        Ok(id)
    }

    fn id(&self, key: &str) -> Result<String, &'static str> {
        self.optional_id(key)?.filter(|id| !id.is_empty()).ok_or("a field is missing")
    }

    fn flag(&self, key: &str) -> Result<bool, &'static str> {
        match self.get(key) {
            None => Ok(false),
            Some(ValueRef::Boolean(flag)) => Ok(*flag),
            Some(_) => Err("a field that is not true or false"),
        }
    }

    fn list<T>(
        &self,
        key: &str,
        read: impl Fn(&ValueRef<'a>) -> Result<T, &'static str>,
    ) -> Result<Vec<T>, &'static str> {
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(ValueRef::Array(items)) => items.iter().map(read).collect(),
            Some(_) => Err("a field that is not a list"),
        }
    }

    fn maps<T>(&self, key: &str, read: impl Fn(Self) -> Result<T, &'static str>) -> Result<Vec<T>, &'static str> {
        self.list(key, |item| read(Self::of(item).ok_or("a list with something that is not a map")?))
    }

    fn hello(&self, name: String) -> Result<Hello, &'static str> {
        Ok(Hello {
            name,
            instance: self.id("instance")?,
            sdk: self.optional_id("sdk")?.unwrap_or_default(),
            pid: self.optional_number("pid")?,
            concurrency: self.number("concurrency")?,
            services: self.maps("services", |meta| {
                Ok(Service {
                    name: meta.id("name")?,
                    input: meta.get("input").map(json::to_json),
                    idempotent: meta.flag("idempotent")?,
                    resumable: meta.flag("resumable")?,
                    takes_input: meta.flag("takes_input")?,
                })
            })?,
            generation: self.optional_id("generation")?,
            token: self.optional_text("token")?,
            reads_messagepack: self
                .list("codecs", |name| Ok(json::text(name) == Some(Codec::MessagePack.name())))?
                .contains(&true),
            open: self.maps("open", |meta| {
                Ok(Offer {
                    run: meta.id("run")?,
                    next: meta.number("next")?,
                    ack: meta.number("ack")?,
                    ended: meta.flag("ended")?,
                    attempt: meta.optional_number("attempt")?,
                    asks: meta.list("asks", |request| {
                        json::text(request).map(str::to_owned).ok_or("a request that is not text")
                    })?,
                })
            })?,
        })
    }

    fn welcome(&self) -> Result<Welcome, &'static str> {
        Ok(Welcome {
            epoch: self.id("epoch")?,
            ping_ms: self.number("ping_ms")?,
            window: self.number("window")?,
            message_bytes_max: self.number("message_bytes_max")?,
            resumed: self.maps("resumed", |meta| {
                Ok(Resumed { run: meta.id("run")?, corr: meta.number("corr")?, ack: meta.number("ack")? })
            })?,
            dropped: self.list("dropped", |run| json::text(run).map(str::to_owned).ok_or("a run that is not text"))?,
        })
    }

    fn load(&self) -> Load {
        // What is wrong here harms nobody, so it counts as nothing.
        let number = |key| self.get(key).and_then(ValueRef::as_u64).unwrap_or_default();
        Load { running: number("running"), queued: number("queued"), lag_ms: number("lag_ms") }
    }

    fn call(&self, corr: u64, service: String, payload: Bytes, buffers: Vec<Bytes>) -> Result<CallFrame, &'static str> {
        Ok(CallFrame {
            corr,
            service,
            run: self.id("run")?,
            session: self.optional_id("session")?.unwrap_or_default(),
            realm: self.optional_id("realm")?.unwrap_or_default(),
            user: self.optional_id("user")?,
            message: self.optional_id("message")?.unwrap_or_default(),
            kind: self.optional_id("type")?.unwrap_or_default(),
            attempt: self.optional_number("attempt")?,
            deadline_ms: self.optional_number("deadline_ms")?,
            window: self.optional_number("window")?,
            codec: self.codec()?,
            traceparent: self.optional_id("traceparent")?,
            checkpoint: self.optional_bytes("checkpoint")?,
            answers: self.list("answers", |answer| Ok(json::to_json(answer)))?,
            payload,
            buffers,
        })
    }

    fn ask(&self, corr: u64, payload: Bytes) -> Result<Ask, &'static str> {
        Ok(Ask {
            corr,
            seq: self.number("seq")?,
            request: self.id("request")?,
            codec: self.codec()?.unwrap_or_default(),
            payload,
            checkpoint: self.optional_bytes("checkpoint")?,
        })
    }

    fn input(&self, corr: u64, payload: Bytes) -> Result<Input, &'static str> {
        let (message, kind) = (self.id("message")?, self.id("type")?);
        Ok(Input { corr, message, kind, codec: self.codec()?.unwrap_or_default(), payload })
    }

    fn optional_bytes(&self, key: &str) -> Result<Option<Bytes>, &'static str> {
        match self.get(key) {
            None => Ok(None),
            Some(ValueRef::Binary(bytes)) => Ok(Some(Bytes::copy_from_slice(bytes))),
            Some(_) => Err("a field that is not a byte string"),
        }
    }

    fn codec(&self) -> Result<Option<Codec>, &'static str> {
        let name = self.optional_id("codec")?;
        name.map(|name| Codec::from_name(&name).ok_or("a codec that is neither json nor msgpack")).transpose()
    }

    fn chunk_kind(&self, name: String) -> Result<ChunkKind, &'static str> {
        match self.get("kind").and_then(|kind| json::text(kind)) {
            Some("text") => Ok(ChunkKind::Text),
            Some("event") => {
                let name = if name.is_empty() { "run_event".to_owned() } else { name };
                Ok(ChunkKind::Event { name, codec: self.codec()?.unwrap_or_default() })
            }
            _ => Err("a chunk that is neither text nor event"),
        }
    }

    /// A call's error is numbered; a refused HELLO's, whose corr is 0, is not.
    fn error_seq(&self, corr: u64) -> Result<Option<u64>, &'static str> {
        match self.optional_number("seq")? {
            None if corr != 0 => Err("a number is missing"),
            seq => Ok(seq),
        }
    }

    fn error(&self) -> Result<WorkerError, &'static str> {
        let details = match self.get("details") {
            Some(ValueRef::Map(entries)) => entries
                .iter()
                .filter_map(|(key, value)| Some((json::text(key)?.to_owned(), json::to_json(value))))
                .collect(),
            _ => std::collections::BTreeMap::new(),
        };
        Ok(WorkerError {
            code: self.id("code")?,
            message: self.optional_text("message")?.unwrap_or_default(),
            retryable: self.flag("retryable")?,
            retry_after_ms: self.optional_number("retry_after_ms")?,
            details,
            trace_id: self.optional_id("trace_id")?,
        })
    }
}
