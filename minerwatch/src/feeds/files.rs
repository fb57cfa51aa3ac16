//! Finds the list files, and detects changes.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::{config::Intel, intel::ListKind};

/// Maximum number of list files in one directory. A directory with more files is probably not meant for lists.
const MAX_FILES: usize = 1_024;
/// File name suffixes of unfinished files and of backups.
const UNFINISHED: [&str; 5] = ["~", ".tmp", ".part", ".swp", ".new"];

/// A list file.
#[derive(Debug)]
pub struct ListFile {
    /// Path of the file, or of the directory if the directory cannot be read.
    pub path: PathBuf,
    /// The kind of list.
    pub kind: ListKind,
    /// The error if the directory cannot be read.
    pub error: Option<io::Error>,
}

/// Returns all list files: allow lists first, and the files of a directory sorted by name.
pub fn list_files(config: &Intel) -> Vec<ListFile> {
    let kinds = [
        (&config.allow, ListKind::Allow),
        (&config.pools, ListKind::Mining),
        (&config.threats, ListKind::Threat),
    ];
    let mut files = Vec::new();
    for (paths, kind) in kinds {
        for path in paths {
            add(path, kind, &mut files);
        }
    }
    files
}

fn add(path: &Path, kind: ListKind, files: &mut Vec<ListFile>) {
    if !path.is_dir() {
        files.push(ListFile { path: path.to_owned(), kind, error: None });
        return;
    }
    match entries(path) {
        Ok(paths) => files.extend(paths.into_iter().map(|path| ListFile { path, kind, error: None })),
        Err(error) => files.push(ListFile { path: path.to_owned(), kind, error: Some(error) }),
    }
}

/// Returns the finished files of a directory, sorted by name.
pub(super) fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        // Symbolic links are followed, because Kubernetes uses them in ConfigMaps.
        if is_finished(&path) && fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
            paths.push(path);
        }
        if paths.len() > MAX_FILES {
            return Err(io::Error::other(format!("more than {MAX_FILES} files")));
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_finished(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.') && !UNFINISHED.iter().any(|end| name.ends_with(end))
}

/// Metadata that changes when a file changes. The writer of a file can set its modification time back, but not the time
/// of its last status change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mtime {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<Metadata> for Mtime {
    fn from(metadata: Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Files with their metadata. `None` if the metadata cannot be read, for example because the file does not exist.
pub type Mtimes = Vec<(PathBuf, Option<Mtime>)>;

/// Returns the metadata of all list files.
pub fn mtimes(config: &Intel) -> Mtimes {
    mtimes_of(list_files(config).into_iter().map(|file| file.path))
}

/// Returns the metadata of these files.
pub fn mtimes_of(paths: impl IntoIterator<Item = PathBuf>) -> Mtimes {
    let with_mtime = |path: PathBuf| {
        let mtime = fs::metadata(&path).ok().map(Mtime::from);
        (path, mtime)
    };
    paths.into_iter().map(with_mtime).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_stands_for_its_finished_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["b.txt", "a.json", ".hidden", "c.txt~", "d.tmp", "e.csv.part"] {
            fs::write(path(name), "").unwrap();
        }
        fs::create_dir(path("sub")).unwrap();
        std::os::unix::fs::symlink(path("a.json"), path("link.json")).unwrap();
        std::os::unix::fs::symlink(path("nothing"), path("dangling")).unwrap();
        let config = Intel {
            threats: vec![directory.path().to_owned()],
            allow: vec![path("nothing")],
            ..Intel::default()
        };
        let files: Vec<_> = list_files(&config).into_iter().map(|file| (file.path, file.kind)).collect();
        assert_eq!(
            files,
            [
                (path("nothing"), ListKind::Allow),
                (path("a.json"), ListKind::Threat),
                (path("b.txt"), ListKind::Threat),
                (path("link.json"), ListKind::Threat),
            ]
        );
    }

    #[test]
    fn changes_are_seen() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let config = Intel { threats: vec![directory.path().to_owned()], ..Intel::default() };
        let mut earlier = mtimes(&config);
        let mut changed = |what: &str| {
            let now = mtimes(&config);
            assert_ne!(now, earlier, "{what}");
            assert_eq!(now, mtimes(&config), "nothing happened since");
            earlier = now;
        };
        fs::write(path("a"), "one").unwrap();
        changed("a new file");
        fs::write(path("a"), "one, two").unwrap();
        changed("another content");
        fs::write(path(".a"), "two, one").unwrap();
        fs::rename(path(".a"), path("a")).unwrap();
        changed("another file of the same name and size");
        fs::remove_file(path("a")).unwrap();
        changed("the file is gone");
    }
}
