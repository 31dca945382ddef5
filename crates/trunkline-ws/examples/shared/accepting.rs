//! What the examples that are servers share: a connection is upgraded, and everything else refused.

use std::{
    convert::Infallible,
    future::{Future, ready},
    sync::Mutex,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpStream, time::timeout};
use trunkline_ws::{
    Deflate, handshake,
    upgrade::{Transport, UpgradeError, upgrade},
};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves HTTP until the connection is upgraded, or ends: then there is no transport.
pub(crate) async fn open(
    stream: TcpStream,
    agrees_to_deflate: bool,
) -> anyhow::Result<Option<(Transport<TcpStream>, Option<Deflate>)>> {
    stream.set_nodelay(true)?;
    // Boxed, so that a connection that has been upgraded does not carry the room for its handshake.
    timeout(HANDSHAKE_TIMEOUT, Box::pin(serve_http(stream, agrees_to_deflate))).await?
}

async fn serve_http(
    stream: TcpStream,
    agrees_to_deflate: bool,
) -> anyhow::Result<Option<(Transport<TcpStream>, Option<Deflate>)>> {
    let upgraded = Mutex::new(None);
    let service = service_fn(|request| {
        let (response, transport) = respond(request, agrees_to_deflate);
        *upgraded.lock().expect("nothing panics while holding it") = transport;
        ready(Ok::<_, Infallible>(response))
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await?;
    match upgraded.into_inner().expect("nothing panics while holding it") {
        Some(upgraded) => Ok(Some(upgraded.await?)),
        None => Ok(None),
    }
}

type Upgraded = Result<(Transport<TcpStream>, Option<Deflate>), UpgradeError>;

fn respond(
    request: Request<Incoming>,
    agrees_to_deflate: bool,
) -> (Response<Empty<Bytes>>, Option<impl Future<Output = Upgraded>>) {
    match handshake::accept(request.method(), request.version(), request.headers()) {
        Ok(mut accept) => {
            let deflate = if agrees_to_deflate { accept.agree_to_deflate() } else { None };
            let (response, transport) = upgrade(request, &accept, None);
            (response.map(|()| Empty::new()), Some(async move { Ok((transport.await?, deflate)) }))
        }
        Err(refusal) => (refusal.response().map(|()| Empty::new()), None),
    }
}
