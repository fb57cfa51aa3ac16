//! Reports privileged calls: access to other processes, BPF programs and kernel modules.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use minerwatch_common::{MAX_PRIVILEGED_NAME, PrivilegedOperation, PrivilegedRecord};

use crate::{
    emit::{self, Context},
    repeated_calls::{self, Call},
    task,
};

/// A privileged call of the current process.
pub struct PrivilegedCall {
    /// What the call does.
    pub operation: PrivilegedOperation,
    /// The other process, 0 if there is none.
    pub target_pid: u32,
    /// Its start time in nanoseconds of `CLOCK_BOOTTIME`, 0 if unknown.
    pub target_start: u64,
    /// The type of a BPF program, otherwise 0.
    pub program_type: u32,
    /// The name of the other process, the BPF program or the module. All zeros if unknown.
    pub name: [u8; MAX_PRIVILEGED_NAME],
}

impl PrivilegedCall {
    /// A call without details.
    pub const fn of(operation: PrivilegedOperation) -> Self {
        Self { operation, target_pid: 0, target_start: 0, program_type: 0, name: [0; MAX_PRIVILEGED_NAME] }
    }

    /// Sends a record of the call, unless it repeats an earlier one, is about the process itself, or comes from the
    /// daemon.
    #[inline(always)]
    pub fn report(&self, context: Context) {
        let from = (bpf_get_current_pid_tgid() >> 32) as u32;
        if from == self.target_pid || task::is_agent() || self.is_repeated(from) {
            return;
        }
        let record = PrivilegedRecord {
            header: task::current_header::<PrivilegedRecord>(),
            target_start: self.target_start,
            target_pid: self.target_pid,
            operation: self.operation as u32,
            program_type: self.program_type,
            reserved: 0,
            name: self.name,
        };
        emit::record(context, record);
    }

    /// Whether the same call was reported within the last second. Each module has a name of its own, so none repeats
    /// another.
    #[inline(always)]
    fn is_repeated(&self, from: u32) -> bool {
        !matches!(self.operation, PrivilegedOperation::LoadModule)
            && repeated_calls::is_repeated(Call::privileged(
                from,
                self.target_pid,
                self.operation,
                self.program_type,
            ))
    }
}
