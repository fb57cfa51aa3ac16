//! Reads lists from files.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
    sync::Arc,
};

use tracing::{info, warn};

use super::files::{ListFile, Mtimes, list_files, stamps};
use crate::{
    config::Intel,
    intel::{self, Builder, ImportReport, Indicators, List, ListKind, Problem},
    metrics::ListMetrics,
};

/// The most entries, all lists together; 20 bytes each.
const MAX_ENTRIES: usize = 2_000_000;
/// A larger file is no list, bytes.
pub(super) const MAX_SIZE: u64 = 256 << 20;
const BUFFER: usize = 64 << 10;

/// What became of one file.
#[derive(Debug)]
pub struct FileReport {
    /// Its path.
    pub source: String,
    /// What being on it means.
    pub kind: ListKind,
    /// What was read; `None` if it could not be.
    pub reading: Option<ImportReport>,
    /// Why it is not used as it is.
    pub trouble: Option<String>,
    /// Entries that stay from when it was read before, because of that.
    pub kept: Option<usize>,
}

/// All lists, and what became of their files.
#[derive(Debug)]
pub struct Loaded {
    /// The lists.
    pub indicators: Arc<Indicators>,
    /// Their files.
    pub files: Vec<FileReport>,
    /// How the files were just before they were read: what changed meanwhile is seen at the next look.
    pub stamps: Mtimes,
}

/// Reads all lists, at this time in seconds since 1970. One that cannot be used is left out; where an `earlier` table has
/// it, its entries stay.
pub fn load(config: &Intel, now: i64, earlier: Option<&Indicators>) -> Loaded {
    let stamps = stamps(config);
    let mut builder = Builder::new(MAX_ENTRIES);
    if config.built_in {
        intel::add_built_in(&mut builder);
    }
    let mut files = Vec::new();
    for file in list_files(config) {
        match file.error {
            None => files.push(add(&file, now, &mut builder, earlier)),
            Some(_) => add_lost_directory(&file, &mut builder, earlier, &mut files),
        }
    }
    Loaded { indicators: Arc::new(builder.build()), files, stamps }
}

fn add(file: &ListFile, now: i64, builder: &mut Builder, earlier: Option<&Indicators>) -> FileReport {
    let source = file.path.display().to_string();
    let mut report = FileReport { source, kind: file.kind, reading: None, trouble: None, kept: None };
    if !builder.list(list(&file.path, file.kind)) {
        report.trouble = Some("there are too many lists".to_owned());
        return report;
    }
    match open(&file.path) {
        Ok(input) => {
            let reading = intel::read_list(&report.source, input, now, builder);
            report.trouble = match &reading.broken {
                Some(broken) => Some(format!("line {}: {}", broken.place, broken.reason)),
                // A page that says "not found", saved over a list, must not empty it.
                None if reading.kinds.total() == 0 && !reading.problems.is_empty() => {
                    Some("nothing in it is an entry".to_owned())
                }
                None => None,
            };
            report.reading = Some(reading);
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

/// A directory that cannot be read any more: the lists that were read from it stay.
fn add_lost_directory(
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
        reading: None,
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
    let about = fs::metadata(path)?;
    if !about.is_file() {
        return Err(io::Error::other("is no file"));
    }
    if about.len() > MAX_SIZE {
        return Err(io::Error::other(format!("is larger than {} MiB", MAX_SIZE >> 20)));
    }
    Ok(BufReader::with_capacity(BUFFER, File::open(path)?.take(MAX_SIZE)))
}

impl Loaded {
    /// Says in the log what was read and what was left out.
    pub fn tell(&self) {
        for file in &self.files {
            file.tell();
        }
        info!(
            "listed names, addresses and files: {} watched for, from lists: {}, allowed: {}",
            self.indicators.len(),
            self.indicators.lists().len(),
            self.indicators.allowed()
        );
    }

    /// How the lists stand.
    pub fn counts(&self) -> ListMetrics {
        let readings = self.files.iter().filter_map(|file| file.reading.as_ref());
        ListMetrics {
            lists: self.indicators.lists().len() as u64,
            watched: self.indicators.len() as u64,
            allowed: self.indicators.allowed() as u64,
            left_out: readings.map(ImportReport::skipped).sum(),
            troubled: self.files.iter().filter(|file| file.trouble.is_some()).count() as u64,
            bytes: self.indicators.bytes() as u64,
            ..ListMetrics::default()
        }
    }

    /// When the first entry runs out, seconds since 1970.
    pub fn next_expiry(&self) -> Option<i64> {
        self.files.iter().filter_map(|file| file.reading.as_ref()?.next_expiry).min()
    }
}

impl FileReport {
    fn tell(&self) {
        let Self { source, kind: _, reading, trouble, kept } = self;
        if let Some(reading) = reading {
            for Problem { place, reason } in &reading.problems {
                warn!("{source}:{place}: {reason}");
            }
            if reading.skipped() > 0 {
                let (form, entries) = (reading.form.name(), reading.kinds.total());
                info!("{source} ({form}): {entries} entries, left out: {}", reading.reasons());
            }
        }
        match (trouble, kept) {
            (Some(trouble), Some(kept)) => {
                warn!("{source}: {trouble}; {kept} entries that were read before stay");
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
