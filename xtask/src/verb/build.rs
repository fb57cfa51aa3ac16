//! `cargo xtask build`.

use anyhow::Result;
use clap::Args;

use super::{
    arm64,
    setup::{self, ToolSet},
};
use crate::command;

/// Build the daemon with its eBPF programs
///
/// Installs missing tools first. Once they are installed, `cargo build` does the same.
#[derive(Args)]
pub struct Arguments {
    /// Optimise the build; `run`, `package` and the container image need such a build
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

const RELEASE: [&str; 4] = ["build", "--package", "minerwatch", "--release"];

/// Makes the release build that other verbs use, unless it is up to date.
pub fn release() -> Result<()> {
    setup::ensure(ToolSet::Build)?;
    command::check(&mut command::cargo(RELEASE))
}

/// Makes the release build for arm64, unless it is up to date.
pub fn release_for_arm64() -> Result<()> {
    setup::ensure(ToolSet::Arm64)?;
    command::check(&mut arm64::cargo(RELEASE))
}
