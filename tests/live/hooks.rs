//! Requested hooks, and operations that bypass system calls.

use std::{fs, net::TcpListener, process::Command, thread};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    executable,
    native::{self, Simulator},
    notes::note,
};
use serde_json::Value;

use crate::{EVERYTHING, SOON, configuration, machine, refusals::WALLET, start_agent};

fn doctor(hooks: &[&str]) -> (Option<i32>, Value, String) {
    let mut command = Command::new(executable("minerwatch"));
    command.args(["doctor", "--json"]);
    for hook in hooks {
        command.args(["--hook", hook]);
    }
    let output = command.output().expect("minerwatch starts");
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), report, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn data_source<'a>(report: &'a Value, name: &str) -> &'a Value {
    let sources = report["purposes"].as_array().expect("a list");
    sources.iter().find(|each| each["name"] == name).expect("a data source")
}

#[test]
fn a_requested_hook_serves_or_its_source_is_unavailable() {
    let Some(_machine) = machine("a_requested_hook_serves_or_its_source_is_unavailable") else {
        return;
    };
    let (code, report, said) = doctor(&["file=tracepoint", "yield=tracepoint", "payload=off"]);
    assert_eq!(code, Some(0), "{said}");
    for name in ["file-open", "file-change", "yield"] {
        assert_eq!(data_source(&report, name)["way"], "tracepoint", "{name}");
    }
    assert_eq!(data_source(&report, "payload")["hook"], Value::Null);
    // If the kernel refuses the requested hook, no other hook replaces it.
    let (_, report, _) = doctor(&["file=fexit"]);
    let open = data_source(&report, "file-open");
    assert!(open["way"] == "fexit" || open["hook"].is_null(), "{open}");
    if open["hook"].is_null() {
        assert!(
            open["detail"].as_str().is_some_and(|detail| detail.contains("file=fexit was asked for")),
            "{open}"
        );
    }
    let (code, _, said) = doctor(&["exec=fexit"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("btf-tracepoint or off"), "{said}");
}

#[test]
fn alerts_and_status_name_the_hooks() {
    let Some(_machine) = machine("alerts_and_status_name_the_hooks") else { return };
    let scratch = Scratch::new();
    let configuration = configuration(&scratch, "[events]\nhooks = [\"file=tracepoint\"]\n");
    let chosen = ["--hook", "yield=off", "--hook", "transport=perf-buffer"];
    let agent = Agent::start(["run", "--config", &configuration].into_iter().chain(chosen));
    minerwatch_tests::command::run("true", &["-o", "stratum+tcp://pool.example:3333", "-u", WALLET]);
    let alert = agent.wait_for("alert", SOON, |object| at(object, "event.kind") == "alert");
    assert_eq!(at(&alert, "minerwatch.hooks.file-open"), "tracepoint");
    assert_eq!(at(&alert, "minerwatch.hooks.exec"), "btf-tracepoint");
    assert_eq!(at(&alert, "minerwatch.hooks.transport"), "perf-buffer");
    assert_eq!(*at(&alert, "minerwatch.blind"), serde_json::json!(["yield"]));
    let output = Command::new(executable("minerwatch"))
        .args(["doctor", "--json", "--socket", &scratch.join("control.sock")])
        .output()
        .expect("minerwatch starts");
    let report: Value = serde_json::from_slice(&output.stdout).expect("an object");
    assert_eq!(report["daemon"]["hooks"]["file-change"], "tracepoint");
    assert_eq!(report["daemon"]["hooks"]["yield"], Value::Null);
    agent.stop();
}

/// Connections are always seen. Files are seen if the hooks are on kernel functions behind the system calls. Otherwise,
/// the doctor says that `io_uring` bypasses the hooks.
#[test]
fn io_uring_is_seen_or_reported_as_unseen() {
    let Some(_machine) = machine("io_uring_is_seen_or_reported_as_unseen") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Uring, &scratch, "by-ring");
    let directory = scratch.join("files");
    fs::create_dir(&directory).expect("a directory can be made");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || listener.accept());
    let agent = start_agent(&scratch, EVERYTHING);
    let output =
        Command::new(&program).args([&directory, &port.to_string()]).output().expect("the simulator starts");
    if !output.status.success() {
        note("this kernel or its configuration has no io_uring, so that nothing can go that way");
        agent.stop();
        return;
    }
    let done = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(done.contains("connect\nsend\n"), "{done}");
    let of_ring = |action: &'static str| {
        move |object: &Value| {
            at(object, "event.action") == action
                && (at(object, "destination.port") == port || action.starts_with("file"))
                && at(object, "process.name") == "by-ring"
        }
    };
    agent.wait_for("connect", SOON, of_ring("connect"));
    let close = agent.wait_for("close", SOON, of_ring("close"));
    assert_eq!(at(&close, "source.bytes"), 5, "{close:#}");
    let (_, report, _) = doctor(&[]);
    let open = data_source(&report, "file-open");
    if open["way"] == "tracepoint" {
        assert!(
            open["detail"].as_str().is_some_and(|detail| detail.contains("io_uring bypasses it")),
            "{open}"
        );
    } else {
        let create = agent.wait_for("create", SOON, of_ring("file-create"));
        assert_eq!(at(&create, "file.path"), format!("{directory}/by-ring").as_str());
    }
    agent.stop();
}
