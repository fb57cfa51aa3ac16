//! Traces: `sched:sched_switch`, at each context switch.
//! Kernel: kernel/sched/core.c, `trace_sched_switch(bool preempt, struct task_struct *prev, struct task_struct *next,
//! …)`. The kernel updates the CPU time of `prev` before this point.
//! Produces: counters in the row of the process; [`CpuRecord`] once per interval for a busy process;
//! [`minerwatch_common::RoundingRecord`] (see [`rounding`]). The hook never sends an event per context switch.
//! Overhead: every context switch. The hook therefore does a single table lookup, reads the accounting of the scheduler
//! and the tick count instead of a clock, and loads fields directly from the task (arguments of a BTF tracepoint need no helper).

pub mod rounding;

use aya_ebpf::{
    macros::{btf_tracepoint, map},
    maps::HashMap,
    programs::BtfTracePointContext,
};
use minerwatch_common::{CpuRecord, Loss};

use crate::{
    atomic,
    constants::{offset, setting},
    emit::{self, Context, Outcome},
    kernel::{Address, load},
    task,
};

/// Maximum number of processes whose CPU use is counted. Each entry takes about 200 bytes.
const MAX_PROCESSES: u32 = 16_384;
/// Maximum number of real-time threads whose runtime is stored, see [`realtime_slice`].
const MAX_REALTIME: u32 = 1_024;
/// Bit of `task->flags`: a kernel thread (include/linux/sched.h).
const PF_KTHREAD: u32 = 0x0020_0000;
/// Bit of `task->flags`: a thread that is exiting (include/linux/sched.h).
const PF_EXITING: u32 = 0x4;
/// Static priority of nice 0 (`DEFAULT_PRIO`, include/linux/sched/prio.h).
const DEFAULT_PRIORITY: i32 = 120;
/// Bit of `task->__state`: a stopped task (`__TASK_STOPPED`, include/linux/sched.h).
const TASK_STOPPED: u32 = 0x4;

/// The CPU use of one process. Several CPUs may update a row at the same time, so additions are atomic.
#[repr(C)]
struct Usage {
    on_cpu: u64,
    voluntary: u64,
    involuntary: u64,
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
static CPU_USAGE: HashMap<u32, Usage> = HashMap::with_max_entries(MAX_PROCESSES, 0);

/// `sum_exec_runtime` of each real-time thread when it last left a CPU, by thread id.
#[map]
static REALTIME_RUNTIME: HashMap<u32, u64> = HashMap::with_max_entries(MAX_REALTIME, 0);

#[btf_tracepoint(function = "sched_switch")]
fn sched_switch(context: BtfTracePointContext) -> i32 {
    rounding::store_current(context.arg(2));
    account(Context::of(&context), context.arg::<u64>(0) as u8 != 0, context.arg(1));
    0
}

#[inline(always)]
fn account(context: Context, preempted: bool, previous: *const u8) {
    let flags = load!(previous, task_flags, u32);
    if flags & PF_KTHREAD != 0 {
        return;
    }
    let tgid = load!(previous, task_tgid, u32);
    let runtime = load!(previous, task_sum_exec_runtime, u64);
    let now = task::tick_time();
    let slice = if load!(previous, task_policy, u32) == 0 {
        runtime - load!(previous, task_prev_sum_exec_runtime, u64)
    } else {
        other_slice(previous, runtime)
    };
    let Some(usage) = CPU_USAGE.get_ptr_mut(tgid) else {
        // The last switch of a process comes after the exit hook removed its row. The process must not get a new row.
        if tgid != 0 && flags & PF_EXITING == 0 {
            begin(tgid, slice, now);
        }
        return;
    };
    // SAFETY: a live row of the table. The counters change only by atomic addition.
    let usage = unsafe { &mut *usage };
    let before = usage.on_cpu;
    add(&mut usage.on_cpu, slice);
    if rounding::is_due(before, slice) {
        let _ = rounding::sample(context, previous, &mut usage.rounding, now);
    }
    // A thread that was preempted or is still runnable (TASK_RUNNING is 0) did not wait for anything.
    let state = if preempted { 0 } else { load!(previous, task_state, u32) };
    add(if state == 0 { &mut usage.involuntary } else { &mut usage.voluntary }, 1);
    if state & TASK_STOPPED != 0 {
        add(&mut usage.stops, 1);
    }
    let window = now.wrapping_sub(usage.reported_at);
    // Another CPU may have ended the interval after the tick count was read here, so the window may be negative.
    if window >= setting!(cpu_interval) && window < u64::MAX / 2 {
        let _ = interval_over(context, previous, usage, window, now);
    }
}

/// The real-time and deadline policies (include/uapi/linux/sched.h).
const SCHED_FIFO: u32 = 1;
const SCHED_RR: u32 = 2;
const SCHED_DEADLINE: u32 = 6;

#[inline(always)]
fn other_slice(task: *const u8, runtime: u64) -> u64 {
    match load!(task, task_policy, u32) {
        SCHED_FIFO | SCHED_RR | SCHED_DEADLINE => realtime_slice(load!(task, task_pid, u32), runtime),
        _ => runtime - load!(task, task_prev_sum_exec_runtime, u64),
    }
}

/// Returns how long a real-time thread ran since it last left a CPU, in nanoseconds. Only the fair class stores the
/// runtime at which a thread came onto its CPU (`set_next_entity`). For real-time threads, this function stores the
/// runtime.
#[inline(never)]
fn realtime_slice(tid: u32, runtime: u64) -> u64 {
    if let Some(last) = REALTIME_RUNTIME.get_ptr_mut(tid) {
        // SAFETY: a live row. A thread runs on one CPU at a time.
        let slice = runtime.wrapping_sub(unsafe { *last });
        // SAFETY: as above.
        unsafe { *last = runtime };
        // A stored value above the current one is from an earlier thread with the same id.
        return if slice > u64::MAX / 2 { 0 } else { slice };
    }
    if REALTIME_RUNTIME.insert(tid, runtime, 0).is_err() {
        emit::count(Loss::CpuTableFull);
    }
    0
}

#[inline(always)]
fn add(counter: &mut u64, amount: u64) {
    // SAFETY: an aligned counter in map memory. Other CPUs also change the counter only by atomic addition.
    unsafe { atomic::add(counter, amount) };
}

#[inline(never)]
fn begin(tgid: u32, slice: u64, now: u64) {
    let usage = Usage {
        on_cpu: slice,
        voluntary: 0,
        involuntary: 0,
        yields: 0,
        stops: 0,
        reported_at: now,
        reported_on_cpu: slice,
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
    let threads = task
        .follow(offset!(task_signal))
        .and_then(|signal| signal.read::<u32>(offset!(signal_threads)))
        .unwrap_or(0);
    emit::record(
        context,
        CpuRecord {
            header: task::current_header::<CpuRecord>(),
            on_cpu,
            voluntary: usage.voluntary,
            involuntary: usage.involuntary,
            yields: usage.yields,
            stops: usage.stops,
            window,
            window_on_cpu,
            threads,
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

/// Removes the row of a process that ended.
#[inline(always)]
pub fn forget(tgid: u32) {
    let _ = CPU_USAGE.remove(tgid);
}
