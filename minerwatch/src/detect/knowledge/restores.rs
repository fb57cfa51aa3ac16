//! Finds processes that restore a whole system: from a backup, from another root directory, from an image.
//!
//! A restore replaces tools of the system and files that start programs, among many others. An intruder replaces few files,
//! but can write others to look like a restore. So little is excused: that a tool or `/etc/ld.so.preload` was written is a
//! step and not a sign, with the same points, and all other signs count. An intruder cannot choose the origin of the writer.
//! So nothing is excused below a network service, and for a program that was dropped, has no file or lies in an odd place.

use std::hash::BuildHasher;

use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::{
    bounded::BoundedMap,
    detect::{behavior::service_entry, is_ordinary_program},
    model::{Event, EventBody, ProcessKey},
    process::{Process, ProcessTable, Role},
};

/// Number of files that a process must have written in directories of the system.
const FILES: u32 = 100;
/// Number of directories in which they must lie. The files of one product lie in few.
const DIRECTORIES: usize = 20;
/// Maximum number of processes that are tracked.
const PROCESSES: usize = 256;

/// What one process wrote in directories of the system.
#[derive(Debug, Default)]
struct Written {
    files: u32,
    /// Hashes of the directories; no more than needed.
    directories: FxHashSet<u64>,
}

impl Written {
    fn is_whole(&self) -> bool {
        self.files >= FILES && self.directories.len() >= DIRECTORIES
    }
}

/// What processes wrote in directories of the system.
#[derive(Debug)]
pub struct Restores {
    writers: BoundedMap<ProcessKey, Written>,
}

impl Default for Restores {
    fn default() -> Self {
        Self { writers: BoundedMap::new(PROCESSES) }
    }
}

impl Restores {
    /// Counts a file that a process puts in a directory of the system, and forgets a process that ends.
    pub fn observe(&mut self, event: &Event, process: &Process) {
        match &event.body {
            EventBody::File(change) if change.puts_file() && !change.is_of_other_system() => {
                let place = change.place();
                if process.role == Role::PackageManager || !is_of_system(place) {
                    return;
                }
                let written = self.writers.entry(&process.key(), Written::default);
                if written.is_whole() {
                    return;
                }
                written.files = written.files.saturating_add(1);
                if written.directories.len() < DIRECTORIES
                    && let Some((directory, _)) = place.rsplit_once('/')
                {
                    written.directories.insert(FxBuildHasher.hash_one(directory));
                }
            }
            EventBody::Exit(_) if !self.writers.is_empty() => {
                self.writers.remove(&event.subject.key);
            }
            _ => {}
        }
    }

    /// Whether a process restores a whole system, and its origin is ordinary.
    pub fn is_by(&self, process: &Process, table: &ProcessTable) -> bool {
        self.writers.get(&process.key()).is_some_and(Written::is_whole)
            && process.container_id().is_none()
            && table.tree_path(process.key(), |_| false).all(is_ordinary_program)
            && service_entry(table, process.key()).is_none()
    }

    /// Number of processes that were forgotten because the map was full.
    pub fn evicted(&self) -> u64 {
        self.writers.evicted()
    }
}

/// Whether a path lies in a directory that every system has.
fn is_of_system(path: &str) -> bool {
    const PLACES: [&str; 6] = ["/etc/", "/usr/", "/lib", "/bin/", "/sbin/", "/boot/"];
    PLACES.iter().any(|place| path.starts_with(place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{process::TableLimits, testing::Host};

    /// Whether a process is found to restore a system. It writes `files` files in `directories` directories.
    fn restores(caller: &str, path: &str, files: u32, directories: u32) -> bool {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let caller = host.spawn(init, caller, &["x", "/srv/x.sh"]);
        let writer = host.spawn(caller, path, &["x"]);
        for number in 0..files {
            host.create(writer, &format!("/usr/share/d{}/f{number}", number % directories), 0o644);
        }
        let (mut table, mut restores) = (ProcessTable::new(TableLimits::default()), Restores::default());
        for event in host.events() {
            table.apply(event);
            restores.observe(event, table.get(event.subject.key).expect("a known process"));
        }
        restores.is_by(table.get(writer).expect("a known process"), &table)
    }

    #[test]
    fn only_many_files_in_many_directories_are_a_restore() {
        assert!(restores("/usr/bin/bash", "/usr/bin/rsync", FILES, 50));
        assert!(!restores("/usr/bin/bash", "/usr/bin/rsync", FILES - 1, 50));
        assert!(!restores("/usr/bin/bash", "/usr/bin/rsync", FILES * 5, 4));
    }

    #[test]
    fn where_the_writer_came_from_decides() {
        for (caller, path, expected) in [
            ("/usr/bin/bash", "/opt/bareos/sbin/bareos-fd", true),
            ("/usr/bin/redis-server", "/usr/bin/rsync", false),
            ("/usr/bin/bash", "/tmp/rsync", false),
            ("/root/.x/m", "/usr/bin/rsync", false),
            ("/usr/bin/bash", "/memfd:a (deleted)", false),
        ] {
            assert_eq!(restores(caller, path, FILES, 50), expected, "{caller} {path}");
        }
    }
}
