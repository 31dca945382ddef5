//! Errors, close codes and limits.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context;
use serde::Deserialize;
use trunkline_catalogue::Catalogue;
use trunkline_catalogue::model::Kind;
use trunkline_protocol::{CloseCode, ErrorCode, Fault, Limits, Severity};

use crate::schema::words;

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

/// The sections.
pub(super) fn sections(catalogue: &Catalogue) -> anyhow::Result<String> {
    Ok([errors()?, close_codes(), limits(catalogue)?].concat())
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

/// The defaults, and what each means as `welcome` announces it.
fn limits(catalogue: &Catalogue) -> anyhow::Result<String> {
    let values = serde_json::to_value(Limits::default()).context("failed to write the limits")?;
    let definition = catalogue.definitions().iter().find(|definition| definition.name.name == "limits");
    let Some(Kind::Object(announced)) = definition.map(|definition| &definition.shape.kind) else {
        anyhow::bail!("welcome announces no limits");
    };
    let mut text = "\n## Limits\n\nThe defaults; `welcome` announces what holds.\n\n\
                    | limit | default | unit | meaning |\n|---|---|---|---|\n"
        .to_owned();
    for (name, value) in values.as_object().into_iter().flatten() {
        let field = announced.field(name).with_context(|| format!("welcome does not announce {name}"))?;
        let (unit, meaning) = (words::unit(&field.shape), field.shape.description.as_deref().unwrap_or_default());
        let _infallible = writeln!(text, "| `{name}` | {value} | {unit} | {meaning} |");
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
