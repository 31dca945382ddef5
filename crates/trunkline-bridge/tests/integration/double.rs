//! A worker that does exactly what a test says: real frames over a real Unix socket or a real DEALER.

use std::path::Path;

use bytes::Bytes;
use omq_tokio::{Message, Options, Socket, SocketType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use trunkline_bridge::frame::{
    CallFrame, Chunk, ChunkKind, Frame, Hello, Load, Offer, Parts, Service, Welcome, decode, encode,
};
use trunkline_protocol::Codec;

use crate::harness::within;

/// The worker's end of one connection.
pub(crate) enum Double {
    Unix(UnixStream),
    Zeromq(Socket),
}

/// HELLO of a worker with one service.
pub(crate) fn hello(instance: &str, service: &str) -> Hello {
    Hello {
        name: format!("worker of {service}"),
        instance: instance.to_owned(),
        sdk: "double".to_owned(),
        concurrency: 4,
        services: vec![Service { name: service.to_owned(), input: None, resumable: false }],
        ..Hello::default()
    }
}

pub(crate) fn offer(run: &str, next: u64, ack: u64, ended: bool) -> Offer {
    Offer { run: run.to_owned(), next, ack, ended, ..Offer::default() }
}

impl Double {
    pub(crate) async fn unix(path: &Path) -> Self {
        Self::Unix(UnixStream::connect(path).await.expect("the bridge listens"))
    }

    pub(crate) async fn zeromq(endpoint: &str, routing_id: &str) -> Self {
        let options = Options::default().identity(Bytes::copy_from_slice(routing_id.as_bytes())).recv_hwm(1);
        let dealer = Socket::new(SocketType::Dealer, options);
        dealer.connect(endpoint).await.expect("the bridge listens");
        Self::Zeromq(dealer)
    }

    /// Connects, says HELLO and is welcome.
    pub(crate) async fn join(path: &Path, hello: Hello) -> (Self, Welcome) {
        let mut double = Self::unix(path).await;
        let welcome = double.greet(hello).await;
        (double, welcome)
    }

    pub(crate) async fn greet(&mut self, hello: Hello) -> Welcome {
        self.send(Frame::Hello(hello)).await;
        match self.receive().await {
            Frame::Welcome(welcome) => welcome,
            other => panic!("not welcome: {other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, frame: Frame) {
        self.send_parts(encode(frame)).await;
    }

    pub(crate) async fn send_parts(&mut self, parts: Parts) {
        match self {
            Self::Zeromq(dealer) => within(dealer.send(Message::multipart(parts))).await.expect("sent"),
            Self::Unix(_) => self.send_bytes(&stream_bytes(&parts)).await,
        }
    }

    /// Bytes as they are: for what is no message.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        let Self::Unix(stream) = self else { panic!("only a byte stream carries bytes") };
        within(stream.write_all(bytes)).await.expect("sent");
    }

    /// The next frame that is no PING; those are answered.
    pub(crate) async fn receive(&mut self) -> Frame {
        loop {
            match self.receive_any().await.expect("the connection is open") {
                Frame::Ping => self.send(Frame::Pong(Load::default())).await,
                frame => return frame,
            }
        }
    }

    /// The next frame; `None` when the bridge has closed the connection.
    pub(crate) async fn receive_any(&mut self) -> Option<Frame> {
        let parts = match self {
            Self::Zeromq(dealer) => within(dealer.recv()).await.expect("received").iter().collect(),
            Self::Unix(stream) => within(read_message(stream)).await?,
        };
        Some(decode(parts).expect("the bridge speaks the protocol"))
    }

    /// Answers questions until the bridge closes the connection; returns what else it said.
    pub(crate) async fn until_closed(&mut self) -> Vec<Frame> {
        let mut said = Vec::new();
        while let Some(frame) = self.receive_any().await {
            if frame != Frame::Ping {
                said.push(frame);
            }
        }
        said
    }

    pub(crate) async fn receive_call(&mut self) -> CallFrame {
        match self.receive().await {
            Frame::Call(call) => call,
            other => panic!("not a call: {other:?}"),
        }
    }

    pub(crate) async fn receive_credit(&mut self, corr: u64, ack: u64) {
        // A newer CREDIT may have taken the place of older ones.
        loop {
            match self.receive().await {
                Frame::Credit { corr: found, ack: found_ack } if found == corr && found_ack < ack => {}
                frame => return assert_eq!(frame, Frame::Credit { corr, ack }),
            }
        }
    }

    pub(crate) async fn chunk(&mut self, corr: u64, seq: u64, text: &str) {
        let payload = Bytes::copy_from_slice(text.as_bytes());
        self.send(Frame::Chunk(Chunk { corr, seq, kind: ChunkKind::Text, payload, buffers: Vec::new() })).await;
    }

    pub(crate) async fn result(&mut self, corr: u64, seq: u64, json: &str) {
        let payload = Bytes::copy_from_slice(json.as_bytes());
        self.send(Frame::Result { corr, seq, codec: Codec::Json, payload, buffers: Vec::new() }).await;
    }
}

async fn read_message(stream: &mut UnixStream) -> Option<Parts> {
    let length = stream.read_u32().await.ok()?;
    let mut rest = vec![0; usize::try_from(length).expect("a length")];
    stream.read_exact(&mut rest).await.ok()?;
    let mut rest = Bytes::from(rest);
    let mut parts = Parts::new();
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest.split_to(4)[..].try_into().expect("four bytes"));
        parts.push(rest.split_to(usize::try_from(length).expect("a length")));
    }
    Some(parts)
}

pub(crate) fn stream_bytes(parts: &[Bytes]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).expect("short").to_be_bytes();
    let total: usize = parts.iter().map(|part| 4 + part.len()).sum();
    let mut bytes = length(total).to_vec();
    for part in parts {
        bytes.extend(length(part.len()));
        bytes.extend(part);
    }
    bytes
}
