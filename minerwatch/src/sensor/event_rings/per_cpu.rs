//! A buffer of one CPU, for kernels that have no shared rings.

use std::{
    ops::ControlFlow,
    os::fd::{AsRawFd, RawFd},
};

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

use super::super::{
    SensorError,
    merge::{self, Source},
};

/// The smallest buffer, in pages: it must hold some of the longest records.
const MIN_PAGES: usize = 16;

/// The records of one ring from one CPU. The kernel shows a record once it is whole, and what finds no room is counted
/// by the program that sent it.
pub(in super::super) struct Buffer {
    buffer: PerfEventArrayBuffer<MapData>,
    /// The record at the head, taken out of the buffer to see its time, with what the kernel put behind it to have the
    /// next one aligned; empty if none was.
    head: Vec<u8>,
}

/// Opens the buffers of a ring for each CPU that is online, `size` bytes in all, and more where that is too little for
/// one. A CPU that comes online later has none: what happens there is counted as lost.
pub(super) fn open(
    programs: &mut Ebpf,
    name: &'static str,
    size: u32,
    buffers: &mut Vec<Buffer>,
) -> Result<(), SensorError> {
    let map = programs.take_map(name).ok_or(SensorError::Incomplete { map: name })?;
    let mut ring =
        PerfEventArray::try_from(map).map_err(|source| SensorError::Load { source: source.into() })?;
    let cpus = online_cpus().map_err(|(_, error)| SensorError::EventRings(error))?;
    let pages = pages(size as usize / page_size(), cpus.len());
    for cpu in cpus {
        let buffer =
            ring.open(cpu, Some(pages)).map_err(|source| SensorError::Load { source: source.into() })?;
        buffers.push(Buffer { buffer, head: Vec::new() });
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
            let _ = buffer.try_fold((), |(), event| match event {
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
        !self.head.is_empty() || self.buffer.readable()
    }
}

impl Source for AsyncFd<Buffer> {
    fn head(&mut self) -> Option<u64> {
        self.get_mut().head()
    }

    fn take(&mut self, on_record: &mut impl FnMut(&[u8])) {
        self.get_mut().take(on_record);
    }

    fn holds_any(&self) -> bool {
        self.get_ref().holds_any()
    }
}

impl AsRawFd for Buffer {
    fn as_raw_fd(&self) -> RawFd {
        self.buffer.as_raw_fd()
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
