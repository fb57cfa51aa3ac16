//! The arguments of system calls, as their tracepoints pass them.

use aya_ebpf::programs::TracePointContext;

/// Offset of the first argument: the common fields and the number of the call come before it
/// (kernel/trace/trace_syscalls.c).
const ARGUMENTS: usize = 16;

/// Reads argument `index` of a system call at its entry. Arguments are counted from 0.
#[inline(always)]
pub fn argument(context: &TracePointContext, index: usize) -> u64 {
    // SAFETY: within the fixed layout of the tracepoint, because callers pass only indexes that the call has.
    unsafe { context.read_at(ARGUMENTS + size_of::<u64>() * index) }.unwrap_or(0)
}
