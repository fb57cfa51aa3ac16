//! Packs the `.tar.gz`, for distributions that use neither `.deb` nor `.rpm`. It contains the executable, the script
//! that installs it, the manual pages, the completion scripts, the documentation and the bill of materials.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use xtask::workspace;

use super::{documents, sbom};
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

/// tar's option for permissions, so that the archive does not depend on the umask of the user who made the files.
const MODE: &str = "--mode=u=rwX,go=rX";

/// Makes the archive in `directory`, and returns its name. The manual pages, the completion scripts and the bill of
/// materials come from `stage`. The same files, commit and executable give the same archive.
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
    copy(&stage.join(sbom::FILE), &tree)?;
    let completions = tree.join("completions");
    fs::create_dir(&completions).with_context(|| format!("cannot make {}", completions.display()))?;
    for (_, file) in documents::COMPLETIONS {
        copy(&stage.join(file), &completions)?;
    }
    let archive = format!("{name}.tar.gz");
    let mut tar = Command::new("tar");
    tar.current_dir(directory)
        .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", MODE, &modified()])
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::{Duration, SystemTime};

    use super::*;

    /// Makes an archive of the files of this tree and of files that `mode` applies to. Returns its bytes.
    fn archive(base: &Path, mode: u32, modified: SystemTime) -> Vec<u8> {
        let stage = base.join("stage");
        fs::create_dir_all(stage.join(documents::PAGES)).unwrap();
        let page = format!("{}/minerwatch.1", documents::PAGES);
        let completions = documents::COMPLETIONS.map(|(_, file)| file);
        for file in completions.into_iter().chain([page.as_str(), sbom::FILE, "minerwatch"]) {
            let path = stage.join(file);
            fs::write(&path, format!("contents of {file}")).unwrap();
            let executable = if file == "minerwatch" { 0o111 } else { 0 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode | executable)).unwrap();
            fs::File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
        }
        let name = pack("x86_64", &stage.join("minerwatch"), &stage, base).unwrap();
        fs::read(base.join(name)).unwrap()
    }

    #[test]
    fn the_same_files_give_the_same_archive() {
        let base = std::env::temp_dir().join(format!("xtask-archive-{}", std::process::id()));
        let now = SystemTime::now();
        let first = archive(&base.join("first"), 0o644, now);
        let second = archive(&base.join("second"), 0o660, now - Duration::from_secs(86_400));
        assert!(first == second, "neither the time nor the permissions of a file are in the archive");
        let list = command::output(
            Command::new("tar")
                .current_dir(base.join("first"))
                .args(["-tvzf"])
                .arg(format!("minerwatch-{}-x86_64.tar.gz", env!("CARGO_PKG_VERSION"))),
        );
        fs::remove_dir_all(&base).unwrap();
        let list = list.unwrap();
        let mode =
            |file: &str| list.lines().find(|line| line.ends_with(file)).and_then(|line| line.get(..10));
        assert_eq!(mode("-x86_64/minerwatch"), Some("-rwxr-xr-x"));
        assert_eq!(mode("/minerwatch.cdx.json"), Some("-rw-r--r--"));
        assert_eq!(mode("-x86_64/install.sh"), Some("-rwxr-xr-x"));
    }
}
