//! What a client asks of channels beside its first session's: to attach them, to give them up, to publish to them.
//!
//! Decided from the message alone here: what it names, and whether the client may. What has to be looked up is left for
//! the connection's task, in the order in which it was asked for ([`Incoming::take_request`]).

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use trunkline_core::channel::{ChannelKey, ChannelKind};
use trunkline_core::identity::{content_digest, hex};
use trunkline_core::outbox::CHANNELS_MAX;
use trunkline_core::presence::State;
use trunkline_core::scope::{Action, Target, needed};
use trunkline_protocol::{Dialect, Envelope, ErrorBody, ErrorCode, Payload, Position};
use trunkline_ws::connection::WriteQueue;

use super::{Frame, Hello, Incoming, Stage};
use crate::auth::Caller;
use crate::connection::attaching::{Request, Wanted};
use crate::disk::FULL;
use crate::message;
use crate::random;

use crate::sessions::{Attendance, Session};
use crate::topics::{Post, Publication, channel_of_topic};

/// The payload of `attach`, `detach`, `subscribe` and `unsubscribe`.
#[derive(Deserialize)]
struct Named {
    session: Option<String>,
    secret: Option<String>,
    topic: Option<String>,
    #[serde(default)]
    user: bool,
    pos: Option<String>,
}

impl Named {
    fn read(envelope: &Envelope<'_>) -> Result<Self, String> {
        let payload = envelope.payload.as_ref().ok_or("payload: missing")?;
        let payload = payload.as_json().ok_or("payload: bytes have no place here")?;
        let named: Self = serde_json::from_str(payload.get()).map_err(|error| format!("payload: {error}"))?;
        let names_topic_alone = named.topic.is_some() && named.session.is_none() && !named.user;
        if envelope.kind.ends_with("subscribe") && !names_topic_alone {
            return Err("payload: names one topic".to_owned());
        }
        let given = [named.session.is_some(), named.topic.is_some(), named.user];
        if given.into_iter().filter(|is_given| *is_given).count() == 1 {
            Ok(named)
        } else {
            Err("payload: names one session, one topic, or user: true".to_owned())
        }
    }

    fn cursor(&self) -> Result<Option<Position>, String> {
        let position = self.pos.as_ref().map(|pos| pos.parse().map_err(|error| format!("payload.pos: {error}")));
        position.transpose()
    }
}

/// The payload of `presence_state`, as clients send it.
struct PresenceState {
    member: Option<String>,
    state: State,
}

impl PresenceState {
    fn read(envelope: &Envelope<'_>) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Said {
            member: Option<String>,
            state: String,
        }
        let payload = envelope.payload.as_ref().ok_or("payload: missing")?;
        let payload = payload.as_json().ok_or("payload: bytes have no place here")?;
        let Said { member, state } =
            serde_json::from_str(payload.get()).map_err(|error| format!("payload: {error}"))?;
        let known = State::ALL.into_iter().find(|known| known.name() == state);
        let state = known.ok_or("payload.state: expected online, typing, thinking or away")?;
        Ok(Self { member, state })
    }
}

/// Why a message is not taken: the client's mistake, or just not now.
enum Refused {
    Mistake(ErrorBody<'static>),
    Denied(ErrorBody<'static>),
}

impl From<String> for Refused {
    fn from(reason: String) -> Self {
        Self::Mistake(ErrorCode::BadEnvelope.with_message(reason))
    }
}

/// Says what is missing, which follows from the message alone: whoever may not ask does not learn what is there.
fn denied(reason: impl Into<Cow<'static, str>>) -> Refused {
    Refused::Denied(ErrorCode::PermissionDenied.with_message(reason))
}

/// Only who has a name has a channel of its own.
fn nameless() -> Refused {
    denied("only who has shown a token has a user's channel")
}

impl Incoming {
    /// Takes a message about channels.
    pub(super) fn about_channels(&mut self, envelope: &Envelope<'_>, frame: Frame<'_>, queue: &mut WriteQueue) {
        let Stage::Open(session) = &self.stage else {
            if let Some(caller) = self.caller.clone() {
                self.begin_opening(caller, Hello::default());
                self.defer(frame, queue);
            }
            return;
        };
        let first = Arc::clone(session.session());
        let taken = match &*envelope.kind {
            "publish" => self.publish(envelope, &first),
            "presence_state" => self.presence_state(envelope, &first),
            "attach" | "subscribe" => self.attach(envelope),
            _ => self.detach(envelope, &first),
        };
        match taken {
            Ok(()) => {}
            Err(Refused::Mistake(error)) => self.violation(envelope.id.as_deref(), error, queue),
            Err(Refused::Denied(error)) => {
                self.node.metrics.client_error(&error.code);
                self.push(queue, message::error_frame(self.wire(), envelope.id.as_deref(), error));
            }
        }
    }

    fn attach(&mut self, envelope: &Envelope<'_>) -> Result<(), Refused> {
        let named = Named::read(envelope)?;
        let cursor = named.cursor()?;
        let wanted = match named {
            Named { session: Some(id), secret, .. } => Wanted::Session { id, secret },
            Named { topic: Some(topic), .. } => {
                let channel = channel_of_topic(&self.route.realm, &topic)?;
                self.check(Action::Subscribe, Target::Topic(&topic))?;
                Wanted::Channel(channel)
            }
            Named { .. } => Wanted::Channel(self.users_channel().ok_or_else(nameless)?),
        };
        let id = envelope.id.as_deref().map(str::to_owned);
        self.request(Request::Attach { id, wanted, cursor })
    }

    fn detach(&mut self, envelope: &Envelope<'_>, first: &Arc<Session>) -> Result<(), Refused> {
        let named = Named::read(envelope)?;
        let channel = match named {
            Named { session: Some(id), .. } if id == first.id => {
                let message = "the session that hello opened stays as long as its connection";
                return Err(Refused::Mistake(ErrorCode::BadRequest.with_message(message)));
            }
            // One that has not the form of an id is attached nowhere.
            Named { session: Some(id), .. } => {
                ChannelKey::from_public_name(&self.route.realm, &format!("session:{id}"))
            }
            Named { topic: Some(topic), .. } => Some(channel_of_topic(&self.route.realm, &topic)?),
            Named { .. } => self.users_channel(),
        };
        channel.map_or(Ok(()), |channel| self.request(Request::Detach(channel)))
    }

    /// Lines up what the connection's task is to do.
    fn request(&mut self, request: Request) -> Result<(), Refused> {
        if self.requests.len() >= CHANNELS_MAX {
            return Err(Refused::Denied(ErrorCode::TooManyInFlight.body()));
        }
        self.requests.push_back(request);
        Ok(())
    }

    fn publish(&mut self, envelope: &Envelope<'_>, session: &Session) -> Result<(), Refused> {
        let payload = envelope.payload.as_ref().map(Payload::to_json);
        let payload: &RawValue = payload.as_deref().ok_or_else(|| "payload: missing".to_owned())?;
        let publication = Publication::read(payload)?;
        let channel = publication.channel(&self.route.realm)?;
        self.check(Action::Publish, publication.target())?;
        if self.node.runs.disk.is_full() {
            return Err(Refused::Denied(ErrorCode::Overloaded.with_message(FULL)));
        }
        let in_flight = self.subscriber.acquire_in_flight(self.node.settings.limits.in_flight_max, true);
        let in_flight = in_flight.ok_or_else(|| Refused::Denied(ErrorCode::TooManyInFlight.body()))?;
        let from = self.caller.as_ref().and_then(|caller| caller.subject());
        // Whoever has a name has it on all devices; whoever has none has a session.
        let sender = from.map_or_else(|| format!("session:{}", session.id), |from| format!("user:{from}"));
        let message_id = envelope.id.as_deref().map_or_else(random::id, str::to_owned);
        let post = Post { channel, from, sender: &sender, message: envelope, message_id: &message_id };
        self.node.topics.publish(&post, in_flight);
        Ok(())
    }

    /// The client says what it is doing in a topic. It is seen there from its first word on.
    fn presence_state(&mut self, envelope: &Envelope<'_>, session: &Session) -> Result<(), Refused> {
        let said = PresenceState::read(envelope)?;
        let name = envelope.channel.as_deref().unwrap_or_default();
        let topic = ChannelKey::from_public_name(&self.route.realm, name);
        let topic = topic.filter(|channel| channel.kind() == ChannelKind::Topic);
        let topic = topic.ok_or_else(|| "channel: names one topic, such as topic:news".to_owned())?;
        let member = self.member(session);
        if said.member.is_some_and(|named| named != member) {
            return Err(denied(format!("a client tells what it does itself; here it is {member:?}")));
        }
        self.check(Action::Presence, Target::Topic(topic.id()))?;
        if !self.subscriber.outbox().is_attached(&topic) {
            let message = "channel: it is not attached to this connection";
            return Err(Refused::Mistake(ErrorCode::BadRequest.with_message(message)));
        }
        if let Some(visit) = self.visits.iter().find(|visit| *visit.topic() == topic) {
            visit.says(said.state);
            return Ok(());
        }
        self.visits.push(self.node.presence.enter(&topic, &member, said.state, &self.subscriber));
        Ok(())
    }

    /// How others know this client: by its verified name, or by one that tells nothing of its session.
    fn member(&self, session: &Session) -> String {
        let subject = self.caller.as_ref().and_then(|caller| caller.subject()).map(str::to_owned);
        subject.unwrap_or_else(|| {
            format!("anonymous-{}", &hex(&content_digest(&[b"member", session.id.as_bytes()]))[..16])
        })
    }

    /// Whether a scope allows this. Where none does, the client is told which one would, and where it is given.
    fn check(&self, action: Action, target: Target<'_>) -> Result<(), Refused> {
        let caller = self.caller.as_ref();
        if caller.is_some_and(|caller| caller.scopes.allow(action, target)) {
            return Ok(());
        }
        let place = match caller.and_then(Caller::subject) {
            Some(_) => "with the scopes of the client's token ([[auth.tokens]])",
            None => "with auth.anonymous_scopes",
        };
        let scope = needed(action, target);
        Err(denied(format!("this needs the scope {scope:?}; the gateway's configuration gives it {place}")))
    }

    /// The channel of the user that this client has proved to be.
    fn users_channel(&self) -> Option<ChannelKey> {
        ChannelKey::user(&self.route.realm, self.caller.as_ref()?.subject()?)
    }

    /// What is next to be done with channels.
    pub(in crate::connection) fn take_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// Messages may name this session from now on.
    pub(in crate::connection) fn add_session(&mut self, session: Arc<Session>) {
        self.further.push(session.attend());
    }

    /// The channel is attached no more.
    pub(in crate::connection) fn gave_up(&mut self, channel: &ChannelKey) {
        if let Some(index) = self.visits.iter().position(|visit| visit.topic() == channel) {
            self.visits.swap_remove(index).end();
        }
        if channel.kind() == ChannelKind::Session {
            self.further.retain(|further| further.session().channel != *channel);
        }
    }

    /// The session that a message is for: the first one, unless it names another. Other dialects have only one.
    pub(super) fn session_meant(&self, first: &Arc<Session>, envelope: &Envelope<'_>) -> Option<Arc<Session>> {
        match envelope.session.as_deref().filter(|_| self.dialect() == Dialect::Native) {
            None => Some(Arc::clone(first)),
            Some(id) => self.sessions().find(|session| session.id == id).map(Arc::clone),
        }
    }

    /// Every session that messages may be for.
    pub(super) fn sessions(&self) -> impl Iterator<Item = &Arc<Session>> {
        let first = match &self.stage {
            Stage::Open(attendance) => Some(attendance),
            Stage::Greeting | Stage::Opening => None,
        };
        first.into_iter().chain(&self.further).map(Attendance::session)
    }
}
