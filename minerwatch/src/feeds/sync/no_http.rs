//! Replaces HTTP requests in a build without the feature `fetch`.

use std::fs::File;

use anyhow::bail;

use super::request::{Answer, Request};

/// Returns an error, because this build sends no requests.
pub(super) fn get(_: &Request<'_>, _: &mut File) -> anyhow::Result<Answer> {
    bail!("this minerwatch was built without the feature `fetch`")
}
