//! Traces: the entry of the function `security_ptrace_access_check` (fentry). On kernels without fentry, the tracepoints
//! `syscalls:sys_enter_ptrace` and `syscalls:sys_enter_process_vm_writev`.
//! Kernel: security/security.c, `security_ptrace_access_check(struct task_struct *child, unsigned int mode)`, which the
//! kernel calls before a process reads or changes the memory or the registers of another one: ptrace(2),
//! process_vm_readv(2), process_vm_writev(2), pidfd_getfd(2), `/proc/PID/mem`.
//! Produces: [`PrivilegedRecord`](minerwatch_common::PrivilegedRecord). The tracepoints do not see process_vm_readv(2)
//! and `/proc/PID/mem`, and they know the other process by its number only, in the pid namespace of the caller.
//! Overhead: the function also runs when a process reads some files below `/proc/PID`, and returns after one
//! comparison.

use aya_ebpf::{
    macros::{fentry, tracepoint},
    programs::{FEntryContext, TracePointContext},
};
use minerwatch_common::PrivilegedOperation;

use crate::{emit::Context, kernel::load, privileged::PrivilegedCall, system_call::argument};

/// The mode of access to memory and registers, in contrast to reading what `/proc` shows (include/linux/ptrace.h).
const PTRACE_MODE_ATTACH: u32 = 0x02;

// Requests of ptrace(2) that stop another process or take control of it (include/uapi/linux/ptrace.h).
const PTRACE_ATTACH: u64 = 16;
const PTRACE_SEIZE: u64 = 0x4206;

/// Runs when `security_ptrace_access_check(child, mode)` is called.
#[fentry(function = "security_ptrace_access_check")]
fn process_accessed(context: FEntryContext) -> i32 {
    let mode: u32 = context.arg(1);
    if mode & PTRACE_MODE_ATTACH != 0 {
        let target: *const u8 = context.arg(0);
        let [first, second]: [u64; 2] = load!(target, task_comm, [u64; 2]);
        let call = PrivilegedCall {
            target_pid: load!(target, task_tgid, u32),
            target_start: load!(load!(target, task_leader, *const u8), task_start, u64),
            name: zerocopy::transmute!([first, second, 0, 0, 0, 0, 0]),
            ..PrivilegedCall::of(PrivilegedOperation::AccessProcess)
        };
        call.report(Context::of(&context));
    }
    0
}

/// Runs when `ptrace(request, pid, addr, data)` is called.
#[tracepoint(category = "syscalls", name = "sys_enter_ptrace")]
fn process_traced(context: TracePointContext) -> u32 {
    if matches!(argument(&context, 0), PTRACE_ATTACH | PTRACE_SEIZE) {
        by_number(Context::of(&context), argument(&context, 1));
    }
    0
}

/// Runs when `process_vm_writev(pid, local, liovcnt, remote, riovcnt, flags)` is called.
#[tracepoint(category = "syscalls", name = "sys_enter_process_vm_writev")]
fn process_written(context: TracePointContext) -> u32 {
    by_number(Context::of(&context), argument(&context, 0));
    0
}

/// Reports access to the process with this number.
#[inline(always)]
fn by_number(context: Context, target: u64) {
    let operation = PrivilegedOperation::AccessProcess;
    PrivilegedCall { target_pid: target as u32, ..PrivilegedCall::of(operation) }.report(context);
}
