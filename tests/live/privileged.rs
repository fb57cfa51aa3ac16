//! Calls that reach into another process or into the kernel.

use std::process::Command;

use minerwatch_tests::{
    Scratch,
    agent::at,
    native::{self, Simulator, Worker},
};
use serde_json::Value;

use crate::{EVERYTHING, SOON, machine, start_agent};

/// Starts a script of bash.
fn start(script: &str) -> Worker {
    let mut bash = Command::new("bash");
    bash.args(["-c", script]);
    Worker::start_command(bash)
}

/// Returns the signals of an alert.
fn signals(alert: &Value) -> impl Iterator<Item = &Value> {
    at(alert, "minerwatch.signals").as_array().into_iter().flatten()
}

#[test]
fn programs_that_reach_into_others_are_reported() {
    let Some(_machine) = machine("programs_that_reach_into_others_are_reported") else { return };
    let scratch = Scratch::new();
    let helper = native::build(Simulator::Privileged, &scratch, "helper");
    let miner = native::build(Simulator::Memory, &scratch, "miner");
    let agent = start_agent(&scratch, EVERYTHING);
    let mut sleep = Command::new("sleep");
    sleep.arg("60");
    let target = Worker::start_command(sleep);
    let (pid, helper, miner) = (target.pid(), helper.display(), miner.display());

    // The same program counts in a temporary place, and not among the installed ones.
    let calls = |program: &str| format!("{program} trace {pid}; {program} load; {program} detach");
    let install = format!("mount -t tmpfs none /opt && mkdir /opt/tool && cp {helper} /opt/tool/tool");
    let installed = format!("unshare --mount bash -c '{install}; {}'", calls("/opt/tool/tool"));
    let shells = [
        start(&format!("{installed}; {miner} randomx 30")),
        start(&format!("{}; {miner} randomx 30", calls(&helper.to_string()))),
    ];
    let has = |alert: &Value, id: &str| signals(alert).any(|signal| signal["id"] == id);
    let alert = agent.wait_for("alert about the miner", SOON, |object| {
        ["B15", "B16", "C2"].into_iter().all(|id| has(object, id))
    });
    assert_eq!(at(&alert, "process.name"), "miner", "{alert:#}");
    drop((shells, target));

    let told = agent.stop();
    let of_tool = |signal: &Value| signal["process"]["executable"] == "/opt/tool/tool";
    assert!(!told.iter().any(|object| signals(object).any(of_tool)), "what is installed counts");
    for program in ["/opt/tool/tool".to_owned(), helper.to_string()] {
        let field = |action: &str, path: &str| {
            let mut events = told.iter().filter(|object| at(object, "event.action") == action);
            let event = events.find(|object| at(object, "process.executable") == *program);
            at(event.unwrap_or_else(|| panic!("no {action} of {program}")), path).clone()
        };
        assert_eq!(field("process-access", "minerwatch.access.target.pid"), pid);
        assert_eq!(field("bpf-load", "minerwatch.bpf.type"), "kprobe");
        assert_eq!(field("bpf-load", "minerwatch.bpf.name"), "nothing");
        assert_eq!(field("bpf-detach", "event.type"), serde_json::json!(["end"]));
    }
}
