//! Signals from one process to another.

use std::process::Command;

use minerwatch_tests::{
    Scratch,
    agent::at,
    native::{self, Simulator, Worker},
};

use crate::{EVERYTHING, SOON, machine, start_agent};

/// Starts a program with the path of a security agent, in a mount namespace of its own.
fn security_agent() -> Worker {
    let script = "mount -t tmpfs none /opt && mkdir /opt/falco && cp \"$(command -v sleep)\" /opt/falco/falco && \
                  exec /opt/falco/falco 60";
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "sh", "-c", script]);
    Worker::start_command(unshare)
}

#[test]
fn a_frozen_security_agent_counts() {
    let Some(_machine) = machine("a_frozen_security_agent_counts") else { return };
    let scratch = Scratch::new();
    let agent = start_agent(&scratch, EVERYTHING);
    let falco = security_agent();
    agent.wait_for("the program", SOON, |object| {
        at(object, "process.pid") == falco.pid() && at(object, "process.executable") == "/opt/falco/falco"
    });
    // The shell sends them itself, the first two in one second. Then it starts what mines.
    let pid = falco.pid();
    let miner = native::build(Simulator::Memory, &scratch, "miner");
    let script = format!(
        "kill -STOP {pid}; kill -STOP {pid}; kill -CONT {pid}; kill -0 {pid}; {} randomx 30",
        miner.display()
    );
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]);
    let shell = Worker::start_command(shell);
    let alert = agent.wait_for("alert about the miner", SOON, |object| {
        let signals = at(object, "minerwatch.signals").as_array();
        signals
            .is_some_and(|signals| ["B8A", "C2"].iter().all(|id| signals.iter().any(|it| it["id"] == **id)))
    });
    assert_eq!(at(&alert, "process.name"), "miner", "{alert:#}");
    drop(shell);
    drop(falco);
    let told = agent.stop();
    let sent: Vec<_> = told
        .iter()
        .filter(|object| at(object, "minerwatch.sent_signal.target.pid") == pid)
        .map(|object| at(object, "minerwatch.sent_signal.name").as_str().unwrap_or_default())
        .collect();
    // The test itself ends the program.
    assert_eq!(sent, ["SIGSTOP", "SIGCONT", "SIGKILL"]);
}
