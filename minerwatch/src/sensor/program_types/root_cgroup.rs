//! The cgroup to which cgroup programs are attached: the root of the host's unified hierarchy. A program that is attached
//! to any other cgroup sees only the sockets in it.

use std::{
    fs::{self, File},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::Path,
    thread,
};

use anyhow::{Context as _, anyhow, bail};
use rustix::{
    mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

/// File number of the root of a hierarchy (`kernfs_root_to_node`; numbers count from 1, fs/kernfs/dir.c).
const ROOT: u64 = 1;

/// Where systems mount the unified hierarchy: alone, or beside those of version 1.
const USUAL: [&str; 2] = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

/// File number of the host's cgroup namespace (`PROC_CGROUP_INIT_INO`, `include/linux/proc_ns.h`).
const HOST_CGROUP_NAMESPACE: u64 = 0xEFFF_FFFB;

/// Opens the root cgroup. If it is not mounted, as on hosts with version 1 only or in a cgroup namespace, it is mounted for
/// this process alone.
pub(super) fn open() -> anyhow::Result<OwnedFd> {
    for path in USUAL {
        if Path::new(path).join("cgroup.controllers").exists() && number(path)? == ROOT {
            return Ok(File::open(path).with_context(|| format!("opening {path}"))?.into());
        }
    }
    // Only the new thread enters the namespace.
    let mounted = thread::spawn(mount).join().unwrap_or_else(|_| bail!("the thread panicked"));
    mounted.with_context(|| {
        format!("the root of the cgroup hierarchy is not at {}, and cannot be mounted", USUAL.join(" or "))
    })
}

/// Mounts the unified hierarchy without giving it a path. Moves the calling thread into the host's cgroup namespace, because
/// a mount begins at the root of the namespace.
fn mount() -> anyhow::Result<OwnedFd> {
    if number("/proc/self/ns/cgroup").is_ok_and(|own| own != HOST_CGROUP_NAMESPACE) {
        enter_host_namespace()?;
    }
    let context = fsopen("cgroup2", FsOpenFlags::FSOPEN_CLOEXEC).context("fsopen")?;
    fsconfig_create(&context).context("fsconfig")?;
    let root =
        fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty()).context("fsmount")?;
    let found = rustix::fs::fstat(&root).context("fstat")?.st_ino;
    if found != ROOT {
        bail!(
            "the mount begins at the cgroup {found}: start minerwatch in the host's cgroup namespace \
               (docker: --cgroupns=host)"
        );
    }
    Ok(root)
}

/// Moves the calling thread. The namespace is that of the first process or of the kernel's own threads.
fn enter_host_namespace() -> anyhow::Result<()> {
    let namespaces = ["/proc/1/ns/cgroup", "/proc/2/ns/cgroup"];
    let namespace = namespaces
        .iter()
        .filter_map(|path| File::open(path).ok())
        .find(|file| file.metadata().is_ok_and(|file| file.ino() == HOST_CGROUP_NAMESPACE))
        .ok_or_else(|| {
            anyhow!("minerwatch is in a cgroup namespace of its own, and cannot enter the host's: start it in the \
                     host's (docker: --cgroupns=host)")
        })?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::ControlGroup))
        .context("entering the host's cgroup namespace")
}

fn number(path: &str) -> anyhow::Result<u64> {
    Ok(fs::metadata(path).with_context(|| path.to_owned())?.ino())
}
