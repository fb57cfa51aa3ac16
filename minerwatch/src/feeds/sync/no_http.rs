//! Replaces HTTP requests in a build without the feature `fetch`.

use std::{fs::File, path::Path};

use anyhow::bail;

/// A request for a list.
#[expect(dead_code, reason = "this build sends no requests")]
pub(super) struct Request<'a> {
    pub(super) url: &'a str,
    pub(super) etag: Option<&'a str>,
    pub(super) modified: Option<&'a str>,
    pub(super) ca_file: Option<&'a Path>,
    pub(super) headers_file: Option<&'a Path>,
    pub(super) limit: u64,
}

/// The result of a request.
#[expect(dead_code, reason = "this build sends no requests")]
pub(super) enum Answer {
    Unchanged,
    Changed { etag: Option<String>, modified: Option<String> },
}

/// Returns an error, because this build sends no requests.
pub(super) fn get(_: &Request<'_>, _: &mut File) -> anyhow::Result<Answer> {
    bail!("this minerwatch was built without the feature `fetch`")
}
