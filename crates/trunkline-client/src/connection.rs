//! A client's connection to a gateway, and the next one where it was lost.

use std::borrow::Cow;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use trunkline_protocol::{Address, DecodeError, Dialect, Envelope};

use crate::absence::{Absence, random};
use crate::error::ClientError;
use crate::state::{SessionState, Welcome};

/// Nesting accepted from the gateway.
const DEPTH_MAX: usize = 128;
/// How long it may take to connect, from the name's look-up to the `welcome`.
const WELCOME_WITHIN: Duration = Duration::from_secs(10);
/// How long the answer to a close may take to be written.
const PART_WITHIN: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Where and as whom to connect.
#[derive(Clone, Debug)]
pub struct Options {
    /// The route's address, `ws://…`.
    pub url: String,
    /// A token, where the gateway asks for one.
    pub token: Option<String>,
}

/// A message to a service.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its type.
    pub kind: String,
    /// Its id: the same id has its effect once.
    pub id: String,
    /// The service that is meant, where the route's own is not.
    pub service: Option<String>,
    /// JSON.
    pub payload: Box<RawValue>,
    /// How long to wait for the run, in milliseconds.
    pub deadline_ms: Option<u64>,
    /// The run that it is an `answer` to.
    pub run: Option<String>,
}

impl Outgoing {
    fn encode(&self) -> Message {
        let to = self.service.as_deref().map(Address::service_named);
        encode(&Envelope {
            kind: Cow::Borrowed(&self.kind),
            id: Some(Cow::Borrowed(&self.id)),
            to,
            payload: Some((&self.payload).into()),
            deadline_ms: self.deadline_ms,
            run: self.run.as_deref().map(Cow::Borrowed),
            ..Envelope::default()
        })
    }
}

/// A message from the gateway.
#[derive(Clone, Debug)]
pub struct Received(String);

impl Received {
    /// The JSON as it came.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Its envelope.
    pub fn envelope(&self) -> Result<Envelope<'_>, DecodeError> {
        Dialect::Native.decode(&self.0, DEPTH_MAX)
    }
}

/// One connection at a time. Dropping it leaves the session as it is.
#[derive(Debug)]
pub struct Client {
    options: Options,
    socket: Socket,
    state: SessionState,
    welcome: Welcome,
    /// Sent and not answered yet; the gateway lets no more than `in_flight_max` of them be.
    unacknowledged: Vec<Outgoing>,
    /// From the loss of a connection to the first message on the next one.
    absence: Option<Absence>,
    /// When the gateway, which is going away, wants its clients back.
    window: Option<(Duration, Duration)>,
}

impl Client {
    /// Connects, and resumes what `state` says.
    ///
    /// # Errors
    /// [`ClientError`]; an HTTP answer that is no upgrade is a [`ClientError::NoUpgrade`].
    pub async fn connect(options: &Options, mut state: SessionState) -> Result<Self, ClientError> {
        let (socket, welcome) = open(options, &state).await?;
        state.welcomed(&welcome);
        Ok(Self {
            options: options.clone(),
            socket,
            state,
            welcome,
            unacknowledged: Vec::new(),
            absence: None,
            window: None,
        })
    }

    /// Connects again after [`Client::send`] or [`Client::receive`] has failed with `error`: tries for `patience`, with
    /// growing waits, resumes the session, and sends again what was not acknowledged. What each channel goes on from
    /// stands in [`Client::welcome`]: one whose verdict is `reset` does not go on where it was.
    ///
    /// # Errors
    /// `error`, where another connection would end as this one did; [`ClientError::SessionLost`]; or
    /// [`ClientError::GivenUp`] when the gateway could not be reached, or was silent, for so long.
    pub async fn reconnect(&mut self, error: ClientError, patience: Duration) -> Result<(), ClientError> {
        let mut last = error;
        self.part().await;
        while last.is_passing() {
            let window = self.window.take();
            let absence = self.absence.get_or_insert_with(|| Absence::begin(Instant::now(), window));
            let left = patience.saturating_sub(absence.lasted(Instant::now()));
            if left.is_zero() {
                return Err(ClientError::GivenUp { patience, last: Box::new(last) });
            }
            tokio::time::sleep(absence.next_wait(random()).min(left)).await;
            match self.resume().await {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Answers a close, so that a gateway that waits for that has not to.
    async fn part(&mut self) {
        // Where it cannot be written the connection is over already.
        let _ = tokio::time::timeout(PART_WITHIN, self.socket.flush()).await;
    }

    async fn resume(&mut self) -> Result<(), ClientError> {
        let (socket, welcome) = open(&self.options, &self.state).await?;
        if self.state.id.as_deref() != Some(&welcome.session) {
            return Err(ClientError::SessionLost);
        }
        self.socket = socket;
        self.state.welcomed(&welcome);
        self.welcome = welcome;
        for message in &self.unacknowledged {
            self.socket.send(message.encode()).await?;
        }
        Ok(())
    }

    /// What the gateway said at the beginning of this connection.
    pub const fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Sends a message to a service. Its `ack` comes among the received messages.
    ///
    /// # Errors
    /// The connection failed; whether the message arrived is not known. [`Client::reconnect`] sends it again.
    pub async fn send(&mut self, message: &Outgoing) -> Result<(), ClientError> {
        self.unacknowledged.push(message.clone());
        Ok(self.socket.send(message.encode()).await?)
    }

    /// Asks a run to stop.
    ///
    /// # Errors
    /// The connection failed.
    pub async fn cancel(&mut self, run: &str) -> Result<(), ClientError> {
        let envelope = Envelope { run: Some(Cow::Borrowed(run)), ..Envelope::new("cancel") };
        Ok(self.socket.send(encode(&envelope)).await?)
    }

    /// The next message. Cancel-safe.
    ///
    /// # Errors
    /// The connection is over, or nothing came for two heartbeats; [`Client::reconnect`] goes on.
    pub async fn receive(&mut self) -> Result<Received, ClientError> {
        let silence = Duration::from_millis(self.welcome.heartbeat_ms).saturating_mul(2);
        let received = receive(&mut self.socket, silence).await?;
        let envelope = received.envelope()?;
        self.state.received(&envelope);
        self.absence = None;
        // What its run says answers a message, too; but its sender waits for the `ack`.
        if let Some(answered) = envelope.reply_to.as_ref().filter(|_| ["ack", "error"].contains(&&*envelope.kind)) {
            self.unacknowledged.retain(|message| message.id != **answered);
        }
        if envelope.kind == "go_away" {
            self.window = envelope.payload.and_then(|payload| window_of(payload.to_json().get()));
        }
        Ok(received)
    }

    /// What a next connection resumes from.
    pub const fn state(&self) -> &SessionState {
        &self.state
    }

    /// Leaves, and keeps what a next connection resumes from.
    pub fn into_state(self) -> SessionState {
        self.state
    }
}

/// Connects and says hello.
async fn open(options: &Options, state: &SessionState) -> Result<(Socket, Welcome), ClientError> {
    let welcomed = tokio::time::timeout(WELCOME_WITHIN, hello(options, state)).await;
    welcomed.unwrap_or(Err(ClientError::Silent(WELCOME_WITHIN)))
}

async fn hello(options: &Options, state: &SessionState) -> Result<(Socket, Welcome), ClientError> {
    let mut request = options.url.as_str().into_client_request()?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("trunkline.v1.json"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
    let payload = serde_json::value::to_raw_value(&state.hello(options.token.as_deref()))
        .expect("a hello serialises into memory");
    let hello = Envelope { payload: Some((&payload).into()), ..Envelope::new("hello") };
    socket.send(encode(&hello)).await?;
    let first = receive(&mut socket, WELCOME_WITHIN).await?;
    let envelope = first.envelope()?;
    if let Some(error) = &envelope.error {
        return Err(ClientError::Refused(error.message.clone().into_owned()));
    }
    match envelope.payload {
        Some(payload) if envelope.kind == "welcome" => {
            let welcome = serde_json::from_str(payload.to_json().get())
                .map_err(|error| ClientError::Refused(format!("its welcome cannot be read: {error}")))?;
            Ok((socket, welcome))
        }
        _ => Err(ClientError::Refused(format!("it answered with {:?}", envelope.kind))),
    }
}

/// The next text; `silence` is how long there may be no frame at all.
async fn receive(socket: &mut Socket, silence: Duration) -> Result<Received, ClientError> {
    loop {
        let next = tokio::time::timeout(silence, socket.next()).await.map_err(|_| ClientError::Silent(silence))?;
        match next {
            Some(Ok(Message::Text(text))) => return Ok(Received(text.as_str().to_owned())),
            Some(Ok(Message::Close(close))) => {
                let (code, reason) =
                    close.map_or((1005, String::new()), |close| (close.code.into(), close.reason.to_string()));
                return Err(ClientError::Closed { code, reason });
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
            None => return Err(ClientError::Closed { code: 1006, reason: String::new() }),
        }
    }
}

/// When a gateway that goes away wants its clients back, as its `go_away` says.
fn window_of(payload: &str) -> Option<(Duration, Duration)> {
    #[derive(Deserialize)]
    struct GoAway {
        reconnect_min_ms: u64,
        reconnect_max_ms: u64,
    }
    let GoAway { reconnect_min_ms, reconnect_max_ms } = serde_json::from_str(payload).ok()?;
    Some((Duration::from_millis(reconnect_min_ms), Duration::from_millis(reconnect_max_ms)))
}

fn encode(envelope: &Envelope<'_>) -> Message {
    let mut text = Vec::new();
    Dialect::Native.encode(envelope, &mut text);
    Message::text(String::from_utf8(text).expect("the encoder writes JSON, which is UTF-8"))
}
