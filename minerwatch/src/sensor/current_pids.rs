//! Reads which process runs on each CPU at this moment.

use std::fmt;

use aya::{
    Ebpf,
    maps::{MapData, MapError, PerCpuArray},
};

use minerwatch_common::RunningTask;

use super::error::SensorError;

/// The map in which the eBPF programs store the thread on each CPU.
const MAP: &str = "RUNNING";

/// A [`RunningTask`] in a form that the map accepts.
type Slot = [u64; size_of::<RunningTask>() / size_of::<u64>()];

/// Reads which process runs on each CPU.
pub struct CurrentPids {
    slots: PerCpuArray<MapData, Slot>,
}

impl fmt::Debug for CurrentPids {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CurrentPids").finish_non_exhaustive()
    }
}

impl CurrentPids {
    pub(super) fn new(programs: &mut Ebpf) -> Result<Self, SensorError> {
        let map = programs.take_map(MAP).ok_or(SensorError::Incomplete { map: MAP })?;
        let slots =
            PerCpuArray::try_from(map).map_err(|source| SensorError::Load { source: source.into() })?;
        Ok(Self { slots })
    }

    /// Returns the process ids in CPU order. The id is 0 for a CPU that is idle, or that runs a kernel or real-time
    /// thread.
    pub fn read(&self) -> Result<Vec<u32>, MapError> {
        let pid = |slot: &Slot| -> u32 {
            let running: RunningTask = zerocopy::transmute!(*slot);
            running.sampled_pid
        };
        Ok(self.slots.get(&0, 0)?.iter().map(pid).collect())
    }
}
