//! Errors, close codes and limits.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, ensure};
use serde::Deserialize;
use trunkline_protocol::{CloseCode, ErrorCode, Fault, Limits, Severity};

const SPELLINGS: &str = include_str!("../../../../../protocol/error-spellings.json");

/// `protocol/error-spellings.json`.
#[derive(Deserialize)]
struct Spellings {
    dialects: BTreeMap<String, Spelling>,
}

#[derive(Deserialize)]
struct Spelling {
    r#type: String,
    fields: BTreeMap<String, String>,
}

const ENVELOPE: &str = include_str!("../../../../../protocol/schema/envelope.schema.json");

/// The sections.
pub(super) fn sections() -> anyhow::Result<String> {
    Ok([errors()?, close_codes(), limits()?].concat())
}

fn errors() -> anyhow::Result<String> {
    let mut text =
        "\n## Errors\n\nAn error leaves the connection open. `retryable` says whether the same message may succeed \
                    later; the fault is of who has to act.\n\n\
                    | code | message | retryable | fault | severity |\n|---|---|---|---|---|\n"
            .to_owned();
    for code in ErrorCode::ALL {
        let retryable = if code.retryable() { "yes" } else { "" };
        let (fault, severity) = (fault(code.fault()), severity(code.severity()));
        let _infallible =
            writeln!(text, "| `{}` | {} | {retryable} | {fault} | {severity} |", code.name(), code.default_message());
    }
    text.push_str(
        "\nWhere each dialect puts an error. Old clients are told so of runs that failed or expired, too. `payload_code` is the code in \
         capitals, `SYSTEM_ERROR` for `internal`.\n\n| dialect | type | fields |\n|---|---|---|\n",
    );
    let spellings: Spellings = serde_json::from_str(SPELLINGS).context("failed to read error-spellings.json")?;
    for dialect in trunkline_protocol::Dialect::ALL {
        let spelling = spellings.dialects.get(dialect.name()).context("a dialect has no spelling of errors")?;
        let fields: Vec<String> = spelling
            .fields
            .iter()
            .map(|(path, source)| if path == source { format!("`{path}`") } else { format!("`{path}` = {source}") })
            .collect();
        let _infallible = writeln!(text, "| {} | `{}` | {} |", dialect.name(), spelling.r#type, fields.join(", "));
    }
    Ok(text)
}

fn close_codes() -> String {
    let mut text = "\n## Close codes\n\nFrom 4000 to 4499 the client may reconnect, from 4500 on it should not.\n\n\
                    | code | name | reconnect | meaning |\n|---|---|---|---|\n"
        .to_owned();
    for code in CloseCode::ALL {
        let reconnect = if code.reconnect() { "yes" } else { "" };
        let _infallible =
            writeln!(text, "| {} | `{}` | {reconnect} | {} |", code.number(), code.name(), code.meaning());
    }
    text
}

fn limits() -> anyhow::Result<String> {
    let values = serde_json::to_value(Limits::default()).context("failed to write the limits")?;
    let values = values.as_object().context("the limits are no object")?;
    let schema: serde_json::Value = serde_json::from_str(ENVELOPE).context("failed to read envelope.schema.json")?;
    let described = schema["$defs"]["limits"]["properties"].as_object().context("the schema has no limits")?;
    ensure!(values.len() == described.len(), "Limits of trunkline-protocol and of envelope.schema.json differ");
    let mut text = "\n## Limits\n\nThe defaults; `welcome` announces what holds.\n\n| limit | default | meaning |\n|---|---|---|\n".to_owned();
    for (name, value) in values {
        let meaning = described.get(name).and_then(|limit| limit["description"].as_str());
        let meaning = meaning.with_context(|| format!("envelope.schema.json does not say what {name} is"))?;
        let _infallible = writeln!(text, "| `{name}` | {value} | {meaning} |");
    }
    Ok(text)
}

fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Client => "client",
        Fault::Gateway => "gateway",
        Fault::Service => "service",
        Fault::None => "nobody",
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}
