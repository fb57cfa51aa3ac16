//! The dead-letter file of a network output: documents that its server refuses for ever.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Document, Refusal};
use crate::state_files;

/// Maximum size of the file, in bytes. A full file becomes `NAME.1`, and an earlier `NAME.1` is removed.
const MAX_SIZE: u64 = 8 << 20;

/// Appends refused documents to a file, a line of JSON for each.
#[derive(Debug)]
pub(super) struct DeadLetters {
    path: PathBuf,
}

/// A line of the file.
#[derive(Serialize)]
struct DeadLetter<'a> {
    /// The server's own words.
    reason: &'a str,
    /// The document as it was to be sent.
    document: &'a RawValue,
}

impl DeadLetters {
    /// Creates the writer. The file need not exist.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Appends refused documents.
    pub fn add(&self, documents: &[Document], refusals: &[Refusal]) -> io::Result<()> {
        let mut lines = Vec::new();
        for Refusal { index, reason } in refusals {
            let Some(document) = documents.get(*index) else { continue };
            let json = str::from_utf8(&document.json).ok().and_then(|json| serde_json::from_str(json).ok());
            let Some(document) = json else { continue };
            serde_json::to_writer(&mut lines, &DeadLetter { reason, document })?;
            lines.push(b'\n');
        }
        if let Some(directory) = self.path.parent() {
            state_files::create_directory(directory)?;
        }
        let is_full = fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() >= MAX_SIZE);
        if is_full {
            let mut earlier = self.path.clone().into_os_string();
            earlier.push(".1");
            fs::rename(&self.path, earlier)?;
        }
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?.write_all(&lines)
    }

    /// Returns the path for messages.
    pub fn path(&self) -> std::path::Display<'_> {
        self.path.display()
    }
}
