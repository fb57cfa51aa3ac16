//! More events than the daemon can process: each missing event is counted as lost, and process events are lost last.

use std::{
    net::TcpListener,
    process::{Child, Command},
    thread,
    time::Duration,
};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
};
use rustix::process::Signal;
use serde_json::Value;

use crate::{configuration, daemon, dropped_in, lost_in, machine_for_long, simulator};

/// Number of programs that one storm runs.
const PROGRAMS: u64 = 1_500;
/// Number of connections that one storm makes.
const CONNECTIONS: u64 = 4_000;
/// Number of file opens in one storm. They are more than the ring of file events holds.
const OPENS: u64 = 120_000;

/// Maximum number of lost file records that come from other programs of this machine.
const OTHERS: u64 = OPENS / 20;

const EVENTS: &str =
    "[sink.stdout]\nevents = [\"fork\", \"exec\", \"exit\", \"connect\", \"close\", \"file\"]\n";

/// Runs programs, connections and file opens at the same time, and waits for their end.
fn storm(path: &str, port: u16) {
    let peer = format!("127.0.0.1:{port}");
    let start = |arguments: &[&str]| -> Child {
        Command::new(simulator()).args(arguments).spawn().expect("the simulator starts")
    };
    let storms = [
        start(&["storm", &PROGRAMS.to_string()]),
        start(&["reconnect", &peer, &CONNECTIONS.to_string()]),
        start(&["reopen", path, &OPENS.to_string()]),
    ];
    for mut each in storms {
        assert!(each.wait().expect("our child").success());
    }
}

#[test]
fn missing_events_are_counted_as_lost() {
    let Some(_machine) = machine_for_long("missing_events_are_counted_as_lost") else { return };
    for transport in ["ring-buffer", "perf-buffer"] {
        is_counted(transport);
    }
}

fn is_counted(transport: &str) {
    let scratch = Scratch::new();
    let path = scratch.join("reopened");
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || listener.incoming().for_each(drop));
    let hook = format!("transport={transport}");
    let agent = Agent::start(["run", "--config", &configuration(&scratch, EVENTS), "--hook", &hook]);

    storm(&path, port);
    // The second storm comes while the daemon is stopped, as on a starved host.
    agent.signal(Signal::STOP);
    storm(&path, port);
    agent.signal(Signal::CONT);
    thread::sleep(Duration::from_secs(2));
    let daemon = daemon(&scratch);
    let lost = lost_in(&daemon);
    let objects = agent.stop();
    // If our reader is slow, standard output drops lines of any kind.
    let dropped = dropped_in(&daemon);

    let lost_of = |kind: &str| lost.get(kind).copied().unwrap_or(0);
    let count =
        |matches: &dyn Fn(&Value) -> bool| objects.iter().filter(|object| matches(object)).count() as u64;
    let of_true = |action: &'static str| {
        count(&|object| {
            at(object, "event.action") == action
                && at(object, "process.executable").as_str().is_some_and(|path| path.ends_with("/true"))
        })
    };
    // A connection that is not answered at once has an earlier event without a result.
    let to_port = |action: &'static str| {
        count(&|object| {
            at(object, "event.action") == action
                && at(object, "destination.port") == port
                && at(object, "event.outcome") != "unknown"
        })
    };
    let opens =
        count(&|object| at(object, "file.path").as_str().is_some_and(|file| file.starts_with(path.as_str())));
    println!(
        "{transport}: {opens} of {} opens reported, {} file records lost, {dropped} lines dropped",
        2 * OPENS,
        lost_of("file")
    );

    let missing = [
        ("exec", 2 * PROGRAMS, of_true("exec")),
        ("exit", 2 * PROGRAMS, of_true("exit")),
        ("connect", 2 * CONNECTIONS, to_port("connect")),
        ("close", 2 * CONNECTIONS, to_port("close")),
        ("file", 2 * OPENS, opens),
    ];
    let mut uncounted = 0;
    for (kind, all, reported) in missing {
        // Other programs of this machine open files as well.
        let others = if kind == "file" { OTHERS } else { 0 };
        assert!(reported + lost_of(kind) <= all + others, "{reported} of {kind}: {lost:?}");
        uncounted += all.saturating_sub(reported + lost_of(kind));
    }
    assert!(uncounted <= dropped, "{uncounted} are missing, {dropped} were dropped: {lost:?}");
    assert!(lost_of("file") > 0, "the storm was none");
    for kind in ["fork", "exec", "exit"] {
        assert_eq!(lost_of(kind), 0, "files crowd out {kind}: {lost:?}");
    }
}
