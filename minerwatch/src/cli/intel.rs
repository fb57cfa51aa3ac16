//! `minerwatch intel`: checks lists of indicators and looks values up in them, without a daemon.

mod check;
mod lookup;

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use clap::Subcommand;
use serde::Serialize;

use super::{ExitReason, Failure, logging};
use crate::{
    config::{Config, Intel},
    feeds::with_synced,
    intel::ListKind,
};

/// Check lists of indicators and look values up in them
///
/// Reads lists as the daemon would, from a configuration or from files on the command line. Needs neither a daemon nor
/// root.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Lookup(lookup::Arguments),
}

const EXAMPLES: &str = "\
Examples:
  minerwatch intel check feed.json pools.d/            check lists before the daemon reads them
  minerwatch intel lookup 192.0.2.1 --list pools.txt   look an address up in a list";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    match &arguments.command {
        Command::Check(arguments) => check::main(arguments),
        Command::Lookup(arguments) => lookup::main(arguments),
    }
}

/// Returns the lists of a configuration together with the given lists. Without a configuration, the built-in list is
/// included only if `threats` is empty.
fn lists(config: Option<&Path>, threats: &[PathBuf], allow: &[PathBuf]) -> Result<Intel, Failure> {
    let mut intel = match config {
        Some(path) => with_synced(&Config::load(path).map_err(anyhow::Error::from)?),
        None => Intel { built_in: threats.is_empty(), ..Intel::default() },
    };
    intel.threats.extend_from_slice(threats);
    intel.allow.extend_from_slice(allow);
    Ok(intel)
}

/// Returns the current time, in seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn name_of(kind: ListKind) -> &'static str {
    match kind {
        ListKind::Mining => "pools",
        ListKind::Threat => "threats",
        ListKind::Allow => "allow",
    }
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    let mut line = serde_json::to_string(value).map_err(anyhow::Error::from)?;
    line.push('\n');
    Ok(line)
}
