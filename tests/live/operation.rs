//! The operation of the daemon: reloading, the environment, the lock of the state directory, wrong outputs, the status.

use std::{
    fs,
    os::unix::fs::symlink,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    command, executable,
};
use rustix::process::Signal;
use serde_json::Value;

use crate::{SOON, configuration, machine, start_agent};

/// Runs `minerwatch` to its end.
fn minerwatch(arguments: &[&str]) -> Output {
    Command::new(executable("minerwatch")).args(arguments).stdin(Stdio::null()).output().expect("it starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Counts the messages of an agent that contain `text`.
fn count(agent: &Agent, text: &str) -> usize {
    agent.messages().iter().filter(|line| line.contains(text)).count()
}

#[test]
fn a_second_daemon_with_the_same_state_is_refused() {
    let Some(_machine) = machine("a_second_daemon_with_the_same_state_is_refused") else { return };
    let scratch = Scratch::new();
    let agent = start_agent(&scratch, "");
    let second = scratch.join("second.toml");
    let state = scratch.join("state");
    fs::write(&second, format!("[state]\ndirectory = '{state}'\n[control]\nenabled = false\n"))
        .expect("written");
    let refused = minerwatch(&["run", "--config", &second]);
    let message = said(&refused);
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(
        message.contains(&format!("process id {}", agent.pid())) && message.contains(&state),
        "{message}"
    );
    assert!(refused.stdout.is_empty());
    // The kernel releases the lock, also if the daemon could not.
    agent.signal(Signal::KILL);
    drop(agent);
    Agent::start(["run", "--config", &second]).stop();
}

#[test]
fn a_change_of_the_file_is_loaded_without_a_signal() {
    let Some(_machine) = machine("a_change_of_the_file_is_loaded_without_a_signal") else { return };
    let scratch = Scratch::new();
    let path = configuration(&scratch, "");
    let agent = Agent::start(["run", "--config", &path]);
    let is_exec_of = |name: &'static str| {
        move |object: &Value| at(object, "process.command_line") == format!("true {name}").as_str()
    };
    configuration(&scratch, "[sink.stdout]\nevents = [\"exec\"]\n");
    assert!(agent.says("the configuration was read again", SOON), "{:?}", agent.messages());
    command::run("true", &["written-in-place"]);
    agent.wait_for("exec", SOON, is_exec_of("written-in-place"));

    // A broken file is reported once, and changes nothing.
    configuration(&scratch, "[sink.stdout]\nevnets = []\n");
    assert!(agent.says("evnets", SOON), "{:?}", agent.messages());
    command::run("touch", &[&path]);
    thread::sleep(Duration::from_secs(3));
    assert_eq!(count(&agent, "the configuration stays as it was"), 1, "{:?}", agent.messages());
    command::run("true", &["after-the-broken-one"]);
    agent.wait_for("exec", SOON, is_exec_of("after-the-broken-one"));

    // Reloading on a change is switched off with the file itself. A signal still reloads.
    configuration(&scratch, "[config]\nreload_on_change = false\n[sink.stdout]\nevents = [\"exec\"]\n");
    let since = Instant::now();
    while count(&agent, "the configuration was read again") < 2 {
        assert!(since.elapsed() < SOON, "{:?}", agent.messages());
        thread::sleep(Duration::from_millis(50));
    }
    configuration(&scratch, "[sink.stdout]\nevents = \"nonsense\"\n");
    thread::sleep(Duration::from_secs(3));
    assert_eq!(count(&agent, "nonsense"), 0, "{:?}", agent.messages());
    agent.signal(Signal::HUP);
    assert!(agent.says("nonsense", SOON), "{:?}", agent.messages());
    agent.stop();
}

/// Kubernetes updates a `ConfigMap` by renaming the link `..data`.
#[test]
fn the_swap_of_a_config_map_is_loaded() {
    let Some(_machine) = machine("the_swap_of_a_config_map_is_loaded") else { return };
    let scratch = Scratch::new();
    let written = configuration(&scratch, "");
    let own = fs::read_to_string(written).expect("it was written");
    let publish = |version: &str, rest: &str| {
        fs::create_dir_all(scratch.join(&format!("map/{version}"))).expect("a directory can be made");
        fs::write(scratch.join(&format!("map/{version}/m.toml")), format!("{own}{rest}")).expect("written");
        symlink(version, scratch.join("map/..data_tmp")).expect("a link can be made");
        fs::rename(scratch.join("map/..data_tmp"), scratch.join("map/..data")).expect("renamed");
    };
    publish("..1", "");
    symlink("..data/m.toml", scratch.join("map/m.toml")).expect("a link can be made");
    let agent = Agent::start(["run", "--config", &scratch.join("map/m.toml")]);
    publish("..2", "[sink.stdout]\nevents = [\"exec\"]\n");
    assert!(agent.says("the configuration was read again", SOON), "{:?}", agent.messages());
    command::run("true", &["after-the-swap"]);
    agent.wait_for("exec", SOON, |object| at(object, "process.command_line") == "true after-the-swap");
    publish("..3", "[limits]\nmax_incidents = 99\n");
    assert!(agent.says("next start: limits", SOON), "{:?}", agent.messages());
    agent.stop();
}

#[test]
fn a_variable_overrides_the_file_also_after_a_reload() {
    let Some(_machine) = machine("a_variable_overrides_the_file_also_after_a_reload") else { return };
    let scratch = Scratch::new();
    let path = configuration(&scratch, "[sink.stdout]\nevents = \"none\"\n");
    let mut start = Command::new(executable("minerwatch"));
    start.args(["run", "--config", &path]).env("MINERWATCH_SINK__STDOUT__EVENTS", "[\"exec\"]");
    let agent = Agent::start_command(start);
    command::run("true", &["from-the-environment"]);
    agent.wait_for("exec", SOON, |object| at(object, "process.command_line") == "true from-the-environment");
    configuration(&scratch, "[sink.stdout]\nevents = [\"exit\"]\n");
    assert!(agent.says("the configuration was read again", SOON), "{:?}", agent.messages());
    command::run("true", &["still-from-the-environment"]);
    agent.wait_for("exec", SOON, |object| {
        at(object, "process.command_line") == "true still-from-the-environment"
    });
    let objects = agent.stop();
    assert!(objects.iter().all(|object| at(object, "event.action") != "exit"), "the file is overridden");
}

#[test]
fn an_output_that_cannot_be_written_is_a_configuration_error() {
    let Some(_machine) = machine("an_output_that_cannot_be_written_is_a_configuration_error") else { return };
    let scratch = Scratch::new();
    fs::write(scratch.join("file"), "").expect("written");
    let missing = scratch.join("missing");
    let cases = [
        (format!("{missing}/a.json"), format!("the directory {missing} does not exist")),
        (scratch.join("file/a.json"), "is not a directory".to_owned()),
        (scratch.join(""), "is a directory; name a file".to_owned()),
        ("/proc/sys/kernel/ostype".to_owned(), "may not write to".to_owned()),
    ];
    for (path, message) in &cases {
        let config = configuration(&scratch, &format!("[[sink.file]]\npath = \"{path}\"\n"));
        let output = minerwatch(&["run", "--config", &config]);
        assert_eq!(output.status.code(), Some(2), "{path}: {}", said(&output));
        assert!(
            said(&output).contains(&format!("{config}:6: sink.file.path: ")),
            "{path}: {}",
            said(&output)
        );
        assert!(said(&output).contains(message.as_str()), "{path}: {}", said(&output));
    }
    // A read-only file system, as the service sees the host.
    let config = configuration(&scratch, "[[sink.file]]\npath = \"/mnt/a.json\"\n");
    let script = format!(
        "mount -t tmpfs -o ro none /mnt\nexec {} run --config {config}",
        executable("minerwatch").display()
    );
    let output = Command::new("unshare").args(["--mount", "sh", "-ec", &script]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("minerwatch config unit"), "{}", said(&output));

    // A reload changes nothing, and is complete once the directory is there.
    let log = scratch.join("log.json");
    let rest = format!("[[sink.file]]\npath = \"{log}\"\nevents = [\"exec\"]\n");
    let agent = start_agent(&scratch, &rest);
    configuration(
        &scratch,
        &format!("{rest}[[sink.file]]\npath = \"{missing}/a.json\"\nevents = [\"exec\"]\n"),
    );
    assert!(agent.says("the configuration stays as it was", SOON), "{:?}", agent.messages());
    command::run("true", &["after-the-refusal"]);
    let since = Instant::now();
    // The event must not be still on its way when the new output opens.
    while !fs::read_to_string(&log).is_ok_and(|lines| lines.contains("after-the-refusal")) {
        assert!(since.elapsed() < SOON, "{:?}", agent.messages());
        thread::sleep(Duration::from_millis(50));
    }
    fs::create_dir(&missing).expect("a directory can be made");
    agent.signal(Signal::HUP);
    assert!(agent.says("the configuration was read again", SOON), "{:?}", agent.messages());
    command::run("true", &["after-the-reload"]);
    agent.stop();
    let (old, new) = (fs::read_to_string(&log), fs::read_to_string(format!("{missing}/a.json")));
    let (old, new) = (old.expect("it is written"), new.expect("it is written"));
    assert!(old.contains("after-the-refusal") && old.contains("after-the-reload"), "{old}");
    assert!(!new.contains("after-the-refusal") && new.contains("after-the-reload"), "{new}");
}

#[test]
fn the_status_says_whether_the_daemon_is_well() {
    let Some(_machine) = machine("the_status_says_whether_the_daemon_is_well") else { return };
    let scratch = Scratch::new();
    let socket = scratch.join("control.sock");
    let status = |more: &[&str]| minerwatch(&[&["status", "--socket", &socket], more].concat());
    let text = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();

    let down = status(&["--json"]);
    assert_eq!(down.status.code(), Some(1));
    assert!(said(&down).contains("systemctl start minerwatch"), "{}", said(&down));
    let json: Value = serde_json::from_slice(&down.stdout).expect("one object");
    assert_eq!((&json["running"], &json["well"]), (&false.into(), &false.into()));

    let log = scratch.join("log.json");
    let path = configuration(&scratch, &format!("[[sink.file]]\npath = \"{log}\"\nevents = [\"exec\"]\n"));
    let mut start = Command::new(executable("minerwatch"));
    start.args(["run", "--config", &path, "--hook", "udp=off"]);
    let agent = Agent::start_command(start);
    command::run("true", &["seen"]);
    thread::sleep(Duration::from_secs(2));
    let answer = status(&[]);
    assert_eq!(answer.status.code(), Some(0), "{}", said(&answer));
    let shown = text(&answer);
    assert!(
        shown.starts_with("minerwatch runs, but 1 thing is wrong:\n  - 1 data source is unavailable: udp;"),
        "{shown}"
    );
    for part in
        ["version    ", "without udp", &format!("{log}: wrote "), "cost       ", " of a CPU since the start"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains('\u{1b}'), "no colours in a pipe");
    assert!(text(&status(&["--color", "always"])).contains('\u{1b}'));
    assert_eq!(status(&["--check"]).status.code(), Some(10));
    let json: Value = serde_json::from_slice(&status(&["--json"]).stdout).expect("one object");
    assert_eq!((&json["running"], &json["well"]), (&true.into(), &false.into()));
    assert!(json["cpu"]["total_ms"].as_u64() > Some(0), "{json:#}");
    assert!(json["engine"]["incidents_by_verdict"]["mining"].is_u64(), "{json:#}");

    // A daemon that does not answer.
    agent.signal(Signal::STOP);
    let since = Instant::now();
    let silent = status(&[]);
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    assert_eq!(silent.status.code(), Some(1));
    assert!(said(&silent).contains("did not answer within 1 s"), "{}", said(&silent));
    agent.signal(Signal::CONT);
    agent.stop();
}
