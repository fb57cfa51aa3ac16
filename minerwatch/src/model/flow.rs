//! A connection: its protocol, its two addresses, and when it was opened.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::BootTime;

/// The transport protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A connection of a process of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flow {
    /// Transport protocol.
    pub protocol: Protocol,
    /// Address and port of this host; the port is 0 while the socket is unbound.
    pub source: SocketAddr,
    /// Address and port of the peer.
    pub destination: SocketAddr,
    /// When the connection was opened. The process and this time identify the flow.
    pub opened: BootTime,
}
