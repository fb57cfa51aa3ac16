//! C10: work that is throttled from outside, by stopping and continuing the process many times per second.

use std::time::Duration;

use super::{BUSY_PROCESSES, SCHEDULING_EVICTED, start_of};
use crate::{
    detect::{Declaration, DetectionContext, Finding, PerProcess, ProcessStates, SignalInfo, SignalKind},
    model::{BootTime, Decimal, EventBody, EventType, SignalClass, Threshold},
};

/// Stops per second above which a process counts as throttled. Nobody presses Ctrl-Z that often.
const STOPS_PER_SECOND: f64 = 2.0;
/// How long a process must be throttled.
const SPAN: Duration = Duration::from_secs(10);

/// The signal. It has few points, because `cpulimit` throttles honest programs the same way.
pub const SIGSTOP_THROTTLE: SignalInfo = SignalInfo {
    id: "C10",
    class: SignalClass::Compute,
    weight: 10,
    full_weight: 10,
    kind: SignalKind::Sign,
    name: "Throttled by stopping and continuing",
    description: "The process was stopped and continued more than twice a second for 10 seconds. Tools that limit a program's load do so, and miners that want to go unnoticed.",
    catches: "A miner that is kept below load thresholds from outside.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[SIGSTOP_THROTTLE],
    wants: &[EventType::Cpu, EventType::Exit],
    evictions: SCHEDULING_EVICTED,
    create: |_| Box::new(PerProcess::new(BUSY_PROCESSES, inspect)),
};

/// The stops of one process.
#[derive(Clone, Copy, Debug)]
struct Throttle {
    /// `CpuUsage::stops` in the last report.
    counted: u64,
    /// When the frequent stops began; `stops` counts the stops since then, and `reported` says whether they were
    /// reported.
    since: BootTime,
    stops: u64,
    reported: bool,
}

fn inspect(processes: &mut ProcessStates<Throttle>, context: &DetectionContext<'_>) -> Option<Finding> {
    let EventBody::Cpu(usage) = &context.event.body else { return None };
    if usage.stops == 0 {
        return None;
    }
    let new = || Throttle { counted: usage.stops, since: context.at(), stops: 0, reported: false };
    let process = processes.entry(&context.key(), new);
    // All threads of a process stop at once.
    let threads = u64::from(usage.threads.max(1));
    let stops = usage.stops.saturating_sub(std::mem::replace(&mut process.counted, usage.stops)) / threads;
    let often = stops as f64 * 1e9 / usage.window.max(1) as f64 > STOPS_PER_SECOND;
    if !often {
        (process.since, process.stops, process.reported) = (context.at(), 0, false);
        return None;
    }
    if process.stops == 0 {
        process.since = start_of(context, usage.window);
    }
    process.stops += stops;
    let lasted = context.at().since(process.since);
    if process.reported || lasted < SPAN {
        return None;
    }
    process.reported = true;
    let rate = process.stops as f64 / lasted.as_secs_f64();
    let seconds = lasted.as_secs();
    let detail = format!("was stopped and continued {rate:.1} times a second for {seconds} s");
    let finding = Finding::new(SIGSTOP_THROTTLE, context, detail)
        .measured(
            "stops_per_second",
            Decimal::new(rate, 1),
            Threshold::above(Decimal::new(STOPS_PER_SECOND, 0)),
        )
        .measured("seconds", seconds, Threshold::at_least(SPAN.as_secs()));
    Some(finding)
}

#[cfg(test)]
mod tests {
    use crate::testing::{CpuReport, Host, findings};

    /// The number of stops that a given second adds.
    type Second = fn(u64) -> u64;

    #[test]
    fn a_process_must_be_stopped_often_for_ten_seconds() {
        // `CpuReport` has two threads, and each of them stops.
        let cases: [(&str, u64, Second, usize); 5] = [
            ("ten times a second is reported once", 30, |_| 20, 1),
            ("too short", 8, |_| 20, 0),
            ("twice a second is not more than twice", 60, |_| 4, 0),
            ("now and then", 60, |second| if second % 5 == 0 { 20 } else { 0 }, 0),
            ("somebody pressed Ctrl-Z", 60, |second| if second == 0 { 2 } else { 0 }, 0),
        ];
        for (name, seconds, second, expected) in cases {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
            let mut stops = 0;
            for number in 0..seconds {
                stops += second(number);
                host.report(worker, CpuReport { processors: 0.4, stops, ..CpuReport::default() });
            }
            let found = findings(&host);
            assert_eq!(found.iter().filter(|(id, _)| *id == "C10").count(), expected, "{name}");
        }
    }
}
