//! Network detectors: what a process sends, and which hosts it connects to.

pub mod beaconing;
pub mod dns_tunnel;
pub mod encoded_name;
pub mod encrypted_dns;
pub mod foreign_peer;
pub mod listed_file;
mod listing;
mod mining_message;
pub mod mining_relay;
pub mod noise_handshake;
pub mod pool_name;
pub mod pool_port;
pub mod solo_mining;
pub mod stratum_sessions;
pub mod suspect_connection;
pub mod tls_without_sni;

use std::net::{IpAddr, SocketAddr};

use crate::model::{Connect, EventBody, Protocol, RunningFlow};

// The message and the score of an incident refer to these signals.
pub use beaconing::ENCRYPTED_BEACONING;
pub use mining_relay::RELAY;
pub use solo_mining::SOLO_MINING;
pub use stratum_sessions::{MINER_WORDS, POOL_WORDS};
pub use suspect_connection::SUSPECT_CONNECTION;

/// Returns the destination of the event's established TCP connection, if the destination is another host. The
/// connection was just opened, or was already open when minerwatch started.
pub fn established(body: &EventBody) -> Option<SocketAddr> {
    match body {
        EventBody::Connect(connect) => outbound(connect),
        EventBody::RunningFlow(flow) => outbound_at_start(flow),
        _ => None,
    }
}

/// Returns the destination of a connection, if it is an established TCP connection to another host.
///
/// UDP is left out: resolvers connect UDP sockets only to learn their own address.
pub fn outbound(connect: &Connect) -> Option<SocketAddr> {
    (connect.result == 0 && connect.flow.protocol == Protocol::Tcp && leaves_host(connect.flow.destination))
        .then_some(connect.flow.destination)
}

/// Returns the destination of a connection that was already open when minerwatch started, if it is a TCP connection to
/// another host.
pub fn outbound_at_start(flow: &RunningFlow) -> Option<SocketAddr> {
    (flow.protocol == Protocol::Tcp && leaves_host(flow.destination)).then_some(flow.destination)
}

/// Whether an address may belong to another host: it is neither loopback nor unspecified.
pub fn leaves_host(destination: SocketAddr) -> bool {
    match destination.ip().to_canonical() {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_unspecified(),
        IpAddr::V6(address) => !address.is_loopback() && !address.is_unspecified(),
    }
}

/// Whether an address belongs to a private network: RFC 1918, link-local, shared by carriers (RFC 6598), or unique local
/// (RFC 4193). Nobody outside can use such an address without a foothold inside.
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private() || address.is_link_local() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(address) => {
            let [first, ..] = address.segments();
            first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_are_known() {
        for (address, expected) in [
            ("10.0.0.5", true),
            ("172.31.255.1", true),
            ("172.32.0.1", false),
            ("192.168.1.1", true),
            ("100.127.0.1", true),
            ("100.128.0.1", false),
            ("169.254.169.254", true),
            ("::ffff:10.0.0.5", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("2001:db8::1", false),
            ("198.51.100.7", false),
        ] {
            assert_eq!(is_private(address.parse().unwrap()), expected, "{address}");
        }
    }

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
