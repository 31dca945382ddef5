//! `[[worker]]`: processes that the gateway starts and keeps running.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::finding::{Place, Wrong};
use super::node::{Node, Value, quote};
use super::secret::Secret;
use super::section::Section;
use super::value;

/// A process that the gateway starts and keeps running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its name, unique among workers.
    pub name: String,
    /// The program and its arguments, never a line for a shell. The program's path is absolute here.
    pub command: Vec<String>,
    /// The folder it runs in; relative to the configuration file, absolute here. Default: the configuration file's.
    pub directory: PathBuf,
    /// Variables it gets beside the gateway's own. Default: none.
    pub environment: BTreeMap<String, Secret>,
    /// How it connects to the gateway. Default: unix.
    pub transport: Transport,
    /// Where it is defined.
    pub place: Place,
}

/// How a worker connects to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Over the Unix socket.
    Unix,
    /// Over `ZeroMQ`.
    Zeromq,
}

/// What a worker's fields are judged by.
pub(super) struct Surroundings<'a> {
    /// The folder that paths are relative to.
    pub(super) base: &'a Path,
    /// The gateway's own `PATH`.
    pub(super) search: &'a str,
    /// Whether a `ZeroMQ` endpoint is set, right or wrong: a wrong one has its own mistake already.
    pub(super) has_zeromq: bool,
}

impl Worker {
    /// Reads every `[[worker]]`.
    pub(super) fn read_all(root: &mut Section<'_>, surroundings: &Surroundings<'_>) -> Vec<Self> {
        let workers = root.sections("worker", |section| Self::read(section, surroundings));
        let mut seen: HashMap<&str, &Place> = HashMap::new();
        for worker in &workers {
            if let Some(first) = seen.insert(&worker.name, &worker.place) {
                let wrong = Wrong::new(format!("the name {} is taken by the worker at {first}", quote(&worker.name)));
                root.mistake_at(&worker.place, "worker", wrong);
            }
        }
        workers
    }

    fn read(section: &mut Section<'_>, surroundings: &Surroundings<'_>) -> Option<Self> {
        let transports = [("unix", Transport::Unix), ("zeromq", Transport::Zeromq)];
        let name = section.required("name", "\"agent\"", value::name);
        let directory = section.optional("directory", value::folder(surroundings.base));
        let environment = section.table("environment", variable);
        let transport = section.or("transport", Transport::Unix, value::choice(&transports));
        if transport == Transport::Zeromq && !surroundings.has_zeromq {
            let wrong = Wrong::new("needs bridge.zeromq, which is not set");
            section.mistake("transport", wrong.hint("for example: bridge.zeromq = \"tcp://127.0.0.1:8002\""));
        }
        let directory = directory.unwrap_or_else(|| surroundings.base.to_owned());
        let environment: BTreeMap<String, Secret> = environment.into_iter().collect();
        let search = environment.get("PATH").map_or(surroundings.search, Secret::reveal);
        let command = section.required("command", "[\"python3\", \"agent.py\"]", |node| {
            let words = words(node)?;
            let program = find_program(&words[0], &directory, search)?;
            Ok(std::iter::once(program).chain(words.into_iter().skip(1)).collect())
        });
        Some(Self { name: name?, command: command?, directory, environment, transport, place: section.place("name") })
    }
}

/// The words of a command: at least one.
fn words(node: &Node) -> Result<Vec<String>, Wrong> {
    let expected = "a list such as [\"python3\", \"agent.py\"]";
    if let Value::Text(line) = &node.value {
        let words: Vec<String> = line.split_whitespace().map(quote).collect();
        let hint = format!("write [{}]; no shell is involved", words.join(", "));
        return Err(Wrong::expected(expected, node.describe()).hint(hint));
    }
    let word = |node: &Node| match &node.value {
        Value::Text(word) if !word.contains('\0') => Ok(word.clone()),
        _ => Err(Wrong::expected(expected, format!("{} in it", node.describe()))),
    };
    let words = node.elements()?.iter().map(word).collect::<Result<Vec<_>, _>>()?;
    match words.first() {
        Some(program) if !program.is_empty() => Ok(words),
        _ => Err(Wrong::expected(expected, "no program")),
    }
}

/// The program's absolute path. A name with a slash is relative to the worker's folder, any other is searched for in
/// `PATH`, as a shell would.
fn find_program(program: &str, directory: &Path, search: &str) -> Result<String, Wrong> {
    let wrong = |expected: &str| Wrong::expected(expected, quote(program));
    let here = directory.join(program);
    let found = if program.contains('/') {
        let hint = "paths are relative to the worker's directory";
        if is_executable(&here) { Ok(here) } else { Err(wrong("a program that can be executed").hint(hint)) }
    } else {
        let mut folders = std::env::split_paths(search).filter(|folder| folder.is_absolute());
        let found = folders.find_map(|folder| Some(folder.join(program)).filter(|path| is_executable(path)));
        let hint = is_executable(&here).then(|| format!("write \"./{program}\" for the one in its directory"));
        found.ok_or_else(|| Wrong { hint, ..wrong("a program in PATH") })
    };
    let text = found?.into_os_string().into_string();
    text.map_err(|path| Wrong::expected("a path in UTF-8", quote(&path.to_string_lossy())))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// A variable. Its value may be a secret, so no finding shows it.
fn variable(name: &str, node: &Node) -> Result<(String, Secret), Wrong> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(Wrong::expected("a variable's name", quote(name)));
    }
    match &node.value {
        Value::Text(text) if !text.contains('\0') => Ok((name.to_owned(), Secret::new(text))),
        _ => Err(Wrong::expected("a text", node.kind()).hint("put the value between quotes")),
    }
}
