//! `cargo xtask build`.

use anyhow::Result;
use clap::Args;

use super::setup::{self, ToolSet};
use crate::command;

/// Build the daemon with its eBPF programs
///
/// Installs missing tools first. Once they are installed, `cargo build` does the same.
#[derive(Args)]
pub struct Arguments {
    /// Optimise the build; `run` and the container image need such a build
    #[arg(long)]
    release: bool,
    /// Leave the sensor out; replay, detection and rules then build with stable Rust and no further tools
    #[arg(long)]
    no_sensor: bool,
}

impl Arguments {
    /// Runs the verb.
    pub fn run(self) -> Result<()> {
        let mut cargo = command::cargo(["build", "--package", "minerwatch"]);
        if self.release {
            cargo.arg("--release");
        }
        if self.no_sensor {
            cargo.arg("--no-default-features");
        } else {
            setup::ensure(ToolSet::Build)?;
        }
        command::check(&mut cargo)
    }
}

/// Makes the release build that other verbs use, unless it is up to date.
pub fn release() -> Result<()> {
    setup::ensure(ToolSet::Build)?;
    command::check(&mut command::cargo(["build", "--package", "minerwatch", "--release"]))
}
