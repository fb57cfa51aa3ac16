//! A request for a list, and its result.

use std::path::Path;

/// A request for a list.
pub(super) struct Request<'a> {
    pub(super) url: &'a str,
    pub(super) etag: Option<&'a str>,
    pub(super) modified: Option<&'a str>,
    pub(super) ca_file: Option<&'a Path>,
    pub(super) headers_file: Option<&'a Path>,
    /// Maximum size of the response body, in bytes.
    pub(super) limit: u64,
}

/// The result of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The list has not changed.
    Unchanged,
    /// The list was written to the file.
    Changed { etag: Option<String>, modified: Option<String> },
}
