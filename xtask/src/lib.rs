//! The library part of `cargo xtask`, with three users:
//!
//! - minerwatch's build script finds a compiler and a linker for the eBPF programs, and builds the programs.
//! - PID 1 of the virtual machines runs the [`operations`] whose overhead is measured.
//! - The tests of the whole program check the [`commands`] and which of them need root.
//!
//! Each decision has three separate steps: *facts* are gathered ([`toolchain::discover`], [`linker::discover`]), a
//! *pure decision* is made from them ([`toolchain::choose`]), and an *action* follows ([`ebpf::build`]). Only the first
//! and the last step touch the machine, so a table of cases can test each decision.

pub mod commands;
pub mod ebpf;
pub mod environment;
pub mod linker;
pub mod operations;
pub mod toolchain;
pub mod workspace;
