//! Writes an initramfs archive in cpio's "new ASCII" format.
//!
//! Kernel: Documentation/driver-api/early-userspace/buffer-format.rst. This writer needs no root for the device node
//! and no other program, and the same files give the same bytes.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};

const DIRECTORY: u32 = 0o040_755;
const REGULAR: u32 = 0o100_000;
const CHARACTER_DEVICE: u32 = 0o020_600;

/// An archive under construction.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    directories: BTreeSet<String>,
    entries: u32,
}

impl Archive {
    /// Adds a file with these permission bits, and its parent directories.
    pub fn file(&mut self, path: &str, permissions: u32, content: &[u8]) -> Result<()> {
        self.directories_above(path)?;
        self.entry(path, REGULAR | permissions, content, (0, 0))
    }

    /// Adds a character device, and its parent directories.
    pub fn device(&mut self, path: &str, major: u32, minor: u32) -> Result<()> {
        self.directories_above(path)?;
        self.entry(path, CHARACTER_DEVICE, &[], (major, minor))
    }

    /// Adds the trailer and returns the archive.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        self.entry("TRAILER!!!", 0, &[], (0, 0))?;
        Ok(self.bytes)
    }

    fn directories_above(&mut self, path: &str) -> Result<()> {
        let ancestors: Vec<_> = Path::new(path).ancestors().skip(1).collect();
        for directory in ancestors.into_iter().rev().filter_map(Path::to_str) {
            let is_root = directory.trim_start_matches('/').is_empty();
            if !is_root && self.directories.insert(directory.to_owned()) {
                self.entry(directory, DIRECTORY, &[], (0, 0))?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8], device: (u32, u32)) -> Result<()> {
        let name = path.trim_start_matches('/');
        let size =
            u32::try_from(content.len()).with_context(|| format!("{path} is too large for an archive"))?;
        let name_size =
            u32::try_from(name.len() + 1).with_context(|| format!("{path} is too long a name"))?;
        self.entries += 1;
        // Inode, mode, owner, group, links, time, size, device of the file system (major, minor), device number (major,
        // minor), length of the name, checksum.
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, device.0, device.1, name_size, 0];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
        Ok(())
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the name, mode and content of each entry back, by the rules of the format.
    fn read(archive: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut entries = Vec::new();
        let mut at = 0;
        while at < archive.len() {
            assert_eq!(&archive[at..at + 6], b"070701", "magic at {at}");
            let field = |index: usize| {
                let digits = &archive[at + 6 + 8 * index..at + 14 + 8 * index];
                usize::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()
            };
            let (mode, size, name_size) = (field(1), field(6), field(11));
            let name = &archive[at + 110..at + 110 + name_size];
            assert_eq!(name.last(), Some(&0));
            let content = (at + 110 + name_size).next_multiple_of(4);
            entries.push((
                String::from_utf8(name[..name_size - 1].to_vec()).unwrap(),
                u32::try_from(mode).unwrap(),
                archive[content..content + size].to_vec(),
            ));
            at = (content + size).next_multiple_of(4);
        }
        entries
    }

    #[test]
    fn files_can_be_read_back_with_their_directories() {
        let mut archive = Archive::default();
        archive.file("/init", 0o755, b"#!").unwrap();
        archive.file("/usr/bin/tool", 0o755, b"12345").unwrap();
        archive.file("/usr/lib/x.so", 0o644, b"").unwrap();
        archive.device("/dev/console", 5, 1).unwrap();
        let entries = read(&archive.finish().unwrap());
        let expected: [(&str, u32, &[u8]); 9] = [
            ("init", 0o100_755, b"#!"),
            ("usr", 0o040_755, b""),
            ("usr/bin", 0o040_755, b""),
            ("usr/bin/tool", 0o100_755, b"12345"),
            ("usr/lib", 0o040_755, b""),
            ("usr/lib/x.so", 0o100_644, b""),
            ("dev", 0o040_755, b""),
            ("dev/console", 0o020_600, b""),
            ("TRAILER!!!", 0, b""),
        ];
        let entries: Vec<_> =
            entries.iter().map(|(name, mode, content)| (&**name, *mode, &**content)).collect();
        assert_eq!(entries, expected);
    }
}
