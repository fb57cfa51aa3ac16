//! Sockets of other processes, borrowed for a moment (`pidfd_getfd(2)`, Linux 5.6).

use std::os::fd::OwnedFd;

use rustix::{
    fs::fstat,
    io::Errno,
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};

use crate::model::HeldSocket;

/// Why a socket was not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotBorrowed {
    /// Its process has ended, or closed it.
    #[error("it is gone")]
    Gone,
    /// The system refused.
    #[error("not handed over: {0}")]
    Refused(Errno),
}

/// The socket itself, for as long as the answer lives.
pub fn borrow(held: &HeldSocket) -> Result<OwnedFd, NotBorrowed> {
    let pid = i32::try_from(held.owner.key.pid).ok().and_then(Pid::from_raw).ok_or(NotBorrowed::Gone)?;
    let process = pidfd_open(pid, PidfdFlags::empty()).map_err(reason)?;
    let socket = pidfd_getfd(process, held.descriptor, PidfdGetfdFlags::empty()).map_err(reason)?;
    // The descriptor may be another file by now.
    let same = fstat(&socket).map_err(reason)?.st_ino == held.inode;
    same.then_some(socket).ok_or(NotBorrowed::Gone)
}

fn reason(error: Errno) -> NotBorrowed {
    match error {
        Errno::SRCH | Errno::BADF => NotBorrowed::Gone,
        error => NotBorrowed::Refused(error),
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, os::fd::AsRawFd as _};

    use super::*;
    use crate::model::{ProcessKey, SocketSide, Subject};

    #[test]
    fn only_the_socket_that_was_found_is_borrowed() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let inode = fstat(&listener).expect("open").st_ino;
        let key = ProcessKey::from_ticks(std::process::id(), 1);
        let owner = Subject { key, tid: key.pid, uid: 0, gid: 0, cgroup: 0, container: None };
        let held = HeldSocket { owner, descriptor: listener.as_raw_fd(), inode, side: SocketSide::Listening };
        let borrowed = borrow(&held).expect("one's own sockets may be borrowed");
        assert_eq!(fstat(&borrowed).expect("open").st_ino, inode);
        let other = HeldSocket { inode: inode + 1, ..held.clone() };
        assert_eq!(borrow(&other).err(), Some(NotBorrowed::Gone));
        drop(listener);
        assert_eq!(borrow(&held).err(), Some(NotBorrowed::Gone));
    }
}
