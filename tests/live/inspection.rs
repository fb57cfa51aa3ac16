//! What a busy program says of itself only while it runs: a name that it took, the settings that it was given, the
//! library that it was made to load, and the script that a shell reads from its standard input.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    native::{self, Simulator, Worker},
};
use serde_json::Value;

use crate::{EVERYTHING, machine, start_agent};

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

#[test]
fn a_dropped_library_and_a_script_on_standard_input_are_found() {
    let Some(_machine) = machine("a_dropped_library_and_a_script_on_standard_input_are_found") else {
        return;
    };
    let scratch = Scratch::new();
    let agent = start_agent(&scratch, EVERYTHING);
    let odd = Scratch::new();

    let library = odd.join("x.so");
    drop_file(&library, "no library, but the loader goes on without it");
    let mut command = Command::new("perl");
    command.args(["-e", "1 while time < $^T + 40"]).env("LD_PRELOAD", &library).stderr(Stdio::null());
    let worker = Worker::start_command(command);
    let alert = alert_with(&agent, "B2", worker.pid());
    assert!(alert.to_string().contains("x.so"), "{alert:#}");
    drop(worker);

    let script = odd.join("run.sh");
    drop_file(&script, "sleep 5\n");
    let input = fs::File::open(&script).expect("the script");
    let mut shell = Command::new("bash").stdin(Stdio::from(input)).spawn().expect("bash starts");
    let alert = alert_with(&agent, "B2", shell.id());
    assert!(alert.to_string().contains("run.sh"), "{alert:#}");
    let _ = shell.kill();
    let _ = shell.wait();
    agent.stop();
}

/// Lets a shell write a file, so that another program than the one that runs it wrote it.
fn drop_file(path: &str, text: &str) {
    let status = Command::new("sh")
        .args(["-c", "printf %s \"$1\" >\"$0\"", path, text])
        .status()
        .expect("a shell starts");
    assert!(status.success());
    fs::set_permissions(Path::new(path), fs::Permissions::from_mode(0o755)).expect("the file");
}
