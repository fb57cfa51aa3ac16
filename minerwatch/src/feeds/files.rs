//! The files that hold the lists, and whether they changed.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::{config::Intel, intel::ListKind};

/// The most files of one directory; one that holds more is not one of lists.
const MAX_FILES: usize = 1_024;
/// How the names of files end that somebody is still writing or has put aside.
const UNFINISHED: [&str; 5] = ["~", ".tmp", ".part", ".swp", ".new"];

/// What is configured, with the directories taken apart.
#[derive(Debug)]
pub struct ListFile {
    /// The file; of a directory that cannot be read the directory.
    pub path: PathBuf,
    /// What being on it means.
    pub kind: ListKind,
    /// Why the directory cannot be read.
    pub error: Option<io::Error>,
}

/// Every file of the lists, those that are allowed first, the files of a directory by name.
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

/// The files of a directory that are lists, by name.
pub(super) fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        // Links are followed: Kubernetes puts them into its ConfigMaps.
        if is_finished(&path) && fs::metadata(&path).is_ok_and(|about| about.is_file()) {
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

/// What changes when a file does; the status change cannot be set back by whoever wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<Metadata> for Stamp {
    fn from(about: Metadata) -> Self {
        Self {
            device: about.dev(),
            inode: about.ino(),
            size: about.size(),
            modified: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        }
    }
}

/// All files with their stamps; `None` for one that is not there.
pub type Mtimes = Vec<(PathBuf, Option<Stamp>)>;

/// How the files of the lists are now.
pub fn stamps(config: &Intel) -> Mtimes {
    stamps_of(list_files(config).into_iter().map(|file| file.path))
}

/// How these files are now.
pub fn stamps_of(paths: impl IntoIterator<Item = PathBuf>) -> Mtimes {
    let stamp = |path: PathBuf| {
        let stamp = fs::metadata(&path).ok().map(Stamp::from);
        (path, stamp)
    };
    paths.into_iter().map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_its_finished_files() {
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
        let mut earlier = stamps(&config);
        let mut changed = |what: &str| {
            let now = stamps(&config);
            assert_ne!(now, earlier, "{what}");
            assert_eq!(now, stamps(&config), "nothing happened since");
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
        changed("none any more");
    }
}
