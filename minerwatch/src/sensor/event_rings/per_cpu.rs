//! The perf buffer of one CPU, for kernels without ring buffers.

use std::ops::ControlFlow;

use aya::{
    Ebpf,
    maps::{
        MapData, PerfEventArray,
        perf::{PerfEvent, PerfEventArrayBuffer},
    },
    util::online_cpus,
};
use rustix::param::page_size;
use tokio::io::unix::AsyncFd;

use crate::sensor::{
    error::SensorError,
    merge::{self, Source},
};

/// Minimum size of a buffer, in pages. The buffer must hold several of the longest records.
const MIN_PAGES: usize = 16;

/// A buffer before it is registered with tokio.
pub(super) type PerfBuffer = PerfEventArrayBuffer<MapData>;

/// The records of one ring from one CPU. The kernel shows only complete records. If a record finds no room, the program
/// that sends the record counts the loss.
pub(super) struct Buffer {
    buffer: AsyncFd<PerfBuffer>,
    /// The oldest record, moved out of the buffer to read its time, followed by the kernel's padding. Empty if no
    /// record was moved out.
    head: Vec<u8>,
}

impl Buffer {
    pub(super) fn new(buffer: AsyncFd<PerfBuffer>) -> Self {
        Self { buffer, head: Vec::new() }
    }

    /// Returns the descriptor that becomes readable when a record arrives.
    pub(super) fn descriptor(&mut self) -> &mut AsyncFd<PerfBuffer> {
        &mut self.buffer
    }
}

/// Opens the buffers of a ring, one for each CPU that is online. The buffers together have about `size` bytes or more,
/// and each has at least `MIN_PAGES` pages. A CPU that comes online later has no buffer; its records are counted as
/// lost.
pub(super) fn open(
    programs: &mut Ebpf,
    name: &'static str,
    size: u32,
    buffers: &mut Vec<PerfBuffer>,
) -> Result<(), SensorError> {
    let map = programs.take_map(name).ok_or(SensorError::Incomplete { map: name })?;
    let mut ring =
        PerfEventArray::try_from(map).map_err(|source| SensorError::Load { source: source.into() })?;
    let cpus = online_cpus().map_err(|(_, error)| SensorError::EventRings(error))?;
    let pages = pages(size as usize / page_size(), cpus.len());
    for cpu in cpus {
        let buffer =
            ring.open(cpu, Some(pages)).map_err(|source| SensorError::Load { source: source.into() })?;
        buffers.push(buffer);
    }
    Ok(())
}

fn pages(all: usize, cpus: usize) -> usize {
    (all / cpus.max(1)).max(MIN_PAGES).next_power_of_two()
}

impl Source for Buffer {
    fn head(&mut self) -> Option<u64> {
        if self.head.is_empty() {
            let Self { buffer, head: target } = self;
            let _ = buffer.get_mut().try_fold((), |(), event| match event {
                PerfEvent::Sample { head, tail } => {
                    target.extend_from_slice(head);
                    target.extend_from_slice(tail);
                    ControlFlow::Break(())
                }
                PerfEvent::Lost { .. } => ControlFlow::Continue(()),
            });
        }
        (!self.head.is_empty()).then(|| merge::time(&self.head))
    }

    fn take(&mut self, on_record: &mut impl FnMut(&[u8])) {
        if self.head().is_some() {
            on_record(&self.head);
            self.head.clear();
        }
    }

    fn holds_any(&self) -> bool {
        !self.head.is_empty() || self.buffer.get_ref().readable()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_a_power_of_two_and_not_too_small() {
        assert_eq!(pages(1024, 2), 512);
        assert_eq!(pages(1024, 3), 512);
        assert_eq!(pages(512, 192), MIN_PAGES);
        assert_eq!(pages(0, 0), MIN_PAGES);
    }
}
