//! Facts about this host, and the clocks that the stages use.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use rustix::time::{ClockId, clock_gettime};

use crate::model::{BootTime, HostContext, WallClock};

/// Returns the current time of the boot clock, which the kernel's records use too.
pub fn now() -> BootTime {
    let nanoseconds = nanoseconds(ClockId::Boottime);
    BootTime(u64::try_from(nanoseconds).unwrap_or(0))
}

/// Returns the current wall time, in nanoseconds since 1970.
pub fn wall_now() -> i128 {
    nanoseconds(ClockId::Realtime)
}

/// Returns the current wall time, in seconds since 1970.
pub fn unix_seconds() -> i64 {
    clock_gettime(ClockId::Realtime).tv_sec
}

/// Returns the conversion from boot time to wall time. The result changes when the clock is set.
pub fn wall_clock() -> WallClock {
    WallClock { boot: nanoseconds(ClockId::Realtime) - nanoseconds(ClockId::Boottime) }
}

fn nanoseconds(clock: ClockId) -> i128 {
    let time = clock_gettime(clock);
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

/// Length of a machine id, in hexadecimal digits.
const MACHINE_ID: usize = 32;

/// Returns the root directory of the host: that of the first process, or that of this process. In a container that sees
/// the processes of the host, they differ.
pub fn root() -> PathBuf {
    let of_first = PathBuf::from("/proc/1/root");
    if of_first.join("proc").exists() { of_first } else { PathBuf::from("/") }
}

/// Returns the host's id, which systemd or D-Bus creates at the installation.
fn machine_id() -> Option<Arc<str>> {
    // The file may say `uninitialized` while an image is built.
    let text = fs::read_to_string(root().join("etc/machine-id")).ok()?;
    let id = text.trim();
    (id.len() == MACHINE_ID && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.into())
}

/// Returns the identity of this host and its boot.
pub fn context() -> HostContext {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    HostContext {
        name: Arc::from(name),
        id: machine_id(),
        boot_id: Arc::from(boot_id.trim()),
        clock: wall_clock(),
    }
}

/// Returns the number of processors available to this process.
pub fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX))
}

/// Returns the CPU time of this process, of all its threads.
pub fn cpu_time() -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds(ClockId::ProcessCPUTime)).unwrap_or(0))
}

/// Returns the number of files that this process has open.
pub fn open_files() -> u64 {
    // The directory itself is open while it is read.
    fs::read_dir("/proc/self/fd").map_or(0, |entries| (entries.count() as u64).saturating_sub(1))
}

/// Returns the resident memory of this process, in bytes.
pub fn resident_bytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| statm.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or(0);
    pages.saturating_mul(u64::try_from(rustix::param::page_size()).unwrap_or(4096))
}
