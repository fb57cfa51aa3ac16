//! Bounds the events about the actions of the policy, so that a miner that restarts in a loop does not flood the outputs.

use std::time::Duration;

use crate::{
    bounded::BoundedMap,
    model::{BootTime, ResponseReport},
};

/// Number of events about one incident at once.
const BURST: u32 = 30;
/// Interval between further ones.
const INTERVAL: Duration = Duration::from_secs(6);
/// Maximum number of incidents that are tracked.
const MAX_INCIDENTS: usize = 4_096;

/// The budgets of the incidents.
#[derive(Debug)]
pub struct ReportBudget(BoundedMap<String, Spent>);

#[derive(Clone, Copy, Debug)]
struct Spent {
    /// When the budget is full again.
    full_at: BootTime,
    left_out: u64,
}

impl Default for ReportBudget {
    fn default() -> Self {
        Self(BoundedMap::new(MAX_INCIDENTS))
    }
}

impl ReportBudget {
    /// Returns the report if the budget allows it, with the number of reports that were left out before it.
    pub fn admit(&mut self, mut report: ResponseReport) -> Option<ResponseReport> {
        let now = report.time;
        let spent = self.0.entry(&report.incident, || Spent { full_at: now, left_out: 0 });
        let full_at = spent.full_at.max(now).plus(INTERVAL);
        if full_at.since(now) > INTERVAL * BURST {
            spent.left_out += 1;
            return None;
        }
        spent.full_at = full_at;
        let left_out = std::mem::take(&mut spent.left_out);
        if left_out > 0 {
            report.message = format!("{} ({left_out} similar events before were left out)", report.message);
        }
        Some(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{samples, seconds};

    fn report(at: u64, incident: &str) -> ResponseReport {
        let report = samples::responses().remove(0);
        ResponseReport {
            time: BootTime::default().plus(seconds(at)),
            incident: incident.to_owned(),
            ..report
        }
    }

    #[test]
    fn a_loop_floods_nobody_and_takes_nothing_from_others() {
        let mut budget = ReportBudget::default();
        let admitted = (0..1_000).filter(|_| budget.admit(report(100, "1-1-1")).is_some()).count();
        assert_eq!(admitted, 30);
        assert!(budget.admit(report(100, "2-2-2")).is_some());
        assert!(budget.admit(report(105, "1-1-1")).is_none());
        let next = budget.admit(report(106, "1-1-1")).expect("six seconds later");
        assert!(next.message.ends_with("(971 similar events before were left out)"), "{}", next.message);
        let later = (0..1_000).filter(|_| budget.admit(report(10_000, "1-1-1")).is_some()).count();
        assert_eq!(later, 30);
    }
}
