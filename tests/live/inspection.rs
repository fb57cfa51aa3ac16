//! What a busy program says of itself only while it runs: a name that it took, the settings that it was given, the
//! library that it was made to load, and the script that a shell reads from its standard input.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    native::{self, Simulator, Worker},
};
use serde_json::Value;

use crate::{EVERYTHING, machine, start_agent, stream::Recorder};

/// Time in which a busy program is looked at, on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

const WALLET: &str =
    "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A";

/// Waits for an alert with this signal about this process.
fn alert_with(agent: &Agent, id: &str, pid: u32) -> Value {
    agent.wait_for(id, LIMIT, |object| {
        let signals = at(object, "minerwatch.signals").as_array().map_or(&[][..], Vec::as_slice);
        let is_about = |signal: &Value| signal["id"] == id && signal["process"]["pid"] == pid;
        at(object, "event.kind") == "alert"
            && (signals.iter().any(is_about)
                || at(object, "process.pid") == pid && signals.iter().any(|signal| signal["id"] == id))
    })
}

#[test]
fn settings_that_are_on_no_command_line_are_found() {
    let Some(_machine) = machine("settings_that_are_on_no_command_line_are_found") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Arithmetic, &scratch, "worker");
    let agent = start_agent(&scratch, EVERYTHING);

    let mut command = Command::new(&program);
    command.args(["plain", "1", "40"]).env("POOL", "stratum+tcp://10.213.9.9:3333").env("WALLET", WALLET);
    let by_environment = Worker::start_command(command);

    let home = scratch.path().join("home");
    fs::create_dir(&home).expect("a directory");
    let copy = home.join("server");
    fs::copy(&program, &copy).expect("a copy");
    let settings = format!(
        "// a comment\n{{\"cpu\": {{\"huge-pages\": true}},\n\"pools\": [{{\"algo\":\"rx/0\", \"url\": \
         \"10.213.9.9:3333\", \"user\": \"{WALLET}\"}}]}}\n"
    );
    fs::write(home.join("config.json"), settings).expect("a file");
    let by_file = Worker::start(&copy, "plain 1 40");

    for (worker, place) in [(&by_environment, "its environment"), (&by_file, "config.json")] {
        let alert = alert_with(&agent, "B10", worker.pid());
        assert_eq!(at(&alert, "minerwatch.verdict"), "mining", "{alert:#}");
        assert!(alert.to_string().contains(place), "{alert:#}");
    }
    drop((by_environment, by_file));
    agent.stop();
}

#[test]
fn a_name_that_is_taken_after_the_start_is_found() {
    let Some(_machine) = machine("a_name_that_is_taken_after_the_start_is_found") else { return };
    let scratch = Scratch::new();
    let agent = start_agent(&scratch, EVERYTHING);
    // Perl gives the assignment to the kernel, too.
    let code = "sleep 1; $0 = '[kworker/1:2]'; $end = time + 40; 1 while time < $end";
    let mut command = Command::new("perl");
    command.args(["-e", code]);
    let worker = Worker::start_command(command);
    let alert = alert_with(&agent, "B4", worker.pid());
    assert!(alert.to_string().contains("kworker"), "{alert:#}");
    drop(worker);
    agent.stop();
}

/// What follows from it is judged by `drop_and_run.rs`.
#[test]
fn a_preloaded_library_and_a_script_on_standard_input_are_seen() {
    let Some(_machine) = machine("a_preloaded_library_and_a_script_on_standard_input_are_seen") else {
        return;
    };
    let scratch = Scratch::new();
    let (library, script) = (scratch.join("x.so"), scratch.join("run.sh"));
    fs::write(&library, "no library, but the loader goes on without it").expect("a file");
    fs::write(&script, "sleep 2\n").expect("a file");
    let recorder = Recorder::start(scratch.join("recording.jsonl"));
    let mut command = Command::new("perl");
    command.args(["-e", "1 while time < $^T + 40"]).env("LD_PRELOAD", &library).stderr(Stdio::null());
    let worker = Worker::start_command(command);
    let input = fs::File::open(&script).expect("the script");
    let mut shell = Command::new("bash").stdin(Stdio::from(input)).spawn().expect("bash starts");
    shell.wait().expect("it ends");
    thread::sleep(Duration::from_secs(8));
    let recording = fs::read_to_string(recorder.stop()).expect("a recording");
    let looks = |pid: u32| -> Vec<Value> {
        let events = recording.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let is_look = |event: &Value| event["kind"] == "inspection" && event["subject"]["key"]["pid"] == pid;
        events.filter(is_look).collect()
    };
    assert_eq!(looks(worker.pid())[0]["body"]["preloaded"][0], library.as_str());
    assert_eq!(looks(shell.id())[0]["body"]["input"]["path"], script.as_str());
}
