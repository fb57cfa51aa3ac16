//! What `cargo xtask` and minerwatch's build script share: finding a compiler and a linker for the eBPF programs,
//! and building them.
//!
//! Each decision has three steps that stay apart: *facts* are gathered ([`toolchain::discover`],
//! [`linker::discover`]), a *pure decision* is taken over them ([`toolchain::choose`]), and an *action* follows
//! ([`ebpf::build`]). Only the first and the last touch the machine, so every decision has its table of cases.

pub mod ebpf;
pub mod environment;
pub mod linker;
pub mod toolchain;
pub mod workspace;
