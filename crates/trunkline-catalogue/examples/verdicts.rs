//! Says of each frame on stdin what the check says of it, for `tests/differential`.
//!
//! A line in is `{"dialect": …, "sender": "client" | "gateway", "frame": TEXT}`; a line out is `{"kind": …, "path": …,
//! "words": …}`, or `null` where the frame is accepted.

use std::io::{self, BufRead as _, BufWriter, Write as _};

use serde::Deserialize;
use serde_json::{Value, json};
use trunkline_catalogue::check::{Refused, Sender, check_frame};
use trunkline_protocol::Dialect;

#[derive(Deserialize)]
struct Case {
    dialect: String,
    sender: String,
    frame: String,
}

fn main() -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let case: Case = serde_json::from_str(&line?)?;
        writeln!(out, "{}", verdict(&case)?)?;
    }
    out.flush()
}

fn verdict(case: &Case) -> io::Result<Value> {
    let dialect = Dialect::ALL.into_iter().find(|dialect| dialect.name() == case.dialect);
    let dialect = dialect.ok_or_else(|| io::Error::other(format!("no dialect {}", case.dialect)))?;
    let sender = if case.sender == "client" { Sender::Client } else { Sender::Gateway };
    Ok(match check_frame(dialect, sender, case.frame.as_bytes()) {
        Ok(_) => Value::Null,
        Err(refused) => refusal(&refused),
    })
}

fn refusal(refused: &Refused) -> Value {
    let (kind, path) = match refused {
        Refused::Fault(fault) => ("content", fault.path.as_str()),
        Refused::Unknown(_) => ("unknown", "type"),
        Refused::Direction { .. } => ("direction", "type"),
        Refused::NotJson { .. } => ("not_json", ""),
    };
    let said = refused.to_string();
    let words = said.strip_prefix(&format!("{path}: ")).unwrap_or(&said);
    json!({ "kind": kind, "path": path, "words": words })
}
