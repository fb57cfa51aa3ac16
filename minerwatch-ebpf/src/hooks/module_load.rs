//! Traces: `module:module_load` (BTF tracepoint).
//! Kernel: include/trace/events/module.h, `trace_module_load(struct module *mod)`, when a module is loaded and before it
//! runs.
//! Produces: [`PrivilegedRecord`](minerwatch_common::PrivilegedRecord).
//! Overhead: none for other operations.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use minerwatch_common::PrivilegedOperation;

use crate::{emit::Context, kernel::load, privileged::PrivilegedCall};

#[btf_tracepoint(function = "module_load")]
fn module_loaded(context: BtfTracePointContext) -> i32 {
    let module: *const u8 = context.arg(0);
    let call = PrivilegedCall {
        name: zerocopy::transmute!(load!(module, module_name, [u64; 7])),
        ..PrivilegedCall::of(PrivilegedOperation::LoadModule)
    };
    call.report(Context::of(&context));
    0
}
