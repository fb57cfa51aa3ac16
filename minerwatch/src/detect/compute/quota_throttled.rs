//! C9Q: a process that takes all that its cgroup's quota lets it, for minutes.
//!
//! C9 sees only who takes most of a processor. Who is held to less of one and is always held back would take more if it
//! could, which is the same work; so it belongs to the signals of load, of which the greatest alone counts.

use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, signals, tuning},
    model::{BootTime, CpuQuota, ProcessKey},
};

use super::streak::Streak;

/// The processes that are held back.
#[derive(Debug)]
pub struct QuotaThrottled(BoundedMap<ProcessKey, Streak>);

impl QuotaThrottled {
    /// Follows at most so many.
    pub fn new(capacity: usize) -> Self {
        Self(BoundedMap::new(capacity))
    }

    /// How many were given up for others.
    pub fn evicted(&self) -> u64 {
        self.0.evicted()
    }

    /// Takes a look at a process's cgroup in; a finding once it was held back for the whole span, and again each span.
    pub fn look(&mut self, context: &DetectionContext<'_>, quota: &CpuQuota) -> Option<Finding> {
        // Where others share the quota, it is not this one that is held back.
        if quota.throttled_share() < tuning::QUOTA_THROTTLED || quota.used_share() < tuning::QUOTA_USED {
            self.0.remove(&context.key());
            return None;
        }
        let start = BootTime(context.at().0.saturating_sub(quota.window));
        let stretch = self.0.entry(&context.key(), || Streak::new(start));
        let lasted = stretch.extend(start, context.at(), tuning::QUOTA_PAUSE, tuning::QUOTA_SPAN)?.as_secs();
        let processors = quota.processors();
        let detail = format!(
            "took all that its quota of {processors:.2} processors lets it for {lasted} s, held back in {:.0} % of the periods",
            quota.throttled_share() * 100.0
        );
        Some(
            Finding::new(signals::QUOTA_THROTTLED, context, detail)
                .against("throttled_share", &format!("{:.2}", quota.throttled_share()), "at least 0.80")
                .against("used_share", &format!("{:.2}", quota.used_share()), "at least 0.50 of the quota")
                .against("seconds", &lasted, &format!("at least {}", tuning::QUOTA_SPAN.as_secs()))
                .with("quota_processors", &format!("{processors:.2}"))
                .with("cgroup", &quota.cgroup),
        )
    }

    /// Forgets a process that ended.
    pub fn forget(&mut self, key: ProcessKey) {
        self.0.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        engine::testing::{Host, findings, seconds},
        model::{CpuQuota, EventBody, ProcessKey},
    };

    fn found(act: impl Fn(&mut Host, ProcessKey)) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
        act(&mut host, worker);
        findings(&host)
    }

    fn looks(count: u64, throttled: u64, used: f64) -> Vec<(&'static str, u8)> {
        found(|host, key| (0..count).for_each(|_| host.held_back(key, throttled, used)))
    }

    #[test]
    fn held_back_for_five_minutes() {
        assert_eq!(looks(30, 100, 1.0), [("C9Q", 15)]);
        assert_eq!(looks(30, 80, 0.5), [("C9Q", 15)], "just enough of each");
        assert_eq!(looks(61, 95, 1.0), [("C9Q", 15); 2], "told each five minutes");
    }

    #[test]
    fn held_back_now_and_then_or_shortly_is_usual() {
        assert_eq!(looks(90, 79, 1.0), []);
        assert_eq!(looks(90, 70, 1.0), [], "7 of 10");
        assert_eq!(looks(24, 100, 1.0), [], "4 minutes");
        assert_eq!(looks(90, 100, 0.2), [], "others of its cgroup take the most");
        let bursts = found(|host, key| {
            for minute in 0..30 {
                let throttled = if minute % 4 == 3 { 20 } else { 100 };
                (0..6).for_each(|_| host.held_back(key, throttled, 1.0));
            }
        });
        assert_eq!(bursts, [], "a pod that is busy for three minutes, then is not");
    }

    #[test]
    fn a_quota_that_is_lifted_is_a_break() {
        let lifted = found(|host, key| {
            (0..20).for_each(|_| host.held_back(key, 100, 1.0));
            host.wait(seconds(60));
            (0..20).for_each(|_| host.held_back(key, 100, 1.0));
        });
        assert_eq!(lifted, []);
    }

    #[test]
    fn a_forged_recording_divides_by_nothing() {
        let forged = found(|host, key| {
            for _ in 0..40 {
                host.wait(seconds(10));
                let quota = CpuQuota {
                    cgroup: "".into(),
                    quota: 0,
                    period: 0,
                    window: 0,
                    periods: 0,
                    throttled: u64::MAX,
                    throttled_time: u64::MAX,
                    on_cpu: u64::MAX,
                };
                host.happen(key, EventBody::Quota(Box::new(quota)));
            }
        });
        assert_eq!(forged, []);
    }
}
