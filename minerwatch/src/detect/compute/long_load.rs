//! C9: one process is busy for minutes, or processes of one program that follow each other are.

use super::{
    BUSY_PROCESSES, LoadThresholds, SCHEDULING_EVICTED,
    brief::BriefProcesses,
    streak::{Streak, busy_streak},
    with_scheduling,
};
use crate::{
    detect::{
        Declaration, DetectionContext, Detector, Finding, Findings, ProcessStates, SignalInfo, SignalKind,
    },
    model::{CpuUsage, Decimal, EventBody, EventType, SignalClass, Threshold},
};

/// The signal. Its thresholds are [`LoadThresholds::process_share`] and [`LoadThresholds::process_span`].
pub const LONG_LOAD: SignalInfo = SignalInfo {
    id: "C9",
    class: SignalClass::Compute,
    weight: 15,
    full_weight: 15,
    kind: SignalKind::Load,
    name: "One process busy for minutes",
    description: "One process used more than 70 % of a processor for 5 minutes. Whatever computes does so.",
    catches: "A miner of a single thread on a large host, which C5 passes over.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[LONG_LOAD],
    wants: &[EventType::Cpu, EventType::Exit],
    evictions: SCHEDULING_EVICTED,
    create: |settings| {
        Box::new(LongLoad {
            thresholds: settings.load,
            streaks: ProcessStates::new(BUSY_PROCESSES),
            brief: BriefProcesses::new(),
        })
    },
};

/// The busy processes, and those that lived briefly.
#[derive(Debug)]
struct LongLoad {
    thresholds: LoadThresholds,
    streaks: ProcessStates<Streak>,
    brief: BriefProcesses,
}

impl Detector for LongLoad {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        match &context.event.body {
            EventBody::Cpu(usage) => {
                findings.add(inspect(&mut self.streaks, context, usage, &self.thresholds));
            }
            EventBody::Exit(exit) => {
                self.streaks.remove(&context.key());
                let LoadThresholds { process_share: needed, process_span: span, .. } = self.thresholds;
                findings.add(self.brief.ended(context, exit, LONG_LOAD, needed, span));
            }
            _ => {}
        }
    }

    fn evicted(&self) -> u64 {
        self.streaks.evicted() + self.brief.evicted()
    }
}

fn inspect(
    streaks: &mut ProcessStates<Streak>,
    context: &DetectionContext<'_>,
    usage: &CpuUsage,
    thresholds: &LoadThresholds,
) -> Option<Finding> {
    let LoadThresholds { process_share: needed, process_span: span, .. } = *thresholds;
    let (used, seconds) = busy_streak(streaks, context, usage, needed, span)?;
    let detail =
        format!("used {used:.1} processors, and more than {:.0} % of one for {seconds} s", needed * 100.0);
    let finding = with_scheduling(Finding::new(LONG_LOAD, context, detail), usage)
        .measured("processors_used", Decimal::new(used, 2), Threshold::above(Decimal::new(needed, 2)))
        .measured("seconds", seconds, Threshold::at_least(span.as_secs()));
    Some(finding)
}

#[cfg(test)]
mod tests {
    use crate::{
        model::ProcessKey,
        testing::{Host, findings_on, seconds},
    };

    /// Returns the number of C9 findings for a process that acts this way on a host with eight processors.
    fn found(act: fn(&mut Host, ProcessKey)) -> usize {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
        act(&mut host, worker);
        findings_on(&host, 8).iter().filter(|(id, _)| *id == "C9").count()
    }

    /// The actions of a test case, given the key of the worker.
    type Act = fn(&mut Host, ProcessKey);

    #[test]
    fn one_process_must_be_busy_for_five_minutes() {
        let cases: [(&str, Act, usize); 5] = [
            ("five minutes", |host, key| host.burn(key, 0.75, 302), 1),
            ("ten minutes are reported twice", |host, key| host.burn(key, 0.75, 602), 2),
            ("not busy enough", |host, key| host.burn(key, 0.65, 900), 0),
            ("too short", |host, key| host.burn(key, 3.0, 290), 0),
            (
                "pauses of ten seconds",
                |host, key| {
                    for _ in 0..4 {
                        host.burn(key, 1.0, 200);
                        host.wait(seconds(10));
                    }
                },
                0,
            ),
        ];
        for (name, act, expected) in cases {
            assert_eq!(found(act), expected, "{name}");
        }
    }
}
