//! What the gateway is told to do: `trunkline.toml`, environment variables and flags, read once into plain values.
//!
//! [`Config::load`] reports every mistake together, each with its place, before anything is opened. A section per
//! file holds the fields with their defaults; to add one, write it there and read it in the section's `read`.
//! This module knows files and names of fields; it starts nothing, and what runs never sees a text from here.

mod auth;
mod bridge;
mod broker;
mod finding;
mod limits;
mod node;
mod overlay;
mod route;
mod secret;
mod section;
mod server;
mod telemetry;
mod topic;
mod value;
mod worker;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use trunkline_core::router::Router;

pub use auth::{Auth, StaticToken};
pub use bridge::Bridge;
pub use broker::{Broker, BrokerKind, Durability, Retention};
pub(crate) use finding::nearest;
pub use finding::{Finding, Mistakes, Place};
pub use limits::Limits;
pub use overlay::Overrides;
pub use route::{AllowedServices, OnLeave, Route, Validation};
pub use secret::Secret;
pub use server::Server;
pub use telemetry::{LogFormat, Telemetry};
pub use topic::TopicRule;
pub use worker::{Transport, Worker};

use finding::{Report, Wrong};
use node::{Entries, Node, Value};
use section::Section;
use worker::Surroundings;

/// Largest configuration file, in bytes; a thousand routes need a quarter of it.
const FILE_BYTES_MAX: usize = 1 << 20;

/// What the gateway is told to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens, and whom it lets in.
    pub server: Server,
    /// Who may connect with which token.
    pub auth: Auth,
    /// Where channels, sessions and runs are kept.
    pub broker: Broker,
    /// Where workers connect.
    pub bridge: Bridge,
    /// Processes that it starts and keeps running.
    pub workers: Vec<Worker>,
    /// Which paths exist. Without any in the file: `/ws`, where every service may be named.
    pub routes: Vec<Route>,
    /// How much of which topics is kept.
    pub topics: Vec<TopicRule>,
    /// What clients may ask for.
    pub limits: Limits,
    /// What it says about itself.
    pub telemetry: Telemetry,
    table: Router,
}

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What was noticed: unknown keys, and settings that may not be meant.
    pub warnings: Vec<Finding>,
}

impl Config {
    /// Reads the file, then lays the environment's variables and the flags over it. Without a file, everything has its
    /// default.
    ///
    /// Fails with every mistake at once. Errors in the file's syntax come alone, because what the rest of the file
    /// means would be a guess.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        flags: Overrides,
    ) -> Result<Loaded, Mistakes> {
        let environment: BTreeMap<String, String> = environment.collect();
        let report = Report::default();
        let Some(mut source) = Source::open(file, &report) else { return Err(report.refuse()) };
        overlay::apply(&mut source.entries, &environment, flags, &report);
        let search = environment.get("PATH").map_or("", String::as_str);
        let read = |root: &mut Section<'_>| Self::read(root, &source.base, search);
        let config = Section::read(&report, "", &source.place, &source.entries, read);
        Ok(Loaded { config, warnings: report.finish()? })
    }

    /// The table of the routes' paths, numbered like [`Config::routes`].
    pub fn routes_table(&self) -> &Router {
        &self.table
    }

    fn read(root: &mut Section<'_>, base: &Path, search: &str) -> Self {
        let server = root.section("server", |section| Server::read(section, base));
        let auth = root.section("auth", Auth::read);
        let broker = root.section("broker", |section| Broker::read(section, base));
        let (bridge, has_zeromq) =
            root.section("bridge", |section| (Bridge::read(section, base, &broker.path), section.has("zeromq")));
        let surroundings = Surroundings { base, search, has_zeromq };
        let workers = Worker::read_all(root, &surroundings);
        let (routes, table) = Route::read_all(root);
        let topics = TopicRule::read_all(root);
        let limits = root.section("limits", Limits::read);
        let telemetry = root.section("telemetry", Telemetry::read);
        Self { server, auth, broker, bridge, workers, routes, topics, limits, telemetry, table }
    }
}

/// A file's content, or what stands for it when there is none.
struct Source {
    place: Place,
    /// The folder that paths are relative to; absolute.
    base: PathBuf,
    entries: Entries,
}

impl Source {
    /// Reads and parses the file. `None` if that failed: then the report has a mistake.
    fn open(file: Option<&Path>, report: &Report) -> Option<Self> {
        let place = file.map_or(Place::Default, |file| Place::File { file: file.into(), line: 0, column: 0 });
        let refused = |error: &io::Error| report.mistake(&place, "", Wrong::new(format!("cannot be read: {error}")));
        let base = base_of(file).inspect_err(refused).ok()?;
        let Some(file) = file else {
            return Some(Self { place, base, entries: Entries::new() });
        };
        let text = read_text(file).inspect_err(refused).ok()?;
        match Node::parse(&Arc::from(file), &text, report)? {
            Node { place, value: Value::Table(entries) } => Some(Self { place, base, entries }),
            Node { place, .. } => {
                report.mistake(&place, "", Wrong::new("expected a table"));
                None
            }
        }
    }
}

/// The folder of the file, or the current one.
fn base_of(file: Option<&Path>) -> io::Result<PathBuf> {
    match file {
        Some(file) => Ok(std::path::absolute(file)?.parent().map_or_else(PathBuf::new, Path::to_owned)),
        None => std::env::current_dir(),
    }
}

fn read_text(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(FILE_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    if text.len() > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
