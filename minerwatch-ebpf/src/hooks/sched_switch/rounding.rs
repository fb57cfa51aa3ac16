//! The rounding mode that a thread was in when it last left a CPU.
//!
//! The kernel saves a thread's floating-point registers after `sched_switch`, so what lies in the task now is
//! from the switch before: one look late, and at no extra lookup, since the row is that of the thread that goes.
//! Price: two loads and a store into per-CPU memory at each switch; the look itself (two or three reads of kernel
//! memory) once in [`SAMPLE_EVERY`] of CPU time at the most, so that short runs hardly ever pay for it.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use minerwatch_common::{ABSENT, ControlRegister, RecordKind, RoundingCounts, RoundingRecord};

use super::{PF_KTHREAD, SCHED_DEADLINE, SCHED_FIFO, SCHED_RR, add};
use crate::{
    constants::offset,
    emit::{self, Context, Outcome},
    kernel::{Address, Unreadable, load},
    task,
};

/// A process is looked at when its CPU time passes a multiple of `1 << SAMPLE_EVERY` nanoseconds: 131 µs. Counting
/// time instead of switches leaves nothing to gain from giving the CPU away often.
const SAMPLE_EVERY: u32 = 17;
/// Nanoseconds after which a growing count is reported, however little it grew.
const REPORT_EVERY: u64 = 1_000_000_000;

/// The process that each CPU runs now, 0 for none that is worth a visit of the daemon's sampler: idle, threads of the
/// kernel, and real-time threads, behind which the sampler would have to wait.
#[map]
static RUNNING: PerCpuArray<u32> = PerCpuArray::with_max_entries(1, 0);

/// Looks at one process, by mode: nearest, down, up, toward zero.
#[repr(C)]
pub struct Counters {
    flushing: [u64; 4],
    plain: [u64; 4],
    /// Finds of another mode than the nearest at the last record.
    reported: u64,
    /// Scheduler clock at the last record.
    reported_at: u64,
}

impl Counters {
    /// Nothing was seen yet.
    pub const NONE: Self = Self { flushing: [0; 4], plain: [0; 4], reported: 0, reported_at: 0 };
}

/// What a look found.
struct RoundingSample {
    /// 0 nearest, 1 down, 2 up, 3 toward zero.
    mode: usize,
    flushing: bool,
    register: ControlRegister,
}

/// Whether this kernel shows the state at all; the verifier knows the answer.
#[inline(always)]
fn is_visible() -> bool {
    offset!(task_fpcr) != ABSENT || offset!(fpstate_mxcsr) != ABSENT || offset!(fpu_mxcsr) != ABSENT
}

/// Notes which process comes onto this CPU.
#[inline(always)]
pub fn note_running(next: *const u8) {
    if !is_visible() {
        return;
    }
    let is_kernel = load!(next, task_flags, u32) & PF_KTHREAD != 0;
    let is_realtime = matches!(load!(next, task_policy, u32), SCHED_FIFO | SCHED_RR | SCHED_DEADLINE);
    let tgid = if is_kernel || is_realtime { 0 } else { load!(next, task_tgid, u32) };
    if let Some(running) = RUNNING.get_ptr_mut(0) {
        // SAFETY: the slot of this CPU, which no other program touches while this one runs.
        unsafe { *running = tgid };
    }
}

/// Whether a run of `slice` nanoseconds after `before` makes a look due.
#[inline(always)]
pub fn is_due(before: u64, slice: u64) -> bool {
    is_visible() && (before ^ before.wrapping_add(slice)) >> SAMPLE_EVERY != 0
}

/// Looks at the state of the thread that goes, and reports its process when enough is new.
#[inline(always)]
pub fn look(context: Context, previous: *const u8, counters: &mut Counters, now: u64) -> Outcome {
    let look = read(Address(previous as u64))?;
    let side = if look.flushing { &mut counters.flushing } else { &mut counters.plain };
    // The mask is for the verifier.
    add(&mut side[look.mode & 3], 1);
    if look.mode == 0 {
        return Ok(());
    }
    let found = turned(&counters.flushing) + turned(&counters.plain);
    let new = found.wrapping_sub(counters.reported);
    let is_enough = new != 0 && new >= counters.reported >> 1;
    if !is_enough && now.wrapping_sub(counters.reported_at) < REPORT_EVERY {
        return Ok(());
    }
    // Two CPUs may come here at once and report twice: the counters are totals.
    counters.reported = found;
    counters.reported_at = now;
    emit::record(
        context,
        RecordKind::Rounding,
        RoundingRecord {
            header: task::current_header::<RoundingRecord>(RecordKind::Rounding),
            flushing: named(&counters.flushing),
            plain: named(&counters.plain),
            register: look.register as u32,
            reserved: 0,
        },
    );
    Ok(())
}

#[inline(always)]
fn turned(counts: &[u64; 4]) -> u64 {
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

/// Up and down have changed places in this register.
#[inline(always)]
fn of_fpcr(fpcr: u32) -> RoundingSample {
    let mode = (fpcr >> 22 & 3) as usize;
    let mode = if mode == 1 || mode == 2 { mode ^ 3 } else { mode };
    RoundingSample { mode, flushing: fpcr & 1 << 24 != 0, register: ControlRegister::Fpcr }
}
