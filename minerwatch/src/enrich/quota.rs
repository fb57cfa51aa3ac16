//! Reports how CPU quotas throttle the cgroups of busy processes.
//!
//! A report of a busy process only adds the process to a list. [`Quotas::check`] works through the list. A process is
//! checked at most every ten seconds. The files of a cgroup are read at most once in two seconds for all its processes.

mod files;

use std::{sync::Arc, time::Duration};

use super::{
    hierarchy::{CpuCgroup, Hierarchies, ROOT},
    proc::Proc,
};
use crate::bounded::BoundedMap;
use crate::model::{BootTime, CpuQuota, Event, EventBody, ProcessKey, Subject};
use files::{Limit, Throttling};

pub(crate) use files::parse_all;

/// Minimum time between two checks of a process.
const INTERVAL: Duration = Duration::from_secs(10);
/// Time for which a sample is reused for all processes of the cgroup.
const FRESH: Duration = Duration::from_secs(2);
/// Time after which a cgroup without a limit is read again.
const UNLIMITED: Duration = Duration::from_secs(60);
/// Maximum number of processes checked between two batches of events. The other processes wait for their next report.
const MAX_WAITING: usize = 64;
/// Maximum numbers of tracked processes and of cached cgroups.
const MAX_PROCESSES: usize = 1_024;
const MAX_CGROUPS: usize = 1_024;

/// Number of levels at which a limit is looked for: the cgroup of the process and the levels above it.
const MAX_LEVELS: usize = 16;

/// The contents of the control files of a cgroup with a limit.
#[derive(Clone, Debug, PartialEq)]
struct Sample {
    cgroup: Arc<str>,
    limit: Limit,
    throttling: Throttling,
    at: BootTime,
}

/// A cached sample of a cgroup, valid before `until`. There is no sample for a cgroup without a limit.
#[derive(Debug)]
struct Known {
    until: BootTime,
    sample: Option<Sample>,
}

/// A process that is checked: the time of the next check, and the last sample with the CPU time at that moment.
#[derive(Debug)]
struct Tracked {
    due: BootTime,
    last: Option<(Sample, u64)>,
}

#[derive(Debug)]
struct Waiting {
    subject: Subject,
    on_cpu: u64,
    at: BootTime,
}

/// The busy processes and their cgroups.
#[derive(Debug)]
pub(crate) struct Quotas {
    proc: Proc,
    hierarchies: Hierarchies,
    cgroups: BoundedMap<u64, Known>,
    processes: BoundedMap<ProcessKey, Tracked>,
    waiting: Vec<Waiting>,
}

impl Quotas {
    pub(crate) fn new(proc: Proc, hierarchies: Hierarchies) -> Self {
        Self {
            proc,
            hierarchies,
            cgroups: BoundedMap::new(MAX_CGROUPS),
            processes: BoundedMap::new(MAX_PROCESSES),
            waiting: Vec::new(),
        }
    }

    /// Adds a busy process to the list. `on_cpu` is the CPU time of the process so far, in nanoseconds.
    pub(crate) fn note_busy(&mut self, subject: &Subject, on_cpu: u64, at: BootTime) {
        let is_unlimited =
            self.cgroups.get(&subject.cgroup).is_some_and(|known| known.sample.is_none() && at < known.until);
        if subject.cgroup <= ROOT || is_unlimited || self.waiting.len() >= MAX_WAITING {
            return;
        }
        let due = at.plus(INTERVAL);
        match self.processes.get_mut(&subject.key) {
            Some(tracked) if at < tracked.due => return,
            Some(tracked) => tracked.due = due,
            None => self.processes.insert(subject.key, Tracked { due, last: None }),
        }
        self.waiting.push(Waiting { subject: subject.clone(), on_cpu, at });
    }

    /// Checks the cgroups of the processes on the list. Adds an event with the time `now` for what happened since the
    /// last check of each process.
    pub(crate) fn check(&mut self, now: BootTime, events: &mut Vec<Event>) {
        for Waiting { subject, on_cpu, at } in std::mem::take(&mut self.waiting) {
            let Some(sample) = self.sample(&subject, now) else {
                self.processes.remove(&subject.key);
                continue;
            };
            let due = at.plus(INTERVAL);
            let last = self.processes.remove(&subject.key).and_then(|tracked| tracked.last);
            let body = last.and_then(|(before, used)| since(&before, used, &sample, on_cpu));
            self.processes.insert(subject.key, Tracked { due, last: Some((sample, on_cpu)) });
            events.extend(body.map(|quota| Event {
                time: now,
                subject,
                body: EventBody::Quota(Box::new(quota)),
            }));
        }
    }

    fn sample(&mut self, subject: &Subject, now: BootTime) -> Option<Sample> {
        if let Some(known) = self.cgroups.get(&subject.cgroup)
            && now < known.until
        {
            return known.sample.clone();
        }
        let cgroups = self.proc.cgroups(subject.key.pid)?;
        let sample = self.hierarchies.cpu(&cgroups).and_then(|cgroup| read(&cgroup, now));
        let until = now.plus(if sample.is_some() { FRESH } else { UNLIMITED });
        self.cgroups.insert(subject.cgroup, Known { until, sample: sample.clone() });
        sample
    }
}

/// Reads the nearest limit, from the cgroup upwards.
fn read(cgroup: &CpuCgroup, now: BootTime) -> Option<Sample> {
    let levels = cgroup.below.ancestors().take(MAX_LEVELS);
    levels.into_iter().find_map(|level| {
        let directory = cgroup.mount.join(level);
        let limit = files::limit(&directory, cgroup.version)?;
        let throttling = files::throttling(&directory)?;
        let name = format!("/{}", level.display()).into();
        Some(Sample { cgroup: name, limit, throttling, at: now })
    })
}

/// Computes what happened between two samples of one cgroup. Returns `None` if the samples are of different cgroups, or
/// if the cgroup was created again in between.
fn since(before: &Sample, used: u64, now: &Sample, on_cpu: u64) -> Option<CpuQuota> {
    if before.cgroup != now.cgroup || before.at == now.at {
        return None;
    }
    let Limit { quota, period } = now.limit;
    Some(CpuQuota {
        cgroup: Arc::clone(&now.cgroup),
        quota,
        period,
        window: u64::try_from(now.at.since(before.at).as_nanos()).unwrap_or(u64::MAX),
        periods: now.throttling.periods.checked_sub(before.throttling.periods)?,
        throttled: now.throttling.throttled.checked_sub(before.throttling.throttled)?,
        throttled_time: now.throttling.time.checked_sub(before.throttling.time)?,
        on_cpu: on_cpu.saturating_sub(used),
    })
}

#[cfg(test)]
mod tests;
