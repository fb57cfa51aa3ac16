//! N4: a connection to a port that mining pools use.

use super::established;
use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{EventType, SignalClass},
};

/// The signal. It has few points, because many other programs use these ports too.
pub const POOL_PORT: SignalInfo = SignalInfo {
    id: "N4",
    class: SignalClass::Network,
    weight: 5,
    full_weight: 5,
    kind: SignalKind::Hint,
    name: "Connection to a port that mining pools use",
    description: "Mining pools prefer a handful of ports. Much else uses them too, so this counts for next to nothing by itself.",
    catches: "Nothing more than the port; it only adds to other signals.",
    techniques: &["T1571"],
};

/// Ports that pools prefer.
const POOL_PORTS: [u16; 13] =
    [3333, 3334, 4444, 5555, 5556, 7777, 10128, 10343, 13333, 14433, 14444, 20128, 45700];

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[POOL_PORT],
    wants: &[EventType::Connect, EventType::RunningFlow],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let destination = established(&context.event.body)?;
    if !POOL_PORTS.contains(&destination.port()) {
        return None;
    }
    let detail = format!("connected to {destination}, a port mining pools use");
    Some(Finding::new(POOL_PORT, context, detail).value("destination", destination))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Host, findings};

    #[test]
    fn only_a_pool_port_of_another_host_counts() {
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
