//! Events about connections, and the role of a DNS server.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::model::{BootTime, Flow, GeoLocation, Protocol};

/// The result of an outbound connection attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {
    /// The connection.
    pub flow: Flow,
    /// 0 for success, otherwise a positive errno; 115 (`EINPROGRESS`) if the peer has not answered yet.
    pub result: i32,
    /// Inode number of the socket's network namespace, 0 if unknown.
    #[serde(default)]
    pub network_namespace: u32,
    /// The peer's location, if a database knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Box<GeoLocation>>,
}

/// An outbound connection ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// The connection.
    pub flow: Flow,
    /// Payload bytes sent and received, if the kernel counts them for this protocol.
    pub bytes: Option<(u64, u64)>,
    /// TCP segments with payload, sent (including retransmissions) and received, if the kernel counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<(u32, u32)>,
    /// When the first payload was seen. TCP only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_payload: Option<BootTime>,
    /// When the last payload was seen, with the resolution of the kernel's timer (1 to 10 ms). TCP only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_payload: Option<BootTime>,
    /// Inode number of the socket's network namespace, 0 if unknown.
    #[serde(default)]
    pub network_namespace: u32,
    /// The peer's location, if a database knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Box<GeoLocation>>,
}

/// A connection that was already open at the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningFlow {
    /// Transport protocol.
    pub protocol: Protocol,
    /// Address and port of this host.
    pub source: SocketAddr,
    /// Address and port of the peer.
    pub destination: SocketAddr,
    /// The peer's location, if a database knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Box<GeoLocation>>,
}

/// Whether a process is a DNS server, that is, has a socket bound to port 53, and which servers it should ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsServerRole {
    /// Whether the process is a DNS server.
    pub serves: bool,
    /// The servers that the host, or the container of the process, is configured with; `None` if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolvers: Option<Vec<IpAddr>>,
}
