//! Reports of commands about this host.

use serde::Serialize;

use super::Alert;

/// What this kernel and the current privileges allow (`minerwatch doctor`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The kernel's release and architecture.
    pub kernel: String,
    /// The requirements of the daemon on the system.
    pub conditions: Vec<Condition>,
    /// The data sources of the daemon, and the hook that provides each.
    #[serde(rename = "purposes")]
    pub data_sources: Vec<DataSourceStatus>,
    /// The status of the running daemon, if a daemon runs and answers this user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon: Option<serde_json::Value>,
    /// Why the daemon's status is unknown. `None` if the status is known, or if no daemon runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon_error: Option<String>,
}

/// A requirement on the system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// The name of the requirement: a capability, type information, a mount.
    pub name: String,
    /// Whether the requirement is met.
    pub met: bool,
    /// Whether the daemon cannot run unless the requirement is met.
    pub required: bool,
    /// What was found, and the remedy if the requirement is not met.
    pub detail: String,
}

/// How one data source is provided on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DataSourceStatus {
    /// The name of the data source: `exec`, `tcp`.
    pub name: String,
    /// The hook that provides the data source; `None` if no hook is available.
    pub hook: Option<String>,
    /// The attach type of the hook, in the form of the option `--hook`.
    #[serde(rename = "way")]
    pub attach_type: Option<String>,
    /// What this hook misses or costs, and why a better hook was not used. Without a hook: the reason and the remedy.
    pub detail: Option<String>,
    /// Whether this hook misses or costs something that a better hook would not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub limited: bool,
}

impl Report {
    /// Whether the daemon can run on this host.
    pub fn can_run(&self) -> bool {
        self.conditions.iter().all(|condition| condition.met || !condition.required)
    }
}

/// What a scan examined and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// The fields that every JSON object contains, as one object.
    pub common: String,
    /// Every incident in its last state, highest score first. Incidents with the verdict `noted` are included.
    pub incidents: Vec<Alert>,
    /// Duration of the scan, in seconds.
    pub seconds: u64,
    /// Number of processes known at the end.
    pub processes: u64,
    /// Number of connections that were open at the start or seen since.
    pub connections: u64,
    /// Number of samples of the FPU state of busy processes.
    pub cpu_samples: u64,
    /// Data sources that no hook provides on this kernel.
    pub unavailable: Vec<String>,
    /// Number of events that the kernel side lost.
    pub lost: u64,
}
