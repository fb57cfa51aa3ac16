//! The second witness: what the processor does.

mod sustained;

pub use sustained::BusyProcesses;
