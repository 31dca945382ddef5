//! Environment variables and flags, laid over the tree of a file.
//!
//! `TRUNKLINE_SECTION__FIELD` sets `section.field`; the variable `WEBSOCKET_PORT` of existing set-ups sets the port of
//! `server.listen`. Later wins: file, `WEBSOCKET_PORT`, variables, flags. A variable that is empty counts as not set.
//! Knows where values go, not what they mean.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::finding::{Place, Report, Wrong};
use super::node::{Entries, Node, Value, quote};
use super::server::LISTEN_DEFAULT;

/// What a variable of ours begins with.
const PREFIX: &str = "TRUNKLINE_";

/// What stands between the names of a section and a field.
const SEPARATOR: &str = "__";

/// The name under which existing set-ups give the port.
const PORT_VARIABLE: &str = "WEBSOCKET_PORT";

/// Sections that variables can reach. Lists of tables have no names to address, so they are the file's alone.
const SECTIONS: [&str; 6] = ["server", "auth", "broker", "bridge", "limits", "telemetry"];

/// What the command line sets.
#[derive(Clone, Debug, Default)]
pub struct Overrides(Vec<(String, String, String)>);

impl Overrides {
    /// Lets `flag` (as the user typed it, such as `--listen`) set a dotted `field`, such as `server.listen`.
    pub fn set(&mut self, flag: impl Into<String>, field: impl Into<String>, value: impl Into<String>) {
        self.0.push((flag.into(), field.into(), value.into()));
    }
}

/// Lays variables and flags over the root of a tree.
pub(super) fn apply(root: &mut Entries, environment: &BTreeMap<String, String>, flags: Overrides, report: &Report) {
    if let Some(port) = environment.get(PORT_VARIABLE).filter(|port| !port.is_empty()) {
        apply_port(root, port, report);
    }
    for (name, value) in environment.iter().filter(|(_, value)| !value.is_empty()) {
        let Some(path) = name.strip_prefix(PREFIX).filter(|path| path.contains(SEPARATOR)) else { continue };
        let path = path.to_ascii_lowercase();
        let path: Vec<&str> = path.split(SEPARATOR).collect();
        let place = Place::Variable(name.clone());
        if SECTIONS.contains(&path[0]) {
            insert(root, &path, &place, value);
        } else {
            let unknown = Wrong::new("no section of this name can be set by a variable");
            report.warning(&place, path.join("."), unknown.did_you_mean(path[0], SECTIONS));
        }
    }
    for (flag, field, value) in flags.0 {
        insert(root, &field.split('.').collect::<Vec<_>>(), &Place::Flag(flag), &value);
    }
}

/// Sets the port of `server.listen`, whose host stays as it is. A listen address that is wrong is left for its reader.
fn apply_port(root: &mut Entries, port: &str, report: &Report) {
    let place = Place::Variable(PORT_VARIABLE.to_owned());
    let Ok(port) = port.parse::<u16>() else {
        let wrong = Wrong::expected("a port from 0 to 65535", quote(port));
        return report.mistake(&place, "server.listen", wrong);
    };
    let listen = match lookup(root, "server", "listen") {
        None => Some(LISTEN_DEFAULT),
        Some(Value::Text(text)) => text.parse::<SocketAddr>().ok(),
        Some(_) => None,
    };
    if let Some(mut listen) = listen {
        listen.set_port(port);
        insert(root, &["server", "listen"], &place, &listen.to_string());
    }
}

fn lookup<'a>(root: &'a Entries, section: &str, field: &str) -> Option<&'a Value> {
    match &root.get(section)?.1.value {
        Value::Table(entries) => Some(&entries.get(field)?.1.value),
        _ => None,
    }
}

/// Puts a text at a path, making the tables on the way. Where something else stands in the way, it stays: its reader
/// says that a table was expected.
fn insert(entries: &mut Entries, path: &[&str], place: &Place, text: &str) {
    let Some((key, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        let node = Node { place: place.clone(), value: Value::Loose(text.to_owned()) };
        entries.insert((*key).to_owned(), (place.clone(), node));
        return;
    }
    let empty = || (place.clone(), Node { place: place.clone(), value: Value::Table(Entries::new()) });
    if let Value::Table(inner) = &mut entries.entry((*key).to_owned()).or_insert_with(empty).1.value {
        insert(inner, rest, place, text);
    }
}
