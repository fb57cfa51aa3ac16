//! N4F: a connection to port 443 in a country outside the configured home countries.

use super::established;
use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{EventType, SignalClass},
};

/// The signal. It has as few points as the port of a pool, because most of the web is in other countries.
pub const FOREIGN_PEER: SignalInfo = SignalInfo {
    id: "N4F",
    class: SignalClass::Network,
    weight: 5,
    full_weight: 5,
    kind: SignalKind::Hint,
    name: "Connection to port 443 in a foreign country",
    description: "Home countries are configured, and the peer's address is in none of them. That is true of much else, so this counts for next to nothing by itself.",
    catches: "Web traffic to unusual countries; it only adds to other signals.",
    techniques: &["T1071.001"],
};

/// The port of HTTPS, which every firewall lets through.
const HTTPS: u16 = 443;

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[FOREIGN_PEER],
    wants: &[EventType::Connect, EventType::RunningFlow],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let destination = established(&context.event.body)?;
    let peer = context.event.body.peer()?;
    if destination.port() != HTTPS || !peer.foreign {
        return None;
    }
    let country = peer.country.as_ref()?;
    let detail = format!("connected to {destination} in {country}, which is none of the home countries");
    Some(
        Finding::new(FOREIGN_PEER, context, detail)
            .value("destination", destination)
            .value("country", country),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{
        model::GeoLocation,
        testing::{Host, findings},
    };

    #[test]
    fn only_port_443_of_a_foreign_country_counts() {
        let location = |country: Option<&str>, foreign| {
            Some(GeoLocation { country: country.map(Arc::from), foreign, ..GeoLocation::default() })
        };
        for (destination, peer, counts) in [
            ("192.0.2.5:443", location(Some("XX"), true), true),
            ("[2001:db8::5]:443", location(Some("XX"), true), true),
            ("192.0.2.5:443", location(Some("DE"), false), false),
            ("192.0.2.5:443", location(None, false), false),
            ("192.0.2.5:443", None, false),
            ("192.0.2.5:22", location(Some("XX"), true), false),
        ] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let client = host.spawn(init, "/usr/bin/client", &["client"]);
            host.connect_to(client, destination, peer);
            assert_eq!(findings(&host), if counts { vec![("N4F", 5)] } else { vec![] }, "{destination}");
        }
    }
}
