//! A ring buffer that all CPUs share, and the state of its reader.

use std::{io, mem};

use aya::{
    Ebpf,
    maps::{Array, MapData, RingBuf},
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::sensor::{
    error::SensorError,
    merge::{self, Source},
};

/// A ring buffer with its mapped memory.
pub(super) type Ring = RingBuf<MapData>;

/// Takes the ring buffer `name` out of the loaded object.
pub(super) fn take(programs: &mut Ebpf, name: &'static str) -> Result<Ring, SensorError> {
    let map = programs.take_map(name).ok_or(SensorError::Incomplete { map: name })?;
    RingBuf::try_from(map).map_err(|source| SensorError::Load { source: source.into() })
}

/// The map in which the reader asks the programs to wake it.
const READER_WAITS: &str = "READER_WAITS";

/// Tells the eBPF programs that the reader waits.
pub(super) struct ReaderState(Array<MapData, u32>);

impl ReaderState {
    /// Takes the map out of the loaded object.
    pub(super) fn take(programs: &mut Ebpf) -> Result<Self, SensorError> {
        let map = programs.take_map(READER_WAITS).ok_or(SensorError::Incomplete { map: READER_WAITS })?;
        Array::try_from(map).map(Self).map_err(|source| SensorError::Load { source: source.into() })
    }

    /// Asks the programs to wake the reader for the next record. They do so once.
    pub(super) fn waits(&mut self) -> io::Result<()> {
        self.0.set(0, 1, 0).map_err(io::Error::other)
    }
}

impl Source for Ring {
    fn head(&mut self) -> Option<u64> {
        let record = self.next()?;
        let time = merge::time(&record);
        // Dropping the record would release its place in the ring.
        mem::forget(record);
        Some(time)
    }

    fn take(&mut self, on_record: &mut impl FnMut(&[u8])) {
        if let Some(record) = self.next() {
            on_record(&record);
        }
    }

    /// Polls the ring buffer, which is readable as soon as a place is reserved (`ringbuf_map_poll_kern`,
    /// kernel/bpf/ringbuf.c).
    fn holds_any(&self) -> bool {
        let no_wait = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(self, PollFlags::IN)], Some(&no_wait)).is_ok_and(|ready| ready > 0)
    }
}
