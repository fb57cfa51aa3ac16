//! Files of suspects. A suspect may have prepared the path, so no symbolic link is followed and nothing outside its root
//! directory is reached.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use sha2::{Digest as _, Sha256};

/// Size of a read, in bytes.
const CHUNK: usize = 256 << 10;

/// A place below a root directory: an open directory, and a name in it.
#[derive(Debug)]
pub struct Place {
    /// The directory.
    pub directory: OwnedFd,
    /// The name.
    pub name: PathBuf,
}

/// Opens the directory of an absolute path below `root`.
pub fn place(root: &Path, path: &Path) -> io::Result<Place> {
    let below = path.strip_prefix("/").map_err(|_| io::Error::other("it is no absolute path"))?;
    let name = below.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
    let parent = below.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let top = openat2(CWD, root, flags, Mode::empty(), ResolveFlags::empty())?;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let directory = openat2(&top, parent, flags, Mode::empty(), resolve)?;
    Ok(Place { directory, name: name.into() })
}

impl Place {
    /// Opens the file for reading. Fails if it is no regular file.
    pub fn open(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&self.directory, &self.name, flags, Mode::empty())?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file")) }
    }
}

/// Returns the SHA-256 of what is left to read, in hexadecimal, and writes it to `copy`.
pub fn copy_hashed(mut from: impl Read, mut copy: impl Write) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(hexadecimal(&hash.finalize())),
            Ok(length) => {
                let read = chunk.get(..length).unwrap_or_default();
                hash.update(read);
                copy.write_all(read)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Returns bytes in hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string always succeeds.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns the space that is free for this process on the disk of a directory, in bytes.
pub fn free_space(directory: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(directory)?;
    // Some file systems without a limit have a size of 0.
    Ok(if disk.f_blocks == 0 { u64::MAX } else { disk.f_bavail.saturating_mul(disk.f_frsize) })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn no_link_leads_out_of_the_root() {
        let scratch = tempfile::tempdir().expect("a directory");
        let root = scratch.path().join("root");
        fs::create_dir_all(root.join("opt")).expect("directories");
        fs::write(root.join("opt/miner"), "bytes").expect("a file");
        fs::write(scratch.path().join("secret"), "secret").expect("a file");
        symlink(scratch.path(), root.join("out")).expect("a link");
        symlink(scratch.path().join("secret"), root.join("opt/link")).expect("a link");
        let read = |path: &str| {
            let file = place(&root, Path::new(path)).and_then(|place| place.open());
            file.and_then(|file| copy_hashed(file, io::sink()))
        };
        let hash = hexadecimal(&Sha256::digest("bytes"));
        assert_eq!(read("/opt/miner").expect("it is there"), hash);
        for path in ["/out/secret", "/opt/link", "/opt", "/../secret", "opt/miner", "/", "/opt/none"] {
            assert!(read(path).is_err(), "{path}");
        }
    }
}
