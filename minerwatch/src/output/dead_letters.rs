//! The dead-letter file of a network output. It has the documents that the server refused for ever.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{Document, Refusal};
use crate::state_files;

/// Maximum size of the file, in bytes. A full file becomes `NAME.1`, and an earlier `NAME.1` is removed.
const MAX_SIZE: u64 = 8 << 20;

/// Appends refused documents to a file. Each is a line of JSON.
#[derive(Debug)]
pub(super) struct DeadLetters {
    path: PathBuf,
}

/// A line of the file.
#[derive(Serialize)]
struct DeadLetter<'a> {
    /// The message of the server.
    reason: &'a str,
    /// The document: an object, or a text if it is not JSON.
    document: Box<RawValue>,
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
            let document = match serde_json::from_slice(&document.json) {
                Ok(document) => document,
                Err(_) => to_raw_value(&String::from_utf8_lossy(&document.json))?,
            };
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

    /// Returns the path as text for messages.
    pub fn path(&self) -> std::path::Display<'_> {
        self.path.display()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Class;

    #[test]
    fn a_document_that_is_not_json_is_kept_as_text() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("spool/dead-letters.jsonl");
        let documents =
            [&b"{\"a\": 1}"[..], b"{\"a\xff"].map(|json| Document { class: Class::Alert, json: json.into() });
        let refusals = [0, 1, 2].map(|index| Refusal { index, reason: "why".to_owned() });
        DeadLetters::new(path.clone()).add(&documents, &refusals).unwrap();
        let lines = "{\"reason\":\"why\",\"document\":{\"a\": 1}}\n\
                     {\"reason\":\"why\",\"document\":\"{\\\"a\u{fffd}\"}\n";
        assert_eq!(fs::read_to_string(path).unwrap(), lines);
    }
}
