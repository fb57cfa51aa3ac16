//! minerwatch on the live kernel, as root: real programs, real processes, real connections between network
//! namespaces of the tests' own.

mod chain;
mod churn;
mod compute;
mod connections;
mod containers;
mod events;
mod flows;
mod hooks;
mod intel;
mod memory;
mod names;
mod overload;
mod refusals;
mod rounding;
mod service;
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

/// The longest time from a kernel event to its line. Generous, because the machine may be busy.
const SOON: Duration = Duration::from_secs(10);

/// A configuration file: a control socket and a state directory of the test's own, and whatever the test adds.
fn configuration(scratch: &Scratch, rest: &str) -> String {
    let path = scratch.join("minerwatch.toml");
    let socket = scratch.join("control.sock");
    let state = scratch.join("state");
    let own = format!("[control]\nsocket = \"{socket}\"\n[state]\ndirectory = \"{state}\"\n");
    fs::write(&path, own + rest).expect("a file can be written");
    path
}

/// Starts the agent with such a configuration.
fn start_agent(scratch: &Scratch, rest: &str) -> Agent {
    Agent::start(["run", "--config", &configuration(scratch, rest)])
}

/// Everything on standard output.
const EVERYTHING: &str = "[sink.stdout]\nevents = \"all\"\n[detection]\nmin_verdict = \"noted\"\n";

fn simulator() -> String {
    executable("simulator").to_string_lossy().into_owned()
}

/// The daemon's own status.
fn daemon(scratch: &Scratch) -> Value {
    let output = Command::new(executable("minerwatch"))
        .args(["doctor", "--json", "--socket", &scratch.join("control.sock")])
        .output()
        .expect("the doctor starts");
    let mut report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    report["daemon"].take()
}

/// What the daemon counts as lost, by kind.
fn lost(scratch: &Scratch) -> BTreeMap<String, u64> {
    lost_in(&daemon(scratch))
}

/// The same from a status.
fn lost_in(daemon: &Value) -> BTreeMap<String, u64> {
    let lost = daemon["lost"].as_object().expect("the daemon answers");
    lost.iter().map(|(kind, count)| (kind.clone(), count.as_u64().expect("a count"))).collect()
}

/// Nanoseconds since the minute began.
fn of_minute(timestamp: &Value) -> u64 {
    let (_, seconds) = timestamp.as_str().and_then(|text| text.rsplit_once(':')).expect("a timestamp");
    seconds.trim_end_matches('Z').replace('.', "").parse().expect("nine digits after the point")
}
