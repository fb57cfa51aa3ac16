//! Counts lost events: the losses that the eBPF programs counted, and the program runs that the kernel skipped.

use std::{
    fmt,
    fs::File,
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::FileExt,
    },
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use aya::{
    Ebpf,
    maps::{MapData, PerCpuArray},
    programs::Program,
};
use minerwatch_common::Loss;
use tracing::debug;

use super::error::SensorError;

/// Counts runs of a program that the kernel skipped because the program was already running on that CPU. The name is
/// part of the metrics.
const SKIPPED_RUNS: &str = "passed-over";

/// Programs of which one makes up for what the other missed. When the kernel skips one, nothing is lost.
const WITH_FALLBACK: [&str; 2] = ["tcp_state", "tcp_destroyed"];

/// The field of a program's `/proc/PID/fdinfo/FD` that counts skipped runs (kernel/bpf/syscall.c, since 5.12).
const RECURSION_MISSES: &str = "recursion_misses:";

/// Reads the loss counters of the eBPF programs and of the kernel.
pub struct Losses {
    counters: PerCpuArray<MapData, u64>,
    /// The `fdinfo` file of each program that the kernel may skip.
    programs: Vec<File>,
    /// Connections from before the start that found the table full ([`super::flows::Flows`]).
    no_room: Arc<AtomicU64>,
}

impl fmt::Debug for Losses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.read()).finish()
    }
}

impl Losses {
    /// Opens the counters. Call this after the programs are attached, because only loaded programs have an `fdinfo`
    /// file.
    pub(super) fn new(programs: &mut Ebpf, no_room: Arc<AtomicU64>) -> Result<Self, SensorError> {
        let map = programs.take_map("LOSSES").ok_or(SensorError::Incomplete { map: "LOSSES" })?;
        let counters =
            PerCpuArray::try_from(map).map_err(|source| SensorError::Load { source: source.into() })?;
        let programs = programs
            .programs()
            .filter(|(name, _)| !WITH_FALLBACK.contains(name))
            .filter_map(|(_, program)| fdinfo(program))
            .collect();
        Ok(Self { counters, programs, no_room })
    }

    /// Returns every kind of loss with its count since the start, including zeros. A kind that this kernel does not count
    /// is left out.
    pub fn read(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let skipped = self.programs.iter().filter_map(recursion_misses).reduce(u64::saturating_add);
        let own = |loss| match loss {
            Loss::FlowTableFull => self.no_room.load(Ordering::Relaxed),
            _ => 0,
        };
        let count = move |loss: Loss| (loss.name(), self.slot(loss.slot()).saturating_add(own(loss)));
        Loss::all().map(count).chain(skipped.map(|skipped| (SKIPPED_RUNS, skipped)))
    }

    fn slot(&self, slot: u32) -> u64 {
        self.counters
            .get(&slot, 0)
            .map_or(0, |values| values.iter().fold(0_u64, |sum, value| sum.saturating_add(*value)))
    }
}

/// Opens the `fdinfo` file of a loaded program, if the kernel may skip programs of its type.
fn fdinfo(program: &Program) -> Option<File> {
    if is_never_skipped(program) {
        return None;
    }
    let path = format!("/proc/self/fdinfo/{}", program.fd().ok()?.as_fd().as_raw_fd());
    File::open(&path).inspect_err(|error| debug!(%error, path, "skipped runs are not counted")).ok()
}

/// Returns whether the kernel never skips programs of this type. It never skips cgroup programs.
fn is_never_skipped(program: &Program) -> bool {
    matches!(program, Program::CgroupSkb(_) | Program::CgroupSockAddr(_) | Program::CgroupSock(_))
}

fn recursion_misses(fdinfo: &File) -> Option<u64> {
    let mut text = [0; 1024];
    let length = fdinfo.read_at(&mut text, 0).ok()?;
    let text = str::from_utf8(&text[..length]).ok()?;
    text.lines().find_map(|line| line.strip_prefix(RECURSION_MISSES))?.trim().parse().ok()
}
