//! What a detector hands on.

use std::{borrow::Cow, sync::Arc};

use super::{DetectionContext, SignalInfo};
use crate::{
    model::{ChainEdge, ChainKind, FileId, ProcessKey, Signal},
    process::Taint,
};

/// How the name of a value is continued to name what it had to reach.
pub const THRESHOLD_SUFFIX: &str = "_threshold";

/// What a finding establishes beyond its points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The process is suspect from now on; one that was dropped is a link of the chain.
    Suspect(Taint),
    /// Something was set up to start again by itself.
    Persisted,
}

/// One detector's finding, with what belongs to it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What is found.
    pub signal: Signal,
    /// The row of the table it comes from.
    pub info: SignalInfo,
    /// Whether it decides alone.
    pub conclusive: bool,
    /// What it establishes.
    pub fact: Option<Fact>,
    /// Steps it proves, the showing process's own creation not included.
    pub edges: Vec<ChainEdge>,
    /// Another process that takes part: who wrote the file that is run.
    pub partner: Option<ProcessKey>,
    /// The file in question, so that whoever runs it later belongs here.
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
        Self { signal, info, conclusive: false, fact: None, edges: Vec::new(), partner: None, file: None }
    }

    /// Makes it the full form of its signal.
    #[must_use]
    pub fn full(mut self) -> Self {
        self.signal.weight = self.info.full_weight;
        self
    }

    /// Adds a value that decided.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.signal.evidence.push((Cow::Borrowed(name), value.to_string()));
        self
    }

    /// Adds a value that decided, with what it had to reach.
    #[must_use]
    pub fn against(self, name: &'static str, value: &(impl ToString + ?Sized), threshold: &str) -> Self {
        let mut finding = self.with(name, value);
        finding.signal.evidence.push((Cow::Owned(format!("{name}{THRESHOLD_SUFFIX}")), threshold.to_owned()));
        finding
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
