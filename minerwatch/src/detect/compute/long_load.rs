//! C9: one process, or processes of one program that follow each other, are busy for minutes.

use super::{LoadThresholds, SCHEDULING_EVICTED, busy::Busy, with_scheduling};
use crate::{
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{Decimal, EventType, SignalClass, Threshold},
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
    create: |settings| Box::new(LongLoad { thresholds: settings.load, busy: Busy::new() }),
};

#[derive(Debug)]
struct LongLoad {
    thresholds: LoadThresholds,
    busy: Busy,
}

impl Detector for LongLoad {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        let LoadThresholds { process_share: needed, process_span: span, .. } = self.thresholds;
        findings.add(self.busy.inspect(context, LONG_LOAD, needed, span, |usage, used, seconds| {
            let percent = needed * 100.0;
            let detail =
                format!("used {used:.1} processors, and more than {percent:.0} % of one for {seconds} s");
            with_scheduling(Finding::new(LONG_LOAD, context, detail), usage)
                .measured("processors_used", Decimal::new(used, 2), Threshold::above(Decimal::new(needed, 2)))
                .measured("seconds", seconds, Threshold::at_least(span.as_secs()))
        }));
    }

    fn evicted(&self) -> u64 {
        self.busy.evicted()
    }
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
