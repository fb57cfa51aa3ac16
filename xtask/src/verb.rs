//! The verbs of `cargo xtask`, one module each.

mod arm64;
mod bench;
mod benign;
mod build;
mod calibrate;
mod fuzz;
mod lint;
mod package;
mod run;
mod setup;
mod test;
mod vm;

use anyhow::Result;
use clap::Subcommand;

pub use setup::consent::give as install_without_asking;

/// The verb to run.
#[derive(Subcommand)]
pub enum Verb {
    Setup(setup::Arguments),
    Build(build::Arguments),
    Run(run::Arguments),
    Test(test::Arguments),
    Vm(vm::Arguments),
    Lint(lint::Arguments),
    Fuzz(fuzz::Arguments),
    Bench(bench::Arguments),
    Calibrate(calibrate::Arguments),
    Package(package::Arguments),
}

impl Verb {
    /// Runs the verb.
    pub fn run(self) -> Result<()> {
        match self {
            Self::Setup(arguments) => arguments.run(),
            Self::Build(arguments) => arguments.run(),
            Self::Run(arguments) => arguments.run(),
            Self::Test(arguments) => arguments.run(),
            Self::Vm(arguments) => arguments.run(),
            Self::Lint(lint::Arguments {}) => lint::run(),
            Self::Fuzz(arguments) => arguments.run(),
            Self::Bench(arguments) => arguments.run(),
            Self::Calibrate(arguments) => arguments.run(),
            Self::Package(arguments) => arguments.run(),
        }
    }
}
