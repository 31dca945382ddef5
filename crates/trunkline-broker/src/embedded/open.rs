//! Finds or makes the store in a data folder, and keeps other processes out of it.
//!
//! ```text
//! <data folder>/broker.lock       locked while a process has the store
//! <data folder>/broker/FORMAT     the version of what is beside it
//! <data folder>/broker/engine/    the engine's files
//! ```
//!
//! A store is made under another name and renamed when it is whole: a process that is
//! killed while it makes one leaves nothing that looks like a store.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::Database;

use crate::embedded::store::Store;
use crate::environment::Options;

/// Version of the store that this program reads and writes; `layout` says what is in it.
const FORMAT: &str = "trunkline broker format 2\n";

/// The smallest journal that the engine allows. What is in it is read when a store is opened after a crash.
const JOURNAL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Threads of the engine that move records to tables. With two, the first passes compactions on to itself for as long
/// as the second is busy with one, which cost a tenth of all CPU in the benchmark; one keeps up with the writer.
const ENGINE_THREADS: usize = 1;

/// Why a store could not be opened. The words are for whoever started the program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it.
    #[error("data folder {} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// The folder cannot be made or written.
    #[error("data folder {} cannot be written: {source}", path.display())]
    NotWritable {
        /// The data folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store was written by another version of this program, or by another program.
    #[error("data folder {} holds a store of an unknown format ({found:?}); start the version that wrote it, or move the folder away", path.display())]
    UnknownFormat {
        /// The data folder.
        path: PathBuf,
        /// What stands where the version should.
        found: String,
    },
    /// The store is damaged.
    #[error("the store in data folder {} is corrupt: {reason}", path.display())]
    Corrupt {
        /// The data folder.
        path: PathBuf,
        /// What the engine said.
        reason: String,
    },
    /// The system refused something else.
    #[error("the store in data folder {} could not be opened: {source}", path.display())]
    Io {
        /// The data folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Opens the store in a data folder, or makes it.
pub(super) fn open(folder: &Path, options: &Options) -> Result<Store, OpenError> {
    let in_folder = |error: io::Error| io_error(folder, error);
    fs::create_dir_all(folder).map_err(in_folder)?;
    let lock = Arc::new(lock(folder)?);
    let home = folder.join("broker");
    if !home.try_exists().map_err(in_folder)? {
        create(folder, &home, &lock, options)?;
    }
    check_format(folder, &home)?;
    open_engine(&home, &lock, options).map_err(|error| engine_error(folder, error))
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("broker.lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(|error| io_error(folder, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(io_error(folder, error)),
    }
}

fn create(folder: &Path, home: &Path, lock: &Arc<File>, options: &Options) -> Result<(), OpenError> {
    let in_folder = |error: io::Error| io_error(folder, error);
    let draft = folder.join("broker.creating");
    if draft.try_exists().map_err(in_folder)? {
        // Left by a process that was killed here; nothing was ever acknowledged from it.
        fs::remove_dir_all(&draft).map_err(in_folder)?;
    }
    fs::create_dir(&draft).map_err(in_folder)?;
    drop(open_engine(&draft, lock, options).map_err(|error| engine_error(folder, error))?);
    write_format(&draft).map_err(in_folder)?;
    fs::rename(&draft, home).map_err(in_folder)?;
    sync_folder(folder).map_err(in_folder)
}

fn write_format(home: &Path) -> io::Result<()> {
    let mut file = File::create_new(home.join("FORMAT"))?;
    file.write_all(FORMAT.as_bytes())?;
    file.sync_all()?;
    sync_folder(home)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn check_format(folder: &Path, home: &Path) -> Result<(), OpenError> {
    let found = match fs::read(home.join("FORMAT")) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(io_error(folder, error)),
    };
    if found == FORMAT {
        return Ok(());
    }
    let found = found.trim_end().chars().take(64).collect();
    Err(OpenError::UnknownFormat { path: folder.to_owned(), found })
}

fn open_engine(home: &Path, lock: &Arc<File>, options: &Options) -> fjall::Result<Store> {
    let database = Database::builder(home.join("engine"))
        .max_journaling_size(JOURNAL_BYTES_MAX)
        .cache_size(options.cache_bytes_max)
        .worker_threads(ENGINE_THREADS)
        .manual_journal_persist(true)
        .open()?;
    Store::new(database, lock.clone(), options)
}

fn engine_error(folder: &Path, error: fjall::Error) -> OpenError {
    let path = folder.to_owned();
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error))
            if error.kind() == ErrorKind::NotFound =>
        {
            OpenError::Corrupt { path, reason: "a file of the store is missing".to_owned() }
        }
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => io_error(folder, error),
        fjall::Error::Locked => OpenError::Locked(path),
        fjall::Error::InvalidVersion(version) => OpenError::UnknownFormat { path, found: format!("{version:?}") },
        damage => OpenError::Corrupt { path, reason: damage.to_string() },
    }
}

fn io_error(folder: &Path, source: io::Error) -> OpenError {
    let path = folder.to_owned();
    match source.kind() {
        ErrorKind::PermissionDenied
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::NotADirectory
        | ErrorKind::AlreadyExists => OpenError::NotWritable { path, source },
        _ => OpenError::Io { path, source },
    }
}
