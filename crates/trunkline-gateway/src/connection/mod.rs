//! One client's connection: the task that owns its socket.
//!
//! The task only moves things: bytes to [`incoming`], pages of the log and the outbox's
//! frames to the socket, and time to both. One loop, one `select!`, no second task.

mod attaching;
mod coalescing;
mod greeting;
mod incoming;
mod opening;
mod outgoing;
pub(crate) mod replies;
mod subscriber;
mod violations;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;
use trunkline_broker::BrokerError;
use trunkline_core::budget::{Share, UNCOUNTED_BYTES};
use trunkline_core::channel::{ChannelKey, ChannelKind};
use trunkline_core::departure::Departure;
use trunkline_core::outbox::{CHANNELS_MAX, Priority, READ_BELOW_BYTES};
use trunkline_protocol::{CloseCode, Dialect, ErrorBody, ErrorCode, Wire};
use trunkline_ws::{Activity, Closed, Connection as Socket, Deflate, Options};

use self::attaching::{Asker, Attached, Request, attach};
use self::greeting::greeting;
use self::incoming::Incoming;
use self::opening::{Client, Opened, Place, open};
use self::outgoing::Outgoing;
use self::subscriber::Membership;
pub(crate) use self::subscriber::{InFlight, OpenOutbox, Subscriber};
use crate::auth::Caller;
use crate::config::Route;
use crate::frame::Frame;
use crate::message;
use crate::node::Node;
use crate::random;

/// Bytes that the socket's queue may hold before the outbox keeps the rest. With as many that the kernel may hold unsent,
/// at most one full message is ahead of a control frame.
const SOCKET_QUEUE_BYTES: usize = 32 * 1024;

/// Why a session is not attached beside others.
const RUNS_FULL: &str =
    "the runs of this session find no place on this connection; attach it when some of the others are over";

/// Unanswered heartbeats after which a connection is given up.
const MISSES_MAX: u32 = 2;

/// What a connection is, as its upgrade decided.
pub(crate) struct Accepted {
    pub(crate) route: Arc<Route>,
    pub(crate) wire: Wire,
    pub(crate) caller: Option<Caller>,
    /// What was agreed on, if the client may compress.
    pub(crate) deflate: Option<Deflate>,
}

type Opening = BoxFuture<'static, Result<Opened, BrokerError>>;

/// A channel that is being attached, and the message that asked for it.
type Attaching = BoxFuture<'static, (Option<String>, Result<Attached, BrokerError>)>;

/// The task's state.
struct Connection<S> {
    node: Arc<Node>,
    route: Arc<Route>,
    id: String,
    socket: Socket<S>,
    /// What the socket's buffers have of the node's budget.
    share: Share,
    incoming: Incoming,
    outgoing: Outgoing,
    membership: Membership,
    opening: Option<Opening>,
    attaching: Option<Attaching>,
    /// When the next heartbeat is due, or the client must have authenticated.
    timer: Pin<Box<Sleep>>,
    authenticate_by: Option<Instant>,
    misses: u32,
    /// The next phase of the node's end that it has to know of.
    phase: BoxFuture<'static, ()>,
    leaving: Leaving,
}

/// How far a connection has come with being sent away.
enum Leaving {
    No,
    /// It waits for its turn to be told.
    Waits(Box<Turn>),
    /// It was told, and is sent away last.
    Told,
}

struct Turn {
    at: Pin<Box<Sleep>>,
    departure: Departure,
}

impl Leaving {
    /// Resolves when it is its turn to be told. Cancel-safe.
    async fn turn(&mut self) {
        match self {
            Self::Waits(turn) => turn.at.as_mut().await,
            Self::No | Self::Told => std::future::pending().await,
        }
    }
}

/// Serves one connection until it is over.
pub(crate) async fn serve<S>(node: Arc<Node>, accepted: Accepted, stream: S, early: Bytes)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let _counted = node.metrics.connection_opened(accepted.wire.dialect());
    let mut connection = Connection::new(node, accepted, stream, early);
    let closed = connection.run().await;
    let code = match closed {
        // It was told nothing: it does not read.
        Closed::WriteStalled => CloseCode::SlowConsumer.number(),
        ref other => other.code().get(),
    };
    connection.node.metrics.connection_closed(code);
    tracing::debug!(connection = connection.id, code, reason = %closed, "connection closed");
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    fn new(node: Arc<Node>, accepted: Accepted, stream: S, early: Bytes) -> Self {
        let Accepted { route, wire, caller, deflate } = accepted;
        let subscriber = Subscriber::new(wire, &node.budget);
        let incoming = Incoming::new(Arc::clone(&node), Arc::clone(&route), Arc::clone(&subscriber), caller);
        let authenticated = incoming.is_authenticated();
        let options = Options {
            limits: node.settings.frame_limits(authenticated),
            deflate,
            write_stall: node.settings.write_stall,
            ..Options::default()
        };
        let now = Instant::now();
        let authenticate_by = (!authenticated).then(|| now + node.settings.auth_wait);
        // Spread, so that clients that came together are not pinged together.
        let first = node.settings.heartbeat.mul_f64(0.5 + random::fraction() / 2.0);
        Self {
            socket: Socket::new(stream, early, &options),
            share: Share::new(Arc::clone(&node.budget)),
            outgoing: Outgoing::new(Arc::clone(&node), Arc::clone(&subscriber)),
            membership: Membership { hub: Arc::clone(&node.hub), subscriber },
            timer: Box::pin(tokio::time::sleep_until(authenticate_by.unwrap_or(now + first))),
            id: random::id(),
            phase: until(&node.stopping.draining),
            node,
            route,
            incoming,
            opening: None,
            attaching: None,
            authenticate_by,
            misses: 0,
            leaving: Leaving::No,
        }
    }

    async fn run(&mut self) -> Closed {
        self.greet();
        loop {
            if let Err(closed) = self.step().await {
                return closed;
            }
        }
    }

    async fn step(&mut self) -> Result<(), Closed> {
        self.turn().await?;
        self.follow_up();
        // More than a queueful is written in turns, between which others have theirs.
        if (1..SOCKET_QUEUE_BYTES).contains(&self.socket.queued_bytes()) {
            self.socket.write_queued().await?;
        }
        self.end_if_due();
        Ok(())
    }

    /// An old client is greeted before it says anything, in the words of its dialect. In dialect `flat` the greeting is
    /// `session_created`, which comes when there is a session.
    fn greet(&mut self) {
        if self.incoming.is_authenticated()
            && let Some(greeting) = greeting(self.wire(), &self.id, &self.route)
        {
            self.push_control(greeting);
            self.outgoing.flush(&mut self.socket);
        }
    }

    /// Waits for one thing to happen and takes it in.
    async fn turn(&mut self) -> Result<(), Closed> {
        let Self { socket, incoming, outgoing, membership, opening, attaching, timer, phase, leaving, .. } = self;
        tokio::select! {
            biased;
            () = phase.as_mut() => self.next_phase(),
            () = leaving.turn() => self.say_go_away(),
            () = timer.as_mut() => self.tick(),
            opened = async { opening.as_mut().expect("checked by the branch").await }, if opening.is_some() => {
                self.opening = None;
                self.opened(opened);
            }
            (id, attached) = async { attaching.as_mut().expect("checked by the branch").await }, if attaching.is_some() => {
                self.attaching = None;
                self.attached(id.as_deref(), attached);
            }
            read = outgoing.read_page() => {
                if let Some(lost) = outgoing.take_page(read) {
                    incoming.gave_up(&lost);
                }
            }
            activity = socket.drive(|message, queue| incoming.receive(message, queue)) => {
                let activity = activity?;
                if activity.bytes_read > 0 {
                    self.misses = 0;
                }
                give_way(activity).await;
            }
            () = membership.subscriber.woken() => {}
        }
        Ok(())
    }

    /// Starts what the last turn asked for, and fills the socket's queue.
    fn follow_up(&mut self) {
        if self.authenticate_by.is_some() && self.incoming.is_authenticated() {
            self.authenticate_by = None;
            self.socket.set_limits(self.node.settings.frame_limits(true));
        }
        if let Some(request) = self.incoming.take_opening() {
            let client = Client {
                caller: request.caller,
                realm: self.route.realm.clone(),
                wire: self.wire(),
                connection: self.id.clone(),
            };
            self.socket.pause_reading();
            self.opening = Some(Box::pin(open(Arc::clone(&self.node), client, request.hello)));
        }
        self.take_requests();
        self.outgoing.flush(&mut self.socket);
    }

    /// Begins to close, if something has happened that ends the connection.
    fn end_if_due(&mut self) {
        if !count_held(&mut self.share, &self.socket) {
            self.incoming.end(CloseCode::Overloaded);
        }
        if self.outgoing.has_failed() {
            self.incoming.end(CloseCode::Overloaded);
        }
        if self.membership.subscriber.control_overflowed() {
            self.incoming.end(CloseCode::SlowConsumer);
        }
        if let Some(code) = self.incoming.close_code()
            && !self.socket.is_closing()
        {
            self.socket.close(close_code(code), self.incoming.reason(code));
        }
    }

    fn opened(&mut self, opened: Result<Opened, BrokerError>) {
        self.socket.resume_reading();
        let Opened { session, further, expired, welcome, places } = match opened {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!(%error, "a session cannot be opened");
                self.incoming.end(CloseCode::Overloaded);
                return;
            }
        };
        for frame in expired.into_iter().chain([welcome]) {
            self.push_control(frame);
        }
        for place in places {
            self.attach(place);
        }
        self.outgoing.flush(&mut self.socket);
        self.incoming.opened(session, further, self.socket.write_queue());
        self.send_away_if_told();
    }

    fn attach(&self, place: Place) -> bool {
        let Place { channel, session, cursor, is_new } = place;
        let urgent = channel.kind() != ChannelKind::Run || self.node.runs.is_live(&channel);
        let priority = if urgent { Priority::Interactive } else { Priority::Bulk };
        let (hub, subscriber) = (&self.node.hub, &self.membership.subscriber);
        match session {
            // Without reading its log first: the run of the message that opened it is told from its beginning.
            None if is_new && cursor.is_some() => hub.attach_new(&channel, cursor, subscriber),
            Some(session) => hub.attach_run(&channel, &session, subscriber, priority, cursor),
            None => hub.attach(&channel, subscriber, priority, cursor),
        }
    }

    /// Does what the client asked to be done with channels, one after the other, as fast as it takes what it is told.
    fn take_requests(&mut self) {
        while self.attaching.is_none()
            && self.membership.subscriber.outbox().bytes() < READ_BELOW_BYTES
            && let Some(request) = self.incoming.take_request()
        {
            match request {
                Request::Detach(channel) => {
                    self.node.hub.detach_session(&channel, &self.membership.subscriber);
                    self.incoming.gave_up(&channel);
                }
                Request::Attach { id, wanted, cursor } => {
                    if let Some(error) = self.no_room_for(&wanted.name()) {
                        self.refuse(id.as_deref(), error);
                    } else if let Some(caller) = self.incoming.caller() {
                        let realm = self.route.realm.clone();
                        let asker = Asker { caller: caller.clone(), realm, wire: self.wire() };
                        let attached = attach(Arc::clone(&self.node), asker, id.clone(), wanted, cursor);
                        self.attaching = Some(Box::pin(async move { (id, attached.await) }));
                    }
                }
            }
        }
    }

    /// Why one more channel cannot be attached, if it cannot.
    fn no_room_for(&self, name: &str) -> Option<ErrorBody<'static>> {
        let outbox = self.membership.subscriber.outbox();
        let channel = ChannelKey::from_public_name(&self.route.realm, name);
        if channel.is_some_and(|channel| outbox.is_attached(&channel)) {
            return Some(ErrorCode::BadRequest.with_message("it is attached to this connection already"));
        }
        let full = format!("this connection has {CHANNELS_MAX} sessions and topics attached; detach one first");
        (!outbox.can_attach(ChannelKind::Topic)).then(|| ErrorCode::Busy.with_message(full))
    }

    fn attached(&mut self, id: Option<&str>, attached: Result<Attached, BrokerError>) {
        let Attached { told, place, session, runs } = match attached {
            Ok(attached) => attached,
            Err(error) => {
                tracing::error!(%error, "a channel cannot be attached");
                return self.refuse(id, ErrorCode::Overloaded.body());
            }
        };
        let Some(place) = place else { return self.push_control(told) };
        let channel = place.channel.clone();
        // There is room: only this task attaches what is no run.
        self.attach(place);
        let place_of = |run| Place { channel: run, session: Some(channel.clone()), cursor: None, is_new: false };
        if !runs.into_iter().all(|run| self.attach(place_of(run))) {
            // Nothing of it was read yet.
            self.node.hub.detach_session(&channel, &self.membership.subscriber);
            return self.refuse(id, ErrorCode::Busy.with_message(RUNS_FULL));
        }
        self.membership.subscriber.outbox().push_notice(&channel, Frame::Own(told));
        if let Some(session) = session {
            self.incoming.add_session(session);
            self.send_away_if_told();
        }
    }

    /// Answers a message that could not be done.
    fn refuse(&self, id: Option<&str>, error: ErrorBody<'_>) {
        self.node.metrics.client_error(&error.code);
        self.push_control(message::error_frame(self.wire(), id, error));
    }

    /// A heartbeat is due, or the time to authenticate is over.
    fn tick(&mut self) {
        let now = Instant::now();
        if self.authenticate_by.is_some_and(|by| by <= now) {
            self.incoming.end(CloseCode::AuthTimeout);
        } else if self.misses >= MISSES_MAX {
            self.incoming.end(CloseCode::HeartbeatTimeout);
        } else {
            self.misses += 1;
            self.heartbeat();
        }
        self.timer.as_mut().reset(now + self.node.settings.heartbeat);
    }

    fn heartbeat(&mut self) {
        // A full queue is the write deadline's matter; a heartbeat more would not help.
        let _ = self.socket.queue(trunkline_ws::frame::ping(b""));
        let frame = match self.dialect() {
            Dialect::Native if !self.incoming.is_open() => return,
            Dialect::Native => self.outgoing.heartbeat(),
            _ => message::frame(self.wire(), &trunkline_protocol::Envelope::new("ping")),
        };
        self.push_control(frame);
    }

    /// The node has come further with its end: at first it is decided when this client is told, and at last it has to go.
    fn next_phase(&mut self) {
        if matches!(self.leaving, Leaving::No) {
            let departure = self.node.stopping.departure();
            let at = Box::pin(tokio::time::sleep(departure.told_after));
            self.leaving = Leaving::Waits(Box::new(Turn { at, departure }));
            self.phase = until(&self.node.stopping.leaving);
            return;
        }
        self.say_go_away();
        self.incoming.end(CloseCode::Drain);
        self.phase = Box::pin(std::future::pending());
    }

    /// Tells the client when to come back, once. One that hears what runs say stays until they are over; any other goes,
    /// and so does one that has no session yet: nothing comes before its `welcome`.
    fn say_go_away(&mut self) {
        let Leaving::Waits(turn) = std::mem::replace(&mut self.leaving, Leaving::Told) else { return };
        self.incoming.send_away();
        if !self.incoming.is_open() || !self.membership.subscriber.voice().hears_of_runs() {
            return self.incoming.end(CloseCode::Drain);
        }
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let Departure { return_after, return_before, .. } = turn.departure;
        let content =
            GoAway { reason: "drain", reconnect_min_ms: ms(return_after), reconnect_max_ms: ms(return_before) };
        self.push_control(message::reply_frame(self.wire(), "go_away", None, &content));
    }

    /// Whoever was told to come back has not left its sessions, however late they were attached.
    fn send_away_if_told(&mut self) {
        if matches!(self.leaving, Leaving::Told) {
            self.incoming.send_away();
        }
    }

    fn push_control(&self, frame: Bytes) {
        self.membership.subscriber.push_control(frame);
    }

    fn wire(&self) -> Wire {
        self.membership.subscriber.wire()
    }

    fn dialect(&self) -> Dialect {
        self.wire().dialect()
    }
}

#[derive(serde::Serialize)]
struct GoAway {
    reason: &'static str,
    reconnect_min_ms: u64,
    reconnect_max_ms: u64,
}

/// Resolves when the token is cancelled. It is asked each time that something happens, so it has a token of its own, whose
/// lock it shares with nobody.
fn until(token: &CancellationToken) -> BoxFuture<'static, ()> {
    Box::pin(token.child_token().cancelled_owned())
}

/// Counts what a socket holds. `false` when all connections together hold as much as they may, and this one has a message
/// that cannot be received to its end.
fn count_held<S: AsyncRead + AsyncWrite + Unpin>(share: &mut Share, socket: &Socket<S>) -> bool {
    let unfinished = socket.unfinished_bytes();
    let bytes = unfinished + socket.queued_bytes();
    let is_refused = unfinished > UNCOUNTED_BYTES && !share.try_hold(bytes);
    share.hold(bytes);
    !is_refused
}

/// Lets other tasks have their turn, if the socket took as much as one turn may. Without this they would have it once the
/// runtime has counted 128 reads: 8 MiB.
async fn give_way(activity: Activity) {
    if activity.had_enough {
        tokio::task::yield_now().await;
    }
}

/// The framing layer's spelling of a close code.
fn close_code(code: CloseCode) -> trunkline_ws::close::Code {
    trunkline_ws::close::Code::new(code.number()).expect("every close code of ours may be sent")
}

#[cfg(test)]
mod tests;
