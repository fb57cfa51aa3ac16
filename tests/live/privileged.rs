//! Privileged calls: access to another process and BPF programs.

use std::path::Path;

use minerwatch_tests::{
    Scratch,
    agent::at,
    command::run,
    native::{self, Simulator, Worker},
};
use serde_json::{Value, json};

use crate::{EVERYTHING, SOON, daemon, machine, start_agent};

/// Returns the signals of an alert.
fn signals(alert: &Value) -> impl Iterator<Item = &Value> {
    at(alert, "minerwatch.signals").as_array().into_iter().flatten()
}

#[test]
fn privileged_calls_are_reported() {
    let Some(_machine) = machine("privileged_calls_are_reported") else { return };
    let scratch = Scratch::new();
    let helper = native::build(Simulator::Privileged, &scratch, "helper");
    let agent = start_agent(&scratch, EVERYTHING);
    let target = Worker::start(Path::new("sleep"), "60");
    let (pid, helper) = (target.pid(), helper.display());

    // The same program counts in a temporary place, with a name that opens an incident, and not among the installed ones.
    let calls = format!("trace {pid} load detach");
    let installed = format!(
        "mount -t tmpfs none /opt && mkdir /opt/tool && cp {helper} /opt/tool/tool && /opt/tool/tool {calls}"
    );
    run("unshare", &["--mount", "sh", "-c", &installed]);
    run("bash", &["-c", &format!("exec -a '[kworker/u8:3]' {helper} {calls}")]);
    let alert = agent.wait_for("alert about the program", SOON, |object| {
        let has = |id: &str| signals(object).any(|signal| signal["id"] == id);
        ["B4", "B15", "B16"].into_iter().all(has)
    });
    assert_eq!(at(&alert, "process.name"), "helper", "{alert:#}");
    let findings = daemon(&scratch)["engine"]["findings"].take();
    assert_eq!((&findings["B15"], &findings["B16"]), (&json!(1), &json!(2)), "{findings}");
    let told = agent.stop();
    for program in ["/opt/tool/tool".to_owned(), helper.to_string()] {
        let field = |action: &str, path: &str| {
            let mut events = told.iter().filter(|object| at(object, "event.action") == action);
            let event = events.find(|object| at(object, "process.executable") == program.as_str());
            at(event.unwrap_or_else(|| panic!("no {action} of {program}")), path).clone()
        };
        assert_eq!(field("process-access", "minerwatch.access.target.pid"), pid);
        assert_eq!(field("bpf-load", "minerwatch.bpf.type"), "kprobe");
        assert_eq!(field("bpf-load", "minerwatch.bpf.name"), "nothing");
        assert_eq!(field("bpf-detach", "event.type"), json!(["end"]));
    }
}
