//! The declaration of a signal.

use serde::{Deserialize, Serialize};

use crate::model::{Signal, SignalClass, SignalId};

/// What a signal is evidence of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalKind {
    /// Mining itself.
    Mining,
    /// Disguise or force: what honest programs seldom do.
    Sign,
    /// A step that installers and updaters take too: a file is fetched, run or set up to start again.
    Step,
    /// A port, a country, a missing name: common to much honest traffic. Such a signal opens no incident.
    Hint,
    /// A process or the host is busy. Such a signal opens no incident, and of several only the strongest counts.
    Load,
}

impl SignalKind {
    /// Whether a signal of this kind says so little that it opens no incident by itself.
    pub fn is_weak(self) -> bool {
        matches!(self, Self::Hint | Self::Load)
    }
}

/// The properties of a signal that do not depend on the process that shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalInfo {
    /// The short name of the signal in alerts.
    pub id: &'static str,
    /// The class of the signal. Without a conclusive finding, an alarm needs signals of two classes.
    pub class: SignalClass,
    /// Points, 0 to 100.
    pub weight: u8,
    /// Points of the full form, 0 to 100. Equal to `weight` for a signal without a full form.
    pub full_weight: u8,
    /// What the signal is evidence of. A verdict of `suspected` or above needs a signal of mining, disguise or force.
    pub kind: SignalKind,
    /// A short title.
    pub name: &'static str,
    /// What the signal means, in words for the user.
    pub description: &'static str,
    /// What the signal catches that names and ports do not, in one sentence.
    pub catches: &'static str,
    /// The MITRE ATT&CK techniques that the signal is evidence of.
    pub techniques: &'static [&'static str],
}

impl SignalInfo {
    /// Whether `signal` has this id.
    pub fn names(&self, signal: &Signal) -> bool {
        signal.id.0 == self.id
    }

    /// The id as a `SignalId`, the type in findings.
    pub const fn signal_id(&self) -> SignalId {
        SignalId::known(self.id)
    }
}
