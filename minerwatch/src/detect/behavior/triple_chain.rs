//! T1: the triple chain. In one incident, a process was created, the process or a relative connected to another host,
//! and the process or a relative changed files so that the program runs or persists. The connection and the file change
//! may come in either order. A process below a service may need no connection of its own, because the intruder connected to
//! the service.
//!
//! No single event shows the chain, so the incident creates this signal from its findings.

use std::{net::SocketAddr, sync::Arc};

use crate::{
    detect::{Declaration, SignalInfo, SignalKind, Stateless},
    model::{BootTime, Evidence, ProcessKey, Signal, SignalClass},
};

/// The signal. The full form is a chain with which something is wrong: disguise or force. It is "suspected" alone,
/// because a chain contains evidence of two classes, the connection and the file change. Other chains are only steps,
/// because a vendor's installer that fetches a service, runs it and sets it up looks the same.
pub const TRIPLE_CHAIN: SignalInfo = SignalInfo {
    id: "T1",
    class: SignalClass::Behavior,
    weight: 10,
    full_weight: 70,
    kind: SignalKind::Step,
    name: "Process, connection and file change make a chain",
    description: "In one process tree: a process was created, it or a relative connected out or came through a network service, and it or a relative changed files so that the program runs or stays.",
    catches: "Steps that are harmless one by one, and an attack together.",
    techniques: &["T1105", "T1059.004", "T1053.003"],
};

/// The declaration of the signal. The detector wants no events, because the incident creates the signal.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[TRIPLE_CHAIN],
    wants: &[],
    evictions: None,
    create: |_| Box::new(Stateless(|_| None)),
};

/// Points of a chain with persistence.
const PERSISTENT: u8 = 35;
/// Points of a chain with persistence that a person at a terminal or a CI agent took. Steps of these count half.
const EXCUSED: u8 = 20;

/// What connects a chain to another host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WayIn {
    /// A process connected to a destination.
    Connected(ProcessKey, SocketAddr),
    /// An intruder connected to the service of this name, and the process came through it.
    Service(Arc<str>),
}

/// The links of a complete chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainFacts {
    /// The connection.
    pub way_in: WayIn,
    /// Whether a dropped file was run.
    pub dropped: bool,
    /// The path of the changed file that starts the program again.
    pub persisted: Option<Arc<str>>,
    /// What is wrong with the chain, in words; empty for a chain like that of an installer.
    pub wrong: Vec<&'static str>,
    /// Whether a person at a terminal took the steps.
    pub excused: bool,
}

/// Returns the signal for a chain that `holder` holds. `at` is the time of the last link.
pub fn triple_chain(facts: &ChainFacts, holder: ProcessKey, at: BootTime) -> (SignalInfo, Signal) {
    let mut info = TRIPLE_CHAIN;
    let weight = match &facts.persisted {
        _ if !facts.wrong.is_empty() => info.full_weight,
        Some(_) if facts.excused => EXCUSED,
        Some(_) => PERSISTENT,
        None => info.weight,
    };
    let (connected, mut evidence) = match &facts.way_in {
        WayIn::Connected(caller, destination) => (
            format!("connected to {destination}"),
            vec![Evidence::new("destination", *destination), Evidence::new("connected_by", *caller)],
        ),
        WayIn::Service(name) => {
            (format!("came through the service '{name}'"), vec![Evidence::new("service", name)])
        }
    };
    let mut detail = match &facts.persisted {
        Some(path) => format!("was created, {connected} and stays through {path}"),
        None => format!("was dropped here, ran and {connected}"),
    };
    if !facts.wrong.is_empty() {
        info.kind = SignalKind::Sign;
        detail = format!("{detail} ({})", facts.wrong.join(", "));
        evidence.extend(facts.wrong.iter().map(|wrong| Evidence::new("sign", *wrong)));
    }
    let signal = Signal {
        id: info.signal_id(),
        class: info.class,
        weight,
        at,
        process: holder,
        detail,
        evidence,
        last: at,
        conclusive: false,
    };
    (info, signal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_weighs_as_much_as_is_wrong_with_it() {
        let holder = ProcessKey { pid: 7, start_ticks: 1 };
        let persisted = || Some(Arc::from("/etc/cron.d/x"));
        let cases = [
            (true, None, vec![], false, 10),
            (false, persisted(), vec![], false, 35),
            (true, persisted(), vec![], true, 20),
            (true, None, vec!["has no file"], false, 70),
            (true, persisted(), vec!["has no file"], true, 70),
        ];
        for (dropped, persisted, wrong, excused, weight) in cases {
            let way_in = WayIn::Connected(holder, "10.0.0.5:443".parse().unwrap());
            let facts = ChainFacts { way_in, dropped, persisted, wrong, excused };
            let (info, signal) = triple_chain(&facts, holder, BootTime(1));
            assert_eq!(signal.weight, weight, "{facts:?}");
            assert_eq!(info.kind == SignalKind::Sign, !facts.wrong.is_empty());
        }
    }
}
