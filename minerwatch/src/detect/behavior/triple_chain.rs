//! T1: the triple chain. In one incident a process was created, it or a relative connected out, and it or
//! a relative changed files so that the program runs or stays; the last two in any order.

use std::net::SocketAddr;

use crate::{
    detect::{SignalInfo, signals},
    model::{BootTime, Evidence, ProcessKey, Signal},
};

/// What an incident has shown of the chain so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainFacts {
    /// The first process that connected to another host, and to where.
    pub connected: Option<(ProcessKey, SocketAddr)>,
    /// The process that ran a dropped file.
    pub ran_dropped: Option<ProcessKey>,
    /// The process that set something up to start again, and what.
    pub persisted: Option<(ProcessKey, String)>,
}

/// The finding, once the chain is whole. `at` is when its last link came.
pub fn triple_chain(facts: &ChainFacts, at: BootTime) -> Option<(SignalInfo, Signal)> {
    let info = signals::TRIPLE_CHAIN;
    let (caller, destination) = facts.connected.as_ref()?;
    let (weight, process, detail) = match (&facts.persisted, facts.ran_dropped) {
        (Some((keeper, path)), dropped) => (
            info.full_weight,
            dropped.unwrap_or(*keeper),
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
    fn whole_and_unfinished_chains() {
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
