//! The list of detectors. A new one is its file and a row here.

use super::{Declaration, network};

/// Every detector, in the order in which they look at an event.
pub static DETECTORS: &[&Declaration] = &[
    &network::pool_port::DETECTOR,
    &network::foreign_peer::DETECTOR,
    &network::suspect_connection::DETECTOR,
    &network::beaconing::DETECTOR,
    &network::tls_without_sni::DETECTOR,
    &network::pool_name::DETECTOR,
    &network::encrypted_dns::DETECTOR,
    &network::dns_tunnel::DETECTOR,
    &network::listed_file::DETECTOR,
    &network::stratum_sessions::DETECTOR,
    &network::solo_mining::DETECTOR,
    &network::mining_relay::DETECTOR,
    &network::noise_handshake::DETECTOR,
];
