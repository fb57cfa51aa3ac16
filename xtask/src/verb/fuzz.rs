//! `cargo xtask fuzz`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use xtask::{ebpf, workspace};

use super::setup::{self, ToolSet};
use crate::command;

/// The directory of the fuzz crate, relative to the workspace root.
const DIRECTORY: &str = "tests/fuzz";

/// Fuzz the parsers of untrusted input
///
/// Runs the targets below tests/fuzz one after the other, each for the given time, with cargo-fuzz and a nightly
/// compiler. Installs cargo-fuzz if it is missing. New inputs go below target/fuzz; the corpora in the tree are only
/// read. Stops at the first finding and names its input file.
#[derive(Args)]
pub struct Arguments {
    /// How long each target runs, in seconds
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Only these targets: the names of the files in tests/fuzz/targets, without .rs
    target: Vec<String>,
}

impl Arguments {
    /// Runs the verb.
    pub fn run(self) -> Result<()> {
        setup::ensure(ToolSet::Fuzz)?;
        let rustup = command::find("rustup").context("the fuzzer's nightly compiler comes through rustup")?;
        let nightly = Command::new(&rustup).args(["run", "nightly", "rustc", "--version"]).output();
        if !nightly.is_ok_and(|output| output.status.success()) {
            bail!("the fuzzer needs a nightly compiler: rustup toolchain install nightly");
        }
        let known = targets()?;
        if let Some(unknown) = self.target.iter().find(|target| !known.contains(target)) {
            bail!("there is no target {unknown}; there are: {}", known.join(", "));
        }
        let chosen = if self.target.is_empty() { &known } else { &self.target };
        for target in chosen {
            fuzz(&rustup, target, self.seconds)?;
        }
        println!("fuzz: {} targets, {} s each, nothing found", chosen.len(), self.seconds);
        Ok(())
    }
}

/// Returns the names of the targets, sorted.
fn targets() -> Result<Vec<String>> {
    let directory = workspace::root().join(DIRECTORY).join("targets");
    let entries = fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<_> = entries.flatten().filter_map(|entry| stem(entry.path())).collect();
    names.sort();
    Ok(names)
}

fn fuzz(rustup: &Path, target: &str, seconds: u64) -> Result<()> {
    let directory = workspace::root().join(DIRECTORY);
    let target_dir = command::target_dir().join("fuzz");
    let learned = target_dir.join("corpus").join(target);
    fs::create_dir_all(&learned).with_context(|| format!("cannot make {}", learned.display()))?;
    // The fuzz targets do not use the eBPF programs, and the nightly compiler may be unable to build them.
    let objects = target_dir.join("no-programs");
    fs::create_dir_all(&objects).with_context(|| format!("cannot make {}", objects.display()))?;
    for object in ebpf::objects_of_all() {
        let object = objects.join(object);
        fs::write(&object, []).with_context(|| format!("cannot write {}", object.display()))?;
    }
    let mut fuzzer = Command::new(rustup);
    fuzzer
        .current_dir(&directory)
        .args(["run", "nightly", "cargo", "fuzz", "run", "--fuzz-dir"])
        .arg(&directory)
        .arg("--target-dir")
        .arg(&target_dir)
        .arg(target)
        .arg(&learned)
        .arg(directory.join("corpus").join(target))
        .args(["--", "-timeout=10", "-rss_limit_mb=2048", &format!("-max_total_time={seconds}")])
        .env(ebpf::OBJECTS_VARIABLE, &objects)
        .env("PATH", command::path_with_tools())
        // These variables would select the compiler of the cargo that runs this xtask.
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .env_remove("RUSTUP_TOOLCHAIN");
    command::check(&mut fuzzer)
}
