//! Creates and removes the socket.

use std::{
    fs, io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
        net::UnixStream,
    },
    path::{Path, PathBuf},
};

use tokio::net::UnixListener;

/// Why the daemon cannot listen on its socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another daemon is listening on the socket.
    #[error(
        "another minerwatch is already running: it listens at {}; stop it, or set another control.socket",
        .0.display()
    )]
    Busy(PathBuf),
    /// The path exists but is not a socket, so it is not removed.
    #[error("{} exists and is not a socket; remove it, or set another control.socket", .0.display())]
    NotASocket(PathBuf),
    /// The system returned an error.
    #[error("cannot listen at {}: {error}", path.display())]
    Io {
        /// Path of the socket.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
}

/// Creates a socket at `path`. Returns the listener and the inode of the socket.
pub(super) fn bind(path: &Path) -> Result<(UnixListener, u64), BindError> {
    let failed = |error| BindError::Io { path: path.to_owned(), error };
    if let Some(directory) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(directory).map_err(failed)?;
    }
    clear(path)?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    // The daemon checks the user of each connection, so connections before this line are safe.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    let inode = fs::symlink_metadata(path).map_err(failed)?.ino();
    Ok((listener, inode))
}

/// Removes a stale socket that a killed daemon has left.
fn clear(path: &Path) -> Result<(), BindError> {
    let failed = |error| BindError::Io { path: path.to_owned(), error };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(BindError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        // The connection was accepted, or the queue of connections is full, so another daemon is listening.
        Ok(_) => Err(BindError::Busy(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(BindError::Busy(path.to_owned())),
        Err(error) => Err(failed(error)),
    }
}

/// Removes the socket, unless another daemon has replaced it.
pub(super) fn unlink(path: &Path, inode: u64) {
    let own = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.ino() == inode);
    if own && let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "the control socket cannot be removed");
    }
}
