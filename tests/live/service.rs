//! The daemon as a service: signals, privileges, a full disk.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    command,
};
use rustix::process::Signal;
use serde_json::Value;

use crate::{SOON, configuration, machine, start_agent};

#[test]
fn sigterm_drains_and_exits_with_0() {
    let Some(_machine) = machine("sigterm_drains_and_exits_with_0") else { return };
    let scratch = Scratch::new();
    let log = scratch.join("events.jsonl");
    let sinks = format!("[[sink.file]]\npath = \"{log}\"\nevents = \"all\"\n");
    let mut agent = start_agent(&scratch, &sinks);
    command::run("true", &["just-before-the-end"]);
    agent.signal(Signal::TERM);
    let told = Instant::now();
    // The daemon removes the control socket after all events are written.
    while Path::new(&scratch.join("control.sock")).exists() {
        assert!(told.elapsed() < Duration::from_secs(2), "it does not drain within two seconds");
        thread::sleep(Duration::from_millis(5));
    }
    let drained = told.elapsed();
    let lines = fs::read_to_string(&log).expect("the sink's file");
    assert!(lines.contains("just-before-the-end"), "what was taken in is written");
    assert!(lines.ends_with('\n'));
    // The rest of the time is the kernel's: it detaches system-call tracepoints one after the other, each after a grace
    // period of up to 100 ms (`perf_trace_event_unreg`, with RCU tasks trace since 6.13), even if the process is
    // killed.
    let status = agent.wait(Duration::from_secs(8)).expect("SIGTERM ends it");
    assert_eq!(status.code(), Some(0));
    println!("drained after {drained:?}, gone after {:?}", told.elapsed());
}

#[test]
fn cpu_history_is_kept_across_restarts() {
    let Some(_machine) = machine("cpu_history_is_kept_across_restarts") else { return };
    let scratch = Scratch::new();
    let path = configuration(&scratch, "");
    let agent = Agent::start(["run", "--config", &path]);
    assert!(!agent.says("programs whose earlier CPU use is known", Duration::ZERO), "{:?}", agent.messages());
    command::run(&crate::simulator(), &["spin", "3"]);
    agent.stop();
    let kept = fs::read_to_string(scratch.join("state/duty.json")).expect("it was kept");
    let kept: Value = serde_json::from_str(&kept).expect("JSON");
    assert!(kept["state"]["identities"].as_array().is_some_and(|all| !all.is_empty()), "{kept}");

    let agent = Agent::start(["run", "--config", &path]);
    assert!(agent.says("programs whose earlier CPU use is known", SOON), "{:?}", agent.messages());
    agent.stop();
    fs::write(scratch.join("state/duty.json"), "{").expect("it can be damaged");
    let agent = Agent::start(["run", "--config", &path]);
    assert!(agent.says("is not known", SOON), "{:?}", agent.messages());
    agent.stop();
}

#[test]
fn sighup_loads_a_good_configuration_and_rejects_a_broken_one() {
    let Some(_machine) = machine("sighup_loads_a_good_configuration_and_rejects_a_broken_one") else {
        return;
    };
    let scratch = Scratch::new();
    let path = configuration(&scratch, "");
    let agent = Agent::start(["run", "--config", &path]);
    let is_exec_of = |name: &'static str| {
        move |object: &Value| {
            at(object, "event.action") == "exec"
                && at(object, "process.command_line") == format!("true {name}").as_str()
        }
    };
    configuration(&scratch, "[sink.stdout]\nevents = [\"exec\"]\n");
    agent.signal(Signal::HUP);
    assert!(agent.says("the configuration was read again", SOON), "{:?}", agent.messages());
    command::run("true", &["after-the-good-one"]);
    agent.wait_for("exec", SOON, is_exec_of("after-the-good-one"));

    configuration(&scratch, "[sink.stdout]\nevnets = []\n");
    agent.signal(Signal::HUP);
    assert!(agent.says("the configuration stays as it was", SOON), "{:?}", agent.messages());
    assert!(agent.says("evnets", SOON), "the message names the key");
    command::run("true", &["after-the-broken-one"]);
    agent.wait_for("exec", SOON, is_exec_of("after-the-broken-one"));
    agent.stop();
}

#[test]
fn capabilities_are_dropped_after_attaching() {
    let Some(_machine) = machine("capabilities_are_dropped_after_attaching") else { return };
    let scratch = Scratch::new();
    let agent = start_agent(&scratch, "");
    // The capability numbers of Linux: DAC_READ_SEARCH 2, SYS_PTRACE 19, BPF 39.
    let kept = (1_u64 << 2) | (1 << 19) | (1 << 39);
    let tasks = fs::read_dir(format!("/proc/{}/task", agent.pid())).expect("the agent runs");
    for task in tasks.flatten() {
        let status = fs::read_to_string(task.path().join("status")).expect("a thread");
        for set in ["CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"] {
            let line = status.lines().find(|line| line.starts_with(set)).expect("a set");
            let held =
                u64::from_str_radix(line.split_whitespace().last().expect("a value"), 16).expect("hex");
            assert_eq!(held & !kept, 0, "{set} of {:?}", task.file_name());
        }
    }
    agent.stop();
}

#[test]
fn a_full_disk_loses_nothing_that_fits_the_backlog() {
    let Some(_machine) = machine("a_full_disk_loses_nothing_that_fits_the_backlog") else { return };
    let scratch = Scratch::new();
    let disk = scratch.join("disk");
    fs::create_dir(&disk).expect("a directory can be made");
    command::run("mount", &["-t", "tmpfs", "-o", "size=64k", "none", &disk]);
    let outcome = std::panic::catch_unwind(|| {
        let log = format!("{disk}/events.jsonl");
        let sinks = format!("[[sink.file]]\npath = \"{log}\"\nevents = [\"exec\"]\n");
        // This comes before the agent: afterwards, events of other programs may already take the space of the ballast.
        fs::write(format!("{disk}/ballast"), vec![0_u8; 40 << 10]).expect("the ballast fits");
        let agent = start_agent(&scratch, &sinks);
        for number in 0..60 {
            command::run("true", &[&format!("full-disk-{number}-end")]);
        }
        assert!(agent.says("No space left", SOON), "{:?}", agent.messages());
        fs::remove_file(format!("{disk}/ballast")).expect("the ballast can go");
        command::run("mount", &["-o", "remount,size=4m", &disk]);
        thread::sleep(Duration::from_secs(3));
        agent.stop();
        let lines = fs::read_to_string(&log).expect("the sink's file");
        for number in 0..60 {
            assert!(lines.contains(&format!("full-disk-{number}-end")), "{number} is missing");
        }
        for line in lines.lines() {
            serde_json::from_str::<Value>(line).expect("every line is whole");
        }
    });
    command::try_run("umount", &[&disk]);
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn tail_ends_without_error_when_its_reader_leaves() {
    let Some(_machine) = machine("tail_ends_without_error_when_its_reader_leaves") else { return };
    let minerwatch = minerwatch_tests::executable("minerwatch");
    let script = format!(
        "set -o pipefail; {} tail --json --socket /nonexistent/socket | head -n 3 | wc -l",
        minerwatch.display()
    );
    let mut pipeline = Command::new("bash")
        .args(["-c", &script])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("bash starts");
    // `tail` learns that its reader is gone only when it writes the next event.
    for _ in 0..100 {
        if pipeline.try_wait().expect("our child").is_some() {
            break;
        }
        command::run("true", &[]);
        thread::sleep(Duration::from_millis(100));
    }
    let output = pipeline.wait_with_output().expect("our child");
    assert!(output.status.success(), "{}", output.status);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "3");
}

/// When the reader of standard output leaves, the daemon continues to write its files.
#[test]
fn files_are_written_after_the_reader_of_stdout_leaves() {
    let Some(_machine) = machine("files_are_written_after_the_reader_of_stdout_leaves") else { return };
    let scratch = Scratch::new();
    let log = scratch.join("events.jsonl");
    let configuration = configuration(
        &scratch,
        &format!(
            "[sink.stdout]\nevents = [\"exec\"]\n[[sink.file]]\npath = \"{log}\"\nevents = [\"exec\"]\n"
        ),
    );
    let mut daemon = Command::new(minerwatch_tests::executable("minerwatch"))
        .args(["run", "--config", &configuration])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    drop(daemon.stdout.take());
    let written = |name: &str| fs::read_to_string(&log).is_ok_and(|lines| lines.contains(name));
    for name in ["after-the-reader-left", "and-later"] {
        let since = Instant::now();
        while !written(name) {
            assert!(since.elapsed() < Duration::from_secs(30), "{name} is not written");
            assert!(
                daemon.try_wait().expect("our child").is_none(),
                "it ended though it has a file to write"
            );
            command::run("true", &[name]);
            thread::sleep(Duration::from_millis(200));
        }
    }
    let pid = i32::try_from(daemon.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
    rustix::process::kill_process(pid, Signal::TERM).expect("it runs");
    assert_eq!(daemon.wait().expect("our child").code(), Some(0));
}
