//! What a detector declares about a signal.

use crate::model::{Signal, SignalClass, SignalId};

/// What is known of a signal, whichever process shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalInfo {
    /// Its short name in alerts.
    pub id: &'static str,
    /// Its class. An alarm needs signals of two classes.
    pub class: SignalClass,
    /// Points, 0 to 100.
    pub weight: u8,
    /// Points of its full form where it has one, else the same.
    pub full_weight: u8,
    /// Whether it speaks of mining itself, not only of an intrusion.
    pub mining: bool,
    /// Whether it says no more than "busy". Of all such signals of an incident only the greatest counts.
    pub load: bool,
    /// A few words for a heading.
    pub name: &'static str,
    /// What it means, for a person.
    pub description: &'static str,
    /// What it catches that names and ports do not, in one sentence.
    pub catches: &'static str,
    /// Techniques of MITRE ATT&CK it is evidence of.
    pub techniques: &'static [&'static str],
}

impl SignalInfo {
    /// A base for `..SignalInfo::NONE`, so that a signal states only what it has.
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

    /// Whether a finding is this signal.
    pub fn names(&self, signal: &Signal) -> bool {
        signal.id.0 == self.id
    }

    /// The id as findings carry it.
    pub const fn signal_id(&self) -> SignalId {
        SignalId::known(self.id)
    }
}
