//! Makes busy threads leave their CPU now and then, so that the kernel saves what their arithmetic does.
//!
//! A worker that has a core to itself is hardly ever switched out, and the rounding witness sees a thread only
//! when it is. So one thread of real-time priority goes round: it looks which CPUs run a process just now and
//! visits each of them for some microseconds, by asking to run there and nowhere else. On patrol it does so
//! ten times a second; where a process was found with an odd rounding mode, a hundred times a second for some
//! seconds. It knows nothing of verdicts, and forgets nothing: a process that begins to hash after a week is
//! visited like a new one.

use std::{
    fs,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustix::thread::{CpuSet, sched_setaffinity};
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};
use tracing::{debug, warn};

use crate::{detect::compute::CLOSE_SAMPLING, privileges::DropPrivileges, sensor::CurrentPids};

/// CPUs that the administrator has set apart from ordinary work: lists as `2-3,8`. What polls there may lose packets by
/// a visit, so nobody goes there.
const SET_APART: [&str; 2] = ["/sys/devices/system/cpu/isolated", "/sys/devices/system/cpu/nohz_full"];

/// Between two rounds of the patrol. A full-time RandomX worker shows itself in two looks of three, one that
/// hashes a twentieth of the time about every three seconds.
const PATROL: Duration = Duration::from_millis(100);
/// Between two visits to a process that needs more looks.
const CLOSER: Duration = Duration::from_millis(10);
/// Processes visited more often at once; the one that has been longest makes room.
const MAX_CLOSER: usize = 64;

/// What the sampler did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SamplerCounters {
    /// CPUs visited while they ran a process.
    pub visits: u64,
    /// Visits that the system refused: CPUs out of bounds for this daemon.
    pub refused: u64,
    /// Processes visited more often for a while.
    pub closer: u64,
}

/// The running sampler; ends when dropped.
#[derive(Debug)]
pub struct Sampler {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    orders: Mutex<Orders>,
    changed: Condvar,
    visits: AtomicU64,
    refused: AtomicU64,
    closer: AtomicU64,
}

#[derive(Debug, Default)]
struct Orders {
    stop: bool,
    /// Processes to be visited more often, and until when.
    closer: Vec<(u32, Instant)>,
}

impl Sampler {
    /// Starts the thread; it takes its priority, lets go of its privileges with `drop_privileges`, and only
    /// then this returns.
    pub fn start(running: CurrentPids, drop_privileges: DropPrivileges) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (ready, outcome) = mpsc::channel();
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("sampler".to_owned())
            .spawn(move || {
                let realtime = take_priority();
                let dropped = drop_privileges();
                let may_go_on = dropped.is_ok();
                if ready.send((realtime, dropped)).is_ok() && may_go_on {
                    go_round(&of_thread, &running);
                }
            })
            .context("starting the sampler's thread")?;
        let sampler = Self { shared, thread: Some(thread) };
        let (realtime, dropped) = outcome.recv().context("the sampler's thread")?;
        dropped.context("the sampler's thread")?;
        if let Err(reason) = realtime {
            warn!(
                "the sampler has no real-time priority ({reason}): a miner alone on its core is found more slowly. It \
                 takes CAP_SYS_NICE, and where the kernel groups real-time tasks, cpu.rt_runtime_us above 0 in its cgroup"
            );
        }
        Ok(sampler)
    }

    /// Visits a process more often for [`CLOSE_SAMPLING`].
    pub fn look_closer(&self, pid: u32) {
        let until = Instant::now() + CLOSE_SAMPLING;
        let mut orders = self.shared.orders();
        orders.closer.retain(|(known, _)| *known != pid);
        if orders.closer.len() >= MAX_CLOSER {
            orders.closer.remove(0);
        }
        orders.closer.push((pid, until));
        drop(orders);
        self.shared.closer.fetch_add(1, Ordering::Relaxed);
        self.shared.changed.notify_one();
    }

    /// What it did so far.
    pub fn counters(&self) -> SamplerCounters {
        SamplerCounters {
            visits: self.shared.visits.load(Ordering::Relaxed),
            refused: self.shared.refused.load(Ordering::Relaxed),
            closer: self.shared.closer.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.shared.orders().stop = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It can only have panicked, and then it has said so.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next round, at the latest at `patrol`. The processes to be visited more often, or `None`
    /// at the end.
    fn wait(&self, patrol: Instant) -> Option<Vec<u32>> {
        let mut orders = self.orders();
        let started = Instant::now();
        loop {
            let now = Instant::now();
            if orders.stop {
                return None;
            }
            orders.closer.retain(|(_, until)| *until > now);
            let next = if orders.closer.is_empty() { patrol } else { patrol.min(started + CLOSER) };
            let Some(left) = next.checked_duration_since(now).filter(|left| !left.is_zero()) else {
                return Some(orders.closer.iter().map(|(pid, _)| *pid).collect());
            };
            (orders, _) = self.changed.wait_timeout(orders, left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The lowest of the real-time priorities is above every ordinary thread.
fn take_priority() -> Result<(), thread_priority::Error> {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy)
}

/// Whether this process may take real-time priority, found by trying in a thread that ends at once.
pub fn may_be_realtime() -> Result<(), String> {
    let outcome = thread::spawn(take_priority).join().map_err(|_| "the attempt failed".to_owned())?;
    outcome.map_err(|error| error.to_string())
}

fn go_round(shared: &Shared, running: &CurrentPids) {
    let own = std::process::id();
    let set_apart: Vec<usize> = SET_APART
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .flat_map(|list| cpus(&list))
        .collect();
    let mut patrol = Instant::now();
    while let Some(closer) = shared.wait(patrol) {
        let now = Instant::now();
        let on_patrol = now >= patrol;
        if on_patrol {
            patrol = now + PATROL;
        }
        let busy = match running.read() {
            Ok(busy) => busy,
            Err(error) => {
                debug!(%error, "who runs where cannot be read");
                continue;
            }
        };
        for (cpu, pid) in busy.iter().enumerate() {
            let wanted = *pid != 0 && *pid != own && (on_patrol || closer.contains(pid));
            if wanted && !set_apart.contains(&cpu) {
                visit(shared, cpu);
            }
        }
    }
}

/// The CPUs of a list of the kernel's (`2-3,8`); what is no list has none.
fn cpus(text: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse::<usize>().ok()?.min(CpuSet::MAX_CPU))
    };
    text.trim().split(',').filter_map(range).flatten().collect()
}

/// Runs on this CPU: whoever ran there has left it when the call returns.
fn visit(shared: &Shared, cpu: usize) {
    if cpu >= CpuSet::MAX_CPU {
        return;
    }
    let mut only = CpuSet::new();
    only.set(cpu);
    let outcome = sched_setaffinity(None, &only);
    let counter = if outcome.is_ok() { &shared.visits } else { &shared.refused };
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_ends_at_the_patrol_and_sooner_where_more_looks_are_wanted() {
        let shared = Shared::default();
        let start = Instant::now();
        assert_eq!(shared.wait(start + Duration::from_millis(30)), Some(Vec::new()));
        assert!(start.elapsed() >= Duration::from_millis(30));
        shared.orders().closer.push((7, Instant::now() + Duration::from_secs(60)));
        let start = Instant::now();
        assert_eq!(shared.wait(start + Duration::from_secs(60)), Some(vec![7]));
        assert!(start.elapsed() >= CLOSER && start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn lists_of_cpus() {
        assert_eq!(cpus("2-4,8\n"), [2, 3, 4, 8]);
        assert_eq!(cpus("0"), [0]);
        for nothing in ["", "\n", "(null)", "4-2", "x-y", "1-"] {
            assert_eq!(cpus(nothing), [0_usize; 0], "{nothing}");
        }
        assert_eq!(cpus("0-99999999999").len(), CpuSet::MAX_CPU + 1, "bounded");
    }

    #[test]
    fn what_is_over_is_forgotten_and_the_end_comes_at_once() {
        let shared = Shared::default();
        shared.orders().closer.push((7, Instant::now()));
        assert_eq!(shared.wait(Instant::now()), Some(Vec::new()));
        shared.orders().stop = true;
        assert_eq!(shared.wait(Instant::now() + Duration::from_secs(60)), None);
    }
}
