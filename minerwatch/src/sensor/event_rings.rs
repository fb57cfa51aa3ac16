//! Draining the rings on which records come: rings that all CPUs share, or buffers per CPU.

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

pub(super) use self::{per_cpu::Buffer, shared::Ring};
use super::{
    SensorError, SensorOptions,
    merge::{self, Drained, Head},
    unsafe_io::{self, Owner},
};

/// The rings before they are watched: what the kernel side sends from now on finds its place.
pub(super) enum Opened {
    Shared(Box<[Ring; 3]>),
    PerCpu(Vec<Buffer>),
}

impl Opened {
    /// The rings of an object that has rings.
    pub(super) fn shared(programs: &mut Ebpf) -> Result<Self, SensorError> {
        let mut take = |name| shared::take(programs, name);
        Ok(Self::Shared(Box::new([take("PROCESS_RING")?, take("FILE_RING")?, take("PAYLOAD_RING")?])))
    }

    /// The buffers of an object that has those, for each CPU that is online. To be opened before anything is sent.
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

/// The rings. A ring wakes the reader only when a record lands in it that was found empty, so a reader that waits a
/// little between two drains is woken once per wait, however many records come; a buffer wakes it for each record.
pub struct EventRings(Watched);

enum Watched {
    Shared(Box<[AsyncFd<Ring>; 3]>),
    PerCpu { buffers: Vec<AsyncFd<Buffer>>, heads: Vec<Head> },
}

impl EventRings {
    pub(super) fn watch(opened: Opened) -> Result<Self, SensorError> {
        Ok(Self(match opened {
            Opened::Shared(rings) => {
                let [process, file, payload] = *rings;
                Watched::Shared(Box::new([register(process)?, register(file)?, register(payload)?]))
            }
            Opened::PerCpu(buffers) => {
                let heads = vec![Head::Unknown; buffers.len()];
                let buffers = buffers.into_iter().map(register).collect::<Result<_, _>>()?;
                Watched::PerCpu { buffers, heads }
            }
        }))
    }

    /// Waits until one of the rings has a record. Cancelling it loses nothing.
    pub async fn readable(&mut self) -> io::Result<()> {
        poll_fn(|task| match &mut self.0 {
            Watched::Shared(rings) => any_readable(rings.as_mut_slice(), task),
            Watched::PerCpu { buffers, .. } => any_readable(buffers, task),
        })
        .await
    }

    /// Hands over records in the order of the kernel's clock, at most `limit` of them, so that busy rings cannot keep
    /// the task for themselves. `now` reads that clock, in nanoseconds.
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

fn any_readable<T: AsRawFd>(rings: &mut [AsyncFd<T>], task: &mut Context<'_>) -> Poll<io::Result<()>> {
    for ring in rings {
        if let Poll::Ready(guard) = ring.poll_read_ready_mut(task) {
            guard?.clear_ready();
            return Poll::Ready(Ok(()));
        }
    }
    Poll::Pending
}

fn register<T: Owner>(ring: T) -> Result<AsyncFd<T>, SensorError> {
    unsafe_io::watch(ring).map_err(SensorError::EventRings)
}

impl fmt::Debug for EventRings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EventRings").finish_non_exhaustive()
    }
}
