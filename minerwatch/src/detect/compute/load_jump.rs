//! C9J: a program uses many times the CPU time that it used over its own last day.

use std::time::Duration;

use super::{LoadThresholds, load_pattern::with_longer_shares};
use crate::{
    detect::{
        Declaration, DetectionContext, Detector, Finding, Findings, LoadHistory, SignalInfo, SignalKind,
    },
    model::{Decimal, EventType, SignalClass, Threshold},
};

/// Minimum time that a program must be known before a rise counts as a jump.
const KNOWN_FOR: Duration = Duration::from_secs(6 * 3_600);
/// Minimum share of a processor after the jump.
const SHARE: f64 = 0.70;
/// Minimum baseline share, so that rare work is not a jump from zero.
const LEAST_BASELINE: f64 = 0.02;

/// The signal. [`LoadThresholds::jump`] is the minimum rise of the load.
pub const LOAD_JUMP: SignalInfo = SignalInfo {
    id: "C9J",
    class: SignalClass::Compute,
    weight: 15,
    full_weight: 15,
    kind: SignalKind::Load,
    name: "Many times its own load of the last day",
    description: "The program took at least 500 % more over 10 minutes than over its own last 24 hours, and 70 % of a processor or more.",
    catches: "A known program that is replaced or made to mine: it is compared with itself.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[LOAD_JUMP],
    wants: &[EventType::Cpu],
    evictions: None,
    create: |settings| Box::new(LoadJump { thresholds: settings.load }),
};

/// Compares each program with its own last day.
#[derive(Debug)]
struct LoadJump {
    thresholds: LoadThresholds,
}

impl Detector for LoadJump {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        let history = context.known.due_load_history();
        findings.add(history.and_then(|history| judge(context, history, self.thresholds.jump)));
    }
}

fn judge(context: &DetectionContext<'_>, history: &LoadHistory, jump: f64) -> Option<Finding> {
    let shares = history.shares();
    let baseline = history.day_before();
    let risen = shares.ten_minutes / baseline.max(LEAST_BASELINE);
    if history.age() < KNOWN_FOR || shares.ten_minutes < SHARE || risen < jump + 1.0 {
        return None;
    }
    let rise = (risen - 1.0) * 100.0;
    let detail = format!(
        "this program took {:.1} processors in 10 minutes, {rise:.0} % more than over its last day",
        shares.ten_minutes
    );
    let finding = Finding::new(LOAD_JUMP, context, detail)
        .measured("rise_percent", Decimal::new(rise, 0), Threshold::at_least(Decimal::new(jump * 100.0, 0)))
        .measured(
            "ten_minutes_share",
            Decimal::new(shares.ten_minutes, 2),
            Threshold::at_least(Decimal::new(SHARE, 2)),
        )
        .value("baseline_share", Decimal::new(baseline, 3));
    Some(with_longer_shares(finding, shares))
}

#[cfg(test)]
mod tests {
    use super::super::load_pattern::tests::{Minute, found};

    #[test]
    fn a_program_must_take_many_times_its_own_last_day() {
        let cases: [(&str, u64, Minute, bool); 4] = [
            ("fifteen times", 14, |minute| if minute > 60 * 12 { 1.5 } else { 0.1 }, true),
            ("less than 70 % of a processor", 14, |minute| if minute > 60 * 12 { 0.5 } else { 0.1 }, false),
            ("known for too short a time", 2, |minute| if minute > 60 { 1.5 } else { 0.1 }, false),
            ("little more than double", 14, |minute| if minute > 60 * 12 { 2.0 } else { 0.8 }, false),
        ];
        for (name, hours, minute, expected) in cases {
            assert_eq!(found(hours, minute).contains(&"C9J"), expected, "{name}");
        }
    }
}
