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
    shared::Ring,
};
use super::{
    error::SensorError,
    merge::{self, Drained, Head},
    options::SensorOptions,
    unsafe_io,
};

/// The rings before they are registered with tokio. They already store what the programs send.
pub(super) enum OpenRings {
    Shared(Box<[Ring; 3]>),
    PerCpu(Vec<PerfBuffer>),
}

impl OpenRings {
    /// Takes the ring buffers out of the loaded object.
    pub(super) fn shared(programs: &mut Ebpf) -> Result<Self, SensorError> {
        let mut take = |name| shared::take(programs, name);
        Ok(Self::Shared(Box::new([take("PROCESS_RING")?, take("FILE_RING")?, take("PAYLOAD_RING")?])))
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

/// The rings with the records of the eBPF programs. A ring buffer wakes the reader only for the first record after the
/// buffer was empty. A reader that waits a little between two drains is therefore woken once per wait, however many
/// records arrive. A perf buffer wakes the reader for each record.
pub struct EventRings(Watched);

enum Watched {
    Shared(Box<[AsyncFd<Ring>; 3]>),
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

    /// Waits until one of the rings has a record. Cancelling the wait loses nothing.
    pub async fn readable(&mut self) -> io::Result<()> {
        poll_fn(|task| match &mut self.0 {
            Watched::Shared(rings) => any_readable(rings.iter_mut(), task),
            Watched::PerCpu { buffers, .. } => any_readable(buffers.iter_mut().map(Buffer::descriptor), task),
        })
        .await
    }

    /// Passes on at most `limit` records in the order of the kernel's clock. The limit keeps busy rings from blocking
    /// the other work of the task. `now` reads the kernel's clock, in nanoseconds.
    pub fn drain(&mut self, limit: usize, now: impl Fn() -> u64, on_record: impl FnMut(&[u8])) -> Drained {
        match &mut self.0 {
            Watched::Shared(rings) => {
                let mut rings = rings.each_mut().map(AsyncFd::get_mut);
                merge::drain(&mut rings, &mut [Head::Unknown; 3], limit, now, on_record)
            }
            Watched::PerCpu { buffers, heads } => {
                heads.fill(Head::Unknown);
                merge::drain(buffers, heads, limit, now, on_record)
            }
        }
    }
}

fn watch_shared([process, file, payload]: [Ring; 3]) -> io::Result<Watched> {
    let rings = [unsafe_io::watch(process)?, unsafe_io::watch(file)?, unsafe_io::watch(payload)?];
    Ok(Watched::Shared(Box::new(rings)))
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
