//! `cargo xtask`: everything a developer runs, one file per verb.

mod command;
mod verb;

use std::process::ExitCode;

use clap::Parser;

const EXAMPLES: &str = "\
Examples:
  cargo xtask run -- tail    build, raise privileges, stream what this host does
  cargo xtask test           every check and the tests of a working day
  cargo xtask test --full    with every kernel, the storms, the overhead and arm64, as in CI";

/// Everything a developer of minerwatch runs
///
/// Each verb installs the tools that it needs and that are missing (see `setup --help`), so a fresh clone needs no
/// other preparation. Verbs ask before they install anything. Tools that are built for this tree stay in the target
/// directory, in tools/bin.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
struct Arguments {
    /// Install what is missing without asking, as with CI or `XTASK_YES` in the environment
    #[arg(long, short, global = true)]
    yes: bool,
    #[command(subcommand)]
    verb: verb::Verb,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.yes {
        verb::install_without_asking();
    }
    match arguments.verb.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
