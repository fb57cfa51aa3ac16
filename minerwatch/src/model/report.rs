//! What commands find out about this host.

use serde::Serialize;

use super::Alert;

/// What this kernel and these privileges allow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The kernel's release and architecture.
    pub kernel: String,
    /// What the daemon needs from the system.
    pub conditions: Vec<Condition>,
    /// What it watches, and how.
    #[serde(rename = "purposes")]
    pub data_sources: Vec<DataSourceStatus>,
    /// The status of the running daemon, if one runs and answers this user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon: Option<serde_json::Value>,
    /// Why the daemon could not be asked, if that is not known to be because none runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon_error: Option<String>,
}

/// Something the system has or lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// What it is: a capability, type information, a mount.
    pub name: String,
    /// Whether it is there.
    pub met: bool,
    /// Whether the daemon cannot run without it.
    pub required: bool,
    /// What was seen, and what to do if it is not met.
    pub detail: String,
}

/// How one data source is watched on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DataSourceStatus {
    /// Its name: `exec`, `tcp`.
    pub name: String,
    /// The hook that serves it here; `None` if it is unavailable.
    pub hook: Option<String>,
    /// The hook's attach type, as `--hook` takes it.
    #[serde(rename = "way")]
    pub attach_type: Option<String>,
    /// What this hook misses or costs and why a better one was not taken; or why there is none and what to do.
    pub detail: Option<String>,
    /// Whether this hook misses or costs something that a better one would not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub limited: bool,
}

impl Report {
    /// Whether the daemon can run here at all.
    pub fn can_run(&self) -> bool {
        self.conditions.iter().all(|condition| condition.met || !condition.required)
    }
}

/// What a scan looked at and what it found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// The host's name.
    pub host: String,
    /// Identity of this boot.
    pub boot_id: String,
    /// Every incident in its last state, the strongest first, those included that are only noted.
    pub incidents: Vec<Alert>,
    /// Seconds it watched.
    pub seconds: u64,
    /// Processes known at the end.
    pub processes: u64,
    /// Connections that were open at the start or seen since.
    pub connections: u64,
    /// Looks at the arithmetic of busy processes.
    pub cpu_samples: u64,
    /// Data sources that no hook serves on this kernel.
    pub unavailable: Vec<String>,
    /// Events that the kernel side lost.
    pub lost: u64,
}
