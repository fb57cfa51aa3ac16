//! Finds the mount points of the cgroup hierarchies, and the directory of a cgroup id.
//!
//! The id of a cgroup in kernel records is the inode number of its directory. The unified layout has one hierarchy. The
//! hybrid layout has version 1 hierarchies in addition to version 2. There a process may be at the root of the unified
//! hierarchy, but in a container's directory of a version 1 controller. In that case the record has the id of the
//! directory in the pids hierarchy, with the bit `CGROUP_V1` set.

use std::{
    collections::VecDeque,
    fs,
    os::unix::fs::{DirEntryExt, MetadataExt},
    path::{Path, PathBuf},
};

use crate::model::CGROUP_V1;

/// The id of the root directory. It tells nothing about a process.
pub(crate) const ROOT: u64 = 1;
/// Maximum depth of a walk. Deeper directories are not visited.
const MAX_DEPTH: usize = 16;

/// The kinds of hierarchy that are used, most useful first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Unified,
    Pids,
    Systemd,
    Memory,
    /// The CPU controller of version 1. In version 2 it is in the unified hierarchy.
    Cpu,
}

impl Kind {
    /// Returns the id that kernel records have for a directory with this inode number.
    fn identity(self, inode: u64) -> u64 {
        match self {
            Self::Pids => inode | CGROUP_V1,
            Self::Unified | Self::Systemd | Self::Memory | Self::Cpu => inode,
        }
    }

    /// Returns the kind of a version 1 hierarchy. `list` is its mount options, or its controllers in
    /// `/proc/PID/cgroup`.
    fn of_controllers(list: &str) -> Option<Self> {
        list.split(',').find_map(|controller| match controller {
            "pids" => Some(Self::Pids),
            "name=systemd" => Some(Self::Systemd),
            "memory" => Some(Self::Memory),
            "cpu" => Some(Self::Cpu),
            _ => None,
        })
    }
}

/// The cgroup version of a hierarchy, which decides the names of the control files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

/// The cgroup that limits the CPU time of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CpuCgroup {
    pub version: Version,
    /// The mount point of the hierarchy.
    pub mount: PathBuf,
    /// The path of the cgroup relative to the mount point; empty for the root.
    pub below: PathBuf,
}

#[derive(Clone, Debug)]
struct Mount {
    kind: Kind,
    /// The directory of the hierarchy that is mounted at `point`.
    root: String,
    point: PathBuf,
}

/// The mounted hierarchies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hierarchies {
    mounts: Vec<Mount>,
}

impl Hierarchies {
    /// Parses the text of `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`).
    pub(crate) fn parse(mountinfo: &str) -> Self {
        let mut mounts: Vec<Mount> = Vec::new();
        for line in mountinfo.lines() {
            let Some((front, back)) = line.split_once(" - ") else { continue };
            let mut back = back.split(' ');
            let kind = match back.next() {
                Some("cgroup2") => Some(Kind::Unified),
                Some("cgroup") => back.nth(1).and_then(Kind::of_controllers),
                _ => None,
            };
            let mut front = front.split(' ').skip(3);
            let (Some(kind), Some(root), Some(point)) = (kind, front.next(), front.next()) else { continue };
            if mounts.iter().all(|mount| mount.kind != kind) {
                mounts.push(Mount { kind, root: unescape(root), point: PathBuf::from(unescape(point)) });
            }
        }
        mounts.sort_by_key(|mount| mount.kind);
        Self { mounts }
    }

    /// Finds the hierarchies in the mount namespace of this process.
    pub(crate) fn discover() -> Self {
        fs::read_to_string("/proc/self/mountinfo").map(|text| Self::parse(&text)).unwrap_or_default()
    }

    /// Returns the id that a kernel record would have for a process, and the path of its cgroup. `membership` is the
    /// text of `/proc/PID/cgroup`. Returns `None` for a process that is at the root of both hierarchies.
    pub(crate) fn own_cgroup<'a>(&self, membership: &'a str) -> Option<(u64, &'a str)> {
        memberships(membership)
            .filter(|(kind, path)| matches!(kind, Kind::Unified | Kind::Pids) && *path != "/")
            .filter_map(|(kind, path)| Some((kind, self.identity(kind, path)?, path)))
            .min_by_key(|(kind, ..)| *kind)
            .map(|(_, identity, path)| (identity, path))
    }

    /// Returns the path of the cgroup with this id, if `membership`, the text of `/proc/PID/cgroup`, names that cgroup.
    pub(crate) fn find<'a>(&self, membership: &'a str, identity: u64) -> Option<&'a str> {
        memberships(membership)
            // Records have no ids of the CPU hierarchy, and its ids may be equal to ids of the other hierarchies.
            .filter(|(kind, _)| *kind != Kind::Cpu)
            .find(|(kind, path)| self.identity(*kind, path) == Some(identity))
            .map(|(_, path)| path)
    }

    /// Visits at most `budget` directories of the unified and the pids hierarchy, upper levels first.
    pub(crate) fn walk(&self, mut budget: usize, mut visit: impl FnMut(u64, &str)) {
        for mount in self.mounts.iter().filter(|mount| matches!(mount.kind, Kind::Unified | Kind::Pids)) {
            let mut queue = VecDeque::from([(mount.point.clone(), String::new(), 0)]);
            while let Some((directory, path, depth)) = queue.pop_front() {
                let Ok(entries) = fs::read_dir(&directory) else { continue };
                for entry in entries.flatten() {
                    if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                        continue;
                    }
                    if budget == 0 {
                        return;
                    }
                    budget -= 1;
                    let path = format!("{path}/{}", entry.file_name().to_string_lossy());
                    visit(mount.kind.identity(entry.ino()), &path);
                    if depth < MAX_DEPTH {
                        queue.push_back((entry.path(), path, depth + 1));
                    }
                }
            }
        }
    }

    /// Returns the cgroup that limits the CPU time of a process. `membership` is the text of `/proc/PID/cgroup`. A
    /// controller is in one hierarchy only, so this is the version 1 CPU hierarchy if one is mounted.
    pub(crate) fn cpu(&self, membership: &str) -> Option<CpuCgroup> {
        let is_mounted = self.mounts.iter().any(|mount| mount.kind == Kind::Cpu);
        let (wanted, version) =
            if is_mounted { (Kind::Cpu, Version::One) } else { (Kind::Unified, Version::Two) };
        let (_, path) = memberships(membership).find(|(kind, _)| *kind == wanted)?;
        let (mount, below) = self.below(wanted, path)?;
        Some(CpuCgroup { version, mount: mount.point.clone(), below: below.to_owned() })
    }

    fn identity(&self, kind: Kind, path: &str) -> Option<u64> {
        let (mount, below) = self.below(kind, path)?;
        fs::metadata(mount.point.join(below)).ok().map(|metadata| kind.identity(metadata.ino()))
    }

    /// Returns the mount of a hierarchy, and the path of the cgroup `path` relative to the mount point.
    fn below<'a>(&self, kind: Kind, path: &'a str) -> Option<(&Mount, &'a Path)> {
        let mount = self.mounts.iter().find(|mount| mount.kind == kind)?;
        let below = path.strip_prefix(mount.root.as_str()).unwrap_or(path);
        // A path with `..` would leave the mount.
        let below = Path::new(below.trim_start_matches('/'));
        let is_below = below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        is_below.then_some((mount, below))
    }
}

/// Parses the lines `number:controllers:path` of `/proc/PID/cgroup` (cgroups(7)). Lines about unknown hierarchies are
/// skipped.
fn memberships(membership: &str) -> impl Iterator<Item = (Kind, &str)> {
    membership.lines().filter_map(|line| {
        let (number, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let kind = if number == "0" { Some(Kind::Unified) } else { Kind::of_controllers(controllers) }?;
        Some((kind, path))
    })
}

/// Decodes a field of the mount table. The kernel writes a space, tab, newline or backslash as a backslash and three
/// octal digits: a space becomes `\040`.
pub(super) fn unescape(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut rest = field;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        if let Some(byte) = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            text.push(char::from(byte));
            rest = after.get(3..).unwrap_or_default();
        } else {
            text.push('\\');
            rest = after;
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates a tree with a unified and a pids hierarchy from plain directories.
    fn hybrid() -> (tempfile::TempDir, Hierarchies) {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().to_str().expect("a plain name").replace(' ', "\\040");
        for path in ["unified/system.slice/web.service", "pids/docker/abc", "memory/other"] {
            fs::create_dir_all(directory.path().join(path)).expect("a directory");
        }
        let mountinfo = format!(
            "20 1 0:5 / /proc rw - proc proc rw\n\
             30 1 0:31 / {root}/memory rw - cgroup cgroup rw,memory\n\
             31 1 0:32 / {root}/pids rw,nosuid shared:9 - cgroup cgroup rw,pids\n\
             32 1 0:33 / {root}/unified rw - cgroup2 cgroup2 rw,nsdelegate\n\
             garbage\n33 1 - cgroup2\n"
        );
        (directory, Hierarchies::parse(&mountinfo))
    }

    fn inode(directory: &tempfile::TempDir, path: &str) -> u64 {
        let inode = fs::metadata(directory.path().join(path)).expect("made above").ino();
        if path.starts_with("pids/") { inode | CGROUP_V1 } else { inode }
    }

    #[test]
    fn a_process_is_in_its_unified_cgroup_unless_that_is_the_root() {
        let (directory, hierarchies) = hybrid();
        let web = inode(&directory, "unified/system.slice/web.service");
        let docker = inode(&directory, "pids/docker/abc");
        assert_eq!(
            hierarchies.own_cgroup("8:pids:/docker/abc\n0::/system.slice/web.service\n"),
            Some((web, "/system.slice/web.service"))
        );
        assert_eq!(
            hierarchies.own_cgroup("8:pids:/docker/abc\n4:memory:/other\n0::/\n"),
            Some((docker, "/docker/abc"))
        );
        assert_eq!(hierarchies.own_cgroup("8:pids:/\n4:memory:/other\n0::/\n"), None);
        assert_eq!(hierarchies.own_cgroup("0::/../../etc\n"), None);
        assert_eq!(hierarchies.own_cgroup("no lines\n::\n0:"), None);
    }

    #[test]
    fn an_identity_is_found_in_whatever_hierarchy_has_it() {
        let (directory, hierarchies) = hybrid();
        let membership = "8:pids:/docker/abc\n4:memory:/other\n0::/system.slice/web.service\n";
        for (path, found) in [("pids/docker/abc", "/docker/abc"), ("memory/other", "/other")] {
            assert_eq!(hierarchies.find(membership, inode(&directory, path)), Some(found));
        }
        assert_eq!(hierarchies.find(membership, u64::MAX), None);
    }

    #[test]
    fn cpu_time_is_limited_in_one_hierarchy() {
        let (directory, hierarchies) = hybrid();
        let membership = "3:cpu,cpuacct:/docker/abc\n0::/system.slice/web.service\n";
        let cgroup = |version, mount: &str, below: &str| {
            Some(CpuCgroup { version, mount: directory.path().join(mount), below: below.into() })
        };
        assert_eq!(hierarchies.cpu(membership), cgroup(Version::Two, "unified", "system.slice/web.service"));
        let point = directory.path().to_str().expect("a plain name").replace(' ', "\\040");
        let version_1 = Hierarchies::parse(&format!(
            "32 1 0:33 / {point}/unified rw - cgroup2 cgroup2 rw\n34 1 0:35 / {point}/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        ));
        assert_eq!(version_1.cpu(membership), cgroup(Version::One, "cpu", "docker/abc"));
        assert_eq!(version_1.cpu("0::/system.slice/web.service\n"), None);
        assert_eq!(version_1.cpu("3:cpu:/../..\n"), None);
        assert_eq!(Hierarchies::default().cpu(membership), None);
    }

    #[test]
    fn a_walk_sees_every_directory_and_keeps_its_budget() {
        let (directory, hierarchies) = hybrid();
        let mut seen = Vec::new();
        hierarchies.walk(100, |identity, path| seen.push((identity, path.to_owned())));
        assert_eq!(seen.len(), 4);
        assert!(seen.contains(&(inode(&directory, "pids/docker/abc"), "/docker/abc".to_owned())));
        let mut count = 0;
        hierarchies.walk(3, |_, _| count += 1);
        assert_eq!(count, 3);
    }

    #[test]
    fn mount_points_are_unescaped() {
        assert_eq!(unescape("/a\\040b\\134c\\x"), "/a b\\c\\x");
        assert_eq!(unescape("\\"), "\\");
        assert_eq!(unescape("\\04\u{e9}"), "\\04\u{e9}");
    }
}
