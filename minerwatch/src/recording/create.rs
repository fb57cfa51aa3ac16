//! Creates the file of a recording.

use std::{
    fs::File,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Why the file could not be created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The path already exists, possibly as a dangling symbolic link.
    #[error(
        "{} exists already, and a recording overwrites nothing: name another file, or remove this one",
        .0.display()
    )]
    Exists(PathBuf),
    /// Another error of the system.
    #[error("cannot create {}: {error}", path.display())]
    Io {
        /// Path of the file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
}

/// Creates a new file that only its owner can read and write. An existing file is not overwritten, and a symbolic link
/// at the end of the path is not followed, because root may record into a world-writable directory.
pub fn create(path: &Path) -> Result<File, CreateError> {
    // `create_new` opens with O_CREAT | O_EXCL, which fails on every symbolic link.
    let opened = File::options().write(true).create_new(true).mode(0o600).open(path);
    opened.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => CreateError::Exists(path.to_owned()),
        _ => CreateError::Io { path: path.to_owned(), error },
    })
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt as _, symlink},
    };

    use super::*;

    #[test]
    fn a_new_file_is_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("host.jsonl");
        create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_existing_file_is_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("host.jsonl");
        fs::write(&path, "old").unwrap();
        let error = create(&path).unwrap_err();
        assert!(matches!(error, CreateError::Exists(_)), "{error}");
        assert!(error.to_string().contains("host.jsonl exists already"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }

    #[test]
    fn a_link_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (victim, missing) = (directory.path().join("victim"), directory.path().join("missing"));
        fs::write(&victim, "old").unwrap();
        for target in [&victim, &missing] {
            let link = directory.path().join("link");
            symlink(target, &link).unwrap();
            assert!(matches!(create(&link), Err(CreateError::Exists(_))));
            fs::remove_file(&link).unwrap();
        }
        assert_eq!(fs::read_to_string(&victim).unwrap(), "old");
        assert!(!missing.exists());
    }

    #[test]
    fn other_errors_name_the_file() {
        let error = create(Path::new("/nonexistent/host.jsonl")).unwrap_err();
        assert!(error.to_string().starts_with("cannot create /nonexistent/host.jsonl: "), "{error}");
    }
}
