//! `trunkline check`: every mistake of a configuration at once.

use std::path::PathBuf;
use std::process::ExitCode;

use trunkline_gateway::config::{Config, Loaded, Mistakes, Overrides};

/// The exit code for arguments or a configuration that cannot be used.
pub(crate) const UNUSABLE: u8 = 2;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The configuration; without it the defaults and the environment are checked
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match load(arguments.config.as_deref(), Overrides::default()) {
        Ok(config) => {
            println!("the configuration can be used; it listens on {}", config.server.listen);
            ExitCode::SUCCESS
        }
        Err(code) => code,
    }
}

/// Loads a configuration, printing its warnings and its mistakes.
pub(crate) fn load(file: Option<&std::path::Path>, flags: Overrides) -> Result<Config, ExitCode> {
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    match Config::load(file, environment, flags) {
        Ok(Loaded { config, warnings }) => {
            for warning in warnings {
                eprintln!("warning: {warning}");
            }
            Ok(config)
        }
        Err(mistakes) => {
            report(&mistakes);
            Err(ExitCode::from(UNUSABLE))
        }
    }
}

fn report(mistakes: &Mistakes) {
    for warning in &mistakes.warnings {
        eprintln!("warning: {warning}");
    }
    eprintln!("{mistakes}");
}
