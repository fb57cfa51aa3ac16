//! `minerwatch intel check`: reads lists as the daemon would and reports on them.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _, path::PathBuf};

use serde::Serialize;

use super::{
    super::{counted::counted, streams::write_stdout},
    ExitReason, Failure, json, lists, name_of, now,
};
use crate::{
    feeds::{FileReport, Loaded, load},
    intel::{ImportReport, Kinds, Problem},
};

/// Read lists as the daemon would, and report what is in them and what is left out
///
/// The exit code is 2 if a list cannot be read, is damaged or has only invalid entries. With --strict it is also 2 if
/// any entry is invalid.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Files or directories; without any, the list that comes with the program
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Check the lists of this configuration in addition to PATH
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Fail with exit code 2 if an entry is invalid
    #[arg(long)]
    strict: bool,
    /// Write one JSON object per file, and one with the totals
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  minerwatch intel check                                 check the list that comes with the program
  minerwatch intel check feed.json pools.d/ --strict     refuse lists with a senseless entry
  minerwatch intel check --config /etc/minerwatch.toml   check all lists of a configuration";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    let Arguments { paths, config, strict, json: as_json } = arguments;
    let loaded = load(&lists(config.as_deref(), paths, &[])?, now(), None);
    if *as_json {
        for file in &loaded.files {
            write_stdout(&json(&FileFields::of(file))?)?;
        }
        write_stdout(&json(&Totals::of(&loaded))?)?;
    } else {
        write_stdout(&text(&loaded))?;
    }
    let is_wrong = |file: &FileReport| {
        let has_problems = file.import.as_ref().is_some_and(|reading| !reading.problems.is_empty());
        file.trouble.is_some() || (*strict && has_problems)
    };
    Ok(if loaded.files.iter().any(is_wrong) { ExitReason::Usage } else { ExitReason::Fine })
}

fn text(loaded: &Loaded) -> String {
    let mut text = String::new();
    for FileReport { source, kind, import: reading, trouble, kept: _ } in &loaded.files {
        let _ = write!(text, "{source}  {}", name_of(*kind));
        if let Some(reading) = reading {
            let _ = write!(text, "  {}  {}", reading.form.name(), amounts(&reading.kinds));
        }
        text.push('\n');
        if let Some(trouble) = trouble {
            let _ = writeln!(text, "  WRONG: {trouble}");
        }
        if let Some(reading) = reading.as_ref().filter(|reading| reading.skipped() > 0) {
            let _ = writeln!(text, "  left out: {}", reading.reasons());
            for Problem { location: place, reason } in &reading.problems {
                let _ = writeln!(text, "  {source}:{place}: {reason}");
            }
        }
    }
    let Totals { lists, watched, allowed, bytes } = Totals::of(loaded);
    let _ = writeln!(
        text,
        "{}: {} watched for, {allowed} allowed, {} KiB of memory",
        counted(lists, "list", "lists"),
        counted(watched, "entry", "entries"),
        bytes >> 10
    );
    text
}

fn amounts(kinds: &Kinds) -> String {
    let Kinds { domains, addresses, networks, endpoints, files } = *kinds;
    let parts = [
        (domains, "name", "names"),
        (addresses, "address", "addresses"),
        (networks, "network", "networks"),
        (endpoints, "port", "ports"),
        (files, "file", "files"),
    ];
    let parts = parts.into_iter().filter(|(count, _, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, one, many)| counted(count, one, many)).collect();
    if parts.is_empty() { "no entries".to_owned() } else { parts.join(", ") }
}

#[derive(Serialize)]
struct FileFields<'a> {
    source: &'a str,
    list: &'static str,
    #[serde(flatten)]
    reading: Option<ReadingFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct ReadingFields<'a> {
    form: &'static str,
    entries: KindFields,
    skipped: &'a BTreeMap<Cow<'static, str>, u64>,
    problems: Vec<ProblemFields<'a>>,
}

#[derive(Serialize)]
struct KindFields {
    domains: u64,
    addresses: u64,
    networks: u64,
    endpoints: u64,
    files: u64,
}

#[derive(Serialize)]
struct ProblemFields<'a> {
    place: String,
    reason: &'a str,
}

/// Totals of all lists. An entry that is on several lists counts once.
#[derive(Serialize)]
struct Totals {
    lists: usize,
    watched: usize,
    allowed: usize,
    bytes: usize,
}

impl Totals {
    fn of(Loaded { indicators, .. }: &Loaded) -> Self {
        Self {
            lists: indicators.lists().len(),
            watched: indicators.len(),
            allowed: indicators.allowed(),
            bytes: indicators.bytes(),
        }
    }
}

impl<'a> FileFields<'a> {
    fn of(FileReport { source, kind, import: reading, trouble, kept: _ }: &'a FileReport) -> Self {
        Self {
            source,
            list: name_of(*kind),
            reading: reading.as_ref().map(ReadingFields::of),
            error: trouble.as_deref(),
        }
    }
}

impl<'a> ReadingFields<'a> {
    fn of(reading: &'a ImportReport) -> Self {
        let Kinds { domains, addresses, networks, endpoints, files } = reading.kinds;
        let problem = |problem: &'a Problem| ProblemFields {
            place: problem.location.to_string(),
            reason: &problem.reason,
        };
        Self {
            form: reading.form.name(),
            entries: KindFields { domains, addresses, networks, endpoints, files },
            skipped: &reading.skipped,
            problems: reading.problems.iter().map(problem).collect(),
        }
    }
}
