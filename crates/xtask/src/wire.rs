//! The files under `protocol/` that are generated from `trunkline-protocol`.
//!
//! The Rust constants are the source; the TypeScript and Python sides read the files. To add an
//! error code, a close code or a limit: change the crate, then run `make schema`.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use trunkline_protocol::{CloseCode, ErrorCode, Fault, Limits, Severity};

use crate::report::Finding;

const STALE: &str = "stale";
const ABOUT: &str = "Generated from the crate trunkline-protocol; change it there, then run `make schema`.";

/// Writes every generated file; finds nothing.
pub(crate) fn write(root: &Path) -> anyhow::Result<Vec<Finding>> {
    for (path, text) in files()? {
        fs::write(root.join(path), text).with_context(|| format!("failed to write {path}"))?;
    }
    Ok(Vec::new())
}

/// Finds the files whose content is not what [`write()`] would write.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let stale = |path: &str, text: &str| fs::read_to_string(root.join(path)).map_or(true, |found| found != text);
    Ok(files()?
        .into_iter()
        .filter(|(path, text)| stale(path, text))
        .map(|(path, _)| Finding::whole(path, STALE, "is not what its source says; run `make schema`"))
        .collect())
}

fn files() -> anyhow::Result<[(&'static str, String); 3]> {
    Ok([
        ("protocol/errors.json", pretty(&ErrorsFile { about: ABOUT, errors: errors() })?),
        ("protocol/close-codes.json", pretty(&CloseCodesFile { about: ABOUT, close_codes: close_codes() })?),
        ("protocol/limits.json", pretty(&LimitsFile { about: ABOUT, limits: Limits::default() })?),
    ])
}

/// JSON with one field per line and a newline at the end, so that changes read well.
fn pretty(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value).context("failed to write JSON")? + "\n")
}

#[derive(Serialize)]
struct ErrorsFile {
    about: &'static str,
    errors: Vec<ErrorEntry>,
}

#[derive(Serialize)]
struct ErrorEntry {
    code: &'static str,
    /// How dialect `payload` spells the code.
    payload_code: String,
    message: &'static str,
    retryable: bool,
    fault: Fault,
    severity: Severity,
}

#[derive(Serialize)]
struct CloseCodesFile {
    about: &'static str,
    close_codes: Vec<CloseCodeEntry>,
}

#[derive(Serialize)]
struct CloseCodeEntry {
    code: u16,
    name: &'static str,
    reconnect: bool,
}

#[derive(Serialize)]
struct LimitsFile {
    about: &'static str,
    limits: Limits,
}

fn errors() -> Vec<ErrorEntry> {
    let entry = |code: &ErrorCode| ErrorEntry {
        code: code.name(),
        payload_code: code.payload_spelling().into_owned(),
        message: code.default_message(),
        retryable: code.retryable(),
        fault: code.fault(),
        severity: code.severity(),
    };
    ErrorCode::ALL.iter().map(entry).collect()
}

fn close_codes() -> Vec<CloseCodeEntry> {
    let entry =
        |code: &CloseCode| CloseCodeEntry { code: code.number(), name: code.name(), reconnect: code.reconnect() };
    CloseCode::ALL.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_files_are_fresh_until_one_changes() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("protocol")).unwrap();
        let places = |findings: Vec<Finding>| findings.into_iter().map(|finding| finding.place).collect::<Vec<_>>();

        let missing = places(check(root.path()).unwrap());
        assert_eq!(missing, ["protocol/errors.json", "protocol/close-codes.json", "protocol/limits.json"]);
        write(root.path()).unwrap();
        assert_eq!(check(root.path()).unwrap(), []);

        let limits = root.path().join("protocol/limits.json");
        fs::write(&limits, fs::read_to_string(&limits).unwrap().replace("64", "65")).unwrap();
        assert_eq!(places(check(root.path()).unwrap()), ["protocol/limits.json"]);
    }

    #[test]
    fn every_code_and_limit_stands_in_its_file() {
        let [errors, close_codes, limits] = files().unwrap().map(|(_, text)| text);
        for code in ErrorCode::ALL {
            assert!(errors.contains(&format!(r#""code": "{}""#, code.name())), "{errors}");
        }
        for code in CloseCode::ALL {
            assert!(close_codes.contains(&format!(r#""code": {}"#, code.number())), "{close_codes}");
        }
        assert!(limits.contains(r#""message_bytes_max": 1048576"#), "{limits}");
    }
}
