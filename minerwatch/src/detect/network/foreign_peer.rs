//! N4F: a connection to port 443 in a country where the user has no business.

use std::net::SocketAddr;

use super::{outbound, outbound_at_start};
use crate::{
    detect::{DetectionContext, Finding, signals},
    model::{Connect, GeoLocation, RunningFlow},
};

/// The port of encrypted web pages, which every firewall lets through.
const HTTPS: u16 = 443;

/// A connection that was just established. Nothing where the user named no countries.
pub fn foreign_peer(context: &DetectionContext<'_>, connect: &Connect) -> Option<Finding> {
    found(context, outbound(connect)?, connect.peer.as_deref()?)
}

/// A connection that was open at the start.
pub fn foreign_peer_at_start(context: &DetectionContext<'_>, flow: &RunningFlow) -> Option<Finding> {
    found(context, outbound_at_start(flow)?, flow.peer.as_deref()?)
}

fn found(context: &DetectionContext<'_>, destination: SocketAddr, peer: &GeoLocation) -> Option<Finding> {
    if destination.port() != HTTPS || !peer.foreign {
        return None;
    }
    let country = peer.country.as_deref()?;
    let detail = format!("connected to {destination} in {country}, which is none of the home countries");
    Some(
        Finding::new(signals::FOREIGN_PEER, context, detail)
            .value("destination", destination)
            .with("country", country),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{
        engine::testing::{Host, findings},
        model::GeoLocation,
    };

    #[test]
    fn only_port_443_of_a_foreign_country_counts() {
        let place = |country: Option<&str>, foreign| {
            Some(GeoLocation { country: country.map(Arc::from), foreign, ..GeoLocation::default() })
        };
        for (destination, peer, counts) in [
            ("192.0.2.5:443", place(Some("XX"), true), true),
            ("[2001:db8::5]:443", place(Some("XX"), true), true),
            ("192.0.2.5:443", place(Some("DE"), false), false),
            ("192.0.2.5:443", place(None, false), false),
            ("192.0.2.5:443", None, false),
            ("192.0.2.5:22", place(Some("XX"), true), false),
        ] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let client = host.spawn(init, "/usr/bin/client", &["client"]);
            host.connect_to(client, destination, peer);
            assert_eq!(findings(&host), if counts { vec![("N4F", 5)] } else { vec![] }, "{destination}");
        }
    }
}
