//! Traces: the entry of the function `security_ptrace_access_check` (fentry). On kernels without fentry,
//! `syscalls:sys_enter_ptrace` and `syscalls:sys_enter_process_vm_writev`.
//! Kernel: security/security.c, `security_ptrace_access_check(struct task_struct *child, unsigned int mode)`, which the
//! kernel calls before a process reads or changes the memory or the registers of another one: ptrace(2),
//! process_vm_readv(2), process_vm_writev(2), pidfd_getfd(2), `/proc/PID/mem`.
//! Produces: [`PrivilegedRecord`]. The tracepoints do not see `/proc/PID/mem`, and they know the other process by its
//! number only, in the pid namespace of the caller.
//! Overhead: the function also runs when a process reads some files below `/proc/PID`, and returns after one
//! comparison.

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid,
    macros::{fentry, tracepoint},
    programs::{FEntryContext, TracePointContext},
};
use minerwatch_common::{MAX_PRIVILEGED_NAME, PrivilegedOperation, PrivilegedRecord};

use crate::{
    emit::{self, Context},
    kernel::load,
    repeated_calls::{self, Call},
    system_call::argument,
    task,
};

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
        let start = load!(load!(target, task_leader, *const u8), task_start, u64);
        let [first, second]: [u64; 2] = load!(target, task_comm, [u64; 2]);
        let name = zerocopy::transmute!([first, second, 0, 0, 0, 0, 0]);
        report(Context::of(&context), load!(target, task_tgid, u32), start, name);
    }
    0
}

/// Runs when `ptrace(request, pid, addr, data)` is called.
#[tracepoint(category = "syscalls", name = "sys_enter_ptrace")]
fn process_traced(context: TracePointContext) -> u32 {
    if matches!(argument(&context, 0), PTRACE_ATTACH | PTRACE_SEIZE) {
        report(Context::of(&context), argument(&context, 1) as u32, 0, [0; _]);
    }
    0
}

/// Runs when `process_vm_writev(pid, local, liovcnt, remote, riovcnt, flags)` is called.
#[tracepoint(category = "syscalls", name = "sys_enter_process_vm_writev")]
fn process_written(context: TracePointContext) -> u32 {
    report(Context::of(&context), argument(&context, 0) as u32, 0, [0; _]);
    0
}

#[inline(always)]
fn report(context: Context, target_pid: u32, target_start: u64, name: [u8; MAX_PRIVILEGED_NAME]) {
    let from = (bpf_get_current_pid_tgid() >> 32) as u32;
    let operation = PrivilegedOperation::AccessProcess;
    if from == target_pid
        || task::is_agent()
        || repeated_calls::is_repeated(Call::privileged(from, target_pid, operation, 0))
    {
        return;
    }
    let record = PrivilegedRecord {
        header: task::current_header::<PrivilegedRecord>(),
        target_start,
        target_pid,
        operation: operation as u32,
        program_type: 0,
        reserved: 0,
        name,
    };
    emit::record(context, record);
}
