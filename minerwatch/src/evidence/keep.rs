//! Limits the number and the age of the collections that the policy made.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Removes the oldest collections, so that at most `keep` are left and none is older than `age`.
pub fn clean(directory: &Path, keep: usize, age: Duration) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let mut all: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in entries.flatten() {
        // Another collection may remove the same ones.
        let Some(metadata) = unless_gone(entry.metadata())? else { continue };
        if metadata.is_dir() {
            all.push((metadata.modified()?, entry.path()));
        }
    }
    all.sort();
    let too_many = all.len().saturating_sub(keep);
    let now = SystemTime::now();
    for (index, (modified, path)) in all.iter().enumerate() {
        let is_old = now.duration_since(*modified).is_ok_and(|since| since > age);
        if index < too_many || is_old {
            unless_gone(fs::remove_dir_all(path))?;
        }
    }
    Ok(())
}

fn unless_gone<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        outcome => outcome.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first() {
        let scratch = tempfile::tempdir().expect("a directory");
        let at = |name: &str| scratch.path().join(name);
        for (name, days) in [("old", 40), ("a", 3), ("b", 2), ("c", 1)] {
            fs::create_dir(at(name)).expect("a directory");
            fs::write(at(name).join("file"), "x").expect("a file");
            let time = SystemTime::now() - Duration::from_secs(days * 86_400);
            fs::File::open(at(name))
                .and_then(|directory| directory.set_modified(time))
                .expect("our directory");
        }
        fs::write(at("file"), "stays").expect("a file");
        let names = || {
            let mut names: Vec<_> = fs::read_dir(scratch.path())
                .expect("it is there")
                .flatten()
                .map(|entry| entry.file_name())
                .collect();
            names.sort();
            names
        };
        clean(scratch.path(), 10, Duration::from_secs(30 * 86_400)).expect("ours");
        assert_eq!(names(), ["a", "b", "c", "file"]);
        clean(scratch.path(), 2, Duration::from_secs(30 * 86_400)).expect("ours");
        assert_eq!(names(), ["b", "c", "file"]);
        clean(&at("none"), 2, Duration::ZERO).expect("a directory that is missing is clean");
    }
}
