//! A socket as it was found in a process.

use super::{Flow, Subject};

/// How a socket came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketSide {
    /// This host connected it, by TCP or UDP. The connection counts as opened when it was found.
    Opened(Flow),
    /// A peer connected to it, by TCP.
    Accepted,
    /// It waits for peers, by TCP.
    Listening,
}

/// A socket that a process holds.
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
