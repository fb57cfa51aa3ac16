//! The second witness: what the CPU gives away, whatever a miner calls itself and however it speaks.

mod duty;
mod flow_gate;
mod gpu;
mod huge_pages;
mod long_load;
mod memory;
mod metronome;
mod msr;
mod phases;
mod quota;
mod rounding;
mod scheduling;
mod shy;
mod stop_and_go;
mod stretch;
mod sustained;
mod tidal;

pub use duty::DutyState;
pub use gpu::gpu;
pub use huge_pages::huge_pages;
pub use long_load::LoadThresholds;
pub use memory::MemoryWitness;
pub use msr::{msr_driver, msr_opened};
pub use rounding::RoundingWitness;
pub use scheduling::Scheduling;
pub use sustained::BusyProcesses;
