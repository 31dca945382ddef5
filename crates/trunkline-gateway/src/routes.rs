//! Which route a path has, and where a message of that route goes.

use std::sync::Arc;

use trunkline_catalogue::Catalogue;
use trunkline_catalogue::check::{self, Refused, Sender};
use trunkline_catalogue::model::{Direction, MessageType};
use trunkline_core::router::{Pattern, Router};
use trunkline_protocol::{Dialect, Envelope, ErrorBody, ErrorCode};

use crate::config::{Route, Validation, nearest};

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination<'r> {
    /// The built-in echo.
    Echo,
    /// A service of the workers.
    Service(&'r str),
}

/// The name of the built-in echo in the configuration.
pub(crate) const ECHO: &str = "builtin:echo";

/// Where any text comes back.
pub(crate) const ECHO_PATH: &str = "/ws-test";

/// Where any text is answered with the state of this node.
pub(crate) const HEALTH_PATH: &str = "/ws/health";

/// Paths that exist without configuration.
const BUILT_IN_PATHS: [&str; 6] =
    [ECHO_PATH, HEALTH_PATH, "/api/endpoints", "/health/live", "/health/ready", "/metrics"];

/// Where a message goes: to the service that it names, where the route allows that, else to the one of its type.
pub(crate) fn destination<'r>(
    route: &'r Route,
    message: &'r Envelope<'_>,
) -> Result<Destination<'r>, ErrorBody<'static>> {
    let named = message.to.as_ref().and_then(|to| to.service());
    match named.or_else(|| route.service_for(&message.kind)) {
        Some(service) if named.is_some() && !route.allows(service) => {
            let reason = format!(
                "the route {} does not lead to the service {service:?}; name it in the route's services in the gateway's configuration",
                route.path
            );
            Err(ErrorCode::PermissionDenied.with_message(reason))
        }
        Some(ECHO) => Ok(Destination::Echo),
        Some(service) => Ok(Destination::Service(service)),
        None => {
            let reason = format!(
                "the route {} has no service for messages of type {:?}; configure one (service = \"…\" in its [[route]]), or name it in to.service",
                route.path, message.kind
            );
            Err(ErrorCode::UnknownType.with_message(reason))
        }
    }
}

/// Checks a client's message as far as its route says. `frame` is what the envelope was read from.
///
/// A type that the route itself names is known there although the catalogue has nothing to say of it.
pub(crate) fn validate(
    route: &Route,
    dialect: Dialect,
    envelope: &Envelope<'_>,
    frame: &str,
) -> Result<(), ErrorBody<'static>> {
    let checked = match route.validate {
        Validation::Off => return Ok(()),
        Validation::KnownTypes => check::check_type(dialect, route.dialect, Sender::Client, &envelope.kind),
        Validation::Strict => check::check_envelope(dialect, route.dialect, Sender::Client, envelope, frame),
    };
    match checked {
        Ok(_) => Ok(()),
        Err(Refused::Unknown(_)) if route.names_type(&envelope.kind) => Ok(()),
        Err(Refused::Unknown(_)) => {
            let said = format!("type: {} {}", envelope.kind, what_to_do(route, dialect, &envelope.kind));
            Err(ErrorCode::UnknownType.with_message(said))
        }
        Err(error @ Refused::Direction { .. }) => Err(ErrorCode::UnknownType.with_message(error.to_string())),
        Err(error @ (Refused::Fault(_) | Refused::NotJson { .. })) => {
            Err(ErrorCode::BadRequest.with_message(error.to_string()))
        }
    }
}

/// What to say of a type that this route does not know.
fn what_to_do(route: &Route, dialect: Dialect, kind: &str) -> String {
    let catalogue = Catalogue::embedded();
    let has_it = |other: &Dialect| catalogue.types(*other).iter().any(|known| known.name == kind);
    let others: Vec<&str> = Dialect::ALL.into_iter().filter(has_it).map(Dialect::name).collect();
    if !others.is_empty() {
        let noun = if others.len() == 1 { "dialect" } else { "dialects" };
        return format!("is a type of {noun} {}; this route speaks {}", others.join(" and "), route.dialect.name());
    }
    let of = |dialect| catalogue.types(dialect).iter().chain(catalogue.carried(dialect));
    let is_sent = |known: &&MessageType| known.direction != Direction::ToClient && !known.local;
    let known = of(route.dialect).chain(of(dialect)).filter(is_sent).map(|known| &*known.name);
    let near = nearest(kind, known.chain(route.types.keys().map(String::as_str)));
    let near = near.map(|near| format!("did you mean {near}? ")).unwrap_or_default();
    format!("is not in the catalogue; {near}the route's `types` can allow it")
}

/// The routes of this node.
pub(crate) struct Routes {
    router: Router,
    /// The routes and the paths that are built in, for suggestions.
    known: Router,
    all: Vec<Arc<Route>>,
}

impl Routes {
    /// `table` numbers its routes as they stand in `routes`.
    pub(crate) fn new(table: Router, routes: Vec<Route>) -> Self {
        if routes.iter().any(|route| route.validate != Validation::Off) {
            // Read now, not with the first message.
            Catalogue::embedded();
        }
        let built_in = BUILT_IN_PATHS.into_iter().filter_map(|path| Pattern::parse(path).ok());
        let known = Router::new(table.patterns().iter().cloned().chain(built_in).collect());
        // A route may have the path of an HTTP page; then there is nothing to add.
        let known = known.unwrap_or_else(|_| table.clone());
        Self { router: table, known, all: routes.into_iter().map(Arc::new).collect() }
    }

    /// The route of a path.
    pub(crate) fn find(&self, path: &str) -> Option<&Arc<Route>> {
        let found = self.router.find(path).ok()?;
        self.all.get(found.route)
    }

    /// The known paths that are nearest to one without a route.
    pub(crate) fn nearest(&self, path: &str, count: usize) -> Vec<String> {
        self.known.nearest(path, count).into_iter().map(ToOwned::to_owned).collect()
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.all.iter()
    }
}
