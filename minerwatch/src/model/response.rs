//! The staged response to an incident: its stages, and the reports about them.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{BootTime, ProcessKey};

/// A stage of the response, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Changes nothing; keeps the evidence if the configuration says so.
    Observe,
    /// The suspect may connect only to allowed addresses.
    Isolate,
    /// The suspect gets a few per cent of one processor.
    Throttle,
    /// The suspect does not run.
    Freeze,
    /// The suspect and all its children are killed.
    Stop,
    /// The suspect's executable is moved aside.
    Quarantine,
}

impl Stage {
    /// All stages, weakest first.
    pub const ALL: [Self; 6] =
        [Self::Observe, Self::Isolate, Self::Throttle, Self::Freeze, Self::Stop, Self::Quarantine];

    /// The name of the stage in the configuration, in events and as an option.
    pub fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Isolate => "isolate",
            Self::Throttle => "throttle",
            Self::Freeze => "freeze",
            Self::Stop => "stop",
            Self::Quarantine => "quarantine",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What happens to the measures when the agent is killed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AfterDeath {
    /// Each measure is undone when its lease ends.
    #[default]
    Release,
    /// The measures stay until somebody releases them.
    Keep,
}

/// Whose approval the policy needs before it changes something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approver {
    /// Nobody: the policy acts at once.
    #[default]
    Nobody,
    /// A server, over HTTP.
    Webhook,
}

/// What a report of the response is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseAction {
    /// A stage was applied, or would have been.
    Stage(Stage),
    /// Evidence was collected.
    Evidence,
    /// Everything, or one stage, was undone.
    Release,
    /// Traffic that the isolation blocked.
    Blocked,
    /// An approval is pending, was given, was denied or expired.
    Approval,
}

impl ResponseAction {
    /// `event.action` of the event.
    pub fn event_action(self) -> &'static str {
        match self {
            Self::Stage(Stage::Observe) => "response-observe",
            Self::Stage(Stage::Isolate) => "response-isolate",
            Self::Stage(Stage::Throttle) => "response-throttle",
            Self::Stage(Stage::Freeze) => "response-freeze",
            Self::Stage(Stage::Stop) => "response-stop",
            Self::Stage(Stage::Quarantine) => "response-quarantine",
            Self::Evidence => "response-evidence",
            Self::Release => "response-release",
            Self::Blocked => "response-blocked",
            Self::Approval => "response-approval",
        }
    }
}

/// How a step of the response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResponseOutcome {
    /// It was done.
    Done,
    /// Nothing was changed, because of `dry_run`. The message says what would have been done.
    DryRun,
    /// A guard refused it, and nothing was changed.
    Refused,
    /// It failed. The message says what was changed and what was not.
    Failed,
    /// It waits for an approval, and nothing was changed yet.
    Waiting,
}

impl ResponseOutcome {
    /// The name in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::DryRun => "dry-run",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
        }
    }

    /// Whether the step did what was asked for.
    pub fn is_fine(self) -> bool {
        matches!(self, Self::Done | Self::DryRun)
    }
}

/// Connection attempts and packets that an isolation blocked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedTraffic {
    /// Refused calls of `connect`.
    pub connects: u64,
    /// Refused datagrams, at the call that sends them.
    pub sends: u64,
    /// Dropped packets of sockets that were open before.
    pub packets: u64,
}

/// What was done, or refused, for an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseReport {
    /// When it ended.
    pub time: BootTime,
    /// The id of the incident.
    pub incident: String,
    /// What the report is about.
    pub action: ResponseAction,
    /// How it ended.
    pub outcome: ResponseOutcome,
    /// Who asked for it: `policy`, `lease`, or a user (`uid 0, pid 4711`).
    pub by: String,
    /// The name of the guard that refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
    /// The processes that were affected.
    #[serde(default)]
    pub processes: Vec<ProcessKey>,
    /// The cgroups that were affected, as paths below the root of their hierarchy.
    #[serde(default)]
    pub cgroups: Vec<String>,
    /// When the lease ends, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Where evidence or a file was put.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What an isolation blocked so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<BlockedTraffic>,
    /// Time from the order, which is the alert if the policy ordered it, to the end.
    pub took: Duration,
    /// One sentence for people.
    pub message: String,
}
