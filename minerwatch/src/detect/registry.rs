//! The list of detectors. A new detector needs its own file and an entry here.

use super::{Declaration, behavior, compute, network};

/// Every detector, in the order in which the detectors inspect an event.
pub static DETECTORS: &[&Declaration] = &[
    // Destinations of connections.
    &network::pool_port::DETECTOR,
    &network::foreign_peer::DETECTOR,
    &network::suspect_connection::DETECTOR,
    &network::beaconing::DETECTOR,
    &network::tls_without_sni::DETECTOR,
    &network::pool_name::DETECTOR,
    &network::encrypted_dns::DETECTOR,
    &network::dns_tunnel::DETECTOR,
    &network::listed_file::DETECTOR,
    // Content of connections.
    &network::stratum_sessions::DETECTOR,
    &network::solo_mining::DETECTOR,
    &network::mining_relay::DETECTOR,
    &network::noise_handshake::DETECTOR,
    // Arrival of a program.
    &behavior::service_downloader::DETECTOR,
    &behavior::drop_and_run::DETECTOR,
    &behavior::fileless::DETECTOR,
    &behavior::kernel_name::DETECTOR,
    &behavior::borrowed_name::DETECTOR,
    &behavior::hidden::DETECTOR,
    &behavior::command_line::DETECTOR,
    &behavior::miner_settings::DETECTOR,
    // Persistence.
    &behavior::preload::DETECTOR,
    &behavior::persistence::DETECTOR,
    &behavior::immutable::DETECTOR,
    &behavior::kernel_module::DETECTOR,
    &behavior::triple_chain::DETECTOR,
    // Sabotage, credentials and spread.
    &behavior::defence_off::DETECTOR,
    &behavior::traces_removed::DETECTOR,
    &behavior::tool_replaced::DETECTOR,
    &behavior::rivals_killed::DETECTOR,
    &behavior::credentials::DETECTOR,
    &behavior::spread::DETECTOR,
    &behavior::escape::DETECTOR,
    &behavior::process_access::DETECTOR,
    &behavior::bpf_program::DETECTOR,
    // Devices and kernel settings.
    &compute::gpu::DETECTOR,
    &compute::msr::DETECTOR,
    &compute::huge_pages::DETECTOR,
    // CPU use.
    &compute::sustained::DETECTOR,
    &compute::long_load::DETECTOR,
    &compute::host_load::DETECTOR,
    &compute::yield_periodicity::DETECTOR,
    &compute::sigstop_throttle::DETECTOR,
    &compute::load_pattern::DETECTOR,
    &compute::load_jump::DETECTOR,
    &compute::connection_gated_load::DETECTOR,
    &compute::steady_workers::DETECTOR,
    &compute::monitor_evasion::DETECTOR,
    &compute::quota_throttled::DETECTOR,
    // Memory and floating-point rounding modes.
    &compute::memory::DETECTOR,
    &compute::rounding::DETECTOR,
];
