//! The one port: HTTP, and the upgrades that leave it for the message lane.

mod api;
mod guard;
mod listener;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use trunkline_protocol::{Dialect, ErrorBody, ErrorCode, Wire};
use trunkline_ws::upgrade::{Transport, upgrade};
use trunkline_ws::{Deflate, handshake};

pub(crate) use self::api::router as api_router;
pub(crate) use self::guard::Guard;
pub(crate) use self::listener::{Listener, Place};
use crate::auth::Credentials;
use crate::config::Route;
use crate::connection::replies::{refuse, serve_echo, serve_health};
use crate::connection::{Accepted, serve};
use crate::node::Node;
use crate::routes::{ECHO_PATH, HEALTH_PATH};

/// The subprotocols, each with the dialect and codec that it chooses.
const SUBPROTOCOLS: [(&str, Wire); 2] =
    [("trunkline.v1.json", Wire::json(Dialect::Native)), ("trunkline.v1.msgpack", Wire::MESSAGE_PACK)];

/// Paths named in the answer to an unknown one.
const NEAREST_MAX: usize = 3;

/// Everything that answers requests.
pub(crate) struct Edge {
    node: Arc<Node>,
    guard: Guard,
    api: axum::Router,
    connections: TaskTracker,
}

/// Where an upgrade leads.
enum Endpoint {
    Echo,
    Health,
    Route(Arc<Route>),
}

impl Edge {
    pub(crate) fn new(node: Arc<Node>, guard: Guard, api: axum::Router, connections: TaskTracker) -> Self {
        Self { node, guard, api, connections }
    }

    /// Answers one request. `place` is held until the connection that it may become is over.
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        place: Arc<Place>,
    ) -> Result<Response<Body>, Infallible> {
        if let Err(refusal) = self.check(request.uri(), request.headers()) {
            self.node.metrics.handshake_refused(refusal.reason());
            let mut response = text_error(refusal.status(), refusal.message());
            // Who asks in the wrong place or form has nothing more to say here.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return Ok(response);
        }
        if is_upgrade(request.headers()) {
            return Ok(self.upgrade(request, place));
        }
        self.api.clone().oneshot(request.map(Body::new)).await
    }

    fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), guard::Refusal> {
        // A proxy's request, not one for this server: it must lead nowhere.
        if uri.scheme().is_some() || uri.authority().is_some() {
            return Err(guard::Refusal::Malformed);
        }
        self.guard.check_host(headers)?;
        guard::check_body(headers)
    }

    fn upgrade(&self, request: Request<Incoming>, place: Arc<Place>) -> Response<Body> {
        let refused = |reason: &'static str, response| {
            self.node.metrics.handshake_refused(reason);
            response
        };
        let mut accept = match handshake::accept(request.method(), request.version(), request.headers()) {
            Ok(accept) => accept,
            Err(refusal) => return refused("handshake", refusal.response().map(|()| Body::from(refusal.to_string()))),
        };
        if let Err(refusal) = self.guard.check_origin(request.headers()) {
            let origin =
                request.headers().get(http::header::ORIGIN).map(http::HeaderValue::as_bytes).unwrap_or_default();
            tracing::warn!(origin = %origin.escape_ascii(), "a connection was refused: {}", refusal.message());
            return refused(refusal.reason(), text_error(refusal.status(), refusal.message()));
        }
        if self.node.stopping.is_draining() {
            return refused("drain", unavailable("this gateway is stopping"));
        }
        if place.is_extra() {
            return refused("full", unavailable("this gateway has as many connections as it can hold"));
        }
        if !self.node.budget.has_room() {
            return refused(
                "memory",
                unavailable("this gateway's connections hold as much as they may (limits.buffer_bytes)"),
            );
        }
        let Some(endpoint) = self.endpoint(request.uri().path()) else {
            return refused("unknown_route", unknown_route(&self.node, request.uri().path()));
        };
        let query_token = token_in_query(request.uri());
        if query_token.is_some() && !endpoint.allows_query_token() {
            let message = "token_in_query: this route takes no token in the address; send it in the Authorization header, as a subprotocol or in hello";
            return refused("token_in_query", text_error(StatusCode::BAD_REQUEST, message));
        }
        let chosen = chosen_subprotocol(accept.subprotocols());
        let subprotocol = chosen.map(|(name, _)| HeaderValue::from_static(name));
        let credentials = match &endpoint {
            Endpoint::Route(route) => {
                let shown = self.node.auth.of_request(request.headers(), accept.subprotocols(), &route.realm);
                match (shown, query_token) {
                    (Credentials::None, Some(token)) => self.node.auth.of_token(&token, &route.realm),
                    (shown, _) => shown,
                }
            }
            Endpoint::Echo | Endpoint::Health => Credentials::None,
        };
        let deflate = match &endpoint {
            Endpoint::Route(route) if route.compress && self.admits(&credentials) => accept.agree_to_deflate(),
            _ => None,
        };
        let (response, transport) = upgrade::<TcpStream, _>(request, &accept, subprotocol);
        let node = Arc::clone(&self.node);
        self.connections.spawn(async move {
            let _place = place;
            let transport = match tokio::time::timeout(node.settings.handshake, transport).await {
                Ok(Ok(transport)) => transport,
                Ok(Err(error)) => return tracing::debug!(%error, "an upgrade was not completed"),
                Err(_) => return node.metrics.handshake_refused("handshake_timeout"),
            };
            let wire = chosen.map(|(_, wire)| wire);
            serve_endpoint(node, endpoint, credentials, wire, deflate, transport).await;
        });
        response.map(|()| Body::empty())
    }

    /// Whether a client with these credentials need not prove anything more. Only such a one may compress: what is inflated
    /// costs more than what is sent, and a browser that may compress does so from its first message on.
    fn admits(&self, credentials: &Credentials) -> bool {
        match credentials {
            Credentials::Valid(_) => true,
            Credentials::None => self.node.auth.anonymous().is_some(),
            Credentials::Wrong => false,
        }
    }

    fn endpoint(&self, path: &str) -> Option<Endpoint> {
        match path {
            ECHO_PATH => Some(Endpoint::Echo),
            HEALTH_PATH => Some(Endpoint::Health),
            path => self.node.routes.find(path).map(|route| Endpoint::Route(Arc::clone(route))),
        }
    }
}

/// The first subprotocol offered that is one of ours: a client names what it likes best first.
fn chosen_subprotocol(offered: &[String]) -> Option<(&'static str, Wire)> {
    offered.iter().find_map(|offered| SUBPROTOCOLS.into_iter().find(|(name, _)| name == offered))
}

async fn serve_endpoint(
    node: Arc<Node>,
    endpoint: Endpoint,
    credentials: Credentials,
    chosen: Option<Wire>,
    deflate: Option<Deflate>,
    transport: Transport<TcpStream>,
) {
    let Transport { stream, early } = transport;
    match (endpoint, credentials) {
        (Endpoint::Echo, _) => serve_echo(node, stream, early).await,
        (Endpoint::Health, _) => serve_health(node, stream, early).await,
        (Endpoint::Route(route), credentials) => {
            let wire = chosen.unwrap_or(Wire::json(route.dialect));
            let caller = match credentials {
                Credentials::None => None,
                Credentials::Valid(caller) => Some(caller),
                Credentials::Wrong => return refuse(&node, wire, stream, early).await,
            };
            serve(node, Accepted { route, wire, caller, deflate }, stream, early).await;
        }
    }
}

/// An error as HTTP clients get it.
#[derive(Serialize)]
struct HttpError<'a> {
    error: ErrorBody<'a>,
}

/// The answer to a path that no page has: it names the nearest ones, or says that a WebSocket is wanted.
fn unknown_route(node: &Node, path: &str) -> Response<Body> {
    if path == ECHO_PATH || node.routes.find(path).is_some() {
        let mut response = text_error(StatusCode::UPGRADE_REQUIRED, "connect to this path with a WebSocket");
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        return response;
    }
    let nearest = node.routes.nearest(path, NEAREST_MAX);
    let hint = nearest.first().map_or_else(String::new, |near| format!("; the nearest is {near}"));
    let mut error = ErrorCode::UnknownRoute.with_message(format!("no route has this path{hint}"));
    error.details = Some(Box::new(serde_json::json!({ "nearest": nearest })));
    json_error(StatusCode::NOT_FOUND, error)
}

fn json_error(status: StatusCode, error: ErrorBody<'_>) -> Response<Body> {
    let body = serde_json::to_vec(&HttpError { error }).expect("an error serialises into memory");
    respond(status, "application/json", body)
}

fn text_error(status: StatusCode, message: &'static str) -> Response<Body> {
    respond(status, "text/plain; charset=utf-8", format!("{message}\n"))
}

fn unavailable(message: &'static str) -> Response<Body> {
    let mut response = text_error(StatusCode::SERVICE_UNAVAILABLE, message);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn respond(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Whether a request asks to leave HTTP, however badly.
fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(http::header::UPGRADE) || headers.contains_key(http::header::SEC_WEBSOCKET_KEY)
}

impl Endpoint {
    /// Addresses end up in logs and histories: a token has no place in them, unless the route is one for old front ends.
    fn allows_query_token(&self) -> bool {
        matches!(self, Self::Route(route) if route.query_token)
    }
}

/// The token in a request's address.
fn token_in_query(uri: &Uri) -> Option<String> {
    let mut pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let is_token = |name: &str| matches!(name, "token" | "session_token" | "access_token");
    pairs.find_map(|(name, value)| (is_token(&name) && !value.is_empty()).then(|| value.into_owned()))
}
