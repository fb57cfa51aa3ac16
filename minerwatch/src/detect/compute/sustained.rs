//! C5: one process, or processes of one program that follow each other, keep half the host's processors busy for a minute.

use std::time::Duration;

use super::{SCHEDULING_EVICTED, busy::Busy, with_scheduling};
use crate::{
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{Decimal, EventType, SignalClass, Threshold},
};

/// Share of half the processors that the process must use. The kernel and other processes take the rest.
const BUSY_SHARE: f64 = 0.85;
/// How long a process must be busy.
const BUSY_SPAN: Duration = Duration::from_secs(60);

/// The signal.
pub const SUSTAINED_CPU: SignalInfo = SignalInfo {
    id: "C5",
    class: SignalClass::Compute,
    weight: 15,
    full_weight: 15,
    kind: SignalKind::Load,
    name: "Half the processors busy for a minute",
    description: "One process kept at least half of the host's processors at 85 % for 60 seconds. Compilers and encoders do so too.",
    catches: "A miner at full speed after a minute, whatever its algorithm.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[SUSTAINED_CPU],
    wants: &[EventType::Cpu, EventType::Exit],
    evictions: SCHEDULING_EVICTED,
    create: |_| Box::new(Sustained(Busy::new())),
};

#[derive(Debug)]
struct Sustained(Busy);

impl Detector for Sustained {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        let needed = BUSY_SHARE * f64::from(context.processors.div_ceil(2));
        findings.add(self.0.inspect(context, SUSTAINED_CPU, needed, BUSY_SPAN, |usage, used, seconds| {
            let detail = format!("kept {used:.1} of {} processors busy for {seconds} s", context.processors);
            let least = Threshold::at_least(Decimal::new(needed, 2));
            let finding = Finding::new(SUSTAINED_CPU, context, detail)
                .measured("processors_used", Decimal::new(used, 2), least)
                .measured("seconds", seconds, Threshold::at_least(BUSY_SPAN.as_secs()));
            with_scheduling(finding, usage)
        }));
    }

    fn evicted(&self) -> u64 {
        self.0.evicted()
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        model::ProcessKey,
        testing::{Host, findings_on, seconds},
    };

    /// Returns the number of C5 findings for a process that acts this way on a host with `processors` processors.
    fn found(processors: u32, act: fn(&mut Host, ProcessKey)) -> usize {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
        act(&mut host, worker);
        findings_on(&host, processors).iter().filter(|(id, _)| *id == "C5").count()
    }

    /// The actions of a test case, given the key of the worker.
    type Act = fn(&mut Host, ProcessKey);

    #[test]
    fn half_the_processors_must_be_busy_for_a_minute() {
        let cases: [(&str, u32, Act, usize); 10] = [
            ("one of two", 2, |host, key| host.burn(key, 1.0, 61), 1),
            ("two of four", 4, |host, key| host.burn(key, 2.0, 61), 1),
            ("two of three", 3, |host, key| host.burn(key, 1.8, 61), 1),
            ("three minutes are reported three times", 1, |host, key| host.burn(key, 1.0, 190), 3),
            ("a quarter is too little", 4, |host, key| host.burn(key, 1.0, 61), 0),
            ("not busy enough", 1, |host, key| host.burn(key, 0.8, 61), 0),
            ("too short", 1, |host, key| host.burn(key, 1.0, 58), 0),
            ("no use at all", 1, |host, key| host.burn(key, 0.0, 3), 0),
            (
                "a pause ends the streak",
                1,
                |host, key| {
                    host.burn(key, 1.0, 40);
                    host.wait(seconds(10));
                    host.burn(key, 1.0, 40);
                },
                0,
            ),
            (
                "a second of little use ends the streak",
                1,
                |host, key| {
                    host.burn(key, 1.0, 40);
                    host.burn(key, 0.1, 1);
                    host.burn(key, 1.0, 40);
                },
                0,
            ),
        ];
        for (name, processors, act, expected) in cases {
            assert_eq!(found(processors, act), expected, "{name}");
        }
    }
}
