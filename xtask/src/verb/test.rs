//! `cargo xtask test`.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use xtask::ebpf;

use super::setup::{self, ToolSet};
use super::{benign, calibrate, lint, vm};
use crate::command;

/// The package whose tests use the live kernel.
const LIVE: &str = "minerwatch-tests";

/// The environment variable that makes a live test fail instead of skip.
const REQUIRE_ROOT: &str = "MINERWATCH_REQUIRE_ROOT_TESTS";

/// The environment variable that enables the long tests.
const FULL: &str = "MINERWATCH_FULL_TESTS";

/// The environment variable with the path of the notes file. Tests write lines to this file that people should see even
/// if the test passes: why it was skipped, or what it measured.
const NOTES: &str = "MINERWATCH_TEST_NOTES";

/// Check everything and run the tests
///
/// Installs missing tools, runs all of `lint`, runs all tests, checks the calibration, and boots one other kernel. Tests
/// that need no sensor run with it only; `lint` compiles them without it.
/// Tests that use the live kernel need root: if you are not root, they go through sudo, and without sudo they skip with
/// a message. With CI set in the environment, such a test fails instead. --full adds everything that takes long.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Arguments {
    /// Also run the storms, boot every kernel and arm64, and count the overhead, as CI does
    #[arg(long, conflicts_with = "benign")]
    full: bool,
    /// Skip the lints
    #[arg(long)]
    no_lint: bool,
    /// Instead, run real, innocent programs while the agent watches, and fail if one raises an alarm; needs root.
    /// Installs what the programs need
    #[arg(long)]
    benign: bool,
    /// With --benign: how long each program runs, in seconds
    #[arg(long, value_name = "N", default_value_t = 60, requires = "benign", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Boot every kernel, but run no storms
    #[arg(long, conflicts_with_all = ["benign", "full"])]
    vm: bool,
    /// Only tests, or with --benign only programs, whose name contains one of these texts
    filter: Vec<String>,
}

impl Arguments {
    /// Runs the verb.
    pub fn run(self) -> Result<()> {
        setup::ensure(ToolSet::Test)?;
        if self.benign {
            return benign::run(Duration::from_secs(self.seconds), &self.filter);
        }
        let mut clock = Clock::default();
        if !self.no_lint {
            clock.time("lint", lint::check)?;
        }
        // The live tests start executables of other packages, which building the tests does not build. Both are built at
        // once: alone, the executables would get fewer features of the same libraries, which are then built twice.
        let everything = ["--workspace", "--exclude", ebpf::PACKAGE];
        clock.time("build", || {
            command::check(command::cargo(["build", "--bins", "--tests"]).args(everything))
        })?;
        let notes = Notes::new()?;
        let outcome = clock.time("tests", || self.all_tests(&everything, &notes));
        notes.print();
        outcome?;
        if self.filter.is_empty() {
            clock.time("calibration", calibrate::check_built)?;
            clock.time("kernels", || if self.full || self.vm { vm::matrix() } else { vm::reference() })?;
        }
        println!("test: everything passed; {}", clock.summary());
        Ok(())
    }

    fn all_tests(&self, everything: &[&str], notes: &Notes) -> Result<()> {
        if command::is_root() || command::find("sudo").is_none() {
            self.test(everything, &[], notes)?;
        } else {
            self.test(&[everything, &["--exclude", LIVE]].concat(), &[], notes)?;
            // Asks for the password here: nextest starts tests in the background, where sudo cannot ask.
            command::check(Command::new("sudo").arg("--validate"))?;
            self.test(&["--package", LIVE], &["--config".to_owned(), self.sudo_runner(notes)], notes)?;
        }
        // nextest does not run documentation tests.
        self.document_tests(everything)
    }

    fn test(&self, selection: &[&str], configuration: &[String], notes: &Notes) -> Result<()> {
        let mut nextest = command::cargo(["nextest", "run", "--no-tests", "pass"]);
        nextest.args(configuration).args(selection).args(&self.filter);
        nextest.envs(self.variables(notes));
        command::check(&mut nextest)
    }

    fn document_tests(&self, selection: &[&str]) -> Result<()> {
        let mut cargo: Command = command::cargo(["test", "--quiet", "--doc"]);
        cargo.args(selection).arg("--").args(&self.filter);
        command::check(&mut cargo)
    }

    /// Returns the environment variables that tests read.
    fn variables(&self, notes: &Notes) -> Vec<(&'static str, String)> {
        let mut variables = vec![(NOTES, notes.0.to_string_lossy().into_owned())];
        variables.extend(in_ci().then(|| (REQUIRE_ROOT, "1".to_owned())));
        variables.extend(self.full.then(|| (FULL, "1".to_owned())));
        variables
    }

    /// Returns the cargo configuration that starts test executables as root. sudo drops the environment, so `env` sets
    /// the variables that tests read.
    fn sudo_runner(&self, notes: &Notes) -> String {
        let passed = ["CARGO_TARGET_DIR", "CI", "RUST_BACKTRACE", "PATH"]
            .into_iter()
            .filter_map(|name| Some(format!("{name}={}", env::var(name).ok()?)));
        let own = self.variables(notes).into_iter().map(|(name, value)| format!("{name}={value}"));
        runner(passed.chain(own))
    }
}

fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|ci| !ci.is_empty())
}

fn runner(variables: impl Iterator<Item = String>) -> String {
    let words = ["sudo", "--non-interactive", "--", "env"].map(str::to_owned).into_iter().chain(variables);
    let quoted: Vec<_> = words.map(|word| format!("{word:?}")).collect();
    format!("target.'cfg(unix)'.runner=[{}]", quoted.join(", "))
}

/// The notes file, whose path is in [`NOTES`].
struct Notes(PathBuf);

impl Notes {
    /// Creates an empty notes file.
    fn new() -> Result<Self> {
        let path = command::target_dir().join("test-notes.txt");
        fs::write(&path, "").with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }

    /// Prints the notes.
    fn print(&self) {
        if let Ok(notes) = fs::read_to_string(&self.0) {
            print!("{notes}");
        }
    }
}

/// The duration of each part of the run.
#[derive(Default)]
struct Clock(Vec<(&'static str, Duration)>);

impl Clock {
    fn time(&mut self, part: &'static str, action: impl FnOnce() -> Result<()>) -> Result<()> {
        let start = Instant::now();
        let outcome = action();
        self.0.push((part, start.elapsed()));
        outcome
    }

    fn summary(&self) -> String {
        let shown = |name: &str, time: Duration| format!("{name} {} s", time.as_secs());
        let all = self.0.iter().map(|(_, time)| *time).sum();
        let parts: Vec<_> = self.0.iter().map(|(part, time)| shown(part, *time)).collect();
        format!("{} ({})", shown("in all", all), parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runner_is_valid_configuration() {
        let runner = runner(["A=b \"c\"".to_owned()].into_iter());
        assert_eq!(
            runner,
            r#"target.'cfg(unix)'.runner=["sudo", "--non-interactive", "--", "env", "A=b \"c\""]"#
        );
    }

    #[test]
    fn the_times_of_all_parts_are_summed() {
        let clock = Clock(vec![("lint", Duration::from_secs(20)), ("tests", Duration::from_secs(300))]);
        assert_eq!(clock.summary(), "in all 320 s (lint 20 s, tests 300 s)");
    }
}
