//! Samples the rounding mode of a thread that leaves a CPU.
//!
//! The kernel saves the floating-point registers after `sched_switch`, so the saved state is from the previous switch
//! of the thread. A sample is one switch late, but needs no further table lookup.
//!
//! Overhead: up to three loads and a store to per-CPU memory at each switch. A sample takes one or two reads of kernel
//! memory, at most once per `1 << SAMPLE_EVERY` nanoseconds of CPU time. Processes with short runs therefore pay for
//! few samples.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use minerwatch_common::{ABSENT, ControlRegister, RoundingCounts, RoundingRecord};

use super::{PF_KTHREAD, SCHED_DEADLINE, SCHED_FIFO, SCHED_RR, add};
use crate::{
    constants::offset,
    emit::{self, Context, Outcome},
    kernel::{Address, Unreadable, load},
    task,
};

/// A process is sampled when its CPU time passes a multiple of `1 << SAMPLE_EVERY` nanoseconds (131 µs). The sampling
/// rate depends on CPU time instead of switches, so a process cannot change the rate by yielding often.
const SAMPLE_EVERY: u32 = 17;
/// Time after which a count that grew is reported in any case, in nanoseconds.
const REPORT_EVERY: u64 = 1_000_000_000;

/// The id of the process that runs on each CPU now, for the sampler in the daemon. 0 if there is nothing to sample: the
/// CPU is idle, or it runs a kernel thread or a real-time thread that the sampler could not preempt.
#[map]
static CURRENT_PIDS: PerCpuArray<u32> = PerCpuArray::with_max_entries(1, 0);

/// The number of samples of one process by mode: to nearest, down, up, toward zero.
#[repr(C)]
pub struct Counters {
    flushing: [u64; 4],
    plain: [u64; 4],
    /// Number of samples in a mode other than to nearest, at the last record.
    reported: u64,
    /// Time of the last tick before the last record.
    reported_at: u64,
}

impl Counters {
    /// The counters of a process without samples.
    pub const NONE: Self = Self { flushing: [0; 4], plain: [0; 4], reported: 0, reported_at: 0 };
}

/// A sample of the rounding mode of a thread.
struct RoundingSample {
    /// 0 to nearest, 1 down, 2 up, 3 toward zero.
    mode: usize,
    flushing: bool,
    register: ControlRegister,
}

/// Whether the saved state can be read on this kernel. The verifier knows the answer, so the check costs nothing.
#[inline(always)]
fn is_visible() -> bool {
    offset!(task_fpcr) != ABSENT || offset!(fpstate_mxcsr) != ABSENT || offset!(fpu_mxcsr) != ABSENT
}

/// Stores the id of the process that comes onto this CPU.
#[inline(always)]
pub fn store_current(next: *const u8) {
    if !is_visible() {
        return;
    }
    let is_kernel = load!(next, task_flags, u32) & PF_KTHREAD != 0;
    let is_realtime = matches!(load!(next, task_policy, u32), SCHED_FIFO | SCHED_RR | SCHED_DEADLINE);
    let tgid = if is_kernel || is_realtime { 0 } else { load!(next, task_tgid, u32) };
    if let Some(current) = CURRENT_PIDS.get_ptr_mut(0) {
        // SAFETY: the slot of this CPU, which no other program accesses while this one runs.
        unsafe { *current = tgid };
    }
}

/// Whether a sample is due after a run of `slice` nanoseconds that follows `before` nanoseconds of CPU time.
#[inline(always)]
pub fn is_due(before: u64, slice: u64) -> bool {
    is_visible() && (before ^ before.wrapping_add(slice)) >> SAMPLE_EVERY != 0
}

/// Samples the thread that leaves the CPU. Reports its process if the counts grew enough since the last record.
#[inline(always)]
pub fn sample(context: Context, previous: *const u8, counters: &mut Counters, now: u64) -> Outcome {
    let sample = read(Address(previous as u64))?;
    let side = if sample.flushing { &mut counters.flushing } else { &mut counters.plain };
    // The mask shows the verifier that the index is in bounds.
    add(&mut side[sample.mode & 3], 1);
    if sample.mode == 0 {
        return Ok(());
    }
    let found = not_nearest(&counters.flushing) + not_nearest(&counters.plain);
    let new = found.wrapping_sub(counters.reported);
    let is_enough = new != 0 && new >= counters.reported >> 1;
    if !is_enough && now.wrapping_sub(counters.reported_at) < REPORT_EVERY {
        return Ok(());
    }
    // Two CPUs may get here at the same time and report twice. The counters are totals, so this does no harm.
    counters.reported = found;
    counters.reported_at = now;
    emit::record(
        context,
        RoundingRecord {
            header: task::current_header::<RoundingRecord>(),
            flushing: named(&counters.flushing),
            plain: named(&counters.plain),
            register: sample.register as u32,
            reserved: 0,
        },
    );
    Ok(())
}

#[inline(always)]
fn not_nearest(counts: &[u64; 4]) -> u64 {
    counts[1] + counts[2] + counts[3]
}

#[inline(always)]
fn named(counts: &[u64; 4]) -> RoundingCounts {
    RoundingCounts { nearest: counts[0], down: counts[1], up: counts[2], zero: counts[3] }
}

#[inline(always)]
fn read(task: Address) -> Result<RoundingSample, Unreadable> {
    if offset!(task_fpcr) != ABSENT {
        return Ok(of_fpcr(task.read(offset!(task_fpcr))?));
    }
    let unit = task.field(offset!(task_fpu))?;
    let mxcsr = if offset!(fpstate_mxcsr) == ABSENT {
        unit.read(offset!(fpu_mxcsr))?
    } else {
        unit.follow(offset!(fpu_fpstate))?.read(offset!(fpstate_mxcsr))?
    };
    Ok(of_mxcsr(mxcsr))
}

#[inline(always)]
fn of_mxcsr(mxcsr: u32) -> RoundingSample {
    const FTZ_AND_DAZ: u32 = 1 << 15 | 1 << 6;
    RoundingSample {
        mode: (mxcsr >> 13 & 3) as usize,
        flushing: mxcsr & FTZ_AND_DAZ == FTZ_AND_DAZ,
        register: ControlRegister::Mxcsr,
    }
}

/// Decodes FPCR. The numbers of the modes up and down are swapped in comparison with MXCSR.
#[inline(always)]
fn of_fpcr(fpcr: u32) -> RoundingSample {
    let mode = (fpcr >> 22 & 3) as usize;
    let mode = if mode == 1 || mode == 2 { mode ^ 3 } else { mode };
    RoundingSample { mode, flushing: fpcr & 1 << 24 != 0, register: ControlRegister::Fpcr }
}
