//! Runs detectors over the events of a host, without an engine.

use std::sync::Arc;

use super::Host;
use crate::{
    detect::{Declaration, DetectionContext, DetectorSettings, Detectors, Findings, Knowledge, SignalKind},
    model::{Event, EventBody, Request, Value},
    process::{ProcessTable, TableLimits},
};

/// Runs all detectors over a host with one processor. Returns the id and the weight of every finding, in order.
pub fn findings(host: &Host) -> Vec<(&'static str, u8)> {
    findings_on(host, 1)
}

/// Runs all detectors over a host with that many `processors`. Returns the id and the weight of every finding, in
/// order.
pub fn findings_on(host: &Host, processors: u32) -> Vec<(&'static str, u8)> {
    Bench::new(processors).findings(host)
}

/// Runs the detectors of `declarations` over a host with one processor. Returns the id and the weight of every finding,
/// in order.
pub fn findings_of(declarations: &[&'static Declaration], host: &Host) -> Vec<(&'static str, u8)> {
    let mut bench = Bench::new(1);
    bench.detectors = Detectors::of(declarations, &DetectorSettings::default());
    bench.findings(host)
}

/// Runs the detectors of `declarations` over a host with one processor. Returns the kind of every finding, in order.
pub fn kinds_of(declarations: &[&'static Declaration], host: &Host) -> Vec<SignalKind> {
    let mut bench = Bench::new(1);
    bench.detectors = Detectors::of(declarations, &DetectorSettings::default());
    let mut kinds = Vec::new();
    bench.run(host.events(), |findings, _| {
        kinds.extend(findings.found().iter().map(|finding| finding.info.kind));
    });
    kinds
}

/// Runs all detectors over a host with two processors. Returns their requests, in order.
pub fn requests(host: &Host) -> Vec<Request> {
    let mut requests = Vec::new();
    Bench::new(2).run(host.events(), |findings, _| requests.append(findings.requests_mut()));
    requests
}

/// Runs all detectors over a host with one processor. Returns the values with this name in the evidence of every finding,
/// in order.
pub fn evidence(host: &Host, name: &str) -> Vec<Value> {
    let mut values = Vec::new();
    Bench::new(1).run(host.events(), |findings, _| {
        let evidence = findings.found().iter().flat_map(|finding| &finding.signal.evidence);
        values.extend(evidence.filter(|one| one.name == name).map(|one| one.value.clone()));
    });
    values
}

/// Detectors with the process table and the knowledge that they need.
#[derive(Debug)]
pub struct Bench {
    processors: u32,
    table: ProcessTable,
    knowledge: Knowledge,
    detectors: Detectors,
}

impl Bench {
    /// Creates detectors that have seen no event yet.
    pub fn new(processors: u32) -> Self {
        Self {
            processors,
            table: ProcessTable::new(TableLimits::default()),
            knowledge: Knowledge::new(Arc::new(crate::intel::built_in())),
            detectors: Detectors::default(),
        }
    }

    fn findings(mut self, host: &Host) -> Vec<(&'static str, u8)> {
        let mut found = Vec::new();
        self.run(host.events(), |findings, _| {
            found.extend(findings.found().iter().map(|finding| (finding.info.id, finding.signal.weight)));
        });
        found
    }

    /// Passes events to the detectors. Calls `on_findings` after each event.
    pub fn run(&mut self, events: &[Event], mut on_findings: impl FnMut(&mut Findings, &Event)) {
        for event in events {
            let key = event.subject.key;
            self.table.apply(event);
            let process = self.table.get(key).expect("a host's processes are known");
            self.knowledge.observe(event, process, &self.table);
            let mut findings = Findings::default();
            let context =
                DetectionContext::new(event, process, &self.table, self.processors, &self.knowledge);
            self.detectors.inspect(&context, &mut findings);
            if let Some(taint) = findings.found().iter().find_map(|finding| finding.taint) {
                self.table.get_mut(key).expect("known").taint = Some(taint);
            }
            on_findings(&mut findings, event);
            if let EventBody::Exit(_) = event.body {
                self.table.exit(key, event.time);
            }
        }
    }
}
