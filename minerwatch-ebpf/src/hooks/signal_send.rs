//! Traces: the entry of the function `security_task_kill` (fentry). On kernels without fentry, the tracepoint
//! `signal:signal_generate`.
//! Kernel: security/security.c, `security_task_kill(struct task_struct *p, struct kernel_siginfo *info, int sig, const
//! struct cred *cred)`, which the kernel calls when a process that may do so signals another one; kernel/signal.c,
//! `trace_signal_generate(int sig, struct kernel_siginfo *info, struct task_struct *task, int group, int result)`.
//! Produces: [`SignalRecord`] for SIGKILL, SIGTERM, SIGSTOP and SIGCONT from one process to another. The same signal of
//! the same process to the same target is sent once a second.
//! Overhead: the function is called for signals of processes only. The tracepoint also runs for signals of the kernel,
//! such as the one at the end of each child, and returns after two comparisons.

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid,
    macros::{btf_tracepoint, fentry},
    programs::{BtfTracePointContext, FEntryContext},
};
use minerwatch_common::{SignalRecord, sent_signal};

use crate::{
    emit::{self, Context},
    kernel::{Address, load},
    repeated_calls::{self, Call},
    task,
};

/// The offset of `si_code` in `struct kernel_siginfo` (include/uapi/asm-generic/siginfo.h).
const CODE_OFFSET: u32 = 8;
// Values of `si_code` for signals that a process sends: kill(2), sigqueue(3), tgkill(2).
const SI_USER: i32 = 0;
const SI_QUEUE: i32 = -1;
const SI_TKILL: i32 = -6;
/// The largest value of the `info` argument that is no address: `SEND_SIG_PRIV`, a signal of the kernel.
const SEND_SIG_PRIV: u64 = 1;

/// Runs when `security_task_kill(p, info, sig, cred)` is called.
#[fentry(function = "security_task_kill")]
fn signal_sent_function(context: FEntryContext) -> i32 {
    let signal: u32 = context.arg(2);
    if is_watched(signal) {
        report(Context::of(&context), context.arg(0), signal);
    }
    0
}

#[btf_tracepoint(function = "signal_generate")]
fn signal_sent(context: BtfTracePointContext) -> i32 {
    let signal: u32 = context.arg(0);
    if is_watched(signal) && is_of_process(context.arg(1)) {
        report(Context::of(&context), context.arg(2), signal);
    }
    0
}

#[inline(always)]
fn is_watched(signal: u32) -> bool {
    matches!(signal, sent_signal::KILL | sent_signal::TERM | sent_signal::STOP | sent_signal::CONT)
}

/// Whether a process sent the signal, and not the kernel. `info` is an address or a small number.
#[inline(always)]
fn is_of_process(info: *const u8) -> bool {
    let info = info as u64;
    info > SEND_SIG_PRIV
        && matches!(Address(info).read::<i32>(CODE_OFFSET), Ok(SI_USER | SI_QUEUE | SI_TKILL))
}

#[inline(always)]
fn report(context: Context, target: *const u8, signal: u32) {
    let (from, to) = ((bpf_get_current_pid_tgid() >> 32) as u32, load!(target, task_tgid, u32));
    if from == to || task::is_agent() {
        return;
    }
    if repeated_calls::is_repeated(Call { from, to, what: signal }) {
        return;
    }
    let header = task::current_header::<SignalRecord>();
    let record = SignalRecord {
        header,
        target_start: load!(load!(target, task_leader, *const u8), task_start, u64),
        target_pid: to,
        signal,
        target_comm: zerocopy::transmute!(load!(target, task_comm, [u64; 2])),
    };
    emit::record(context, record);
}
