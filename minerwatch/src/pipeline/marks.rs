//! Marking sockets of other processes, so that the kernel side looks at what they say: those that were connected before
//! the daemon watched, and those on which a process serves that was found to speak to a pool.
//!
//! A socket is borrowed for that (`pidfd_getfd(2)`, Linux 5.6) and given back at once.

use std::{collections::VecDeque, io, os::fd::OwnedFd, time::Duration};

use anyhow::Context as _;
use rustix::{
    fs::fstat,
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};
use tracing::debug;

use super::host;
use crate::{
    enrich::snapshot,
    model::{BootTime, HeldSocket, Subject},
    sensor::Sockets,
};

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarkCounters {
    /// Sockets that were marked.
    pub marked: u64,
    /// Sockets that were gone by then, or that the kernel did not hand over.
    pub missed: u64,
}

/// How long after a process was found to speak to a pool it is looked at again for sockets on which it serves; each
/// time twice as long as the time before.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// The longest time between two looks.
const LAST_LOOK: Duration = Duration::from_secs(60);
/// Processes that are looked at; of more, the earliest are let go.
const MAX_SPEAKERS: usize = 64;

/// A process that speaks to a pool, and so may serve others with what it hears.
#[derive(Debug)]
struct Speaker {
    owner: Subject,
    next: BootTime,
    pause: Duration,
}

/// The marks, and what came of them.
#[derive(Debug)]
pub struct Marks {
    sockets: Sockets,
    speakers: VecDeque<Speaker>,
    counters: MarkCounters,
}

impl Marks {
    /// None yet.
    pub fn new(sockets: Sockets) -> Self {
        Self { sockets, speakers: VecDeque::new(), counters: MarkCounters::default() }
    }

    /// Marks sockets that were found.
    pub fn mark(&mut self, found: &[HeldSocket]) {
        for held in found {
            match borrow(held).map(|socket| self.sockets.watch(&socket, held, host::now())) {
                Ok(Ok(is_new)) => self.counters.marked += u64::from(is_new),
                Ok(Err(error)) => self.miss(held, &error.into()),
                Err(error) => self.miss(held, &error),
            }
        }
    }

    /// Marks what a process serves others with, now and as long as it runs.
    pub fn follow(&mut self, owner: Subject) {
        if self.look_at(&owner) {
            if self.speakers.len() >= MAX_SPEAKERS {
                self.speakers.pop_front();
            }
            let next = host::now().plus(FIRST_LOOK);
            self.speakers.push_back(Speaker { owner, next, pause: FIRST_LOOK });
        }
    }

    /// Lets time pass: a process may begin to serve later.
    pub fn tick(&mut self, now: BootTime) {
        let mut speakers = std::mem::take(&mut self.speakers);
        speakers.retain_mut(|speaker| {
            if speaker.next > now {
                return true;
            }
            speaker.pause = (speaker.pause * 2).min(LAST_LOOK);
            speaker.next = now.plus(speaker.pause);
            self.look_at(&speaker.owner)
        });
        self.speakers = speakers;
    }

    /// What came of it so far.
    pub fn counters(&self) -> MarkCounters {
        self.counters
    }

    /// Whether the process still runs.
    fn look_at(&mut self, owner: &Subject) -> bool {
        let served = snapshot::served_by(owner);
        self.mark(served.as_deref().unwrap_or_default());
        served.is_some()
    }

    fn miss(&mut self, held: &HeldSocket, error: &anyhow::Error) {
        self.counters.missed += 1;
        debug!(
            process = held.owner.key.pid,
            descriptor = held.descriptor,
            "a socket was not marked: {error:#}"
        );
    }
}

/// The socket itself, for as long as the answer lives.
fn borrow(held: &HeldSocket) -> anyhow::Result<OwnedFd> {
    let pid = i32::try_from(held.owner.key.pid).ok().and_then(Pid::from_raw).context("no process id")?;
    let process = pidfd_open(pid, PidfdFlags::empty()).context("the process is gone")?;
    let socket =
        pidfd_getfd(process, held.descriptor, PidfdGetfdFlags::empty()).context("not handed over")?;
    let same = fstat(&socket).map_err(io::Error::from)?.st_ino == held.inode;
    same.then_some(socket).context("another file by now")
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, os::fd::AsRawFd as _};

    use super::*;
    use crate::model::{ProcessKey, SocketSide};

    #[test]
    fn only_the_socket_that_was_found_is_borrowed() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let inode = fstat(&listener).expect("open").st_ino;
        let key = ProcessKey::from_ticks(std::process::id(), 1);
        let owner = Subject { key, tid: key.pid, uid: 0, gid: 0, cgroup: 0, container: None };
        let held = HeldSocket { owner, descriptor: listener.as_raw_fd(), inode, side: SocketSide::Listening };
        let borrowed = borrow(&held).expect("one's own sockets may be borrowed");
        assert_eq!(fstat(&borrowed).expect("open").st_ino, inode);
        assert!(borrow(&HeldSocket { inode: inode + 1, ..held.clone() }).is_err());
        drop(listener);
        assert!(borrow(&held).is_err());
    }
}
