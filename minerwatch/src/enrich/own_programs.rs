//! Finds out whether a program in a separate mount namespace is the host's program at the same path. In such a namespace,
//! an attacker can mount any file over `/usr/bin/dpkg`. Many services of systemd also have their own mount namespace
//! (`PrivateTmp`). Therefore the files are compared.

use std::{sync::Arc, time::Duration};

use super::{
    host_paths::HostPaths,
    mounts::{self, Mount},
    proc::Proc,
    system_places::is_of_system,
};
use crate::{
    bounded::BoundedMap,
    model::{BootTime, Exec, Executable, FileChange, FileId, Namespaces, RunningProcess, Subject},
};

/// Maximum number of files whose comparison is remembered.
const FILES: usize = 1_024;
/// Time for which a comparison holds.
const FRESH: Duration = Duration::from_secs(60);

/// A comparison of a file with the host's.
#[derive(Debug)]
struct Compared {
    path: Arc<str>,
    at: BootTime,
    is_foreign: bool,
}

/// Compares programs with those of the host.
#[derive(Debug)]
pub(super) struct OwnPrograms {
    proc: Proc,
    /// Inode number of the mount namespace of the host's first process, 0 if unknown.
    host: u32,
    compared: BoundedMap<FileId, Compared>,
}

impl OwnPrograms {
    pub(super) fn new(proc: Proc) -> Self {
        Self { proc, host: 0, compared: BoundedMap::new(FILES) }
    }

    /// Marks the program of an exec that is not the host's own, or whose script is not.
    pub(super) fn add_to_exec(
        &mut self,
        host: &HostPaths,
        subject: &Subject,
        exec: &mut Exec,
        now: BootTime,
    ) {
        if !self.is_elsewhere(subject, exec.namespaces) {
            return;
        }
        let is_foreign = self.is_foreign(host, &exec.executable, now);
        exec.executable.flags.foreign = is_foreign || self.has_foreign_script(subject, exec);
    }

    /// Marks the program of a running process that is not the host's own.
    pub(super) fn add_to_running(
        &mut self,
        host: &HostPaths,
        subject: &Subject,
        running: &mut RunningProcess,
        now: BootTime,
    ) {
        if self.is_elsewhere(subject, running.namespaces) {
            running.executable.flags.foreign = self.is_foreign(host, &running.executable, now);
        }
    }

    /// Forgets the comparison of a file that changes.
    pub(super) fn changed(&mut self, change: &FileChange) {
        // Most hosts have no such comparison, and many changes.
        if let Some(file) = change.file.filter(|_| !self.compared.is_empty()) {
            self.compared.remove(&file);
        }
    }

    /// Whether a process of the host, in no container, is in another mount namespace than the host's first process.
    fn is_elsewhere(&mut self, subject: &Subject, namespaces: Namespaces) -> bool {
        if subject.key.pid == 1 && namespaces.mount != 0 {
            self.host = namespaces.mount;
        }
        let is_inside = subject.container.as_ref().is_some_and(|container| container.id.is_some());
        let known = namespaces.mount != 0 && self.host != 0;
        !is_inside && known && namespaces.mount != self.host
    }

    /// Whether the script of an interpreter is not the host's. The kernel's event does not identify the script, so the mounts
    /// of the process are compared with those of the host. The script itself is not opened, because it may lie on a FUSE
    /// file system that blocks the reader forever. Returns `false` if the process has ended.
    fn has_foreign_script(&self, subject: &Subject, exec: &Exec) -> bool {
        let mut scripts = std::iter::once(&exec.invoked)
            .chain(exec.arguments.get(1))
            .filter(|path| **path != exec.executable.path && is_of_system(path))
            .peekable();
        if scripts.peek().is_none() {
            return false;
        }
        let own = mounts::of_process(&self.proc, subject.key.pid);
        let host = mounts::of_host();
        scripts.any(|script| {
            // `/bin` may be a link to `/usr/bin`, and the mount table has the real path.
            let merged = format!("/usr{script}");
            [&**script, &merged].into_iter().any(|path| is_elsewhere(&own, &host, path))
        })
    }

    fn is_foreign(&mut self, host: &HostPaths, executable: &Executable, now: BootTime) -> bool {
        // Other places give no role, and a look-up there could block forever.
        let Some(file) = executable.file.filter(|_| is_of_system(&executable.path)) else { return false };
        let path = &executable.path;
        if let Some(known) = self.compared.get_mut(&file)
            && known.path == *path
            && now.since(known.at) < FRESH
        {
            return known.is_foreign;
        }
        let is_foreign = host.is_own_program(file, path) == Some(false);
        self.compared.insert(file, Compared { path: Arc::clone(path), at: now, is_foreign });
        is_foreign
    }
}

/// Whether a path leads to another place for a process than for the host. `false` if either is unknown.
fn is_elsewhere(own: &[Mount], host: &[Mount], path: &str) -> bool {
    let places = mounts::place_of(own, path).zip(mounts::place_of(host, path));
    places.is_some_and(|(own, host)| own != host)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt},
        path::Path,
    };

    use super::*;
    use crate::{
        enrich::proc::file_id,
        model::{Credentials, ExecutableFlags, ProcessKey},
    };

    const NOW: BootTime = BootTime(1_000_000_000);
    const HOST: u32 = 7;

    fn identity(path: &Path) -> FileId {
        let found = fs::symlink_metadata(path).expect("a file");
        file_id(found.dev(), found.ino())
    }

    fn subject(pid: u32) -> Subject {
        crate::testing::subject(ProcessKey::new(pid, 1))
    }

    fn running(path: &str, file: Option<FileId>, mount: u32) -> RunningProcess {
        RunningProcess {
            parent: None,
            executable: Executable { path: path.into(), file, flags: ExecutableFlags::default() },
            name: "x".into(),
            arguments: Arc::from(Vec::new()),
            directory: "/".into(),
            credentials: Credentials::default(),
            namespaces: Namespaces { mount, ..Namespaces::default() },
            session: 0,
            kernel_thread: false,
        }
    }

    #[test]
    fn only_the_host_s_own_file_is_its_program() {
        let scratch = tempfile::tempdir().expect("a directory");
        let bin = scratch.path().join("usr/bin");
        fs::create_dir_all(&bin).expect("a directory");
        for name in ["dpkg", "other", "open"] {
            fs::write(bin.join(name), "x").expect("a file");
            let mode = if name == "open" { 0o777 } else { 0o755 };
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(mode)).expect("its mode");
        }
        let (own, other, open) =
            (identity(&bin.join("dpkg")), identity(&bin.join("other")), identity(&bin.join("open")));
        let is_root = fs::metadata(scratch.path()).expect("a directory").uid() == 0;
        let host = HostPaths::at(scratch.path());
        let mut programs = OwnPrograms::new(Proc::default());
        let mut is_foreign = |pid, path, file, mount| {
            let mut running = running(path, Some(file), mount);
            programs.add_to_running(&host, &subject(pid), &mut running, NOW);
            running.executable.flags.foreign
        };
        assert!(!is_foreign(9, "/usr/bin/dpkg", other, HOST + 1), "the host's namespace is unknown");
        assert!(!is_foreign(1, "/usr/lib/systemd/systemd", other, HOST));
        assert!(!is_foreign(9, "/usr/bin/dpkg", other, HOST), "the path says enough");
        assert!(!is_foreign(9, "/usr/bin/dpkg", other, 0), "nothing is known");
        assert_eq!(is_foreign(9, "/usr/bin/dpkg", own, HOST + 1), !is_root);
        assert!(is_foreign(9, "/usr/bin/dpkg", other, HOST + 1), "another file is mounted there");
        assert!(is_foreign(9, "/usr/bin/rpm", other, HOST + 1), "the host has no such file");
        assert!(is_foreign(9, "/usr/bin/open", open, HOST + 1), "anybody may change it");
    }

    #[test]
    fn a_script_is_compared_too() {
        let programs = OwnPrograms::new(Proc::default());
        let samples = crate::testing::samples::events();
        let exec = samples.into_iter().find_map(|(_, event)| match event.body {
            crate::model::EventBody::Exec(exec) => Some(exec),
            _ => None,
        });
        let exec = *exec.expect("a sample");
        let is_foreign = |path: &str| {
            let exec = Exec { invoked: path.into(), arguments: Arc::from(Vec::new()), ..exec.clone() };
            programs.has_foreign_script(&subject(std::process::id()), &exec)
        };
        assert!(!is_foreign("/usr/bin/env"), "this test sees the host's file");
        assert!(!is_foreign("/tmp/x"), "no place of the system");
    }

    #[test]
    fn a_mount_over_a_script_is_seen_in_the_tables() {
        let table = |more: &str| -> Vec<Mount> {
            mounts::parse(&format!("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n{more}")).collect()
        };
        let host = table("");
        for (more, path, expected) in [
            ("", "/usr/bin/dnf", false),
            // systemd's ProtectSystem mounts `/usr` over itself.
            ("2 1 8:1 /usr /usr ro - ext4 /dev/sda1 rw\n", "/usr/bin/dnf", false),
            ("2 1 0:40 / /tmp rw - tmpfs tmpfs rw\n", "/usr/bin/dnf", false),
            ("2 1 8:1 /tmp/x /usr/bin/dnf rw - ext4 /dev/sda1 rw\n", "/usr/bin/dnf", true),
            ("2 1 0:40 / /usr/bin rw - fuse.x x rw\n", "/usr/bin/dnf", true),
            ("2 1 0:41 / / rw - overlay x rw\n", "/usr/bin/dnf", true),
        ] {
            assert_eq!(is_elsewhere(&table(more), &host, path), expected, "{more} {path}");
        }
        assert!(!is_elsewhere(&[], &host, "/usr/bin/dnf"), "the process has ended");
    }

    #[test]
    fn comparisons_are_bounded_and_end_with_a_change() {
        let scratch = tempfile::tempdir().expect("a directory");
        let host = HostPaths::at(scratch.path());
        let mut programs = OwnPrograms::new(Proc::default());
        programs.host = HOST;
        for inode in 0..(2 * FILES as u64) {
            let file = FileId { device: 1, inode };
            let mut running = running("/usr/bin/x", Some(file), HOST + 1);
            programs.add_to_running(&host, &subject(9), &mut running, NOW);
            assert!(running.executable.flags.foreign);
        }
        assert_eq!(programs.compared.len(), FILES);
        let last = FileId { device: 1, inode: 2 * FILES as u64 - 1 };
        let change = FileChange {
            action: crate::model::FileAction::Write,
            path: "/usr/bin/x".into(),
            old_path: None,
            host_path: None,
            elsewhere: false,
            file: Some(last),
            mode: 0,
            device: None,
            exchange: None,
        };
        programs.changed(&change);
        assert!(programs.compared.get(&last).is_none());
    }
}
