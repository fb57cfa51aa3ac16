//! What the responder needs to know from the configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::{AfterDeath, Allowed, Never};

/// The settings of the evidence that the responder collects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceSettings {
    /// Maximum size of one collection, in bytes.
    pub bytes: u64,
    /// Whether the memory of the suspects is kept.
    pub memory: bool,
    /// Maximum number of collections that are kept.
    pub keep: u64,
    /// Age in days after which a collection is removed.
    pub days: u64,
}

/// The settings of the responder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseSettings {
    /// The state directory, which has the ledger, the quarantine and the evidence.
    pub state: PathBuf,
    /// Whether to change nothing, and only say what would be changed.
    pub dry_run: bool,
    /// Processor time of a throttled suspect, in per cent of one processor, 1 to 100.
    pub throttle_percent: u64,
    /// What happens when the agent is killed.
    pub when_agent_dies: AfterDeath,
    /// Who may not be touched.
    pub never: Vec<Never>,
    /// What the policy is limited to; empty for everything.
    #[serde(default)]
    pub only: Vec<Never>,
    /// Addresses and networks that an isolated suspect may reach.
    pub allow: Vec<Allowed>,
    /// Whether an isolated suspect may ask DNS servers.
    pub allow_dns: bool,
    /// Free space that the responder leaves on the disk of the state directory, in bytes.
    pub free_space: u64,
    /// Whether the policy isolates, so that an isolation is prepared in advance.
    #[serde(default)]
    pub prepare: bool,
    /// The evidence that is collected before a stage changes something, or `None`.
    #[serde(default)]
    pub evidence: Option<EvidenceSettings>,
    /// The process of the agent, if there is one.
    #[serde(default)]
    pub agent: Option<u32>,
}

impl ResponseSettings {
    /// The settings without a configuration, for commands that run without an agent.
    pub fn of_state(state: PathBuf) -> Self {
        Self {
            state,
            dry_run: false,
            throttle_percent: 5,
            when_agent_dies: AfterDeath::Release,
            never: Vec::new(),
            only: Vec::new(),
            allow: Vec::new(),
            allow_dns: true,
            free_space: 256 << 20,
            prepare: false,
            evidence: None,
            agent: None,
        }
    }
}
