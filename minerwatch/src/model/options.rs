//! Socket options that a process has set.

use serde::{Deserialize, Serialize};

use super::Flow;

/// Options of a TCP socket, read from outside the process after the connection was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketOptions {
    /// The connection, as in [`super::Payload::flow`].
    pub flow: Flow,
    /// Keepalive times, if keepalive is on (`SO_KEEPALIVE`, socket(7)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepalive: Option<Keepalive>,
    /// Whether small payloads are sent without delay (`TCP_NODELAY`, tcp(7)).
    pub no_delay: bool,
}

/// Keepalive times (tcp(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keepalive {
    /// Idle seconds before the first probe (`TCP_KEEPIDLE`).
    pub idle_s: u64,
    /// Seconds between two probes (`TCP_KEEPINTVL`).
    pub interval_s: u64,
    /// Unanswered probes after which the connection is closed (`TCP_KEEPCNT`).
    pub probes: u32,
}
