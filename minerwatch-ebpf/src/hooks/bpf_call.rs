//! Traces: the entry of the function `security_bpf` (fentry). On kernels without fentry, the tracepoint
//! `syscalls:sys_enter_bpf`.
//! Kernel: security/security.c, `security_bpf(int cmd, union bpf_attr *attr, unsigned int size)`, which has one more
//! argument on newer kernels; include/uapi/linux/bpf.h for the commands, the types of program and the layout of the
//! attributes.
//! Produces: [`PrivilegedRecord`](minerwatch_common::PrivilegedRecord) for programs that are loaded and may observe or
//! change what others do, and for programs that are detached by a call. The end of a process detaches its programs
//! without a call.
//! Overhead: the function runs for each call of bpf(2), such as a look-up in a map, and returns after two comparisons.

use aya_ebpf::{
    macros::{fentry, tracepoint},
    programs::{FEntryContext, TracePointContext},
};
use minerwatch_common::{Loss, MAX_PRIVILEGED_NAME, PrivilegedOperation};

use crate::{
    emit::{self, Context},
    kernel::{Address, UserAddress},
    privileged::PrivilegedCall,
    system_call::argument,
};

// Commands of bpf(2).
const BPF_PROG_LOAD: u64 = 5;
const BPF_PROG_DETACH: u64 = 9;
const BPF_LINK_DETACH: u64 = 34;

/// Offset of `prog_type` in the attributes of `BPF_PROG_LOAD`.
const TYPE_OFFSET: u32 = 0;
/// Offset of `prog_name` in these attributes.
const NAME_OFFSET: u32 = 48;
/// Length of `prog_name` (`BPF_OBJ_NAME_LEN`).
const NAME_LENGTH: usize = 16;

/// The types of program that observe or change what other processes do, one bit each: socket filters, kprobes, traffic
/// control, tracepoints, XDP, perf events, raw tracepoints (17 and 24), tracing, structures of functions, extensions
/// and security modules. The others belong to a cgroup or a socket; service managers load many of them.
const WATCHED_TYPES: u64 = 1 << 1
    | 1 << 2
    | 1 << 3
    | 1 << 5
    | 1 << 6
    | 1 << 7
    | 1 << 17
    | 1 << 24
    | 1 << 26
    | 1 << 27
    | 1 << 28
    | 1 << 29;

/// Runs when `security_bpf(cmd, attr, size)` is called.
#[fentry(function = "security_bpf")]
fn bpf_called(context: FEntryContext) -> i32 {
    let command: u32 = context.arg(0);
    match u64::from(command) {
        BPF_PROG_LOAD => {
            let attributes: *const u8 = context.arg(1);
            let attributes = Address(attributes as u64);
            match attributes.read::<u32>(TYPE_OFFSET) {
                Ok(program_type) if is_watched(program_type) => {
                    let name = attributes.read::<[u8; NAME_LENGTH]>(NAME_OFFSET).unwrap_or_default();
                    loaded(Context::of(&context), program_type, &name);
                }
                Ok(_) => {}
                Err(_) => emit::count(Loss::Unread),
            }
        }
        BPF_PROG_DETACH | BPF_LINK_DETACH => detached(Context::of(&context)),
        _ => {}
    }
    0
}

/// Runs when `bpf(cmd, attr, size)` is called.
#[tracepoint(category = "syscalls", name = "sys_enter_bpf")]
fn bpf_entered(context: TracePointContext) -> u32 {
    match argument(&context, 0) {
        BPF_PROG_LOAD => {
            let attributes = argument(&context, 1);
            let mut program_type = [0_u8; size_of::<u32>()];
            // SAFETY: the target is an array on the stack, and the length is that of the array.
            let outcome = unsafe {
                UserAddress(attributes).read_bytes(program_type.as_mut_ptr(), program_type.len() as u32)
            };
            let program_type = u32::from_ne_bytes(program_type);
            if outcome.is_err() {
                emit::count(Loss::Unread);
            } else if is_watched(program_type) {
                let mut name = [0_u8; NAME_LENGTH];
                let address = UserAddress(attributes.wrapping_add(u64::from(NAME_OFFSET)));
                // A process may pass fewer attributes, without a name.
                // SAFETY: as above.
                let _ = unsafe { address.read_bytes(name.as_mut_ptr(), name.len() as u32) };
                loaded(Context::of(&context), program_type, &name);
            }
        }
        BPF_PROG_DETACH | BPF_LINK_DETACH => detached(Context::of(&context)),
        _ => {}
    }
    0
}

#[inline(always)]
fn is_watched(program_type: u32) -> bool {
    program_type < u64::BITS && WATCHED_TYPES & 1 << program_type != 0
}

#[inline(always)]
fn loaded(context: Context, program_type: u32, program: &[u8; NAME_LENGTH]) {
    let mut name = [0; MAX_PRIVILEGED_NAME];
    name[..NAME_LENGTH].copy_from_slice(program);
    let operation = PrivilegedOperation::LoadProgram;
    PrivilegedCall { program_type, name, ..PrivilegedCall::of(operation) }.report(context);
}

#[inline(always)]
fn detached(context: Context) {
    PrivilegedCall::of(PrivilegedOperation::DetachProgram).report(context);
}
