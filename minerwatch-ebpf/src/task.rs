//! The identity of a task.

use aya_ebpf::helpers::{
    bpf_get_current_pid_tgid, bpf_get_current_uid_gid,
    generated::{bpf_get_current_cgroup_id, bpf_jiffies64, bpf_ktime_get_boot_ns},
};
use minerwatch_common::{ABSENT, CGROUP_V1, Record, RecordHeader};

use crate::{
    constants::{offset, setting},
    kernel::{Address, Unreadable, load},
};

/// Id of the root cgroup of a hierarchy (`kernfs`, fs/kernfs/dir.c: ids count from 1).
const ROOT_CGROUP: u64 = 1;

/// Returns the time in nanoseconds of `CLOCK_BOOTTIME`.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// Returns the lower half of the number of ticks since the boot. Costs less than [`now`]: the verifier replaces the call
/// by a load.
#[inline(always)]
pub fn ticks() -> u32 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_jiffies64() as u32 }
}

/// Returns the time of the last tick, in nanoseconds from some moment before the boot. It is the same on all CPUs.
#[inline(always)]
pub fn tick_time() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_jiffies64() }.wrapping_mul(setting!(tick))
}

/// Reads the start time of the process that a task belongs to, in nanoseconds of `CLOCK_BOOTTIME`.
#[inline(always)]
pub fn start_of(task: Address) -> Result<u64, Unreadable> {
    task.follow(offset!(task_leader))?.read(offset!(task_start))
}

/// Whether the current process is the daemon, whose own activity is not reported.
#[inline(always)]
pub fn is_agent() -> bool {
    (bpf_get_current_pid_tgid() >> 32) as u32 == setting!(agent_pid)
}

/// Returns the header of a record about the current process. The length in the header does not include a tail.
#[inline(always)]
pub fn current_header<R: Record>() -> RecordHeader {
    let task = Address::current_task();
    header::<R>(task, start_of(task).unwrap_or(0))
}

/// Returns the same header. `task` is the current task, whose type the verifier knows, so that its fields are plain loads.
#[inline(always)]
pub fn header_of_current<R: Record>(task: *const u8) -> RecordHeader {
    let start = load!(load!(task, task_leader, *const u8), task_start, u64);
    header::<R>(Address(task as u64), start)
}

#[inline(always)]
fn header<R: Record>(task: Address, start: u64) -> RecordHeader {
    let ids = bpf_get_current_pid_tgid();
    let owners = bpf_get_current_uid_gid();
    RecordHeader {
        kind: R::KIND as u16,
        reserved: 0,
        length: size_of::<R>() as u32,
        time: now(),
        start,
        cgroup: current_cgroup(task),
        pid: (ids >> 32) as u32,
        tid: ids as u32,
        uid: owners as u32,
        gid: (owners >> 32) as u32,
    }
}

/// Returns the id of the cgroup of the current task in the unified hierarchy. On hosts that still use version 1
/// controllers, the task may be in the root of the unified hierarchy. The result is then the cgroup of the pids
/// controller, marked with [`CGROUP_V1`].
#[inline(always)]
fn current_cgroup(task: Address) -> u64 {
    // SAFETY: the helper has no preconditions.
    let unified = unsafe { bpf_get_current_cgroup_id() };
    if unified > ROOT_CGROUP {
        return unified;
    }
    match pids_cgroup(task) {
        Ok(id) if id > ROOT_CGROUP => id | CGROUP_V1,
        _ => unified,
    }
}

#[inline(always)]
fn pids_cgroup(task: Address) -> Result<u64, Unreadable> {
    let controller = offset!(pids_controller);
    if controller == ABSENT {
        return Err(Unreadable);
    }
    let subsystems = task.follow(offset!(task_cgroups))?.field(offset!(css_set_subsystems))?;
    subsystems
        .follow(controller * size_of::<u64>() as u32)?
        .follow(offset!(css_cgroup))?
        .follow(offset!(cgroup_node))?
        .read(offset!(node_id))
}
