//! Which processes are DNS servers, and which servers a process is configured with. A DNS server asks on behalf of its
//! clients.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use crate::{
    bounded::BoundedMap,
    model::{BootTime, DnsServerRole, ProcessKey},
};

/// Maximum number of processes whose role is cached.
const PROCESSES: usize = 256;
/// Lifetime of a cached role.
const LIFETIME: Duration = Duration::from_secs(60);
/// The port of the servers in `resolv.conf`.
const PORT: u16 = 53;

/// The cached roles.
#[derive(Debug)]
pub struct DnsServers {
    /// The role of a process, and the time of that answer.
    roles: BoundedMap<ProcessKey, (DnsServerRole, BootTime)>,
}

impl Default for DnsServers {
    fn default() -> Self {
        Self { roles: BoundedMap::new(PROCESSES) }
    }
}

impl DnsServers {
    /// Caches the role of a process.
    pub fn observe(&mut self, process: ProcessKey, role: &DnsServerRole, at: BootTime) {
        self.roles.insert(process, (role.clone(), at));
    }

    /// Returns whether a process is a DNS server; `None` if the cache has no valid answer.
    pub fn is_server(&self, process: ProcessKey, now: BootTime) -> Option<bool> {
        self.role(process, now).map(|role| role.serves)
    }

    /// Whether the answers of a server to a process hold for all processes in its network namespace. This is so if the
    /// host or the container is configured with the server, or if the process is itself a DNS server of the host
    /// (`is_of_system`), which has its own configuration. If the role of the process is not in the cache, the answers of
    /// any server hold.
    pub fn is_trusted(
        &self,
        process: ProcessKey,
        is_of_system: bool,
        server: SocketAddr,
        now: BootTime,
    ) -> bool {
        let Some(role) = self.role(process, now) else { return true };
        let Some(resolvers) = &role.resolvers else { return true };
        (role.serves && is_of_system) || is_configured(resolvers, server)
    }

    fn role(&self, process: ProcessKey, now: BootTime) -> Option<&DnsServerRole> {
        let (role, at) = self.roles.get(&process)?;
        (now.since(*at) < LIFETIME).then_some(role)
    }
}

/// Whether a server is one of these, or a second address of their stub on this host.
fn is_configured(resolvers: &[IpAddr], server: SocketAddr) -> bool {
    let address = server.ip().to_canonical();
    let is_stub = address.is_loopback() && resolvers.iter().any(IpAddr::is_loopback);
    server.port() == PORT && (is_stub || resolvers.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESOLVER: ProcessKey = ProcessKey { pid: 7, start_ticks: 7 };

    fn is_trusted(serves: bool, resolvers: Option<&[&str]>, is_of_system: bool, asked: &str) -> bool {
        let resolvers = resolvers.map(|texts| texts.iter().map(|address| address.parse().unwrap()).collect());
        let mut known = DnsServers::default();
        known.observe(RESOLVER, &DnsServerRole { serves, resolvers }, BootTime(0));
        known.is_trusted(RESOLVER, is_of_system, asked.parse().unwrap(), BootTime(1))
    }

    #[test]
    fn a_configured_server_is_trusted() {
        let own: Option<&[&str]> = Some(&["10.0.0.53", "fd00::53"]);
        for (server, expected) in [
            ("10.0.0.53:53", true),
            ("[::ffff:10.0.0.53]:53", true),
            ("[fd00::53]:53", true),
            ("10.0.0.53:5353", false),
            ("10.0.0.54:53", false),
            ("127.0.0.53:53", false),
        ] {
            assert_eq!(is_trusted(false, own, true, server), expected, "{server}");
        }
        let stub: Option<&[&str]> = Some(&["127.0.0.53"]);
        for (server, expected) in
            [("127.0.0.54:53", true), ("[::1]:53", true), ("127.0.0.54:5353", false), ("8.8.8.8:53", false)]
        {
            assert_eq!(is_trusted(false, stub, false, server), expected, "{server}");
        }
    }

    #[test]
    fn a_dns_server_of_the_host_is_trusted() {
        let own: Option<&[&str]> = Some(&["127.0.0.1"]);
        assert!(is_trusted(true, own, true, "203.0.113.9:53"));
        assert!(!is_trusted(true, own, false, "203.0.113.9:53"), "anybody can give a program this name");
        assert!(!is_trusted(false, own, true, "203.0.113.9:53"));
    }

    #[test]
    fn unknown_servers_are_trusted_while_nothing_is_known() {
        assert!(is_trusted(false, None, false, "203.0.113.9:53"));
        let server = "203.0.113.9:53".parse().unwrap();
        let mut servers = DnsServers::default();
        assert!(servers.is_trusted(RESOLVER, false, server, BootTime(0)));
        servers.observe(RESOLVER, &DnsServerRole { serves: false, resolvers: Some(Vec::new()) }, BootTime(0));
        assert!(!servers.is_trusted(RESOLVER, false, server, BootTime(1)));
        assert!(servers.is_trusted(RESOLVER, false, server, BootTime(0).plus(LIFETIME)), "the role expired");
    }
}
