//! The tables under `protocol/`, generated from `trunkline-protocol`.
//!
//! The Rust constants are the source; the tests of the TypeScript and Python sides compare with the files. To add an
//! error code, a close code or a limit: change the crate, then run `make schema`.

use serde::Serialize;
use trunkline_protocol::{CloseCode, ErrorCode, Fault, Limits, Severity};

use super::{Generated, pretty};

const ABOUT: &str = "Generated from the crate trunkline-protocol; change it there, then run `make schema`.";

/// The three tables.
pub(super) fn files() -> anyhow::Result<Vec<Generated>> {
    Ok(vec![
        Generated::new("protocol/errors.json", pretty(&ErrorsFile { about: ABOUT, errors: errors() })?),
        Generated::new(
            "protocol/close-codes.json",
            pretty(&CloseCodesFile { about: ABOUT, close_codes: close_codes() })?,
        ),
        Generated::new("protocol/limits.json", pretty(&LimitsFile { about: ABOUT, limits: Limits::default() })?),
    ])
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
    fn every_code_and_limit_stands_in_its_file() {
        let files = files().unwrap();
        let [errors, close_codes, limits] = [0, 1, 2].map(|place: usize| &files[place].text);
        for code in ErrorCode::ALL {
            assert!(errors.contains(&format!(r#""code": "{}""#, code.name())), "{errors}");
        }
        for code in CloseCode::ALL {
            assert!(close_codes.contains(&format!(r#""code": {}"#, code.number())), "{close_codes}");
        }
        assert!(limits.contains(r#""message_bytes_max": 1048576"#), "{limits}");
    }
}
