//! What exceptions hide of an incident.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ProcessKey, SignalId};

/// What exceptions hide of an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excepted {
    /// Whether no alert is sent about the incident, because exceptions hide all that would be worth one.
    pub incident: bool,
    /// The suspects that exceptions concern.
    pub suspects: Vec<ExceptedSuspect>,
}

impl Excepted {
    /// Whether no exception concerns the incident.
    pub fn is_empty(&self) -> bool {
        self.suspects.is_empty()
    }
}

/// A suspect that exceptions concern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptedSuspect {
    /// Its latest process.
    pub process: ProcessKey,
    /// The name of that process.
    pub name: Arc<str>,
    /// Whether the alerts about the suspect are hidden. Otherwise only signals are removed.
    pub hidden: bool,
    /// The ids of the exceptions.
    pub exceptions: Vec<Arc<str>>,
    /// The signals that do not count for the suspect.
    pub signals: Vec<SignalId>,
}
