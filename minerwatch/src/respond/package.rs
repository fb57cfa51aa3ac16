//! Finds the package that owns a file, in the databases of dpkg, apk and pacman, and by asking rpm.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Directories that are links on systems with a merged `/usr`. Their databases may have either path.
const MERGED: [&str; 5] = ["/bin/", "/sbin/", "/lib/", "/lib64/", "/lib32/"];

/// Returns the package that owns the file at an absolute path below `root`.
pub fn owner(root: &Path, path: &Path) -> Option<String> {
    let names = names(path)?;
    dpkg(root, &names)
        .or_else(|| apk(root, &names))
        .or_else(|| pacman(root, &names))
        .or_else(|| rpm(root, path))
}

/// Returns the paths under which a database may have the file.
fn names(path: &Path) -> Option<Vec<String>> {
    let path = path.to_str()?;
    let mut names = vec![path.to_owned()];
    if let Some(short) =
        path.strip_prefix("/usr").filter(|short| MERGED.iter().any(|at| short.starts_with(at)))
    {
        names.push(short.to_owned());
    } else if MERGED.iter().any(|at| path.starts_with(at)) {
        names.push(format!("/usr{path}"));
    }
    Some(names)
}

fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn has_line(file: &Path, mut is_it: impl FnMut(&str) -> bool) -> bool {
    let Ok(file) = File::open(file) else { return false };
    BufReader::new(file).lines().map_while(Result::ok).any(|line| is_it(&line))
}

/// `/var/lib/dpkg/info/PACKAGE.list` has a path on each line (dpkg-query(1)).
fn dpkg(root: &Path, names: &[String]) -> Option<String> {
    let mut lists =
        entries(&root.join("var/lib/dpkg/info")).filter(|path| path.extension() == Some("list".as_ref()));
    let list = lists.find(|list| has_line(list, |line| names.iter().any(|name| name == line)))?;
    Some(list.file_stem()?.to_string_lossy().into_owned())
}

/// `/lib/apk/db/installed` has `P:package`, `F:directory` and `R:file` lines (apk-package(5)).
fn apk(root: &Path, names: &[String]) -> Option<String> {
    let (mut package, mut directory) = (String::new(), String::new());
    let found = has_line(&root.join("lib/apk/db/installed"), |line| {
        match line.split_at_checked(2) {
            Some(("P:", name)) => name.clone_into(&mut package),
            Some(("F:", name)) => name.clone_into(&mut directory),
            Some(("R:", name)) => {
                return names
                    .iter()
                    .any(|wanted| wanted.strip_prefix('/') == Some(&format!("{directory}/{name}")));
            }
            _ => {}
        }
        false
    });
    found.then_some(package)
}

/// `/var/lib/pacman/local/PACKAGE/files` has a relative path on each line.
fn pacman(root: &Path, names: &[String]) -> Option<String> {
    let package = entries(&root.join("var/lib/pacman/local")).find(|package| {
        has_line(&package.join("files"), |line| names.iter().any(|name| name.strip_prefix('/') == Some(line)))
    })?;
    Some(package.file_name()?.to_string_lossy().into_owned())
}

/// The database of rpm is binary, so rpm itself is asked, that of this host.
fn rpm(root: &Path, path: &Path) -> Option<String> {
    let has_database = ["var/lib/rpm", "usr/lib/sysimage/rpm"].iter().any(|at| root.join(at).is_dir());
    let program = Path::new("/usr/bin/rpm");
    if !has_database || !program.exists() {
        return None;
    }
    let mut command = Command::new(program);
    command.arg("--root").arg(root).args(["-qf", "--"]).arg(path);
    let output = command.env_clear().stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_found_in_each_database() {
        let scratch = tempfile::tempdir().expect("a directory");
        let write = |path: &str, text: &str| {
            let path = scratch.path().join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
            fs::write(path, text).expect("a file");
        };
        write("var/lib/dpkg/info/coreutils.list", "/.\n/bin\n/bin/sleep\n/usr/bin/env\n");
        write("lib/apk/db/installed", "P:busybox\nF:bin\nR:busybox\n\nP:xz\nF:usr/bin\nR:xz\n");
        write("var/lib/pacman/local/zip-3.0-1/files", "%FILES%\nusr/\nusr/bin/zip\n");
        let of = |path: &str| owner(scratch.path(), Path::new(path));
        assert_eq!(of("/bin/sleep").as_deref(), Some("coreutils"));
        assert_eq!(of("/usr/bin/sleep").as_deref(), Some("coreutils"), "a merged /usr");
        assert_eq!(of("/bin/env").as_deref(), Some("coreutils"), "a merged /usr");
        assert_eq!(of("/bin/busybox").as_deref(), Some("busybox"));
        assert_eq!(of("/usr/bin/xz").as_deref(), Some("xz"));
        assert_eq!(of("/usr/bin/zip").as_deref(), Some("zip-3.0-1"));
        assert_eq!(of("/tmp/bin/sleep"), None);
        assert_eq!(of("/usr/bin/xmrig"), None);
    }
}
