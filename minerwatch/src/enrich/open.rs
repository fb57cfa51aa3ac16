//! Opens files that processes choose, without waiting for them and without leaving a root directory.

use std::{fs::File, io, path::Path};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

/// Opens a regular file below a root directory. A link in the path cannot lead out of that directory.
///
/// # Errors
///
/// The file cannot be opened, or it is no regular file.
pub(crate) fn open_below(root: &Path, path: &str) -> io::Result<File> {
    let directory = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let top = openat2(CWD, root, directory, Mode::empty(), ResolveFlags::empty())?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = File::from(openat2(&top, path.trim_start_matches('/'), flags, Mode::empty(), resolve)?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file")) }
}
