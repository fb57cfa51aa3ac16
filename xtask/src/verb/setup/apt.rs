//! Installs Debian packages with apt-get.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::command;

/// Installs packages. Refreshes the package lists only if they lack a package or if the first attempt fails.
pub fn install(packages: &[String]) -> Result<()> {
    let known = packages.iter().all(|package| is_known(package));
    if known && command::check(&mut apt_get(&install_arguments(packages))?).is_ok() {
        return Ok(());
    }
    eprintln!("setup: refreshing the package lists: apt-get update");
    command::check(&mut apt_get(&["update".to_owned()])?)?;
    command::check(&mut apt_get(&install_arguments(packages))?)
}

/// Returns the arguments of apt-get. `--no-remove` forbids the removal of a package: the user must solve a
/// conflict.
fn install_arguments(packages: &[String]) -> Vec<String> {
    let fixed = ["install", "--yes", "--no-install-recommends", "--no-remove"].map(str::to_owned);
    fixed.into_iter().chain(packages.iter().cloned()).collect()
}

/// Whether the package lists have an installable version of the package.
fn is_known(package: &str) -> bool {
    let output = Command::new("apt-cache").args(["policy", package]).env("LC_ALL", "C").output();
    output.is_ok_and(|output| has_candidate(&String::from_utf8_lossy(&output.stdout)))
}

/// Whether the output of `apt-cache policy` has an installable version. The output is empty for an unknown package, and
/// contains `(none)` for a package without such a version.
fn has_candidate(policy: &str) -> bool {
    policy
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Candidate: "))
        .any(|version| version != "(none)")
}

fn apt_get(arguments: &[String]) -> Result<Command> {
    let mut command = command::as_root("env")
        .context("installing packages needs root: run this as root, or install sudo")?;
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet=2", "--option=Dpkg::Use-Pty=0"]);
    // Standard output is for the results of the verb, so apt-get prints to standard error.
    command.args(arguments).stdin(Stdio::inherit()).stdout(std::io::stderr());
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_read_from_the_policy() {
        let known = "llvm-22-dev:\n  Installed: (none)\n  Candidate: 1:22.1.8-1~deb12u1\n  Version table:\n";
        assert!(has_candidate(known));
        assert!(!has_candidate("rustc-web:\n  Installed: (none)\n  Candidate: (none)\n"));
        assert!(!has_candidate(""));
    }

    #[test]
    fn nothing_is_ever_removed() {
        let arguments = install_arguments(&["iproute2".to_owned()]);
        assert!(
            arguments.contains(&"--no-remove".to_owned()) && arguments.ends_with(&["iproute2".to_owned()])
        );
    }
}
