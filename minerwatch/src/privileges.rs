//! Capabilities that the daemon keeps after it has attached its programs.

use anyhow::Context as _;
use caps::{CapSet, Capability, CapsHashSet};

/// Capabilities that are still needed after attaching.
const KEPT: [Capability; 3] = [
    // Reads the counters of the eBPF programs. Before kernel 5.19, every bpf(2) call requires this capability.
    Capability::CAP_BPF,
    // Reads executables and namespaces of other users' processes (/proc/PID/exe, /proc/PID/ns).
    Capability::CAP_SYS_PTRACE,
    // Reads executables that only their owner may read, to hash them.
    Capability::CAP_DAC_READ_SEARCH,
];

/// Drops privileges of the calling thread: [`keep`] or [`drop_all_but_kept`].
pub type DropPrivileges = fn() -> anyhow::Result<()>;

/// Drops nothing, for commands that run only briefly.
pub fn keep() -> anyhow::Result<()> {
    Ok(())
}

/// Permanently drops every capability of the calling thread except [`KEPT`]. Threads that it starts later inherit the
/// result. A capability that the process does not have is not added.
pub fn drop_all_but_kept() -> anyhow::Result<()> {
    let kept: CapsHashSet = caps::read(None, CapSet::Permitted)
        .context("reading this process's capabilities")?
        .into_iter()
        .filter(|capability| KEPT.contains(capability))
        .collect();
    // Shrinking the bounding set requires CAP_SETPCAP. Without this capability the bounding set stays. It does no harm:
    // the daemon executes no program, so it cannot gain capabilities.
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP).unwrap_or(false) {
        for capability in caps::runtime::thread_all_supported() {
            if !kept.contains(&capability) {
                caps::drop(None, CapSet::Bounding, capability).context("shrinking the bounding set")?;
            }
        }
    }
    caps::clear(None, CapSet::Ambient).context("dropping ambient capabilities")?;
    caps::set(None, CapSet::Inheritable, &CapsHashSet::new()).context("dropping inheritable capabilities")?;
    caps::set(None, CapSet::Effective, &kept).context("dropping effective capabilities")?;
    caps::set(None, CapSet::Permitted, &kept).context("dropping permitted capabilities")?;
    Ok(())
}
