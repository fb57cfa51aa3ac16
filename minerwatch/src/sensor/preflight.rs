//! What must hold before anything is loaded, so that a person gets the reason and not a kernel's EPERM.

use std::path::Path;

use caps::{CapSet, Capability};
use tracing::{debug, warn};

use super::{SensorError, btf};

/// Where tracefs belongs; systemd mounts it there.
const TRACEFS: &str = "/sys/kernel/tracing";

/// Checks capabilities and type information, and mounts tracefs where nobody has.
pub fn check() -> Result<(), SensorError> {
    let missing = missing_capabilities();
    if !missing.is_empty() {
        return Err(SensorError::NotPermitted { missing });
    }
    if !Path::new(btf::VMLINUX).exists() {
        return Err(SensorError::NoTypes { path: btf::VMLINUX.into() });
    }
    mount_tracefs();
    Ok(())
}

/// The capabilities the sensor needs and this process lacks. `CAP_SYS_ADMIN` stands for the finer ones, as
/// on kernels that do not know them.
pub fn missing_capabilities() -> Vec<&'static str> {
    let held = caps::read(None, CapSet::Effective).unwrap_or_default();
    if held.contains(&Capability::CAP_SYS_ADMIN) {
        return Vec::new();
    }
    [
        (Capability::CAP_BPF, "CAP_BPF"),
        (Capability::CAP_PERFMON, "CAP_PERFMON"),
        (Capability::CAP_NET_ADMIN, "CAP_NET_ADMIN"),
        (Capability::CAP_SYS_ADMIN, "CAP_SYS_ADMIN"),
    ]
    .into_iter()
    .filter(|(capability, _)| !held.contains(capability))
    .map(|(_, name)| name)
    .collect()
}

/// System-call tracepoints are found by their number in tracefs. A failure costs those hooks only, and the
/// report of the sensor will say so.
fn mount_tracefs() {
    if Path::new(TRACEFS).join("events").exists() || Path::new("/sys/kernel/debug/tracing/events").exists() {
        return;
    }
    match rustix::mount::mount(
        "tracefs",
        TRACEFS,
        "tracefs",
        rustix::mount::MountFlags::NOSUID
            | rustix::mount::MountFlags::NODEV
            | rustix::mount::MountFlags::NOEXEC,
        None,
    ) {
        Ok(()) => debug!("mounted tracefs at {TRACEFS}"),
        Err(error) => warn!("tracefs is not mounted at {TRACEFS} and cannot be: {error}"),
    }
}
