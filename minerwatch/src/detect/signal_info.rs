//! The declaration of a signal.

use crate::model::{Signal, SignalClass, SignalId};

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
    /// Whether the signal is evidence of mining itself, not only of an intrusion.
    pub mining: bool,
    /// Whether the signal shows only that a process or the host is busy. Of all such signals in an incident, only the
    /// one with the most points counts.
    pub load: bool,
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
    /// The base for `..SignalInfo::NONE`, so that a declaration states only the fields it sets.
    pub const NONE: Self = Self {
        id: "",
        class: SignalClass::Behavior,
        weight: 0,
        full_weight: 0,
        mining: false,
        load: false,
        name: "",
        description: "",
        catches: "",
        techniques: &[],
    };

    /// Whether `signal` has this id.
    pub fn names(&self, signal: &Signal) -> bool {
        signal.id.0 == self.id
    }

    /// The id as a `SignalId`, the type in findings.
    pub const fn signal_id(&self) -> SignalId {
        SignalId::known(self.id)
    }
}
