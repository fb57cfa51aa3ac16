//! `minerwatch intel lookup`: which entry of which list would match.

use std::path::PathBuf;

use anyhow::anyhow;
use serde::Serialize;

use super::{ExitReason, Failure, json, lists, name_of, now, write};
use crate::{
    feeds::load,
    intel::{Answer, Indicator, Listed},
};

/// Look a name, an address, a host:port or a SHA-256 up in the lists
///
/// Says which entry of which list matches, and whether one that allows it wins. Nothing is resolved: what a name leads
/// to is not looked up.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What to look up
    #[arg(value_name = "VALUE")]
    value: String,
    /// The lists of this configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A list, or a directory of them; without any and without a configuration, the list that comes with the program
    #[arg(long, value_name = "PATH")]
    list: Vec<PathBuf>,
    /// A list of what is allowed
    #[arg(long, value_name = "PATH")]
    allow: Vec<PathBuf>,
    /// One JSON object instead of a sentence
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Fields<'a> {
    value: &'a str,
    result: &'static str,
    /// What decided.
    #[serde(flatten)]
    by: Option<ListedFields<'a>>,
    /// What would match if it were not allowed.
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
            eprintln!("minerwatch: {}: {trouble}", file.source);
        }
    }
    let (result, by, otherwise) = match loaded.indicators.ask(&indicator) {
        Answer::Listed(listed) => ("listed", Some(listed), None),
        Answer::Allowed { by, otherwise } => ("allowed", Some(by), otherwise),
        Answer::Unlisted => ("unlisted", None, None),
    };
    let fields =
        Fields { value, result, by: by.map(ListedFields::of), otherwise: otherwise.map(ListedFields::of) };
    write(&if *as_json { json(&fields)? } else { fields.sentence() })?;
    let is_wrong = loaded.files.iter().any(|file| file.trouble.is_some());
    Ok(if is_wrong { ExitReason::Usage } else { ExitReason::Fine })
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
