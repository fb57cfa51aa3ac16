//! Drains the rings on which records arrive: ring buffers that all CPUs share, or perf buffers per CPU.

mod per_cpu;
mod shared;

use std::{
    fmt,
    future::poll_fn,
    io,
    os::fd::AsRawFd,
    task::{Context, Poll},
};

use aya::Ebpf;
use tokio::io::unix::AsyncFd;

use self::{
    per_cpu::{Buffer, PerfBuffer},
    shared::{ReaderState, Ring},
};
use super::{
    error::SensorError,
    merge::{self, Drained, Head, Source as _},
    options::SensorOptions,
    unsafe_io,
};

/// The rings before they are registered with tokio. They already store what the programs send.
pub(super) enum OpenRings {
    Shared(Box<SharedRings<Ring>>),
    PerCpu(Vec<PerfBuffer>),
}

impl OpenRings {
    /// Takes the ring buffers out of the loaded object.
    pub(super) fn shared(programs: &mut Ebpf) -> Result<Self, SensorError> {
        let reader = ReaderState::take(programs)?;
        let mut take = |name| shared::take(programs, name);
        let rings = [take("PROCESS_RING")?, take("FILE_RING")?, take("PAYLOAD_RING")?];
        Ok(Self::Shared(Box::new(SharedRings { rings, reader })))
    }

    /// Opens the perf buffers of the loaded object for each CPU that is online. Call this before the programs are
    /// attached.
    pub(super) fn per_cpu(programs: &mut Ebpf, options: &SensorOptions) -> Result<Self, SensorError> {
        let rings = [
            ("PROCESS_BUFFERS", options.process_ring),
            ("FILE_BUFFERS", options.file_ring),
            ("PAYLOAD_BUFFERS", options.payload_ring),
        ];
        let mut buffers = Vec::new();
        for (name, size) in rings {
            per_cpu::open(programs, name, size, &mut buffers)?;
        }
        Ok(Self::PerCpu(buffers))
    }
}

/// Ring buffers, and the flag with which the reader asks to be woken.
pub(super) struct SharedRings<R> {
    rings: [R; 3],
    reader: ReaderState,
}

/// The rings with the records of the eBPF programs. Ring buffers wake the reader once each time it waits, and not while
/// it lets records gather. A perf buffer wakes the reader for each record.
pub struct EventRings(Watched);

enum Watched {
    Shared(Box<SharedRings<AsyncFd<Ring>>>),
    PerCpu { buffers: Vec<Buffer>, heads: Vec<Head> },
}

impl EventRings {
    pub(super) fn watch(rings: OpenRings) -> Result<Self, SensorError> {
        let watched = match rings {
            OpenRings::Shared(rings) => watch_shared(*rings),
            OpenRings::PerCpu(buffers) => watch_per_cpu(buffers),
        };
        watched.map(Self).map_err(SensorError::EventRings)
    }

    /// Waits until one of the rings has a record that wakes the reader ([`minerwatch_common::Urgency`]). Cancelling the
    /// wait loses nothing.
    pub async fn readable(&mut self) -> io::Result<()> {
        if let Watched::Shared(shared) = &mut self.0 {
            // A program that sent a record before this call does not wake the reader, but its record is in the ring.
            shared.reader.waits()?;
            if shared.rings.iter().any(|ring| ring.get_ref().holds_any()) {
                return Ok(());
            }
        }
        poll_fn(|task| match &mut self.0 {
            Watched::Shared(shared) => any_readable(shared.rings.iter_mut(), task),
            Watched::PerCpu { buffers, .. } => any_readable(buffers.iter_mut().map(Buffer::descriptor), task),
        })
        .await
    }

    /// Passes on at most `limit` records in the order of the kernel's clock. The limit keeps busy rings from blocking
    /// the other work of the task. `now` reads the kernel's clock, in nanoseconds.
    pub fn drain(&mut self, limit: usize, now: impl Fn() -> u64, on_record: impl FnMut(&[u8])) -> Drained {
        match &mut self.0 {
            Watched::Shared(shared) => {
                let mut rings = shared.rings.each_mut().map(AsyncFd::get_mut);
                merge::drain(&mut rings, &mut [Head::Unknown; 3], limit, now, on_record)
            }
            Watched::PerCpu { buffers, heads } => {
                heads.fill(Head::Unknown);
                merge::drain(buffers, heads, limit, now, on_record)
            }
        }
    }
}

fn watch_shared(SharedRings { rings, reader }: SharedRings<Ring>) -> io::Result<Watched> {
    let [process, file, payload] = rings;
    let rings = [unsafe_io::watch(process)?, unsafe_io::watch(file)?, unsafe_io::watch(payload)?];
    Ok(Watched::Shared(Box::new(SharedRings { rings, reader })))
}

fn watch_per_cpu(buffers: Vec<PerfBuffer>) -> io::Result<Watched> {
    let heads = vec![Head::Unknown; buffers.len()];
    let buffers = buffers.into_iter().map(|buffer| Ok(Buffer::new(unsafe_io::watch(buffer)?)));
    Ok(Watched::PerCpu { buffers: buffers.collect::<io::Result<_>>()?, heads })
}

fn any_readable<'a, T: AsRawFd + 'a>(
    descriptors: impl Iterator<Item = &'a mut AsyncFd<T>>,
    task: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    for descriptor in descriptors {
        if let Poll::Ready(guard) = descriptor.poll_read_ready_mut(task) {
            guard?.clear_ready();
            return Poll::Ready(Ok(()));
        }
    }
    Poll::Pending
}

impl fmt::Debug for EventRings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EventRings").finish_non_exhaustive()
    }
}
