//! Sends signals to processes, never to a process that reused a pid.

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

use super::tree::Running;
use crate::{enrich::proc::Proc, model::ProcessKey};

/// Sends a signal. Returns whether the process was there.
pub fn send(process: ProcessKey, signal: Signal, proc: &Proc) -> Result<bool, Errno> {
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
    let handle = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(Errno::SRCH | Errno::INVAL) => return Ok(false),
        Err(error) => return Err(error),
    };
    // The handle stays with the process, so the check comes after it was opened.
    if Running::read(process.pid, proc).is_none_or(|running| running.key != process) {
        return Ok(false);
    }
    match pidfd_send_signal(handle, signal) {
        Ok(()) => Ok(true),
        Err(Errno::SRCH) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns the state of a process as a letter (`proc_pid_stat(5)`), or `None` if it has ended.
pub fn state(process: ProcessKey, proc: &Proc) -> Option<char> {
    let stat = proc.stat(process.pid)?;
    (stat.start_ticks == process.start_ticks).then_some(stat.state)
}

/// Whether a process has ended, or only waits for its parent to notice.
pub fn has_ended(process: ProcessKey, proc: &Proc) -> bool {
    state(process, proc).is_none_or(|state| matches!(state, 'Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_reaches_only_the_process_that_was_meant() {
        let proc = Proc::default();
        let mut child = std::process::Command::new("sleep").arg("30").spawn().expect("it starts");
        let key = Running::read(child.id(), &proc).expect("it runs").key;
        let other = ProcessKey::from_ticks(key.pid, key.start_ticks + 1);
        assert_eq!(send(other, Signal::KILL, &proc), Ok(false));
        assert!(!has_ended(key, &proc));
        assert_eq!(send(key, Signal::KILL, &proc), Ok(true));
        child.wait().expect("our child");
        assert_eq!(send(key, Signal::KILL, &proc), Ok(false));
        assert!(has_ended(key, &proc));
    }
}
