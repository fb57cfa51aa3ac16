//! Reads one process below `/proc/PID`.

use std::{collections::HashMap, fs, os::unix::fs::MetadataExt, sync::Arc};

use super::{found::Found, memory};
use crate::{
    enrich::{
        hierarchy::Hierarchies,
        proc::{Proc, Stat, Status, file_id},
    },
    model::{Credentials, Executable, ExecutableFlags, Namespaces, ProcessKey, RunningProcess},
};

/// Maximum length of the arguments, in bytes. The exec hook has the same limit.
const MAX_ARGUMENTS: u64 = 4096;
const MAX_STATUS: u64 = 16 << 10;

/// Process id of kthreadd, the parent of all kernel threads.
const KTHREADD: u32 = 2;

/// Reads a process. Returns `None` if the process has ended, or if it may not be read. `cgroups` caches the cgroup id
/// for each text of `/proc/PID/cgroup`.
pub(super) fn read(
    proc: &Proc,
    hierarchies: &Hierarchies,
    cgroups: &mut HashMap<String, u64>,
    pid: u32,
) -> Option<Found> {
    let stat = proc.stat(pid)?;
    let status_text = proc.read(pid, "status", MAX_STATUS).ok()?;
    let status = Status::parse(&status_text)?;
    let kernel_thread = stat.kernel_thread || pid == KTHREADD;
    let running = RunningProcess {
        parent: None,
        executable: if kernel_thread { no_executable() } else { executable(proc, pid) },
        name: stat.name.as_str().into(),
        arguments: arguments(&proc.read(pid, "cmdline", MAX_ARGUMENTS).unwrap_or_default()),
        directory: link(proc, pid, "cwd").unwrap_or_default().into(),
        credentials: Credentials {
            uid: status.uid,
            gid: status.gid,
            user: None,
            capabilities: status.capabilities,
        },
        namespaces: namespaces(proc, pid),
        session: stat.session,
        kernel_thread,
    };
    let cgroup = cgroup(proc, hierarchies, cgroups, pid);
    let memory = if kernel_thread { Vec::new() } else { memory::read(proc, pid, &status_text) };
    // If the process id was reused meanwhile, the result would mix two processes.
    let after: Stat = proc.stat(pid)?;
    (after.start_ticks == stat.start_ticks).then(|| Found {
        key: ProcessKey::from_ticks(pid, stat.start_ticks),
        parent: stat.parent,
        cgroup,
        running,
        memory,
    })
}

fn cgroup(proc: &Proc, hierarchies: &Hierarchies, cgroups: &mut HashMap<String, u64>, pid: u32) -> u64 {
    let Some(text) = proc.cgroups(pid) else { return 0 };
    if let Some(known) = cgroups.get(&text) {
        return *known;
    }
    let identity = hierarchies.own_cgroup(&text).map_or(0, |(identity, _)| identity);
    cgroups.insert(text, identity);
    identity
}

fn no_executable() -> Executable {
    Executable { path: "".into(), file: None, flags: ExecutableFlags::default() }
}

/// Reads the executable from the link `/proc/PID/exe`. Its text is a path, to which the kernel may add remarks:
/// `/memfd:NAME (deleted)`, `/path (deleted)`. A file may really have such a name, so the link count decides whether
/// the file is deleted.
fn executable(proc: &Proc, pid: u32) -> Executable {
    let Some(text) = link(proc, pid, "exe") else { return no_executable() };
    let metadata = fs::metadata(proc.path(pid, "exe")).ok();
    let unlinked = metadata.as_ref().is_none_or(|metadata| metadata.nlink() == 0);
    let stripped = text.strip_suffix(" (deleted)").filter(|_| unlinked);
    let memfd = unlinked && text.starts_with("/memfd:");
    Executable {
        path: stripped.unwrap_or(&text).into(),
        file: metadata.map(|metadata| file_id(metadata.dev(), metadata.ino())),
        flags: ExecutableFlags { memfd, deleted: stripped.is_some(), foreign: false },
    }
}

/// Splits the command line. Each argument ends with a NUL byte; the last argument may be truncated.
fn arguments(bytes: &[u8]) -> Arc<[Arc<str>]> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    if bytes.is_empty() {
        return Arc::new([]);
    }
    bytes.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into()).collect()
}

fn link(proc: &Proc, pid: u32, name: &str) -> Option<String> {
    let target = proc.path(pid, name).read_link().ok()?;
    Some(target.to_string_lossy().into_owned())
}

/// Reads the namespaces of a process. The id of an unreadable namespace is 0.
fn namespaces(proc: &Proc, pid: u32) -> Namespaces {
    let inode = |name: &str| {
        let link = proc.path(pid, "ns").join(name).read_link().ok()?;
        // `net:[4026531840]`
        link.to_str()?.split_once('[')?.1.strip_suffix(']')?.parse().ok()
    };
    Namespaces {
        mount: inode("mnt").unwrap_or(0),
        pid: inode("pid").unwrap_or(0),
        network: inode("net").unwrap_or(0),
        user: inode("user").unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_split_at_their_ends() {
        let cases: &[(&[u8], &[&str])] = &[
            (b"", &[]),
            (b"\0", &[]),
            (b"sh\0-c\0\0x y\0", &["sh", "-c", "", "x y"]),
            (b"cut", &["cut"]),
            (b"\xff\0", &["\u{fffd}"]),
        ];
        for (bytes, expected) in cases {
            let found = arguments(bytes);
            assert_eq!(found.iter().map(|argument| &**argument).collect::<Vec<_>>(), *expected);
        }
    }
}
