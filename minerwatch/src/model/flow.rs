//! One connection's two ends.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::BootTime;

/// The transport of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A connection that a process of this host opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flow {
    /// Transport.
    pub protocol: Protocol,
    /// This host's end; the port is 0 while none is bound.
    pub source: SocketAddr,
    /// The peer's end.
    pub destination: SocketAddr,
    /// When it was opened; with the process it names the flow.
    pub opened: BootTime,
}
