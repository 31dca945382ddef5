//! Workers over a real Unix socket: [`Double`] does exactly what a test says, [`serve`] answers every call by itself.

use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use trunkline_bridge::frame::{
    Ask, CallFrame, Chunk, ChunkKind, Frame, Hello, Input, Load, Offer, Parts, Service, Welcome, WorkerError, decode,
    encode,
};
use trunkline_protocol::Codec;

use crate::harness::{TestGateway, within};

/// The worker's end of one connection.
pub(crate) struct Double {
    stream: UnixStream,
}

impl Double {
    /// Connects as a worker of `service`, and is welcome.
    pub(crate) async fn join(gateway: &TestGateway, service: &str) -> Self {
        Self::join_as(gateway, service, Hello::default()).await
    }

    /// The same for a worker that reads MessagePack.
    pub(crate) async fn join_packed(gateway: &TestGateway, service: &str) -> Self {
        Self::join_as(gateway, service, Hello { reads_messagepack: true, ..Hello::default() }).await
    }

    /// The same for a worker that says that calling the service twice does no harm.
    pub(crate) async fn join_idempotent(gateway: &TestGateway, service: &str) -> Self {
        let services = vec![Service { name: service.to_owned(), idempotent: true, ..Service::default() }];
        Self::join_as(gateway, service, Hello { services, ..Hello::default() }).await
    }

    /// The same for a worker whose calls can be made again while they wait for an answer.
    pub(crate) async fn join_resumable(gateway: &TestGateway, service: &str) -> Self {
        let services = vec![Service { name: service.to_owned(), resumable: true, ..Service::default() }];
        Self::join_as(gateway, service, Hello { services, ..Hello::default() }).await
    }

    /// The same for a worker whose calls take further messages.
    pub(crate) async fn join_steered(gateway: &TestGateway, service: &str) -> Self {
        Self::join_as(gateway, service, steered(service)).await
    }

    /// Connects again as a worker that still has a run, of which this many events are stored, and gives its new number.
    pub(crate) async fn come_back(gateway: &TestGateway, service: &str, run: &str, stored: u64) -> (Self, u64) {
        let offer = Offer { run: run.to_owned(), next: stored, ack: stored, ..Offer::default() };
        Self::return_with(gateway, service, offer).await
    }

    /// Comes back with a call that it still holds; returns its new corr.
    pub(crate) async fn return_with(gateway: &TestGateway, service: &str, offer: Offer) -> (Self, u64) {
        Self::return_as(gateway, service, Hello::default(), offer).await
    }

    /// The same for a worker whose calls take further messages.
    pub(crate) async fn return_steered(gateway: &TestGateway, service: &str, offer: Offer) -> (Self, u64) {
        Self::return_as(gateway, service, steered(service), offer).await
    }

    async fn return_as(gateway: &TestGateway, service: &str, hello: Hello, offer: Offer) -> (Self, u64) {
        let (run, ack) = (offer.run.clone(), offer.ack);
        let hello = Hello { open: vec![offer], ..hello };
        let (double, welcome) = Self::join_and_hear(gateway, service, hello).await;
        let [resumed] = &welcome.resumed[..] else { panic!("it does not go on: {welcome:?}") };
        assert_eq!(resumed.run, run);
        assert!(resumed.ack >= ack);
        (double, resumed.corr)
    }

    async fn join_as(gateway: &TestGateway, service: &str, hello: Hello) -> Self {
        Self::join_and_hear(gateway, service, hello).await.0
    }

    async fn join_and_hear(gateway: &TestGateway, service: &str, hello: Hello) -> (Self, Welcome) {
        let stream = UnixStream::connect(gateway.bridge()).await.expect("the bridge listens");
        let mut double = Self { stream };
        let plain = Service { name: service.to_owned(), ..Service::default() };
        let hello = Hello {
            name: format!("worker of {service}"),
            instance: format!("instance of {service}"),
            sdk: "double".to_owned(),
            concurrency: hello.concurrency.max(if hello.concurrency == 0 { 64 } else { 1 }),
            services: if hello.services.is_empty() { vec![plain] } else { hello.services },
            ..hello
        };
        double.send(Frame::Hello(hello)).await;
        match double.receive().await {
            Frame::Welcome(welcome) => (double, welcome),
            other => panic!("not welcome: {other:?}"),
        }
    }

    /// The same for a worker that executes one call at a time.
    pub(crate) async fn join_single(gateway: &TestGateway, service: &str) -> Self {
        Self::join_as(gateway, service, Hello { concurrency: 1, ..Hello::default() }).await
    }

    /// Asks for an approval.
    pub(crate) async fn approval(&mut self, corr: u64, seq: u64, request: &str) {
        self.ask(corr, seq, request, r#"{"kind":"approval","message":"Delete it?","action":"delete_file"}"#, None)
            .await;
    }

    pub(crate) async fn ask(
        &mut self,
        corr: u64,
        seq: u64,
        request: &str,
        json: &str,
        checkpoint: Option<&'static [u8]>,
    ) {
        let ask = Ask {
            corr,
            seq,
            request: request.to_owned(),
            codec: Codec::Json,
            payload: Bytes::copy_from_slice(json.as_bytes()),
            checkpoint: checkpoint.map(Bytes::from_static),
        };
        self.send(Frame::Ask(ask)).await;
    }

    /// The next answer: the question and what was said.
    pub(crate) async fn receive_answer(&mut self, corr: u64) -> (String, Value) {
        loop {
            match self.receive().await {
                Frame::Answer { corr: found, request, payload } => {
                    assert_eq!(found, corr);
                    return (request, serde_json::from_slice(&payload).expect("JSON"));
                }
                Frame::Credit { .. } => {}
                other => panic!("not an answer: {other:?}"),
            }
        }
    }

    /// The next further message for a call.
    pub(crate) async fn receive_input(&mut self, corr: u64) -> Input {
        loop {
            match self.receive().await {
                Frame::Input(input) => {
                    assert_eq!(input.corr, corr);
                    return input;
                }
                Frame::Credit { .. } => {}
                other => panic!("not an input: {other:?}"),
            }
        }
    }

    /// Takes a further message.
    pub(crate) async fn take(&mut self, corr: u64, seq: u64, message: &str) {
        self.send(Frame::Taken { corr, seq, message: message.to_owned() }).await;
    }

    /// What the gateway still had to say; nothing more once it has ended the connection.
    pub(crate) async fn last_words(&mut self) -> Option<Frame> {
        let parts = within(read_message(&mut self.stream)).await?;
        Some(decode(parts).expect("the gateway speaks the protocol"))
    }

    pub(crate) async fn send(&mut self, frame: Frame) {
        within(self.stream.write_all(&stream_bytes(&encode(frame)))).await.expect("sent");
    }

    /// The next frame that is no PING; those are answered.
    pub(crate) async fn receive(&mut self) -> Frame {
        within(self.receive_at_leisure()).await
    }

    async fn receive_at_leisure(&mut self) -> Frame {
        loop {
            let parts = read_message(&mut self.stream).await.expect("the connection is open");
            match decode(parts).expect("the gateway speaks the protocol") {
                Frame::Ping => self.send(Frame::Pong(Load::default())).await,
                frame => return frame,
            }
        }
    }

    pub(crate) async fn receive_call(&mut self) -> CallFrame {
        loop {
            match self.receive().await {
                Frame::Call(call) => return call,
                Frame::Credit { .. } | Frame::Cancel { .. } => {}
                other => panic!("not a call: {other:?}"),
            }
        }
    }

    /// The next call, however long it takes: for waits that the caller bounds.
    pub(crate) async fn call_at_leisure(&mut self) -> CallFrame {
        loop {
            if let Frame::Call(call) = self.receive_at_leisure().await {
                return call;
            }
        }
    }

    /// Waits until the gateway asks for this call's end.
    pub(crate) async fn receive_cancel(&mut self, corr: u64) {
        loop {
            match self.receive().await {
                Frame::Cancel { corr: found } => return assert_eq!(found, corr),
                Frame::Credit { .. } => {}
                other => panic!("not a cancel: {other:?}"),
            }
        }
    }

    /// Waits until the gateway has stored this many events of the call.
    pub(crate) async fn receive_credit(&mut self, corr: u64, ack: u64) {
        loop {
            match self.receive().await {
                Frame::Credit { corr: found, ack: found_ack } if found == corr && found_ack >= ack => return,
                Frame::Credit { .. } | Frame::Cancel { .. } => {}
                other => panic!("not credit: {other:?}"),
            }
        }
    }

    pub(crate) async fn text(&mut self, corr: u64, seq: u64, text: &[u8]) {
        self.send(text_chunk(corr, seq, text)).await;
    }

    pub(crate) async fn event(&mut self, corr: u64, seq: u64, name: &str, json: &str) {
        let payload = Bytes::copy_from_slice(json.as_bytes());
        let kind = ChunkKind::Event { name: name.to_owned(), codec: Codec::Json };
        self.send(Frame::Chunk(Chunk { corr, seq, kind, payload, buffers: Vec::new() })).await;
    }

    /// An event in MessagePack.
    pub(crate) async fn packed_event(&mut self, corr: u64, seq: u64, name: &str, payload: &[u8]) {
        let kind = ChunkKind::Event { name: name.to_owned(), codec: Codec::MessagePack };
        let payload = Bytes::copy_from_slice(payload);
        self.send(Frame::Chunk(Chunk { corr, seq, kind, payload, buffers: Vec::new() })).await;
    }

    /// A result in MessagePack.
    pub(crate) async fn packed_result(&mut self, corr: u64, seq: u64, payload: &[u8]) {
        let payload = Bytes::copy_from_slice(payload);
        self.send(Frame::Result { corr, seq, codec: Codec::MessagePack, payload, buffers: Vec::new() }).await;
    }

    pub(crate) async fn progress(&mut self, corr: u64, json: &str) {
        let payload = Bytes::copy_from_slice(json.as_bytes());
        self.send(Frame::Event { corr, name: "progress".to_owned(), key: None, payload }).await;
    }

    pub(crate) async fn fail(&mut self, corr: u64, seq: u64, code: &str) {
        let error =
            WorkerError { code: code.to_owned(), message: "as the test wants".to_owned(), ..WorkerError::default() };
        self.send(Frame::Error { corr, seq: Some(seq), error }).await;
    }

    /// Ends a call with an error that says that the call may be repeated, after this time.
    pub(crate) async fn fail_for_now(&mut self, corr: u64, seq: u64, code: &str, retry_after_ms: Option<u64>) {
        let message = "as the test wants".to_owned();
        let error =
            WorkerError { code: code.to_owned(), message, retryable: true, retry_after_ms, ..WorkerError::default() };
        self.send(Frame::Error { corr, seq: Some(seq), error }).await;
    }

    pub(crate) async fn result(&mut self, corr: u64, seq: u64, json: &str) {
        let payload = Bytes::copy_from_slice(json.as_bytes());
        self.send(Frame::Result { corr, seq, codec: Codec::Json, payload, buffers: Vec::new() }).await;
    }
}

/// A worker whose calls take further messages.
fn steered(service: &str) -> Hello {
    let services = vec![Service { name: service.to_owned(), takes_input: true, ..Service::default() }];
    Hello { services, ..Hello::default() }
}

/// Serves `service` until the gateway goes away or the set is dropped. A call's payload says what its answer is:
/// `texts` events of text, each beginning with its number and filled up to `bytes`, with `progress` after each where
/// that is true, and then a result.
pub(crate) async fn serve(gateway: &TestGateway, service: &str) -> JoinSet<()> {
    let mut double = Double::join(gateway, service).await;
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut calls: Vec<Stream> = Vec::new();
        while let Some(parts) = read_message(&mut double.stream).await {
            match decode(parts).expect("the gateway speaks the protocol") {
                Frame::Ping => double.send(Frame::Pong(Load::default())).await,
                Frame::Call(call) => calls.push(Stream::new(&call)),
                Frame::Credit { corr, ack } => {
                    for call in calls.iter_mut().filter(|call| call.corr == corr) {
                        call.ack = ack;
                    }
                }
                _ => {}
            }
            let mut bytes = Vec::new();
            for call in &mut calls {
                call.write(&mut bytes);
            }
            calls.retain(|call| !call.ended);
            if double.stream.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    serving
}

/// The content of the state after `step` of a call.
pub(crate) fn progress(step: u64) -> String {
    format!(r#"{{"message":"working","step":{step}}}"#)
}

/// The text of event `number` of [`serve`].
pub(crate) fn served_text(number: u64, bytes: usize) -> String {
    let mut text = format!("{number} ");
    while text.len() < bytes {
        text.push('.');
    }
    text
}

/// The whole text of a call of [`serve`].
pub(crate) fn served_texts(texts: u64, bytes: usize) -> String {
    (0..texts).map(|number| served_text(number, bytes)).collect()
}

/// One call of [`serve`].
struct Stream {
    corr: u64,
    window: u64,
    ack: u64,
    next: u64,
    texts: u64,
    bytes: usize,
    progress: bool,
    ended: bool,
}

impl Stream {
    fn new(call: &CallFrame) -> Self {
        let payload: Value = serde_json::from_slice(&call.payload).expect("the client's payload is JSON");
        Self {
            corr: call.corr,
            window: call.window.expect("a window"),
            ack: 0,
            next: 0,
            texts: payload["texts"].as_u64().unwrap_or(0),
            bytes: usize::try_from(payload["bytes"].as_u64().unwrap_or(0)).expect("a size"),
            progress: payload["progress"] == true,
            ended: false,
        }
    }

    /// Writes as much as there is credit for.
    fn write(&mut self, out: &mut Vec<u8>) {
        while self.next < self.texts && self.next < self.ack + self.window {
            let text = served_text(self.next, self.bytes);
            out.extend(stream_bytes(&encode(text_chunk(self.corr, self.next, text.as_bytes()))));
            if self.progress {
                let payload = Bytes::from(progress(self.next));
                let event = Frame::Event { corr: self.corr, name: "progress".to_owned(), key: None, payload };
                out.extend(stream_bytes(&encode(event)));
            }
            self.next += 1;
        }
        if self.next == self.texts && !self.ended {
            self.ended = true;
            let result = Frame::Result {
                corr: self.corr,
                seq: self.next,
                codec: Codec::Json,
                payload: Bytes::from_static(b"true"),
                buffers: Vec::new(),
            };
            out.extend(stream_bytes(&encode(result)));
        }
    }
}

fn text_chunk(corr: u64, seq: u64, text: &[u8]) -> Frame {
    let payload = Bytes::copy_from_slice(text);
    Frame::Chunk(Chunk { corr, seq, kind: ChunkKind::Text, payload, buffers: Vec::new() })
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

fn stream_bytes(parts: &[Bytes]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).expect("short").to_be_bytes();
    let total: usize = parts.iter().map(|part| 4 + part.len()).sum();
    let mut bytes = length(total).to_vec();
    for part in parts {
        bytes.extend(length(part.len()));
        bytes.extend(part);
    }
    bytes
}
