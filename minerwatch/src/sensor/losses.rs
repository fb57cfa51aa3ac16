//! What the kernel side counted as lost.

use std::fmt;

use aya::{
    Ebpf,
    maps::{MapData, PerCpuArray},
};
use minerwatch_common::Loss;

use super::SensorError;

/// The loss counters of the kernel side.
pub struct Losses {
    counters: PerCpuArray<MapData, u64>,
}

impl fmt::Debug for Losses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.read()).finish()
    }
}

impl Losses {
    pub(super) fn new(programs: &mut Ebpf) -> Result<Self, SensorError> {
        let map = programs.take_map("LOSSES").ok_or(SensorError::Incomplete { map: "LOSSES" })?;
        let counters =
            PerCpuArray::try_from(map).map_err(|source| SensorError::Load { source: source.into() })?;
        Ok(Self { counters })
    }

    /// Every kind of loss and its count so far, zeros included.
    pub fn read(&self) -> impl Iterator<Item = (Loss, u64)> {
        Loss::all().map(|loss| {
            let count = self
                .counters
                .get(&loss.slot(), 0)
                .map_or(0, |values| values.iter().fold(0_u64, |sum, value| sum.saturating_add(*value)));
            (loss, count)
        })
    }
}
