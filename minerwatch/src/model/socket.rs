//! Sockets that were found in a process.

use super::{Flow, Subject};

/// The role of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketSide {
    /// An outbound TCP or UDP connection. The field `opened` of the flow is the time at which the socket was found.
    Opened(Flow),
    /// An inbound TCP connection.
    Accepted,
    /// A listening TCP socket.
    Listening,
}

/// A socket that a process holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldSocket {
    /// The process that holds the socket.
    pub owner: Subject,
    /// The file descriptor of the socket in that process.
    pub descriptor: i32,
    /// The inode number of the socket, to check that the descriptor still refers to this socket.
    pub inode: u64,
    /// The role of the socket.
    pub side: SocketSide,
}
