//! `minerwatch intel lookup`: finds the list entry that matches a value.

use std::path::PathBuf;

use anyhow::anyhow;
use serde::Serialize;

use super::{
    super::streams::{tell, write_stdout},
    ExitReason, Failure, json, lists, name_of, now,
};
use crate::{
    feeds::load,
    intel::{Answer, Indicator, Listed},
};

/// Look up a name, an address, a host:port or a SHA-256 in the lists
///
/// Shows the matching entry and its list, or the entry that allows the value. Names are not resolved. The exit code is
/// 10 if the value is listed. Otherwise it is 0, or 2 if a list cannot be read.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The value to look up
    #[arg(value_name = "VALUE")]
    value: String,
    /// Use the lists of this configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A list or a directory of lists; without any and without --config, the list that comes with the program
    #[arg(long, value_name = "PATH")]
    list: Vec<PathBuf>,
    /// A list of allowed values
    #[arg(long, value_name = "PATH")]
    allow: Vec<PathBuf>,
    /// Write one JSON object instead of a sentence
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  minerwatch intel lookup pool.example:3333 --list pools.txt
  minerwatch intel lookup 192.0.2.1 --config /etc/minerwatch.toml --json
  minerwatch intel lookup supportxmr.com   look it up in the list that comes with the program";

#[derive(Serialize)]
struct Fields<'a> {
    value: &'a str,
    result: &'static str,
    /// The entry that decided the result.
    #[serde(flatten)]
    by: Option<ListedFields<'a>>,
    /// The entry that would match if the value were not allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    otherwise: Option<ListedFields<'a>>,
}

#[derive(Serialize)]
struct ListedFields<'a> {
    list: &'a str,
    kind: &'static str,
    source: &'a str,
    line: u32,
    entry: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

impl<'a> ListedFields<'a> {
    fn of(listed: Listed<'a>) -> Self {
        let Listed { list, entry, line, note } = listed;
        Self {
            list: &list.name,
            kind: name_of(list.kind),
            source: &list.source,
            line,
            entry: entry.to_string(),
            note,
        }
    }
}

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    let Arguments { value, config, list, allow, json: as_json } = arguments;
    let indicator = Indicator::parse(value).map_err(|error| Failure::new(ExitReason::Usage, error))?;
    if let Indicator::Network(..) = indicator {
        let error = anyhow!("{value} is a network; give one of its addresses");
        return Err(Failure::new(ExitReason::Usage, error));
    }
    let loaded = load(&lists(config.as_deref(), list, allow)?, now(), None);
    for file in &loaded.files {
        if let Some(trouble) = &file.trouble {
            tell(format_args!("{}: {trouble}", file.source));
        }
    }
    let is_wrong = loaded.files.iter().any(|file| file.trouble.is_some());
    let unless_found = if is_wrong { ExitReason::Usage } else { ExitReason::Fine };
    let (result, reason, by, otherwise) = match loaded.indicators.ask(&indicator) {
        Answer::Listed(listed) => ("listed", ExitReason::Found, Some(listed), None),
        Answer::Allowed { by, otherwise } => ("allowed", unless_found, Some(by), otherwise),
        Answer::Unlisted => ("unlisted", unless_found, None, None),
    };
    let fields =
        Fields { value, result, by: by.map(ListedFields::of), otherwise: otherwise.map(ListedFields::of) };
    write_stdout(&if *as_json { json(&fields)? } else { fields.sentence() })?;
    Ok(reason)
}

impl Fields<'_> {
    fn sentence(&self) -> String {
        let Self { value, result: _, by, otherwise } = self;
        let Some(by) = by else { return format!("{value} is on no list\n") };
        let place = |listed: &ListedFields<'_>| {
            let note = listed.note.map_or_else(String::new, |note| format!(" ({note})"));
            format!("{} at {}:{}{note}", listed.entry, listed.source, listed.line)
        };
        match (by.kind, otherwise) {
            ("allow", Some(otherwise)) => {
                format!("{value} is allowed by {}; it would be {}\n", place(by), place(otherwise))
            }
            ("allow", None) => format!("{value} is allowed by {}\n", place(by)),
            _ => format!("{value} is listed ({}): {}\n", by.kind, place(by)),
        }
    }
}
