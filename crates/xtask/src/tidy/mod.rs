//! Rules of `CONTRIBUTING.md` that a machine can check, over every file of the repository.
//!
//! A rule looks at one file's path and text and gives findings; [`rules`] lists them. Exceptions
//! stand in `crates/xtask/tidy.toml`, each with its reason, and one that is no longer needed is a
//! finding itself. What a compiler or linter checks already is not checked here.

mod exceptions;
mod rules;
mod source;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use self::exceptions::Exceptions;
use self::source::Source;
use crate::report::Finding;

const EXCEPTIONS: &str = "crates/xtask/tidy.toml";

/// Checks every file that git tracks or would track.
pub(crate) fn run(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let text = fs::read_to_string(root.join(EXCEPTIONS)).with_context(|| format!("failed to read {EXCEPTIONS}"))?;
    let exceptions = Exceptions::read(&text).with_context(|| format!("failed to read {EXCEPTIONS}"))?;
    let mut findings = Vec::new();
    for path in list_files(root)? {
        // What is no text (pictures) has no rule; what git lists but is deleted has no content.
        if let Ok(text) = fs::read_to_string(root.join(&path)) {
            findings.extend(rules::check(&Source::new(path, text)));
        }
    }
    findings.sort();
    Ok(exceptions.apply(findings, EXCEPTIONS))
}

fn list_files(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("failed to run git ls-files")?;
    if !output.status.success() {
        bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    }
    let names = String::from_utf8(output.stdout).context("a file name is no UTF-8")?;
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}
