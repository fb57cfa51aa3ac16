//! `cargo xtask lint`.

use std::env;

use anyhow::{Result, bail};
use clap::Args;
use xtask::{ebpf, environment, linker, toolchain};

use super::setup::{self, ToolSet};
use crate::command;

/// Check format, lints, documentation and dependencies, with warnings denied
///
/// Runs rustfmt; clippy on all targets, with and without the sensor; clippy on the eBPF programs, with the compiler
/// that builds them; rustdoc; cargo-deny for the licences, sources and duplicates of dependencies, and for advisories
/// if their database can be reached; cargo-machete for unused dependencies. Runs all checks even if one fails, and
/// names the failed ones in the last line.
#[derive(Args)]
pub struct Arguments {}

/// Runs the verb.
pub fn run() -> Result<()> {
    setup::ensure(ToolSet::Test)?;
    check()
}

/// The name of a check, and the function that runs it.
type Check = (&'static str, fn() -> Result<()>);

const CHECKS: [Check; 8] = [
    ("format", || command::check(&mut command::cargo(["fmt", "--all", "--check"]))),
    ("clippy", || clippy(&["--workspace", "--exclude", ebpf::PACKAGE])),
    ("clippy without the sensor", || clippy(&["--package", "minerwatch", "--no-default-features"])),
    ("clippy of the eBPF programs", sensor),
    ("documentation", || {
        let mut doc =
            command::cargo(["doc", "--workspace", "--exclude", ebpf::PACKAGE, "--no-deps", "--quiet"]);
        command::check(doc.env("RUSTDOCFLAGS", "-Dwarnings"))
    }),
    ("dependencies", dependencies),
    ("advisories", advisories),
    ("unused dependencies", unused),
];

/// Fetches the dependencies of all platforms, as far as the network allows, and checks them.
fn dependencies() -> Result<()> {
    // cargo-deny looks at all of them. A build has fetched only those of this platform.
    let _ = command::cargo(["fetch", "--locked", "--quiet"]).status();
    deny(&["bans", "licenses", "sources"])
}

/// Runs cargo-deny with the rules of deny.toml, and shows only errors.
fn deny(checks: &[&str]) -> Result<()> {
    let mut deny = command::cargo(["deny", "--offline", "--log-level", "error", "--all-features", "check"]);
    command::check(deny.arg("--hide-inclusion-graph").args(checks))
}

/// Runs cargo-machete. The variables of the outer cargo would make cargo-machete misread its command line, so they are
/// removed.
fn unused() -> Result<()> {
    let mut machete = command::cargo(["machete"]);
    environment::scrub(&mut machete);
    command::check(&mut machete)
}

/// Fetches the advisory database and checks the dependencies against it. Without network the check is skipped with a
/// message.
fn advisories() -> Result<()> {
    let mut fetch = command::cargo(["deny", "--log-level", "off", "fetch", "db"]);
    let fetched = fetch.output().is_ok_and(|output| output.status.success());
    if fetched {
        return deny(&["advisories"]);
    }
    println!("lint: advisories SKIPPED: their database cannot be reached from here");
    Ok(())
}

/// Runs every check. Returns an error at the end if any of them failed.
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
