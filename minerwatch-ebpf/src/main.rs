//! The eBPF programs of minerwatch.
//!
//! `hooks` has one file per hook; each starts with what it traces, what it produces and its overhead. Only `emit`
//! writes to the rings. Only `kernel` reads kernel memory; `task`, `path` and `files` build on it. The offsets of kernel
//! fields come from the daemon ([`minerwatch_common::KernelLayout`]), so one object runs on every kernel.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]
#![expect(
    clippy::pedantic,
    reason = "the kernel's interfaces need casts, and the verifier needs inlined programs"
)]

mod atomic;
mod constants;
mod emit;
mod files;
mod flow_progress;
mod flows;
mod hooks;
mod kernel;
mod path;
mod prefix;
mod sockets;
mod task;

/// Some helpers are only available to programs with a licence that is compatible with the kernel's.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier rejects any program in which this can be reached.
    loop {}
}
