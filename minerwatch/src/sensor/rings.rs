//! Draining the rings.
#![allow(
    unsafe_code,
    reason = "tokio cannot know that a ring keeps its descriptor open; this is the only such module"
)]

use std::{fmt, io, mem};

use aya::maps::{MapData, RingBuf};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{Interest, unix::AsyncFd};

use super::{
    SensorError,
    merge::{self, Drained, Source},
};

/// One ring.
pub(super) type Ring = RingBuf<MapData>;

/// The rings. The kernel wakes the reader only when a record lands in a ring that was found empty, so a
/// reader that waits a little between two drains is woken once per wait, however many records come.
pub struct Rings {
    process: AsyncFd<Ring>,
    file: AsyncFd<Ring>,
    payload: AsyncFd<Ring>,
}

impl Rings {
    pub(super) fn new(process: Ring, file: Ring, payload: Ring) -> Result<Self, SensorError> {
        Ok(Self { process: register(process)?, file: register(file)?, payload: register(payload)? })
    }

    /// Waits until one of the rings has a record. Cancelling it loses nothing.
    pub async fn readable(&mut self) -> io::Result<()> {
        tokio::select! {
            guard = self.process.readable_mut() => guard?.clear_ready(),
            guard = self.file.readable_mut() => guard?.clear_ready(),
            guard = self.payload.readable_mut() => guard?.clear_ready(),
        }
        Ok(())
    }

    /// Hands over records in the order of the kernel's clock, at most `limit` of them, so that busy rings cannot keep
    /// the task for themselves. `now` reads that clock, in nanoseconds.
    pub fn drain(&mut self, limit: usize, now: impl Fn() -> u64, on_record: impl FnMut(&[u8])) -> Drained {
        let rings = [self.process.get_mut(), self.file.get_mut(), self.payload.get_mut()];
        merge::drain(rings, limit, now, on_record)
    }
}

impl Source for Ring {
    fn head(&mut self) -> Option<u64> {
        let record = self.next()?;
        let time = merge::time(&record);
        // Dropping it would give its place back.
        mem::forget(record);
        Some(time)
    }

    fn take(&mut self, on_record: &mut impl FnMut(&[u8])) {
        if let Some(record) = self.next() {
            on_record(&record);
        }
    }

    /// A ring is readable as soon as a place in it is reserved (`ringbuf_map_poll_kern`, kernel/bpf/ringbuf.c).
    fn holds_any(&self) -> bool {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(self, PollFlags::IN)], Some(&at_once)).is_ok_and(|ready| ready > 0)
    }
}

fn register(ring: Ring) -> Result<AsyncFd<Ring>, SensorError> {
    // SAFETY: the ring owns its descriptor, always answers with the same one, and is dropped only after it
    // was taken out of the reactor.
    unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) }
        .map_err(|error| SensorError::Rings(error.into()))
}

impl fmt::Debug for Rings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Rings").finish_non_exhaustive()
    }
}
