//! Samples the rounding mode of a thread that leaves a CPU.
//!
//! The kernel saves the floating-point registers after `sched_switch`, so the saved state is from the previous switch
//! of the thread. A sample is one switch late, but needs no further table lookup.
//!
//! Overhead: a sample takes one or two reads of kernel memory, once per quantum of CPU time (see
//! [`super::QUANTUM`]). Processes with short runs therefore pay for few samples.

use minerwatch_common::{ABSENT, ControlRegister, RoundingCounts, RoundingRecord};

use super::{PF_KTHREAD, add};
use crate::{
    constants::{offset, setting},
    emit::{self, Context, Outcome},
    kernel::{Address, Unreadable, load},
    task,
};

/// Time after which a count that grew is reported in any case, in nanoseconds.
const REPORT_EVERY: u64 = 1_000_000_000;
/// The real-time and deadline policies (include/uapi/linux/sched.h).
const SCHED_FIFO: u32 = 1;
const SCHED_RR: u32 = 2;
const SCHED_DEADLINE: u32 = 6;

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

    /// Returns the number of samples in a mode other than to nearest.
    #[inline(always)]
    fn found(&self) -> u64 {
        not_nearest(&self.flushing) + not_nearest(&self.plain)
    }
}

/// A sample of the rounding mode of a thread.
struct RoundingSample {
    /// 0 to nearest, 1 down, 2 up, 3 toward zero.
    mode: usize,
    flushing: bool,
}

/// Whether the saved state can be read on this kernel. The verifier knows the answer, so the check costs nothing.
#[inline(always)]
fn is_visible() -> bool {
    offset!(task_fpcr) != ABSENT || offset!(fpstate_mxcsr) != ABSENT || offset!(fpu_mxcsr) != ABSENT
}

/// What the sampler in the daemon has to do with a thread that comes onto a CPU.
pub struct Visit {
    /// The process that the sampler may preempt. 0 if there is none: the CPU becomes idle, or runs a kernel thread or a
    /// real-time thread.
    pub pid: u32,
    /// Whether the thread is the sampler itself, which is the only real-time thread of the daemon.
    pub is_sampler: bool,
}

/// Returns what the sampler has to do with a thread that comes onto a CPU.
#[inline(always)]
pub fn visit(next: *const u8) -> Visit {
    let mut visit = Visit { pid: 0, is_sampler: false };
    if is_visible() && load!(next, task_flags, u32) & PF_KTHREAD == 0 {
        let pid = load!(next, task_tgid, u32);
        if matches!(load!(next, task_policy, u32), SCHED_FIFO | SCHED_RR | SCHED_DEADLINE) {
            visit.is_sampler = pid == setting!(agent_pid);
        } else {
            visit.pid = pid;
        }
    }
    visit
}

/// Samples the thread that leaves the CPU. Reports its process if the counts grew enough since the last record.
#[inline(always)]
pub fn sample(context: Context, previous: *const u8, counters: &mut Counters, now: u64) -> Outcome {
    if !is_visible() {
        return Ok(());
    }
    count(previous, counters)?;
    let found = counters.found();
    let new = found.wrapping_sub(counters.reported);
    // A quarter more: the daemon decides after a second, and a larger share would delay that by up to half a second.
    let is_enough = new >= counters.reported >> 2 || now.wrapping_sub(counters.reported_at) >= REPORT_EVERY;
    if new != 0 && is_enough {
        report(context, counters, found, now);
    }
    Ok(())
}

/// Counts the saved state of a thread.
#[inline(always)]
pub fn count(task: *const u8, counters: &mut Counters) -> Outcome {
    let sample = read(Address(task as u64))?;
    let side = if sample.flushing { &mut counters.flushing } else { &mut counters.plain };
    // The mask shows the verifier that the index is in bounds.
    add(&mut side[sample.mode & 3], 1);
    Ok(())
}

/// Reports the samples of a process that ends, if there are new ones of a mode other than to nearest.
#[inline(always)]
pub fn ended(context: Context, counters: &mut Counters) {
    let found = counters.found();
    if is_visible() && found != counters.reported {
        report(context, counters, found, 0);
    }
}

#[inline(always)]
fn report(context: Context, counters: &mut Counters, found: u64, now: u64) {
    // Two CPUs may get here at the same time and report twice. The counters are totals, so this does no harm.
    counters.reported = found;
    counters.reported_at = now;
    let register = if offset!(task_fpcr) == ABSENT { ControlRegister::Mxcsr } else { ControlRegister::Fpcr };
    emit::record(
        context,
        RoundingRecord {
            header: task::current_header::<RoundingRecord>(),
            flushing: named(&counters.flushing),
            plain: named(&counters.plain),
            register: register as u32,
            reserved: 0,
        },
    );
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
    RoundingSample { mode: (mxcsr >> 13 & 3) as usize, flushing: mxcsr & FTZ_AND_DAZ == FTZ_AND_DAZ }
}

/// Decodes FPCR. The numbers of the modes up and down are swapped in comparison with MXCSR.
#[inline(always)]
fn of_fpcr(fpcr: u32) -> RoundingSample {
    let mode = (fpcr >> 22 & 3) as usize;
    let mode = if mode == 1 || mode == 2 { mode ^ 3 } else { mode };
    RoundingSample { mode, flushing: fpcr & 1 << 24 != 0 }
}
