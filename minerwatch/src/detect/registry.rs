//! The list of detectors. A new one is its file and a row here.

use super::{Declaration, behavior, compute};

/// Every detector, in the order in which they look at an event.
pub static DETECTORS: &[&Declaration] = &[
    // How it came.
    &behavior::service_downloader::DETECTOR,
    &behavior::drop_and_run::DETECTOR,
    &behavior::fileless::DETECTOR,
    &behavior::kernel_name::DETECTOR,
    &behavior::command_line::DETECTOR,
    // How it stays.
    &behavior::preload::DETECTOR,
    &behavior::persistence::DETECTOR,
    &behavior::triple_chain::DETECTOR,
    // What it opens.
    &compute::gpu::DETECTOR,
    &compute::msr::DETECTOR,
    &compute::huge_pages::DETECTOR,
    // How it uses the processor.
    &compute::sustained::DETECTOR,
    &compute::long_load::DETECTOR,
    &compute::host_load::DETECTOR,
    &compute::yield_periodicity::DETECTOR,
    &compute::sigstop_throttle::DETECTOR,
    &compute::load_pattern::DETECTOR,
    &compute::load_jump::DETECTOR,
    &compute::connection_gated_load::DETECTOR,
    &compute::monitor_evasion::DETECTOR,
    &compute::quota_throttled::DETECTOR,
    // What it computes with.
    &compute::memory::DETECTOR,
    &compute::rounding::DETECTOR,
];
