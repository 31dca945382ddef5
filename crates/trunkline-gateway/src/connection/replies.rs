//! Connections whose every text has one answer: `/ws-test` and `/ws/health`. They have no session.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use trunkline_core::budget::Share;
use trunkline_protocol::{CloseCode, Dialect, ErrorCode, Wire};
use trunkline_ws::{Connection as Socket, Message, Options};

use super::violations::Violations;
use super::{MISSES_MAX, close_code, count_held, give_way};
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
        message::reply_frame(Wire::json(Dialect::Payload), "health_response", None, &Health::now(node.status()))
    })
    .await;
}

/// Answers each text with one frame, until the client leaves, breaks the protocol or falls silent.
async fn serve_replies<S>(node: Arc<Node>, stream: S, early: Bytes, reply: impl Fn(&str, &Node) -> Bytes)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let options = Options {
        // Nobody authenticates here.
        limits: node.settings.frame_limits(node.auth.anonymous().is_some()),
        write_stall: node.settings.write_stall,
        ..Options::default()
    };
    let mut socket = Socket::new(stream, early, &options);
    let mut share = Share::new(Arc::clone(&node.budget));
    let mut violations = Violations::default();
    let mut misses = 0;
    let mut close = None;
    let told = node.stopping.told();
    tokio::pin!(told);
    loop {
        let drive = socket.drive(|message, queue| match message {
            Message::Text(text) => {
                node.metrics.messages_in.inc();
                if queue.push(reply(text, &node)).is_err() {
                    close = Some(CloseCode::SlowConsumer);
                }
            }
            Message::Binary(_) => close = Some(CloseCode::Unsupported),
            Message::Ping(_) if violations.add_ping(node.clock.now()) => close = Some(CloseCode::RateLimited),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => {}
        });
        tokio::select! {
            biased;
            outcome = drive => match outcome {
                Ok(activity) => {
                    if activity.bytes_read > 0 {
                        misses = 0;
                    }
                    give_way(activity).await;
                }
                Err(_) => return,
            },
            () = &mut told => close = Some(CloseCode::Drain),
            () = tokio::time::sleep(node.settings.heartbeat) => {
                misses += 1;
                let pinged = socket.queue(trunkline_ws::frame::ping(b"")).is_ok();
                if misses > MISSES_MAX || !pinged {
                    close = Some(CloseCode::HeartbeatTimeout);
                }
            }
        }
        if !count_held(&mut share, &socket) {
            close = Some(CloseCode::Overloaded);
        }
        if let Some(code) = close {
            return finish(&mut socket, code).await;
        }
    }
}

/// Carries out a close that has begun; the socket's own deadlines bound it.
async fn finish<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>, code: CloseCode) {
    socket.close(close_code(code), code.name());
    while let Ok(activity) = socket.drive(|_, _| {}).await {
        give_way(activity).await;
    }
}

/// Tells a client with wrong credentials so, and closes.
pub(crate) async fn refuse<S>(node: &Node, wire: Wire, stream: S, early: Bytes)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let options = Options { limits: node.settings.frame_limits(false), ..Options::default() };
    let mut socket = Socket::new(stream, early, &options);
    let error = ErrorCode::Unauthorized.with_message("the token is wrong");
    node.metrics.client_error(&error.code);
    // The queue of a new connection has room for one frame.
    let _ = socket.queue(message::error_frame(wire, None, error));
    finish(&mut socket, CloseCode::AuthFailed).await;
}
