//! `cargo xtask`: everything a developer runs, one file per verb.

mod command;
mod verb;

use std::process::ExitCode;

use clap::Parser;

const EXAMPLES: &str = "\
Examples:
  cargo xtask run -- tail    build, raise privileges, stream what this host does
  cargo xtask test           every check and every test";

/// Everything a developer of minerwatch runs
///
/// Each verb installs what it needs and is missing (see `setup --help`), so that a fresh clone needs only one of them.
/// Tools that are built for this tree stay in its target directory, in tools/bin.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    verb: verb::Verb,
}

fn main() -> ExitCode {
    match Arguments::parse().verb.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
