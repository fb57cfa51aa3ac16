//! Finds processes outside of containers whose root directory is not the host's, for example while debootstrap builds an
//! image in a chroot. A path in such a process names a file of another system.
//!
//! In containers, it finds `chroot` to the root directory of the host.
//!
//! A process that ended before its event is read has the root directory that its parent had.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use super::{
    mounts::{self, Mount},
    proc::Proc,
    system_places::is_of_system,
};
use crate::{
    bounded::BoundedMap,
    host,
    model::{Exec, Executable, ProcessKey, Subject},
};

/// Maximum number of processes with another root directory that are remembered.
const PROCESSES: usize = 4_096;

/// The root directory of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// The host's, also in a mount namespace of its own.
    Host,
    /// A directory of the mount namespace, after `chroot(2)`. A hook that sees the file reports a path that begins with
    /// it; a hook that sees only names reports them as the process passed them.
    Below(PathBuf),
    /// Another file system, after `pivot_root(2)`.
    Other,
}

/// The root directories of processes.
#[derive(Debug)]
pub(super) struct Roots {
    proc: Proc,
    host: PathBuf,
    /// The processes whose root directory is not the host's. Most hosts have none.
    known: BoundedMap<ProcessKey, Root>,
}

impl Roots {
    pub(super) fn discover() -> Self {
        Self::at(Proc::default(), host::root())
    }

    fn at(proc: Proc, host: PathBuf) -> Self {
        Self { proc, host, known: BoundedMap::new(PROCESSES) }
    }

    /// Gives a new process the root directory of its parent.
    pub(super) fn forked(&mut self, child: ProcessKey, parent: ProcessKey) {
        if let Some(root) = self.known.get(&parent).cloned() {
            self.known.insert(child, root);
        }
    }

    /// Notes the root directory of a process that runs a program from elsewhere, so that its children have it, too.
    pub(super) fn runs(&mut self, subject: &Subject, executable: &Executable) {
        if executable.flags.foreign || !is_of_system(&executable.path) {
            self.of(subject);
        }
    }

    /// Forgets a process.
    pub(super) fn exited(&mut self, key: ProcessKey) {
        if !self.known.is_empty() {
            self.known.remove(&key);
        }
    }

    /// Returns the root directory of a process. For a process in a container it is always [`Root::Host`], because the
    /// container itself says that the files are not the host's.
    pub(super) fn of(&mut self, subject: &Subject) -> Root {
        if subject.container.as_ref().is_some_and(|container| container.id.is_some()) {
            return Root::Host;
        }
        match self.look(subject.key.pid) {
            Some(Root::Host) => {
                self.exited(subject.key);
                Root::Host
            }
            Some(root) => {
                self.known.insert(subject.key, root.clone());
                root
            }
            None => self.known.get(&subject.key).cloned().unwrap_or(Root::Host),
        }
    }

    /// Whether a process in a container runs `chroot` with the root directory of the host. Only the mount tables are read,
    /// because the container chooses what is mounted at the directory.
    pub(super) fn chroots_to_host(&self, subject: &Subject, exec: &Exec) -> bool {
        let is_inside = subject.container.as_ref().is_some_and(|container| container.id.is_some());
        let Some(directory) = directory_of_chroot(exec).filter(|_| is_inside) else { return false };
        let own = mounts::of_process(&self.proc, subject.key.pid);
        leads_to_host(&own, &mounts::of_host(), &directory)
    }

    /// Reads the root directory of a process. Returns `None` if the process has ended.
    fn look(&self, pid: u32) -> Option<Root> {
        let link = self.proc.path(pid, "root");
        if identity(&link)? == identity(&self.host)? {
            return Some(Root::Host);
        }
        // For a root directory in another mount namespace, the kernel names the path there: `/` after `pivot_root`.
        let directory = std::fs::read_link(&link).ok()?;
        Some(if directory == Path::new("/") { Root::Other } else { Root::Below(directory) })
    }
}

/// Returns the directory that `chroot DIRECTORY` or `busybox chroot DIRECTORY` changes to, as an absolute path.
fn directory_of_chroot(exec: &Exec) -> Option<PathBuf> {
    let is_chroot = |name: &Arc<str>| Path::new(&**name).file_name().is_some_and(|name| name == "chroot");
    let place = exec.arguments.iter().take(2).position(is_chroot)?;
    let directory = exec.arguments.get(place + 1..)?.iter().find(|argument| !argument.starts_with('-'))?;
    Some(Path::new(&*exec.directory).join(&**directory))
}

/// Whether a directory of a process is the root directory of the host. After the call of chroot, it is the root
/// directory of the process.
fn leads_to_host(own: &[Mount], host: &[Mount], directory: &Path) -> bool {
    let Some(root) = mounts::place_of(host, "/") else { return false };
    let is_root = |path: &str| mounts::place_of(own, path).as_ref() == Some(&root);
    directory.to_str().is_some_and(is_root) || is_root("/")
}

/// Returns the device and the inode number of a directory.
fn identity(directory: &Path) -> Option<(u32, u32, u64)> {
    // Asks no server of a network file system, and mounts nothing.
    let flags = AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
    let found = statx(CWD, directory, flags, StatxFlags::INO).ok()?;
    Some((found.stx_dev_major, found.stx_dev_minor, found.stx_ino))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;
    use crate::model::ExecutableFlags;

    fn subject(pid: u32) -> Subject {
        let key = ProcessKey { pid, start_ticks: 7 };
        Subject { key, tid: pid, uid: 0, gid: 0, cgroup: 0, container: None }
    }

    #[test]
    fn a_process_has_its_own_root_or_that_of_its_parent() {
        let scratch = tempfile::tempdir().expect("a directory");
        let (host, image) = (scratch.path().join("host"), scratch.path().join("host/srv/image"));
        fs::create_dir_all(&image).expect("a directory");
        for (pid, root) in [("7", &host), ("8", &image), ("9", &PathBuf::from("/"))] {
            let process = scratch.path().join("proc").join(pid);
            fs::create_dir_all(&process).expect("a directory");
            symlink(root, process.join("root")).expect("a link");
        }
        let mut roots = Roots::at(Proc::at(&scratch.path().join("proc")), host);
        assert_eq!(roots.of(&subject(7)), Root::Host);
        assert!(roots.known.is_empty());
        assert_eq!(roots.of(&subject(8)), Root::Below(image.clone()));
        assert_eq!(roots.of(&subject(9)), Root::Other);
        // Processes 20 and 21 have ended.
        let child = |pid| subject(pid).key;
        roots.forked(child(20), child(8));
        roots.forked(child(21), child(7));
        assert_eq!(roots.of(&subject(20)), Root::Below(image));
        assert_eq!(roots.of(&subject(21)), Root::Host);
        roots.exited(child(20));
        assert_eq!(roots.of(&subject(20)), Root::Host);
    }

    #[test]
    fn chroot_to_the_host_is_seen_in_the_tables() {
        let table = |text: &str| -> Vec<Mount> { mounts::parse(text).collect() };
        let host = table("1 0 8:1 /@ / rw - btrfs /dev/sda1 rw\n2 1 8:2 / /srv rw - ext4 /dev/sdb1 rw\n");
        let inside = "1 0 0:50 / / rw - overlay x rw\n2 1 8:1 /@ /mnt/h rw - btrfs /dev/sda1 rw\n\
            3 1 8:1 /@/var/data /mnt/data rw - btrfs /dev/sda1 rw\n";
        for (own, directory, expected) in [
            (inside, "/mnt/h", true),
            (inside, "/mnt/h/", true),
            (inside, "/mnt/h/srv/jail", false),
            (inside, "/mnt/data", false),
            (inside, "/srv/image", false),
            ("1 0 8:1 /@ / rw - btrfs /dev/sda1 rw\n", "/mnt/h", true),
            ("", "/mnt/h", false),
        ] {
            assert_eq!(leads_to_host(&table(own), &host, Path::new(directory)), expected, "{directory}");
        }
        assert!(!leads_to_host(&table(inside), &[], Path::new("/mnt/h")), "nothing is known of the host");
    }

    #[test]
    fn the_directory_of_chroot_is_its_first_operand() {
        let samples = crate::testing::samples::events();
        let exec = samples.into_iter().find_map(|(_, event)| match event.body {
            crate::model::EventBody::Exec(exec) => Some(exec),
            _ => None,
        });
        let exec = *exec.expect("a sample");
        let cases: [(&[&str], Option<&str>); 5] = [
            (&["chroot", "--userspec=0", "/mnt/h", "sh"], Some("/mnt/h")),
            (&["/usr/sbin/chroot", "h", "sh"], Some("/root/h")),
            (&["busybox", "chroot", "/mnt/h"], Some("/mnt/h")),
            (&["sh", "-c", "chroot /mnt/h"], None),
            (&["chroot"], None),
        ];
        for (arguments, expected) in cases {
            let arguments = arguments.iter().map(|argument| Arc::from(*argument)).collect();
            let exec = Exec { arguments, ..exec.clone() };
            assert_eq!(directory_of_chroot(&exec), expected.map(PathBuf::from));
        }
    }

    #[test]
    fn a_program_from_elsewhere_is_looked_at() {
        let scratch = tempfile::tempdir().expect("a directory");
        let process = scratch.path().join("8");
        fs::create_dir_all(&process).expect("a directory");
        symlink("/", process.join("root")).expect("a link");
        for (path, foreign, is_known) in [
            ("/usr/bin/dpkg", false, false),
            ("/usr/bin/dpkg", true, true),
            ("/srv/image/usr/bin/dpkg", false, true),
        ] {
            let flags = ExecutableFlags { foreign, ..ExecutableFlags::default() };
            let executable = Executable { path: path.into(), file: None, flags };
            let mut roots = Roots::at(Proc::at(scratch.path()), scratch.path().to_owned());
            roots.runs(&subject(8), &executable);
            assert_eq!(!roots.known.is_empty(), is_known, "{path} {foreign}");
        }
    }
}
