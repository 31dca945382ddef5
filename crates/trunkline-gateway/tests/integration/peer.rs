//! A client of the message lane that says what a test wants it to say, in JSON or MessagePack.

use std::collections::{BTreeMap, VecDeque};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{self, Message};
use trunkline_catalogue::check::{Refused, Sender, check_frame};
use trunkline_protocol::Dialect;

use crate::harness::{TestGateway, within};
use crate::packed;

/// The subprotocol of the native dialect.
pub(crate) const NATIVE: &str = "trunkline.v1.json";

/// The subprotocol of the native dialect in MessagePack.
pub(crate) const MESSAGE_PACK: &str = "trunkline.v1.msgpack";

/// One connection.
pub(crate) struct Peer {
    socket: WebSocketStream<TcpStream>,
    /// What everything that it is sent is checked as.
    dialect: Dialect,
    /// Whether it speaks MessagePack; byte strings are then objects as [`packed::bytes`] makes them.
    is_packed: bool,
    /// What was passed over while something else was waited for: an `ack` may come before or after the records of its
    /// message.
    passed_over: VecDeque<Value>,
    /// Why the gateway closed the connection, in its words.
    reason: String,
    /// How far it was brought in each channel.
    positions: BTreeMap<String, Value>,
}

/// What a connection is sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Incoming {
    Message(Value),
    /// The close code; 1006 where the connection ended without one.
    Closed(u16),
}

impl Peer {
    /// Connects to `/ws` in the native dialect.
    pub(crate) async fn native(gateway: &TestGateway) -> Self {
        Self::open(gateway, "/ws", &[("sec-websocket-protocol", NATIVE)]).await
    }

    /// Connects to `/ws` in MessagePack.
    pub(crate) async fn packed(gateway: &TestGateway) -> Self {
        Self::open(gateway, "/ws", &[("sec-websocket-protocol", MESSAGE_PACK)]).await
    }

    pub(crate) const fn is_packed(&self) -> bool {
        self.is_packed
    }

    /// Connects in MessagePack and says hello; returns the payload of `welcome`, too.
    pub(crate) async fn packed_welcomed(gateway: &TestGateway, hello: Value) -> (Self, Value) {
        let mut peer = Self::packed(gateway).await;
        let welcome = peer.hello(hello).await;
        (peer, welcome)
    }

    /// Connects with these headers.
    pub(crate) async fn open(gateway: &TestGateway, path: &str, headers: &[(&str, &str)]) -> Self {
        Self::try_open(gateway, path, headers).await.expect("the upgrade is accepted")
    }

    pub(crate) async fn try_open(
        gateway: &TestGateway,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, tungstenite::Error> {
        Self::upgrade(TcpStream::connect(gateway.address).await?, gateway, path, headers).await
    }

    /// Connects to `/ws` in the native dialect over a socket that the test has made.
    pub(crate) async fn over(stream: TcpStream, gateway: &TestGateway) -> Self {
        let upgraded = Self::upgrade(stream, gateway, "/ws", &[("sec-websocket-protocol", NATIVE)]).await;
        upgraded.expect("the upgrade is accepted")
    }

    async fn upgrade(
        stream: TcpStream,
        gateway: &TestGateway,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, tungstenite::Error> {
        let mut request = format!("ws://{}{path}", gateway.address).into_client_request()?;
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a header's name");
            request.headers_mut().append(name, HeaderValue::from_str(value).expect("a header's value"));
        }
        let is_native = headers.iter().any(|(_, value)| value.contains("trunkline.v1."));
        let dialect = if is_native { Dialect::Native } else { Dialect::Payload };
        let (socket, response) = within(tokio_tungstenite::client_async(request, stream)).await?;
        let is_packed = response.headers().get("sec-websocket-protocol").is_some_and(|chosen| chosen == MESSAGE_PACK);
        let (passed_over, positions) = (VecDeque::new(), BTreeMap::new());
        Ok(Self { socket, dialect, is_packed, passed_over, reason: String::new(), positions })
    }

    /// Connects as an old client to a route of this dialect.
    pub(crate) async fn old(gateway: &TestGateway, path: &str, dialect: Dialect) -> Self {
        let peer = Self::open(gateway, path, &[]).await;
        Self { dialect, ..peer }
    }

    /// Reads a message, which must be what the catalogue says of its type.
    fn read(&self, text: &str) -> Value {
        let checked = check_frame(self.dialect, Sender::Gateway, text.as_bytes());
        assert!(matches!(checked, Ok(_) | Err(Refused::Unknown(_) | Refused::Direction { .. })), "{text}: {checked:?}");
        serde_json::from_str(text).expect("JSON")
    }

    /// Connects in the native dialect and says hello; returns the payload of `welcome`, too.
    pub(crate) async fn welcomed(gateway: &TestGateway, hello: Value) -> (Self, Value) {
        let mut peer = Self::native(gateway).await;
        let welcome = peer.hello(hello).await;
        (peer, welcome)
    }

    /// The same at another path.
    pub(crate) async fn welcomed_at(gateway: &TestGateway, path: &str) -> (Self, Value) {
        let mut peer = Self::open(gateway, path, &[("sec-websocket-protocol", NATIVE)]).await;
        let welcome = peer.hello(json!({})).await;
        (peer, welcome)
    }

    /// The same as [`Peer::welcomed`], taking little from the network while it does not read.
    pub(crate) async fn slow(gateway: &TestGateway) -> (Self, Value) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(8 * 1024).expect("a small buffer");
        let stream = within(socket.connect(gateway.address)).await.expect("it listens");
        let mut peer = Self::over(stream, gateway).await;
        let welcome = peer.hello(json!({})).await;
        (peer, welcome)
    }

    /// Says hello and returns the payload of `welcome`.
    pub(crate) async fn hello(&mut self, payload: Value) -> Value {
        self.send(json!({ "type": "hello", "payload": payload })).await;
        self.until("welcome").await["payload"].take()
    }

    pub(crate) async fn send(&mut self, message: Value) {
        let message =
            if self.is_packed { Message::binary(packed::write(&message)) } else { Message::text(message.to_string()) };
        self.send_raw(message).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.send_raw(Message::text(text)).await;
    }

    pub(crate) async fn send_raw(&mut self, message: Message) {
        self.try_send(message).await.expect("sent");
    }

    /// Sends, where the gateway may have ended the connection already.
    pub(crate) async fn try_send(&mut self, message: Message) -> Result<(), tungstenite::Error> {
        within(self.socket.send(message)).await
    }

    /// Sends finished frames in one write.
    pub(crate) async fn send_bytes(&mut self, frames: &[u8]) {
        within(self.socket.get_mut().write_all(frames)).await.expect("sent");
    }

    /// Sends a message that starts a run.
    pub(crate) async fn ask(&mut self, id: &str, payload: Value) {
        self.send(json!({ "type": "user_message", "id": id, "payload": payload })).await;
    }

    /// Sends a message that starts a run, and returns the run's id from its `ack`.
    pub(crate) async fn start(&mut self, id: &str, payload: Value) -> String {
        self.ask(id, payload).await;
        let ack = self.until_one(|message| message["type"] == "ack" && message["reply_to"] == id).await;
        ack["run"].as_str().expect("a run").to_owned()
    }

    /// What comes next.
    pub(crate) async fn next(&mut self) -> Incoming {
        match self.passed_over.pop_front() {
            Some(message) => Incoming::Message(message),
            None => self.receive().await,
        }
    }

    /// How far it was brought in a channel.
    pub(crate) fn position(&self, channel: &str) -> &Value {
        &self.positions[channel]
    }

    fn keep_position(&mut self, message: &Value) {
        let announced = message["payload"]["channels"].as_object().filter(|_| message["type"] == "welcome");
        let announced = announced.into_iter().flatten().map(|(name, said)| (name.clone(), said["pos"].clone()));
        let own = message["channel"].as_str().map(|name| {
            let position = if message["pos"].is_null() { &message["payload"]["pos"] } else { &message["pos"] };
            (name.to_owned(), position.clone())
        });
        self.positions.extend(announced.chain(own).filter(|(_, position)| position.is_string()));
    }

    async fn receive(&mut self) -> Incoming {
        let incoming = self.receive_one().await;
        if let Incoming::Message(message) = &incoming {
            self.keep_position(message);
        }
        incoming
    }

    async fn receive_one(&mut self) -> Incoming {
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Message::Text(text))) if !self.is_packed => {
                    return Incoming::Message(self.read(text.as_str()));
                }
                Some(Ok(Message::Binary(bytes))) if self.is_packed => {
                    return Incoming::Message(packed::read(&bytes));
                }
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                    panic!("of another codec: {message:?}")
                }
                Some(Ok(Message::Close(frame))) => {
                    self.reason = frame.as_ref().map(|frame| frame.reason.to_string()).unwrap_or_default();
                    return Incoming::Closed(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Incoming::Closed(1006),
            }
        }
    }

    /// The next message that is no heartbeat, however long it takes: for waits that the caller bounds.
    pub(crate) async fn next_at_leisure(&mut self) -> Value {
        self.forget();
        loop {
            let message = self.socket.next().await.expect("the connection is open").expect("a good frame");
            let Message::Text(text) = message else { continue };
            let message = self.read(text.as_str());
            if message["type"] != "heartbeat" {
                return message;
            }
        }
    }

    /// The next text, which need not be JSON.
    pub(crate) async fn bare_text(&mut self) -> String {
        loop {
            if let Message::Text(text) = within(self.socket.next()).await.expect("open").expect("a good frame") {
                return text.to_string();
            }
        }
    }

    /// The next message, of any type.
    pub(crate) async fn message(&mut self) -> Value {
        match self.next().await {
            Incoming::Message(message) => message,
            Incoming::Closed(code) => panic!("closed with {code}"),
        }
    }

    /// The next message of this type; others before it are kept for later, except heartbeats.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        self.until_one(|message| message["type"] == kind).await
    }

    /// The next message that ends a run.
    pub(crate) async fn until_terminal(&mut self) -> Value {
        self.until_one(is_terminal).await
    }

    /// The next message that is wanted; others before it are kept for later, except heartbeats.
    pub(crate) async fn until_one(&mut self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(found) = self.passed_over.iter().position(&is_wanted) {
            return self.passed_over.remove(found).expect("it was just found");
        }
        loop {
            match self.receive().await {
                Incoming::Message(message) if is_wanted(&message) => return message,
                Incoming::Message(message) if message["type"] == "heartbeat" => {}
                Incoming::Message(message) => self.passed_over.push_back(message),
                Incoming::Closed(code) => panic!("closed with {code} after {:?}", self.passed_over),
            }
        }
    }

    /// What was passed over while something else was waited for.
    pub(crate) const fn passed_over(&self) -> &VecDeque<Value> {
        &self.passed_over
    }

    /// Drops what was passed over.
    pub(crate) fn forget(&mut self) {
        self.passed_over.clear();
    }

    /// The code of the next `error`.
    pub(crate) async fn error_code(&mut self) -> String {
        self.until("error").await["error"]["code"].as_str().expect("a code").to_owned()
    }

    /// Everything that came before the connection was closed, and the close code.
    pub(crate) async fn until_closed(&mut self) -> (Vec<Value>, u16) {
        let mut said = Vec::new();
        loop {
            match self.next().await {
                Incoming::Message(message) => said.push(message),
                Incoming::Closed(code) => return (said, code),
            }
        }
    }

    /// The words of the close frame that has come.
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    /// Everything that the gateway had to say: a `ping` is answered behind it.
    pub(crate) async fn so_far(&mut self) -> Vec<Value> {
        self.send(json!({ "type": "ping", "id": "so-far" })).await;
        let mut said = Vec::new();
        loop {
            let message = self.message().await;
            if message["type"] == "pong" && message["reply_to"] == "so-far" {
                return said;
            }
            said.push(message);
        }
    }

    /// Shows that the connection is of use still.
    pub(crate) async fn is_alive(&mut self) {
        self.so_far().await;
    }
}

/// Whether a message ends its run.
pub(crate) fn is_terminal(message: &Value) -> bool {
    ["run_completed", "run_failed", "run_cancelled", "run_expired"].contains(&message["type"].as_str().unwrap_or(""))
}

/// What an anonymous client needs to come back to its session, without positions.
pub(crate) fn returning(welcome: &Value) -> Value {
    json!({ "session": welcome["session"], "secret": welcome["secret"] })
}
