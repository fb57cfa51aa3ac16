//! The directories that have written files below them. A look-up is much cheaper than a search through all files.

use std::hash::BuildHasher as _;

use rustc_hash::{FxBuildHasher, FxHashMap};

/// Maximum number of directories of one file, from the root on. Deeper ones are not known.
const LEVELS: usize = 32;

/// The number of files below each directory, by the hash of the directory.
#[derive(Debug, Default)]
pub(super) struct Directories(FxHashMap<u64, u32>);

impl Directories {
    /// Adds a file to every directory above it.
    pub fn add(&mut self, file: &str) {
        for directory in above(file) {
            *self.0.entry(directory).or_default() += 1;
        }
    }

    /// Removes a file that was added.
    pub fn remove(&mut self, file: &str) {
        for directory in above(file) {
            if let Some(files) = self.0.get_mut(&directory) {
                *files -= 1;
                if *files == 0 {
                    self.0.remove(&directory);
                }
            }
        }
    }

    /// Whether files lie below a directory.
    pub fn contains(&self, directory: &str) -> bool {
        self.0.contains_key(&hash(directory))
    }
}

/// Returns the hashes of the directories above a file.
fn above(file: &str) -> impl Iterator<Item = u64> {
    let ends = file.match_indices('/').map(|(end, _)| end).skip(1).take(LEVELS);
    ends.map(|end| hash(file.get(..end).unwrap_or_default()))
}

fn hash(directory: &str) -> u64 {
    FxBuildHasher.hash_one(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_known_while_files_lie_below_it() {
        let mut directories = Directories::default();
        directories.add("/tmp/a/b/x");
        directories.add("/tmp/a/y");
        for directory in ["/tmp", "/tmp/a", "/tmp/a/b"] {
            assert!(directories.contains(directory), "{directory}");
        }
        assert!(!directories.contains("/tmp/a/b/x"), "it is a file");
        directories.remove("/tmp/a/b/x");
        assert!(directories.contains("/tmp/a"));
        assert!(!directories.contains("/tmp/a/b"));
        directories.remove("/tmp/a/y");
        assert!(directories.0.is_empty());
    }
}
