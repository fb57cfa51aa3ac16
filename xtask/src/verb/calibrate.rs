//! `cargo xtask calibrate`.

use std::path::{self, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::command;

/// The program of the tests that does the work.
const PROGRAM: &str = "calibrate";

const EXAMPLES: &str = "\
Examples:
  cargo xtask calibrate            the tables
  cargo xtask calibrate --check    fail if an attack is lost, or a benign story is a false alarm
  cargo xtask calibrate --bless    write docs/accuracy.md, after a change of detectors, points or stories";

/// Replay every recording, and say what is found, how soon, by which signals, and what each signal contributes
///
/// For each story: the verdict, the seconds to it, the points of each signal, and what is missing for the next verdict.
/// For all stories: recall, precision, F1, false pages per day of a host. For each signal: the attacks that are lost
/// without it, and the benign stories that become quiet. Needs no root, and neither the sensor nor its compiler.
/// docs/accuracy.md defines the figures.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Write the tables as JSON
    #[arg(long)]
    json: bool,
    /// Fail if an attack is not suspected, if a benign story is, if more than one in five benign stories are noted, or
    /// if docs/accuracy.md is out of date; prints only the figures of all stories together
    #[arg(long)]
    check: bool,
    /// Write docs/accuracy.md
    #[arg(long)]
    bless: bool,
    /// Replay the recordings of another directory, and leave docs/accuracy.md alone
    #[arg(long, value_name = "DIR", conflicts_with = "bless")]
    recordings: Option<PathBuf>,
}

impl Arguments {
    /// Runs the verb.
    pub fn run(self) -> Result<()> {
        // The development build takes less than a second for all recordings, so that no release build is needed.
        let mut cargo =
            command::cargo(["run", "--quiet", "--package", "minerwatch-tests", "--bin", PROGRAM, "--"]);
        for (given, option) in [(self.json, "--json"), (self.check, "--check"), (self.bless, "--bless")] {
            if given {
                cargo.arg(option);
            }
        }
        if let Some(directory) = self.recordings {
            // cargo runs in the root of the workspace.
            let absolute = path::absolute(&directory).with_context(|| directory.display().to_string())?;
            cargo.arg("--recordings").arg(absolute);
        }
        command::check(&mut cargo)
    }
}

/// Checks the calibration with the program that the build of the workspace has just made.
pub fn check_built() -> Result<()> {
    command::check(Command::new(command::target_dir().join("debug").join(PROGRAM)).arg("--check"))
}
