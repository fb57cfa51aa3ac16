//! The mounts of the host, from the mount table of its first process.

use std::path::{Path, PathBuf};

use super::{
    hierarchy::unescape,
    proc::{Proc, read_bounded},
};

/// Maximum length of a mount table. A mount of a container takes about 500 bytes, and a node has thousands.
const MAX_TABLE: u64 = 8 << 20;

/// A line of a mount table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The device in the form of kernel records: `major << 20 | minor`.
    pub device: u32,
    /// The directory of the file system that is mounted.
    pub root: String,
    /// Where it is mounted.
    pub point: String,
    /// The type of the file system.
    pub kind: String,
}

impl Mount {
    /// Whether another host or a process of userspace serves the file system, so that a look-up may wait without end.
    pub(crate) fn may_stall(&self) -> bool {
        const KINDS: [&str; 8] = ["fuse", "fuseblk", "nfs", "nfs4", "cifs", "smb3", "9p", "ceph"];
        KINDS.contains(&self.kind.as_str()) || self.kind.starts_with("fuse.")
    }
}

/// Reads the mount table of the first process, as the host's users see it.
pub(crate) fn of_host() -> Vec<Mount> {
    of(Path::new("/proc/1/mountinfo"))
}

/// Reads the mount table of a process; empty if the process has ended.
pub(crate) fn of_process(proc: &Proc, pid: u32) -> Vec<Mount> {
    of(&proc.path(pid, "mountinfo"))
}

fn of(path: &Path) -> Vec<Mount> {
    let text = read_bounded(path, MAX_TABLE).unwrap_or_default();
    parse(&String::from_utf8_lossy(&text)).collect()
}

/// Parses the text of `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`). Damaged lines are skipped.
pub(crate) fn parse(text: &str) -> impl Iterator<Item = Mount> {
    text.lines().filter_map(|line| {
        let (front, back) = line.split_once(" - ")?;
        let kind = back.split(' ').next()?.to_owned();
        let mut front = front.split(' ').skip(2);
        let (major, minor) = front.next()?.split_once(':')?;
        let device = (major.parse::<u32>().ok()? << 20) | (minor.parse::<u32>().ok()? & 0xf_ffff);
        let (root, point) = (unescape(front.next()?), unescape(front.next()?));
        Some(Mount { device, root, point, kind })
    })
}

/// Returns the device of the file system that a path of the host lies on.
pub(crate) fn device_of(mounts: &[Mount], path: &str) -> Option<u32> {
    holding(mounts, path).map(|mount| mount.device)
}

/// Returns the device that a path lies on, and the path inside its file system, by the mount table alone. Symbolic links
/// are not followed. The function opens no file, so no file system can block it.
pub(crate) fn place_of(mounts: &[Mount], path: &str) -> Option<(u32, PathBuf)> {
    let mount = holding(mounts, path)?;
    let below = Path::new(path).strip_prefix(&mount.point).ok()?;
    Some((mount.device, Path::new(&mount.root).join(below)))
}

/// Returns the host's path of a file that [`place_of`] describes. Returns `None` if the host has no such path, or if the
/// path lies on a file system that may block the reader.
pub(crate) fn path_on_host(host: &[Mount], (device, inside): &(u32, PathBuf)) -> Option<PathBuf> {
    host.iter().filter(|mount| mount.device == *device && !mount.may_stall()).find_map(|mount| {
        let below = inside.strip_prefix(&mount.root).ok()?;
        let path = Path::new(&mount.point).join(below);
        // Something else may be mounted over it.
        (place_of(host, path.to_str()?)?.1 == *inside).then_some(path)
    })
}

/// Returns the mount that a path lies on.
fn holding<'a>(mounts: &'a [Mount], path: &str) -> Option<&'a Mount> {
    let holds = |mount: &&Mount| Path::new(path).starts_with(&mount.point);
    // Of several mounts at one place, the last hides the others.
    mounts
        .iter()
        .filter(holds)
        .enumerate()
        .max_by_key(|(order, mount)| (mount.point.len(), *order))
        .map(|(_, mount)| mount)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
        30 22 0:25 / /proc rw,nosuid - proc proc rw\n\
        99 30 8:1 /srv/an\\040empty /proc/812 rw - ext4 /dev/sda1 rw\n\
        40 22 0:40 /@home /home rw - btrfs /dev/sdb rw\n\
        damaged\n";

    #[test]
    fn the_table_is_parsed_and_paths_are_found() {
        let mounts: Vec<Mount> = parse(TABLE).collect();
        assert_eq!(mounts.len(), 4);
        assert_eq!(mounts[2].root, "/srv/an empty");
        assert_eq!(mounts[2].point, "/proc/812");
        assert_eq!(device_of(&mounts, "/etc/crontab"), Some(8 << 20 | 1));
        assert_eq!(device_of(&mounts, "/home/me/x"), Some(40));
        assert_eq!(device_of(&mounts, "/homes/x"), Some(8 << 20 | 1));
        assert_eq!(device_of(&[], "/"), None);
        let place = |path| place_of(&mounts, path).map(|(device, path)| (device, path.display().to_string()));
        assert_eq!(place("/home/me/x"), Some((40, "/@home/me/x".into())));
        assert_eq!(place("/proc/812/exe"), Some((8 << 20 | 1, "/srv/an empty/exe".into())));
        assert_eq!(place("/etc/crontab"), Some((8 << 20 | 1, "/etc/crontab".into())));
        let back = |device, inside: &str| path_on_host(&mounts, &(device, inside.into()));
        assert_eq!(back(40, "/@home/me/x"), Some("/home/me/x".into()));
        assert_eq!(back(8 << 20 | 1, "/var/x"), Some("/var/x".into()));
        assert_eq!(back(40, "/@root/x"), None, "mounted nowhere");
        assert_eq!(back(8 << 20 | 1, "/home/x"), None, "something else is mounted there");
        assert!(!mounts.iter().any(Mount::may_stall));
        let remote = "1 2 0:9 / /srv rw - fuse.sshfs x rw\n1 2 0:8 / /n rw - nfs4 y rw\n";
        assert!(parse(remote).all(|mount| mount.may_stall()));
    }
}
