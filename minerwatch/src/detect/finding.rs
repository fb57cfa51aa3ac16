//! The findings of detectors.

use std::sync::Arc;

use super::{DetectionContext, SignalInfo};
use crate::{
    model::{
        Account, ChainEdge, ChainKind, Evidence, FileId, ProcessKey, Request, Signal, SignalId, Threshold,
        Value,
    },
    process::Taint,
};

/// A finding, and what the incident needs to know in addition to the signal.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The signal, with its evidence.
    pub signal: Signal,
    /// The signal as its detector declares it.
    pub info: SignalInfo,
    /// Whether the finding decides the verdict alone.
    pub conclusive: bool,
    /// Why the process's connections matter from now on, if they do.
    pub taint: Option<Taint>,
    /// Whether the process set something up to start again by itself.
    pub persists: bool,
    /// The steps that the finding proves, apart from the creation of the process that shows the signal.
    pub edges: Vec<ChainEdge>,
    /// Another process that takes part: the writer of the file that is run.
    pub partner: Option<ProcessKey>,
    /// The account that the process mines for.
    pub account: Option<Account>,
    /// The file of the finding. A process that runs the file later belongs to the same incident.
    pub file: Option<(Arc<str>, Option<FileId>)>,
}

impl Finding {
    /// Creates a finding of a signal about the process of the context.
    pub fn new(info: SignalInfo, context: &DetectionContext<'_>, detail: String) -> Self {
        let signal = Signal {
            id: info.signal_id(),
            class: info.class,
            weight: info.weight,
            at: context.at(),
            process: context.key(),
            detail,
            evidence: Vec::new(),
            last: context.at(),
            conclusive: false,
        };
        Self {
            signal,
            info,
            conclusive: false,
            taint: None,
            persists: false,
            edges: Vec::new(),
            partner: None,
            account: None,
            file: None,
        }
    }

    /// Turns the finding into the full form of its signal.
    #[must_use]
    pub fn full(mut self) -> Self {
        self.signal.weight = self.info.full_weight;
        self
    }

    /// Lets the finding decide the verdict alone.
    #[must_use]
    pub fn conclusive(mut self) -> Self {
        self.conclusive = true;
        self
    }

    /// Taints the process: its connections matter from now on.
    #[must_use]
    pub fn tainting(mut self, taint: Taint) -> Self {
        self.taint = Some(taint);
        self
    }

    /// Names the account that the process mines for, if known.
    #[must_use]
    pub fn mining_for(mut self, account: Option<&Account>) -> Self {
        self.account = account.cloned();
        self
    }

    /// Adds a value as evidence.
    #[must_use]
    pub fn value(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.signal.evidence.push(Evidence::new(name, value));
        self
    }

    /// Adds a value as evidence, with its threshold.
    #[must_use]
    pub fn measured(mut self, name: &'static str, value: impl Into<Value>, threshold: Threshold) -> Self {
        let threshold = Some(threshold);
        self.signal.evidence.push(Evidence { threshold, ..Evidence::new(name, value) });
        self
    }

    /// Names the technique of MITRE ATT&CK that this finding is evidence of: one of those that its signal may be evidence
    /// of. Alerts name only this one.
    #[must_use]
    pub fn technique(self, id: &'static str) -> Self {
        self.value("technique", id)
    }

    /// Sets the unit of the value that was added last.
    #[must_use]
    pub fn unit(mut self, unit: &'static str) -> Self {
        if let Some(last) = self.signal.evidence.last_mut() {
            last.unit = Some(unit.into());
        }
        self
    }

    /// Adds a step that the process of the context took just now.
    #[must_use]
    pub fn step(mut self, context: &DetectionContext<'_>, kind: ChainKind, object: &str) -> Self {
        self.edges.push(ChainEdge {
            kind,
            at: context.at(),
            process: context.key(),
            name: Arc::clone(&context.process.view.name),
            parent: context.process.parent,
            object: object.to_owned(),
        });
        self
    }
}

/// The findings and requests of the detectors for one event.
#[derive(Debug, Default)]
pub struct Findings {
    found: Vec<Finding>,
    /// Findings below an installer that still runs, and findings of a management agent.
    held: Vec<Finding>,
    requests: Vec<Request>,
}

impl Findings {
    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    /// Adds a finding, if there is one. In the usual case of `None`, nothing is copied.
    #[inline]
    pub fn add(&mut self, finding: Option<Finding>) {
        if let Some(finding) = finding {
            self.found.push(finding);
        }
    }

    /// Removes all findings and requests, and keeps the allocations.
    pub fn clear(&mut self) {
        self.found.clear();
        self.held.clear();
        self.requests.clear();
    }

    /// Removes the findings of some signals.
    pub fn ignore(&mut self, signals: &[SignalId]) {
        if !signals.is_empty() {
            self.found.retain(|finding| !signals.contains(&finding.signal.id));
            self.held.retain(|finding| !signals.contains(&finding.signal.id));
        }
    }

    /// Sets aside the findings for which `is_held` is true.
    pub fn hold(&mut self, is_held: impl Fn(&Finding) -> bool) {
        if self.found.iter().any(&is_held) {
            self.held.extend(self.found.extract_if(.., |finding| is_held(finding)));
        }
    }

    /// The findings that were set aside, for the caller to drain.
    pub fn held_mut(&mut self) -> &mut Vec<Finding> {
        &mut self.held
    }

    /// Adds a request for more information. The answer arrives as an event.
    pub fn request(&mut self, request: Request) {
        self.requests.push(request);
    }

    /// The findings, for the caller to drain. Draining keeps the allocation.
    pub fn found_mut(&mut self) -> &mut Vec<Finding> {
        &mut self.found
    }

    /// The requests, for the caller to drain. Draining keeps the allocation.
    pub fn requests_mut(&mut self) -> &mut Vec<Request> {
        &mut self.requests
    }

    /// The findings.
    pub fn found(&self) -> &[Finding] {
        &self.found
    }
}
