//! What is run as a worker, and whether it can be.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::bridge::WorkerTransport;

/// A worker that the gateway runs itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkerCommand {
    /// A name for logs and the snapshot.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it runs. Default: the gateway's own directory.
    pub directory: Option<PathBuf>,
    /// Variables that are added to the gateway's environment. `TRUNKLINE_BRIDGE`, `TRUNKLINE_GENERATION` and
    /// `TRUNKLINE_STOP_MS` are set by the supervisor.
    pub environment: Vec<(String, String)>,
    /// How it reaches the gateway.
    pub transport: WorkerTransport,
}

/// Why a worker cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is nothing to run.
    #[error("run worker `{worker}`: its command is empty")]
    Empty {
        /// The worker's name.
        worker: String,
    },
    /// The program is not there, or may not be run.
    #[error("run worker `{worker}`: there is no program `{program}`")]
    Missing {
        /// The worker's name.
        worker: String,
        /// The program that was looked for.
        program: String,
    },
    /// The directory is not there.
    #[error("run worker `{worker}`: there is no directory `{}`", directory.display())]
    Directory {
        /// The worker's name.
        worker: String,
        /// The directory that was looked for.
        directory: PathBuf,
    },
    /// The bridge does not listen on the worker's transport.
    #[error("run worker `{worker}`: the bridge has no {transport} address")]
    Transport {
        /// The worker's name.
        worker: String,
        /// The transport.
        transport: WorkerTransport,
    },
}

impl WorkerCommand {
    /// Where the program is. `search_path` is the value of `PATH`, unless the worker's environment has its own.
    ///
    /// # Errors
    /// The program or the directory is missing.
    pub fn check(&self, search_path: Option<&OsStr>) -> Result<PathBuf, CommandError> {
        let worker = self.name.clone();
        let Some(program) = self.command.first().filter(|program| !program.is_empty()) else {
            return Err(CommandError::Empty { worker });
        };
        if let Some(directory) = self.directory.as_ref().filter(|directory| !directory.is_dir()) {
            return Err(CommandError::Directory { worker, directory: directory.clone() });
        }
        let own_path = self.environment.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| OsStr::new(path));
        let found = if program.contains('/') {
            let directory = self.directory.clone().unwrap_or_default();
            Some(directory.join(program)).filter(|path| is_program(path))
        } else {
            let directories = own_path.or(search_path).map(std::env::split_paths);
            directories.into_iter().flatten().map(|directory| directory.join(program)).find(|path| is_program(path))
        };
        found.ok_or_else(|| CommandError::Missing { worker, program: program.clone() })
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> WorkerCommand {
        let command = words.iter().map(|word| (*word).to_owned()).collect();
        WorkerCommand { name: "agents".into(), command, ..WorkerCommand::default() }
    }

    #[test]
    fn programs_are_found_as_a_shell_finds_them() {
        let path = Some(OsStr::new("/nowhere:/bin"));
        assert_eq!(command(&["sh", "-c"]).check(path), Ok(PathBuf::from("/bin/sh")));
        assert_eq!(command(&["/bin/sh"]).check(None), Ok(PathBuf::from("/bin/sh")));
        let within = WorkerCommand { directory: Some("/bin".into()), ..command(&["./sh"]) };
        assert_eq!(within.check(None), Ok(PathBuf::from("/bin/./sh")));
        let own = WorkerCommand { environment: vec![("PATH".into(), "/bin".into())], ..command(&["sh"]) };
        assert!(own.check(Some(OsStr::new("/nowhere"))).is_ok());
    }

    #[test]
    fn what_is_missing_is_named() {
        let path = Some(OsStr::new("/bin"));
        let message = |command: WorkerCommand| command.check(path).expect_err("missing").to_string();
        assert!(message(command(&["no-such-program"])).contains("no-such-program"));
        assert!(message(command(&["/etc/passwd"])).contains("/etc/passwd"));
        assert!(message(command(&[])).contains("agents"));
        let nowhere = WorkerCommand { directory: Some("/no-such-directory".into()), ..command(&["sh"]) };
        assert!(message(nowhere).contains("/no-such-directory"));
    }
}
