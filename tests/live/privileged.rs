//! Calls that reach into another process or into the kernel.

use std::process::Command;

use minerwatch_tests::{
    Scratch,
    agent::at,
    native::{self, Simulator, Worker},
};
use serde_json::Value;

use crate::{EVERYTHING, SOON, machine, start_agent};

/// Runs the simulator to its end, as a copy at `/opt/tool/tool` in a mount namespace of its own. Returns its process id.
fn run_installed(program: &str, arguments: &str) -> u32 {
    let script = format!(
        "mount -t tmpfs none /opt && mkdir /opt/tool && cp {program} /opt/tool/tool && exec /opt/tool/tool {arguments}"
    );
    run(Command::new("unshare").args(["--mount", "sh", "-c", &script]))
}

fn run(command: &mut Command) -> u32 {
    let mut child = command.spawn().expect("it starts");
    let status = child.wait().expect("it ends");
    assert!(status.success(), "{command:?}: {status}");
    child.id()
}

#[test]
fn programs_that_reach_into_others_are_reported() {
    let Some(_machine) = machine("programs_that_reach_into_others_are_reported") else { return };
    let scratch = Scratch::new();
    let agent = start_agent(&scratch, EVERYTHING);
    let program = native::build(Simulator::Privileged, &scratch, "helper");
    let path = program.to_str().expect("a path in UTF-8");
    let mut sleep = Command::new("sleep");
    sleep.arg("60");
    let target = Worker::start_command(sleep);
    let trace = format!("trace {}", target.pid());

    let installed = [&trace, "load", "detach"].map(|arguments| run_installed(path, arguments));
    let dropped = [trace.as_str(), "load", "detach"]
        .map(|arguments| run(Command::new(&program).args(arguments.split_whitespace())));
    let has = |object: &Value, id: &str| {
        let signals = at(object, "minerwatch.signals").as_array();
        signals.is_some_and(|signals| signals.iter().any(|signal| signal["id"] == id))
    };
    for (pid, id) in dropped.into_iter().zip(["B15", "B16", "B16"]) {
        agent.wait_for(id, SOON, |object| {
            let signals = at(object, "minerwatch.signals").as_array().map_or(&[][..], Vec::as_slice);
            signals.iter().any(|signal| signal["id"] == id && signal["process"]["pid"] == pid)
                || at(object, "process.pid") == pid && has(object, id)
        });
    }
    drop(target);
    let told = agent.stop();
    let field = |pid: u32, action: &str, path: &str| {
        let is_it =
            |object: &&Value| at(object, "process.pid") == pid && at(object, "event.action") == action;
        let event = told.iter().find(is_it).unwrap_or_else(|| panic!("no {action} of {pid}"));
        at(event, path).clone()
    };
    for [tracing, loading, detaching] in [installed, dropped] {
        assert_eq!(
            field(tracing, "process-access", "minerwatch.access.target.pid"),
            trace[6..].parse::<u32>().expect("a number")
        );
        assert_eq!(field(loading, "bpf-load", "minerwatch.bpf.type"), "kprobe");
        assert_eq!(field(loading, "bpf-load", "minerwatch.bpf.name"), "nothing");
        assert_eq!(field(detaching, "bpf-detach", "event.type"), serde_json::json!(["end"]));
    }
    let blamed = |pid: u32| {
        told.iter().any(|object| {
            let signals = at(object, "minerwatch.signals").as_array().map_or(&[][..], Vec::as_slice);
            signals.iter().any(|signal| {
                signal["process"]["pid"] == pid && ["B15", "B16"].iter().any(|id| signal["id"] == **id)
            })
        })
    };
    assert!(!installed.into_iter().any(blamed), "what is installed counts");
}
