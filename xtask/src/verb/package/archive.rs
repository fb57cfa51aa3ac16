//! Packs the `.tar.gz`, for distributions that use neither `.deb` nor `.rpm`. It contains the executable, the script
//! that installs it, the manual pages, the completion scripts and the documentation.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use xtask::workspace;

use super::documents;
use crate::command;

/// Files and directories that are packed in addition to the executable, relative to the workspace root.
const FILES: [&str; 7] = [
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "CHANGELOG.md",
    "deploy",
    "docs",
    "deploy/package/install.sh",
];

/// Makes the archive in `directory`, and returns its name. The manual pages and the completion scripts come from `stage`.
/// The same files, commit and executable give the same archive.
pub fn pack(architecture: &str, executable: &Path, stage: &Path, directory: &Path) -> Result<String> {
    let root = workspace::root();
    if let Some(missing) = FILES.iter().find(|file| !root.join(file).exists()) {
        bail!("{missing} belongs into the package and is not in the tree");
    }
    let name = format!("minerwatch-{}-{architecture}", env!("CARGO_PKG_VERSION"));
    let tree = directory.join(&name);
    if tree.exists() {
        fs::remove_dir_all(&tree).with_context(|| format!("cannot remove {}", tree.display()))?;
    }
    fs::create_dir_all(&tree).with_context(|| format!("cannot make {}", tree.display()))?;
    for file in FILES {
        copy(&root.join(file), &tree)?;
    }
    copy(executable, &tree)?;
    copy(&stage.join(documents::PAGES), &tree)?;
    let completions = tree.join("completions");
    fs::create_dir(&completions).with_context(|| format!("cannot make {}", completions.display()))?;
    for (_, file) in documents::COMPLETIONS {
        copy(&stage.join(file), &completions)?;
    }
    let archive = format!("{name}.tar.gz");
    let mut tar = Command::new("tar");
    tar.current_dir(directory)
        .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", &modified()])
        .args(["--use-compress-program=gzip -n", "-cf", &archive, &name]);
    command::check(&mut tar)?;
    fs::remove_dir_all(&tree).with_context(|| format!("cannot remove {}", tree.display()))?;
    Ok(archive)
}

fn copy(from: &Path, into: &Path) -> Result<()> {
    command::check(Command::new("cp").arg("-R").arg(from).arg(into))
}

/// Returns tar's option for the modification time of every file. It is the time of the commit (0 without one), so that
/// the archive does not depend on the clock.
fn modified() -> String {
    format!("--mtime=@{}", commit_time())
}

/// Returns the time of the commit in seconds since 1970, 0 if there is none.
pub fn commit_time() -> u64 {
    let commit =
        Command::new("git").current_dir(workspace::root()).args(["log", "-1", "--format=%ct"]).output();
    let seconds = commit.ok().and_then(|output| String::from_utf8(output.stdout).ok()?.trim().parse().ok());
    seconds.unwrap_or(0)
}
