//! Duplicates sockets of other processes with `pidfd_getfd(2)` (Linux 5.6).

use std::os::fd::OwnedFd;

use rustix::{
    fs::fstat,
    io::Errno,
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};

use crate::model::HeldSocket;

/// Why a socket was not duplicated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DuplicateError {
    /// The process has ended, or has closed the socket.
    #[error("the socket is gone")]
    Gone,
    /// The kernel refused to duplicate the socket.
    #[error("the kernel refused: {0}")]
    Refused(Errno),
}

/// Duplicates a socket of another process. The socket stays open until the returned descriptor is closed.
pub fn duplicate_socket(held: &HeldSocket) -> Result<OwnedFd, DuplicateError> {
    let pid = i32::try_from(held.owner.key.pid).ok().and_then(Pid::from_raw).ok_or(DuplicateError::Gone)?;
    let process = pidfd_open(pid, PidfdFlags::empty()).map_err(error_of)?;
    let socket = pidfd_getfd(process, held.descriptor, PidfdGetfdFlags::empty()).map_err(error_of)?;
    // The other process may have reused the descriptor for another file.
    let same = fstat(&socket).map_err(error_of)?.st_ino == held.inode;
    same.then_some(socket).ok_or(DuplicateError::Gone)
}

fn error_of(error: Errno) -> DuplicateError {
    match error {
        Errno::SRCH | Errno::BADF => DuplicateError::Gone,
        error => DuplicateError::Refused(error),
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, os::fd::AsRawFd as _};

    use super::*;
    use crate::{
        model::{ProcessKey, SocketSide},
        testing::subject,
    };

    #[test]
    fn only_the_socket_that_was_found_is_duplicated() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let inode = fstat(&listener).expect("open").st_ino;
        let key = ProcessKey::from_ticks(std::process::id(), 1);
        let held = HeldSocket {
            owner: subject(key),
            descriptor: listener.as_raw_fd(),
            inode,
            side: SocketSide::Listening,
        };
        let duplicate = duplicate_socket(&held).expect("a process may duplicate its own sockets");
        assert_eq!(fstat(&duplicate).expect("open").st_ino, inode);
        let other = HeldSocket { inode: inode + 1, ..held.clone() };
        assert_eq!(duplicate_socket(&other).err(), Some(DuplicateError::Gone));
        drop(listener);
        assert_eq!(duplicate_socket(&held).err(), Some(DuplicateError::Gone));
    }
}
