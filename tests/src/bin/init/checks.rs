//! Checks the daemon's events after the sequence.

mod compute;
mod files;
mod network;

use std::fmt;

use minerwatch_tests::agent::at;
use serde_json::{Value, json};

use crate::{
    daemon::End,
    guest,
    sequence::{self, Sequence},
};

/// Number of bytes that the simulator sends over TCP.
const SENT: u64 = 5;
/// Number of bytes in each datagram of the simulator.
const DATAGRAM: u64 = 4;

/// What was observed in the virtual machine.
pub struct Observed {
    /// The object of `minerwatch doctor --json`.
    pub doctor: Value,
    /// The processes that the sequence started.
    pub sequence: Sequence,
    /// The exit status of the daemon and the events that it wrote.
    pub end: End,
}

/// The result of a check.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Ok,
    Failed,
    /// The data source is unavailable on this kernel, so there is nothing to see.
    Unavailable,
}

/// A check with its result.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    name: String,
    outcome: Outcome,
    detail: String,
}

impl Check {
    /// Creates a check that failed.
    pub fn failed(name: &str, detail: String) -> Self {
        Self { name: name.to_owned(), outcome: Outcome::Failed, detail }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.outcome {
            Outcome::Ok => "ok",
            Outcome::Failed => "FAILED",
            Outcome::Unavailable => "unavailable",
        };
        // The report has one line per check, but an error may have several.
        write!(formatter, "CHECK {} {outcome} {}", self.name, self.detail.replace('\n', " / "))
    }
}

/// Checks that BPF is among the active security modules if the kernel's command line requests it.
pub fn security_modules(wanted: bool, active: &str) -> Check {
    let outcome = if wanted && !guest::names_bpf(active) { Outcome::Failed } else { Outcome::Ok };
    Check { name: "security-modules".to_owned(), outcome, detail: active.trim_end().to_owned() }
}

/// The path of a field and its required value.
type Field = (&'static str, Value);

impl Observed {
    /// Runs all checks, in the order of the sequence.
    pub fn checks(&self) -> Vec<Check> {
        let mut checks = vec![self.snapshot()];
        checks.extend(self.life());
        checks.push(self.signal());
        checks.extend(self.privileged());
        for (family, address) in [("ipv4", "127.0.0.1"), ("ipv6", "::1")] {
            checks.extend(self.tcp(family, address));
            checks.extend(self.udp(family, address));
        }
        checks.push(self.earlier());
        checks.extend(self.files());
        checks.extend(self.ring());
        checks.extend(self.registers());
        checks.extend(self.cpu());
        checks.extend(self.mapping());
        checks.extend(self.rounding());
        checks.push(self.end());
        checks
    }

    fn snapshot(&self) -> Check {
        let init = [("event.action", json!("running")), ("process.pid", json!(1))];
        self.expect("snapshot", &[], &init, &[("process.executable", json!("/init"))])
    }

    fn life(&self) -> [Check; 3] {
        let event =
            |action: &str| [("event.action", json!(action)), ("process.pid", json!(self.sequence.exiting))];
        let exec = [
            ("process.args", json!(sequence::exiting_arguments())),
            ("process.executable", json!("/init")),
            ("process.working_directory", json!("/usr/bin")),
            ("process.user.name", json!("root")),
            ("process.parent.pid", json!(1)),
            ("minerwatch.process.args_cut", Value::Null),
        ];
        [
            self.expect("fork", &["fork"], &event("fork"), &[("process.parent.pid", json!(1))]),
            self.expect("exec", &["exec"], &event("exec"), &exec),
            self.expect("exit", &["exit"], &event("exit"), &[("process.exit_code", json!(sequence::CODE))]),
        ]
    }

    fn signal(&self) -> Check {
        let sent = [
            ("event.action", json!("signal-sent")),
            ("process.pid", json!(1)),
            ("minerwatch.sent_signal.target.pid", json!(self.sequence.killed)),
        ];
        self.expect("signal", &["signal"], &sent, &[("minerwatch.sent_signal.name", json!("SIGKILL"))])
    }

    /// The driver of the registers is the module that this program loads. The tracepoints do not see who reads or opens
    /// the memory of a process.
    fn privileged(&self) -> Vec<Check> {
        let event = |action: &str, pid: u32| [("event.action", json!(action)), ("process.pid", json!(pid))];
        let Sequence { tracing, reading, opening, loading, detaching, .. } = self.sequence;
        let access = |name: &str, pid: u32| {
            let target = [("minerwatch.access.target.pid", json!(1))];
            self.expect(name, &["process-access"], &event("process-access", pid), &target)
        };
        let program = [("minerwatch.bpf.type", json!("kprobe")), ("minerwatch.bpf.name", json!("nothing"))];
        let mut checks = vec![
            access("process-access", tracing),
            self.expect("bpf-load", &["bpf"], &event("bpf-load", loading), &program),
            self.expect("bpf-detach", &["bpf"], &event("bpf-detach", detaching), &[]),
        ];
        if self.attach_type("process-access") == "fentry" {
            checks.extend([access("process-access-read", reading), access("process-access-open", opening)]);
        }
        if self.sequence.registers.is_ok() {
            let module = [("minerwatch.module.name", json!("msr"))];
            checks.push(self.expect("module-load", &["module"], &event("module-load", 1), &module));
        }
        checks
    }

    fn end(&self) -> Check {
        self.judge("sigterm", &[], self.end.status.code() == Some(0), self.end.status.to_string())
    }

    /// Checks that an event with the fields of `which` exists, and that it also has the fields of `has`.
    fn expect(&self, name: &str, purposes: &[&str], which: &[Field], has: &[Field]) -> Check {
        let candidates: Vec<&Value> = self.find(which).collect();
        let wrong = |event: &Value| {
            let mut wrong = has.iter().filter(|field| !holds(event, field));
            wrong.next().map(|(path, value)| format!("{path} is {}, not {value}", at(event, path)))
        };
        let reasons: Vec<_> = candidates.iter().map(|event| wrong(event)).collect();
        let good = reasons.iter().any(Option::is_none);
        let detail = match (good, reasons.into_iter().flatten().next()) {
            (true, _) => format!("{} seen", candidates.len()),
            (false, Some(reason)) => reason,
            (false, None) => format!("none among {} events", self.end.events.len()),
        };
        self.judge(name, purposes, good, detail)
    }

    fn judge(&self, name: &str, purposes: &[&str], good: bool, detail: String) -> Check {
        let outcome = match (purposes.iter().all(|purpose| self.is_available(purpose)), good) {
            (false, _) => Outcome::Unavailable,
            (true, true) => Outcome::Ok,
            (true, false) => Outcome::Failed,
        };
        Check { name: name.to_owned(), outcome, detail }
    }

    fn find<'a>(&'a self, fields: &'a [Field]) -> impl Iterator<Item = &'a Value> {
        self.end.events.iter().filter(|event| fields.iter().all(|field| holds(event, field)))
    }

    /// Returns whether the doctor names a hook for a data source.
    fn is_available(&self, purpose: &str) -> bool {
        self.service(purpose)["hook"].is_string()
    }

    /// Returns the attach type of the hook for a data source.
    fn attach_type(&self, purpose: &str) -> &Value {
        &self.service(purpose)["way"]
    }

    fn service(&self, purpose: &str) -> &Value {
        let purposes = self.doctor["purposes"].as_array().map_or(&[][..], Vec::as_slice);
        purposes.iter().find(|each| each["name"] == purpose).unwrap_or(&Value::Null)
    }
}

fn holds(event: &Value, (path, value): &Field) -> bool {
    at(event, path) == value
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

    use super::*;
    use crate::sequence::{DIRECTORY, Ring, UDP_PORT};

    fn observed(purposes: &[&str], events: Vec<Value>) -> Observed {
        let purposes: Vec<_> =
            purposes.iter().map(|name| json!({ "name": name, "hook": "a hook", "way": "fexit" })).collect();
        Observed {
            doctor: json!({ "purposes": purposes }),
            sequence: Sequence {
                exiting: 40,
                ring: Ring { pid: 45, done: vec!["open".to_owned()] },
                registers: Err("not here"),
                spinning: 50,
                mapping: 55,
                advising: 56,
                killed: 57,
                tracing: 58,
                reading: 59,
                opening: 60,
                loading: 61,
                detaching: 62,
                interval: 60,
                hashing: 70,
            },
            end: End { status: ExitStatus::from_raw(0), events },
        }
    }

    fn outcome<'a>(checks: &'a [Check], name: &str) -> &'a Outcome {
        &checks.iter().find(|check| check.name == name).expect("a check of that name").outcome
    }

    fn udp(action: &str, bytes: &Value) -> Value {
        json!({
            "event": { "action": action }, "network": { "transport": "udp", "type": "ipv4" },
            "destination": { "ip": "127.0.0.1", "port": UDP_PORT }, "source": { "bytes": bytes },
        })
    }

    #[test]
    fn without_events_every_available_check_fails() {
        let checks = observed(&["exec", "udp"], Vec::new()).checks();
        for (name, expected) in [
            ("exec", Outcome::Failed),
            ("udp-connect-ipv4", Outcome::Failed),
            ("fork", Outcome::Unavailable),
            ("file-create", Outcome::Unavailable),
            ("snapshot", Outcome::Failed),
            ("sigterm", Outcome::Ok),
        ] {
            assert_eq!(*outcome(&checks, name), expected, "{name}");
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        let exit =
            |code: u8| json!({ "event": { "action": "exit" }, "process": { "pid": 40, "exit_code": code } });
        let wrong = observed(&["exit"], vec![exit(1)]).life();
        assert_eq!(wrong[2].to_string(), "CHECK exit FAILED process.exit_code is 1, not 7");
        let right = observed(&["exit"], vec![exit(1), exit(sequence::CODE)]).life();
        assert_eq!(right[2].to_string(), "CHECK exit ok 2 seen");
    }

    #[test]
    fn datagram_bytes_are_required_where_payload_is_available() {
        let cases = [
            (&["udp", "payload"][..], json!(DATAGRAM), Outcome::Ok),
            (&["udp", "payload"], Value::Null, Outcome::Failed),
            (&["udp"], Value::Null, Outcome::Ok),
            (&["udp"], json!(0), Outcome::Failed),
        ];
        for (purposes, bytes, expected) in cases {
            let checks = observed(purposes, vec![udp("close", &bytes); 2]).checks();
            assert_eq!(*outcome(&checks, "udp-close-ipv4"), expected, "{purposes:?} {bytes}");
        }
    }

    #[test]
    fn io_uring_checks_need_hooks_behind_system_calls() {
        let create = json!({
            "event": { "action": "file-create" }, "process": { "pid": 45 },
            "file": { "path": format!("{DIRECTORY}/by-ring") },
        });
        let checks = |events| observed(&["file-open", "tcp"], events).checks();
        assert_eq!(*outcome(&checks(vec![create]), "uring-create"), Outcome::Ok);
        assert_eq!(*outcome(&checks(Vec::new()), "uring-create"), Outcome::Failed);
        assert_eq!(
            *outcome(&checks(Vec::new()), "uring-connect"),
            Outcome::Unavailable,
            "the ring did not connect"
        );
        let mut on_calls = observed(&["file-open"], Vec::new());
        on_calls.doctor["purposes"][0]["way"] = json!("tracepoint");
        assert_eq!(*outcome(&on_calls.checks(), "uring-create"), Outcome::Unavailable);
    }

    #[test]
    fn register_checks_need_the_driver() {
        let mut observed = observed(&["file-open"], Vec::new());
        assert_eq!(*outcome(&observed.checks(), "msr-open"), Outcome::Unavailable);
        observed.sequence.registers = Ok(48);
        assert_eq!(*outcome(&observed.checks(), "msr-open"), Outcome::Failed);
        observed.end.events = vec![json!({
            "event": { "kind": "alert" }, "process": { "pid": 48 }, "rule": { "id": "C4" },
            "minerwatch": { "verdict": "noted" },
        })];
        assert_eq!(*outcome(&observed.checks(), "msr-noted"), Outcome::Ok);
    }

    #[test]
    fn bpf_must_be_a_security_module_when_requested() {
        let cases = [
            (true, "lockdown,capability,bpf\n", Outcome::Ok),
            (true, "capability,bpfx", Outcome::Failed),
            (false, "capability", Outcome::Ok),
        ];
        for (wanted, active, expected) in cases {
            assert_eq!(security_modules(wanted, active).outcome, expected, "{wanted} {active}");
        }
    }

    #[test]
    fn a_detail_is_one_line() {
        let check = Check::failed("sequence", "first\nsecond".to_owned());
        assert_eq!(check.to_string(), "CHECK sequence FAILED first / second");
    }
}
