//! Writes the bill of materials (SBOM) of the executable in the JSON of CycloneDX 1.6: every package whose code is in it,
//! and every package that runs while it is compiled, with licence, checksum and dependencies.
//!
//! The document is written with `serde_json`. The last release of the crate cyclonedx-bom is of 2024; it writes version 1.5
//! at most, and needs more than 40 crates. A test checks the document with the schema of CycloneDX.

mod compiler;
mod details;
mod document;
mod graph;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use xtask::toolchain;

use super::archive;
use super::portable::Portable;
use compiler::Compiler;
use details::Details;
use document::Inputs;
use graph::{Graph, Package};

/// Name of the document in `stage` and in the packages.
pub const FILE: &str = "minerwatch.cdx.json";

/// Returns the name of the document beside the packages.
pub fn published(portable: Portable) -> String {
    format!("minerwatch-{}-{}.cdx.json", env!("CARGO_PKG_VERSION"), portable.name())
}

/// Writes the document to `stage`. `executable` is minerwatch, built for `portable`, and the document contains its
/// checksum. The same executable, tree, commit and compiler give the same document.
pub fn make(portable: Portable, executable: &Path, stage: &Path) -> Result<()> {
    let bytes = fs::read(executable).with_context(|| format!("cannot read {}", executable.display()))?;
    let text = Build::of(portable)?.document(&sha256(&bytes)?, archive::commit_time())?;
    fs::write(stage.join(FILE), text).with_context(|| format!("cannot write {FILE}"))
}

/// What cargo and the compiler say about a build.
struct Build {
    target: &'static str,
    compiler: Compiler,
    graph: Graph,
    details: BTreeMap<Package, Details>,
}

impl Build {
    fn of(portable: Portable) -> Result<Self> {
        let target = portable.target();
        let compiler = Compiler::current()?;
        let details = details::all(&[target, &compiler.host, toolchain::TARGET])?;
        Ok(Self { target, graph: Graph::of(target)?, compiler, details })
    }

    /// Returns the document. `executable` is the checksum of the executable (SHA-256, hexadecimal), and `time` the time of
    /// the commit in seconds since 1970.
    fn document(&self, executable: &str, time: u64) -> Result<String> {
        let Self { target, compiler, graph, details } = self;
        Inputs { target, executable, time, compiler, graph, details }.document()
    }
}

/// Returns the SHA-256 checksum in hexadecimal digits, from the program that also writes SHA256SUMS.
fn sha256(bytes: &[u8]) -> Result<String> {
    let mut program = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start sha256sum")?;
    // It writes nothing before it has read everything. Dropping the pipe tells it that nothing follows.
    program
        .stdin
        .take()
        .context("sha256sum has no input")?
        .write_all(bytes)
        .context("cannot write to sha256sum")?;
    let output = program.wait_with_output().context("cannot read from sha256sum")?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.split_whitespace().next() {
        Some(digits) if output.status.success() && digits.len() == 64 => Ok(digits.to_owned()),
        _ => bail!("sha256sum printed no checksum"),
    }
}
