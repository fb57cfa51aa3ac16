//! The table of recorded stories, with one row per story. The replay tests check the table, and the calibration counts
//! from it what is found and what is a false alarm.

use std::path::{Path, PathBuf};

/// What a story is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// An attack, which should be `suspected` or above.
    Attack,
    /// Harmless work, which should be `noted` at most.
    Benign,
    /// An attack that only a user's list of indicators can show. It has no signals without the list, so the calibration
    /// leaves it out.
    OnlyListed,
}

/// A story: a recording and what is expected of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Story {
    /// File name of the recording, without the extension.
    pub name: &'static str,
    /// What the story is.
    pub class: Class,
    /// Worst verdict of the alerts: `noted`, `suspected` or `mining`; `None` without alerts.
    pub worst: Option<&'static str>,
    /// Ids of all signals in the alerts.
    pub signals: &'static [&'static str],
    /// Names of processes that the alerts must list as suspects.
    pub named: &'static [&'static str],
}

impl Story {
    /// Adds the names of processes that the alerts must list as suspects.
    #[must_use]
    pub const fn naming(self, named: &'static [&'static str]) -> Self {
        Self { named, ..self }
    }
}

const fn attack(name: &'static str, worst: &'static str, signals: &'static [&'static str]) -> Story {
    Story { name, class: Class::Attack, worst: Some(worst), signals, named: &[] }
}

/// Returns a harmless story, whose worst verdict is `noted` if it has signals.
const fn benign(name: &'static str, noted: &'static [&'static str]) -> Story {
    let worst = if noted.is_empty() { None } else { Some("noted") };
    Story { name, class: Class::Benign, worst, signals: noted, named: &[] }
}

const fn only_listed(name: &'static str) -> Story {
    Story { name, class: Class::OnlyListed, worst: None, signals: &[], named: &[] }
}

/// All recorded stories.
#[rustfmt::skip]
pub const STORIES: &[Story] = &[
    attack("dns-tunnel", "noted", &["B12", "B2", "T1"]),
    attack("dropper", "suspected", &["B2", "B7", "N9", "T1"]),
    attack("encrypted-miner", "suspected", &["B2", "N5", "N6", "N9", "T1"]),
    attack("ethereum-miner", "mining", &["N1", "N4"]),
    attack("exploited-service", "suspected", &["B1", "B2", "B7", "N9", "T1"]),
    attack("fileless-worker", "suspected", &["B3", "B4", "N9"]),
    attack("gated-worker", "suspected", &["B2", "C7", "N4", "N9", "T1"]),
    attack("hides-from-top", "noted", &["B2", "C11", "T1"]),
    attack("io-uring-miner", "mining", &["N1", "N2", "N4"]),
    attack("light-miner", "noted", &["B2", "C13", "T1"]),
    attack("limited-worker", "noted", &["B2", "C5", "N9", "T1"]),
    attack("miner-behind-a-proxy", "mining", &["N1"]),
    attack("miner-command-line", "mining", &["B9", "N4"]),
    attack("mining-proxy", "mining", &["N1", "N2", "N4", "N8"]),
    attack("pool-by-name", "noted", &["N11", "N3", "N6"]),
    attack("regular-worker", "suspected", &["B2", "C5", "C6", "T1"]),
    attack("renamed-worker", "mining", &["C1"]).naming(&["sshd"]),
    attack("rootkit", "suspected", &["B2", "B3", "B6", "B7", "N9", "T1"]),
    attack("solo-miner", "noted", &["N7"]),
    attack("stop-and-go", "noted", &["B2", "C10", "N9", "T1"]),
    attack("stratum-login", "mining", &["N1", "N2"]),
    attack("stratum-miner", "mining", &["B2", "N1", "N2", "N4", "N9", "T1"]),
    attack("stratum-v2-miner", "noted", &["B2", "N10", "N9", "T1"]),
    attack("throttled-worker", "mining", &["B2", "B4", "C1", "T1"]).naming(&["kswapd0"]),
    attack("tuned-host", "noted", &["C2", "C3", "C4"]),
    only_listed("listed-hosts-and-files"),

    benign("administrator", &["B7", "T1"]),
    benign("backup", &[]),
    benign("checksum-speed", &[]),
    benign("ci-job", &["B2", "N9", "T1"]),
    benign("compiler-build", &[]),
    benign("database", &[]),
    benign("database-tuning", &[]),
    benign("health-checks", &["B1", "N9"]),
    benign("login-service", &[]),
    benign("message-broker", &[]),
    benign("name-lookups", &[]),
    benign("package-install", &[]),
    benign("pool-website", &[]),
    benign("remote-session", &[]),
    benign("self-update", &[]),
];

/// Returns the directory of the recordings.
pub fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings")
}

/// Returns the story of a recording.
pub fn story(name: &str) -> Option<&'static Story> {
    STORIES.iter().find(|story| story.name == name)
}
