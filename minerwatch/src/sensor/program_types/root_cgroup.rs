//! The cgroup to which cgroup programs are attached.

use std::{fs::File, path::PathBuf};

use anyhow::{Context as _, anyhow};

/// Opens the root of the unified hierarchy: `/sys/fs/cgroup`, or `/sys/fs/cgroup/unified` on hosts that use both
/// versions.
pub(super) fn open() -> anyhow::Result<File> {
    let candidates = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
    let root = candidates
        .iter()
        .find(|path| PathBuf::from(path).join("cgroup.controllers").exists())
        .ok_or_else(|| anyhow!("no unified cgroup hierarchy at {}", candidates.join(" or ")))?;
    File::open(root).with_context(|| format!("opening {root}"))
}
