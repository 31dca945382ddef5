//! What plain HTTP requests get: health, metrics, the list of endpoints, and the pages.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, HOST, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tower_http::services::ServeDir;
use trunkline_broker::{Batch, Expect, Op, Put};
use trunkline_protocol::Dialect;

use super::{SUBPROTOCOLS, unknown_route};
use crate::message::Health;
use crate::node::Node;
use crate::routes::{ECHO_PATH, HEALTH_PATH};
use crate::supervision::Supervision;

/// How long the probe of the data path may take.
const PROBE_WITHIN: Duration = Duration::from_secs(2);

/// The value that the probe writes.
const PROBE_KEY: &str = "probe/ready";

/// Pages load nothing from elsewhere and run no inline script.
const CONTENT_POLICY: &str =
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'";

#[derive(Clone)]
struct Api {
    node: Arc<Node>,
    supervision: Arc<Supervision>,
    registry: Arc<Registry>,
}

/// The routes of HTTP. `page` is a folder of static files for `/`.
pub(crate) fn router(
    node: Arc<Node>,
    supervision: Arc<Supervision>,
    registry: Registry,
    page: Option<&Path>,
) -> Router {
    let api = Api { node: Arc::clone(&node), supervision, registry: Arc::new(registry) };
    let router = Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route(HEALTH_PATH, get(health))
        .route("/api/endpoints", get(endpoints))
        .route("/api/asyncapi.json", get(asyncapi))
        .route("/metrics", get(metrics))
        .with_state(api);
    let missing = Router::new().fallback(move |request: Request| {
        let node = Arc::clone(&node);
        async move { unknown_route(&node, request.uri().path()) }
    });
    let router = match page {
        Some(folder) => router.fallback_service(ServeDir::new(folder).fallback(missing)),
        None => router.route("/", get(index)).fallback_service(missing),
    };
    router.layer(middleware::from_fn(with_security_headers))
}

async fn with_security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The process runs.
async fn live() -> &'static str {
    "live\n"
}

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    checks: Map<String, Value>,
}

/// The node can do its work: it takes clients, the store takes and gives values, and its workers are not failing.
async fn ready(State(api): State<Api>) -> Response {
    let store =
        if api.node.store_failed.load(Ordering::Relaxed) { Err("failed".to_owned()) } else { probe(&api.node).await };
    let draining = api.node.stopping.is_draining();
    let disk_is_full = api.node.runs.disk.is_full();
    let workers = api.supervision.report();
    let ready = store.is_ok() && !draining && !disk_is_full && workers.iter().all(|worker| !worker.failing);
    let mut checks = Map::new();
    checks.insert("clients".to_owned(), json!(if draining { "draining" } else { "ok" }));
    checks.insert("store".to_owned(), json!(store.err().unwrap_or_else(|| "ok".to_owned())));
    checks.insert("disk".to_owned(), json!(if disk_is_full { "almost full" } else { "ok" }));
    checks.insert("workers".to_owned(), json!(workers));
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = Ready { status: if ready { "ready" } else { "not ready" }, checks };
    (status, Json(body)).into_response()
}

/// Writes a value and reads it again.
async fn probe(node: &Node) -> Result<(), String> {
    let value = crate::clock::timestamp();
    let put =
        Put { key: PROBE_KEY.to_owned(), value: value.clone().into(), expect: Expect::Anything, keep_ms: Some(60_000) };
    let round_trip = async {
        node.broker.commit(Batch { ops: vec![Op::Put(put)], ..Batch::default() }).await?;
        node.broker.get(PROBE_KEY).await
    };
    match tokio::time::timeout(PROBE_WITHIN, round_trip).await {
        Ok(Ok(Some(_))) => Ok(()),
        Ok(Ok(None)) => Err("a value that was written is not there".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

async fn health(State(api): State<Api>) -> Json<Health> {
    Json(Health::now(api.node.status()))
}

async fn metrics(State(api): State<Api>) -> Response {
    let node = &api.node;
    node.metrics.runs_open.set(i64::try_from(node.runs.live_count()).unwrap_or(i64::MAX));
    node.metrics.sessions_live.set(i64::try_from(node.sessions.live_count()).unwrap_or(i64::MAX));
    node.metrics.buffer_bytes.set(i64::try_from(node.budget.taken()).unwrap_or(i64::MAX));
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &api.registry) {
        Ok(()) => super::respond(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", text),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Every path that a client can connect to.
async fn endpoints(State(api): State<Api>) -> Json<Value> {
    let services = api.node.bridge.services();
    let is_served = |name: &str| {
        name == crate::routes::ECHO || services.iter().any(|status| status.name == name && !status.workers.is_empty())
    };
    // A route that only lets messages name a service is as good as what they name.
    let state = |route: &crate::config::Route| {
        if route.own_services().all(is_served) { "available" } else { "no_worker" }
    };
    let routes = api.node.routes.iter().map(|route| {
        json!({
            "path": route.path.to_string(), "dialect": route.dialect.name(), "subprotocols": SUBPROTOCOLS.map(|(name, _)| name),
            "realm": route.realm, "service": route.service, "state": state(route),
        })
    });
    let built_in =
        [ECHO_PATH, HEALTH_PATH].map(|path| json!({ "path": path, "dialect": "payload", "state": "available" }));
    let all: Vec<_> = routes.chain(built_in).collect();
    Json(json!({ "endpoints": all, "limits": api.node.settings.limits }))
}

/// Every message type, for tools: the host is the one that was asked, and a dialect's address its route where it has one
/// alone.
async fn asyncapi(State(api): State<Api>, headers: HeaderMap) -> Response {
    let mut document: Value = match serde_json::from_str(trunkline_catalogue::ASYNCAPI) {
        Ok(document) => document,
        Err(error) => {
            tracing::error!(%error, "the description of messages cannot be read");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    if let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) {
        document["servers"]["gateway"] = json!({ "host": host, "protocol": "ws" });
    }
    for dialect in Dialect::ALL {
        let routes: Vec<String> = api
            .node
            .routes
            .iter()
            .filter(|route| route.dialect == dialect)
            .map(|route| route.path.to_string())
            .collect();
        describe_addresses(&mut document["channels"][dialect.name()], &routes);
    }
    super::respond(StatusCode::OK, "application/json", document.to_string())
}

/// Says of a dialect's channel where clients connect that speak it. The document has room for one address.
fn describe_addresses(channel: &mut Value, paths: &[String]) {
    if let [path] = paths {
        channel["address"] = json!(path);
        let names = path.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
        let parameters: Map<String, Value> = names.map(|(name, _)| (name.to_owned(), json!({}))).collect();
        if !parameters.is_empty() {
            channel["parameters"] = parameters.into();
        }
    }
    if !paths.is_empty() {
        let description = channel["description"].as_str().unwrap_or_default();
        channel["description"] = json!(format!("{description} Here: {}.", paths.join(", ")));
    }
}

/// What a person sees who opens the port of a gateway without pages.
async fn index() -> Response<Body> {
    let text = "Trunkline is running.\n\nGET /api/endpoints lists where clients connect, GET /api/asyncapi.json what they say, GET /health/ready tells how it is doing, GET /metrics counts.\n";
    super::respond(StatusCode::OK, "text/plain; charset=utf-8", text)
}
