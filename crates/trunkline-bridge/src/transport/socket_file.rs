//! A socket in the file system: bound where nobody else listens, open to its owner only, removed at the end.
//!
//! The socket is bound under a hidden name, given its mode and then renamed, so that there is no moment at which
//! others could connect. Knows nothing of what is spoken over it.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::config::StartError;

/// Read and write for the owner.
const MODE: u32 = 0o600;

/// A place that was found free.
#[derive(Debug)]
pub(super) struct SocketPlace {
    path: PathBuf,
    hidden: PathBuf,
}

/// A socket that stands at its place; dropping it removes the file, unless another process has replaced it.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketPlace {
    /// Makes sure that nobody listens at the path and that nothing but a socket would be lost there.
    pub(super) fn free(path: &Path) -> Result<Self, StartError> {
        let occupied = |reason| StartError::Occupied { path: path.to_owned(), reason };
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(bind_error(path, source)),
            Ok(metadata) if !metadata.file_type().is_socket() => return Err(occupied("it is not a socket")),
            Ok(_) if UnixStream::connect(path).is_ok() => return Err(occupied("another process listens there")),
            // Nobody listens: a process that did not end in order left it. The rename replaces it.
            Ok(_) => {}
        }
        let name = path.file_name().ok_or_else(|| occupied("it has no file name"))?;
        let hidden = path.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        match fs::remove_file(&hidden) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(bind_error(path, error)),
            _ => Ok(Self { path: path.to_owned(), hidden }),
        }
    }

    /// Where to bind.
    pub(super) fn hidden(&self) -> &Path {
        &self.hidden
    }

    /// Shows what was bound under its real name.
    pub(super) fn publish(self) -> Result<SocketFile, StartError> {
        let publish = || {
            fs::set_permissions(&self.hidden, fs::Permissions::from_mode(MODE))?;
            let metadata = fs::symlink_metadata(&self.hidden)?;
            fs::rename(&self.hidden, &self.path)?;
            Ok(SocketFile { path: self.path.clone(), device: metadata.dev(), inode: metadata.ino() })
        };
        publish().map_err(|source| bind_error(&self.path, source))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = |metadata: fs::Metadata| metadata.dev() == self.device && metadata.ino() == self.inode;
        if fs::symlink_metadata(&self.path).is_ok_and(is_ours)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "the socket file could not be removed");
        }
    }
}

pub(super) fn bind_error(path: &Path, source: io::Error) -> StartError {
    StartError::Bind { address: path.display().to_string(), source }
}
