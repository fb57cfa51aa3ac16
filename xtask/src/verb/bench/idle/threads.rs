//! The CPU time of a process's threads.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// What a thread has used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The kernel's ID of the thread.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Time on a CPU, in nanoseconds.
    pub nanoseconds: u64,
    /// How often it slept and was woken.
    pub wake_ups: u64,
}

/// Returns the threads of a process.
pub fn of(pid: u32) -> Result<Vec<Thread>> {
    let directory = Path::new("/proc").join(pid.to_string()).join("task");
    let entries = fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    // A thread that ends during the scan is left out.
    Ok(entries.flatten().filter_map(|entry| read(&entry.path())).collect())
}

/// Returns what the threads have used since an earlier reading, the busiest first. A thread that is new is counted from
/// its start.
pub fn since(before: &[Thread], after: Vec<Thread>) -> Vec<Thread> {
    let mut threads: Vec<_> = after
        .into_iter()
        .map(|thread| match before.iter().find(|earlier| earlier.id == thread.id) {
            None => thread,
            Some(earlier) => Thread {
                nanoseconds: thread.nanoseconds.saturating_sub(earlier.nanoseconds),
                wake_ups: thread.wake_ups.saturating_sub(earlier.wake_ups),
                ..thread
            },
        })
        .collect();
    threads.sort_by_key(|thread| std::cmp::Reverse(thread.nanoseconds));
    threads
}

fn read(task: &Path) -> Option<Thread> {
    let text = |file: &str| fs::read_to_string(task.join(file)).ok();
    let id = task.file_name()?.to_str()?.parse().ok()?;
    parse(id, &text("comm")?, &text("schedstat")?, &text("status")?)
}

/// Parses `comm`, `schedstat` (its first field is the time on a CPU) and `status`; see proc(5) and the kernel's
/// Documentation/scheduler/sched-stats.rst.
fn parse(id: u32, comm: &str, schedstat: &str, status: &str) -> Option<Thread> {
    let wake_ups = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
    Some(Thread {
        id,
        name: comm.trim_end().to_owned(),
        nanoseconds: schedstat.split_whitespace().next()?.parse().ok()?,
        wake_ups: wake_ups.trim().parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_read_from_proc() {
        let status = "Name:\tmain\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n";
        let thread = parse(7, "main\n", "5000000 20 15\n", status).unwrap();
        assert_eq!(thread, Thread { id: 7, name: "main".into(), nanoseconds: 5_000_000, wake_ups: 12 });
        assert_eq!(parse(7, "main\n", "", status), None);
        assert_eq!(parse(7, "main\n", "1 2 3", "nonvoluntary_ctxt_switches:\t3\n"), None);
    }

    #[test]
    fn only_what_was_used_since_counts() {
        let thread = |id, nanoseconds, wake_ups| Thread { id, name: id.to_string(), nanoseconds, wake_ups };
        let used = since(&[thread(1, 100, 10), thread(2, 50, 5)], vec![thread(1, 150, 12), thread(3, 70, 1)]);
        assert_eq!(used, [thread(3, 70, 1), thread(1, 50, 2)]);
    }

    #[test]
    fn the_own_threads_are_read() {
        assert!(!of(std::process::id()).unwrap().is_empty());
    }
}
