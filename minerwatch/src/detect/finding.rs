//! What a detector found.

use std::sync::Arc;

use super::{DetectionContext, SignalInfo};
use crate::{
    model::{ChainEdge, ChainKind, Evidence, FileId, ProcessKey, Request, Signal, Threshold, Value},
    process::Taint,
};

/// One finding, with what belongs to it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What is found.
    pub signal: Signal,
    /// The signal as its detector declares it.
    pub info: SignalInfo,
    /// Whether it decides alone.
    pub conclusive: bool,
    /// Why the process's own actions matter from now on, if they do.
    pub taint: Option<Taint>,
    /// Whether something was set up to start again by itself.
    pub persists: bool,
    /// Steps it proves, the showing process's own creation not included.
    pub edges: Vec<ChainEdge>,
    /// Another process that takes part: who wrote the file that is run.
    pub partner: Option<ProcessKey>,
    /// The file in question, so that whoever runs it later belongs to the same incident.
    pub file: Option<(Arc<str>, Option<FileId>)>,
}

impl Finding {
    /// A finding of this signal about the process of the context.
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
            file: None,
        }
    }

    /// Makes it the full form of its signal.
    #[must_use]
    pub fn full(mut self) -> Self {
        self.signal.weight = self.info.full_weight;
        self
    }

    /// Makes it decide alone.
    #[must_use]
    pub fn conclusive(mut self) -> Self {
        self.conclusive = true;
        self
    }

    /// Taints the process: what it does from now on matters.
    #[must_use]
    pub fn tainting(mut self, taint: Taint) -> Self {
        self.taint = Some(taint);
        self
    }

    /// Adds a value that decided.
    #[must_use]
    pub fn value(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.signal.evidence.push(Evidence::new(name, value));
        self
    }

    /// Adds a value that decided, with what it had to reach.
    #[must_use]
    pub fn measured(mut self, name: &'static str, value: impl Into<Value>, threshold: Threshold) -> Self {
        let threshold = Some(threshold);
        self.signal.evidence.push(Evidence { threshold, ..Evidence::new(name, value) });
        self
    }

    /// Gives the value added last a unit.
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

/// What the detectors made of one event.
#[derive(Debug, Default)]
pub struct Findings {
    found: Vec<Finding>,
    requests: Vec<Request>,
}

impl Findings {
    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    /// Adds a finding, if there is one. Hardly ever there is, and then nothing is copied.
    #[inline]
    pub fn add(&mut self, finding: Option<Finding>) {
        if let Some(finding) = finding {
            self.found.push(finding);
        }
    }

    /// Forgets everything, and keeps the room.
    pub fn clear(&mut self) {
        self.found.clear();
        self.requests.clear();
    }

    /// Asks the outside for something; the answer is an event.
    pub fn request(&mut self, request: Request) {
        self.requests.push(request);
    }

    /// The findings, to take them out. Their room is kept.
    pub fn found_mut(&mut self) -> &mut Vec<Finding> {
        &mut self.found
    }

    /// The requests, to take them out. Their room is kept.
    pub fn requests_mut(&mut self) -> &mut Vec<Request> {
        &mut self.requests
    }

    /// The findings.
    pub fn found(&self) -> &[Finding] {
        &self.found
    }
}
