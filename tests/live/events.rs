//! Checks the events for processes, connections, files and CPU time.

use std::process::{Child, Command};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    command,
    namespace::Pair,
};
use serde_json::Value;

use crate::{EVERYTHING, SOON, machine, simulator, start_agent};

/// Runs all parts with one agent.
#[test]
fn processes_connections_and_files_become_events() {
    let Some(_machine) = machine("processes_connections_and_files_become_events") else { return };
    let scratch = Scratch::new();
    let earlier = Command::new("sleep").arg("61").spawn().expect("it starts");
    let agent = start_agent(&scratch, EVERYTHING);
    processes_started_before_the_agent_are_known(&agent, earlier);
    for part in [
        fork_exec_and_exit_of_a_process_are_reported,
        arguments_beyond_the_limit_are_cut_and_marked,
        a_file_is_reported_written_before_it_is_reported_run,
        connections_are_reported_with_addresses_results_and_byte_counts,
        pending_connections_are_reported_before_they_are_answered,
        file_changes_have_the_resolved_path,
        repeated_opens_are_told_once_a_second,
        deep_and_long_paths_keep_their_top_and_their_end,
        a_busy_process_has_cpu_events,
        threads_that_die_together_are_one_exit,
    ] {
        part(&agent);
    }
    agent.stop();
}

fn action(object: &Value) -> &str {
    at(object, "event.action").as_str().unwrap_or_default()
}

fn fork_exec_and_exit_of_a_process_are_reported(agent: &Agent) {
    let scratch = Scratch::new();
    let long = "x".repeat(3000);
    let shell = format!("cd {}; exec sh -c 'exit 7' name '{long}'", scratch.path().display());
    command::try_run("sh", &["-c", &shell]);
    let exec = agent.wait_for("exec with the long argument", SOON, |object| {
        action(object) == "exec" && exec_argument(object, 3) == Some("name")
    });
    assert_eq!(exec["process"]["args"][0], "sh");
    assert_eq!(exec["process"]["args"][4].as_str().map(str::len), Some(3000));
    assert_eq!(at(&exec, "process.working_directory"), &*scratch.path().to_string_lossy());
    assert_eq!(at(&exec, "process.user.name"), "root");
    assert!(at(&exec, "process.executable").as_str().is_some_and(|path| path.starts_with('/')));
    assert_eq!(at(&exec, "process.parent.pid"), std::process::id());
    let entity = at(&exec, "process.entity_id");
    let exit = agent.wait_for("exit", SOON, |object| {
        action(object) == "exit" && at(object, "process.entity_id") == entity
    });
    assert_eq!(at(&exit, "process.exit_code"), 7);
    agent.wait_for("fork", SOON, |object| {
        action(object) == "fork" && at(object, "process.entity_id") == entity
    });
}

fn arguments_beyond_the_limit_are_cut_and_marked(agent: &Agent) {
    command::run("true", &["cut-me", &"y".repeat(6000)]);
    let exec = agent.wait_for("exec", SOON, |object| {
        action(object) == "exec" && exec_argument(object, 1) == Some("cut-me")
    });
    assert_eq!(at(&exec, "minerwatch.process.args_cut"), true);
    assert!(exec_argument(&exec, 2).is_some_and(|argument| argument.len() > 4000 && argument.len() <= 4096));
}

/// File and exec events come through different rings and are merged by time.
fn a_file_is_reported_written_before_it_is_reported_run(agent: &Agent) {
    const RUNS: usize = 200;
    let scratch = Scratch::new();
    let directory = scratch.path().display();
    let script =
        format!("for n in $(seq {RUNS}); do cp /bin/true {directory}/run-$n; {directory}/run-$n; done");
    command::run("sh", &["-c", &script]);
    let last = format!("{directory}/run-{RUNS}");
    agent.wait_for("the last run", SOON, |object| {
        action(object) == "exec" && at(object, "process.executable") == last.as_str()
    });
    let objects = agent.objects();
    let position = |what: &[&str], field: &str, path: &str| {
        objects
            .iter()
            .position(|object| what.contains(&action(object)) && at(object, field) == path)
            .unwrap_or_else(|| panic!("no {what:?} of {path}"))
    };
    for number in 1..=RUNS {
        let path = format!("{directory}/run-{number}");
        let written = position(&["file-create", "file-write"], "file.path", &path);
        assert!(
            written < position(&["exec"], "process.executable", &path),
            "{path} was run before it was written"
        );
    }
}

fn exec_argument(object: &Value, index: usize) -> Option<&str> {
    object["process"]["args"][index].as_str()
}

fn connections_are_reported_with_addresses_results_and_byte_counts(agent: &Agent) {
    let pair = Pair::new(11);
    let reply = "import socket,sys\n\
                 s=socket.create_server(('::',7000),family=socket.AF_INET6,dualstack_ipv6=True)\n\
                 while True:\n c,_=s.accept(); c.recv(100); c.sendall(b'x'*1000); c.close()";
    // The dual-stack socket is only in the IPv6 table. The IPv4 socket on port 7001 shows that Python has started.
    let _server = pair.server.serve(
        7001,
        "python3",
        &["-c", &format!("import socket\nt=socket.create_server(('0.0.0.0',7001))\n{reply}")],
    );
    let run = |arguments: &[&str]| {
        let status = pair.victim.command(&simulator(), arguments).status().expect("it starts");
        assert!(status.success(), "{arguments:?}");
    };
    let address = &pair.server.address;
    let address_v6 = &pair.server.address_v6;
    for (host, shown) in [(address.clone(), address), (format!("[{address_v6}]"), address_v6)] {
        run(&["exchange", &format!("{host}:7000")]);
        let to = |object: &Value, wanted: &str, transport: &str| {
            action(object) == wanted
                && at(object, "destination.ip") == shown
                && at(object, "network.transport") == transport
        };
        // If the neighbour is not resolved yet, an event without a result comes first.
        let connect = agent.wait_for("connect", SOON, |object| {
            to(object, "connect", "tcp") && at(object, "event.outcome") == "success"
        });
        assert_eq!(at(&connect, "destination.port"), 7000);
        assert_eq!(at(&connect, "process.name"), "simulator");
        let close = agent.wait_for("close", SOON, |object| to(object, "close", "tcp"));
        assert_eq!(at(&close, "source.bytes"), 5, "{close}");
        assert_eq!(at(&close, "destination.bytes"), 1000);
        assert!(at(&close, "event.duration").as_u64().is_some_and(|duration| duration > 0));

        run(&["refused", &format!("{host}:7999")]);
        let refused = agent.wait_for("refused connect", SOON, |object| {
            to(object, "connect", "tcp") && at(object, "destination.port") == 7999
        });
        assert_eq!(at(&refused, "event.outcome"), "failure");
        assert_eq!(at(&refused, "error.code"), "ECONNREFUSED");

        run(&["datagram", &format!("{host}:7002")]);
        agent.wait_for("datagram", SOON, |object| to(object, "connect", "udp"));
        let close = agent.wait_for("end of the UDP flow", SOON, |object| to(object, "close", "udp"));
        assert_eq!(at(&close, "source.bytes"), 4, "{close}");
    }
}

fn pending_connections_are_reported_before_they_are_answered(agent: &Agent) {
    let pair = Pair::new(12);
    // A static neighbour entry for an address without a host.
    command::run(
        "ip",
        &[
            "-n",
            &pair.victim.name,
            "neigh",
            "add",
            "10.213.12.77",
            "lladdr",
            "02:00:00:00:00:77",
            "dev",
            "mwv12",
        ],
    );
    let mut waiting =
        pair.victim.command(&simulator(), &["exchange", "10.213.12.77:80"]).spawn().expect("it starts");
    let attempt = agent.wait_for("attempt", SOON, |object| {
        action(object) == "connect" && at(object, "destination.ip") == "10.213.12.77"
    });
    assert_eq!(at(&attempt, "event.outcome"), "unknown");
    assert_eq!(at(&attempt, "error.code"), "EINPROGRESS");
    let _ = waiting.kill();
    let _ = waiting.wait();
}

fn deep_and_long_paths_keep_their_top_and_their_end(agent: &Agent) {
    let scratch = Scratch::new();
    let top = scratch.path().to_string_lossy().into_owned();
    for (count, name, is_whole) in
        [(60, "deep".to_owned(), true), (200, "d".to_owned(), true), (10, "long".repeat(50), false)]
    {
        let directory = format!("{top}{}", format!("/{name}").repeat(count));
        let script = format!("mkdir -p {directory} && cd {directory} && cp /bin/true leaf && ./leaf");
        command::run("sh", &["-c", &script]);
        let ends_alike =
            |path: &Value| path.as_str().is_some_and(|path| path.ends_with(&format!("/{name}/{name}/leaf")));
        let exec = agent.wait_for("exec of the leaf", SOON, |object| {
            action(object) == "exec" && ends_alike(at(object, "process.executable"))
        });
        let created = agent.wait_for("creation of the leaf", SOON, |object| {
            ends_alike(at(object, "file.path")) && at(object, "event.type").to_string().contains("creation")
        });
        for path in [at(&exec, "process.executable"), at(&created, "file.path")] {
            let path = path.as_str().expect("a path");
            assert_eq!(*path == format!("{directory}/leaf"), is_whole, "{path}");
            assert!(path.starts_with(&format!("{top}/")), "{path}");
            assert_eq!(path.contains("/…/"), !is_whole, "{path}");
        }
    }
}

/// Runs a program, kills it after a second, and prints its process id and its CPU time in nanoseconds.
const KILLED: &str = "
import os, sys, time
pid = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
time.sleep(1)
os.kill(pid, 9)
_, _, usage = os.wait4(pid, 0)
print(pid, int((usage.ru_utime + usage.ru_stime) * 1e9))
";

fn threads_that_die_together_are_one_exit(agent: &Agent) {
    for threads in ["2", "16", "64", "64", "64", "64"] {
        let output = command::run("python3", &["-c", KILLED, &simulator(), "crowd", threads, "30"]);
        let numbers = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let (pid, used) = numbers.split_once(' ').expect("two numbers");
        let (pid, used): (u64, f64) = (pid.parse().expect("a number"), used.parse().expect("a number"));
        let is_exit = |object: &Value| action(object) == "exit" && at(object, "process.pid") == pid;
        let exit = agent.wait_for("exit of all threads", SOON, is_exit);
        let told = at(&exit, "minerwatch.cpu.total_ns").as_f64().expect("a CPU time");
        // The kernel brings the time of a running thread up to date at each tick.
        let (least, most) = (used * 0.95 - 2e7, used * 1.02 + 1e7);
        assert!((least..most).contains(&told), "{threads} threads: told {told}, used {used}: {exit:#}");
        // A later process shows that nothing else comes.
        command::run("true", &[]);
        agent.wait_for("another exit", SOON, |object| {
            action(object) == "exit"
                && at(object, "process.executable").as_str().is_some_and(|path| path.ends_with("/true"))
                && at(object, "@timestamp").as_str() > at(&exit, "@timestamp").as_str()
        });
        let exits = agent.objects().into_iter().filter(|object| is_exit(object)).count();
        assert_eq!(exits, 1, "{threads} threads");
    }
}

fn file_changes_have_the_resolved_path(agent: &Agent) {
    let scratch = Scratch::new();
    let directory = scratch.join("files");
    std::fs::create_dir(&directory).expect("a directory can be made");
    command::run(&simulator(), &["files", &directory]);
    let first = format!("{directory}/first");
    let second = format!("{directory}/second");
    let change = |wanted: &str, path: &str| {
        agent.wait_for(wanted, SOON, |object| action(object) == wanted && at(object, "file.path") == path)
    };
    let create = change("file-create", &first);
    let write = change("file-write", &first);
    assert_eq!(at(&create, "file.inode"), at(&write, "file.inode"));
    assert!(at(&create, "file.inode").is_string());
    change("file-rename", &second);
    let other = change("file-rename", &format!("{directory}/other"));
    assert_eq!(at(&other, "minerwatch.file.old_path"), second.as_str());
    assert_eq!(at(&other, "minerwatch.file.exchange"), true);
    let link = change("file-link", &format!("{directory}/third"));
    assert_eq!(at(&link, "minerwatch.file.old_path"), second.as_str());
    let symlink = change("file-symlink", &format!("{directory}/fourth"));
    assert_eq!(at(&symlink, "file.target_path"), scratch.join("nowhere").as_str());
    let chmod = change("file-chmod", &second);
    assert_eq!(at(&chmod, "file.mode"), "0750");
    assert_eq!(at(&chmod, "process.name"), "chmod");
    change("file-delete", &second);
    let all = agent.objects();
    let links = all.iter().filter(|object| {
        action(object).ends_with("link")
            && at(object, "file.path").as_str().is_some_and(|path| path.starts_with(&directory))
    });
    assert_eq!(links.count(), 2, "failed links are not reported");
    let exchanged = |path: &str| {
        let is_exchanged = |object: &&Value| {
            action(object) == "file-rename"
                && at(object, "file.path") == path
                && at(object, "minerwatch.file.exchange") == true
        };
        all.iter().filter(is_exchanged).count()
    };
    assert_eq!((exchanged(&second), exchanged(&format!("{directory}/other"))), (2, 2), "two exchanges");
    let reads = all.iter().filter(|object| {
        action(object).starts_with("file-write") && at(object, "file.path") == first.as_str()
    });
    assert_eq!(reads.count(), 1, "the file was opened for writing once more, and once for reading");
}

/// A logger opens its file for each line. Another file, another process and a later second are told.
fn repeated_opens_are_told_once_a_second(agent: &Agent) {
    let scratch = Scratch::new();
    let (first, other) = (scratch.join("first"), scratch.join("other"));
    for path in [&first, &other] {
        std::fs::write(path, "").expect("it can be written");
    }
    let line = "for i in $(seq 50); do echo x >>$1; done; echo x >>$2; sleep 1.2; echo x >>$1; echo x >>$1; echo end";
    for _ in 0..2 {
        command::run("sh", &["-c", line, "logger", &first, &other]);
    }
    let last = scratch.join("last");
    std::fs::write(&last, "").expect("it can be written");
    agent.wait_for("the last file", SOON, |object| at(object, "file.path") == last.as_str());
    let writes = |path: &str| {
        let is_write = |object: &&Value| action(object) == "file-write" && at(object, "file.path") == path;
        agent.objects().iter().filter(is_write).count()
    };
    // The 50 lines may take longer than a second on a busy machine.
    assert!((4..=6).contains(&writes(&first)), "{} of 104", writes(&first));
    assert_eq!(writes(&other), 2);
}

fn a_busy_process_has_cpu_events(agent: &Agent) {
    let mut busy = Command::new(simulator()).args(["spin", "3"]).spawn().expect("it starts");
    let cpu = agent
        .wait_for("cpu", SOON, |object| action(object) == "cpu" && at(object, "process.pid") == busy.id());
    busy.wait().expect("our child");
    assert!(
        at(&cpu, "minerwatch.cpu.on_cpu_ns").as_u64().is_some_and(|on_cpu| on_cpu >= 100_000_000),
        "{cpu}"
    );
    let exit = agent.wait_for("exit", SOON, |object| {
        action(object) == "exit" && at(object, "process.entity_id") == at(&cpu, "process.entity_id")
    });
    let total = at(&exit, "minerwatch.cpu.total_ns").as_u64().unwrap_or(0);
    // The loop runs for three seconds of wall time. On a busy machine, its CPU time is shorter.
    assert!((300_000_000..3_500_000_000).contains(&total), "{exit}");
}

fn processes_started_before_the_agent_are_known(agent: &Agent, mut earlier: Child) {
    let running = agent.wait_for("running process", SOON, |object| {
        action(object) == "running" && at(object, "process.pid") == earlier.id()
    });
    assert_eq!(at(&running, "process.command_line"), "sleep 61");
    let _ = earlier.kill();
    let _ = earlier.wait();
    let exit = agent.wait_for("exit", SOON, |object| {
        action(object) == "exit" && at(object, "process.entity_id") == at(&running, "process.entity_id")
    });
    assert_eq!(at(&exit, "process.executable"), at(&running, "process.executable"));
}
