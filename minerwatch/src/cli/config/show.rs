//! `minerwatch config show`: shows the effective configuration.

use super::{ConfigFile, ExitReason, Failure};
use crate::{cli::streams::write_stdout, config::Shown};

/// Show the effective configuration: the file, the environment and the defaults
///
/// A comment says where each value comes from: `default`, `file`, or the name of an environment variable. Secrets are
/// hidden: values of keys such as `password`, `token` and `account_key`, and the user, the query and long parts of URLs.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Write one JSON object instead of TOML: `configuration`, and `origins` of the values that are no defaults
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  minerwatch config show                            show the configuration of the service
  minerwatch config show m.toml | grep -v default   show what is not a default
  MINERWATCH_LOG__LEVEL=debug minerwatch config show --json m.toml | jq .origins";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    let Arguments { file, json } = arguments;
    let shown = Shown::from(&file.load()?);
    if *json {
        let line = serde_json::to_string(&shown).map_err(anyhow::Error::from)?;
        write_stdout(&(line + "\n"))?;
    } else {
        write_stdout(shown.to_toml())?;
    }
    Ok(ExitReason::Fine)
}
