//! A build without the feature `fetch`.

use std::{fs::File, path::Path};

use anyhow::bail;

/// What is asked for.
#[expect(dead_code, reason = "nobody answers in this build")]
pub(super) struct Request<'a> {
    pub(super) url: &'a str,
    pub(super) etag: Option<&'a str>,
    pub(super) modified: Option<&'a str>,
    pub(super) ca_file: Option<&'a Path>,
    pub(super) headers_file: Option<&'a Path>,
    pub(super) limit: u64,
}

/// What the server says.
#[expect(dead_code, reason = "nobody answers in this build")]
pub(super) enum Answer {
    Unchanged,
    Changed { etag: Option<String>, modified: Option<String> },
}

/// Says that it cannot.
pub(super) fn get(_: &Request<'_>, _: &mut File) -> anyhow::Result<Answer> {
    bail!("this minerwatch was built without the feature `fetch`")
}
