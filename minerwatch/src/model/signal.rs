//! Signals: what detectors report.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

use super::{BootTime, Evidence, ProcessKey, Value};

/// The class of a signal. Classes are independent: a miner may hide from one of them, but hardly from all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignalClass {
    /// What the process sends and receives.
    Network,
    /// How the process uses CPU and memory.
    Compute,
    /// How the process arrived on the host and how it persists.
    Behavior,
}

/// The id of a signal, as alerts show it (`N4`, `B2`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SignalId(pub Cow<'static, str>);

impl SignalId {
    /// Creates the id of a built-in signal.
    pub const fn known(id: &'static str) -> Self {
        Self(Cow::Borrowed(id))
    }
}

impl fmt::Display for SignalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One detector's finding about one process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// The id of the signal.
    pub id: SignalId,
    /// Its class.
    pub class: SignalClass,
    /// Points, 0 to 100, before they decay.
    pub weight: u8,
    /// When the deciding event happened.
    pub at: BootTime,
    /// The process that showed the signal.
    pub process: ProcessKey,
    /// One sentence for people, with the values that decided.
    pub detail: String,
    /// The deciding values, in a form for programs.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// When the signal was last shown. The points decay from then on. Zero means `at`.
    #[serde(default)]
    pub last: BootTime,
    /// Whether the signal alone proves mining.
    #[serde(default)]
    pub conclusive: bool,
}

impl Signal {
    /// Returns the first value with this name.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.evidence.iter().find(|evidence| evidence.name == name).map(|evidence| &evidence.value)
    }
}
