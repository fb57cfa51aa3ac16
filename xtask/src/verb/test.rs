//! `cargo xtask test`.

use std::env;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use xtask::ebpf;

use super::setup::{self, Purpose};
use super::{benign, lint, vm};
use crate::command;

/// The package whose tests use the live kernel.
const LIVE: &str = "minerwatch-tests";

/// Makes a live test fail where it would skip.
const REQUIRE_ROOT: &str = "MINERWATCH_REQUIRE_ROOT_TESTS";

/// Check everything and run every test
///
/// Installs what is missing, runs all of `lint`, then all tests with and without the sensor. Those that use the live
/// kernel need root: where you are not, they go through sudo; where there is no sudo they say that they skip. With CI
/// set in the environment a skipped one fails, and the kernels of `cargo xtask vm` are booted, too.
#[derive(Args)]
pub struct Arguments {
    /// Leave the lints out
    #[arg(long)]
    no_lint: bool,
    /// Run real, innocent programs under the agent instead, and fail if one raises an alarm; root only. Installs what
    /// the programs need
    #[arg(long)]
    benign: bool,
    /// With --benign: how long each program runs
    #[arg(long, value_name = "N", default_value_t = 60, requires = "benign", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Boot other kernels as well, as CI does
    #[arg(long, conflicts_with = "benign")]
    vm: bool,
    /// Only tests, or with --benign programs, whose name contains one of these
    filter: Vec<String>,
}

impl Arguments {
    /// Does it.
    pub fn run(self) -> Result<()> {
        setup::ensure(Purpose::Test)?;
        if self.benign {
            return benign::run(Duration::from_secs(self.seconds), &self.filter);
        }
        if !self.no_lint {
            lint::check()?;
        }
        // Tests of one package do not build the executable of another, which the live ones start.
        let everything = ["--workspace", "--exclude", ebpf::PACKAGE];
        command::check(command::cargo(["build"]).args(everything))?;
        if command::is_root() || command::find("sudo").is_none() {
            self.test(&everything, &[])?;
        } else {
            self.test(&[&everything[..], &["--exclude", LIVE]].concat(), &[])?;
            self.test(&["--package", LIVE], &["--config".to_owned(), sudo_runner()])?;
        }
        self.test(&["--package", "minerwatch", "--no-default-features"], &[])?;
        if self.filter.is_empty() && (self.vm || in_ci()) {
            vm::matrix()?;
        }
        println!("test: everything passed");
        Ok(())
    }

    fn test(&self, selection: &[&str], configuration: &[String]) -> Result<()> {
        let mut cargo = command::cargo(["test", "--no-fail-fast"]);
        cargo.args(configuration).args(selection).arg("--").args(&self.filter);
        if in_ci() {
            cargo.env(REQUIRE_ROOT, "1");
        }
        command::check(&mut cargo)
    }
}

fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|ci| !ci.is_empty())
}

/// Makes cargo start test executables as root. Only the variables that tests read are passed on, through `env`, since
/// sudo drops the rest.
fn sudo_runner() -> String {
    let passed = ["CARGO_TARGET_DIR", "CI", "RUST_BACKTRACE", "PATH"]
        .into_iter()
        .filter_map(|name| Some(format!("{name}={}", env::var(name).ok()?)));
    let require = in_ci().then(|| format!("{REQUIRE_ROOT}=1"));
    runner(passed.chain(require))
}

fn runner(variables: impl Iterator<Item = String>) -> String {
    let words = ["sudo", "--", "env"].map(str::to_owned).into_iter().chain(variables);
    let quoted: Vec<_> = words.map(|word| format!("{word:?}")).collect();
    format!("target.'cfg(unix)'.runner=[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_runner_is_valid_configuration() {
        let runner = super::runner(["A=b \"c\"".to_owned()].into_iter());
        assert_eq!(runner, r#"target.'cfg(unix)'.runner=["sudo", "--", "env", "A=b \"c\""]"#);
    }
}
