//! Which processes are DNS servers. A DNS server asks on behalf of its clients.

use std::time::Duration;

use crate::{
    bounded::BoundedMap,
    model::{BootTime, ProcessKey},
};

/// Maximum number of processes whose role is cached.
const PROCESSES: usize = 256;
/// Lifetime of a cached role.
const LIFETIME: Duration = Duration::from_secs(60);

/// The cached roles.
#[derive(Debug)]
pub struct DnsServers {
    /// Whether a process is a DNS server, and the time of that answer.
    roles: BoundedMap<ProcessKey, (bool, BootTime)>,
}

impl Default for DnsServers {
    fn default() -> Self {
        Self { roles: BoundedMap::new(PROCESSES) }
    }
}

impl DnsServers {
    /// Caches whether a process is a DNS server.
    pub fn observe(&mut self, process: ProcessKey, is_server: bool, at: BootTime) {
        self.roles.insert(process, (is_server, at));
    }

    /// Returns whether a process is a DNS server; `None` if the cache has no valid answer.
    pub fn is_server(&self, process: ProcessKey, now: BootTime) -> Option<bool> {
        let (is_server, at) = *self.roles.get(&process)?;
        (now.since(at) < LIFETIME).then_some(is_server)
    }
}
