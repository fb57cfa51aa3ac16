//! What `cargo xtask` shares: with minerwatch's build script, finding a compiler and a linker for the eBPF programs
//! and building them; with PID 1 of its virtual machines, the [`operations`] whose overhead is measured; with the tests of
//! the whole program, which of its [`commands`] need root.
//!
//! Each decision has three steps that stay apart: *facts* are gathered ([`toolchain::discover`],
//! [`linker::discover`]), a *pure decision* is taken over them ([`toolchain::choose`]), and an *action* follows
//! ([`ebpf::build`]). Only the first and the last touch the machine, so every decision has its table of cases.

pub mod commands;
pub mod ebpf;
pub mod environment;
pub mod linker;
pub mod operations;
pub mod toolchain;
pub mod workspace;
