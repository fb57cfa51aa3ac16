//! Fetches packages of other Debian releases with apt. The package lists are private, so the system's configuration
//! does not change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::architecture::Architecture;
use crate::command;

/// The suites that contain the kernels, each with the kind of mirror that serves it.
const SUITES: [(&str, Mirror); 4] = [
    ("bullseye-security", Mirror::Security),
    ("bookworm", Mirror::Main),
    ("bookworm-backports", Mirror::Main),
    ("trixie-backports", Mirror::Main),
];

/// The keyring of Debian's archive. It contains the keys of several releases.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Maximum age of the package lists.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mirror {
    Main,
    Security,
}

/// The package lists of all suites.
pub struct Archive {
    options: Vec<String>,
    architecture: Architecture,
}

impl Archive {
    /// Fetches the package lists of an architecture to `directory`, unless the lists there are fresh.
    pub fn open(directory: &Path, architecture: Architecture) -> Result<Self> {
        let parts = ["state/lists/partial", "cache/archives/partial", "parts"];
        for part in parts.map(|part| directory.join(part)) {
            fs::create_dir_all(&part).with_context(|| format!("cannot make {}", part.display()))?;
        }
        let sources = directory.join("sources.list");
        let text = sources_list(&targets()?, Path::new(KEYRING).is_file())?;
        let changed = fs::read_to_string(&sources).ok().is_none_or(|old| old != text);
        if changed {
            fs::write(&sources, text).with_context(|| format!("cannot write {}", sources.display()))?;
        }
        let archive = Self { options: options(directory, architecture), architecture };
        let stamp = directory.join("updated");
        if changed || !is_fresh(&stamp) {
            eprintln!("vm: refreshing the lists of kernels");
            // If one suite fails, the others still work. A kernel that cannot be found is reported later.
            if command::check(&mut archive.command("apt-get", &["--quiet=2", "update"])).is_ok() {
                fs::write(&stamp, "").with_context(|| format!("cannot write {}", stamp.display()))?;
            } else {
                eprintln!("vm: some lists could not be refreshed; going on with those that are there");
            }
        }
        Ok(archive)
    }

    /// The architecture of the packages.
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// Returns the names of the packages that match a regular expression.
    pub fn search(&self, pattern: &str) -> Result<Vec<String>> {
        let output = command::output(&mut self.command("apt-cache", &["search", "--names-only", pattern]))?;
        Ok(output.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
    }

    /// Downloads a package into a subdirectory of `directory`, and returns the path of its file. apt verifies the
    /// package against the signed lists.
    pub fn download(&self, package: &str, directory: &Path) -> Result<PathBuf> {
        let directory = directory.join(package);
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let mut apt = self.command("apt-get", &["--quiet=2", "download", package]);
        command::check(apt.current_dir(&directory))?;
        fs::read_dir(&directory)
            .with_context(|| format!("cannot read {}", directory.display()))?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .with_context(|| format!("apt-get left no package in {}", directory.display()))
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(&self.options).args(arguments).env("LC_ALL", "C");
        command
    }
}

/// Returns the options that point apt to lists, state and cache below `directory`. apt uses only the keys of the
/// system.
fn options(directory: &Path, architecture: Architecture) -> Vec<String> {
    let path = |name: &str| directory.join(name).display().to_string();
    [
        ("Dir::Etc::SourceList", path("sources.list")),
        ("Dir::Etc::SourceParts", path("parts")),
        ("Dir::State", path("state")),
        ("Dir::State::status", "/dev/null".to_owned()),
        ("Dir::Cache", path("cache")),
        ("Acquire::Languages", "none".to_owned()),
        // The other architectures that the system has enabled are left out.
        ("APT::Architecture", architecture.debian().to_owned()),
        ("APT::Architectures", architecture.debian().to_owned()),
        // apt's own user may have no permission to read below a home directory.
        ("APT::Sandbox::User", "root".to_owned()),
    ]
    .iter()
    .map(|(key, value)| format!("--option={key}={value}"))
    .collect()
}

fn is_fresh(stamp: &Path) -> bool {
    let age = stamp.metadata().and_then(|metadata| metadata.modified()).map(|time| time.elapsed());
    matches!(age, Ok(Ok(age)) if age < FRESH)
}

/// Returns the sources of this system's package lists, one per line. A line has the signed origin and label, then the
/// address.
///
/// The name of a release is not enough, because third-party repositories for Debian use the same names.
fn targets() -> Result<String> {
    command::output(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(ORIGIN)/$(LABEL) $(REPO_URI)",
    ]))
}

/// Returns a private list of sources, on the mirrors that `targets` names.
fn sources_list(targets: &str, keyring: bool) -> Result<String> {
    let mirror = |kind: Mirror| {
        let label = match kind {
            Mirror::Main => "Debian/Debian",
            Mirror::Security => "Debian/Debian-Security",
        };
        targets.lines().filter_map(|line| line.rsplit_once(' ')).find(|(signed, _)| *signed == label)
    };
    let options = if keyring { format!("[signed-by={KEYRING}] ") } else { String::new() };
    let lines: Vec<_> = SUITES
        .iter()
        .filter_map(|(suite, kind)| Some(format!("deb {options}{} {suite} main\n", mirror(*kind)?.1)))
        .collect();
    if lines.is_empty() {
        bail!(
            "the kernels are Debian's, and apt has no list from a mirror of Debian here; if it uses one, run \
             `apt-get update`"
        );
    }
    Ok(lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_are_on_the_systems_own_mirrors() {
        let targets = "Tools/Tools for Debian http://tools.test/debian/\n\
            Debian/Debian-Security http://mirror.test/security/\nDebian/Debian http://mirror.test/debian/\n";
        let list = sources_list(targets, false).unwrap();
        assert!(list.contains("deb http://mirror.test/security/ bullseye-security main\n"), "{list}");
        assert!(list.contains("deb http://mirror.test/debian/ trixie-backports main\n"), "{list}");
        assert_eq!(list.lines().count(), SUITES.len());
        let signed = sources_list(targets, true).unwrap();
        assert!(signed.starts_with("deb [signed-by=/usr/share/keyrings/"), "{signed}");
    }

    #[test]
    fn without_a_debian_mirror_the_error_says_so() {
        let error = sources_list("Ubuntu/Ubuntu http://mirror.test/ubuntu/\n", true).unwrap_err().to_string();
        assert!(error.contains("apt-get update"), "{error}");
        assert!(sources_list("", true).is_err());
    }

    #[test]
    fn a_missing_security_mirror_leaves_the_others() {
        let list = sources_list("Debian/Debian http://mirror.test/debian/\n", false).unwrap();
        assert_eq!(list.lines().count(), SUITES.len() - 1);
    }
}
