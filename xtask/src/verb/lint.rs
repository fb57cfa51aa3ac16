//! `cargo xtask lint`.

use std::env;

use anyhow::{Result, bail};
use clap::Args;
use xtask::{ebpf, linker, toolchain};

use super::setup::{self, Purpose};
use crate::command;

/// Check format, lints and documentation, warnings denied
///
/// rustfmt; clippy on all targets, with and without the sensor; clippy on the eBPF programs with the compiler that
/// builds them; rustdoc. All of them run, and the last line names those that found something.
#[derive(Args)]
pub struct Arguments {}

/// Does it.
pub fn run() -> Result<()> {
    setup::ensure(Purpose::Test)?;
    check()
}

/// A check and what it is called.
type Check = (&'static str, fn() -> Result<()>);

const CHECKS: [Check; 5] = [
    ("format", || command::check(&mut command::cargo(["fmt", "--all", "--check"]))),
    ("clippy", || clippy(&["--workspace", "--exclude", ebpf::PACKAGE])),
    ("clippy without the sensor", || clippy(&["--package", "minerwatch", "--no-default-features"])),
    ("clippy of the eBPF programs", sensor),
    ("documentation", || {
        let mut doc =
            command::cargo(["doc", "--workspace", "--exclude", ebpf::PACKAGE, "--no-deps", "--quiet"]);
        command::check(doc.env("RUSTDOCFLAGS", "-Dwarnings"))
    }),
];

/// Runs every check.
pub fn check() -> Result<()> {
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        eprintln!("lint: {name}");
        if let Err(error) = check() {
            eprintln!("lint: {name}: {error:#}");
            failed.push(name);
        }
    }
    if failed.is_empty() {
        println!("lint: {} checks passed", CHECKS.len());
        return Ok(());
    }
    bail!("lint: {} of {} checks found something: {}", failed.len(), CHECKS.len(), failed.join(", "))
}

fn clippy(selection: &[&str]) -> Result<()> {
    let mut clippy = command::cargo(["clippy", "--quiet", "--all-targets"]);
    command::check(clippy.args(selection).args(["--", "-D", "warnings"]))
}

fn sensor() -> Result<()> {
    let target_dir = command::target_dir();
    let (toolchains, linkers) = (toolchain::discover::toolchains(), linker::discover(&target_dir));
    ebpf::lint(toolchain::choose(&toolchains, &linkers)?, &target_dir, env::consts::ARCH)
}
