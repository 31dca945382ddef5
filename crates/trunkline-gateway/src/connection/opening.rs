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
use trunkline_core::scope::{Action, Target};
use trunkline_protocol::{Dialect, Envelope, ErrorCode, Limits, Position, Wire};

use crate::auth::Caller;
use crate::clock::wall_ms;
use crate::message;
use crate::node::Node;
use crate::sessions::Session;

/// The payload of `hello`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Hello {
    pub(super) token: Option<String>,
    pub(super) session: Option<String>,
    pub(super) secret: Option<String>,
    /// The secrets of further sessions, by their ids.
    pub(super) secrets: BTreeMap<String, String>,
    pub(super) resume: BTreeMap<String, Option<String>>,
}

impl Hello {
    /// Reads the payload, and says what is wrong with it.
    pub(super) fn read(envelope: &Envelope<'_>, limits: &Limits) -> Result<Self, String> {
        let Some(payload) = &envelope.payload else { return Ok(Self::default()) };
        let payload = payload.as_json().ok_or("payload: bytes have no place in hello")?;
        let hello: Self = serde_json::from_str(payload.get()).map_err(|error| format!("payload: {error}"))?;
        let most = limits.resume_channels_max;
        if hello.secrets.len() > most {
            return Err(format!("payload.secrets: at most {most} sessions"));
        }
        let runs = hello.resume.keys().filter(|name| name.starts_with("run:")).count();
        let own = hello.session.as_ref().map(|session| format!("session:{session}"));
        let others =
            hello.resume.keys().filter(|name| !name.starts_with("run:") && Some(*name) != own.as_ref()).count();
        if runs > most || others >= most {
            return Err(format!("payload.resume: at most {most} runs, and {most} others with the session's own"));
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
    /// Further sessions that were resumed.
    pub(super) further: Vec<Arc<Session>>,
    /// Says that the session that was asked for cannot be had, where the dialect has a message of its own for that.
    pub(super) expired: Option<Bytes>,
    pub(super) welcome: Bytes,
    /// Channels to attach, in this order.
    pub(super) places: Vec<Place>,
}

/// A channel to attach, and from where it is read.
pub(super) struct Place {
    pub(super) channel: ChannelKey,
    /// The session that brings it, if it is a run.
    pub(super) session: Option<ChannelKey>,
    pub(super) cursor: Option<Position>,
    /// Whether it was made just now: nobody else knows it, and it has no record.
    pub(super) is_new: bool,
}

/// What the gateway says of one channel in `welcome` and `attached`.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the field's name is the contract's")]
pub(super) struct Verdict {
    #[serde(skip_serializing_if = "Option::is_none")]
    pos: Option<String>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl Verdict {
    /// Unknown, over and another's are one answer.
    pub(super) const UNKNOWN: Self = Self { pos: None, verdict: "reset", reason: Some(ResetReason::Unknown.name()) };

    /// Whether what follows a position was promised to be complete.
    pub(super) fn is_resumed(&self) -> bool {
        self.verdict == "resumed"
    }

    fn new(start: Option<Position>) -> Self {
        Self { pos: start.map(|start| start.to_string()), verdict: "new", reason: None }
    }
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
    pub(super) caller: Caller,
    pub(super) realm: String,
    pub(super) wire: Wire,
    pub(super) connection: String,
}

/// Finds or makes the session, judges every position, and writes the `welcome`.
pub(super) async fn open(node: Arc<Node>, client: Client, hello: Hello) -> Result<Opened, BrokerError> {
    let Client { caller, realm, wire, connection } = client;
    let mut judge = Judge::new(&node, &caller, &realm);
    let mut verdicts = BTreeMap::new();
    let mut places = Vec::new();
    let own = hello.session.as_ref().map(|id| format!("session:{id}"));
    let known = match &hello.session {
        Some(id) => judge.session(id, hello.secret.as_deref()).await?,
        None => None,
    };
    let mut expired = None;
    let (session, secret) = if let Some(session) = known {
        (session, None)
    } else {
        // The client is told to come back later, as where the store takes nothing.
        if node.runs.disk.is_full() {
            return Err(BrokerError::Overloaded);
        }
        expired = hello.session.as_deref().and_then(|asked| session_expired(wire, &realm, asked));
        let new = node.sessions.create(&realm, &caller.identity, wall_ms()).await?;
        let start = start_of(&*node.broker, &new.session.channel).await?;
        verdicts.extend(own.clone().map(|own| (own, Verdict::UNKNOWN)));
        verdicts.insert(new.session.channel.public_name().to_owned(), Verdict::new(start));
        places.push(Place { channel: new.session.channel.clone(), session: None, cursor: start, is_new: true });
        (new.session, new.secret)
    };
    // Sessions go first: they bring the runs.
    let is_session = |name: &&String| name.starts_with("session:");
    let names = own.iter().chain(hello.resume.keys().filter(|name| is_session(name) && Some(*name) != own.as_ref()));
    for name in names.chain(hello.resume.keys().filter(|name| !is_session(name))) {
        if verdicts.contains_key(name) {
            continue;
        }
        // Other dialects have one session, and no topics.
        if wire.dialect() != Dialect::Native && !name.starts_with("run:") && Some(name) != own.as_ref() {
            verdicts.insert(name.clone(), Verdict::UNKNOWN);
            continue;
        }
        if let Some(id) = name.strip_prefix("session:")
            && id != session.id
        {
            judge.session(id, hello.secrets.get(id).map(String::as_str)).await?;
        }
        // `Hello::read` has refused positions of another form.
        let cursor = hello.resume.get(name).cloned().flatten().and_then(|position| position.parse().ok());
        let (verdict, place) = judge.place(name, cursor).await?;
        verdicts.insert(name.clone(), verdict);
        places.extend(place);
    }
    let further = judge.sessions.into_iter().filter(|other| other.id != session.id).collect();
    let welcome = Welcome {
        session: &session.id,
        secret,
        connection: &connection,
        resume: true,
        channels: verdicts,
        heartbeat_ms: u64::try_from(node.settings.heartbeat.as_millis()).unwrap_or(u64::MAX),
        limits: &node.settings.limits,
        server: Server { name: "trunkline", version: env!("CARGO_PKG_VERSION") },
    };
    let welcome = welcome.frame(wire);
    Ok(Opened { session, further, expired, welcome, places })
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

/// Says what one client may read, and from where.
pub(super) struct Judge<'a> {
    node: &'a Node,
    caller: &'a Caller,
    realm: &'a str,
    /// Those that the client has proved to be its own.
    pub(super) sessions: Vec<Arc<Session>>,
}

impl<'a> Judge<'a> {
    pub(super) const fn new(node: &'a Node, caller: &'a Caller, realm: &'a str) -> Self {
        Self { node, caller, realm, sessions: Vec::new() }
    }

    /// A session, if it is this client's.
    pub(super) async fn session(
        &mut self,
        id: &str,
        secret: Option<&str>,
    ) -> Result<Option<Arc<Session>>, BrokerError> {
        if ChannelKey::from_public_name(self.realm, &format!("session:{id}")).is_none() {
            return Ok(None);
        }
        let identity = &self.caller.identity;
        let session = self.node.sessions.resume(self.realm, id, identity, secret, wall_ms()).await?;
        self.sessions.extend(session.clone());
        Ok(session)
    }

    /// What is said of the channel of this name, and where it is to be attached if the client may read it.
    pub(super) async fn place(
        &self,
        name: &str,
        cursor: Option<Position>,
    ) -> Result<(Verdict, Option<Place>), BrokerError> {
        let Some(channel) = ChannelKey::from_public_name(self.realm, name) else { return Ok((Verdict::UNKNOWN, None)) };
        let broker = &*self.node.broker;
        let mut session = None;
        let is_allowed = match channel.kind() {
            ChannelKind::Session => self.sessions.iter().any(|own| own.channel == channel),
            ChannelKind::Run => {
                session = self.session_of(&channel).await?;
                session.is_some()
            }
            ChannelKind::User => self.users_channel().as_ref() == Some(&channel),
            ChannelKind::Topic => self.caller.scopes.allow(Action::Subscribe, Target::Topic(channel.id())),
        };
        if !is_allowed {
            return Ok((Verdict::UNKNOWN, None));
        }
        if matches!(channel.kind(), ChannelKind::User | ChannelKind::Topic) {
            if self.node.runs.disk.is_full() && broker.head(&channel).await?.is_none() {
                return Err(BrokerError::Overloaded);
            }
            self.node.topics.open(&channel, wall_ms()).await?;
        }
        let (verdict, cursor) = judge(broker, &channel, cursor).await?;
        Ok((verdict, Some(Place { channel, session, cursor, is_new: false })))
    }

    /// The channel of whoever this client has proved to be.
    pub(super) fn users_channel(&self) -> Option<ChannelKey> {
        ChannelKey::user(self.realm, self.caller.subject()?)
    }

    /// The session of a run, if that is one of the client's.
    async fn session_of(&self, run: &ChannelKey) -> Result<Option<ChannelKey>, BrokerError> {
        for session in &self.sessions {
            if run_belongs(&*self.node.broker, run, session).await? {
                return Ok(Some(session.channel.clone()));
            }
        }
        Ok(None)
    }
}

/// Whether a channel can be read on after `cursor`, and from where it is read.
async fn judge(
    broker: &dyn Broker,
    channel: &ChannelKey,
    cursor: Option<Position>,
) -> Result<(Verdict, Option<Position>), BrokerError> {
    let Some(position) = cursor else {
        let start = start_of(broker, channel).await?;
        return Ok((Verdict::new(start), start));
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
