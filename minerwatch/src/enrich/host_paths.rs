//! Finds the path by which the host itself knows a file that a process sees elsewhere: below a mounted directory of the
//! host, in a chroot, through `/proc/1/root`.
//!
//! A place is a file system and a path inside it, so names alone prove nothing: the container's own `/etc/crontab` is
//! not the host's. Every end of the path that could be a place of the host is compared with the host's file, by device
//! and inode.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{AtFlags, CWD, Statx, StatxFlags, statx},
    io::Errno,
};

use super::{mounts, roots::Root};
use crate::{
    host,
    model::{FileAction, FileChange, FileId, Subject},
};

/// The beginnings of the places on the host that matter.
const PLACES: [&str; 20] = [
    "/etc/",
    "/var/spool/cron/",
    "/var/spool/at/",
    "/root/",
    "/home/",
    "/usr/lib/systemd/",
    "/lib/systemd/",
    "/usr/lib/udev/",
    "/usr/bin/",
    "/usr/sbin/",
    "/usr/local/bin/",
    "/usr/local/sbin/",
    "/usr/lib/python3",
    "/usr/share/dbus-1/",
    "/run/systemd/",
    "/var/lib/cloud/scripts/",
    "/bin/",
    "/sbin/",
    "/lib/",
    "/var/log/",
];
/// Parts of the places that matter in any home directory.
const HOMES: [&str; 4] = ["/.ssh", "/.config", "/.bash", "/.profile"];
/// Maximum number of places that are compared for one file.
const MAX_COMPARED: usize = 4;

/// Compares files with those of the host.
#[derive(Debug)]
pub(crate) struct HostPaths {
    root: PathBuf,
}

impl HostPaths {
    pub(crate) fn discover() -> Self {
        Self { root: host::root() }
    }

    #[cfg(test)]
    pub(super) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Adds the host's path to a change, if the process used another one.
    pub(crate) fn add_to(&self, subject: &Subject, change: &mut FileChange) {
        if matches!(change.action, FileAction::Delete | FileAction::DeviceOpen | FileAction::Mount)
            || change.host_path.is_some()
        {
            return;
        }
        let Some(file) = change.file else { return };
        let is_inside = subject.container.as_ref().is_some_and(|container| container.id.is_some());
        let mut candidates = candidates(&change.path, is_inside || change.elsewhere).take(MAX_COMPARED);
        change.host_path = candidates.find(|path| self.is_at(file, path)).map(Arc::from);
    }

    /// Whether a process with this root directory changed a file of another system than the host.
    pub(super) fn is_elsewhere(&self, root: &Root, change: &FileChange) -> bool {
        match root {
            Root::Host => false,
            Root::Other => true,
            Root::Below(directory) => {
                let path = Path::new(&*change.path);
                // A name does not say in which root directory it was looked up, and a descriptor may lead out of one. Of
                // the two files that it may name, the changed one is the one that changed last. If both are one file,
                // for example because `/etc` is mounted there, it is the host's.
                let found = |path: &Path| look_up(&self.root, path.to_str()?).ok();
                let file = |found: &Statx| (found.stx_dev_major, found.stx_dev_minor, found.stx_ino);
                let changed = |found: &Statx| (found.stx_ctime.tv_sec, found.stx_ctime.tv_nsec);
                let is_below = || {
                    let below = found(&directory.join(path.strip_prefix("/").unwrap_or(path)));
                    let outside = found(path);
                    let is_same = below.is_some() && below.as_ref().map(file) == outside.as_ref().map(file);
                    !is_same && below.as_ref().map(changed) >= outside.as_ref().map(changed)
                };
                change.file.is_some() || path.starts_with(directory) || is_below()
            }
        }
    }

    /// Whether a file is the program of the host at this path: the same file, of root, that only root may change. Returns
    /// `None` if the path cannot be looked up.
    pub(super) fn is_own_program(&self, file: FileId, path: &str) -> Option<bool> {
        match look_up(&self.root, path) {
            Ok(found) => Some(is_same(&found, file, path) && only_root_writes(&found)),
            Err(Errno::NOENT | Errno::NOTDIR) => Some(false),
            Err(_) => None,
        }
    }

    /// Whether the host has this file at this path.
    fn is_at(&self, file: FileId, path: &str) -> bool {
        look_up(&self.root, path).is_ok_and(|found| is_same(&found, file, path))
    }
}

/// Looks up a path below a root directory, without following a symbolic link at its end.
fn look_up(root: &Path, path: &str) -> Result<Statx, Errno> {
    let whole = root.join(path.trim_start_matches('/'));
    // Asks no server of a network file system, and mounts nothing.
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
    let wanted = StatxFlags::INO | StatxFlags::UID | StatxFlags::GID | StatxFlags::MODE | StatxFlags::CTIME;
    statx(CWD, &whole, flags, wanted)
}

/// Whether what was found at a path of the host is this file.
fn is_same(found: &Statx, file: FileId, path: &str) -> bool {
    if found.stx_ino != file.inode {
        return false;
    }
    let device = (found.stx_dev_major << 20) | (found.stx_dev_minor & 0xf_ffff);
    // The subvolumes of btrfs have device numbers of their own, which kernel records do not have.
    let is_subvolume = || {
        found.stx_dev_major == 0
            && file.device >> 20 == 0
            && mounts::device_of(&mounts::of_host(), path) == Some(file.device)
    };
    device == file.device || is_subvolume()
}

/// Whether root owns a file, and nobody else may write to it.
fn only_root_writes(found: &Statx) -> bool {
    let mode = u32::from(found.stx_mode);
    let is_open = mode & 0o002 != 0 || (mode & 0o020 != 0 && found.stx_gid != 0);
    found.stx_uid == 0 && !is_open
}

/// Whether a path of the host is one that matters, or the directory of such paths.
#[cfg(feature = "sensor")]
pub(crate) fn is_place(path: &str) -> bool {
    PLACES.iter().any(|place| path.starts_with(place) || place.strip_suffix('/') == Some(path))
}

/// Whether a change may concern a place of the host, so that the root directory of the process matters.
pub(super) fn may_be_place(change: &FileChange) -> bool {
    let paths = [Some(&change.path), change.old_path.as_ref()];
    change.action != FileAction::DeviceOpen
        && paths.into_iter().flatten().any(|path| {
            PLACES.iter().any(|place| path.starts_with(place))
                || HOMES.iter().any(|place| path.contains(place))
        })
}

/// Returns the ends of a path that may be places of the host. The whole path is one only for a process in a container,
/// because other processes see the host's paths.
fn candidates(path: &str, is_inside: bool) -> impl Iterator<Item = &str> {
    let from = usize::from(!is_inside);
    let is_place = |start: &usize| {
        let end = path.get(*start..).unwrap_or_default();
        *start >= from && PLACES.iter().any(|place| end.starts_with(place))
    };
    let starts: Vec<usize> = path.match_indices('/').map(|(start, _)| start).filter(is_place).collect();
    // `/usr/bin` and `/bin` are one directory on most hosts. A file of a home directory matters if it is hidden.
    let is_other = move |start: &usize| *start == 0 || path.get(..*start) != Some("/usr");
    let ends = starts.into_iter().filter(is_other).filter_map(|start| path.get(start..));
    ends.filter(|end| !end.starts_with("/home/") || end.contains("/."))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::MetadataExt, path::Path};

    use super::*;
    use crate::{
        enrich::proc::file_id,
        model::{Container, ProcessKey},
    };

    fn identity(path: &Path) -> FileId {
        let found = fs::symlink_metadata(path).expect("a file");
        file_id(found.dev(), found.ino())
    }

    fn change(path: &str, file: FileId) -> FileChange {
        FileChange {
            action: FileAction::Write,
            path: path.into(),
            old_path: None,
            host_path: None,
            elsewhere: false,
            file: Some(file),
            mode: 0,
            device: None,
            exchange: None,
        }
    }

    fn subject(is_inside: bool) -> Subject {
        let container = is_inside.then(|| {
            let id = Some("4f1c".into());
            let cgroup = "/x".into();
            let (runtime, outer, pod_uid, unit, details) = (None, None, None, None, None);
            Arc::new(Container { cgroup, id, runtime, outer, pod_uid, unit, details })
        });
        Subject { key: ProcessKey { pid: 7, start_ticks: 7 }, tid: 7, uid: 0, gid: 0, cgroup: 0, container }
    }

    #[test]
    fn a_file_is_the_host_s_if_device_and_inode_are() {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(root.path().join("etc/cron.d")).expect("a directory");
        let crontab = root.path().join("etc/cron.d/x");
        fs::write(&crontab, "x").expect("a file");
        let other = root.path().join("x");
        fs::write(&other, "x").expect("a file");
        let (host, other) = (identity(&crontab), identity(&other));
        let paths = HostPaths::at(root.path());
        let cases = [
            ("/host/etc/cron.d/x", host, false, Some("/etc/cron.d/x")),
            ("/mnt/etc/etc/cron.d/x", host, true, Some("/etc/cron.d/x")),
            ("/etc/cron.d/x", host, true, Some("/etc/cron.d/x")),
            ("/etc/cron.d/x", other, true, None),
            ("/srv/jail/etc/cron.d/x", other, false, None),
            ("/etc/cron.d/x", host, false, None),
            ("/host/etc/cron.d/y", host, true, None),
            ("/srv/x", host, true, None),
            ("", host, true, None),
        ];
        for (path, file, is_inside, expected) in cases {
            let mut change = change(path, file);
            paths.add_to(&subject(is_inside), &mut change);
            assert_eq!(change.host_path.as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_file_in_another_root_directory_is_another_system_s() {
        let root = tempfile::tempdir().expect("a directory");
        for directory in ["etc/cron.d", "srv/image/etc/cron.d"] {
            fs::create_dir_all(root.path().join(directory)).expect("a directory");
        }
        let own = root.path().join("etc/cron.d/own");
        fs::write(&own, "x").expect("a file");
        fs::write(root.path().join("srv/image/etc/cron.d/image"), "x").expect("a file");
        // A mounted directory of the host would show the same file, too.
        fs::hard_link(&own, root.path().join("etc/cron.d/both")).expect("a link");
        fs::hard_link(&own, root.path().join("srv/image/etc/cron.d/both")).expect("a link");
        let file = identity(&own);
        let paths = HostPaths::at(root.path());
        let image = Root::Below("/srv/image".into());
        for (root, path, file, expected, host_path) in [
            (&Root::Host, "/etc/cron.d/own", Some(file), false, None),
            (&Root::Other, "/etc/cron.d/image", None, true, None),
            (&Root::Other, "/etc/cron.d/own", Some(file), true, Some("/etc/cron.d/own")),
            (&image, "/srv/image/etc/cron.d/image", None, true, None),
            (&image, "/etc/cron.d/image", None, true, None),
            (&image, "/etc/cron.d/own", None, false, None),
            (&image, "/etc/cron.d/both", None, false, None),
            (&image, "/etc/cron.d/own", Some(file), true, Some("/etc/cron.d/own")),
        ] {
            let mut change = FileChange { file, ..change(path, FileId { device: 0, inode: 0 }) };
            change.elsewhere = paths.is_elsewhere(root, &change);
            paths.add_to(&subject(false), &mut change);
            assert_eq!(
                (change.elsewhere, change.host_path.as_deref()),
                (expected, host_path),
                "{path} {root:?}"
            );
        }
        for (path, expected) in
            [("/etc/cron.d/own", true), ("/srv/image/root/.ssh/authorized_keys", true), ("/srv/x", false)]
        {
            assert_eq!(may_be_place(&change(path, file)), expected, "{path}");
        }
    }
}
