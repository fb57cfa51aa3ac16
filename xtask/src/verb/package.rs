//! `cargo xtask package`.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use xtask::workspace;

use super::{arm64, build};
use crate::command;

/// Files and directories that are packed in addition to the executable, relative to the workspace root.
const FILES: [&str; 5] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "deploy", "docs"];

/// Pack a release: executable, licences, README, documentation and deployment files
///
/// Writes target/package/minerwatch-VERSION-ARCH.tar.gz, and next to it a file with its SHA-256 checksum. The same
/// files, commit and executable give the same archive.
#[derive(Args)]
pub struct Arguments {
    /// Cross compile for arm64, with a static executable
    #[arg(long)]
    arm64: bool,
}

impl Arguments {
    /// Runs the verb.
    pub fn run(self) -> Result<()> {
        let target_dir = command::target_dir();
        if self.arm64 {
            build::release_for_arm64()?;
            return pack("aarch64", &arm64::built(&target_dir));
        }
        build::release()?;
        pack(env::consts::ARCH, &target_dir.join("release"))
    }
}

/// Packs the executable in `built` with the other files, and writes the checksum of the archive.
fn pack(architecture: &str, built: &Path) -> Result<()> {
    let root = workspace::root();
    if let Some(missing) = FILES.iter().find(|file| !root.join(file).exists()) {
        bail!("{missing} belongs into the package and is not in the tree");
    }
    let package = command::target_dir().join("package");
    let name = format!("minerwatch-{}-{architecture}", env!("CARGO_PKG_VERSION"));
    let tree = package.join(&name);
    if tree.exists() {
        fs::remove_dir_all(&tree).with_context(|| format!("cannot remove {}", tree.display()))?;
    }
    fs::create_dir_all(&tree).with_context(|| format!("cannot make {}", tree.display()))?;
    for file in FILES {
        copy(&root.join(file), &tree)?;
    }
    copy(&built.join("minerwatch"), &tree)?;

    let archive = format!("{name}.tar.gz");
    let mut tar = Command::new("tar");
    tar.current_dir(&package)
        .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", &modified()])
        .args(["-czf", &archive, &name]);
    command::check(&mut tar)?;
    let sum = Command::new("sha256sum")
        .current_dir(&package)
        .arg(&archive)
        .output()
        .context("cannot start sha256sum")?;
    if !sum.status.success() {
        bail!("sha256sum failed: {}", String::from_utf8_lossy(&sum.stderr).trim_end());
    }
    fs::write(package.join(format!("{archive}.sha256")), &sum.stdout).context("cannot write the checksum")?;
    println!("{}", package.join(&archive).display());
    print!("{}", String::from_utf8_lossy(&sum.stdout));
    Ok(())
}

fn copy(from: &Path, into: &Path) -> Result<()> {
    command::check(Command::new("cp").arg("-R").arg(from).arg(into))
}

/// Returns tar's option for the modification time of every file. It is the time of the commit (0 without one), so that
/// the archive does not depend on the clock.
fn modified() -> String {
    let commit =
        Command::new("git").current_dir(workspace::root()).args(["log", "-1", "--format=%ct"]).output();
    let seconds =
        commit.ok().and_then(|output| String::from_utf8(output.stdout).ok()?.trim().parse::<u64>().ok());
    format!("--mtime=@{}", seconds.unwrap_or(0))
}
