//! Preempts busy threads from time to time, so that the kernel saves their FPU state.
//!
//! The kernel side reads a thread's rounding mode when the thread is switched out. A worker on its own core is rarely
//! switched out. Therefore one thread with real-time priority finds the CPUs that run a process. It visits each of them
//! for some microseconds, by setting its own affinity to that CPU.
//!
//! A patrol visits all these CPUs ten times per second. A process with an unusual rounding mode is boosted: its CPUs
//! are visited a hundred times per second for some seconds.
//!
//! The sampler keeps no state about processes except boosts. So a process that starts to mine after a week is sampled
//! like a new one.

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

use crate::{privileges::DropPrivileges, sensor::CurrentPids};

/// Files that list the CPUs isolated by the administrator, such as `2-3,8`. These CPUs are never visited, because a
/// visit could make a program that polls there lose packets.
const ISOLATED_CPUS: [&str; 2] = ["/sys/devices/system/cpu/isolated", "/sys/devices/system/cpu/nohz_full"];

/// Time between two patrols. Two of three visits catch a full-time RandomX worker with an unusual rounding mode. A
/// worker that hashes 5 % of the time is caught about every three seconds.
const PATROL_INTERVAL: Duration = Duration::from_millis(100);
/// Time between two visits to a boosted process.
const BOOST_INTERVAL: Duration = Duration::from_millis(10);
/// Maximum number of boosted processes. When the list is full, the oldest boost ends.
const MAX_BOOSTS: usize = 64;

/// Counters of the sampler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SamplerCounters {
    /// CPUs visited while they ran a process.
    pub visits: u64,
    /// Visits that the kernel refused, because this daemon may not run on that CPU.
    pub refused: u64,
    /// Number of requested boosts.
    pub boosts: u64,
}

/// The running sampler. Dropping it stops the thread.
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
    boosts: AtomicU64,
}

#[derive(Debug, Default)]
struct Orders {
    stop: bool,
    /// Boosted processes, each with the end of its boost.
    boosts: Vec<(u32, Instant)>,
}

impl Sampler {
    /// Starts the thread. Returns when the thread has its priority and has dropped its privileges.
    pub fn start(current_pids: CurrentPids, drop_privileges: DropPrivileges) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (ready, outcome) = mpsc::channel();
        let thread_shared = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("sampler".to_owned())
            .spawn(move || {
                let realtime = take_priority();
                let dropped = drop_privileges();
                let is_dropped = dropped.is_ok();
                if ready.send((realtime, dropped)).is_ok() && is_dropped {
                    patrol(&thread_shared, &current_pids);
                }
            })
            .context("starting the sampler's thread")?;
        let sampler = Self { shared, thread: Some(thread) };
        let (realtime, dropped) = outcome.recv().context("the sampler's thread")?;
        dropped.context("the sampler's thread")?;
        if let Err(reason) = realtime {
            warn!(
                "the sampler has no real-time priority ({reason}): a miner alone on its core is found more slowly. It \
                 needs CAP_SYS_NICE and, on kernels that group real-time tasks, cpu.rt_runtime_us above 0 in its cgroup"
            );
        }
        Ok(sampler)
    }

    /// Visits a process more often for the time `span`.
    pub fn boost(&self, pid: u32, span: Duration) {
        let until = Instant::now() + span;
        let mut orders = self.shared.orders();
        orders.boosts.retain(|(known, _)| *known != pid);
        if orders.boosts.len() >= MAX_BOOSTS {
            orders.boosts.remove(0);
        }
        orders.boosts.push((pid, until));
        drop(orders);
        self.shared.boosts.fetch_add(1, Ordering::Relaxed);
        self.shared.changed.notify_one();
    }

    /// Returns the counters.
    pub fn counters(&self) -> SamplerCounters {
        SamplerCounters {
            visits: self.shared.visits.load(Ordering::Relaxed),
            refused: self.shared.refused.load(Ordering::Relaxed),
            boosts: self.shared.boosts.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.shared.orders().stop = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // An error means that the thread panicked, which has been reported already.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next round: the patrol at `next_patrol`, or sooner if a process is boosted. Returns the boosted
    /// processes, or `None` if the sampler should stop.
    fn wait(&self, next_patrol: Instant) -> Option<Vec<u32>> {
        let mut orders = self.orders();
        let started = Instant::now();
        loop {
            let now = Instant::now();
            if orders.stop {
                return None;
            }
            orders.boosts.retain(|(_, until)| *until > now);
            let next = if orders.boosts.is_empty() {
                next_patrol
            } else {
                next_patrol.min(started + BOOST_INTERVAL)
            };
            let Some(left) = next.checked_duration_since(now).filter(|left| !left.is_zero()) else {
                return Some(orders.boosts.iter().map(|(pid, _)| *pid).collect());
            };
            (orders, _) = self.changed.wait_timeout(orders, left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Sets the lowest real-time priority for this thread, which is above every ordinary thread.
fn take_priority() -> Result<(), thread_priority::Error> {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy)
}

/// Checks whether this process may use real-time priority, in a thread that ends at once.
pub fn may_be_realtime() -> Result<(), String> {
    let outcome = thread::spawn(take_priority).join().map_err(|_| "the attempt failed".to_owned())?;
    outcome.map_err(|error| error.to_string())
}

fn patrol(shared: &Shared, current_pids: &CurrentPids) {
    let own = std::process::id();
    let isolated: Vec<usize> = ISOLATED_CPUS
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .flat_map(|list| cpus(&list))
        .collect();
    let mut next_patrol = Instant::now();
    while let Some(boosted) = shared.wait(next_patrol) {
        let now = Instant::now();
        let is_patrol = now >= next_patrol;
        if is_patrol {
            next_patrol = now + PATROL_INTERVAL;
        }
        let busy = match current_pids.read() {
            Ok(busy) => busy,
            Err(error) => {
                debug!(%error, "the current processes cannot be read");
                continue;
            }
        };
        for (cpu, pid) in busy.iter().enumerate() {
            let wanted = *pid != 0 && *pid != own && (is_patrol || boosted.contains(pid));
            if wanted && !isolated.contains(&cpu) {
                visit(shared, cpu);
            }
        }
    }
}

/// Parses a kernel list of CPUs such as `2-3,8`. Returns an empty list if the text is no such list.
fn cpus(text: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse::<usize>().ok()?.min(CpuSet::MAX_CPU))
    };
    text.trim().split(',').filter_map(range).flatten().collect()
}

/// Moves this thread to a CPU. When the call returns, the thread that was running there has been switched out.
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
    fn the_wait_ends_at_the_patrol_or_sooner_for_a_boost() {
        let shared = Shared::default();
        let start = Instant::now();
        assert_eq!(shared.wait(start + Duration::from_millis(30)), Some(Vec::new()));
        assert!(start.elapsed() >= Duration::from_millis(30));
        shared.orders().boosts.push((7, Instant::now() + Duration::from_secs(60)));
        let start = Instant::now();
        assert_eq!(shared.wait(start + Duration::from_secs(60)), Some(vec![7]));
        assert!(start.elapsed() >= BOOST_INTERVAL && start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn cpu_lists_are_parsed() {
        assert_eq!(cpus("2-4,8\n"), [2, 3, 4, 8]);
        assert_eq!(cpus("0"), [0]);
        for broken in ["", "\n", "(null)", "4-2", "x-y", "1-"] {
            assert_eq!(cpus(broken), [0_usize; 0], "{broken}");
        }
        assert_eq!(cpus("0-99999999999").len(), CpuSet::MAX_CPU + 1, "bounded");
    }

    #[test]
    fn an_expired_boost_is_forgotten_and_a_stop_ends_the_wait() {
        let shared = Shared::default();
        shared.orders().boosts.push((7, Instant::now()));
        assert_eq!(shared.wait(Instant::now()), Some(Vec::new()));
        shared.orders().stop = true;
        assert_eq!(shared.wait(Instant::now() + Duration::from_secs(60)), None);
    }
}
