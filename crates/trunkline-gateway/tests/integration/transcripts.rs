//! Clients of older minor versions keep working. Replays `protocol/transcripts` against this gateway.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::dialects::{ROUTES, dialect};
use crate::double::serve;
use crate::harness::TestGateway;
use crate::peer::Peer;

/// How long a line may take to come.
const LINE_WITHIN: Duration = Duration::from_secs(15);

/// Texts that the gateway chose, by the names that the transcript gives them.
type Names = HashMap<String, String>;

/// The name in `"<name>"`.
fn name_of(text: &str) -> Option<&str> {
    text.strip_prefix('<')?.strip_suffix('>')
}

/// Whether `said` has everything that `line` has. Names that the line meets for the first time are learned.
fn fits(line: &Value, said: &Value, names: &mut Names) -> bool {
    match (line, said) {
        (Value::String(line), Value::String(said)) => match name_of(line) {
            _ if line == "*" => true,
            Some(name) => names.entry(name.to_owned()).or_insert_with(|| said.clone()) == said,
            None => line == said,
        },
        (Value::Object(line), Value::Object(said)) => line.iter().all(|(field, value)| {
            let field = name_of(field).map_or(field, |name| names.get(name).unwrap_or(field)).clone();
            said.get(&field).is_some_and(|said| fits(value, said, names))
        }),
        (Value::Array(line), Value::Array(said)) => {
            line.len() == said.len() && line.iter().zip(said).all(|(line, said)| fits(line, said, names))
        }
        _ => line == said,
    }
}

/// A line that the client sends, with the texts that it has learned.
fn filled(line: &str, names: &Names) -> String {
    names
        .iter()
        .fold(line.to_owned(), |line, (name, text)| line.replace(&format!("\"<{name}>\""), &format!("\"{text}\"")))
}

async fn replay(gateway: &TestGateway, transcript: &str) {
    let mut names = Names::new();
    let mut peer: Option<Peer> = None;
    for line in transcript.lines() {
        let (kind, rest) = line.split_once(' ').expect("a line of the form that README.md shows");
        match kind {
            "#" => {}
            "connect" => {
                let (path, subprotocol) = rest.split_once(' ').map_or((rest, None), |(path, name)| (path, Some(name)));
                let headers: Vec<_> = subprotocol.into_iter().map(|name| ("sec-websocket-protocol", name)).collect();
                drop(peer.take());
                peer = Some(match subprotocol {
                    Some(_) => Peer::open(gateway, path, &headers).await,
                    None => Peer::old(gateway, path, dialect(path)).await,
                });
            }
            ">" => peer.as_mut().expect("a connection").send_text(&filled(rest, &names)).await,
            "<" => {
                let expected: Value = serde_json::from_str(rest).expect("JSON");
                let peer = peer.as_mut().expect("a connection");
                let wanted = peer.until_one(|said| fits(&expected, said, &mut names.clone()));
                let said = tokio::time::timeout(LINE_WITHIN, wanted).await;
                let said = said.unwrap_or_else(|_| panic!("this did not come: {line}\nbut: {:?}", peer.passed_over()));
                assert!(fits(&expected, &said, &mut names));
            }
            _ => panic!("no such line: {line}"),
        }
    }
}

#[tokio::test]
async fn clients_of_older_versions_keep_working() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let _worker = serve(&gateway, "chat").await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocol/transcripts");
    let mut replayed = 0;
    for version in std::fs::read_dir(folder).expect("transcripts").flatten().filter(|entry| entry.path().is_dir()) {
        for file in std::fs::read_dir(version.path()).expect("a version's folder").flatten() {
            let transcript = std::fs::read_to_string(file.path()).expect("a transcript");
            replay(&gateway, &transcript).await;
            replayed += 1;
        }
    }
    assert!(replayed >= 5, "one for each dialect");
}
