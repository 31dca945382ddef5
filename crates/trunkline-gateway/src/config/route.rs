//! `[[route]]`: which paths exist, and which service a message on one of them goes to.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use trunkline_core::router::{Pattern, Router};
use trunkline_core::turns::WhileBusy;
use trunkline_protocol::Dialect;
use trunkline_protocol::old_frames::OldFrames;

use super::finding::{Place, Wrong, nearest};
use super::node::{Node, quote};
use super::section::Section;
use super::value;
use crate::routes::{ECHO_PATH, HEALTH_PATH};

/// Paths that the gateway itself serves.
const RESERVED_PATHS: [&str; 2] = [ECHO_PATH, HEALTH_PATH];

/// The path of the route that exists when none is configured.
const DEFAULT_PATH: &str = "/ws";

/// What the names of services inside the gateway begin with.
const BUILTIN_PREFIX: &str = "builtin:";

/// Services inside the gateway.
const BUILTIN_SERVICES: [&str; 1] = ["builtin:echo"];

/// How long a run may take if its route does not say.
const DEADLINE_DEFAULT: Duration = Duration::from_mins(2);

/// Longest name of a service or message type, in bytes (`protocol/client.md` §1, `protocol/worker.md` §1).
const NAME_BYTES_MAX: usize = 128;

/// A path, and which service a message on it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The path, which may have parameters: `/api/ws/liaison/{pillar}`.
    pub path: Pattern,
    /// What a connection speaks unless it asks for something else. Default: payload.
    pub dialect: Dialect,
    /// The realm of its sessions. Default: `default`.
    pub realm: String,
    /// The service of messages that nothing else decides. Default: none, and such messages must name one.
    pub service: Option<String>,
    /// The service of a message type, or of all types that begin with what stands before `*`. Default: none.
    pub types: BTreeMap<String, String>,
    /// Further services that a message may name. Default: none.
    pub services: AllowedServices,
    /// What is looked at in a client's message before a service gets it. Default: off.
    pub validate: Validation,
    /// What its services can do, as clients of dialect `open` are told. Default: nothing.
    pub capabilities: Vec<String>,
    /// Whether old front ends may send their token in the address (`?session_token=`). Default: no.
    pub query_token: bool,
    /// Whether messages may be compressed, by clients that prove in the upgrade who they are. Default: no.
    pub compress: bool,
    /// How frames without a type are read: `type_from`, `default_type`, `text_type`. Default: they are refused.
    pub(crate) old_frames: Option<OldFrames>,
    /// What becomes of a message while its session has a run. Default: it waits.
    pub while_busy: WhileBusy,
    /// What becomes of its runs when the last connection of their session is gone. Default: they go on.
    pub on_leave: OnLeave,
    /// How long a run may take, at most an hour. Default: 120 s.
    pub deadline: Duration,
    /// Where it is defined.
    pub place: Place,
}

/// The names of what a route does while a session is busy.
const WHILE_BUSY: [(&str, WhileBusy); 5] = [
    ("queue", WhileBusy::Queue),
    ("parallel", WhileBusy::Parallel),
    ("reject", WhileBusy::Reject),
    ("interrupt", WhileBusy::Interrupt),
    ("steer", WhileBusy::Steer),
];

/// What becomes of a run when the last connection of its session is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLeave {
    /// It goes on.
    #[default]
    Continue,
    /// It is cancelled, unless a connection comes back within 10 s.
    Cancel,
}

impl OnLeave {
    const NAMES: [(&'static str, Self); 2] = [("continue", Self::Continue), ("cancel", Self::Cancel)];
}

/// What of a client's message is checked against the catalogue (`protocol/schema/messages`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// Nothing: any type goes to the service that the route names.
    #[default]
    Off,
    /// Its type: one of the catalogue, or one that the route's `types` name.
    KnownTypes,
    /// Its type, and that the message is what its type says.
    Strict,
}

impl Validation {
    const NAMES: [(&'static str, Self); 3] =
        [("off", Self::Off), ("known types", Self::KnownTypes), ("strict", Self::Strict)];
}

/// Services that a message may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedServices {
    /// Every service that exists (`["*"]`).
    Any,
    /// These.
    Only(Vec<String>),
}

impl Route {
    /// The service of a message of this type that names none: by exact type, then by the longest glob, then the
    /// route's own.
    pub fn service_for(&self, message_type: &str) -> Option<&str> {
        let fits = |(pattern, _): &(&String, &String)| {
            pattern.strip_suffix('*').is_some_and(|prefix| message_type.starts_with(prefix))
        };
        let by_glob = || self.types.iter().filter(fits).max_by_key(|(pattern, _)| pattern.len());
        let by_type = self.types.get(message_type).or_else(|| by_glob().map(|(_, service)| service));
        by_type.or(self.service.as_ref()).map(String::as_str)
    }

    /// Whether [`Route::types`] name this message type, exactly or by a glob.
    pub fn names_type(&self, message_type: &str) -> bool {
        let fits = |pattern: &String| pattern.strip_suffix('*').is_some_and(|prefix| message_type.starts_with(prefix));
        self.types.contains_key(message_type) || self.types.keys().any(fits)
    }

    /// The services that the route itself leads to.
    pub fn own_services(&self) -> impl Iterator<Item = &str> {
        self.service.iter().chain(self.types.values()).map(String::as_str)
    }

    /// Whether a message may name this service: one of [`Route::services`], or one that the route uses anyway.
    pub fn allows(&self, service: &str) -> bool {
        let is_own = || self.own_services().any(|own| own == service);
        match &self.services {
            AllowedServices::Any => true,
            AllowedServices::Only(services) => services.iter().any(|allowed| allowed == service) || is_own(),
        }
    }

    /// Reads every `[[route]]`, and gives the table of their paths. Without any there is the default one.
    pub(super) fn read_all(root: &mut Section<'_>) -> (Vec<Self>, Router) {
        let is_default = !root.has("route");
        let mut routes = root.sections("route", Self::read);
        if is_default {
            routes.extend(Self::default_route().map(|route| (String::new(), route)));
        }
        let table = table_of(root, &mut routes);
        (routes.into_iter().map(|(_, route)| route).collect(), table)
    }

    /// The route that exists when none is configured: any service may be named, none is the default.
    fn default_route() -> Option<Self> {
        Some(Self {
            path: Pattern::parse(DEFAULT_PATH).ok()?,
            dialect: Dialect::Payload,
            realm: "default".to_owned(),
            service: None,
            types: BTreeMap::new(),
            services: AllowedServices::Any,
            validate: Validation::Off,
            capabilities: Vec::new(),
            query_token: false,
            compress: false,
            old_frames: None,
            while_busy: WhileBusy::Queue,
            on_leave: OnLeave::Continue,
            deadline: DEADLINE_DEFAULT,
            place: Place::Default,
        })
    }

    /// A route with the name of its path's field, if it has a path: what else is wrong does not keep its path from
    /// being compared with the others'.
    fn read(section: &mut Section<'_>) -> Option<(String, Self)> {
        const DEADLINES: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(1);
        let dialects = Dialect::ALL.map(|dialect| (dialect.name(), dialect));
        let path = section.required("path", "\"/ws\"", path);
        let dialect = section.or("dialect", Dialect::Payload, value::choice(&dialects));
        let realm = section.or("realm", "default".to_owned(), value::name);
        let own = section.optional("service", service);
        let types = section.table("types", type_rule).into_iter().collect();
        let services = allowed_services(section);
        let validate = section.or("validate", Validation::Off, value::choice(&Validation::NAMES));
        let capabilities = section.list("capabilities", value::name);
        let query_token = section.or("query_token", false, value::boolean);
        let compress = section.or("compress", false, value::boolean);
        let old_frames = old_frames(section, dialect);
        let while_busy = section.or("while_busy", WhileBusy::Queue, value::choice(&WHILE_BUSY));
        let on_leave = section.or("on_leave", OnLeave::Continue, value::choice(&OnLeave::NAMES));
        let deadline = section.or("deadline", DEADLINE_DEFAULT, value::duration(DEADLINES));
        if !["service", "types", "services"].iter().any(|key| section.has(key)) {
            let wrong = Wrong::new("the route leads to no service");
            section.mistake("service", wrong.hint("set service, types or services; services = [\"*\"] allows any"));
        }
        let place = section.place("path");
        let route = Self {
            path: path?,
            dialect,
            realm,
            service: own,
            types,
            services,
            validate,
            capabilities,
            query_token,
            compress,
            old_frames,
            while_busy,
            on_leave,
            deadline,
            place,
        };
        Some((section.field("path"), route))
    }
}

/// The table of the routes' paths. Routes whose path is taken are reported and left out.
fn table_of(root: &Section<'_>, routes: &mut Vec<(String, Route)>) -> Router {
    loop {
        let patterns = routes.iter().map(|(_, route)| route.path.clone()).collect();
        let ties = match Router::new(patterns) {
            Ok(table) => return table,
            Err(ties) => ties,
        };
        for tie in ties.iter().rev() {
            let (field, second) = routes.remove(tie.second);
            let first = &routes[tie.first].1;
            let [claim, taken] = [&second, first].map(|route| quote(route.path.as_str()));
            let wrong = Wrong::new(format!("{claim} fits the same paths as {taken} at {}", first.place));
            root.report().mistake(&second.place, field, wrong.hint("remove one of the two routes, or change its path"));
        }
    }
}

fn path(node: &Node) -> Result<Pattern, Wrong> {
    let text = value::text(node)?;
    let refused = |reason: String| Wrong::expected("a path such as \"/ws/{room}\"", node.describe()).hint(reason);
    let pattern = Pattern::parse(&text).map_err(|error| refused(error.to_string()))?;
    match RESERVED_PATHS.iter().find(|reserved| is_exactly(&pattern, reserved)) {
        Some(_) => Err(Wrong::new(format!("{} is served by the gateway itself", node.describe()))),
        None => Ok(pattern),
    }
}

/// Whether a pattern fits a path without parameters.
fn is_exactly(pattern: &Pattern, path: &str) -> bool {
    Router::new(vec![pattern.clone()]).is_ok_and(|router| router.find(path).is_ok_and(|found| found.params.is_empty()))
}

/// The name of a service: a worker's, or one of the gateway's own.
fn service(node: &Node) -> Result<String, Wrong> {
    let wrong = || Wrong::expected("the name of a service", node.describe());
    let name = value::text(node)?;
    if name.len() > NAME_BYTES_MAX || name.contains([' ', '*']) {
        return Err(wrong());
    }
    if name.starts_with(BUILTIN_PREFIX) && !BUILTIN_SERVICES.contains(&name.as_str()) {
        return Err(match nearest(&name, BUILTIN_SERVICES) {
            Some(near) => wrong().hint(format!("did you mean \"{near}\"?")),
            None => wrong().hint(format!("built in are: {}", BUILTIN_SERVICES.join(", "))),
        });
    }
    Ok(name)
}

/// `type_from`, `default_type` and `text_type`, if one of them is there.
fn old_frames(section: &mut Section<'_>, dialect: Dialect) -> Option<OldFrames> {
    let is_there = ["type_from", "default_type", "text_type"].into_iter().find(|key| section.has(key));
    let type_from = section.list("type_from", message_type);
    let default_type = section.optional("default_type", message_type);
    let text_type = section.optional("text_type", message_type);
    let key = is_there?;
    if dialect == Dialect::Native {
        let wrong = Wrong::new("frames of dialect native always have a type");
        section.mistake(key, wrong.hint("give the route the dialect of its old clients"));
    }
    Some(OldFrames { type_from, default_type, text_type })
}

/// The name of a message type, or of a field.
fn message_type(node: &Node) -> Result<String, Wrong> {
    let name = value::text(node)?;
    let fits = !name.is_empty() && name.len() <= NAME_BYTES_MAX;
    if fits { Ok(name) } else { Err(Wrong::expected("a name of 1 to 128 bytes", node.describe())) }
}

fn type_rule(name: &str, node: &Node) -> Result<(String, String), Wrong> {
    let has_inner_star = name.strip_suffix('*').unwrap_or(name).contains('*');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || has_inner_star {
        return Err(Wrong::expected("a message type, or a beginning and `*` such as \"file.*\"", quote(name)));
    }
    Ok((name.to_owned(), service(node)?))
}

fn allowed_services(section: &mut Section<'_>) -> AllowedServices {
    let names = section.list("services", |node| match value::text(node)?.as_str() {
        "*" => Ok("*".to_owned()),
        _ => service(node),
    });
    match names.as_slice() {
        [star] if star == "*" => AllowedServices::Any,
        names if names.iter().any(|name| name == "*") => {
            section.mistake("services", Wrong::expected("[\"*\"] alone, or names", "both"));
            AllowedServices::Any
        }
        _ => AllowedServices::Only(names),
    }
}
