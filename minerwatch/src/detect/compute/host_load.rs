//! C9H: the whole host is busy for minutes. The finding is about the process that uses the most CPU time.

use std::time::Duration;

use super::{LoadThresholds, with_scheduling};
use crate::{
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{CpuUsage, Decimal, EventBody, EventType, ProcessKey, SignalClass, Threshold},
};

/// Length of the slots in which CPU time is added up. A slot is long enough that a late report changes the sum little.
const SLOT: Duration = Duration::from_secs(10);

/// The signal. Its thresholds are [`LoadThresholds::host_share`] and [`LoadThresholds::host_span`].
pub const HOST_LOAD: SignalInfo = SignalInfo {
    id: "C9H",
    class: SignalClass::Compute,
    weight: 15,
    full_weight: 15,
    kind: SignalKind::Load,
    name: "Whole host busy for minutes",
    description: "The host's processors were at least 90 % busy for 5 minutes, most of it by this process.",
    catches: "A load that many processes share, so that none of them stands out alone.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[HOST_LOAD],
    wants: &[EventType::Cpu],
    evictions: None,
    create: |settings| Box::new(HostLoad::new(settings.load)),
};

/// The CPU time of all reported processes together.
#[derive(Debug)]
struct HostLoad {
    thresholds: LoadThresholds,
    /// The number of the current slot, counted from boot.
    slot: u64,
    /// The CPU time that was reported in the current slot, in nanoseconds.
    on_cpu: u64,
    /// Share of all processors that was in use in the last full slot.
    last: f64,
    /// Number of busy slots in a row; `reported` is this number at the last report.
    busy: u64,
    reported: u64,
    /// The largest report of the current slot and its process; `greatest` is that process in the last full slot.
    current: Option<(u64, ProcessKey)>,
    greatest: Option<ProcessKey>,
}

impl Detector for HostLoad {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        if let EventBody::Cpu(usage) = &context.event.body {
            findings.add(self.report(context, usage));
        }
    }
}

impl HostLoad {
    fn new(thresholds: LoadThresholds) -> Self {
        Self {
            thresholds,
            slot: 0,
            on_cpu: 0,
            last: 0.0,
            busy: 0,
            reported: 0,
            current: None,
            greatest: None,
        }
    }

    fn report(&mut self, context: &DetectionContext<'_>, usage: &CpuUsage) -> Option<Finding> {
        let LoadThresholds { host_share: needed, host_span: span, .. } = self.thresholds;
        self.begin_slot(context, needed);
        // A report counts in the slot in which its window ended, even if the window began earlier. The errors average
        // out.
        self.on_cpu = self.on_cpu.saturating_add(usage.on_cpu);
        if self.current.is_none_or(|(most, _)| usage.on_cpu > most) {
            self.current = Some((usage.on_cpu, context.key()));
        }
        let slots = (span.as_secs() / SLOT.as_secs()).max(1);
        if self.busy < self.reported + slots || self.greatest != Some(context.key()) {
            return None;
        }
        self.reported = self.busy;
        let seconds = SLOT.as_secs().saturating_mul(self.busy);
        let detail = format!(
            "uses most of a host whose processors have been busy to {:.0} % for {seconds} s",
            self.last * 100.0
        );
        let finding = with_scheduling(Finding::new(HOST_LOAD, context, detail), usage)
            .measured("host_share", Decimal::new(self.last, 2), Threshold::at_least(Decimal::new(needed, 2)))
            .measured("seconds", seconds, Threshold::at_least(span.as_secs()));
        Some(finding)
    }

    /// Ends the current slot and begins a new one, if the event belongs to a later slot.
    fn begin_slot(&mut self, context: &DetectionContext<'_>, needed: f64) {
        let length = u64::try_from(SLOT.as_nanos()).unwrap_or(u64::MAX);
        let slot = context.at().0 / length;
        if slot <= self.slot {
            return;
        }
        self.last = self.on_cpu as f64 / (length as f64 * f64::from(context.processors));
        self.busy = if slot == self.slot + 1 && self.last >= needed { self.busy + 1 } else { 0 };
        if self.busy == 0 {
            self.reported = 0;
        }
        self.greatest = self.current.take().map(|(_, key)| key);
        self.slot = slot;
        self.on_cpu = 0;
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{CpuReport, Host, findings_on};

    #[test]
    fn the_whole_host_must_be_busy_for_five_minutes() {
        let cases = [
            ("both processors", 2, 1.95, 330, 1),
            ("not busy enough", 2, 1.7, 900, 0),
            ("half of four processors", 4, 2.0, 900, 0),
            ("too short", 2, 1.95, 250, 0),
        ];
        for (name, processors, used, span, expected) in cases {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
            host.burn(worker, used, span);
            let found = findings_on(&host, processors);
            assert_eq!(found.iter().filter(|(id, _)| *id == "C9H").count(), expected, "{name}");
        }
    }

    #[test]
    fn a_busy_host_is_reported_once_for_its_busiest_process() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let most = host.spawn(init, "/usr/bin/most", &["most"]);
        let less = host.spawn(init, "/usr/bin/less", &["less"]);
        for _ in 0..170 {
            // Each second, one of the two processes reports the CPU time of two seconds.
            host.burn(most, 2.6, 1);
            host.report(less, CpuReport { processors: 1.3, ..CpuReport::default() });
        }
        let found = findings_on(&host, 2);
        assert_eq!(found.iter().filter(|(id, _)| *id == "C9H").count(), 1, "{found:?}");
    }
}
