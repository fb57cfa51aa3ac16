//! C9Q: a process uses all the CPU time that its cgroup's quota allows, for minutes.
//!
//! C9 finds only a process that uses most of a processor. A process that is limited to less and always throttled would
//! use more if it could, which is the same work. So C9Q is a load signal, and only the strongest load signal of an
//! incident counts.

use std::time::Duration;

use super::{BUSY_PROCESSES, SCHEDULING_EVICTED, start_of, streak::Streak};
use crate::{
    detect::{Declaration, DetectionContext, Finding, PerProcess, ProcessStates, SignalInfo, SignalKind},
    model::{Decimal, EventBody, EventType, SignalClass, Threshold},
};

/// Minimum share of the periods in which the cgroup is throttled. A cgroup that uses its whole quota is throttled in
/// nearly all periods.
const THROTTLED_SHARE: f64 = 0.8;
/// Minimum share of the quota that the process itself uses. Below that, other processes of the cgroup do the work.
const USED_SHARE: f64 = 0.5;
/// How long the process must be throttled.
const SPAN: Duration = Duration::from_secs(300);
/// Maximum gap between two reports of a streak. Reports come every ten seconds.
const REPORT_GAP: Duration = Duration::from_secs(15);

/// The signal. Pods with a limit are throttled every day, so the signal only counts as load.
pub const QUOTA_THROTTLED: SignalInfo = SignalInfo {
    id: "C9Q",
    class: SignalClass::Compute,
    weight: 15,
    full_weight: 15,
    kind: SignalKind::Load,
    name: "Held back by its quota for minutes",
    description: "The process took all the CPU time that its cgroup's quota allows: it was throttled in at least 8 of 10 periods for 5 minutes. Whatever computes within a limit does so.",
    catches: "A miner in a pod with a small CPU limit, which never looks busy from outside.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[QUOTA_THROTTLED],
    wants: &[EventType::Quota, EventType::Exit],
    evictions: SCHEDULING_EVICTED,
    create: |_| Box::new(PerProcess::new(BUSY_PROCESSES, inspect)),
};

fn inspect(streaks: &mut ProcessStates<Streak>, context: &DetectionContext<'_>) -> Option<Finding> {
    let EventBody::Quota(quota) = &context.event.body else { return None };
    let (throttled, used) = (quota.throttled_share(), quota.used_share());
    if throttled < THROTTLED_SHARE || used < USED_SHARE {
        streaks.remove(&context.key());
        return None;
    }
    let start = start_of(context, quota.window);
    let streak = streaks.entry(&context.key(), || Streak::new(start));
    let seconds = streak.extend(start, context.at(), REPORT_GAP, SPAN)?.as_secs();
    let processors = quota.processors();
    let detail = format!(
        "took all that its quota of {processors:.2} processors lets it for {seconds} s, held back in {:.0} % of the periods",
        throttled * 100.0
    );
    let used_share = Threshold::at_least(Decimal::new(USED_SHARE, 2)).note(" of the quota");
    let finding = Finding::new(QUOTA_THROTTLED, context, detail)
        .measured(
            "throttled_share",
            Decimal::new(throttled, 2),
            Threshold::at_least(Decimal::new(THROTTLED_SHARE, 2)),
        )
        .measured("used_share", Decimal::new(used, 2), used_share)
        .measured("seconds", seconds, Threshold::at_least(SPAN.as_secs()))
        .value("quota_processors", Decimal::new(processors, 2))
        .value("cgroup", &quota.cgroup);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use crate::{
        model::{CpuQuota, EventBody, ProcessKey},
        testing::{Host, findings, seconds},
    };

    fn found(act: impl Fn(&mut Host, ProcessKey)) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
        act(&mut host, worker);
        findings(&host)
    }

    fn looks(count: u64, throttled: u64, used: f64) -> Vec<(&'static str, u8)> {
        found(|host, key| (0..count).for_each(|_| host.throttled(key, throttled, used)))
    }

    #[test]
    fn a_process_must_be_throttled_for_five_minutes() {
        assert_eq!(looks(30, 100, 1.0), [("C9Q", 15)]);
        assert_eq!(looks(30, 80, 0.5), [("C9Q", 15)], "just enough of each");
        assert_eq!(looks(61, 95, 1.0), [("C9Q", 15); 2], "reported each five minutes");
    }

    #[test]
    fn short_or_occasional_throttling_is_usual() {
        assert_eq!(looks(90, 79, 1.0), []);
        assert_eq!(looks(90, 70, 1.0), [], "7 of 10");
        assert_eq!(looks(24, 100, 1.0), [], "4 minutes");
        assert_eq!(looks(90, 100, 0.2), [], "others of its cgroup use most of the quota");
        let bursts = found(|host, key| {
            for minute in 0..30 {
                let throttled = if minute % 4 == 3 { 20 } else { 100 };
                (0..6).for_each(|_| host.throttled(key, throttled, 1.0));
            }
        });
        assert_eq!(bursts, [], "a pod that is busy for three minutes, then is not");
    }

    #[test]
    fn a_minute_without_a_quota_ends_the_streak() {
        let lifted = found(|host, key| {
            (0..20).for_each(|_| host.throttled(key, 100, 1.0));
            host.wait(seconds(60));
            (0..20).for_each(|_| host.throttled(key, 100, 1.0));
        });
        assert_eq!(lifted, []);
    }

    #[test]
    fn a_forged_recording_finds_nothing() {
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
