//! Calls that reach into another process or into the kernel.

use std::process::Command;

use minerwatch_tests::{
    Scratch,
    agent::at,
    native::{self, Simulator, Worker},
};
use serde_json::Value;

use crate::{EVERYTHING, SOON, machine, start_agent};

fn start(program: &str, arguments: &[&str]) -> Worker {
    let mut command = Command::new(program);
    command.args(arguments);
    Worker::start_command(command)
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
    let agent = start_agent(&scratch, EVERYTHING);
    let target = start("sleep", &["60"]);
    let (pid, helper) = (target.pid(), helper.display());

    // The same program counts in a temporary place, and not among the installed ones. Both have a name that opens an
    // incident.
    let calls = format!("trace {pid} load detach");
    let run = |program: &str| format!("exec -a '[kworker/u8:3]' {program} {calls}");
    let install = format!("mount -t tmpfs none /opt && mkdir /opt/tool && cp {helper} /opt/tool/tool");
    let installed =
        start("unshare", &["--mount", "bash", "-c", &format!("{install} && {}", run("/opt/tool/tool"))]);
    let dropped = start("bash", &["-c", &run(&helper.to_string())]);
    let has = |alert: &Value, id: &str| signals(alert).any(|signal| signal["id"] == id);
    let alert = agent.wait_for("alert about the program", SOON, |object| {
        ["B4", "B15", "B16"].into_iter().all(|id| has(object, id))
    });
    assert_eq!(at(&alert, "process.pid"), dropped.pid(), "{alert:#}");
    let told = agent.stop();
    let of_installed = |object: &&Value| at(object, "process.pid") == installed.pid();
    let about_installed: Vec<_> = told.iter().filter(of_installed).flat_map(signals).collect();
    let counts = |id: &str| about_installed.iter().any(|signal| signal["id"] == id);
    assert!(counts("B4") && !counts("B15") && !counts("B16"), "{about_installed:#?}");
    for program in ["/opt/tool/tool".to_owned(), helper.to_string()] {
        let field = |action: &str, path: &str| {
            let mut events = told.iter().filter(|object| at(object, "event.action") == action);
            let event = events.find(|object| at(object, "process.executable") == program.as_str());
            at(event.unwrap_or_else(|| panic!("no {action} of {program}")), path).clone()
        };
        assert_eq!(field("process-access", "minerwatch.access.target.pid"), pid);
        assert_eq!(field("bpf-load", "minerwatch.bpf.type"), "kprobe");
        assert_eq!(field("bpf-load", "minerwatch.bpf.name"), "nothing");
        assert_eq!(field("bpf-detach", "event.type"), serde_json::json!(["end"]));
    }
}
