//! A client's bytes, written by hand so that they can be wrong.

use std::{future::Future, pin::pin};

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use trunkline_ws::{Closed, Connection, Options};

use crate::splitting::Owned;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0xC4];

/// A masked frame that ends its message.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    masked(0x80 | opcode, payload)
}

/// A masked frame that does not end its message.
pub(crate) fn fragment(opcode: u8, payload: &[u8]) -> Vec<u8> {
    masked(opcode, payload)
}

/// A masked frame that begins a compressed message.
pub(crate) fn compressed(opcode: u8, last: bool, payload: &[u8]) -> Vec<u8> {
    masked(if last { 0xC0 } else { 0x40 } | opcode, payload)
}

pub(crate) fn close(code: u16) -> Vec<u8> {
    frame(CLOSE, &code.to_be_bytes())
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..126), _) => frame.push(0x80 | length),
        (_, Ok(length)) => {
            frame.push(0xFE);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(0xFF);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A connection over an in-memory pipe, and the client's end of it.
pub(crate) fn pipe(pipe_bytes: usize, options: &Options) -> (DuplexStream, Connection<DuplexStream>) {
    let (client, server) = tokio::io::duplex(pipe_bytes);
    (client, Connection::new(server, Bytes::new(), options))
}

/// What a connection went through until it was over.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) messages: Vec<Owned>,
    pub(crate) pings: u32,
    pub(crate) closed: Closed,
}

/// Drives a connection to its end, sending every text and binary message back.
pub(crate) async fn echo_until_closed(mut connection: Connection<DuplexStream>) -> Story {
    let mut messages = Vec::new();
    let mut pings = 0;
    loop {
        let activity = connection
            .drive(|message, replies| {
                let owned = Owned::from(message);
                match &owned {
                    Owned::Text(text) => replies.push_text(text).expect("there is room"),
                    Owned::Binary(bytes) => replies.push_binary(bytes).expect("there is room"),
                    _ => {}
                }
                messages.push(owned);
            })
            .await;
        match activity {
            Ok(activity) => pings += activity.pings,
            Err(closed) => return Story { messages, pings, closed },
        }
    }
}

/// The client sends `bytes` and reads until the server ends the stream; then it leaves.
pub(crate) async fn converse(options: &Options, bytes: &[u8]) -> (Story, Vec<u8>) {
    let (client, connection) = pipe(1 << 20, options);
    let (mut receive, mut send) = tokio::io::split(client);
    let client = async move {
        send.write_all(bytes).await.expect("the server reads");
        let mut received = Vec::new();
        receive.read_to_end(&mut received).await.expect("a pipe does not fail");
        drop(send);
        received
    };
    tokio::join!(echo_until_closed(connection), client)
}

/// Polls `future` once and drops it, as a `select!` does whose other arm is ready.
pub(crate) async fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    // A loop that never waits would use up the runtime's budget, and everything would seem pending.
    tokio::task::yield_now().await;
    let mut future = pin!(future);
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        std::task::Poll::Ready(value) => std::task::Poll::Ready(Some(value)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}
