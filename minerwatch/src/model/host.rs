//! The host and the program that events come from.

use std::sync::Arc;

use super::WallClock;

/// The identity of a host and its boot, and its clock.
#[derive(Clone, Debug)]
pub struct HostContext {
    /// The host's name.
    pub name: Arc<str>,
    /// The host's id (`/etc/machine-id`), if known.
    pub id: Option<Arc<str>>,
    /// Identity of this boot (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: Arc<str>,
    /// Converts boot time to wall time.
    pub clock: WallClock,
}

/// The program that reports the events of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentContext {
    /// The id of the installation, if it has one.
    pub id: Option<Arc<str>>,
    /// The version of the program.
    pub version: Arc<str>,
}

impl AgentContext {
    /// This program, with the id of its installation.
    pub fn this(id: Option<Arc<str>>) -> Self {
        Self { id, version: env!("CARGO_PKG_VERSION").into() }
    }
}
