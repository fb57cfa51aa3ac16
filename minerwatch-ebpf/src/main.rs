//! The eBPF programs of minerwatch.
//!
//! `hooks` has one file per hook. Each file starts with what the hook traces, what it produces and its overhead. Only
//! `emit` writes to the rings. Only `kernel` reads kernel memory; `task`, `path` and `files` use its functions. The
//! offsets of kernel fields come from the daemon ([`minerwatch_common::KernelLayout`]), so the object does not depend
//! on the kernel version.
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
mod privileged;
mod repeated_calls;
mod sockets;
mod system_call;
mod task;
mod tcp_socket;

/// The licence of the programs. Some kernel helpers are only available under a licence that is compatible with the GPL.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier rejects every program that can reach this loop.
    loop {}
}
