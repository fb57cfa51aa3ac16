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
    attack("cron-revival", "mining", &["B2", "B7", "N1", "N2", "N4", "N9", "T1"]).naming(&["fontd"]),
    attack("dns-tunnel", "suspected", &["B12", "B2", "T1"]).naming(&[".sync"]),
    attack("dropper", "suspected", &["B2", "B7", "N9", "T1"]).naming(&[".xm"]),
    attack("encrypted-miner", "mining", &["B2", "N5", "N6", "N9", "T1"]).naming(&[".X11-lock"]),
    attack("ethereum-miner", "mining", &["N1", "N4"]).naming(&["render-node"]),
    attack("exploited-service", "suspected", &["B1", "B2", "B7", "N9", "T1"]).naming(&[".rsync"]),
    attack("fileless-worker", "suspected", &["B3", "B4", "N9"]).naming(&["3"]),
    attack("gated-worker", "suspected", &["B2", "C7", "N4", "N9", "T1"]).naming(&[".render"]),
    attack("hidden-miner", "mining", &["B2", "B6", "C1", "T1"]).naming(&["udevd-work", "udevd-net"]),
    attack("hides-from-top", "suspected", &["B2", "C11", "T1"]).naming(&[".indexer"]),
    attack("io-uring-miner", "mining", &["N1", "N2", "N4"]).naming(&["agent"]),
    attack("java-backdoor", "suspected", &["B1", "B2", "B7", "N6", "N9", "T1"]).naming(&["java"]),
    attack("light-miner", "suspected", &["B2", "C13", "T1"]).naming(&["kdump"]),
    attack("limited-worker", "suspected", &["B2", "C5", "N9", "T1"]).naming(&[".encoder"]),
    attack("linked-implant", "suspected", &["B2", "B6", "B7", "N9", "T1"]).naming(&["fontd"]),
    attack("local-tunnel", "mining", &["B2", "N1", "N2", "T1"]).naming(&["unit", "gate"]),
    attack("memory-miner", "mining", &["B3", "B4P", "N1", "N2", "N4", "N9"]).naming(&["3"]),
    attack("miner-behind-a-proxy", "mining", &["N1"]).naming(&["miner.py"]),
    attack("miner-command-line", "mining", &["B9", "N4"]).naming(&["xmrig"]),
    attack("mining-image", "mining", &["B9", "N1", "N2", "N4"]).naming(&["xmrig"]),
    attack("mining-proxy", "mining", &["N1", "N2", "N4", "N8"]).naming(&["gateway"]),
    attack("npm-install", "suspected", &["B1", "B2", "N6", "N9", "T1"]).naming(&[".jsextension"]),
    attack("poisoned-build", "mining", &["N1", "N2", "N4"]).naming(&["helper"]),
    attack("pool-by-name", "suspected", &["C5", "N3"]).naming(&["updater"]),
    attack("postgres-program", "mining", &["B1", "B2", "N1", "N2", "N4", "N9", "T1"]).naming(&["postmaster"]),
    attack("quiet-implant", "suspected", &["B2", "B4", "N9", "T1"]).naming(&["server"]),
    attack("react-shell", "suspected", &["B2", "B4", "N6", "N9", "T1"]).naming(&[".r"]),
    attack("redis-cron", "mining", &["B1", "B2", "B7", "N1", "N2", "N4", "N9", "T1"]).naming(&["redis-helper"]),
    attack("regular-worker", "suspected", &["B2", "C5", "C6", "T1"]).naming(&[".solver"]),
    attack("renamed-worker", "mining", &["C1"]).naming(&["sshd"]),
    attack("restarted-miner", "mining", &["B2", "N1", "N2", "N4", "N9", "T1"]).naming(&["keeper", "pulsed"]),
    attack("rival-killer", "mining", &["B2", "B7", "B8", "B8I", "N1", "N2", "N4", "N9", "T1"]).naming(&["gvfsd-meta"]),
    attack("rootkit", "suspected", &["B2", "B3", "B6", "B7", "N9", "T1"]).naming(&[".agent", "9"]),
    attack("self-updater", "mining", &["B2", "N1", "N2", "N4", "N9", "T1"]).naming(&["indexer"]),
    attack("silenced-agents", "mining", &["B1", "B2", "B4", "B8A", "B8R", "N1", "N2", "N4", "N9", "T1"]).naming(&["sessd"]),
    attack("solo-miner", "suspected", &["C5", "N7"]).naming(&["miner.py"]),
    attack("ssh-worm", "mining", &["B2", "B7", "N1", "N2", "N4", "N9", "T1"]).naming(&["sshd-worker"]),
    attack("stop-and-go", "suspected", &["B2", "C10", "N9", "T1"]).naming(&[".batch"]),
    attack("stratum-login", "mining", &["N1", "N2"]).naming(&["python3"]),
    attack("stratum-miner", "mining", &["B2", "N1", "N2", "N4", "N9", "T1"]).naming(&[".font-unix"]),
    attack("stratum-v2-miner", "suspected", &["B2", "N10", "N9", "T1"]).naming(&["resolved"]),
    attack("system-daemon", "suspected", &["B2", "B4P", "B7", "N6", "N9", "T1"]).naming(&["timesync"]),
    attack("three-miners", "mining", &["B1", "B2", "N1", "N2", "N4", "N9", "T1"]).naming(&[".vm", "netd", "sysupdate"]),
    attack("throttled-worker", "mining", &["B2", "B4", "C1", "T1"]).naming(&["kswapd0"]),
    attack("tuned-host", "mining", &["C2", "C3", "C4"]).naming(&["memory"]),
    attack("twelve-miners", "mining", &["B2", "B4P", "N1", "N2", "N4", "N9", "T1"]).naming(&["acpid", "atd", "avahi-daemon", "chronyd", "cupsd", "dnsmasq", "lldpd", "mcelog", "polkitd", "rngd", "smartd", "upowerd"]),
    attack("watchdog", "mining", &["B2", "N1", "N2", "N4", "N9", "T1"]).naming(&["session", "sessiond"]),
    attack("web-shell", "mining", &["B1", "B2", "N1", "N2", "N4", "N9", "T1"]).naming(&["cache.dat"]),
    only_listed("listed-hosts-and-files"),

    benign("administrator", &[]),
    benign("agent-update", &["B2", "B7", "N9", "T1"]),
    benign("ansible-pull", &[]),
    benign("ansible-push", &[]),
    benign("app-image", &[]),
    benign("backup", &[]),
    benign("blockchain-node", &[]),
    benign("browser-update", &["B2", "B7", "N9", "T1"]),
    benign("build-dispatcher", &[]),
    benign("checksum-speed", &[]),
    benign("ci-job", &[]),
    benign("cloud-agent", &[]),
    benign("cluster-job", &[]),
    benign("compiler-build", &[]),
    benign("curious-tls", &["N3"]),
    benign("database", &[]),
    benign("database-archive", &[]),
    benign("database-tuning", &[]),
    benign("dotfiles", &[]),
    benign("first-boot", &[]),
    benign("health-checks", &[]),
    benign("image-build", &[]),
    benign("internal-mirror", &["B2", "B7", "N9", "T1"]),
    benign("jenkins-agent", &[]),
    benign("job-scheduler", &["B7", "T1"]),
    benign("kubelet-probes", &[]),
    benign("limited-backup", &[]),
    benign("login-service", &[]),
    benign("maintenance-script", &[]),
    benign("make-install", &[]),
    benign("media-site", &["B1", "N9"]),
    benign("message-broker", &[]),
    benign("name-lookups", &[]),
    benign("nightly-jobs", &["B2", "B7", "N9", "T1"]),
    benign("notebook", &[]),
    benign("package-build", &[]),
    benign("package-install", &[]),
    benign("pool-website", &[]),
    benign("remote-development", &[]),
    benign("remote-session", &[]),
    benign("salt-minion", &[]),
    benign("self-update", &[]),
    benign("supervisor-loop", &[]),
    benign("test-runner", &["B2", "B7", "N9", "T1"]),
    benign("time-and-pools", &[]),
    benign("toolchain-job", &[]),
    benign("upgraded-service", &[]),
    benign("vendor-install", &["B7", "N9", "T1"]),
    benign("video-calls", &[]),
    benign("volunteer-computing", &[]),
    benign("wallet-payment", &[]),
    benign("web-application", &[]),
];

/// Returns the directory of the recordings.
pub fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings")
}

/// Returns the story of a recording.
pub fn story(name: &str) -> Option<&'static Story> {
    STORIES.iter().find(|story| story.name == name)
}
