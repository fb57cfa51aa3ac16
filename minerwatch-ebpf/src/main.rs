//! The eBPF programs of minerwatch.
//!
//! `hooks` has one file per hook; each says what it traces, at what price, and what it produces. `emit` is
//! the sole owner of the rings, `kernel` makes every raw kernel read, `task`, `path` and `files` build on it.
//! Offsets of kernel fields come from the daemon ([`minerwatch_common::KernelLayout`]): nothing is baked in.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]
#![allow(
    clippy::pedantic,
    reason = "the kernel's interfaces are made of casts, and the verifier wants programs in one piece"
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

/// Some helpers are reserved for programs under a licence compatible with the kernel's.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier accepts no program in which this can be reached.
    loop {}
}
