//! What the kernel side counted as lost, and what the kernel did not let it see.

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

use super::SensorError;

/// Runs of a hook that the kernel passed over, as the same hook was at work on that CPU already.
const PASSED_OVER: &str = "passed-over";

/// Programs that stand in for one another: when the kernel passes one over, it is the other that acts.
const MUTUAL: [&str; 2] = ["tcp_state", "tcp_state_stand_in"];

/// The field of `/proc/PID/fdinfo/FD` of a program that counts them (kernel/bpf/syscall.c, from 5.12 on).
const RECURSION_MISSES: &str = "recursion_misses:";

/// The loss counters of the kernel side.
pub struct Losses {
    counters: PerCpuArray<MapData, u64>,
    /// What the kernel says of each program that it may pass over.
    programs: Vec<File>,
    /// Connections of before the start that found no room ([`super::Flows`]).
    no_room: Arc<AtomicU64>,
}

impl fmt::Debug for Losses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.read()).finish()
    }
}

impl Losses {
    /// To be called once the programs are attached.
    pub(super) fn new(programs: &mut Ebpf, no_room: Arc<AtomicU64>) -> Result<Self, SensorError> {
        let map = programs.take_map("LOSSES").ok_or(SensorError::Incomplete { map: "LOSSES" })?;
        let counters =
            PerCpuArray::try_from(map).map_err(|source| SensorError::Load { source: source.into() })?;
        let programs = programs
            .programs()
            .filter(|(name, _)| !MUTUAL.contains(name))
            .filter_map(|(_, program)| description(program))
            .collect();
        Ok(Self { counters, programs, no_room })
    }

    /// Every kind of loss by its name and its count so far, zeros included.
    pub fn read(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let passed_over: u64 = self.programs.iter().filter_map(recursion_misses).sum();
        let own = |loss| match loss {
            Loss::FlowTableFull => self.no_room.load(Ordering::Relaxed),
            _ => 0,
        };
        let count = move |loss: Loss| (loss.name(), self.slot(loss.slot()).saturating_add(own(loss)));
        Loss::all().map(count).chain([(PASSED_OVER, passed_over)])
    }

    fn slot(&self, slot: u32) -> u64 {
        self.counters
            .get(&slot, 0)
            .map_or(0, |values| values.iter().fold(0_u64, |sum, value| sum.saturating_add(*value)))
    }
}

/// The kernel's description of a program that is loaded and of a type that is passed over when it is at work already.
fn description(program: &Program) -> Option<File> {
    let fd = match program {
        Program::RawTracePoint(program) => program.fd(),
        Program::BtfTracePoint(program) => program.fd(),
        Program::FEntry(program) => program.fd(),
        Program::FExit(program) => program.fd(),
        Program::TracePoint(program) => program.fd(),
        // Those of cgroups are never passed over.
        _ => return None,
    };
    let path = format!("/proc/self/fdinfo/{}", fd.ok()?.as_fd().as_raw_fd());
    File::open(&path).inspect_err(|error| debug!(%error, path, "runs passed over are not counted")).ok()
}

fn recursion_misses(description: &File) -> Option<u64> {
    let mut text = [0; 1024];
    let length = description.read_at(&mut text, 0).ok()?;
    let text = str::from_utf8(&text[..length]).ok()?;
    text.lines().find_map(|line| line.strip_prefix(RECURSION_MISSES))?.trim().parse().ok()
}
