//! The TypeScript client's message types: `sdk/typescript/packages/core/src/messages/generated`.
//!
//! For each dialect a file of types ([`types`]) and one with the table that the client's check walks ([`table`]): whoever
//! needs types alone loads nothing, and whoever checks messages of one dialect loads the table of that one.

mod kinds;
mod table;
mod types;

use trunkline_catalogue::Catalogue;
use trunkline_protocol::Dialect;

use super::Generated;

const ABOUT: &str = "// Generated from protocol/schema; change it there, then run `make schema`.\n";

/// Every file.
pub(super) fn files(catalogue: &Catalogue) -> Vec<Generated> {
    let mut files = vec![Generated::new(path(Part::Shapes), format!("{ABOUT}{}", types::shapes(catalogue)))];
    for dialect in Dialect::ALL {
        files
            .push(Generated::new(path(Part::Types(dialect)), format!("{ABOUT}{}", types::dialect(catalogue, dialect))));
        files
            .push(Generated::new(path(Part::Table(dialect)), format!("{ABOUT}{}", table::dialect(catalogue, dialect))));
    }
    files
}

/// One of the files.
#[derive(Clone, Copy)]
enum Part {
    Shapes,
    Types(Dialect),
    Table(Dialect),
}

const fn path(part: Part) -> &'static str {
    match part {
        Part::Shapes => "sdk/typescript/packages/core/src/messages/generated/shapes.ts",
        Part::Types(Dialect::Native) => "sdk/typescript/packages/core/src/messages/generated/native.ts",
        Part::Types(Dialect::Payload) => "sdk/typescript/packages/core/src/messages/generated/payload.ts",
        Part::Types(Dialect::Data) => "sdk/typescript/packages/core/src/messages/generated/data.ts",
        Part::Types(Dialect::Flat) => "sdk/typescript/packages/core/src/messages/generated/flat.ts",
        Part::Types(Dialect::Open) => "sdk/typescript/packages/core/src/messages/generated/open.ts",
        Part::Table(Dialect::Native) => "sdk/typescript/packages/core/src/messages/generated/native.table.ts",
        Part::Table(Dialect::Payload) => "sdk/typescript/packages/core/src/messages/generated/payload.table.ts",
        Part::Table(Dialect::Data) => "sdk/typescript/packages/core/src/messages/generated/data.table.ts",
        Part::Table(Dialect::Flat) => "sdk/typescript/packages/core/src/messages/generated/flat.table.ts",
        Part::Table(Dialect::Open) => "sdk/typescript/packages/core/src/messages/generated/open.table.ts",
    }
}

/// `FileList` for `file.list`.
fn pascal(name: &str) -> String {
    let capitalised = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
    };
    name.split(['_', '.', '-']).map(capitalised).collect()
}
