//! Checks that programs are still attached to their cgroup. A process that may use the bpf system call can detach these, also
//! while the daemon holds the link. The other types of link end only when the daemon closes them.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::Path,
};

use aya::Ebpf;
use tracing::debug;

/// The field of a link's `/proc/PID/fdinfo/FD` that names the cgroup (kernel/bpf/cgroup.c, since 5.8). It is 0 when the
/// link is detached.
const CGROUP: &str = "cgroup_id:";
/// The field that names the program.
const PROGRAM: &str = "prog_id:";

/// The links to cgroups.
#[derive(Debug, Default)]
pub(super) struct Links(Vec<CgroupLink>);

#[derive(Debug)]
struct CgroupLink {
    program: String,
    fdinfo: File,
}

impl Links {
    /// Finds the links of this process to cgroups. Call this after the programs are attached.
    pub fn find(programs: &Ebpf) -> Self {
        let names: Vec<(u32, &str)> = programs
            .programs()
            .filter_map(|(name, program)| Some((program.info().ok()?.id(), name)))
            .collect();
        let links: Vec<CgroupLink> =
            own_links().filter_map(|fdinfo| CgroupLink::new(fdinfo, &names)).collect();
        debug!(count = links.len(), "links to cgroups are watched");
        Self(links)
    }

    /// Returns the names of the programs whose link is detached.
    pub fn detached(&self) -> Vec<String> {
        let is_detached = |link: &&CgroupLink| field(&link.fdinfo, CGROUP) == Some(0);
        self.0.iter().filter(is_detached).map(|link| link.program.clone()).collect()
    }
}

impl CgroupLink {
    /// Returns `None` for links of other types.
    fn new(fdinfo: File, names: &[(u32, &str)]) -> Option<Self> {
        field(&fdinfo, CGROUP).filter(|cgroup| *cgroup != 0)?;
        let id = field(&fdinfo, PROGRAM)?;
        let (_, name) = names.iter().find(|(program, _)| u64::from(*program) == id)?;
        Some(Self { program: (*name).to_owned(), fdinfo })
    }
}

/// Opens the `fdinfo` file of each link that this process holds.
fn own_links() -> impl Iterator<Item = File> {
    let descriptors = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    descriptors.filter_map(|entry| {
        let target = fs::read_link(entry.path()).ok()?;
        // Some kernels put the name in brackets.
        let is_link = target.to_str()?.trim_end_matches(']').ends_with("bpf_link");
        let path = Path::new("/proc/self/fdinfo").join(entry.file_name());
        is_link.then(|| File::open(path).ok()).flatten()
    })
}

/// Returns a number of an `fdinfo` file.
fn field(fdinfo: &File, name: &str) -> Option<u64> {
    let mut text = [0; 1024];
    let length = fdinfo.read_at(&mut text, 0).ok()?;
    let text = str::from_utf8(text.get(..length)?).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok()
}
