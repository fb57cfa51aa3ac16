//! Edits the file of exceptions. Two commands at a time do not lose each other's changes.

use std::{fs::File, path::Path};

use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};

use crate::{
    config::{ConfigError, ExceptionsFile},
    state_files,
};

/// Replaces the file of exceptions by what `change` makes of it. After an error the file is as it was.
pub(super) fn edit(
    path: &Path,
    change: impl FnOnce(&ExceptionsFile, &str) -> anyhow::Result<Result<String, ConfigError>>,
) -> anyhow::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The file itself is replaced, so the directory is locked. The lock ends with the handle.
    let named = || format!("cannot write {}", path.display());
    let lock = File::open(directory).with_context(named)?;
    flock(&lock, FlockOperation::LockExclusive).with_context(named)?;
    let (file, text) = ExceptionsFile::load(path)?;
    let text = change(&file, &text)??;
    state_files::replace(path, text.as_bytes()).with_context(named)
}
