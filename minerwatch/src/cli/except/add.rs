//! `minerwatch except add`: adds an exception.

use std::path::Path;

use anyhow::anyhow;

use super::{
    super::{
        ExitReason, Failure,
        streams::{tell, write_stdout},
    },
    Place,
    criteria::{CriteriaArguments, expiry},
    edit::edit,
    in_use, now,
};
use crate::{config::ExceptionEntry, except::Source, pipeline};

/// Add an exception, and make the running daemon use it
///
/// A suspect must match all options that are given. The exception expires after 90 days, unless --expires says
/// otherwise.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    criteria: CriteriaArguments,
    /// Why the exception exists
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who answers for the exception; the user who runs the command by default
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// A date, a number of days (`30d`), or `never`
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// Id of the exception; derived from the other options by default
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    place: Place,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch except add --path '/opt/ml/*/train' --user ml --reason 'training on the CPUs'
  sudo minerwatch except add --user ci --signal C9,C9J --expires 14d --reason 'load tests'
  sudo minerwatch except add --namespace ml --image 'registry.example/train' --reason 'training'
  sudo minerwatch except add --unit pool.service --peer 10.0.0.0/8:3333 --signal N1,N4 \\
      --config /etc/minerwatch.toml --reason 'our own mining pool'

Run `minerwatch except test FILE` with the same options first to see what they would hide.";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    let Arguments { criteria, reason, by, expires, id, place } = arguments;
    let now = now();
    let mut entry = criteria.entry(reason)?;
    entry.id.clone_from(id);
    entry.added = Some(now);
    entry.added_by = by.clone().or_else(user);
    entry.expires = expiry(expires.as_deref(), now)
        .map_err(|message| Failure::new(ExitReason::Usage, anyhow!("--expires: {message}")))?;
    let file = place.file()?;
    refuse_known(place, &entry)?;
    edit(&file, |known, text| Ok(known.with(text, &entry, &file)))?;
    let exception = entry.to_exception(Source::File);
    let config = place.config()?.unwrap_or_default();
    for doubt in pipeline::doubts(&exception, &config) {
        tell(doubt);
    }
    let until =
        exception.expires.map_or_else(|| "never expires".to_owned(), |when| format!("expires {when}"));
    let used = in_use(place, &file)?;
    write_stdout(&format!("added {} to {} ({until}); {used}\n", exception.id, file.display()))?;
    Ok(ExitReason::Fine)
}

/// Refuses an id that the configuration uses already, because that exception would win.
fn refuse_known(place: &Place, entry: &ExceptionEntry) -> Result<(), Failure> {
    let id = entry.to_exception(Source::File).id;
    let entries = place.config()?.map(|config| config.detection.except).unwrap_or_default();
    if entries.iter().any(|known| known.to_exception(Source::Configuration).id == id) {
        let config = place.config.as_deref().unwrap_or(Path::new("the configuration"));
        return Err(Failure::new(
            ExitReason::Usage,
            anyhow!("the exception {id} is in {} already; give another --id", config.display()),
        ));
    }
    Ok(())
}

/// Returns the name of the user who runs the command, also through sudo.
fn user() -> Option<String> {
    let is_name = |name: &String| !name.is_empty() && name.len() <= 64 && !name.chars().any(char::is_control);
    ["SUDO_USER", "LOGNAME", "USER"].iter().filter_map(|name| std::env::var(name).ok()).find(is_name)
}
