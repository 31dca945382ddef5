//! Development tasks, run as `cargo xtask <task>`; `make check` and `make schema` call them.
//!
//! Each task is a rule of the project that a machine can keep. A task prints every finding
//! with its place and fails if there is one. Nothing here is part of the product.

mod arrows;
mod compatibility;
mod layout;
mod report;
mod schema;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::report::Finding;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Trunkline's development tasks")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Proves that the arrows between crates point inwards and that the inner crates are pure.
    Arrows,
    /// Finds what clients of the last accepted schema would stumble over.
    Compatibility {
        /// Finds nothing; makes the schema as it is the accepted one.
        #[arg(long)]
        accept: bool,
    },
    /// Checks the rules of CONTRIBUTING.md that a machine can check.
    Tidy,
    /// Writes the files that are generated from the contract.
    Schema {
        /// Writes nothing; fails if a file is not what would be written.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let root = workspace_root();
    match run(&Arguments::parse().task, &root) {
        Ok(findings) => report::print(&findings),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task, root: &Path) -> anyhow::Result<Vec<Finding>> {
    match task {
        Task::Arrows => arrows::run(root),
        Task::Compatibility { accept: false } => compatibility::run(root),
        Task::Compatibility { accept: true } => compatibility::accept(root),
        Task::Tidy => tidy::run(root),
        Task::Schema { check: true } => schema::check(root),
        Task::Schema { check: false } => schema::write(root),
    }
}

/// The repository: two folders above this crate, wherever the command was called from.
fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/xtask lies in the repository").to_owned()
}
