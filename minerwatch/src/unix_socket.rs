//! Creates and removes the Unix sockets on which the daemon listens.

use std::{
    fs, io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

/// Why the daemon cannot listen on a socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another daemon is listening on the socket.
    #[error(
        "another minerwatch is already running: it listens at {}; stop it, or set another {key}",
        path.display()
    )]
    Busy {
        /// Path of the socket.
        path: PathBuf,
        /// The configuration key of the path.
        key: &'static str,
    },
    /// The path exists but is not a socket, so it is not removed.
    #[error("{} exists and is not a socket; remove it, or set another {key}", path.display())]
    NotASocket {
        /// Path of the file.
        path: PathBuf,
        /// The configuration key of the path.
        key: &'static str,
    },
    /// The system returned an error.
    #[error("cannot listen at {}: {error}", path.display())]
    Io {
        /// Path of the socket.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
}

/// A socket of the daemon.
#[derive(Clone, Copy, Debug)]
pub struct SocketAt<'a> {
    /// Its path.
    pub path: &'a Path,
    /// Its permissions.
    pub mode: u32,
    /// The configuration key of the path, for messages.
    pub key: &'static str,
}

/// Creates a socket, and its directory if that is missing. Returns the listener and the inode of the socket. Between
/// its creation and the change of its mode, the umask decides who may connect.
///
/// # Errors
///
/// Another daemon is listening at the path, the path is not a socket, or the directory cannot be written.
pub fn bind(socket: SocketAt<'_>) -> Result<(UnixListener, u64), BindError> {
    let SocketAt { path, mode, key: _ } = socket;
    let failed = |error| BindError::Io { path: path.to_owned(), error };
    if let Some(directory) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(directory).map_err(failed)?;
    }
    clear(socket)?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)?;
    let inode = fs::symlink_metadata(path).map_err(failed)?.ino();
    Ok((listener, inode))
}

/// Removes a stale socket that a killed daemon has left.
fn clear(socket: SocketAt<'_>) -> Result<(), BindError> {
    let SocketAt { path, key, .. } = socket;
    let failed = |error| BindError::Io { path: path.to_owned(), error };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(BindError::NotASocket { path: path.to_owned(), key });
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        // The connection was accepted, or the queue of connections is full, so another daemon is listening.
        Ok(_) => Err(BindError::Busy { path: path.to_owned(), key }),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(BindError::Busy { path: path.to_owned(), key })
        }
        Err(error) => Err(failed(error)),
    }
}

/// Removes the socket, unless another daemon has replaced it.
pub fn unlink(path: &Path, inode: u64) {
    let own = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.ino() == inode);
    if own && let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "the socket cannot be removed");
    }
}
