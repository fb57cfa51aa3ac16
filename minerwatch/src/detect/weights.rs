//! What the network detectors that are not in the list yet need: their signals and thresholds.

pub(crate) mod signals;
pub mod tuning;

use super::SignalInfo;

/// Signals of detectors that are not in the list yet.
pub(super) static NOT_DECLARED: &[SignalInfo] = &[
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
    signals::DNS_TUNNEL,
];
