//! Connections whose every text has one answer: `/ws-test` and `/ws/health`. They have no session.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use trunkline_protocol::{CloseCode, Dialect, ErrorCode};
use trunkline_ws::{Connection as Socket, Message, Options};

use super::{MISSES_MAX, close_code};
use crate::message::{self, Health};
use crate::node::Node;

/// Serves `/ws-test`: any text comes back as an `echo`.
pub(crate) async fn serve_echo<S>(node: Arc<Node>, stream: S, early: Bytes)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    serve_replies(node, stream, early, |text, _| message::echo_text_frame(text)).await;
}

/// Serves `/ws/health`: any text is answered with the state of this node.
pub(crate) async fn serve_health<S>(node: Arc<Node>, stream: S, early: Bytes)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    serve_replies(node, stream, early, |_, node| {
        message::reply_frame(Dialect::Payload, "health_response", None, &Health::now(node.status()))
    })
    .await;
}

/// Answers each text with one frame, until the client leaves, breaks the protocol or falls silent.
async fn serve_replies<S>(node: Arc<Node>, stream: S, early: Bytes, reply: impl Fn(&str, &Node) -> Bytes)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let options = Options {
        limits: node.settings.frame_limits(true),
        write_stall: node.settings.write_stall,
        ..Options::default()
    };
    let mut socket = Socket::new(stream, early, &options);
    let silence_max = node.settings.heartbeat * (MISSES_MAX + 1);
    let mut refused = false;
    loop {
        let drive = socket.drive(|message, queue| {
            if let Message::Text(text) = message {
                node.metrics.messages_in.inc();
                refused |= queue.push(reply(text, &node)).is_err();
            }
        });
        let outcome = tokio::select! {
            biased;
            outcome = drive => outcome,
            () = node.go_away.cancelled() => {
                return finish(&mut socket, CloseCode::Drain).await;
            }
            () = tokio::time::sleep(silence_max) => {
                return finish(&mut socket, CloseCode::HeartbeatTimeout).await;
            }
        };
        if outcome.is_err() {
            return;
        }
        if refused {
            return finish(&mut socket, CloseCode::SlowConsumer).await;
        }
    }
}

/// Carries out a close that has begun; the socket's own deadlines bound it.
async fn finish<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>, code: CloseCode) {
    socket.close(close_code(code), code.name());
    while socket.drive(|_, _| {}).await.is_ok() {}
}

/// Tells a client with wrong credentials so, and closes.
pub(crate) async fn refuse<S>(node: &Node, dialect: Dialect, stream: S, early: Bytes)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let options = Options { limits: node.settings.frame_limits(false), ..Options::default() };
    let mut socket = Socket::new(stream, early, &options);
    let error = ErrorCode::Unauthorized.with_message("the token is wrong");
    node.metrics.client_error(&error.code);
    // The queue of a new connection has room for one frame.
    let _ = socket.queue(message::error_frame(dialect, None, error));
    finish(&mut socket, CloseCode::AuthFailed).await;
}
