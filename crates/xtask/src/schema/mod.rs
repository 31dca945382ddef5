//! The files that are generated from the contract: from the message types, and from the constants of `trunkline-protocol`.
//!
//! Each renderer is a module that gives [`Generated`] files and knows no other. To add one: a module here, and its line in
//! [`files()`]. The files are committed, and CI compares them with what would be written.

mod asyncapi;
mod python;
mod reference;
mod tables;
mod typescript;
mod words;

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use trunkline_catalogue::Catalogue;

use crate::report::Finding;

const STALE: &str = "stale";

/// What a file must be.
#[derive(Debug)]
struct Generated {
    /// Relative to the repository.
    path: &'static str,
    text: String,
}

impl Generated {
    fn new(path: &'static str, text: String) -> Self {
        Self { path, text }
    }
}

/// Every generated file.
fn files() -> anyhow::Result<Vec<Generated>> {
    let catalogue = Catalogue::embedded();
    let mut files = tables::files()?;
    files.push(reference::file(catalogue)?);
    files.push(asyncapi::file(catalogue));
    files.extend(python::files(catalogue)?);
    files.extend(typescript::files(catalogue));
    Ok(files)
}

/// Writes every generated file that is not as it must be; finds nothing.
pub(crate) fn write(root: &Path) -> anyhow::Result<Vec<Finding>> {
    for file in files()?.iter().filter(|file| is_stale(root, file)) {
        let path = root.join(file.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("failed to make the folder of {}", file.path))?;
        }
        fs::write(path, &file.text).with_context(|| format!("failed to write {}", file.path))?;
    }
    Ok(Vec::new())
}

/// Finds the files whose content is not what [`write()`] would write.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let words = "is not what its source says; run `make schema`";
    let files = files()?;
    Ok(files.iter().filter(|file| is_stale(root, file)).map(|file| Finding::whole(file.path, STALE, words)).collect())
}

fn is_stale(root: &Path, file: &Generated) -> bool {
    fs::read_to_string(root.join(file.path)).map_or(true, |found| found != file.text)
}

/// JSON with one field per line and a newline at the end, so that changes read well.
fn pretty(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value).context("failed to write JSON")? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_files_are_fresh_until_one_changes() {
        let root = tempfile::tempdir().unwrap();
        let places = || check(root.path()).unwrap().into_iter().map(|finding| finding.place).collect::<Vec<_>>();

        let missing = places();
        assert!(missing.len() >= 5 && missing.iter().any(|path| path == "protocol/errors.json"), "{missing:?}");
        write(root.path()).unwrap();
        assert_eq!(places(), [""; 0]);

        for path in missing {
            let file = root.path().join(&path);
            let text = fs::read_to_string(&file).unwrap();
            fs::write(&file, text.clone() + " ").unwrap();
            assert_eq!(places(), [path]);
            fs::write(&file, text).unwrap();
        }
    }
}
