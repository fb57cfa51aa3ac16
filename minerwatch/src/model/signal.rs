//! What a detector says, and of which kind it is.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

use super::{BootTime, Evidence, ProcessKey, Value};

/// The independent witnesses: a miner can silence one of them, not all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignalClass {
    /// What it says on the wire.
    Network,
    /// What its CPU does.
    Compute,
    /// How it came and how it stays.
    Behavior,
}

/// The name of a signal, as alerts show it (`N4`, `B2`); the table of weights has one row for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SignalId(pub Cow<'static, str>);

impl SignalId {
    /// A signal that the program itself knows.
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
    /// Which.
    pub id: SignalId,
    /// Of which witness.
    pub class: SignalClass,
    /// Points, 0 to 100, before they fade.
    pub weight: u8,
    /// When the deciding event happened.
    pub at: BootTime,
    /// The process that showed it.
    pub process: ProcessKey,
    /// One sentence for a person, with the values that decided.
    pub detail: String,
    /// The same values for a program.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// When it was last shown; its points fade from here. Zero stands for `at`.
    #[serde(default)]
    pub last: BootTime,
    /// Whether it decides alone.
    #[serde(default)]
    pub conclusive: bool,
}

impl Signal {
    /// The first value of this name.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.evidence.iter().find(|evidence| evidence.name == name).map(|evidence| &evidence.value)
    }
}
