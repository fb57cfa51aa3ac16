//! Traces: `module:module_load` (BTF tracepoint).
//! Kernel: include/trace/events/module.h, `trace_module_load(struct module *mod)`, when a module is loaded and before it
//! runs.
//! Produces: [`PrivilegedRecord`].
//! Overhead: none for other operations.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use minerwatch_common::{PrivilegedOperation, PrivilegedRecord};

use crate::{
    emit::{self, Context},
    kernel::load,
    task,
};

#[btf_tracepoint(function = "module_load")]
fn module_loaded(context: BtfTracePointContext) -> i32 {
    let module: *const u8 = context.arg(0);
    let record = PrivilegedRecord {
        header: task::current_header::<PrivilegedRecord>(),
        target_start: 0,
        target_pid: 0,
        operation: PrivilegedOperation::LoadModule as u32,
        program_type: 0,
        reserved: 0,
        name: zerocopy::transmute!(load!(module, module_name, [u64; 7])),
    };
    emit::record(Context::of(&context), record);
    0
}
