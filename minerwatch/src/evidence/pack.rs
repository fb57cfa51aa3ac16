//! Packs a collection into a tar archive.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use flate2::{Compression, write::GzEncoder};

/// Writes a new archive of a directory. It is compressed if the name ends in `gz`. The archive must not exist yet.
pub fn pack(directory: &Path, archive: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(archive)?;
    let is_compressed = archive.extension().is_some_and(|end| end == "gz" || end == "tgz");
    let outcome = if is_compressed {
        append(directory, GzEncoder::new(file, Compression::fast())).and_then(GzEncoder::finish)
    } else {
        append(directory, file)
    };
    let outcome = outcome.and_then(|file: File| file.sync_all());
    if outcome.is_err() {
        // A part of an archive is no evidence.
        let _ = std::fs::remove_file(archive);
    }
    outcome
}

fn append<W: Write>(directory: &Path, to: W) -> io::Result<W> {
    let mut archive = tar::Builder::new(to);
    archive.follow_symlinks(false);
    let name = directory.file_name().map_or_else(|| Path::new("evidence"), Path::new);
    archive.append_dir_all(name, directory)?;
    archive.into_inner()
}
