//! Getting the bare stream out of hyper once it has answered 101.
//!
//! Knows hyper and nothing of frames. The HTTP connection must be served `with_upgrades()`; its future ends when the
//! stream has been handed over, and should be dropped then, together with its buffers.

use std::future::Future;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use thiserror::Error;

use crate::handshake::Accept;

/// A stream that speaks WebSocket from here on.
#[derive(Debug)]
pub struct Transport<S> {
    /// The stream as it was accepted.
    pub stream: S,
    /// What the client sent before it saw the 101: frames, to be read before the stream is.
    pub early: Bytes,
}

/// Why there is no stream.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// The HTTP connection ended before the response was written.
    #[error("the connection ended during the upgrade")]
    Hyper(#[from] hyper::Error),
    /// The HTTP connection is not over `TokioIo<S>`.
    #[error("the upgraded stream is of another type")]
    StreamType,
}

/// The 101 response to `request`, and the stream that follows once it has been sent.
///
/// `S` is the type of stream that hyper was given inside a [`TokioIo`]. `subprotocol` must be one that the client
/// offered. The returned future waits for as long as hyper takes to write the response: give it a deadline.
pub fn upgrade<S, B>(
    request: Request<B>,
    accept: &Accept,
    subprotocol: Option<HeaderValue>,
) -> (Response<()>, impl Future<Output = Result<Transport<S>, UpgradeError>> + Send + use<S, B>)
where
    S: Send + 'static,
    TokioIo<S>: Read + Write + Unpin,
{
    let upgraded = hyper::upgrade::on(request);
    let transport = async move {
        let parts = upgraded.await?.downcast::<TokioIo<S>>().map_err(|_| UpgradeError::StreamType)?;
        // Even an empty buffer would keep hyper's memory for as long as the connection lasts.
        let early = if parts.read_buf.is_empty() { Bytes::new() } else { parts.read_buf };
        Ok(Transport { stream: parts.io.into_inner(), early })
    };
    (accept.response(subprotocol), transport)
}
