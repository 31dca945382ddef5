//! The files that are generated from the catalogue.

mod python;

use std::fs;
use std::path::Path;

use anyhow::Context;
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

/// Writes every generated file; finds nothing.
pub(crate) fn write(root: &Path) -> anyhow::Result<Vec<Finding>> {
    for Generated { path, text } in files()? {
        fs::write(root.join(path), text).with_context(|| format!("failed to write {path}"))?;
    }
    Ok(Vec::new())
}

/// Finds the files whose content is not what [`write()`] would write.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let stale = |path: &str, text: &str| fs::read_to_string(root.join(path)).map_or(true, |found| found != text);
    Ok(files()?
        .into_iter()
        .filter(|Generated { path, text }| stale(path, text))
        .map(|Generated { path, .. }| Finding::whole(path, STALE, "is not what its source says; run `make schema`"))
        .collect())
}

fn files() -> anyhow::Result<Vec<Generated>> {
    python::files(Catalogue::embedded())
}
