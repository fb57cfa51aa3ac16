//! Outputs that stall, end or fail do not hold up the daemon.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::{fd::AsRawFd as _, unix::fs::OpenOptionsExt as _},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use minerwatch_tests::{
    Scratch,
    agent::at,
    command, executable,
    notes::note,
    receiver::{Bulk, Fault, Server},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{SOON, configuration, machine};

/// Starts the daemon with its standard output on a pipe. Waits until it is ready.
fn start(configuration: &str) -> Child {
    let mut daemon = Command::new(executable("minerwatch"))
        .args(["run", "--config", configuration])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut messages = daemon.stderr.take().expect("piped");
    let mut text = String::new();
    let mut chunk = [0; 4096];
    while !text.contains("watching") {
        let length = messages.read(&mut chunk).expect("readable");
        assert!(length > 0, "it ended: {text}");
        text.push_str(&String::from_utf8_lossy(&chunk[..length]));
    }
    thread::spawn(move || std::io::copy(&mut messages, &mut std::io::sink()));
    daemon
}

fn signal(daemon: &Child, signal: Signal) {
    let pid = i32::try_from(daemon.id()).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, signal).expect("it runs");
}

/// Ends the daemon with SIGTERM, which must take less than two seconds.
fn end(mut daemon: Child, scratch: &Scratch) {
    let told = Instant::now();
    signal(&daemon, Signal::TERM);
    while std::path::Path::new(&scratch.join("control.sock")).exists() {
        assert!(told.elapsed() < Duration::from_secs(2), "SIGTERM takes too long");
        thread::sleep(Duration::from_millis(5));
    }
    // The rest of the time is the kernel's, which detaches the hooks.
    assert_eq!(daemon.wait().expect("our child").code(), Some(0));
}

/// Asks for the status through the control socket. Returns it with the time that the answer took.
fn status(scratch: &Scratch) -> (Value, Duration) {
    let start = Instant::now();
    let socket = scratch.join("control.sock");
    let status =
        command::run(&executable("minerwatch").to_string_lossy(), &["status", "--json", "--socket", &socket]);
    (serde_json::from_slice(&status.stdout).expect("JSON"), start.elapsed())
}

/// Makes events until the standard output of the daemon is stalled.
fn fill_stdout(scratch: &Scratch) {
    // A pipe holds 64 KiB, which is full soon.
    let start = Instant::now();
    let long = "x".repeat(1_000);
    loop {
        for _ in 0..20 {
            command::run("true", &[long.as_str()]);
        }
        let waiting = at(&status(scratch).0, "sinks.standard output.waiting").as_u64().expect("a number");
        if waiting > 100 {
            return;
        }
        assert!(start.elapsed() < SOON, "the pipe is not full");
    }
}

#[test]
fn a_stalled_reader_of_stdout_holds_up_nothing() {
    let Some(_machine) = machine("a_stalled_reader_of_stdout_holds_up_nothing") else { return };
    let scratch = Scratch::new();
    let log = scratch.join("events.jsonl");
    let outputs =
        format!("[sink.stdout]\nevents = \"all\"\n[[sink.file]]\npath = \"{log}\"\nevents = [\"exec\"]\n");
    let daemon = start(&configuration(&scratch, &outputs));
    fill_stdout(&scratch);
    let begin = Instant::now();
    let is_written = |name: &str| fs::read_to_string(&log).is_ok_and(|lines| lines.contains(name));
    command::run("true", &["while-stdout-is-stalled"]);
    while !is_written("while-stdout-is-stalled") {
        assert!(begin.elapsed() < Duration::from_secs(2), "the file output waits for standard output");
        thread::sleep(Duration::from_millis(10));
    }
    for _ in 0..20 {
        let (_, took) = status(&scratch);
        assert!(took < Duration::from_secs(1), "the status takes {took:?}");
    }
    end(daemon, &scratch);
}

#[test]
fn the_end_of_the_only_output_is_a_failure() {
    let Some(_machine) = machine("the_end_of_the_only_output_is_a_failure") else { return };
    let scratch = Scratch::new();
    let mut daemon = start(&configuration(&scratch, "[sink.stdout]\nevents = [\"exec\"]\n"));
    drop(daemon.stdout.take());
    let begin = Instant::now();
    while daemon.try_wait().expect("our child").is_none() {
        assert!(begin.elapsed() < Duration::from_secs(20), "it goes on without any output");
        command::run("true", &[]);
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(daemon.wait().expect("our child").code(), Some(1));
}

/// Makes an alert, and returns its `event.id`.
fn make_alert(scratch: &Scratch) -> String {
    let minerwatch = executable("minerwatch").to_string_lossy().into_owned();
    let output = command::run(&minerwatch, &["alert", "test", "--socket", &scratch.join("control.sock")]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let id = text.lines().find_map(|line| line.strip_prefix("event.id ")?.split(',').next());
    id.unwrap_or_else(|| panic!("no event.id in {text}")).to_owned()
}

/// The kill comes when the alert is on disk. Meanwhile, nobody reads standard output, and in every other round the server is away.
#[test]
fn an_alert_arrives_although_the_daemon_is_killed_after_it() {
    let test = "an_alert_arrives_although_the_daemon_is_killed_after_it";
    let Some(_machine) = machine(test) else { return };
    let mut server = Server::start(Bulk::default());
    let outputs = format!(
        "[sink.stdout]\nevents = \"all\"\n[[sink.elasticsearch]]\nname = \"double\"\nurl = \"{}\"\n",
        server.url()
    );
    for (round, delay) in [50, 100, 200, 500, 1_000].map(Duration::from_millis).into_iter().enumerate() {
        // Repeated incidents of one origin would be quiet.
        let scratch = Scratch::new();
        let configuration = configuration(&scratch, &outputs);
        let mut daemon = start(&configuration);
        fill_stdout(&scratch);
        server.set_fault((round % 2 == 0).then_some(Fault::Away));
        let id = make_alert(&scratch);
        thread::sleep(delay);
        signal(&daemon, Signal::KILL);
        daemon.wait().expect("our child");
        server.set_fault(None);
        let mut daemon = start(&configuration);
        let begin = Instant::now();
        while !server.look(|bulk| bulk.alerts().contains(&id)) {
            assert!(begin.elapsed() < SOON, "the alert {id} of round {round} is missing");
            thread::sleep(Duration::from_millis(20));
        }
        signal(&daemon, Signal::TERM);
        daemon.wait().expect("our child");
    }
    server.look(|bulk| {
        assert!(bulk.errors().is_empty(), "{:?}", bulk.errors());
        note(&format!("{test}: {} repeats that the server recognized", bulk.repeats()));
    });
}

/// A paused journal stalls both streams of the service.
#[test]
fn a_stalled_reader_of_stderr_holds_up_nothing() {
    let Some(_machine) = machine("a_stalled_reader_of_stderr_holds_up_nothing") else { return };
    let scratch = Scratch::new();
    let path = configuration(&scratch, "");
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    // A description of its own, because the flag would apply to the daemon's end, too.
    let mut filler = fs::File::options()
        .write(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(format!("/proc/self/fd/{}", writer.as_raw_fd()))
        .expect("the pipe can be opened again");
    let daemon = Command::new(executable("minerwatch"))
        .args(["run", "--config", &path])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(writer)
        .spawn()
        .expect("it starts");
    let mut text = String::new();
    let mut chunk = [0; 4096];
    while !text.contains("watching") {
        let length = reader.read(&mut chunk).expect("readable");
        text.push_str(&String::from_utf8_lossy(&chunk[..length]));
    }
    while filler.write(&[b'.'; 512]).is_ok() {}
    for _ in 0..5 {
        // Each reload writes messages.
        signal(&daemon, Signal::HUP);
        thread::sleep(Duration::from_millis(50));
        let (_, took) = status(&scratch);
        assert!(took < Duration::from_secs(1), "the status takes {took:?}");
    }
    end(daemon, &scratch);
    drop(reader);
}
