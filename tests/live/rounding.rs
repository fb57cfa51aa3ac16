//! RandomX is found by its use of rounding modes, whatever the name of the program. Similar arithmetic raises no alert.
//!
//! The time limits allow for other load on the machine. The measured times are printed.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    command,
    native::{self, Simulator, Worker},
    notes::note,
};
use serde_json::Value;

use crate::{EVERYTHING, configuration, machine, start_agent};

fn is_mining(object: &Value) -> bool {
    at(object, "event.kind") == "alert" && at(object, "minerwatch.verdict") == "mining"
}

/// Waits for the verdict on `pid`. Returns the alert and the time since `start`.
fn found(agent: &Agent, pid: u32, start: Instant, limit: Duration) -> (Value, Duration) {
    let alert =
        agent.wait_for("verdict", limit, |object| is_mining(object) && at(object, "process.pid") == pid);
    (alert, start.elapsed())
}

#[test]
fn a_randomx_worker_is_found_at_any_share_of_the_cpu() {
    let Some(_machine) = machine("a_randomx_worker_is_found_at_any_share_of_the_cpu") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Arithmetic, &scratch, "sshd");
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let cases = [
        (format!("randomx {cores} 10"), "on every core", 10),
        ("randomx 1 10".to_owned(), "alone on its core", 10),
        ("randomx 1 20 25".to_owned(), "a quarter of the time", 20),
        ("randomx 1 60 5 990".to_owned(), "a twentieth of the time", 60),
    ];
    find_each(&scratch, &program, &cases);
}

#[test]
fn version_2_of_randomx_is_found() {
    let Some(_machine) = machine("version_2_of_randomx_is_found") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Arithmetic, &scratch, "sshd");
    let cases = [
        ("v2 1 20".to_owned(), "version 2, alone on its core", 20),
        ("v2 1 60 25".to_owned(), "version 2, a quarter of the time", 60),
    ];
    find_each(&scratch, &program, &cases);
}

/// Starts a worker with each of the arguments, and waits for the verdict on it for at most so many seconds.
fn find_each(scratch: &Scratch, program: &Path, cases: &[(String, &str, u64)]) {
    let agent = start_agent(scratch, "");
    for (arguments, name, limit) in cases {
        let start = Instant::now();
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let worker = Worker::start_by_login(&program.to_string_lossy(), &arguments);
        let (alert, after) = found(&agent, worker.pid(), start, Duration::from_secs(*limit));
        note(&format!("{name}: found after {after:.1?}"));
        assert_eq!(at(&alert, "minerwatch.signals")[0]["id"], "C1", "{alert}");
        assert_eq!(at(&alert, "process.name"), "sshd");
    }
    agent.stop();
}

/// Each worker ends before anything can be said about it alone.
#[test]
fn workers_that_live_for_a_moment_are_found_together() {
    let Some(_machine) = machine("workers_that_live_for_a_moment_are_found_together") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Arithmetic, &scratch, "worker");
    let agent = start_agent(&scratch, "");
    for life in ["0.07", "0.2"] {
        let start = Instant::now();
        let line = format!("for i in $(seq 300); do {} randomx 1 {life} >/dev/null; done", program.display());
        let loop_of_workers = Worker::start_by_login("/bin/sh", &["-c", &line]);
        let alert = agent.wait_for("verdict", Duration::from_secs(20), |object| {
            is_mining(object)
                && at(object, "process.name") == "worker"
                && at(object, "process.parent.pid") == loop_of_workers.pid()
        });
        note(&format!("workers of {life} s: found after {:.1?}", start.elapsed()));
        assert_eq!(at(&alert, "minerwatch.signals")[0]["id"], "C1", "{alert}");
    }
    agent.stop();
}

/// A program may derive a key with one hash or a few.
#[test]
fn a_burst_is_noted_at_most() {
    let Some(_machine) = machine("a_burst_is_noted_at_most") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Arithmetic, &scratch, "wallet");
    let agent = start_agent(&scratch, EVERYTHING);
    let worker = Worker::start_by_login(&program.to_string_lossy(), &["randomx", "1", "0.5"]);
    thread::sleep(Duration::from_secs(4));
    let pid = worker.pid();
    drop(worker);
    let objects = agent.stop();
    let looks = objects
        .iter()
        .filter(|object| at(object, "event.action") == "rounding" && at(object, "process.pid") == pid);
    note(&format!("a burst of half a second: reported {} times", looks.count()));
    assert!(!objects.iter().any(is_mining), "{objects:#?}");
}

/// All modes without the flushing are those of a mathematical library under test, too. Memory is the second witness.
#[test]
#[cfg_attr(target_arch = "aarch64", ignore = "RandomX does not flush on this processor")]
fn arithmetic_without_the_flushing_needs_a_second_witness() {
    let Some(_machine) = machine("arithmetic_without_the_flushing_needs_a_second_witness") else { return };
    let scratch = Scratch::new();
    // Each is a program of its own. The same program again would be the same suspect.
    let programs = ["unflushed", "witness"].map(|manner| {
        let program = native::build(Simulator::Arithmetic, &scratch, manner);
        let file = fs::OpenOptions::new().append(true).open(&program);
        file.and_then(|mut file| file.write_all(manner.as_bytes())).expect("the program can be written");
        program.to_string_lossy().into_owned()
    });
    let agent = start_agent(&scratch, EVERYTHING);
    let cores = thread::available_parallelism().map_or(2, usize::from).to_string();
    let worker = Worker::start_by_login(&programs[0], &["unflushed", &cores, "10"]);
    let alert = agent.wait_for("weak form", Duration::from_secs(20), |object| {
        at(object, "event.kind") == "alert" && at(object, "process.pid") == worker.pid()
    });
    assert_eq!(at(&alert, "minerwatch.verdict"), "noted", "{alert}");
    thread::sleep(Duration::from_secs(5));
    assert!(!agent.objects().iter().any(is_mining), "it stays so in a short run");
    drop(worker);
    let start = Instant::now();
    let worker = Worker::start_by_login(&programs[1], &["witness", &cores, "20"]);
    let (_, after) = found(&agent, worker.pid(), start, Duration::from_secs(20));
    note(&format!("without the flushing, beside a dataset: found after {after:.1?}"));
    agent.stop();
}

#[test]
fn a_worker_started_before_the_agent_is_found() {
    let Some(_machine) = machine("a_worker_started_before_the_agent_is_found") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Arithmetic, &scratch, "postgres");
    let worker = Worker::start(&program, "randomx 1 60");
    thread::sleep(Duration::from_secs(1));
    let start = Instant::now();
    let agent = start_agent(&scratch, "");
    let (_, after) = found(&agent, worker.pid(), start, Duration::from_secs(20));
    note(&format!("there before: found after {after:.1?}, the start of the daemon included"));
    agent.stop();
}

#[test]
fn a_worker_is_found_without_real_time_priority() {
    let Some(_machine) = machine("a_worker_is_found_without_real_time_priority") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Arithmetic, &scratch, "redis");
    let mut command = Command::new("setpriv");
    command.arg("--bounding-set=-sys_nice").arg(minerwatch_tests::executable("minerwatch")).args([
        "run",
        "--config",
        &configuration(&scratch, ""),
    ]);
    let agent = Agent::start_command(command);
    assert!(agent.says("no real-time priority", Duration::from_secs(1)));
    let start = Instant::now();
    let worker = Worker::start(&program, "randomx 1 30");
    let (_, after) = found(&agent, worker.pid(), start, Duration::from_secs(30));
    note(&format!("without real-time priority: found after {after:.1?}"));
    agent.stop();
}

#[test]
fn a_worker_in_a_container_is_reported_with_the_container() {
    const ID: &str = "4f1d0c9a8b7e6d5c4b3a29181706f5e4d3c2b1a0998877665544332211000001";
    let Some(_machine) = machine("a_worker_in_a_container_is_reported_with_the_container") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Arithmetic, &scratch, "worker");
    let root = scratch.join("bundle/rootfs");
    fs::create_dir_all(&root).expect("a directory can be made");
    fs::copy(&program, format!("{root}/java")).expect("a file can be copied");
    let bundle = scratch.join("bundle");
    command::run("runc", &["spec", "--bundle", &bundle]);
    let path = format!("{bundle}/config.json");
    let mut spec: Value =
        serde_json::from_str(&fs::read_to_string(&path).expect("runc wrote it")).expect("JSON");
    spec["process"]["args"] = serde_json::json!(["/java", "randomx", "1", "30"]);
    spec["process"]["terminal"] = Value::Bool(false);
    spec["linux"]["cgroupsPath"] = Value::String(format!("/docker/{ID}"));
    fs::write(&path, spec.to_string()).expect("a file can be written");
    let agent = start_agent(&scratch, "");
    let start = Instant::now();
    let mut runc = Command::new("runc");
    runc.args(["run", "--bundle", &bundle, &minerwatch_tests::unique("mw")]);
    let container = Worker::start_command(runc);
    let alert = agent.wait_for("verdict", Duration::from_secs(20), is_mining);
    note(&format!(
        "in a container: found after {:.1?}, the start of the container included",
        start.elapsed()
    ));
    assert_eq!(at(&alert, "process.executable"), "/java");
    assert_eq!(at(&alert, "container.id"), ID);
    let pid = at(&alert, "process.pid").to_string();
    command::run("kill", &["-9", &pid]);
    drop(container);
    agent.stop();
}

#[test]
fn a_scan_finds_a_worker() {
    let Some(_machine) = machine("a_scan_finds_a_worker") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Arithmetic, &scratch, "cron");
    let scan = || {
        let output = command::try_run(
            &minerwatch_tests::executable("minerwatch").to_string_lossy(),
            &["scan", "--seconds", "4"],
        );
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let worker = Worker::start(&program, "randomx 1 30");
    let (code, said) = scan();
    assert_eq!(code, Some(10), "{said}");
    let line = said.lines().find(|line| line.contains("C1 100")).expect("a line for the worker");
    assert!(line.contains("mining") && line.contains(&format!("cron (pid {})", worker.pid())), "{said}");
    drop(worker);
    let (code, said) = scan();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn programs_with_similar_arithmetic_raise_no_alert() {
    let Some(_machine) = machine("programs_with_similar_arithmetic_raise_no_alert") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Arithmetic, &scratch, "numbers");
    let agent = start_agent(&scratch, "");
    let workers: Vec<Worker> = ["interval 1 12", "fastmath 1 12", "once 1 12", "plain 1 12"]
        .iter()
        .map(|arguments| Worker::start(&program, arguments))
        .collect();
    thread::sleep(Duration::from_secs(12));
    drop(workers);
    let alerts: Vec<Value> =
        agent.stop().into_iter().filter(|object| at(object, "event.kind") == "alert").collect();
    assert!(alerts.is_empty(), "{alerts:#?}");
}

/// Measures how long a busy thread did not run within `span`, as the sum of the gaps between readings of the clock.
/// Returns seconds.
fn stolen(span: Duration) -> f64 {
    const GAP: Duration = Duration::from_micros(2);
    let start = Instant::now();
    let (mut last, mut stolen) = (start, Duration::ZERO);
    while last - start < span {
        let now = Instant::now();
        let gap = now - last;
        // Longer gaps come from other programs.
        if gap > GAP && gap < Duration::from_micros(200) {
            stolen += gap;
        }
        last = now;
    }
    stolen.as_secs_f64()
}

/// Timings depend on what else the machine does, so the test counts visits: each takes some microseconds.
#[test]
fn the_sampler_visits_ordinary_programs_ten_times_a_second() {
    let Some(_machine) = machine("the_sampler_visits_ordinary_programs_ten_times_a_second") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Arithmetic, &scratch, "numbers");
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let worker = Worker::start(&program, &format!("plain {cores} 60"));
    let start = Instant::now();
    let output = command::try_run(
        &minerwatch_tests::executable("minerwatch").to_string_lossy(),
        &["scan", "--seconds", "4", "--json"],
    );
    let patrols = start.elapsed().as_secs() * 10 + 10;
    drop(worker);
    let summary = String::from_utf8_lossy(&output.stdout);
    let summary: Value =
        summary.lines().last().and_then(|line| serde_json::from_str(line).ok()).expect("a summary");
    let visits = at(&summary, "minerwatch.scan.cpu_samples").as_u64().expect("a number of visits");
    assert!(
        (4..=patrols * cores as u64).contains(&visits),
        "{visits} visits of {cores} cores in {patrols} patrols"
    );
    note_the_time_lost(&scratch);
}

/// Compares the time that a busy thread loses with and without the sampler.
fn note_the_time_lost(scratch: &Scratch) {
    let span = Duration::from_secs(2);
    // The minimum of four runs, because disturbances only add time.
    let least = |sampling: bool| {
        let agent = start_agent(scratch, &format!("[detection]\nsampling = {sampling}\n"));
        thread::sleep(Duration::from_secs(1));
        let lost = (0..4).map(|_| stolen(span) / span.as_secs_f64()).fold(f64::INFINITY, f64::min);
        agent.stop();
        lost * 100.0
    };
    let (without, with) = (least(false), least(true));
    note(&format!(
        "a busy program loses {with:.3} % of its time with the sampler, {without:.3} % without it"
    ));
}
