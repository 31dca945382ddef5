//! One connection to a gateway.

use std::borrow::Cow;

use futures_util::{SinkExt, StreamExt};
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use trunkline_protocol::{Address, DecodeError, Dialect, Envelope};

use crate::error::ClientError;
use crate::state::{SessionState, Welcome};

/// Nesting accepted from the gateway.
const DEPTH_MAX: usize = 128;

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

/// One connection. Dropping it leaves the session as it is.
#[derive(Debug)]
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    state: SessionState,
    welcome: Welcome,
}

impl Client {
    /// Connects, and resumes what `state` says.
    ///
    /// # Errors
    /// [`ClientError`]; an HTTP answer that is no upgrade is a [`ClientError::NoUpgrade`].
    ///
    /// # Panics
    /// Never: a hello always serialises into memory.
    pub async fn connect(options: &Options, mut state: SessionState) -> Result<Self, ClientError> {
        let mut request = options.url.as_str().into_client_request()?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("trunkline.v1.json"));
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
        let payload = serde_json::value::to_raw_value(&state.hello(options.token.as_deref()))
            .expect("a hello serialises into memory");
        let hello = Envelope { payload: Some(&payload), ..Envelope::new("hello") };
        socket.send(encode(&hello)).await?;
        let first = receive(&mut socket).await?;
        let envelope = first.envelope()?;
        if let Some(error) = &envelope.error {
            return Err(ClientError::Refused(error.message.clone().into_owned()));
        }
        let welcome: Welcome = match envelope.payload {
            Some(payload) if envelope.kind == "welcome" => serde_json::from_str(payload.get())
                .map_err(|error| ClientError::Refused(format!("its welcome cannot be read: {error}")))?,
            _ => return Err(ClientError::Refused(format!("it answered with {:?}", envelope.kind))),
        };
        state.welcomed(&welcome);
        Ok(Self { socket, state, welcome })
    }

    /// What the gateway said at the beginning.
    pub const fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Sends a message to a service. Its `ack` comes among the received messages.
    ///
    /// # Errors
    /// The connection failed; whether the message arrived is not known.
    pub async fn send(&mut self, message: &Outgoing) -> Result<(), ClientError> {
        let to = message.service.as_deref().map(Address::service_named);
        let envelope = Envelope {
            kind: Cow::Borrowed(&message.kind),
            id: Some(Cow::Borrowed(&message.id)),
            to,
            payload: Some(&message.payload),
            deadline_ms: message.deadline_ms,
            ..Envelope::default()
        };
        Ok(self.socket.send(encode(&envelope)).await?)
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
    /// The connection is over; [`Client::into_state`] says where a next one goes on.
    pub async fn receive(&mut self) -> Result<Received, ClientError> {
        let received = receive(&mut self.socket).await?;
        self.state.received(&received.envelope()?);
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

async fn receive(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> Result<Received, ClientError> {
    loop {
        match socket.next().await {
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

fn encode(envelope: &Envelope<'_>) -> Message {
    let mut text = Vec::new();
    Dialect::Native.encode(envelope, &mut text);
    Message::text(String::from_utf8(text).expect("the encoder writes JSON, which is UTF-8"))
}
