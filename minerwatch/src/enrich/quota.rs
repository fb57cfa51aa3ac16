//! Whether the cgroups of busy processes are held back by a limit of CPU time.
//!
//! The report of a busy process only puts it on a list. Now and then the list is worked off: a process is looked at
//! once in ten seconds, and what its cgroup's files say is read once in some seconds for all of its processes.

mod files;

use std::{sync::Arc, time::Duration};

use super::{
    bounded::BoundedMap,
    hierarchy::{CpuPlace, Hierarchies, ROOT},
    proc::Proc,
};
use crate::model::{BootTime, CpuQuota, Event, EventBody, ProcessKey, Subject};
use files::{Limit, Throttling};

pub(crate) use files::parse_all;

/// How often a process is looked at.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long what the files said holds for all processes of the cgroup.
const FRESH: Duration = Duration::from_secs(2);
/// When a cgroup without a limit is looked at again.
const UNLIMITED: Duration = Duration::from_secs(60);
/// Processes looked at between two batches of events; the others wait for their next report.
const MAX_WAITING: usize = 64;
/// Processes and cgroups remembered.
const MAX_PROCESSES: usize = 1_024;
const MAX_CGROUPS: usize = 1_024;
/// A process is in a dozen hierarchies at most; paths are limited by `PATH_MAX` each.
const MAX_MEMBERSHIP: u64 = 64 << 10;
/// Levels above a process's own cgroup at which a limit is looked for.
const MAX_LEVELS: usize = 16;

/// What the files of a limited cgroup said.
#[derive(Clone, Debug, PartialEq)]
struct Reading {
    cgroup: Arc<str>,
    limit: Limit,
    throttling: Throttling,
    at: BootTime,
}

/// What is known of a cgroup until then; `None` for one without a limit.
#[derive(Debug)]
struct Known {
    until: BootTime,
    reading: Option<Reading>,
}

/// A process that is looked at, and what was found at the last look.
#[derive(Debug)]
struct Followed {
    due: BootTime,
    last: Option<(Reading, u64)>,
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
    processes: BoundedMap<ProcessKey, Followed>,
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

    /// A process reports that it is busy, and how long it was on a CPU so far.
    pub(crate) fn busy(&mut self, subject: &Subject, on_cpu: u64, at: BootTime) {
        let is_unlimited =
            self.cgroups.get(subject.cgroup).is_some_and(|known| known.reading.is_none() && at < known.until);
        if subject.cgroup <= ROOT || is_unlimited || self.waiting.len() >= MAX_WAITING {
            return;
        }
        let due = at.plus(INTERVAL);
        match self.processes.get_mut(subject.key) {
            Some(followed) if at < followed.due => return,
            Some(followed) => followed.due = due,
            None => self.processes.insert(subject.key, Followed { due, last: None }),
        }
        self.waiting.push(Waiting { subject: subject.clone(), on_cpu, at });
    }

    /// Looks at the cgroups of the processes on the list; what they did since the look before becomes events of the time
    /// `now`.
    pub(crate) fn look(&mut self, now: BootTime, events: &mut Vec<Event>) {
        for Waiting { subject, on_cpu, at } in std::mem::take(&mut self.waiting) {
            let Some(reading) = self.reading(&subject, now) else {
                self.processes.remove(subject.key);
                continue;
            };
            let due = at.plus(INTERVAL);
            let last = self.processes.remove(subject.key).and_then(|followed| followed.last);
            let body = last.and_then(|(before, used)| since(&before, used, &reading, on_cpu));
            self.processes.insert(subject.key, Followed { due, last: Some((reading, on_cpu)) });
            events.extend(body.map(|quota| Event {
                time: now,
                subject,
                body: EventBody::Quota(Box::new(quota)),
            }));
        }
    }

    fn reading(&mut self, subject: &Subject, now: BootTime) -> Option<Reading> {
        if let Some(known) = self.cgroups.get(subject.cgroup)
            && now < known.until
        {
            return known.reading.clone();
        }
        let text = self.proc.read(subject.key.pid, "cgroup", MAX_MEMBERSHIP).ok()?;
        let place = self.hierarchies.cpu(std::str::from_utf8(&text).ok()?);
        let reading = place.and_then(|place| read(&place, now));
        let until = now.plus(if reading.is_some() { FRESH } else { UNLIMITED });
        self.cgroups.insert(subject.cgroup, Known { until, reading: reading.clone() });
        reading
    }
}

/// The next limit from a cgroup upwards.
fn read(place: &CpuPlace, now: BootTime) -> Option<Reading> {
    let levels = place.below.ancestors().take(MAX_LEVELS);
    levels.into_iter().find_map(|level| {
        let directory = place.mount.join(level);
        let limit = files::limit(&directory, place.version)?;
        let throttling = files::throttling(&directory)?;
        let cgroup = format!("/{}", level.display()).into();
        Some(Reading { cgroup, limit, throttling, at: now })
    })
}

/// What happened between two looks at one cgroup. `None` if it is another one, or was made anew.
fn since(before: &Reading, used: u64, now: &Reading, on_cpu: u64) -> Option<CpuQuota> {
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
