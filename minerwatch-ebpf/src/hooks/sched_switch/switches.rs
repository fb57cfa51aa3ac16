//! Adds up the context switches of a process, which the kernel counts per thread.

use crate::{
    constants::offset,
    kernel::{Address, Unreadable},
};

/// Maximum number of threads whose switches are added up. Those of further threads are left out.
const MAX_THREADS: u32 = 128;

/// The context switches of a process.
#[derive(Clone, Copy)]
pub struct Switches {
    /// Switches in which a thread went to sleep or waited (`nvcsw`).
    pub voluntary: u64,
    /// Switches in which a thread could have continued (`nivcsw`).
    pub involuntary: u64,
    /// Number of threads, 0 if unknown.
    pub threads: u32,
}

/// Returns the switches of all threads since the process began, also of threads that ended.
#[inline(never)]
pub fn of_process(task: Address) -> Switches {
    let mut switches = Switches { voluntary: 0, involuntary: 0, threads: 0 };
    let _ = add_up(task, &mut switches);
    switches
}

#[inline(always)]
fn add_up(task: Address, switches: &mut Switches) -> Result<(), Unreadable> {
    let signal = task.follow(offset!(task_signal))?;
    switches.threads = signal.read(offset!(signal_threads))?;
    switches.voluntary = signal.read(offset!(signal_voluntary))?;
    switches.involuntary = signal.read(offset!(signal_involuntary))?;
    let head = signal.field(offset!(signal_thread_head))?;
    let node_offset = u64::from(offset!(task_thread_node));
    let mut node = head.follow(0)?;
    for _ in 0..MAX_THREADS {
        if node == head {
            break;
        }
        let thread = Address(node.0.wrapping_sub(node_offset));
        switches.voluntary = switches.voluntary.wrapping_add(thread.read(offset!(task_voluntary))?);
        switches.involuntary = switches.involuntary.wrapping_add(thread.read(offset!(task_involuntary))?);
        node = node.follow(0)?;
    }
    Ok(())
}
