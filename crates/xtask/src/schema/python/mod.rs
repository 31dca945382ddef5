//! The Python SDK's message types: msgspec structs, pydantic models, the table that its check walks, and which types are
//! latest state.
//!
//! [`builder`] turns a dialect's types into a [`module`] that knows no library; [`structs`] and [`models`] write it as Python.
//! What is written is as `ruff format` leaves it.

mod builder;
mod latest;
mod models;
mod module;
mod structs;
mod table;
mod text;
mod writer;

use trunkline_catalogue::Catalogue;
use trunkline_protocol::Dialect;

use super::Generated;

const SHARED_STRUCTS: &str = "sdk/python/src/trunkline/messages/shared.py";
const SHARED_MODELS: &str = "sdk/python/src/trunkline/models/shared.py";
const TABLE: &str = "sdk/python/src/trunkline/messages/_table.json";
const LATEST: &str = "sdk/python/src/trunkline/_latest.py";

/// A dialect's structs and models.
fn paths(dialect: Dialect) -> [&'static str; 2] {
    match dialect {
        Dialect::Native => ["sdk/python/src/trunkline/messages/native.py", "sdk/python/src/trunkline/models/native.py"],
        Dialect::Payload => {
            ["sdk/python/src/trunkline/messages/payload.py", "sdk/python/src/trunkline/models/payload.py"]
        }
        Dialect::Data => ["sdk/python/src/trunkline/messages/data.py", "sdk/python/src/trunkline/models/data.py"],
        Dialect::Flat => ["sdk/python/src/trunkline/messages/flat.py", "sdk/python/src/trunkline/models/flat.py"],
        Dialect::Open => ["sdk/python/src/trunkline/messages/open.py", "sdk/python/src/trunkline/models/open.py"],
    }
}

/// Every file.
pub(super) fn files(catalogue: &Catalogue) -> anyhow::Result<Vec<Generated>> {
    let shared = builder::shared(catalogue)?;
    let mut files = vec![
        Generated::new(TABLE, table::table(catalogue)?),
        Generated::new(LATEST, latest::latest(catalogue)?),
        Generated::new(SHARED_STRUCTS, structs::module(&shared)?),
        Generated::new(SHARED_MODELS, models::module(&shared)?),
    ];
    for dialect in Dialect::ALL {
        let module = builder::dialect(catalogue, dialect)?;
        let [as_structs, as_models] = paths(dialect);
        files.push(Generated::new(as_structs, structs::module(&module)?));
        files.push(Generated::new(as_models, models::module(&module)?));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_as_wide_as_the_project_has_it() {
        for Generated { path, text } in files(Catalogue::embedded()).unwrap() {
            for line in text.lines().filter(|_| path != TABLE) {
                assert!(line.chars().count() <= text::WIDTH, "{path}: {line}");
            }
        }
    }

    #[test]
    fn every_type_has_a_frame_in_both_libraries() {
        let files = files(Catalogue::embedded()).unwrap();
        for dialect in Dialect::ALL {
            for path in paths(dialect) {
                let Generated { text, .. } = files.iter().find(|file| file.path == path).unwrap();
                for message in Catalogue::embedded().types(dialect) {
                    let named = [format!("tag=\"{}\"", message.name), format!("Literal[\"{}\"] =", message.name)];
                    assert!(named.iter().any(|named| text.contains(named)), "{path}: {}", message.name);
                }
            }
        }
    }
}
