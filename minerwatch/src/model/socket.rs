//! A TCP socket as it was found in a process.

use super::Subject;

/// How a socket came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketSide {
    /// This host connected it.
    Opened,
    /// A peer connected to it.
    Accepted,
    /// It waits for peers.
    Listening,
}

/// A TCP socket that a process holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldSocket {
    /// Who holds it.
    pub owner: Subject,
    /// Its descriptor there.
    pub descriptor: i32,
    /// Its inode, by which to tell that the descriptor is still the same socket.
    pub inode: u64,
    /// How it came about.
    pub side: SocketSide,
}
