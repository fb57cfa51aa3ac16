//! Traces: the entry of the function `security_bpf` (fentry). On kernels without fentry, `syscalls:sys_enter_bpf`.
//! Kernel: security/security.c, `security_bpf(int cmd, union bpf_attr *attr, unsigned int size)`, with one more argument
//! since 6.15; include/uapi/linux/bpf.h for the commands, the types of program and the layout of the attributes.
//! Produces: [`PrivilegedRecord`] for programs that are loaded and may observe or change what others do, and for
//! programs that are detached. A program that ends detaches its own programs without such a call.
//! Overhead: the function runs for each call of bpf(2), such as a look-up in a map, and returns after two comparisons.

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid,
    macros::{fentry, tracepoint},
    programs::{FEntryContext, TracePointContext},
};
use minerwatch_common::{MAX_PRIVILEGED_NAME, PrivilegedOperation, PrivilegedRecord};

use crate::{
    emit::{self, Context},
    kernel::{Address, UserAddress},
    repeated_calls::{self, Call},
    system_call::argument,
    task,
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
    if let Some(operation) = operation(u64::from(command)) {
        let attributes: *const u8 = context.arg(1);
        let attributes = Address(attributes as u64);
        let mut program = Program::NONE;
        if matches!(operation, PrivilegedOperation::LoadProgram) {
            let Ok(program_type) = attributes.read::<u32>(TYPE_OFFSET) else { return 0 };
            let name = attributes.read::<[u8; NAME_LENGTH]>(NAME_OFFSET).unwrap_or_default();
            program = Program { program_type, name };
        }
        report(Context::of(&context), operation, program);
    }
    0
}

/// Runs when `bpf(cmd, attr, size)` is called.
#[tracepoint(category = "syscalls", name = "sys_enter_bpf")]
fn bpf_entered(context: TracePointContext) -> u32 {
    if let Some(operation) = operation(argument(&context, 0)) {
        let mut program = Program::NONE;
        if matches!(operation, PrivilegedOperation::LoadProgram) {
            let mut attributes = [0_u8; NAME_OFFSET as usize + NAME_LENGTH];
            let address = UserAddress(argument(&context, 1));
            // SAFETY: the array is on the stack of this program and has this length.
            let outcome = unsafe { address.read_bytes(attributes.as_mut_ptr(), attributes.len() as u32) };
            // Older programs pass fewer attributes, and the page after them may be missing.
            if outcome.is_err() {
                return 0;
            }
            let [a, b, c, d, ..] = attributes;
            program.program_type = u32::from_ne_bytes([a, b, c, d]);
            program.name.copy_from_slice(&attributes[NAME_OFFSET as usize..]);
        }
        report(Context::of(&context), operation, program);
    }
    0
}

/// A BPF program that is loaded.
struct Program {
    program_type: u32,
    name: [u8; NAME_LENGTH],
}

impl Program {
    /// Of a call that loads none.
    const NONE: Self = Self { program_type: 0, name: [0; NAME_LENGTH] };
}

#[inline(always)]
fn operation(command: u64) -> Option<PrivilegedOperation> {
    match command {
        BPF_PROG_LOAD => Some(PrivilegedOperation::LoadProgram),
        BPF_PROG_DETACH | BPF_LINK_DETACH => Some(PrivilegedOperation::DetachProgram),
        _ => None,
    }
}

#[inline(always)]
fn report(context: Context, operation: PrivilegedOperation, program: Program) {
    let Program { program_type, name } = program;
    let is_watched = program_type < u64::BITS && WATCHED_TYPES & 1 << program_type != 0;
    if matches!(operation, PrivilegedOperation::LoadProgram) && !is_watched || task::is_agent() {
        return;
    }
    let from = (bpf_get_current_pid_tgid() >> 32) as u32;
    if repeated_calls::is_repeated(Call::privileged(from, 0, operation, program_type)) {
        return;
    }
    let mut record = PrivilegedRecord {
        header: task::current_header::<PrivilegedRecord>(),
        target_start: 0,
        target_pid: 0,
        operation: operation as u32,
        program_type,
        reserved: 0,
        name: [0; MAX_PRIVILEGED_NAME],
    };
    record.name[..NAME_LENGTH].copy_from_slice(&name);
    emit::record(context, record);
}
