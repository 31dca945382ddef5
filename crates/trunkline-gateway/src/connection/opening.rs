//! From a client's `hello` to its `welcome`: whose session, and where each channel goes on.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use trunkline_broker::{Broker, BrokerError};
use trunkline_core::channel::{ChannelKey, ChannelKind};
use trunkline_core::log::ResetReason;
use trunkline_core::record;
use trunkline_protocol::{Dialect, Envelope, ErrorCode, Limits, Position, Wire};

use crate::clock::wall_ms;
use crate::message;
use crate::node::Node;
use crate::sessions::{Identity, Session};

/// The payload of `hello`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Hello {
    pub(super) token: Option<String>,
    pub(super) session: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) resume: BTreeMap<String, Option<String>>,
}

impl Hello {
    /// Reads the payload, and says what is wrong with it.
    pub(super) fn read(envelope: &Envelope<'_>, limits: &Limits) -> Result<Self, String> {
        let Some(payload) = &envelope.payload else { return Ok(Self::default()) };
        let payload = payload.as_json().ok_or("payload: bytes have no place in hello")?;
        let hello: Self = serde_json::from_str(payload.get()).map_err(|error| format!("payload: {error}"))?;
        if hello.resume.len() > limits.resume_channels_max {
            return Err(format!("payload.resume: at most {} channels can be resumed", limits.resume_channels_max));
        }
        for (channel, position) in &hello.resume {
            if let Some(position) = position {
                position.parse::<Position>().map_err(|error| format!("payload.resume.{channel}: {error}"))?;
            }
        }
        Ok(hello)
    }
}

/// A session that this connection has now, and what to do with its channels.
pub(super) struct Opened {
    pub(super) session: Arc<Session>,
    /// Says that the session that was asked for cannot be had, where the dialect has a message of its own for that.
    pub(super) expired: Option<Bytes>,
    pub(super) welcome: Bytes,
    /// Whether it was made just now: nobody else knows it, and its channel has no record.
    pub(super) is_new: bool,
    /// Channels to attach, in this order, each from its cursor.
    pub(super) channels: Vec<(ChannelKey, Option<Position>)>,
}

/// What the gateway says of one channel in `welcome`.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the field's name is the contract's")]
struct Verdict {
    #[serde(skip_serializing_if = "Option::is_none")]
    pos: Option<String>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Welcome<'a> {
    session: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    connection: &'a str,
    resume: bool,
    channels: BTreeMap<String, Verdict>,
    heartbeat_ms: u64,
    limits: &'a Limits,
    server: Server,
}

#[derive(Serialize)]
struct Server {
    name: &'static str,
    version: &'static str,
}

/// Who says hello, and how to answer.
pub(super) struct Client {
    pub(super) identity: Identity,
    pub(super) realm: String,
    pub(super) wire: Wire,
    pub(super) connection: String,
}

/// Finds or makes the session, judges every position, and writes the `welcome`.
pub(super) async fn open(node: Arc<Node>, client: Client, hello: Hello) -> Result<Opened, BrokerError> {
    let Client { identity, realm, wire, connection } = client;
    let known = match &hello.session {
        Some(id) if ChannelKey::from_public_name(&realm, &format!("session:{id}")).is_some() => {
            node.sessions.resume(&realm, id, &identity, hello.secret.as_deref(), wall_ms()).await?
        }
        _ => None,
    };
    let mut channels = BTreeMap::new();
    let mut attach = Vec::new();
    let is_new = known.is_none();
    let mut expired = None;
    let (session, secret) = if let Some(session) = known {
        resume_channels(&*node.broker, &session, &hello, &mut channels, &mut attach).await?;
        (session, None)
    } else {
        expired = hello.session.as_deref().and_then(|asked| session_expired(wire, &realm, asked));
        let new = node.sessions.create(&realm, &identity, wall_ms()).await?;
        let lost = hello.session.iter().map(|id| format!("session:{id}"));
        for name in lost.chain(hello.resume.into_keys()) {
            channels.insert(name, Verdict { pos: None, verdict: "reset", reason: Some(ResetReason::Unknown.name()) });
        }
        let start = start_of(&*node.broker, &new.session.channel).await?;
        let verdict = Verdict { pos: start.map(|start| start.to_string()), verdict: "new", reason: None };
        channels.insert(new.session.channel.public_name().to_owned(), verdict);
        attach.push((new.session.channel.clone(), start));
        (new.session, new.secret)
    };
    let welcome = Welcome {
        session: &session.id,
        secret,
        connection: &connection,
        resume: true,
        channels,
        heartbeat_ms: u64::try_from(node.settings.heartbeat.as_millis()).unwrap_or(u64::MAX),
        limits: &node.settings.limits,
        server: Server { name: "trunkline", version: env!("CARGO_PKG_VERSION") },
    };
    let welcome = welcome.frame(wire);
    Ok(Opened { session, expired, welcome, is_new, channels: attach })
}

/// What dialect `flat` says of a session that cannot be given: unknown, expired and another's are the same.
fn session_expired(wire: Wire, realm: &str, asked: &str) -> Option<Bytes> {
    #[derive(Serialize)]
    struct SessionExpired<'a> {
        message: &'a str,
    }
    let is_name = ChannelKey::from_public_name(realm, &format!("session:{asked}")).is_some();
    (wire.dialect() == Dialect::Flat && is_name).then(|| {
        let payload = message::payload(&SessionExpired { message: &ErrorCode::SessionExpired.body().message });
        let session = Some(Cow::Borrowed(asked));
        let envelope = Envelope { session, payload: Some(payload.into()), ..Envelope::new("session_expired") };
        message::frame(wire, &envelope)
    })
}

impl Welcome<'_> {
    /// Its frame. In dialect `flat` it is called `session_created`, and its facts stand in `data`.
    fn frame(&self, wire: Wire) -> Bytes {
        #[derive(Serialize)]
        struct SessionCreated<'a> {
            data: &'a Welcome<'a>,
        }
        let (kind, payload) = match wire.dialect() {
            Dialect::Flat => ("session_created", message::payload(&SessionCreated { data: self })),
            _ => ("welcome", message::payload(self)),
        };
        let session = Some(Cow::Borrowed(self.session));
        let envelope = Envelope { session, payload: Some(payload.into()), ..Envelope::new(kind) };
        message::frame(wire, &envelope)
    }
}

/// Judges the positions of a session that the client has: its own channel first, then its runs.
async fn resume_channels(
    broker: &dyn Broker,
    session: &Session,
    hello: &Hello,
    verdicts: &mut BTreeMap<String, Verdict>,
    attach: &mut Vec<(ChannelKey, Option<Position>)>,
) -> Result<(), BrokerError> {
    let own = session.channel.public_name().to_owned();
    let own_position = hello.resume.get(&own).cloned().flatten();
    let others = hello.resume.iter().filter(|(name, _)| **name != own);
    let asked = std::iter::once((own.clone(), own_position))
        .chain(others.map(|(name, position)| (name.clone(), position.clone())));
    for (name, position) in asked {
        let channel = ChannelKey::from_public_name(&session.realm, &name);
        let allowed = match &channel {
            Some(channel) if channel.kind() == ChannelKind::Run => run_belongs(broker, channel, session).await?,
            Some(channel) => *channel == session.channel,
            None => false,
        };
        let Some(channel) = channel.filter(|_| allowed) else {
            let reason = Some(ResetReason::Unknown.name());
            verdicts.insert(name, Verdict { pos: None, verdict: "reset", reason });
            continue;
        };
        // `Hello::read` has refused positions of another form.
        let cursor = position.and_then(|position| position.parse().ok());
        let (verdict, cursor) = judge(broker, &channel, cursor).await?;
        verdicts.insert(name, verdict);
        attach.push((channel, cursor));
    }
    Ok(())
}

/// Whether a channel can be read on after `cursor`, and from where it is read.
async fn judge(
    broker: &dyn Broker,
    channel: &ChannelKey,
    cursor: Option<Position>,
) -> Result<(Verdict, Option<Position>), BrokerError> {
    let Some(position) = cursor else {
        let start = start_of(broker, channel).await?;
        return Ok((Verdict { pos: start.map(|start| start.to_string()), verdict: "new", reason: None }, start));
    };
    match broker.read(channel, Some(position), 0).await? {
        Ok(_) => Ok((Verdict { pos: Some(position.to_string()), verdict: "resumed", reason: None }, cursor)),
        Err(reason) => {
            let start = start_of(broker, channel).await?;
            let pos = start.map(|start| start.to_string());
            Ok((Verdict { pos, verdict: "reset", reason: Some(reason.name()) }, start))
        }
    }
}

/// The place before the oldest retained record.
async fn start_of(broker: &dyn Broker, channel: &ChannelKey) -> Result<Option<Position>, BrokerError> {
    let page = broker.read(channel, None, 0).await?;
    Ok(page.ok().map(|page| page.records.first().map_or(page.head.top, |record| record.previous)))
}

/// Whether a run is one of this session: its events say so, or the list of open runs.
async fn run_belongs(broker: &dyn Broker, run: &ChannelKey, session: &Session) -> Result<bool, BrokerError> {
    match first_event_is_of(broker, run, session).await? {
        Some(belongs) => Ok(belongs),
        None if crate::runs::is_open_run_of(broker, run, &session.id).await? => Ok(true),
        // It may have ended since: then it has events now.
        None => Ok(first_event_is_of(broker, run, session).await?.unwrap_or(false)),
    }
}

/// Whether a run's first event is of this session; `None` where it has none yet.
async fn first_event_is_of(
    broker: &dyn Broker,
    run: &ChannelKey,
    session: &Session,
) -> Result<Option<bool>, BrokerError> {
    let Ok(page) = broker.read(run, None, 0).await? else { return Ok(Some(false)) };
    Ok(page.records.first().map(|first| {
        let message = record::message(&first.data);
        message.is_ok_and(|(_, event)| event.session.as_deref() == Some(&*session.id))
    }))
}
