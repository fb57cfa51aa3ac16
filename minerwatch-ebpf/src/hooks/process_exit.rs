//! Traces: `sched:sched_process_exit`, in each thread that ends.
//! Kernel: kernel/exit.c, `trace_sched_process_exit(struct task_struct *task, …)`. The kernel decrements `signal->live`
//! before this point, so zero means that this is the last thread, or one of several that end at the same time.
//! Produces: [`ExitRecord`] once per process.
//! Overhead: exits of threads only.

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    macros::{btf_tracepoint, map},
    maps::LruHashMap,
    programs::BtfTracePointContext,
};
use minerwatch_common::ExitRecord;

use crate::{
    constants::offset,
    emit::{self, Context},
    hooks::{memory_map, sched_switch},
    kernel::{Address, Unreadable, load},
    task,
};

/// Bit of `signal->flags`: all threads of the process exit together (include/linux/sched/signal.h).
const SIGNAL_GROUP_EXIT: u32 = 0x4;
/// Number of processes whose exit is remembered. Their last threads end within a moment.
const MAX_ENDED: u32 = 1_024;
/// Maximum number of threads whose CPU time is added up.
const MAX_THREADS: u32 = 512;
/// Maximum number of times that the threads of a process are added up.
const ATTEMPTS: u32 = 4;

/// Processes with several threads whose exit was reported, by process id and start time.
#[map]
static ENDED: LruHashMap<[u64; 2], u8> = LruHashMap::with_max_entries(MAX_ENDED, 0);

#[btf_tracepoint(function = "sched_process_exit")]
fn process_exit(context: BtfTracePointContext) -> i32 {
    report(Context::of(&context), context.arg(0));
    0
}

#[inline(always)]
fn report(context: Context, task: *const u8) {
    let signal = load!(task, task_signal, *const u8);
    if load!(signal, signal_live, i32) != 0 {
        return;
    }
    let header = task::header_of_current::<ExitRecord>(task);
    // The kernel adds the time of a thread to the sum, and then takes the thread off the number (`__exit_signal` in
    // kernel/exit.c). The number is read first, so if it is 1, the sum contains all other threads.
    let threads = load!(signal, signal_threads, u32);
    let released = load!(signal, signal_runtime, u64);
    let had_threads = threads > 1 || released > 0;
    if had_threads && ENDED.insert([u64::from(header.pid), header.start], 0, u64::from(BPF_NOEXIST)).is_err()
    {
        return;
    }
    // Both codes are loaded before the choice. Otherwise the compiler chooses between the two structures and loads once,
    // and the verifiers up to 6.1 refuse that.
    let of_thread = load!(task, task_exit_code, u32);
    let of_group = load!(signal, signal_group_exit_code, u32);
    let status = if load!(signal, signal_flags, u32) & SIGNAL_GROUP_EXIT == 0 { of_thread } else { of_group };
    sched_switch::ended(context, header.pid);
    memory_map::forget(header.pid);
    let own = load!(task, task_sum_exec_runtime, u64);
    let on_cpu = if threads > 1 {
        runtime_of_threads(Address(signal as u64)).unwrap_or(own)
    } else {
        released.wrapping_add(own)
    };
    emit::record(context, ExitRecord { header, status, reserved: 0, on_cpu });
}

/// Returns the CPU time of all threads. The kernel keeps a sum for the threads that it has released. The threads that
/// remain, with those that are ending, are added up here. Another CPU may release a thread meanwhile. Then everything is
/// read again.
#[inline(always)]
fn runtime_of_threads(signal: Address) -> Result<u64, Unreadable> {
    let mut runtime = 0;
    for _ in 0..ATTEMPTS {
        let threads: u32 = signal.read(offset!(signal_threads))?;
        let released: u64 = signal.read(offset!(signal_runtime))?;
        let (counted, present) = present_threads(signal)?;
        runtime = released.wrapping_add(present);
        if counted == threads && signal.read::<u64>(offset!(signal_runtime))? == released {
            break;
        }
    }
    Ok(runtime)
}

/// Counts the threads that the kernel has not released yet, and adds up their CPU time.
#[inline(always)]
fn present_threads(signal: Address) -> Result<(u32, u64), Unreadable> {
    let head = signal.field(offset!(signal_thread_head))?;
    let node_offset = u64::from(offset!(task_thread_node));
    let mut node = head.follow(0)?;
    let (mut counted, mut runtime) = (0, 0_u64);
    for _ in 0..MAX_THREADS {
        if node == head {
            break;
        }
        let thread = Address(node.0.wrapping_sub(node_offset));
        runtime = runtime.wrapping_add(thread.read(offset!(task_sum_exec_runtime))?);
        counted += 1;
        node = node.follow(0)?;
    }
    Ok((counted, runtime))
}
