//! Which process each CPU runs now.

use std::fmt;

use aya::{
    Ebpf,
    maps::{MapData, MapError, PerCpuArray},
};

use super::SensorError;

/// The kernel side's note of who runs where.
pub struct CurrentPids {
    slots: PerCpuArray<MapData, u32>,
}

impl fmt::Debug for CurrentPids {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CurrentPids").finish_non_exhaustive()
    }
}

impl CurrentPids {
    pub(super) fn new(programs: &mut Ebpf) -> Result<Self, SensorError> {
        let map = programs.take_map("RUNNING").ok_or(SensorError::Incomplete { map: "RUNNING" })?;
        let slots =
            PerCpuArray::try_from(map).map_err(|source| SensorError::Load { source: source.into() })?;
        Ok(Self { slots })
    }

    /// The process ids in the order of the CPUs, 0 where nothing runs that could compute.
    pub fn read(&self) -> Result<Vec<u32>, MapError> {
        Ok(self.slots.get(&0, 0)?.to_vec())
    }
}
