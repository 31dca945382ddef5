//! The arrows between crates, proved with `cargo metadata`.
//!
//! `trunkline → gateway → {bridge, broker, client, ws} → {catalogue, core} → protocol`: a crate uses crates of
//! inner layers only, and protocol, catalogue and core reach no runtime, clock or random source through
//! anything that they use. Only normal dependencies count: tests may use what they like.
//!
//! To add a crate: name it in [`LAYERS`] or, if only development needs it, in [`DEVELOPMENT`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::report::Finding;

/// The product's crates from the inside out. A crate may use crates of earlier rows.
const LAYERS: &[&[&str]] = &[
    &["trunkline-protocol"],
    &["trunkline-catalogue", "trunkline-core"],
    &["trunkline-bridge", "trunkline-broker", "trunkline-client", "trunkline-ws"],
    &["trunkline-gateway"],
    &["trunkline"],
];

/// Crates that only development needs; they may use everything, and no product crate uses them.
const DEVELOPMENT: &[&str] = &["bench", "faults", "simulation", "xtask"];

/// Crates whose whole tree of dependencies must be free of [`IMPURE`].
const PURE: &[&str] = &["trunkline-protocol", "trunkline-catalogue", "trunkline-core"];

/// Runtimes, clocks and random sources.
const IMPURE: &[&str] = &[
    "async-std",
    "chrono",
    "fastrand",
    "getrandom",
    "hyper",
    "instant",
    "jiff",
    "mio",
    "quanta",
    "rand",
    "smol",
    "socket2",
    "time",
    "tokio",
    "web-time",
];

const ARROW: &str = "arrow";
const PURITY: &str = "purity";

/// Reads the workspace's metadata and checks it.
pub(crate) fn run(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root)
        .output()
        .context("failed to run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("failed to read cargo metadata")?;
    Ok(check(&Graph::from(metadata)))
}

/// Which package uses which, by name; `members` are the workspace's own.
#[derive(Debug, Default)]
struct Graph {
    members: BTreeSet<String>,
    uses: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn uses(&self, name: &str) -> impl Iterator<Item = &str> {
        self.uses.get(name).into_iter().flatten().map(String::as_str)
    }

    /// Everything that `start` reaches, each with the package that first led there.
    fn reached_from<'g>(&'g self, start: &'g str) -> BTreeMap<&'g str, &'g str> {
        let mut reached = BTreeMap::new();
        let mut waiting = vec![start];
        while let Some(name) = waiting.pop() {
            for used in self.uses(name) {
                if !reached.contains_key(used) {
                    reached.insert(used, name);
                    waiting.push(used);
                }
            }
        }
        reached
    }
}

fn check(graph: &Graph) -> Vec<Finding> {
    let arrows = graph.members.iter().flat_map(|name| arrows_of(graph, name));
    arrows.chain(PURE.iter().flat_map(|name| impurities(graph, name))).collect()
}

fn arrows_of(graph: &Graph, name: &str) -> Vec<Finding> {
    if DEVELOPMENT.contains(&name) {
        return Vec::new();
    }
    let Some(layer) = layer_of(name) else {
        return vec![Finding::whole(name, ARROW, "has no layer; name it in crates/xtask/src/arrows.rs")];
    };
    graph
        .uses(name)
        .filter(|used| graph.members.contains(*used))
        .filter(|used| layer_of(used).is_none_or(|inner| inner >= layer))
        .map(|used| Finding::whole(name, ARROW, format!("uses {used}, which is not further inside")))
        .collect()
}

fn layer_of(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

fn impurities(graph: &Graph, name: &str) -> Vec<Finding> {
    graph
        .reached_from(name)
        .into_iter()
        .filter(|(used, _)| IMPURE.contains(used))
        .map(|(used, through)| Finding::whole(name, PURITY, format!("reaches {used} through {through}")))
        .collect()
}

/// The part of `cargo metadata` that is read here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// Absent for a normal dependency, else `dev` or `build`.
    kind: Option<String>,
}

impl From<Metadata> for Graph {
    fn from(metadata: Metadata) -> Self {
        let names: BTreeMap<String, String> =
            metadata.packages.into_iter().map(|package| (package.id, package.name)).collect();
        let name_of = |id: &String| names.get(id).cloned();
        let members = metadata.workspace_members.iter().filter_map(name_of).collect();
        let mut graph = Self { members, uses: BTreeMap::new() };
        for node in &metadata.resolve.nodes {
            let normal = node.deps.iter().filter(|used| used.dep_kinds.iter().any(|kind| kind.kind.is_none()));
            // Two versions of one package share a node: what either reaches, the name reaches.
            let uses = graph.uses.entry(name_of(&node.id).unwrap_or_default()).or_default();
            uses.extend(normal.filter_map(|used| name_of(&used.pkg)));
        }
        graph
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace from lines `user: used used`; names that stand before a colon and are no `dep-*` are members.
    fn graph(lines: &str) -> Graph {
        let mut graph = Graph::default();
        for (user, used) in lines.lines().filter_map(|line| line.trim().split_once(':')) {
            if !user.starts_with("dep-") {
                graph.members.insert(user.to_owned());
            }
            graph.uses.insert(user.to_owned(), used.split_whitespace().map(str::to_owned).collect());
        }
        graph
    }

    fn check_lines(lines: &str, expected: &[&str]) {
        let found: Vec<String> = check(&graph(lines)).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{lines}");
    }

    #[test]
    fn arrows_that_point_inwards_are_fine() {
        check_lines(
            "trunkline: trunkline-gateway dep-clap
             trunkline-gateway: trunkline-broker trunkline-ws trunkline-protocol tokio
             trunkline-broker: trunkline-core tokio
             trunkline-core: trunkline-protocol dep-sha2
             trunkline-protocol: dep-serde
             bench: trunkline-gateway xtask",
            &[],
        );
    }

    #[test]
    fn an_arrow_back_or_sideways_is_found() {
        check_lines(
            "trunkline-core: trunkline-broker
             trunkline-broker: trunkline-bridge xtask
             trunkline-bridge:
             xtask:",
            &[
                "trunkline-broker: [arrow] uses trunkline-bridge, which is not further inside",
                "trunkline-broker: [arrow] uses xtask, which is not further inside",
                "trunkline-core: [arrow] uses trunkline-broker, which is not further inside",
            ],
        );
    }

    #[test]
    fn a_crate_without_a_layer_is_found() {
        check_lines(
            "trunkline-graphql: trunkline-core",
            &["trunkline-graphql: [arrow] has no layer; name it in crates/xtask/src/arrows.rs"],
        );
    }

    #[test]
    fn a_runtime_deep_below_the_core_is_found_with_its_user() {
        check_lines(
            "trunkline-core: dep-hash
             dep-hash: dep-key
             dep-key: getrandom dep-hash",
            &["trunkline-core: [purity] reaches getrandom through dep-key"],
        );
    }

    #[test]
    fn only_normal_dependencies_count() {
        let metadata = serde_json::json!({
            "packages": [
                {"id": "a", "name": "trunkline-core"},
                {"id": "b", "name": "tokio"},
                {"id": "c", "name": "sha2"},
            ],
            "workspace_members": ["a"],
            "resolve": {"nodes": [
                {"id": "a", "deps": [
                    {"pkg": "b", "dep_kinds": [{"kind": "dev"}, {"kind": "build"}]},
                    {"pkg": "c", "dep_kinds": [{"kind": "dev"}, {"kind": null}]},
                ]},
            ]},
        });
        let graph = Graph::from(serde_json::from_value::<Metadata>(metadata).unwrap());
        assert_eq!(graph.uses("trunkline-core").collect::<Vec<_>>(), ["sha2"]);
        assert!(check(&graph).is_empty());
    }
}
