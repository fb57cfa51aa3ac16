//! Tests minerwatch on the live kernel, as root: real programs, processes and connections between temporary network
//! namespaces.

mod chain;
mod churn;
mod compute;
mod connections;
mod container_names;
mod containers;
mod events;
mod flows;
mod hiding;
mod hooks;
mod inspection;
mod intel;
mod lineage;
mod memory;
mod metrics;
mod names;
mod operation;
mod outputs;
mod overload;
mod privileged;
mod refusals;
mod response;
mod restart;
mod rounding;
mod scope;
mod service;
mod signals;
mod socket_tagging;
mod stream;
mod tls;
mod wire;

use std::{collections::BTreeMap, fs, process::Command, time::Duration};

use minerwatch_tests::{
    Scratch,
    agent::Agent,
    executable,
    require::{machine, machine_for_long},
};
use serde_json::Value;

/// Maximum time from a kernel event to its output line. It is generous, because the machine may be busy.
const SOON: Duration = Duration::from_secs(10);

/// Writes a configuration file with a control socket and a state directory of the test, followed by `rest`. Returns its
/// path.
fn configuration(scratch: &Scratch, rest: &str) -> String {
    let path = scratch.join("minerwatch.toml");
    let socket = scratch.join("control.sock");
    let state = scratch.join("state");
    let own = format!("[control]\nsocket = \"{socket}\"\n[state]\ndirectory = \"{state}\"\n");
    fs::write(&path, own + rest).expect("a file can be written");
    path
}

/// Starts the agent with the control socket and the state directory of the test, and with the settings in `rest`.
fn start_agent(scratch: &Scratch, rest: &str) -> Agent {
    Agent::start(["run", "--config", &configuration(scratch, rest)])
}

/// Settings that write all events and alerts to standard output.
const EVERYTHING: &str = "[sink.stdout]\nevents = \"all\"\n[detection]\nmin_verdict = \"noted\"\n";

fn simulator() -> String {
    executable("simulator").to_string_lossy().into_owned()
}

/// Asks the daemon for its status. Unlike the doctor, this command loads no programs, which takes a second of CPU time.
fn daemon(scratch: &Scratch) -> Value {
    let output = Command::new(executable("minerwatch"))
        .args(["status", "--json", "--socket", &scratch.join("control.sock")])
        .output()
        .expect("it starts");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Asks the daemon for the number of lost events of each kind.
fn lost(scratch: &Scratch) -> BTreeMap<String, u64> {
    lost_in(&daemon(scratch))
}

/// Returns the number of lost events of each kind in a status of the daemon.
fn lost_in(daemon: &Value) -> BTreeMap<String, u64> {
    let lost = daemon["lost"].as_object().expect("the daemon answers");
    lost.iter().map(|(kind, count)| (kind.clone(), count.as_u64().expect("a count"))).collect()
}

/// Returns the number of events that the outputs dropped, of any kind, in a status of the daemon.
fn dropped_in(daemon: &Value) -> u64 {
    let sinks = daemon["sinks"].as_object().expect("the daemon answers");
    sinks.values().map(|sink| sink["events_dropped"].as_u64().expect("a count")).sum()
}

/// Returns the time since the last full minute in a timestamp, in nanoseconds.
fn of_minute(timestamp: &Value) -> u64 {
    let (_, seconds) = timestamp.as_str().and_then(|text| text.rsplit_once(':')).expect("a timestamp");
    seconds.trim_end_matches('Z').replace('.', "").parse().expect("nine digits after the point")
}
