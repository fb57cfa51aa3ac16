//! The first witness: what goes over the wire.

mod beaconing;
pub mod dns;
mod dns_tunnel;
mod encrypted_dns;
mod foreign_peer;
mod names;
mod pool_port;
mod suspect_connection;
pub mod tls;
mod tls_without_sni;
pub mod wire;

use std::net::{IpAddr, SocketAddr};

pub use beaconing::Beaconing;
pub use dns_tunnel::{DnsTunnels, carries_data};
pub use encrypted_dns::EncryptedDns;
pub use foreign_peer::{foreign_peer, foreign_peer_at_start};
pub use names::{Names, listed_file};
pub use pool_port::{pool_port, pool_port_at_start};
pub use suspect_connection::suspect_connection;
pub use tls_without_sni::{TlsWithoutSni, matches_xmrig_sockopts};

use crate::model::{Connect, Protocol, RunningFlow};

/// Where an established TCP connection to another host leads, or nothing if it is none.
///
/// UDP is left out: resolvers connect UDP sockets just to learn their own address.
pub fn outbound(connect: &Connect) -> Option<SocketAddr> {
    (connect.result == 0 && connect.flow.protocol == Protocol::Tcp && leaves_host(connect.flow.destination))
        .then_some(connect.flow.destination)
}

/// The same for a connection that was open at the start.
pub fn outbound_at_start(flow: &RunningFlow) -> Option<SocketAddr> {
    (flow.protocol == Protocol::Tcp && leaves_host(flow.destination)).then_some(flow.destination)
}

/// Whether an address is another host's, as far as the address tells.
pub fn leaves_host(destination: SocketAddr) -> bool {
    match destination.ip().to_canonical() {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_unspecified(),
        IpAddr::V6(address) => !address.is_loopback() && !address.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_does_not_leave_the_host() {
        let cases = [
            ("127.0.0.1:3333", false),
            ("127.8.8.8:80", false),
            ("[::1]:80", false),
            ("[::ffff:127.0.0.1]:80", false),
            ("0.0.0.0:80", false),
            ("10.0.0.5:3333", true),
            ("[::ffff:10.0.0.5]:80", true),
            ("[2001:db8::1]:443", true),
        ];
        for (address, leaves) in cases {
            assert_eq!(leaves_host(address.parse().unwrap()), leaves, "{address}");
        }
    }
}
