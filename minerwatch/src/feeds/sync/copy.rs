//! Copies a list, or a directory of lists, from a path. The path may be on a mount that is unavailable later.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use super::{super::files, install, temporary};
use crate::feeds::load::MAX_SIZE;

/// Copies a file to `target`, or the files of a directory to names that begin with the name of `target`. Returns
/// whether any copy has changed.
pub(super) fn copy(from: &Path, target: &Path) -> anyhow::Result<bool> {
    let read = || format!("reading {}", from.display());
    if !fs::metadata(from).with_context(read)?.is_dir() {
        return copy_file(from, target);
    }
    let mut kept = BTreeSet::new();
    let mut is_new = false;
    let mut failure = None;
    for file in files::entries(from).with_context(read)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let prefix = target.file_name().unwrap_or_default().to_string_lossy();
        let copy = target.with_file_name(format!("{prefix}.{name}"));
        match copy_file(&file, &copy) {
            Ok(new) => is_new |= new,
            // A bad file keeps its earlier copy, and does not stop the others.
            Err(error) => failure = Some(error),
        }
        kept.insert(copy);
    }
    for copy in copies(target)? {
        if !kept.contains(&copy) {
            fs::remove_file(&copy).with_context(|| format!("removing {}", copy.display()))?;
            is_new = true;
        }
    }
    failure.map_or(Ok(is_new), Err)
}

fn copy_file(from: &Path, target: &Path) -> anyhow::Result<bool> {
    let named = || format!("copying {}", from.display());
    let temporary = temporary(target);
    let outcome = write(from, &temporary)
        .with_context(named)
        .and_then(|()| install(&temporary, target).with_context(|| from.display().to_string()));
    // After an installation, the temporary file no longer exists.
    let _ = fs::remove_file(&temporary);
    outcome
}

fn write(from: &Path, to: &Path) -> anyhow::Result<()> {
    if !fs::metadata(from)?.is_file() {
        bail!("it is not a file");
    }
    if io::copy(&mut File::open(from)?.take(MAX_SIZE + 1), &mut File::create(to)?)? > MAX_SIZE {
        bail!("it is larger than {} MiB", MAX_SIZE >> 20);
    }
    Ok(())
}

/// Returns the copies of the files of a directory.
fn copies(target: &Path) -> io::Result<Vec<PathBuf>> {
    let prefix = format!("{}.", target.file_name().unwrap_or_default().to_string_lossy());
    let Some(directory) = target.parent() else { return Ok(Vec::new()) };
    let mut copies = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            copies.push(entry.path());
        }
    }
    Ok(copies)
}
