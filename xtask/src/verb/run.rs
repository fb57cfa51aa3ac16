//! `cargo xtask run`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Error, Result};
use clap::Args;
use xtask::{commands, environment};

use super::build;
use crate::command;

const EXAMPLES: &str = "\
Examples:
  cargo xtask run -- tail      what this host does, as it happens
  cargo xtask run              the daemon, alerts as JSON on standard output
  cargo xtask run -- doctor    what this kernel allows";

/// Build, raise privileges, and become minerwatch
///
/// Uses the release build. Once the build is up to date, a start takes about a second. Commands that need root go
/// through sudo if you are not root; the others (replay, intel, --help …) run as you. minerwatch replaces this process,
/// so that it receives your signals and you receive its exit code.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Use the release build, which is the default
    #[arg(long, conflicts_with = "debug")]
    release: bool,
    /// Use the development build: quicker to build, slower to run
    #[arg(long)]
    debug: bool,
    /// The command of minerwatch with its options; `run` if there is none
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

impl Arguments {
    /// Builds minerwatch and replaces this process by it. Returns only on failure.
    pub fn run(self) -> Result<()> {
        let profile = if self.debug {
            super::setup::ensure(super::setup::ToolSet::Build)?;
            command::check(&mut command::cargo(["build", "--package", "minerwatch"]))?;
            "debug"
        } else {
            build::release()?;
            "release"
        };
        let binary = command::target_dir().join(profile).join("minerwatch");
        let arguments = if self.command.is_empty() { vec!["run".into()] } else { self.command };
        let words: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
        let mut minerwatch = if commands::needs_root(&words) {
            command::as_root(&binary).context("the sensor needs root: run this as root, or install sudo")?
        } else {
            Command::new(&binary)
        };
        environment::scrub(&mut minerwatch);
        let error = minerwatch.args(arguments).exec();
        Err(Error::from(error).context(format!("cannot start `{}`", command::shown(&minerwatch))))
    }
}
