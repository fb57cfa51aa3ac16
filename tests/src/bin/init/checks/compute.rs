//! Checks CPU time, memory and rounding modes.

use minerwatch_tests::agent::at;
use serde_json::json;

use super::{Check, Observed};
use crate::sequence::SPIN;

impl Observed {
    /// Checks the CPU time of the spinning process. An emulated machine is slow, but the process gets most of its time.
    pub(super) fn cpu(&self) -> [Check; 2] {
        let range = |low: u64| low * 1_000_000..=(SPIN + 1) * 1_000_000_000;
        let within = |name: &str, purposes: &[&str], action: &str, field: &str, low: u64| {
            let event = [("event.action", json!(action)), ("process.pid", json!(self.sequence.spinning))];
            let values: Vec<_> = self.find(&event).map(|event| at(event, field).as_u64()).collect();
            let good = !values.is_empty()
                && values.iter().all(|value| value.is_some_and(|value| range(low).contains(&value)));
            self.judge(name, purposes, good, format!("{field} {values:?}"))
        };
        [
            within("cpu-interval", &["cpu"], "cpu", "minerwatch.cpu.on_cpu_ns", 100),
            within("cpu-total", &["exit"], "exit", "minerwatch.cpu.total_ns", SPIN * 500),
        ]
    }

    /// Checks that the dataset is reported, and that code is reported only at growing counts, however often its
    /// protection changes.
    pub(super) fn mapping(&self) -> [Check; 3] {
        let event = |pid: u32, class: &str| {
            [
                ("event.action", json!("memory-map")),
                ("process.pid", json!(pid)),
                ("minerwatch.memory.class", json!(class)),
            ]
        };
        let code = event(self.sequence.mapping, "code");
        let told = self.find(&code).count();
        [
            // The request for huge pages has an event. Without huge pages, the request for ordinary pages has another.
            self.expect(
                "mapping-dataset",
                &["mapping"],
                &event(self.sequence.mapping, "dataset"),
                &[("minerwatch.memory.size", json!(2_181_038_080_u64))],
            ),
            self.expect(
                "mapping-advised",
                &["mapping"],
                &event(self.sequence.advising, "scratchpad"),
                &[("minerwatch.memory.count", json!(32))],
            ),
            self.judge(
                "mapping-code",
                &["mapping"],
                (8..=16).contains(&told),
                format!("{told} told of 4000"),
            ),
        ]
    }

    /// Checks that RandomX is found and interval arithmetic is not.
    pub(super) fn rounding(&self) -> [Check; 2] {
        let alert = |pid: u32| [("event.kind", json!("alert")), ("process.pid", json!(pid))];
        let verdict = [("minerwatch.verdict", json!("mining")), ("rule.id", json!("C1"))];
        let neighbour = alert(self.sequence.interval);
        let alerts = self.find(&neighbour).count();
        [
            self.expect("rounding", &["rounding"], &alert(self.sequence.hashing), &verdict),
            self.judge("rounding-interval", &["rounding"], alerts == 0, format!("{alerts} alerts")),
        ]
    }
}
