//! The cgroup hierarchies of this host, the cgroups of a process, and the processes of a cgroup.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::enrich::proc::Proc;

/// Maximum depth and number of the cgroups below one that are looked at.
const MAX_DEPTH: usize = 16;
const MAX_BELOW: usize = 4_096;

/// The cgroup version of a hierarchy, which decides the names of the control files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// A hierarchy of one or a few controllers.
    One,
    /// The unified hierarchy.
    Two,
}

/// A mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Its version.
    pub version: Version,
    /// The controllers of a hierarchy of version 1, for example `cpu` and `cpuacct`.
    pub controllers: Vec<String>,
    /// The mount point.
    pub mount: PathBuf,
}

/// All hierarchies that are mounted as a whole.
#[derive(Clone, Debug, Default)]
pub struct Hierarchies(Vec<Hierarchy>);

impl Hierarchies {
    /// Finds the hierarchies in the mount namespace of this process.
    pub fn discover() -> Self {
        fs::read_to_string("/proc/self/mountinfo").map(|text| Self::parse(&text)).unwrap_or_default()
    }

    /// Parses the text of `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`). The paths in `/proc/PID/cgroup` begin at the
    /// root of a hierarchy, so a mount of a part of it is left out.
    pub fn parse(mountinfo: &str) -> Self {
        let mut all: Vec<Hierarchy> = Vec::new();
        for line in mountinfo.lines() {
            let Some((front, back)) = line.split_once(" - ") else { continue };
            let mut back = back.split(' ');
            let (version, controllers) = match back.next() {
                Some("cgroup2") => (Version::Two, Vec::new()),
                Some("cgroup") => {
                    let options = back.nth(1).unwrap_or_default().split(',');
                    (Version::One, options.filter(|name| *name != "rw").map(str::to_owned).collect())
                }
                _ => continue,
            };
            let mut front = front.split(' ').skip(3);
            let (Some("/"), Some(mount)) = (front.next(), front.next()) else { continue };
            let hierarchy =
                Hierarchy { version, controllers, mount: PathBuf::from(mount.replace("\\040", " ")) };
            let is_known =
                |known: &Hierarchy| known.version == version && known.controllers == hierarchy.controllers;
            if !all.iter().any(is_known) {
                all.push(hierarchy);
            }
        }
        Self(all)
    }

    /// The unified hierarchy.
    pub fn unified(&self) -> Option<&Hierarchy> {
        self.0.iter().find(|hierarchy| hierarchy.version == Version::Two)
    }

    /// The hierarchy of version 1 that has this controller.
    pub fn of_controller(&self, name: &str) -> Option<&Hierarchy> {
        self.0.iter().find(|hierarchy| hierarchy.controllers.iter().any(|controller| controller == name))
    }
}

impl Hierarchy {
    /// Returns the directory of a process's cgroup, or `None` if the process has ended.
    pub fn cgroup_of(&self, pid: u32, proc: &Proc) -> Option<PathBuf> {
        let memberships = proc.cgroups(pid)?;
        let path = memberships.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':');
            let (id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            let is_this = match self.version {
                Version::Two => id == "0" && controllers.is_empty(),
                Version::One => {
                    !controllers.is_empty()
                        && controllers
                            .split(',')
                            .all(|controller| self.controllers.iter().any(|own| own == controller))
                }
            };
            is_this.then_some(path)
        })?;
        let path = Path::new(path.strip_suffix(" (deleted)").unwrap_or(path));
        // A process outside the cgroup namespace of this process has a path with `..`.
        let below: PathBuf = path.components().filter(|component| *component != Component::RootDir).collect();
        let is_inside = below.components().all(|component| matches!(component, Component::Normal(_)));
        is_inside
            .then(|| if below.as_os_str().is_empty() { self.mount.clone() } else { self.mount.join(below) })
    }

    /// Returns the path of a cgroup below the root of the hierarchy, as `/proc/PID/cgroup` shows it.
    pub fn shown(&self, cgroup: &Path) -> String {
        let below = cgroup.strip_prefix(&self.mount).unwrap_or(cgroup);
        format!("/{}", below.display())
    }
}

/// Reads a control file without the line break at its end.
pub fn read(file: &Path) -> io::Result<String> {
    Ok(fs::read_to_string(file)?.trim_end().to_owned())
}

/// Writes a control file with a single call, as the kernel requires.
pub fn write(file: &Path, value: &str) -> io::Result<()> {
    use std::io::Write as _;
    fs::OpenOptions::new().write(true).open(file)?.write_all(value.as_bytes())
}

/// Returns the processes of a cgroup, without those of the cgroups below it.
pub fn processes(cgroup: &Path) -> io::Result<Vec<u32>> {
    let text = fs::read_to_string(cgroup.join("cgroup.procs"))?;
    // A process of another pid namespace is shown as 0.
    Ok(text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid != 0).collect())
}

/// Returns a cgroup and those below it, upper levels first.
pub fn subtree(cgroup: &Path) -> Vec<PathBuf> {
    let mut found = vec![cgroup.to_owned()];
    let mut next = 0;
    while next < found.len() && found.len() < MAX_BELOW {
        let directory = found[next].clone();
        next += 1;
        let depth = directory.components().count().saturating_sub(cgroup.components().count());
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        if depth < MAX_DEPTH {
            let directories =
                entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            found.extend(directories.map(|entry| entry.path()));
        }
    }
    found
}

/// Returns the processes of a cgroup and of those below it.
pub fn all_processes(cgroup: &Path) -> Vec<u32> {
    subtree(cgroup).iter().filter_map(|directory| processes(directory).ok()).flatten().collect()
}

/// Returns a field of a flat keyed file such as `cgroup.events`.
pub fn keyed(file: &Path, key: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
30 23 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro\n\
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n\
32 30 0:28 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n\
33 30 0:29 /docker/a /part rw - cgroup cgroup rw,memory\n\
34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

    #[test]
    fn hierarchies_are_found_in_the_mount_table() {
        let all = Hierarchies::parse(HYBRID);
        assert_eq!(
            all.unified().map(|found| found.mount.as_path()),
            Some(Path::new("/sys/fs/cgroup/unified"))
        );
        let cpu = all.of_controller("cpu").expect("it is mounted");
        assert_eq!(cpu.mount, Path::new("/sys/fs/cgroup/cpu,cpuacct"));
        assert!(all.of_controller("freezer").is_some());
        // Only a part of it is mounted, so no path of a process fits.
        assert!(all.of_controller("memory").is_none());
        assert!(Hierarchies::parse("garbage\n - \n").unified().is_none());
    }

    #[test]
    fn the_cgroup_of_a_process_is_a_directory_below_the_mount() {
        let scratch = tempfile::tempdir().expect("a directory");
        let write = |pid: u32, text: &str| {
            let directory = scratch.path().join(pid.to_string());
            fs::create_dir_all(&directory).expect("a directory");
            fs::write(directory.join("cgroup"), text).expect("a file");
        };
        write(1, "5:freezer:/\n3:cpu,cpuacct:/docker/a\n0::/x.slice/y.scope\n");
        write(2, "0::/../other\n3:cpu,cpuacct:/gone (deleted)\n");
        write(3, "nonsense");
        let proc = Proc::at(scratch.path());
        let all = Hierarchies::parse(HYBRID);
        let (unified, cpu) = (all.unified().expect("two"), all.of_controller("cpu").expect("one"));
        let of = |hierarchy: &Hierarchy, pid| hierarchy.cgroup_of(pid, &proc);
        assert_eq!(of(unified, 1), Some("/sys/fs/cgroup/unified/x.slice/y.scope".into()));
        assert_eq!(of(cpu, 1), Some("/sys/fs/cgroup/cpu,cpuacct/docker/a".into()));
        assert_eq!(of(cpu, 2), Some("/sys/fs/cgroup/cpu,cpuacct/gone".into()));
        assert_eq!((of(unified, 2), of(unified, 3), of(unified, 4)), (None, None, None));
        let root = all.of_controller("freezer").and_then(|freezer| freezer.cgroup_of(1, &proc));
        assert_eq!(root, Some("/sys/fs/cgroup/freezer".into()));
        assert_eq!(unified.shown(Path::new("/sys/fs/cgroup/unified/a/b")), "/a/b");
    }
}
