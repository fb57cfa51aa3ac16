//! What the daemon keeps of root's power once everything is attached.

use anyhow::Context as _;
use caps::{CapSet, Capability, CapsHashSet};

/// What goes on needing a capability after attaching.
const KEPT: [Capability; 3] = [
    // Reading the kernel side's counters: until kernel 5.19 every bpf(2) call asks for it.
    Capability::CAP_BPF,
    // The executable and the namespaces of other users' processes (/proc/PID/exe, /proc/PID/ns).
    Capability::CAP_SYS_PTRACE,
    // Hashing executables that only their owner may read.
    Capability::CAP_DAC_READ_SEARCH,
];

/// Lets go of the calling thread's privileges, as the command wants it.
pub type DropPrivileges = fn() -> anyhow::Result<()>;

/// Keeps them: for commands that end soon.
pub fn keep() -> anyhow::Result<()> {
    Ok(())
}

/// Drops every capability of the calling thread but [`KEPT`], for good; threads started later inherit that.
/// What the process never had it does not get.
pub fn drop_all_but_kept() -> anyhow::Result<()> {
    let kept: CapsHashSet = caps::read(None, CapSet::Permitted)
        .context("reading this process's capabilities")?
        .into_iter()
        .filter(|capability| KEPT.contains(capability))
        .collect();
    // The bounding set can only be shrunk with CAP_SETPCAP; without it there is no way to gain anything
    // either, as the daemon executes nothing.
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
