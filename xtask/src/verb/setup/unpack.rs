//! Unpacks Debian packages below the target directory. Some machines need this because installing one package would
//! remove another. For example, an emulator and the disk tools may come from different releases.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;

/// The library directories of unpacked packages.
const LIBRARIES: [&str; 3] = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib"];
/// The directories of programs, and of rsyslog's modules.
const PROGRAMS: [&str; 3] = ["usr/bin", "usr/sbin", "usr/lib/x86_64-linux-gnu/rsyslog"];
/// The firmware directories of an unpacked emulator.
const FIRMWARE: [&str; 3] = ["usr/share/qemu", "usr/share/seabios", "usr/lib/ipxe/qemu"];

/// Downloads packages and their missing dependencies, and unpacks them. Needs no root.
pub fn perform(packages: &[String]) -> Result<()> {
    let mut simulation = Command::new("apt-get");
    simulation
        .args(["install", "--simulate", "--yes", "--no-install-recommends"])
        .args(packages)
        .env("LC_ALL", "C");
    let output = simulation.output().context("cannot start apt-get")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let wanted = to_install(&text);
    if !output.status.success() || wanted.is_empty() {
        bail!("apt-get does not know how to install {}", packages.join(" "));
    }
    let fetched = directory("packages")?;
    command::check(
        Command::new("apt-get").args(["--quiet=2", "download"]).args(wanted).current_dir(&fetched),
    )?;
    let root = directory("root")?;
    for entry in fs::read_dir(&fetched).with_context(|| format!("cannot read {}", fetched.display()))? {
        let package = entry.context("cannot read a directory")?.path();
        command::check(Command::new("dpkg-deb").arg("--extract").arg(package).arg(&root))?;
    }
    let _ = fs::remove_dir_all(fetched);
    Ok(())
}

/// Returns the path of a program or of a module of rsyslog: the installed one, or else an unpacked one. Returns `None`
/// if there is neither.
pub fn program(name: &str) -> Option<PathBuf> {
    let roots = [PathBuf::from("/"), tools().join("root")];
    let files = roots.iter().flat_map(|root| {
        let fixed = PROGRAMS.map(|directory| root.join(directory));
        fixed.into_iter().chain(postgresql(root)).map(|directory| directory.join(name))
    });
    command::find(name).or_else(|| files.into_iter().find(|path| path.is_file()))
}

/// Returns the directories of PostgreSQL's programs below `root`, the newest version first.
fn postgresql(root: &Path) -> Vec<PathBuf> {
    let versions = fs::read_dir(root.join("usr/lib/postgresql")).into_iter().flatten().flatten();
    let mut directories: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    directories.sort();
    directories.reverse();
    directories
}

/// Returns the value of `LD_LIBRARY_PATH` for unpacked programs; `None` if nothing has been unpacked.
pub fn libraries() -> Option<OsString> {
    let root = tools().join("root");
    root.is_dir().then(|| joined(&root)).flatten()
}

/// Returns a command for an emulator: the installed one, or else an unpacked one with its libraries and firmware.
/// Returns `None` if there is neither.
pub fn emulator(name: &str) -> Option<Command> {
    if let Some(installed) = command::find(name) {
        return Some(Command::new(installed));
    }
    let root = tools().join("root");
    let program = root.join("usr/bin").join(name);
    if !program.is_file() {
        return None;
    }
    let mut command = Command::new(program);
    command.env("LD_LIBRARY_PATH", joined(&root)?);
    for directory in FIRMWARE {
        command.arg("-L").arg(root.join(directory));
    }
    Some(command)
}

fn joined(root: &Path) -> Option<OsString> {
    env::join_paths(LIBRARIES.map(|directory| root.join(directory))).ok()
}

fn tools() -> PathBuf {
    command::target_dir().join("tools")
}

fn directory(name: &str) -> Result<PathBuf> {
    let directory = tools().join(name);
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    Ok(directory)
}

/// Reads the names of the packages to install from apt-get's simulation. Each has a line `Inst NAME (VERSION …)`.
fn to_install(simulation: &str) -> Vec<&str> {
    simulation.lines().filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_from_the_simulation() {
        let simulation = "Remv qemu-utils [1:10.0]\nInst libfdt1 (1.6.1 Debian:12 [amd64])\n\
            Inst qemu-system-x86 (1:7.2 Debian:12 [amd64])\nConf libfdt1 (1.6.1 Debian:12 [amd64])\n";
        assert_eq!(to_install(simulation), ["libfdt1", "qemu-system-x86"]);
        assert!(to_install("").is_empty());
    }
}
