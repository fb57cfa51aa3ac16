//! Writes files in the state directory. Only the daemon's user can read them, and each file is replaced atomically.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// Creates a directory and its missing parents with mode 0700. An existing directory stays as it is.
pub fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Checks that files in a directory can be written: permissions, a file system that is not read-only, and space.
pub fn check_writable(directory: &Path) -> io::Result<()> {
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK)?;
    let disk = rustix::fs::statvfs(directory)?;
    // Some file systems without a limit have a size of 0.
    if disk.f_blocks > 0 && disk.f_bavail == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

/// A file of the state directory and its new content.
#[derive(Debug)]
pub struct StateFile {
    /// The path of the file.
    pub path: PathBuf,
    /// The content.
    pub bytes: Vec<u8>,
}

impl StateFile {
    /// Replaces the file atomically, and creates its directory if it is missing.
    pub fn write(&self) -> io::Result<()> {
        if let Some(directory) = self.path.parent() {
            create_directory(directory)?;
        }
        replace(&self.path, &self.bytes)
    }
}

/// Replaces a file atomically, with mode 0600. After an error the earlier file stays. The content is not synced to the
/// disk, so a crash of the machine may lose it.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = Path::new(&new);
    // A crash may have left a file of that name with any mode. A symbolic link of that name must not be followed.
    match fs::remove_file(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?.write_all(content)?;
    fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_directory_that_is_gone_or_read_only_is_not_writable() {
        let directory = tempfile::tempdir().unwrap();
        check_writable(directory.path()).unwrap();
        let error = check_writable(&directory.path().join("gone")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        // Not even root can write here.
        check_writable(Path::new("/proc/self")).unwrap_err();
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn nobody_else_can_read_what_is_written() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("lib/state");
        create_directory(&directory).unwrap();
        create_directory(&directory).unwrap();
        assert_eq!((mode(&directory), mode(&scratch.path().join("lib"))), (0o700, 0o700));

        let path = directory.join("file.json");
        let new = directory.join("file.json.new");
        let victim = scratch.path().join("victim");
        fs::write(&victim, "untouched").unwrap();
        // Files that an earlier version or a crash may have left.
        fs::write(&path, "earlier").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        symlink(&victim, &new).unwrap();
        replace(&path, b"content").unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"content".to_vec(), 0o600));
        assert_eq!(fs::read(&victim).unwrap(), b"untouched");
        assert!(!new.exists());

        fs::write(&new, "half").unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o666)).unwrap();
        replace(&path, b"again").unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"again".to_vec(), 0o600));
    }

    #[test]
    fn a_failure_leaves_the_earlier_file() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("file");
        replace(&path, b"earlier").unwrap();
        fs::create_dir(scratch.path().join("file.new")).unwrap();
        assert!(replace(&path, b"later").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"earlier");
    }
}
