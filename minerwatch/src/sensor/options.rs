//! The settings of the sensor.

use crate::model::HookChoice;

/// The settings of the sensor. The defaults are those of the daemon.
#[derive(Clone, Debug)]
pub struct SensorOptions {
    /// Size of the ring for process life, connections and CPU use, in bytes: a power of two and a multiple of the page
    /// size.
    pub process_ring: u32,
    /// Size of the ring for file changes, in bytes: a power of two and a multiple of the page size.
    pub file_ring: u32,
    /// Size of the ring for payloads, in bytes: a power of two and a multiple of the page size.
    pub payload_ring: u32,
    /// Time between two CPU records of one process, in nanoseconds.
    pub cpu_interval: u64,
    /// Minimum CPU time of a process in an interval for a CPU record, in nanoseconds.
    pub cpu_threshold: u64,
    /// Time between two regular updates of an open connection, in nanoseconds.
    pub flow_interval: u64,
    /// Hooks to use instead of the best available. The last choice for a data source counts.
    pub hooks: Vec<HookChoice>,
    /// Whether the kernel shall count the runs of all eBPF programs while the sensor is open.
    pub statistics: bool,
}

impl Default for SensorOptions {
    fn default() -> Self {
        Self {
            process_ring: 4 << 20,
            file_ring: 4 << 20,
            payload_ring: 2 << 20,
            cpu_interval: 1_000_000_000,
            cpu_threshold: 100_000_000,
            flow_interval: 60_000_000_000,
            hooks: Vec::new(),
            statistics: false,
        }
    }
}
