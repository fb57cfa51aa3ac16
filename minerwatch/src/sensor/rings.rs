//! Draining the rings.
#![allow(
    unsafe_code,
    reason = "tokio cannot know that a ring keeps its descriptor open; this is the only such module"
)]

use std::{fmt, io};

use aya::maps::{MapData, RingBuf, ring_buf::RingBufItem};
use tokio::io::{Interest, unix::AsyncFd};

use super::{
    SensorError,
    merge::{self, Source},
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

    /// Hands over records in the order of the kernel's clock, about `limit` of them, so that a busy ring cannot keep
    /// the task for itself; then at most as many payloads, which speak of what came before. Says whether more may be
    /// waiting.
    pub fn drain(&mut self, limit: usize, mut on_record: impl FnMut(&[u8])) -> bool {
        let more = merge::drain(self.process.get_mut(), self.file.get_mut(), limit, &mut on_record);
        let payloads = self.payload.get_mut();
        for _ in 0..limit {
            let Some(record) = payloads.next() else { return more };
            on_record(&record);
        }
        true
    }
}

impl Source for Ring {
    type Record<'a> = RingBufItem<'a>;

    fn take(&mut self) -> Option<RingBufItem<'_>> {
        self.next()
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
