//! Recognizes that a process opens the same file for writing again and again, as programs do that append to a log line by line.

use aya_ebpf::{helpers::bpf_get_current_pid_tgid, macros::map, maps::LruHashMap};

use crate::task;

/// Number of opens that are remembered. If it is too small, opens are only reported more often.
const MAX_OPENS: u32 = 4_096;
/// A process and a file are reported once in this time, in nanoseconds.
const SPAN: u64 = 1_000_000_000;

/// An inode number, followed by the device and the process id.
type Open = [u64; 2];

/// When an open was last reported, as [`task::tick_time`].
#[map]
static OPENS: LruHashMap<Open, u64> = LruHashMap::with_max_entries(MAX_OPENS, 0);

/// Returns whether the current process has opened this file within the last second, and that was reported. Otherwise
/// remembers the open.
#[inline(always)]
pub fn is_repeated(inode: u64, device: u32) -> bool {
    let open = [inode, u64::from(device) << 32 | bpf_get_current_pid_tgid() >> 32];
    let now = task::tick_time();
    if let Some(reported) = OPENS.get_ptr_mut(open) {
        // SAFETY: a live row. Two threads that open the file at the same time may both be reported.
        let reported = unsafe { &mut *reported };
        if now.wrapping_sub(*reported) < SPAN {
            return true;
        }
        *reported = now;
        return false;
    }
    let _ = OPENS.insert(open, now, 0);
    false
}
