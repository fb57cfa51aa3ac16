//! Memory of the sizes that RandomX uses, and the pool of huge pages.

use std::{fs, io::Write as _, thread, time::Duration};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    command,
    native::{self, Simulator, Worker},
};
use serde_json::Value;

use crate::{EVERYTHING, SOON, lost, machine, start_agent};

/// Number of huge pages of the default size.
const POOL: &str = "/proc/sys/vm/nr_hugepages";

/// Waits for an alert that has a signal of this id and weight.
fn signal(agent: &Agent, pid: Option<u32>, id: &str, weight: u32) -> Value {
    agent.wait_for(&format!("{id} of {weight}"), SOON, |object| {
        pid.is_none_or(|pid| at(object, "process.pid") == pid)
            && at(object, "minerwatch.signals").as_array().is_some_and(|signals| {
                signals.iter().any(|signal| signal["id"] == id && signal["weight"] == weight)
            })
    })
}

#[test]
fn memory_in_the_sizes_of_randomx_is_noted() {
    let Some(_machine) = machine("memory_in_the_sizes_of_randomx_is_noted") else { return };
    let scratch = Scratch::new();
    // Each is a program of its own. The same program again would be the same suspect.
    let programs = ["randomx", "flipping", "handover"].map(|manner| {
        let program = native::build(Simulator::Memory, &scratch, manner);
        let file = fs::OpenOptions::new().append(true).open(&program);
        file.and_then(|mut file| file.write_all(manner.as_bytes())).expect("the program can be written");
        (manner, program)
    });
    let agent = start_agent(&scratch, EVERYTHING);
    for (manner, program) in programs {
        let worker = Worker::start_by_login(&program.to_string_lossy(), &[manner, "30"]);
        let alert = signal(&agent, Some(worker.pid()), "C2", 70);
        assert_eq!(at(&alert, "minerwatch.verdict"), "noted", "{manner}: alone it is no more");
    }
    agent.stop();
}

/// The pieces are noted in the events. Alone they raise no alert.
#[test]
fn memory_of_other_algorithms_is_counted_by_thread() {
    let Some(_machine) = machine("memory_of_other_algorithms_is_counted_by_thread") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Memory, &scratch, "minerd");
    let agent = start_agent(&scratch, "[sink.stdout]\nevents = [\"memory\"]\n");
    let manners = ["yespower 5", "pictures 5", "stacks 5", "advised 5", "heap 5"];
    let workers = manners.map(|manner| Worker::start(&program, manner));
    thread::sleep(Duration::from_secs(3));
    let pids: Vec<u32> = workers.iter().map(Worker::pid).collect();
    drop(workers);
    let told = agent.stop();
    let counts = |pid: u32, class: &str| {
        let of_process = told.iter().filter(|object| at(object, "process.pid") == pid);
        let of_class = of_process.filter(|object| at(object, "minerwatch.memory.class") == class);
        of_class.filter_map(|object| at(object, "minerwatch.memory.count").as_u64()).max()
    };
    let workspaces = counts(pids[0], "workspace");
    assert!(workspaces >= Some(32), "one per thread: {workspaces:?}");
    assert_eq!(counts(pids[1], "workspace"), Some(1), "one thread");
    assert_eq!(counts(pids[2], "workspace"), None, "stacks");
    let advised = counts(pids[3], "scratchpad");
    assert!(advised >= Some(32), "a transparent huge page per thread: {advised:?}");
    assert_eq!(counts(pids[4], "scratchpad"), Some(1), "a heap of one thread");
}

#[test]
fn many_other_processes_do_not_evict_a_miners_memory() {
    let Some(_machine) = machine("many_other_processes_do_not_evict_a_miners_memory") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Memory, &scratch, "nginx");
    let rest = "[sink.stdout]\nevents = [\"memory\"]\n";
    let agent = start_agent(&scratch, rest);
    let worker = Worker::start(&program, "crowd 30");
    agent.wait_for("second buffer of the first process", Duration::from_secs(60), |object| {
        at(object, "process.pid") == worker.pid() && at(object, "minerwatch.memory.count") == 2
    });
    let lost = lost(&scratch);
    assert_eq!(lost.get("mapping-table").copied().unwrap_or(0), 0, "the dead leave their rows: {lost:?}");
    drop(worker);
    let told = agent.stop();
    let told = told.iter().filter(|object| at(object, "event.action") == "memory-map").count();
    assert!(told as u64 + lost.values().sum::<u64>() > 10_000, "{told} and {lost:?}");
}

#[test]
fn memory_mapped_before_the_agent_started_is_noted() {
    let Some(_machine) = machine("memory_mapped_before_the_agent_started_is_noted") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Memory, &scratch, "nginx");
    let worker = Worker::start(&program, "resident 60");
    thread::sleep(Duration::from_secs(1));
    let agent = start_agent(&scratch, EVERYTHING);
    signal(&agent, Some(worker.pid()), "C2", 70);
    agent.stop();
}

#[test]
fn memory_of_other_programs_raises_no_alert() {
    let Some(_machine) = machine("memory_of_other_programs_raises_no_alert") else { return };
    let scratch = Scratch::new();
    let program = native::build(Simulator::Memory, &scratch, "postgres");
    let agent = start_agent(&scratch, EVERYTHING);
    let workers = ["database 2", "jit 2"].map(|arguments| Worker::start(&program, arguments));
    thread::sleep(Duration::from_secs(2));
    drop(workers);
    let objects = agent.stop();
    assert!(objects.iter().all(|object| at(object, "event.kind") != "alert"), "{objects:#?}");
}

#[test]
fn more_huge_pages_are_noted() {
    let Some(_machine) = machine("more_huge_pages_are_noted") else { return };
    let Ok(before) = fs::read_to_string(POOL) else { return };
    let before: u64 = before.trim().parse().expect("a number of pages");
    let scratch = Scratch::new();
    let agent = start_agent(&scratch, EVERYTHING);
    let raise = format!("echo {} > {POOL}; sleep 3", before + 128);
    command::run("sh", &["-c", &raise]);
    fs::write(POOL, before.to_string()).expect("the pool can be put back");
    let event = agent.wait_for("pool", SOON, |object| at(object, "event.action") == "huge-pages");
    assert_eq!(at(&event, "minerwatch.memory.pages_before"), before);
    let after = at(&event, "minerwatch.memory.pages_after").as_u64().expect("a number of pages");
    // A host with little free memory gives fewer pages than requested.
    if after == before + 128 {
        let alert = signal(&agent, None, "C3", 40);
        assert_eq!(at(&alert, "minerwatch.verdict"), "noted");
    }
    agent.stop();
}
