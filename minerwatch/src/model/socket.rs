//! Sockets that were found in a process.

use super::{Flow, Subject};

/// The role of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketSide {
    /// An outbound TCP or UDP connection. Its flow's `opened` is the time it was found.
    Opened(Flow),
    /// An inbound TCP connection.
    Accepted,
    /// A listening TCP socket.
    Listening,
}

/// A socket that a process holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldSocket {
    /// The process that holds it.
    pub owner: Subject,
    /// Its file descriptor in that process.
    pub descriptor: i32,
    /// Its inode number, to check that the descriptor is still the same socket.
    pub inode: u64,
    /// Its role.
    pub side: SocketSide,
}
