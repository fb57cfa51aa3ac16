//! The second witness: what the CPU gives away, whatever a miner calls itself and however it speaks.

mod connection_gated_load;
mod gpu;
mod huge_pages;
mod load_history;
mod load_pattern;
mod long_load;
mod memory;
mod monitor_evasion;
mod msr;
mod phases;
mod quota_throttled;
mod rounding;
mod scheduling;
mod sigstop_throttle;
mod streak;
mod sustained;
mod yield_periodicity;

pub use gpu::gpu;
pub use huge_pages::huge_pages;
pub use load_history::LoadHistoryState;
pub use long_load::LoadThresholds;
pub use memory::MemoryWitness;
pub use msr::{msr_driver, msr_opened};
pub use rounding::RoundingWitness;
pub use scheduling::Scheduling;
pub use sustained::BusyProcesses;
