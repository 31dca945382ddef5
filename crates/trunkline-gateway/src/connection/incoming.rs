//! What a client's message means: decided while its bytes are still in the read buffer.
//!
//! Nothing is awaited here. Replies go straight to the write queue; what takes time is left
//! for the connection's task ([`Incoming::take_opening`]) or given to a run.

mod channels;
mod frame;
mod of_runs;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use trunkline_core::Moment;
use trunkline_protocol::old_frames::{self, OldFrame};
use trunkline_protocol::{
    Class, CloseCode, Codec, DecodeError, Dialect, Envelope, ErrorBody, ErrorCode, Payload, ScanError, Wire,
    belongs_to_gateway, class_of, msgpack, scan,
};
use trunkline_ws::Message;
use trunkline_ws::connection::WriteQueue;

use self::frame::{Deferred, Frame};
use super::Subscriber;
use super::attaching::Request;
use super::opening::Hello;
use super::violations::Violations;
use crate::auth::Caller;
use crate::config::Route;
use crate::message::{self, Health};
use crate::node::Node;
use crate::presence::Visit;
use crate::random;
use crate::routes::{Destination, destination, validate};
use crate::runs::NewRun;
use crate::sessions::{Attendance, Session};

/// Messages that may follow a `hello` before its `welcome`.
const DEFERRED_MAX: usize = 64;

/// What a client is told whose text is no JSON, and perhaps meant as it is.
const TEXT_TYPE: &str = "; plain text is read where the route has a text_type";

/// How far a connection has come.
enum Stage {
    /// No session yet; nothing asked for one.
    Greeting,
    /// A session is being opened; messages wait for it.
    Opening,
    Open(Attendance),
}

/// A session that is to be opened.
pub(super) struct OpeningRequest {
    pub(super) caller: Caller,
    pub(super) hello: Hello,
}

/// The receiving half of a connection.
pub(super) struct Incoming {
    node: Arc<Node>,
    route: Arc<Route>,
    subscriber: Arc<Subscriber>,
    caller: Option<Caller>,
    stage: Stage,
    /// Sessions that were attached beside the one of `stage`.
    further: Vec<Attendance>,
    requests: VecDeque<Request>,
    /// Topics in which this client is seen.
    visits: Vec<Visit>,
    opening: Option<OpeningRequest>,
    deferred: VecDeque<Deferred>,
    violations: Violations,
    close: Option<CloseCode>,
}

impl Incoming {
    /// `caller` is who the upgrade request proved to be, if it did.
    pub(super) fn new(node: Arc<Node>, route: Arc<Route>, subscriber: Arc<Subscriber>, caller: Option<Caller>) -> Self {
        let caller = caller.or_else(|| node.auth.anonymous());
        Self {
            node,
            route,
            subscriber,
            caller,
            stage: Stage::Greeting,
            further: Vec::new(),
            requests: VecDeque::new(),
            visits: Vec::new(),
            opening: None,
            deferred: VecDeque::new(),
            violations: Violations::default(),
            close: None,
        }
    }

    /// Takes one message.
    pub(super) fn receive(&mut self, message: Message<'_>, queue: &mut WriteQueue) {
        if self.close.is_some() {
            return;
        }
        self.subscriber.will_look();
        match message {
            Message::Text(text) => self.message(Frame::Text(text), queue),
            Message::Binary(bytes) => self.message(Frame::Binary(bytes), queue),
            Message::Ping(_) => self.count_ping(),
            Message::Pong(_) | Message::Close(_) => {}
        }
    }

    fn message(&mut self, frame: Frame<'_>, queue: &mut WriteQueue) {
        if frame.codec() != self.wire().codec() {
            return self.end(CloseCode::Unsupported);
        }
        self.node.metrics.messages_in.inc();
        match (frame, &self.route.old_frames) {
            (Frame::Text(text), Some(rules)) if self.dialect() != Dialect::Native => {
                match rules.read(self.dialect(), text) {
                    OldFrame::As(text) => self.frame(Frame::Text(&text), queue),
                    OldFrame::Ping => self.push(queue, trunkline_ws::frame::text(b"pong")),
                }
            }
            _ => self.frame(frame, queue),
        }
    }

    /// Takes a frame that has its type. One that waits comes back here: read as an old one again, it might be another.
    fn frame(&mut self, frame: Frame<'_>, queue: &mut WriteQueue) {
        if matches!(self.stage, Stage::Opening) {
            return self.defer(frame, queue);
        }
        let limits = &self.node.settings.limits;
        let (depth_max, bytes_max) = (limits.depth_max, limits.message_bytes_max);
        let mut fields = String::new();
        let decoded = match frame {
            Frame::Text(text) => self.dialect().decode(text, depth_max),
            Frame::Binary(bytes) => msgpack::decode(bytes, &mut fields, depth_max, bytes_max),
        };
        match decoded {
            Ok(envelope) if envelope.payload.as_ref().is_some_and(|payload| payload.json_bytes() > bytes_max) => {
                let reason = format!("the payload has more than {bytes_max} bytes in JSON");
                self.violation(envelope.id.as_deref(), ErrorCode::PayloadTooLarge.with_message(reason), queue);
            }
            // What stands beside the type here is one level deeper for everybody else.
            Ok(envelope) if !fits(self.dialect(), &envelope, depth_max) => {
                let error = ErrorCode::PayloadTooDeep.with_message(ScanError::TooDeep(depth_max).to_string());
                self.violation(envelope.id.as_deref(), error, queue);
            }
            Ok(envelope) => self.envelope(&envelope, frame, queue),
            Err(error) => {
                let hint = if self.wants_text_type(&error, frame.text()) { TEXT_TYPE } else { "" };
                let id = frame.id_of_refused(self.dialect(), limits);
                self.violation(id.as_deref(), error.code().with_message(format!("{error}{hint}")), queue);
            }
        }
    }

    /// Whether a frame looks like the plain text of an old client, which this route could be told to read.
    fn wants_text_type(&self, error: &DecodeError, text: &str) -> bool {
        let is_plain = text.trim_start().starts_with(|first: char| first.is_alphabetic());
        matches!(error, DecodeError::NotJson(_)) && is_plain && self.dialect() != Dialect::Native
    }

    fn envelope(&mut self, envelope: &Envelope<'_>, frame: Frame<'_>, queue: &mut WriteQueue) {
        let id = envelope.id.as_deref();
        match (&*envelope.kind, class_of(&envelope.kind)) {
            ("hello", _) => self.hello(envelope, queue),
            ("ping", _) => self.pong(envelope, queue),
            ("pong" | "ack" | "heartbeat", _) => {}
            ("health_check", _) => {
                let health = Health::now(self.node.status());
                self.reply(queue, "health_response", id, Some(message::payload(&health).into()));
            }
            _ if self.caller.is_none() && !self.authenticate_by_message(envelope) => {
                let has_token = self.token_in(envelope).is_some();
                let said = if has_token { "the token is wrong" } else { "say hello with a token first" };
                self.unauthorized(id, said, queue);
            }
            ("cancel", _) => self.cancel(envelope, queue),
            ("attach" | "detach" | "subscribe" | "unsubscribe" | "publish" | "presence_state", _)
                if self.dialect() == Dialect::Native =>
            {
                self.about_channels(envelope, frame, queue);
            }
            // Old clients that name no run answer in the words of their service, as they always did.
            ("answer", _) if envelope.run.is_some() || self.dialect() == Dialect::Native => {
                self.answer(envelope, frame, queue);
            }
            (kind, Class::Durable) if !belongs_to_gateway(kind) => self.durable(envelope, frame, queue),
            (kind, _) => {
                let error = ErrorCode::UnknownType.with_message(format!("{kind:?} is no type that clients send here"));
                self.violation(id, error, queue);
            }
        }
    }

    /// Answers a ping with what it carries. In dialect `flat` its time stands in the envelope.
    fn pong(&mut self, ping: &Envelope<'_>, queue: &mut WriteQueue) {
        let answer = Envelope {
            reply_to: ping.id.as_deref().map(Cow::Borrowed),
            ts: ping.ts.as_deref().filter(|_| self.dialect() == Dialect::Flat).map(Cow::Borrowed),
            payload: ping.payload.as_ref().map(Payload::borrowed),
            ..Envelope::new("pong")
        };
        if message::queue(queue, self.wire(), &answer).is_err() {
            self.end(CloseCode::SlowConsumer);
        }
    }

    /// Clients of dialect `flat` may send their token in every message instead of saying hello.
    fn authenticate_by_message(&mut self, envelope: &Envelope<'_>) -> bool {
        let token = self.token_in(envelope);
        self.caller = token.and_then(|token| self.node.auth.verify(&token, &self.route.realm));
        self.caller.is_some()
    }

    /// What is wrong with the token in a message, if it has one that does not name who this connection belongs to.
    fn wrong_token(&self, envelope: &Envelope<'_>) -> Option<&'static str> {
        let Some(said) = self.node.auth.verify(&self.token_in(envelope)?, &self.route.realm) else {
            return Some("the token is wrong");
        };
        let is_same = self.caller.as_ref().is_some_and(|caller| caller.identity == said.identity);
        (!is_same).then_some("the token is another user's")
    }

    /// The token in a message, which only dialect `flat` has.
    fn token_in(&self, envelope: &Envelope<'_>) -> Option<String> {
        if self.dialect() == Dialect::Flat { old_frames::session_token(envelope) } else { None }
    }

    fn hello(&mut self, envelope: &Envelope<'_>, queue: &mut WriteQueue) {
        let id = envelope.id.as_deref();
        if matches!(self.stage, Stage::Open(_)) {
            let error = ErrorCode::BadEnvelope.with_message("hello comes once, as the first message");
            return self.violation(id, error, queue);
        }
        match Hello::read(envelope, &self.node.settings.limits) {
            Ok(hello) => {
                if let Some(token) = &hello.token.clone().or_else(|| self.token_in(envelope)) {
                    match self.node.auth.verify(token, &self.route.realm) {
                        Some(caller) => self.caller = Some(caller),
                        None => return self.unauthorized(id, "the token is wrong", queue),
                    }
                }
                match self.caller.clone() {
                    Some(caller) => {
                        self.subscriber.said_hello();
                        self.begin_opening(caller, hello);
                    }
                    None => self.unauthorized(id, "say hello with a token", queue),
                }
            }
            Err(reason) => self.violation(id, ErrorCode::BadEnvelope.with_message(reason), queue),
        }
    }

    fn begin_opening(&mut self, caller: Caller, hello: Hello) {
        self.stage = Stage::Opening;
        self.opening = Some(OpeningRequest { caller, hello });
    }

    /// Keeps a message until the session is open.
    fn defer(&mut self, frame: Frame<'_>, queue: &mut WriteQueue) {
        if self.deferred.len() >= DEFERRED_MAX {
            return self.violation(None, ErrorCode::TooManyInFlight.body(), queue);
        }
        self.deferred.push_back(frame.defer());
    }

    /// A message for a service.
    fn durable(&mut self, envelope: &Envelope<'_>, frame: Frame<'_>, queue: &mut WriteQueue) {
        let id = envelope.id.as_deref();
        if let Some(said) = self.wrong_token(envelope) {
            return self.unauthorized(id, said, queue);
        }
        if let Err(error) = validate(&self.route, self.dialect(), envelope, frame.text()) {
            return self.violation(id, error, queue);
        }
        let service = match destination(&self.route, envelope) {
            Ok(Destination::Echo) => {
                return self.reply(queue, "echo", id, envelope.payload.as_ref().map(Payload::borrowed));
            }
            Ok(Destination::Service(service)) => service.to_owned(),
            Err(error) => return self.violation(id, error, queue),
        };
        let session = match (&self.stage, &self.caller) {
            (Stage::Open(first), _) => {
                let Some(session) = self.session_meant(first.session(), envelope) else {
                    let error = ErrorCode::BadRequest.with_message("session: it is not attached to this connection");
                    return self.violation(id, error, queue);
                };
                session
            }
            (_, Some(caller)) => {
                let caller = caller.clone();
                self.begin_opening(caller, Hello::default());
                return self.defer(frame, queue);
            }
            (_, None) => return self.unauthorized(id, "say hello with a token first", queue),
        };
        // A credential is for the gateway alone.
        let without_token;
        let envelope = if self.dialect() == Dialect::Flat {
            without_token = old_frames::without_session_token(envelope);
            &without_token
        } else {
            envelope
        };
        if let Err(error) = self.start_run(&session, service, envelope) {
            self.node.metrics.client_error(&error.code);
            self.push(queue, message::error_frame(self.wire(), id, error));
        }
    }

    fn start_run(
        &self,
        session: &Arc<Session>,
        service: String,
        envelope: &Envelope<'_>,
    ) -> Result<(), ErrorBody<'static>> {
        let limits = &self.node.settings.limits;
        if envelope.deadline_ms == Some(0) {
            return Err(ErrorCode::DeadlineExceeded.body());
        }
        let message_id = envelope.id.clone().unwrap_or_else(|| random::id().into());
        let wants_ack = envelope.id.is_some() || self.subscriber.voice().hears_of_runs();
        let Some(in_flight) = self.subscriber.acquire_in_flight(limits.in_flight_max, wants_ack) else {
            return Err(ErrorCode::TooManyInFlight.body());
        };
        self.subscriber.sends(&message_id);
        let wish = envelope.deadline_ms.unwrap_or(u64::MAX);
        let route_ms = u64::try_from(self.route.deadline.as_millis()).unwrap_or(u64::MAX);
        let deadline_ms = wish.min(route_ms).min(limits.deadline_ms_max);
        let (while_busy, on_leave) = (self.route.while_busy, self.route.on_leave);
        let message_id = &*message_id;
        let new = NewRun { session, service, message: envelope, message_id, deadline_ms, while_busy, on_leave };
        self.node.runs.accept(new, in_flight).inspect_err(|_| self.subscriber.forget_sent(message_id))
    }

    /// The session is open: messages that came meanwhile are handled now.
    pub(super) fn opened(&mut self, session: Arc<Session>, further: Vec<Arc<Session>>, queue: &mut WriteQueue) {
        self.stage = Stage::Open(session.attend());
        self.further = further.into_iter().map(Session::attend).collect();
        while let Some(deferred) = self.deferred.pop_front() {
            self.frame(deferred.frame(), queue);
        }
    }

    /// The gateway goes away, and asks the client to come back.
    pub(super) fn send_away(&mut self) {
        let first = match &mut self.stage {
            Stage::Open(attendance) => Some(attendance),
            Stage::Greeting | Stage::Opening => None,
        };
        first.into_iter().chain(&mut self.further).for_each(Attendance::mark_sent_away);
    }

    /// The session that is to be opened, once.
    pub(super) const fn take_opening(&mut self) -> Option<OpeningRequest> {
        self.opening.take()
    }

    /// Whether a message was received that asks for the connection's end.
    pub(super) const fn close_code(&self) -> Option<CloseCode> {
        self.close
    }

    /// Ends the connection from the gateway's side.
    pub(super) fn end(&mut self, code: CloseCode) {
        self.close.get_or_insert(code);
    }

    /// Whether the client has proved, or need not prove, who it is.
    pub(super) const fn is_authenticated(&self) -> bool {
        self.caller.is_some()
    }

    /// Whether the client has its session: nothing native comes before its `welcome`.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open(_))
    }

    /// Who the client is, once that is known.
    pub(super) const fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    fn unauthorized(&mut self, id: Option<&str>, message: &'static str, queue: &mut WriteQueue) {
        self.node.metrics.client_error(ErrorCode::Unauthorized.name());
        self.push(queue, message::error_frame(self.wire(), id, ErrorCode::Unauthorized.with_message(message)));
        self.end(CloseCode::AuthFailed);
    }

    /// Answers a mistake of the client; too many of them end the connection.
    fn violation(&mut self, id: Option<&str>, error: ErrorBody<'_>, queue: &mut WriteQueue) {
        self.node.metrics.client_error(&error.code);
        tracing::debug!(code = %error.code, message = %error.message, "a client's message was refused");
        self.push(queue, message::error_frame(self.wire(), id, error));
        if self.violations.add(self.now()) {
            self.end(CloseCode::TooManyViolations);
        }
    }

    fn count_ping(&mut self) {
        if self.violations.add_ping(self.now()) {
            self.end(CloseCode::RateLimited);
        }
    }

    fn reply(
        &mut self,
        queue: &mut WriteQueue,
        kind: &'static str,
        reply_to: Option<&str>,
        payload: Option<Payload<'_>>,
    ) {
        let envelope = Envelope { reply_to: reply_to.map(Cow::Borrowed), payload, ..Envelope::new(kind) };
        if message::queue(queue, self.wire(), &envelope).is_err() {
            self.end(CloseCode::SlowConsumer);
        }
    }

    /// Queues a reply. A client that sends without reading what it gets is let go.
    fn push(&mut self, queue: &mut WriteQueue, frame: bytes::Bytes) {
        if queue.push(frame).is_err() {
            self.end(CloseCode::SlowConsumer);
        }
    }

    /// Why a connection is closed, for its client.
    pub(super) fn reason(&self, code: CloseCode) -> &'static str {
        match (code, self.wire().codec()) {
            (CloseCode::Unsupported, Codec::Json) => "this connection speaks JSON; send text messages",
            (CloseCode::Unsupported, Codec::MessagePack) => "this connection speaks MessagePack; send binary messages",
            _ => code.name(),
        }
    }

    fn dialect(&self) -> Dialect {
        self.wire().dialect()
    }

    fn wire(&self) -> Wire {
        self.subscriber.wire()
    }

    fn now(&self) -> Moment {
        self.node.clock.now()
    }
}

/// Whether a payload nests no deeper than it may: where its members stand beside the type, this is not known before.
fn fits(dialect: Dialect, envelope: &Envelope<'_>, depth_max: usize) -> bool {
    let spread = envelope.payload.as_ref().filter(|_| matches!(dialect, Dialect::Flat | Dialect::Open));
    spread.and_then(Payload::as_json).is_none_or(|payload| scan(payload.get(), depth_max.saturating_sub(1)).is_ok())
}
