//! How a process set up a socket.

use serde::{Deserialize, Serialize};

use super::Flow;

/// What a process chose for the socket of a TCP connection; looked at from outside, a while after the connection began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketOptions {
    /// The connection, as in [`super::Payload::flow`].
    pub flow: Flow,
    /// When the kernel asks whether the peer is still there, if it does (`SO_KEEPALIVE`, socket(7)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepalive: Option<Keepalive>,
    /// Whether small messages are sent at once (`TCP_NODELAY`, tcp(7)).
    pub no_delay: bool,
}

/// The times of keepalive (tcp(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keepalive {
    /// Seconds of silence before the first question (`TCP_KEEPIDLE`).
    pub idle_s: u64,
    /// Seconds between two questions (`TCP_KEEPINTVL`).
    pub interval_s: u64,
    /// Questions without an answer after which the connection is over (`TCP_KEEPCNT`).
    pub probes: u32,
}
