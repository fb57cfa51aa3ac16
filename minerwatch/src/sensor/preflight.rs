//! Runs checks before any program is loaded, so that the user gets a clear reason instead of the kernel's EPERM.

use std::{os::unix::fs::MetadataExt as _, path::Path};

use caps::{CapSet, Capability};
use tracing::{debug, warn};

use super::{btf, error::SensorError};

/// The usual mount point of tracefs.
const TRACEFS: &str = "/sys/kernel/tracing";

/// File number of the host's PID namespace (`PROC_PID_INIT_INO`, `include/linux/proc_ns.h`; `PID_NS_INIT_INO` in
/// newer kernels).
const HOST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// Checks capabilities, the PID namespace and type information. Mounts tracefs if it is not mounted.
pub fn check() -> Result<(), SensorError> {
    let missing = missing_capabilities();
    if !missing.is_empty() {
        return Err(SensorError::NotPermitted { missing });
    }
    // The programs report the numbers that processes have on the host. If the file cannot be read, nothing is known.
    let namespace = std::fs::metadata("/proc/self/ns/pid").map(|file| file.ino());
    if namespace.is_ok_and(|number| number != HOST_PID_NAMESPACE) {
        return Err(SensorError::OwnPidNamespace);
    }
    if !Path::new(btf::VMLINUX).exists() {
        return Err(SensorError::NoTypes { path: btf::VMLINUX.into() });
    }
    mount_tracefs();
    Ok(())
}

/// Returns the capabilities that the sensor needs and this process lacks. `CAP_SYS_ADMIN` includes all the others.
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

/// Mounts tracefs, which the hooks on system-call tracepoints need. If the mount fails, only those hooks are
/// unavailable, and the sensor's report says so.
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
        Err(error) => warn!("cannot mount tracefs at {TRACEFS}: {error}"),
    }
}
