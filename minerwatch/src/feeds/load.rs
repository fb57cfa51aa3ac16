//! Loads lists from files.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
    sync::Arc,
};

use tracing::{info, warn};

use super::{
    files::{ListFile, Mtimes, list_files, mtimes},
    metrics::ListMetrics,
};
use crate::{
    config::Intel,
    intel::{self, Builder, ImportReport, Indicators, List, ListKind, Problem},
};

/// Maximum number of entries in all lists together. Each entry takes 20 bytes.
const MAX_ENTRIES: usize = 2_000_000;
/// Maximum size of a list file, in bytes.
pub(super) const MAX_SIZE: u64 = 256 << 20;
const BUFFER: usize = 64 << 10;

/// The result of reading one file.
#[derive(Debug)]
pub struct FileReport {
    /// Path of the file.
    pub source: String,
    /// The kind of list.
    pub kind: ListKind,
    /// What was read, or `None` if the file was not read.
    pub import: Option<ImportReport>,
    /// Why the file cannot be used, or `None` if it can.
    pub trouble: Option<String>,
    /// Number of earlier entries of this file that stay in use instead.
    pub kept: Option<usize>,
}

/// All lists, and a report on each file.
#[derive(Debug)]
pub struct Loaded {
    /// The loaded lists.
    pub indicators: Arc<Indicators>,
    /// A report on each list file.
    pub files: Vec<FileReport>,
    /// Metadata of the files from before they were read, so that the next check detects any later change.
    pub mtimes: Mtimes,
}

/// Loads all lists. `now` is the time in seconds since 1970. If a file of the `earlier` table cannot be used, its
/// earlier entries stay in use.
pub fn load(config: &Intel, now: i64, earlier: Option<&Indicators>) -> Loaded {
    let mtimes = mtimes(config);
    let mut builder = Builder::new(MAX_ENTRIES);
    if config.built_in {
        intel::add_built_in(&mut builder);
    }
    let mut files = Vec::new();
    for file in list_files(config) {
        match file.error {
            None => files.push(add(&file, now, &mut builder, earlier)),
            Some(_) => add_unreadable_directory(&file, &mut builder, earlier, &mut files),
        }
    }
    Loaded { indicators: Arc::new(builder.build()), files, mtimes }
}

fn add(file: &ListFile, now: i64, builder: &mut Builder, earlier: Option<&Indicators>) -> FileReport {
    let source = file.path.display().to_string();
    let mut report = FileReport { source, kind: file.kind, import: None, trouble: None, kept: None };
    if !builder.list(list(&file.path, file.kind)) {
        report.trouble = Some("there are too many lists".to_owned());
        return report;
    }
    match open(&file.path) {
        Ok(input) => {
            let import = intel::read_list(&report.source, input, now, builder);
            report.trouble = match &import.broken {
                Some(broken) => Some(format!("line {}: {}", broken.location, broken.reason)),
                // An error page that was saved over a list must not empty the list.
                None if import.kinds.total() == 0 && !import.problems.is_empty() => {
                    Some("nothing in it is an entry".to_owned())
                }
                None => None,
            };
            report.import = Some(import);
        }
        Err(error) => report.trouble = Some(error.to_string()),
    }
    let known = |earlier: &&Indicators| earlier.lists().iter().any(|list| list.source == report.source);
    if report.trouble.is_some()
        && let Some(earlier) = earlier.filter(known)
    {
        builder.clear_list();
        report.kept = Some(builder.carry_over(earlier, &report.source));
    }
    report
}

/// Reports a directory that cannot be read, and keeps the lists that were loaded from it earlier.
fn add_unreadable_directory(
    file: &ListFile,
    builder: &mut Builder,
    earlier: Option<&Indicators>,
    files: &mut Vec<FileReport>,
) {
    let mut kept = 0;
    for list in earlier.into_iter().flat_map(Indicators::lists) {
        if Path::new(&list.source).parent() == Some(&file.path) && builder.list(list.clone()) {
            kept += earlier.map_or(0, |earlier| builder.carry_over(earlier, &list.source));
        }
    }
    files.push(FileReport {
        source: file.path.display().to_string(),
        kind: file.kind,
        import: None,
        trouble: file.error.as_ref().map(ToString::to_string),
        kept: earlier.map(|_| kept),
    });
}

fn list(path: &Path, kind: ListKind) -> List {
    let source = path.display().to_string();
    let name = path.file_stem().map_or_else(|| source.clone(), |name| name.to_string_lossy().into_owned());
    List { name, source, kind, weight: intel::DEFAULT_WEIGHT }
}

fn open(path: &Path) -> io::Result<impl BufRead> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("is not a file"));
    }
    if metadata.len() > MAX_SIZE {
        return Err(io::Error::other(format!("is larger than {} MiB", MAX_SIZE >> 20)));
    }
    Ok(BufReader::with_capacity(BUFFER, File::open(path)?.take(MAX_SIZE)))
}

impl Loaded {
    /// Logs what was read and what was left out.
    pub fn log(&self) {
        for file in &self.files {
            file.log();
        }
        info!(
            "lists read: {}; entries watched for: {}, allowed: {}",
            self.indicators.lists().len(),
            self.indicators.len(),
            self.indicators.allowed()
        );
    }

    /// Returns the counters of the lists.
    pub fn counts(&self) -> ListMetrics {
        let imports = self.files.iter().filter_map(|file| file.import.as_ref());
        ListMetrics {
            lists: self.indicators.lists().len() as u64,
            watched: self.indicators.len() as u64,
            allowed: self.indicators.allowed() as u64,
            left_out: imports.map(ImportReport::skipped).sum(),
            troubled: self.files.iter().filter(|file| file.trouble.is_some()).count() as u64,
            bytes: self.indicators.bytes() as u64,
            ..ListMetrics::default()
        }
    }

    /// Returns the time at which the first entry expires, in seconds since 1970.
    pub fn next_expiry(&self) -> Option<i64> {
        self.files.iter().filter_map(|file| file.import.as_ref()?.next_expiry).min()
    }
}

impl FileReport {
    fn log(&self) {
        let Self { source, kind: _, import, trouble, kept } = self;
        if let Some(import) = import {
            for Problem { location, reason } in &import.problems {
                warn!("{source}:{location}: {reason}");
            }
            if import.skipped() > 0 {
                let (form, entries) = (import.form.name(), import.kinds.total());
                info!("{source} ({form}): {entries} entries, left out: {}", import.reasons());
            }
        }
        match (trouble, kept) {
            (Some(trouble), Some(kept)) => {
                warn!("{source}: {trouble}; its earlier entries stay in use: {kept}");
            }
            (Some(trouble), None) => warn!("{source}: {trouble}"),
            (None, _) => {}
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(all(test, feature = "sensor"))]
mod measure;
