//! Traces: `sched:sched_switch`, at each context switch.
//! Kernel: kernel/sched/core.c, `trace_sched_switch(bool preempt, struct task_struct *prev, struct task_struct *next,
//! …)`. The kernel updates the CPU time of `prev` before this point.
//! Produces: counters in the row of the process; [`CpuRecord`] once per interval for a busy process;
//! [`minerwatch_common::RoundingRecord`] (see [`rounding`]). The hook never sends an event per context switch.
//! Overhead: every context switch. Most switches only store who runs now, in memory of this CPU. The row of a process is
//! looked up each time one of its threads has used another [`QUANTUM`] of CPU time. The hook loads fields directly
//! from the task (arguments of a BTF tracepoint need no helper), and reads no clock.

pub mod rounding;
mod switches;

use aya_ebpf::{
    macros::{btf_tracepoint, map},
    maps::{LruHashMap, PerCpuArray},
    programs::BtfTracePointContext,
};
use minerwatch_common::{CpuRecord, Loss, RunningTask};

use crate::{
    atomic,
    constants::{offset, setting},
    emit::{self, Context, Outcome},
    kernel::{Address, load},
    task,
};

/// Maximum number of processes whose CPU use is counted. Each entry takes about 200 bytes. If there are more, the row
/// that was used least recently is dropped: that of an idle process, because each [`QUANTUM`] of CPU time uses the row.
const MAX_PROCESSES: u32 = 16_384;
/// Bit of `task->flags`: a kernel thread (include/linux/sched.h).
const PF_KTHREAD: u32 = 0x0020_0000;
/// Bit of `task->flags`: a thread that is exiting (include/linux/sched.h).
const PF_EXITING: u32 = 0x4;
/// Static priority of nice 0 (`DEFAULT_PRIO`, include/linux/sched/prio.h).
const DEFAULT_PRIORITY: i32 = 120;
/// Bit of `task->__state`: a stopped task (`__TASK_STOPPED`, include/linux/sched.h).
const TASK_STOPPED: u32 = 0x4;

/// Number of bits in a [`QUANTUM`].
const QUANTUM_BITS: u32 = 17;
/// CPU time is counted in units of this length, in nanoseconds (131 µs). A rounding mode is sampled once per unit. The
/// units depend on CPU time instead of switches, so a process cannot change the rate by yielding often.
const QUANTUM: u64 = 1 << QUANTUM_BITS;
/// Odd factor near 2⁶⁴ divided by the golden ratio, which spreads consecutive numbers evenly (Knuth, The Art of Computer
/// Programming, volume 3, section 6.4).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The CPU use of one process. Several CPUs may update a row at the same time, so additions are atomic.
#[repr(C)]
struct Usage {
    on_cpu: u64,
    yields: u64,
    stops: u64,
    /// Time of the last tick before the end of the last interval. The clocks of the scheduler would differ between CPUs, by
    /// the time that interrupts and the hypervisor took on each.
    reported_at: u64,
    /// `on_cpu` at the end of the last interval.
    reported_on_cpu: u64,
    rounding: rounding::Counters,
}

#[map]
static CPU_USAGE: LruHashMap<u32, Usage> = LruHashMap::with_max_entries(MAX_PROCESSES, 0);

/// The thread that runs on each CPU. The sampler in the daemon reads it, too.
#[map]
static RUNNING: PerCpuArray<RunningTask> = PerCpuArray::with_max_entries(1, 0);

#[btf_tracepoint(function = "sched_switch")]
fn sched_switch(context: BtfTracePointContext) -> i32 {
    let Some(running) = RUNNING.get_ptr_mut(0) else { return 0 };
    // SAFETY: the slot of this CPU. No other program writes it, and interrupts are off during a context switch.
    let running = unsafe { &mut *running };
    let previous: *const u8 = context.arg(1);
    let runtime = load!(previous, task_sum_exec_runtime, u64);
    let tid = load!(previous, task_pid, u32);
    // The first switch of each CPU after the attachment finds another thread.
    let before = if running.tid == tid { running.runtime } else { runtime };
    let was_sampler = running.is_sampler != 0;
    start(running, context.arg(2));
    if was_sampler {
        follow_sampler(context.arg(2));
        return 0;
    }
    if load!(previous, task_flags, u32) & PF_KTHREAD != 0 {
        return 0;
    }
    let quanta = quanta(tid, before, runtime);
    let preempted = context.arg::<u64>(0) as u8 != 0;
    let stopped = !preempted && load!(previous, task_state, u32) & TASK_STOPPED != 0;
    if quanta != 0 || stopped {
        account(Context::of(&context), previous, quanta * QUANTUM, stopped);
    }
    0
}

/// Stores the thread that comes onto this CPU, and the CPU time that it had used by then. The kernel's own copy of that
/// time is not maintained for real-time threads, nor by schedulers that are eBPF programs (`sched_ext`).
#[inline(always)]
fn start(running: &mut RunningTask, next: *const u8) {
    running.tid = load!(next, task_pid, u32);
    running.runtime = load!(next, task_sum_exec_runtime, u64);
    let visit = rounding::visit(next);
    running.sampled_pid = visit.pid;
    running.is_sampler = u32::from(visit.is_sampler);
}

/// Samples the thread that goes on after the sampler interrupted it. Its saved state is only some microseconds old. The
/// process is reported when it leaves the CPU again, or ends.
#[inline(never)]
fn follow_sampler(next: *const u8) -> i32 {
    let tgid = load!(next, task_tgid, u32);
    if tgid == 0 || load!(next, task_flags, u32) & PF_KTHREAD != 0 {
        return 0;
    }
    if CPU_USAGE.get_ptr_mut(tgid).is_none() {
        begin(tgid, 0, false, task::tick_time());
    }
    if let Some(usage) = CPU_USAGE.get_ptr_mut(tgid) {
        // SAFETY: a live row of the table. The counters change only by atomic addition.
        let _ = rounding::count(next, unsafe { &mut (*usage).rounding });
    }
    0
}

/// Returns how many quanta a thread completed between two values of its CPU time. Each thread's quanta begin at another
/// point of its CPU time. So threads that live for less than a quantum complete one with the right probability.
#[inline(always)]
fn quanta(tid: u32, before: u64, after: u64) -> u64 {
    let phase = u64::from(tid).wrapping_mul(SPREAD) >> (u64::BITS - QUANTUM_BITS);
    (after.wrapping_add(phase) >> QUANTUM_BITS).saturating_sub(before.wrapping_add(phase) >> QUANTUM_BITS)
}

#[inline(always)]
fn account(context: Context, previous: *const u8, on_cpu: u64, stopped: bool) {
    let tgid = load!(previous, task_tgid, u32);
    let now = task::tick_time();
    let Some(usage) = CPU_USAGE.get_ptr_mut(tgid) else {
        // The last switch of a process comes after the exit hook removed its row. The process must not get a new row.
        if tgid != 0 && load!(previous, task_flags, u32) & PF_EXITING == 0 {
            begin(tgid, on_cpu, stopped, now);
        }
        return;
    };
    // SAFETY: a live row of the table. The counters change only by atomic addition.
    let usage = unsafe { &mut *usage };
    if stopped {
        add(&mut usage.stops, 1);
    }
    if on_cpu == 0 {
        return;
    }
    add(&mut usage.on_cpu, on_cpu);
    let _ = rounding::sample(context, previous, &mut usage.rounding, now);
    let window = now.wrapping_sub(usage.reported_at);
    // Another CPU may have ended the interval after the tick count was read here, so the window may be negative.
    if window >= setting!(cpu_interval) && window < u64::MAX / 2 {
        let _ = interval_over(context, previous, usage, window, now);
    }
}

#[inline(always)]
fn add(counter: &mut u64, amount: u64) {
    // SAFETY: an aligned counter in map memory. Other CPUs also change the counter only by atomic addition.
    unsafe { atomic::add(counter, amount) };
}

#[inline(never)]
fn begin(tgid: u32, on_cpu: u64, stopped: bool, now: u64) {
    let usage = Usage {
        on_cpu,
        yields: 0,
        stops: u64::from(stopped),
        reported_at: now,
        reported_on_cpu: on_cpu,
        rounding: rounding::Counters::NONE,
    };
    if CPU_USAGE.insert(tgid, &usage, 0).is_err() {
        emit::count(Loss::CpuTableFull);
    }
}

/// Ends an interval and reports the process if it was busy.
#[inline(always)]
fn interval_over(context: Context, previous: *const u8, usage: &mut Usage, window: u64, now: u64) -> Outcome {
    let on_cpu = usage.on_cpu;
    let window_on_cpu = on_cpu.wrapping_sub(usage.reported_on_cpu);
    // Two CPUs may get here at the same time and report the same interval twice. The counters are totals, so this does
    // no harm.
    usage.reported_at = now;
    usage.reported_on_cpu = on_cpu;
    if window_on_cpu < setting!(cpu_threshold) {
        return Ok(());
    }
    // The task that leaves the CPU is still the current task.
    let task = Address(previous as u64);
    let switches = switches::of_process(task);
    emit::record(
        context,
        CpuRecord {
            header: task::current_header::<CpuRecord>(),
            on_cpu,
            voluntary: switches.voluntary,
            involuntary: switches.involuntary,
            yields: usage.yields,
            stops: usage.stops,
            window,
            window_on_cpu,
            threads: switches.threads,
            nice: task.read::<i32>(offset!(task_static_prio))? - DEFAULT_PRIORITY,
            policy: task.read(offset!(task_policy))?,
            allowed_processors: task.read(offset!(task_allowed_processors)).unwrap_or(0),
            comm: task.read(offset!(task_comm))?,
        },
    );
    Ok(())
}

/// Counts a call of `sched_yield` if the process has a row.
#[inline(always)]
pub fn yielded(tgid: u32) {
    if let Some(usage) = CPU_USAGE.get_ptr_mut(tgid) {
        // SAFETY: a live row of the table. The counters change only by atomic addition.
        add(unsafe { &mut (*usage).yields }, 1);
    }
}

/// Reports what a process that ends has not reported yet, and removes its row.
#[inline(always)]
pub fn ended(context: Context, tgid: u32) {
    if let Some(usage) = CPU_USAGE.get_ptr_mut(tgid) {
        // SAFETY: a live row of the table.
        rounding::ended(context, unsafe { &mut (*usage).rounding });
        let _ = CPU_USAGE.remove(tgid);
    }
}
