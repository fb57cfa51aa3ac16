//! T1: the triple chain. In one incident, a process was created, the process or a relative connected to another host,
//! and the process or a relative changed files so that the program runs or persists. The connection and the file change
//! may come in either order.
//!
//! No single event shows the chain, so the incident creates this signal from its findings.

use std::net::SocketAddr;

use crate::{
    detect::{Declaration, SignalInfo, Stateless},
    model::{BootTime, Evidence, ProcessKey, Signal, SignalClass},
};

/// The signal. The full form is a chain with persistence. With the persistence itself (20), the connection (10) and a
/// file run from a temporary place (25), the full form adds up to 90 points: "suspected" with two classes. Without the
/// file it adds up to 65, because a vendor's installer that fetches a service, runs it and sets it up looks the same. A
/// chain without persistence counts 10: installers run what they fetched by design.
pub const TRIPLE_CHAIN: SignalInfo = SignalInfo {
    id: "T1",
    class: SignalClass::Behavior,
    weight: 10,
    full_weight: 35,
    name: "Process, connection and file change make a chain",
    description: "In one process tree: a process was created, it or a relative connected out, and it or a relative changed files so that the program runs or stays.",
    catches: "Steps that are harmless one by one, and an attack together.",
    techniques: &["T1105", "T1059.004", "T1053.003"],
    ..SignalInfo::NONE
};

/// The declaration of the signal. The detector wants no events, because the incident creates the signal.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[TRIPLE_CHAIN],
    wants: &[],
    evictions: None,
    create: |_| Box::new(Stateless(|_| None)),
};

/// The links of the chain that an incident has shown so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainFacts {
    /// The first process that connected to another host, and the destination.
    pub connected: Option<(ProcessKey, SocketAddr)>,
    /// The process that ran a dropped file.
    pub ran_dropped: Option<ProcessKey>,
    /// The process that set something up to start again, and the path of the changed file.
    pub persisted: Option<(ProcessKey, String)>,
}

/// Returns the signal if the chain is complete. `at` is the time of the last link.
pub fn triple_chain(facts: &ChainFacts, at: BootTime) -> Option<(SignalInfo, Signal)> {
    let info = TRIPLE_CHAIN;
    let (caller, destination) = facts.connected.as_ref()?;
    let (weight, process, detail) = match (&facts.persisted, facts.ran_dropped) {
        (Some((writer, path)), dropped) => (
            info.full_weight,
            dropped.unwrap_or(*writer),
            format!("created, connected to {destination} and stays through {path}"),
        ),
        (None, Some(dropped)) => {
            (info.weight, dropped, format!("dropped, run and connected to {destination}"))
        }
        (None, None) => return None,
    };
    let evidence = vec![Evidence::new("destination", *destination), Evidence::new("connected_by", *caller)];
    let signal = Signal {
        id: info.signal_id(),
        class: info.class,
        weight,
        at,
        process,
        detail,
        evidence,
        last: at,
        conclusive: false,
    };
    Some((info, signal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_needs_a_connection_and_a_file_change() {
        let process = ProcessKey { pid: 7, start_ticks: 1 };
        let connected = Some((process, "10.0.0.5:443".parse().unwrap()));
        let persisted = Some((process, "/etc/cron.d/x".to_owned()));
        let cases = [
            (connected, Some(process), persisted.clone(), Some(35)),
            (connected, None, persisted.clone(), Some(35)),
            (connected, Some(process), None, Some(10)),
            (connected, None, None, None),
            (None, Some(process), persisted, None),
        ];
        for (connected, ran_dropped, persisted, weight) in cases {
            let facts = ChainFacts { connected, ran_dropped, persisted };
            let found = triple_chain(&facts, BootTime(1)).map(|(_, signal)| signal.weight);
            assert_eq!(found, weight, "{facts:?}");
        }
    }
}
