//! Orders to the responder and its answers, as lines of JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::settings::ResponseSettings;
use crate::model::{Alert, BootTime, ResponseReport, Stage};

/// Who ordered something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// The configuration.
    Policy,
    /// The configuration, after somebody approved.
    Approved {
        /// The name that the approver gave.
        by: String,
    },
    /// The end of a lease.
    Lease,
    /// A person at a terminal, or a program in that person's name.
    Person {
        /// The user.
        uid: u32,
        /// The process that asked.
        pid: u32,
    },
}

impl Actor {
    /// Whether the configuration decided what is done.
    pub fn is_policy(&self) -> bool {
        matches!(self, Self::Policy | Self::Approved { .. })
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy => formatter.write_str("policy"),
            Self::Approved { by } => write!(formatter, "policy, approved by {by}"),
            Self::Lease => formatter.write_str("lease"),
            Self::Person { uid, pid } => write!(formatter, "uid {uid}, pid {pid}"),
        }
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Apply stages to the suspects of an incident.
    Apply {
        /// The incident.
        alert: Box<Alert>,
        /// The stages with their leases in seconds, in the order in which they are applied.
        stages: Vec<(Stage, Option<u64>)>,
        /// Only this process and its children, which a person named. `None` means all suspects with the verdict
        /// `mining`.
        only: Option<u32>,
        /// Whether to change nothing.
        dry_run: bool,
    },
    /// Undo what was done for an incident.
    Release {
        /// The id of the incident.
        incident: String,
    },
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Chosen by the sender; the answers repeat it.
    pub id: u64,
    /// Who orders.
    pub by: Actor,
    /// When the order was given. The policy orders when the alert leaves the engine.
    pub issued: BootTime,
    /// What to do.
    pub task: Task,
}

/// An answer. The last one of an order is empty and `done`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The order, or 0 for what the responder does by itself.
    pub id: u64,
    /// What happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ResponseReport>,
    /// Whether the order is finished.
    #[serde(default)]
    pub done: bool,
}

/// What the daemon knows about an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownCase {
    /// The incident, if it is open.
    pub alert: Option<Alert>,
    /// Its state as a line of JSON.
    pub line: String,
    /// The settings of the response.
    pub settings: ResponseSettings,
}

/// The daemon's answer if its configuration allows no response.
pub const RESPONSE_OFF: &str = r#"{"response":"off"}"#;
