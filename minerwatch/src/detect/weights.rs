//! The one table of signals, weights and thresholds. Change a number in here, with the reason beside it.

pub(crate) mod signals;
pub mod tuning;

use crate::model::{Signal, SignalClass, SignalId};

/// What is known of a signal, whoever shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalInfo {
    /// Its short name in alerts.
    pub id: &'static str,
    /// Which witness it belongs to.
    pub class: SignalClass,
    /// Points, 0 to 100.
    pub weight: u8,
    /// Points of its full form where it has one, else the same.
    pub full_weight: u8,
    /// Whether it speaks of mining itself, not just of an intrusion.
    pub mining: bool,
    /// A few words for a heading.
    pub name: &'static str,
    /// What it means, for a person.
    pub description: &'static str,
    /// Techniques of MITRE ATT&CK it is evidence of.
    pub techniques: &'static [&'static str],
}

impl SignalInfo {
    /// Whether a finding is this signal.
    pub fn names(&self, signal: &Signal) -> bool {
        signal.id.0 == self.id
    }

    /// The id as findings carry it.
    pub const fn signal_id(&self) -> SignalId {
        SignalId::known(self.id)
    }
}

/// Every signal the program knows, by class and id.
pub fn catalogue() -> &'static [SignalInfo] {
    CATALOGUE
}

static CATALOGUE: &[SignalInfo] = &[
    signals::MINER_WORDS,
    signals::POOL_WORDS,
    signals::SOLO_MINING,
    signals::RELAY,
    signals::NOISE_HANDSHAKE,
    signals::ENCRYPTED_BEACONING,
    signals::TLS_WITHOUT_SNI,
    signals::ENCRYPTED_DNS,
    signals::POOL_NAME,
    signals::LISTED_PEER,
    signals::LISTED_FILE,
    signals::POOL_PORT,
    signals::FOREIGN_PEER,
    signals::SUSPECT_CONNECTION,
    signals::ROUNDING_MODES,
    signals::DATASET,
    signals::HUGE_PAGES,
    signals::MSR,
    signals::SCRATCHPADS,
    signals::SUSTAINED_CPU,
    signals::YIELD_PERIODICITY,
    signals::CONNECTION_GATED_LOAD,
    signals::INTERMITTENT_LOAD,
    signals::LONG_LOAD,
    signals::HOST_LOAD,
    signals::LOAD_JUMP,
    signals::QUOTA_THROTTLED,
    signals::SIGSTOP_THROTTLE,
    signals::MONITOR_EVASION,
    signals::GPU,
    signals::SERVICE_DOWNLOADER,
    signals::DROP_AND_RUN,
    signals::FILELESS,
    signals::KERNEL_NAME,
    signals::PRELOAD,
    signals::PERSISTENCE,
    signals::MINER_COMMAND_LINE,
    signals::DNS_TUNNEL,
    signals::TRIPLE_CHAIN,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let mut ids: Vec<_> = catalogue().iter().map(|signal| signal.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), catalogue().len(), "an id stands for one signal");
        for signal in catalogue() {
            assert!(signal.weight <= signal.full_weight && signal.full_weight <= 100, "{}", signal.id);
            assert!(!signal.techniques.is_empty() && signal.description.ends_with('.'), "{}", signal.id);
        }
    }
}
