//! `minerwatch except remove`: removes an exception.

use anyhow::anyhow;

use super::{
    super::{ExitReason, Failure, streams::write_stdout},
    Place,
    edit::edit,
    in_use,
};
use crate::except::Source;

/// Remove an exception from the file, and make the running daemon do without it
///
/// What the exception hid raises alerts from now on. An exception of the configuration itself is removed there, by hand.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The id of the exception, as `minerwatch except list` shows it
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    place: Place,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch except remove 7c1d9f02
  sudo minerwatch except remove 7c1d9f02 --config /etc/minerwatch.toml";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    let Arguments { id, place } = arguments;
    let file = place.file()?;
    let in_config = place.config()?.is_some_and(|config| {
        config.detection.except.iter().any(|entry| entry.to_exception(Source::Configuration).id == *id)
    });
    edit(&file, |known, text| {
        let index = known.except.iter().position(|entry| entry.to_exception(Source::File).id == *id);
        let Some(index) = index else {
            let shown = id.escape_debug();
            let message = if in_config {
                anyhow!("the exception {shown} is in the configuration itself; remove it there")
            } else {
                anyhow!("{} has no exception {shown}; `minerwatch except list` shows all", file.display())
            };
            return Err(message);
        };
        Ok(known.without(text, index, &file))
    })?;
    let used = in_use(place, &file)?;
    write_stdout(&format!("removed {id} from {}; {used}\n", file.display()))?;
    Ok(ExitReason::Fine)
}
