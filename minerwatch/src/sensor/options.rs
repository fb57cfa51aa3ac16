//! The settings of the sensor.

use crate::model::HookChoice;

/// The settings of the sensor. The defaults are the daemon's.
#[derive(Clone, Debug)]
pub struct SensorOptions {
    /// Bytes of the ring for process life, connections and CPU use: a power of two, a multiple of the page size.
    pub process_ring: u32,
    /// Bytes of the ring for file changes; the same rules.
    pub file_ring: u32,
    /// Bytes of the ring for payloads; the same rules.
    pub payload_ring: u32,
    /// Nanoseconds between two CPU records of one process.
    pub cpu_interval: u64,
    /// A process with less than these nanoseconds on a CPU in an interval is not reported.
    pub cpu_threshold: u64,
    /// Nanoseconds between two regular updates of an open connection.
    pub flow_interval: u64,
    /// Hooks to use instead of the best available. If two are for the same data source, the later one counts.
    pub hooks: Vec<HookChoice>,
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
        }
    }
}
