//! Which processes are DNS servers: what a server asks for, its clients want.

use std::time::Duration;

use crate::{
    bounded::BoundedMap,
    model::{BootTime, ProcessKey},
};

/// Processes whose role is remembered.
const PROCESSES: usize = 256;
/// How long an answer holds before it is asked for again.
const LIFETIME: Duration = Duration::from_secs(60);

/// The roles that are known.
#[derive(Debug)]
pub struct DnsServers {
    /// Whether a process is a DNS server, and when that was found out.
    roles: BoundedMap<ProcessKey, (bool, BootTime)>,
}

impl Default for DnsServers {
    fn default() -> Self {
        Self { roles: BoundedMap::new(PROCESSES) }
    }
}

impl DnsServers {
    /// Takes in what was found out.
    pub fn observe(&mut self, process: ProcessKey, is_server: bool, at: BootTime) {
        self.roles.insert(process, (is_server, at));
    }

    /// Whether a process is a DNS server, if that was found out lately.
    pub fn is_server(&self, process: ProcessKey, now: BootTime) -> Option<bool> {
        let (is_server, at) = *self.roles.get(&process)?;
        (now.since(at) < LIFETIME).then_some(is_server)
    }
}
