//! N4: a connection to a port that mining pools use.

use std::net::SocketAddr;

use super::{outbound, outbound_at_start};
use crate::{
    detect::{DetectionContext, Finding, signals, tuning},
    model::{Connect, RunningFlow},
};

/// A connection that was just established.
pub fn pool_port(context: &DetectionContext<'_>, connect: &Connect) -> Option<Finding> {
    found(context, outbound(connect)?)
}

/// A connection that was open at the start.
pub fn pool_port_at_start(context: &DetectionContext<'_>, flow: &RunningFlow) -> Option<Finding> {
    found(context, outbound_at_start(flow)?)
}

fn found(context: &DetectionContext<'_>, destination: SocketAddr) -> Option<Finding> {
    if !tuning::POOL_PORTS.contains(&destination.port()) {
        return None;
    }
    let detail = format!("connected to {destination}, a port mining pools use");
    Some(Finding::new(signals::POOL_PORT, context, detail).value("destination", destination))
}

#[cfg(test)]
mod tests {
    use crate::engine::testing::{Host, findings};

    #[test]
    fn only_the_port_of_another_host_counts() {
        for (destination, counts) in [
            ("10.0.0.5:3333", true),
            ("[2001:db8::5]:14444", true),
            ("10.0.0.5:443", false),
            ("127.0.0.1:3333", false),
        ] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let client = host.spawn(init, "/usr/bin/client", &["client"]);
            host.connect(client, destination);
            assert_eq!(findings(&host), if counts { vec![("N4", 5)] } else { vec![] }, "{destination}");
        }
    }
}
