//! Mining protocols on real connections, with every system call that sends, and similar protocols that must not raise
//! alerts.
//!
//! One recording contains many clients. They run the same program and mine with the same pool, so they are one suspect
//! for the daemon. To judge each alone, the test replays the part of the recording that belongs to its process.

mod cases;
mod dialects;
mod others;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
};

use minerwatch_tests::{
    Scratch,
    agent::at,
    container::Container,
    executable,
    namespace::{Namespace, Pair, Server},
    native::{self, Simulator},
    notes::note,
};
use serde_json::Value;

use self::cases::{after_the_budget, carried, login, preludes, protocols, send_calls, variations};
use crate::{SOON, machine, start_agent, stream::Recorder};

/// Settings that write all alerts, but only connect events, to standard output.
const VERDICTS: &str = "[sink.stdout]\nevents = [\"connect\"]\n[detection]\nmin_verdict = \"noted\"\n";

/// A container id, as container runtimes use it to name cgroups.
const CONTAINER: &str = "7ad09c4b1e5f62837c0d9ae4f1b3865270fd1c2e9b84a6375d0c1f2e3b4a5968";

const POOL: u16 = 9000;
/// One step of a client.
#[derive(Clone, Debug)]
enum Piece {
    /// Sends these bytes with one call.
    Say(Vec<u8>),
    /// Waits for a short time.
    Pause,
    /// Waits for an answer.
    Hear,
}

fn say(bytes: impl AsRef<[u8]>) -> Piece {
    Piece::Say(bytes.as_ref().to_vec())
}

fn argument(piece: &Piece) -> String {
    match piece {
        Piece::Say(bytes) => bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")),
        Piece::Pause => "+".into(),
        Piece::Hear => ".".into(),
    }
}

/// Two hosts with a pool on one and the clients on the other.
struct Stage {
    pair: Pair,
    _pool: Server,
    python: String,
    native: String,
    scratch: Scratch,
}

impl Stage {
    fn new(subnet: u8) -> Self {
        let scratch = Scratch::new();
        let pair = Pair::new(subnet);
        let server = scratch.join("server.py");
        let python = scratch.join("client.py");
        fs::write(&server, include_str!("wire/server.py")).expect("a file can be written");
        fs::write(&python, include_str!("wire/client.py")).expect("a file can be written");
        let native = native::build(Simulator::Client, &scratch, "speaker").to_string_lossy().into_owned();
        let pool = pair.server.serve(POOL, "/usr/bin/python3", &[&server]);
        Self { pair, _pool: pool, python, native, scratch }
    }
}

/// A running client and the name of its case.
struct Client {
    name: String,
    child: Child,
    pid: u64,
}

impl Client {
    fn start(name: &str, host: &Namespace, program: &[&str], arguments: &[String]) -> Self {
        // `exit` keeps the shell from replacing itself with the client.
        let script = r#"ip netns exec "$@"; exit $?"#;
        let mut child = Command::new("/bin/bash")
            .arg0("-bash")
            .args(["-c", script, "-bash", &host.name])
            .args(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut pid = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut pid).expect("it says its number");
        let pid = pid.trim().parse().unwrap_or_else(|error| panic!("{name}: {error}: {pid}"));
        Self { name: name.to_owned(), child, pid }
    }

    fn end(&mut self) {
        let status = self.child.wait().expect("our child");
        assert!(status.success(), "{} ended with {status}", self.name);
    }
}

/// One case: what a client sends to which server, and what must be found.
struct Case {
    name: String,
    call: &'static str,
    native: bool,
    v6: bool,
    port: u16,
    pieces: Vec<Piece>,
    verdict: &'static str,
    signal: &'static str,
    protocol: &'static str,
}

impl Case {
    /// Creates a case in which a Python client sends to the pool over IPv4 with `send`. Signal N1 and the verdict
    /// mining are expected.
    fn new(name: &str, protocol: &'static str, pieces: impl Into<Vec<Piece>>) -> Self {
        let pieces = pieces.into();
        Self {
            name: name.to_owned(),
            call: "send",
            native: false,
            v6: false,
            port: POOL,
            pieces,
            verdict: "mining",
            signal: "N1",
            protocol,
        }
    }

    /// Creates the same kind of case, but signal N7 and the verdict noted are expected.
    fn solo(name: &str, protocol: &'static str, pieces: impl Into<Vec<Piece>>) -> Self {
        Self { verdict: "noted", signal: "N7", ..Self::new(name, protocol, pieces) }
    }

    fn start(&self, stage: &Stage) -> Client {
        let server = &stage.pair.server;
        let address = if self.v6 { &server.address_v6 } else { &server.address };
        let mut arguments = vec![self.call.to_owned(), address.clone(), self.port.to_string()];
        arguments.extend(self.pieces.iter().map(argument));
        let program: &[&str] =
            if self.native { &[&stage.native] } else { &["/usr/bin/python3", &stage.python] };
        Client::start(&self.name, &stage.pair.victim, program, &arguments)
    }
}

/// Replays the events of one process, and returns the alerts.
fn alerts_of(scratch: &Scratch, recording: &str, pid: u64) -> Vec<Value> {
    let (header, events) = recording.split_once('\n').expect("a recording has a header");
    let own = format!(r#""subject":{{"key":{{"pid":{pid},"#);
    let mut part = format!("{header}\n");
    for event in events.lines().filter(|event| event.contains(&own)) {
        part.push_str(event);
        part.push('\n');
    }
    let path = scratch.join("part.jsonl");
    fs::write(&path, part).expect("it can be written");
    let output = Command::new(executable("minerwatch")).args(["replay", "--json", &path]).output();
    let output = output.expect("it starts");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Starts a client in a container that sends with `io_uring`.
fn contained(stage: &Stage) -> Container {
    let shown = stage.scratch.path().to_string_lossy().into_owned();
    let (port, words) = (POOL.to_string(), argument(&say(login())));
    let command = ["/shown/speaker", "io_uring", &stage.pair.server.address, &port, &words, "."];
    Container::start(&stage.scratch, &format!("/docker/{CONTAINER}"), &stage.pair.victim, &shown, &command)
}

fn evidence<'a>(alert: &'a Value, case: &Case) -> Option<&'a Value> {
    let signals = alert["minerwatch"]["signals"].as_array()?;
    signals.iter().find(|signal| signal["id"] == case.signal).map(|signal| &signal["evidence"])
}

/// Runs all cases at the same time. Returns what was not found in the recording.
fn failures(stage: &Stage, recorder: Recorder, cases: &[Case]) -> Vec<String> {
    let mut clients: Vec<Client> = cases.iter().map(|case| case.start(stage)).collect();
    clients.iter_mut().for_each(Client::end);
    let recording = fs::read_to_string(recorder.stop()).expect("it was written");
    let mut failures = Vec::new();
    for (case, client) in cases.iter().zip(&clients) {
        let alerts = alerts_of(&stage.scratch, &recording, client.pid);
        let is_found = |alert: &&Value| {
            at(alert, "process.pid") == client.pid && at(alert, "minerwatch.verdict") == case.verdict
        };
        let Some(alert) = alerts.iter().find(is_found) else {
            failures.push(format!("{}: no verdict '{}'", case.name, case.verdict));
            continue;
        };
        let found = evidence(alert, case);
        if found.is_none_or(|found| found["protocol"] != case.protocol) {
            failures.push(format!("{}: not {} of {}: {alert:#}", case.name, case.signal, case.protocol));
        }
    }
    failures
}

#[test]
fn mining_protocols_are_found_however_they_are_sent() {
    let Some(_machine) = machine("mining_protocols_are_found_however_they_are_sent") else { return };
    let stage = Stage::new(51);
    let agent = start_agent(&stage.scratch, VERDICTS);
    let recorder = Recorder::start(stage.scratch.join("wire.jsonl"));
    let is_container = |object: &Value| {
        at(object, "container.id") == CONTAINER && at(object, "minerwatch.verdict") == "mining"
    };
    // It comes first. Later, the alerts about the others would use up the budget.
    assert!(contained(&stage).wait(), "what runs in the container ends well");
    let alert = agent.wait_for("verdict on the container", SOON, is_container);
    assert_eq!(at(&alert, "process.name"), "speaker");
    let cases: Vec<Case> = [protocols(), variations(), send_calls()].into_iter().flatten().collect();
    let failures = failures(&stage, recorder, &cases);
    let is_first = |object: &Value| at(object, "event.action") == "incident-opened";
    let slowest = agent.find(SOON, is_first).and_then(|alert| at(&alert, "minerwatch.latency_ms").as_f64());
    let slowest = slowest.expect("the daemon saw them too");
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
    note(&format!("{} cases, the first alert {slowest:.1} ms after its payload", cases.len()));
    assert!(slowest < 1_000.0, "{slowest} ms");
    agent.stop();
}

#[test]
fn what_comes_before_a_login_does_not_hide_it() {
    let Some(_machine) = machine("what_comes_before_a_login_does_not_hide_it") else { return };
    let stage = Stage::new(91);
    let agent = start_agent(&stage.scratch, VERDICTS);
    let recorder = Recorder::start(stage.scratch.join("wire.jsonl"));
    let cases = preludes();
    let failures = failures(&stage, recorder, &cases);
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
    agent.stop();
}

#[test]
fn messages_are_found_whatever_carries_them() {
    let Some(_machine) = machine("messages_are_found_whatever_carries_them") else { return };
    let stage = Stage::new(94);
    let agent = start_agent(&stage.scratch, VERDICTS);
    let recorder = Recorder::start(stage.scratch.join("wire.jsonl"));
    let cases = carried();
    let failures = failures(&stage, recorder, &cases);
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
    agent.stop();
}

#[test]
fn the_dialects_of_other_coins_are_found() {
    let Some(_machine) = machine("the_dialects_of_other_coins_are_found") else { return };
    let stage = Stage::new(95);
    let agent = start_agent(&stage.scratch, VERDICTS);
    let recorder = Recorder::start(stage.scratch.join("wire.jsonl"));
    let cases = dialects::dialects();
    let failures = failures(&stage, recorder, &cases);
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
    agent.stop();
}

#[test]
fn a_connection_is_read_again_after_an_interval() {
    let Some(_machine) = machine("a_connection_is_read_again_after_an_interval") else { return };
    let stage = Stage::new(93);
    let agent = start_agent(&stage.scratch, &format!("[events]\nflow_interval_s = 1\n{VERDICTS}"));
    let mut client = after_the_budget().start(&stage);
    client.end();
    agent.wait_for("verdict on the miner", SOON, |object| {
        at(object, "process.pid") == client.pid && at(object, "minerwatch.verdict") == "mining"
    });
    agent.stop();
}

#[test]
fn other_protocols_raise_no_alert() {
    let Some(_machine) = machine("other_protocols_raise_no_alert") else { return };
    let stage = Stage::new(52);
    let agent = start_agent(&stage.scratch, VERDICTS);
    let cases = others::others();
    let mut clients: Vec<Client> = cases.iter().map(|case| case.start(&stage)).collect();
    clients.iter_mut().for_each(Client::end);
    // A real miner starts last. Once it is found, the daemon has judged all clients before it.
    let miner = Case::new("CryptoNote", "CryptoNote stratum", [say(login()), Piece::Hear]);
    let mut client = miner.start(&stage);
    client.end();
    agent.wait_for("verdict on the miner", SOON, |object| {
        at(object, "process.pid") == client.pid && at(object, "minerwatch.verdict") == "mining"
    });
    let objects = agent.stop();
    for client in &clients {
        let of_client = |object: &&Value| at(object, "process.pid") == client.pid;
        assert!(objects.iter().any(|object| of_client(&object)), "{}: it was not seen at all", client.name);
        let alert = objects.iter().filter(of_client).find(|object| at(object, "event.kind") == "alert");
        assert!(alert.is_none(), "{}: {:#}", client.name, alert.expect("just seen"));
    }
}
