//! File changes by simulated processes.

use std::sync::Arc;

use super::Host;
use crate::model::{
    EventBody, Exchange, Executable, ExecutableFlags, FileAction, FileChange, FileId, ProcessKey,
};

impl Host {
    /// Creates a file with the permission bits `mode`.
    pub fn create(&mut self, key: ProcessKey, path: &str, mode: u32) {
        self.change(key, FileAction::Create, path, None, mode);
    }

    /// Opens an existing file for writing.
    pub fn write(&mut self, key: ProcessKey, path: &str) {
        self.change(key, FileAction::Write, path, None, 0o644);
    }

    /// Changes a file's permission bits.
    pub fn chmod(&mut self, key: ProcessKey, path: &str, mode: u32) {
        self.change(key, FileAction::Chmod, path, None, mode);
    }

    /// Deletes a file.
    pub fn delete(&mut self, key: ProcessKey, path: &str) {
        self.change(key, FileAction::Delete, path, None, 0);
    }

    /// Renames a file.
    pub fn rename(&mut self, key: ProcessKey, from: &str, to: &str) {
        if let Some(file) = self.files.remove(from) {
            self.files.insert(to.to_owned(), file);
        }
        self.change(key, FileAction::Rename, to, Some(from), 0o644);
    }

    /// Exchanges two files. Each gives an event, as the sensor's record does.
    pub fn exchange(&mut self, key: ProcessKey, one: &str, other: &str) {
        self.exchange_as(key, (one, None), (other, None), 0o100_644);
    }

    /// Exchanges two directories and what lies in them.
    pub fn exchange_directories(&mut self, key: ProcessKey, one: &str, other: &str) {
        let paths: Vec<String> = self.files.keys().cloned().collect();
        let moved = paths.into_iter().filter_map(|path| {
            let below = |from: &str, to: &str| {
                let rest = path.strip_prefix(from).filter(|rest| rest.starts_with('/'))?;
                Some((format!("{to}{rest}"), self.files.get(&path).copied()?))
            };
            below(one, other).or_else(|| below(other, one)).map(|new| (path.clone(), new))
        });
        let moved: Vec<_> = moved.collect();
        for (path, _) in &moved {
            self.files.remove(path);
        }
        self.files.extend(moved.into_iter().map(|(_, new)| new));
        self.exchange_as(key, (one, None), (other, None), 0o040_755);
    }

    /// Exchanges two files of one type and mode. Each is a path and, if the host has the file under another path, that one.
    pub fn exchange_as(
        &mut self,
        key: ProcessKey,
        (one, host_one): (&str, Option<&str>),
        (other, host_other): (&str, Option<&str>),
        mode: u32,
    ) {
        let (file, other_file) = (self.file(host_one.unwrap_or(one)), self.file(host_other.unwrap_or(other)));
        self.files.insert(host_other.unwrap_or(other).to_owned(), file);
        self.files.insert(host_one.unwrap_or(one).to_owned(), other_file);
        let first = FileChange {
            action: FileAction::Rename,
            path: Arc::from(other),
            old_path: Some(Arc::from(one)),
            host_path: host_other.map(Arc::from),
            elsewhere: false,
            file: Some(file),
            mode,
            device: None,
            exchange: Some(Exchange { file: Some(other_file), mode, first: true }),
        };
        let second =
            first.of_other_file().map(|half| FileChange { host_path: host_one.map(Arc::from), ..half });
        for half in std::iter::once(first).chain(second) {
            self.happen(key, EventBody::File(Box::new(half)));
        }
    }

    /// Creates a hard link: gives the file at `from` the additional path `to`.
    pub fn link(&mut self, key: ProcessKey, from: &str, to: &str) {
        let file = self.file(from);
        self.files.insert(to.to_owned(), file);
        self.change(key, FileAction::Link, to, Some(from), 0o644);
    }

    /// Creates a symbolic link at `link`, with the absolute path `target` as its target.
    pub fn symlink(&mut self, key: ProcessKey, target: &str, link: &str) {
        self.change(key, FileAction::Symlink, link, Some(target), 0o120_777);
    }

    /// Mounts something over a place of the host. `source` is its path, if the host has one. In a real event, the process is
    /// the first one of the host.
    pub fn mount(&mut self, key: ProcessKey, source: Option<&str>, place: &str) {
        let mut change = self.changed(FileAction::Mount, place, source, 0);
        change.file = None;
        self.happen(key, EventBody::File(Box::new(change)));
    }

    /// Opens a file of the host for writing, which the process sees at `path` and the host at `host_path`.
    pub fn write_as(&mut self, key: ProcessKey, path: &str, host_path: &str) {
        let file = Some(self.file(host_path));
        self.happen(
            key,
            EventBody::File(Box::new(FileChange {
                action: FileAction::Write,
                path: Arc::from(path),
                old_path: None,
                host_path: Some(Arc::from(host_path)),
                elsewhere: false,
                file,
                mode: 0o100_644,
                device: None,
                exchange: None,
            })),
        );
    }

    /// Renames a file in a root directory that is not the host's. With `host_path`, the file is the host's nevertheless.
    pub fn rename_elsewhere(&mut self, key: ProcessKey, from: &str, to: &str, host_path: Option<&str>) {
        let file = Some(self.file(to));
        self.happen(
            key,
            EventBody::File(Box::new(FileChange {
                action: FileAction::Rename,
                path: Arc::from(to),
                old_path: Some(Arc::from(from)),
                host_path: host_path.map(Arc::from),
                elsewhere: true,
                file,
                mode: 0o100_644,
                device: None,
                exchange: None,
            })),
        );
    }

    /// Renames a directory. The files in it keep their identity.
    pub fn rename_directory(&mut self, key: ProcessKey, from: &str, to: &str) {
        self.rename_directory_as(key, from, to, 0o040_755);
    }

    /// Renames a directory, as seen by a hook that sees only names.
    pub fn rename_directory_by_name(&mut self, key: ProcessKey, from: &str, to: &str) {
        self.rename_directory_as(key, from, to, 0);
    }

    fn rename_directory_as(&mut self, key: ProcessKey, from: &str, to: &str, mode: u32) {
        let inside: Vec<String> =
            self.files.keys().filter(|path| path.starts_with(&format!("{from}/"))).cloned().collect();
        for path in inside {
            if let Some(file) = self.files.remove(&path) {
                self.files.insert(path.replacen(from, to, 1), file);
            }
        }
        self.change(key, FileAction::Rename, to, Some(from), mode);
    }

    /// Gives the inode of a deleted file to another file.
    pub fn reuse_inode(&mut self, deleted: &str, new: &str) {
        let file = self.file(deleted);
        self.files.remove(deleted);
        self.files.insert(new.to_owned(), file);
    }

    /// Lets a script of a user, a child of `parent`, write a program and run it with these arguments. Returns the process
    /// that runs the program.
    pub fn drop_and_run(
        &mut self,
        parent: ProcessKey,
        user: u32,
        path: &str,
        arguments: &[&str],
    ) -> ProcessKey {
        let script = self.fork(parent);
        self.become_user(script, user);
        self.exec(script, parent, "/usr/bin/dash", "/usr/bin/dash", &["sh", "-c", "x"]);
        self.create(script, path, 0o755);
        self.spawn(script, path, arguments)
    }

    /// Returns a host on which cron starts a script for each of `count` users. Each script writes a program, and the
    /// program opens a connection.
    pub fn with_droppers(count: u32) -> Self {
        let mut host = Self::new();
        let init = host.boot("/sbin/init", &["init"]);
        let cron = host.spawn(init, "/usr/sbin/cron", &["cron"]);
        for number in 0..count {
            let path = format!("/tmp/x{number}");
            let dropped = host.drop_and_run(cron, 1_000 + number, &path, &[&path]);
            host.connect(dropped, &format!("10.0.{}.{}:443", number / 250, number % 250 + 1));
            host.create(dropped, &format!("/var/lib/x{number}"), 0o644);
        }
        host
    }

    fn change(&mut self, key: ProcessKey, action: FileAction, path: &str, old_path: Option<&str>, mode: u32) {
        let change = self.changed(action, path, old_path, mode);
        self.happen(key, EventBody::File(Box::new(change)));
    }

    fn changed(&mut self, action: FileAction, path: &str, old_path: Option<&str>, mode: u32) -> FileChange {
        FileChange {
            action,
            path: Arc::from(path),
            old_path: old_path.map(Arc::from),
            host_path: None,
            elsewhere: false,
            file: Some(self.file(path)),
            mode: if mode == 0 || mode & 0o170_000 != 0 { mode } else { 0o100_000 | mode },
            device: None,
            exchange: None,
        }
    }

    pub(super) fn executable(&mut self, path: &str) -> Executable {
        let flags = ExecutableFlags {
            memfd: path.starts_with("/memfd:"),
            deleted: path.ends_with(" (deleted)"),
            foreign: false,
        };
        Executable { path: Arc::from(path), file: Some(self.file(path)), flags }
    }

    /// Returns the identity of the file at a path.
    pub fn file(&mut self, path: &str) -> FileId {
        let next_inode = &mut self.next_inode;
        *self.files.entry(path.to_owned()).or_insert_with(|| {
            *next_inode += 1;
            FileId { device: 8 << 20 | 1, inode: *next_inode }
        })
    }
}
