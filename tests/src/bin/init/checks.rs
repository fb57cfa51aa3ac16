//! What has to be in the daemon's events after the sequence: pure decisions over them.

use std::fmt;

use minerwatch_tests::agent::at;
use serde_json::{Value, json};

use crate::{
    daemon::End,
    guest,
    sequence::{
        self, ANSWER, CLOSED_PORT, DIRECTORY, EARLIER, EARLIER_PORT, SPIN, Sequence, TCP_PORT, UDP_PORT,
    },
};

/// What the simulator sends over TCP, and in each datagram.
const SENT: u64 = 5;
const DATAGRAM: u64 = 4;

/// Everything there is to judge by.
pub struct Scene {
    /// The object of `minerwatch doctor --json`.
    pub doctor: Value,
    /// What was started.
    pub sequence: Sequence,
    /// What the daemon made of it.
    pub end: End,
}

/// How a check came out.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Ok,
    Failed,
    /// No hook serves the purpose on this kernel, so that there is nothing to see.
    Blind,
}

/// A check and how it came out.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    name: String,
    outcome: Outcome,
    detail: String,
}

impl Check {
    /// One that failed.
    pub fn failed(name: &str, detail: String) -> Self {
        Self { name: name.to_owned(), outcome: Outcome::Failed, detail }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.outcome {
            Outcome::Ok => "ok",
            Outcome::Failed => "FAILED",
            Outcome::Blind => "blind",
        };
        // One line, whatever an error says.
        write!(formatter, "CHECK {} {outcome} {}", self.name, self.detail.replace('\n', " / "))
    }
}

/// That BPF is among the security modules if it was asked for.
pub fn security_modules(wanted: bool, active: &str) -> Check {
    let outcome = if wanted && !guest::names_bpf(active) { Outcome::Failed } else { Outcome::Ok };
    Check { name: "security-modules".to_owned(), outcome, detail: active.trim_end().to_owned() }
}

/// A field that must have a value.
type Field = (&'static str, Value);

impl Scene {
    /// All checks, in the order of the sequence.
    pub fn checks(&self) -> Vec<Check> {
        let mut checks = vec![self.snapshot()];
        checks.extend(self.life());
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

    fn tcp(&self, family: &str, address: &str) -> [Check; 4] {
        let event = |action: &str, port: u16| connection(action, "tcp", address, port);
        let connect = [
            ("event.outcome", json!("success")),
            ("network.type", json!(family)),
            ("source.ip", json!(address)),
            ("process.executable", json!("/usr/bin/simulator")),
        ];
        let counts = [("source.bytes", json!(SENT)), ("destination.bytes", json!(ANSWER))];
        let refused = [("event.outcome", json!("failure")), ("error.code", json!("ECONNREFUSED"))];
        let name = |what: &str| format!("tcp-{what}-{family}");
        [
            self.expect(&name("connect"), &["tcp"], &event("connect", TCP_PORT), &connect),
            self.expect(&name("close"), &["tcp"], &event("close", TCP_PORT), &counts),
            self.tcp_times(family, address),
            self.expect(&name("refused"), &["tcp"], &event("connect", CLOSED_PORT), &refused),
        ]
    }

    /// The payload's times in a close, all of one form and so in the order of their text.
    fn tcp_times(&self, family: &str, address: &str) -> Check {
        let fields = [
            "event.start",
            "minerwatch.network.first_payload",
            "minerwatch.network.last_payload",
            "@timestamp",
        ];
        let close = connection("close", "tcp", address, TCP_PORT);
        let of_close: Vec<Vec<&str>> = self
            .find(&close)
            .map(|close| fields.iter().filter_map(|field| at(close, field).as_str()).collect())
            .collect();
        let good = !of_close.is_empty()
            && of_close.iter().all(|times| times.len() == fields.len() && times.is_sorted());
        let has_state = !self.find(&[]).any(|event| !at(event, "minerwatch.lost.socket").is_null());
        Check {
            name: format!("tcp-times-{family}"),
            outcome: match (self.serves("tcp") && self.serves("payload") && has_state, good) {
                (false, _) => Outcome::Blind,
                (true, true) => Outcome::Ok,
                (true, false) => Outcome::Failed,
            },
            detail: format!("{of_close:?}, state at sockets: {has_state}"),
        }
    }

    /// A connection that was open before the daemon watched.
    fn earlier(&self) -> Check {
        let close = connection("close", "tcp", "127.0.0.1", EARLIER_PORT);
        let counts = [
            ("process.pid", json!(1)),
            ("source.bytes", json!(2 * EARLIER)),
            ("destination.bytes", json!(0)),
            ("minerwatch.network.first_payload", Value::Null),
        ];
        self.expect("tcp-earlier", &["tcp"], &close, &counts)
    }

    /// Two sockets send a datagram each: one that is connected and one that is not.
    fn udp(&self, family: &str, address: &str) -> [Check; 2] {
        let count = |action: &str, extra: &[Field]| {
            let mut wanted = connection(action, "udp", address, UDP_PORT).to_vec();
            wanted.extend_from_slice(extra);
            self.find(&wanted).count()
        };
        let both = |name: &str, found: usize, what: &str| Check {
            name: format!("udp-{name}-{family}"),
            outcome: match (self.serves("udp"), found) {
                (false, _) => Outcome::Blind,
                (true, 2) => Outcome::Ok,
                (true, _) => Outcome::Failed,
            },
            detail: format!("{found} of 2 sockets {what}"),
        };
        // Nobody counts where that purpose is blind, and then no number may be invented.
        let (bytes, what) = if self.serves("payload") {
            (json!(DATAGRAM), "with their bytes")
        } else {
            (Value::Null, "without a count")
        };
        [
            both("connect", count("connect", &[("network.type", json!(family))]), "reported"),
            both("close", count("close", &[("source.bytes", bytes)]), what),
        ]
    }

    fn files(&self) -> [Check; 5] {
        let change = |action: &str, file: &str| {
            [("event.action", json!(action)), ("file.path", json!(format!("{DIRECTORY}/{file}")))]
        };
        let by_simulator = [("process.executable", json!("/usr/bin/simulator"))];
        let mode = [("file.mode", json!("0750")), ("process.executable", json!("/usr/bin/chmod"))];
        let (open, changed) = (&["file-open"], &["file-change"]);
        [
            self.expect("file-create", open, &change("file-create", "first"), &by_simulator),
            self.expect("file-write", open, &change("file-write", "first"), &by_simulator),
            self.expect("file-rename", changed, &change("file-rename", "second"), &by_simulator),
            self.expect("file-chmod", changed, &change("file-chmod", "second"), &mode),
            self.expect("file-delete", changed, &change("file-delete", "second"), &by_simulator),
        ]
    }

    /// What goes round the system calls; hooks on these are blind to it, and say so.
    fn ring(&self) -> [Check; 5] {
        let done = |operation: &str| self.sequence.ring.done.iter().any(|done| done == operation);
        let seen = |name: &str, operation: &str, purpose: &str, event: &[Field]| {
            let mut event = event.to_vec();
            event.push(("process.pid", json!(self.sequence.ring.pid)));
            let check = self.expect(&format!("uring-{name}"), &[purpose], &event, &[]);
            match (done(operation), self.way(purpose) == "tracepoint") {
                (true, false) => check,
                (true, true) => Check { outcome: Outcome::Blind, ..check },
                (false, _) => Check {
                    outcome: Outcome::Blind,
                    detail: "this kernel's rings do not do it".to_owned(),
                    ..check
                },
            }
        };
        let change = |action: &str, file: &str| {
            [("event.action", json!(action)), ("file.path", json!(format!("{DIRECTORY}/{file}")))]
        };
        let connection = |action: &str| connection(action, "tcp", "127.0.0.1", TCP_PORT);
        let mut close = connection("close").to_vec();
        close.push(("source.bytes", json!(SENT)));
        [
            seen("create", "open", "file-open", &change("file-create", "by-ring")),
            seen("rename", "rename", "file-change", &change("file-rename", "by-ring.renamed")),
            seen("delete", "unlink", "file-change", &change("file-delete", "by-ring.renamed")),
            seen("connect", "connect", "tcp", &connection("connect")),
            seen("close", "send", "tcp", &close),
        ]
    }

    /// The open is told of, and its purpose is known (C4).
    fn registers(&self) -> [Check; 2] {
        let names = ["msr-open", "msr-noted"];
        let pid = match &self.sequence.registers {
            Ok(pid) => pid,
            Err(reason) => {
                return names.map(|name| Check {
                    name: name.to_owned(),
                    outcome: Outcome::Blind,
                    detail: (*reason).to_owned(),
                });
            }
        };
        let opened = [("event.action", json!("device-open")), ("process.pid", json!(pid))];
        let facts = [
            ("file.path", json!(guest::MSR)),
            ("minerwatch.device.number", json!("202:0")),
            ("minerwatch.device.access", json!("write")),
            ("event.outcome", json!("success")),
        ];
        let alert = [("event.kind", json!("alert")), ("process.pid", json!(pid))];
        let noted = [("minerwatch.verdict", json!("noted")), ("rule.id", json!("C4"))];
        [
            self.expect(names[0], &["file-open"], &opened, &facts),
            self.expect(names[1], &["file-open"], &alert, &noted),
        ]
    }

    /// An emulated machine is slow, but nobody else uses it: most of the time is the spinning process's.
    fn cpu(&self) -> [Check; 2] {
        let range = |low: u64| low * 1_000_000..=(SPIN + 1) * 1_000_000_000;
        let within = |name: &str, purposes: &[&str], action: &str, field: &str, low: u64| {
            let event = [("event.action", json!(action)), ("process.pid", json!(self.sequence.spinning))];
            let values: Vec<_> = self.find(&event).map(|event| at(event, field).as_u64()).collect();
            let good = !values.is_empty()
                && values.iter().all(|value| value.is_some_and(|value| range(low).contains(&value)));
            self.judge(name, purposes, good, format!("{field} {values:?}"))
        };
        [
            within("cpu-interval", &["cpu"], "cpu", "minerwatch.cpu.on_cpu_ns", 100),
            within("cpu-total", &["exit"], "exit", "minerwatch.cpu.total_ns", SPIN * 500),
        ]
    }

    /// The dataset is told of once, and the code by its growing count however often it is flipped.
    fn mapping(&self) -> [Check; 2] {
        let event = |class: &str| {
            [
                ("event.action", json!("memory-map")),
                ("process.pid", json!(self.sequence.mapping)),
                ("minerwatch.memory.class", json!(class)),
            ]
        };
        let code = event("code");
        let told = self.find(&code).count();
        [
            // One with huge pages, and where the machine has none, another without.
            self.expect(
                "mapping-dataset",
                &["mapping"],
                &event("dataset"),
                &[("minerwatch.memory.size", json!(2_181_038_080_u64))],
            ),
            self.judge(
                "mapping-code",
                &["mapping"],
                (8..=16).contains(&told),
                format!("{told} told of 4000"),
            ),
        ]
    }

    /// The worker is found, its neighbour is not.
    fn rounding(&self) -> [Check; 2] {
        let alert = |pid: u32| [("event.kind", json!("alert")), ("process.pid", json!(pid))];
        let verdict = [("minerwatch.verdict", json!("mining")), ("rule.id", json!("C1"))];
        let neighbour = alert(self.sequence.interval);
        let alerts = self.find(&neighbour).count();
        [
            self.expect("rounding", &["rounding"], &alert(self.sequence.hashing), &verdict),
            self.judge("rounding-interval", &["rounding"], alerts == 0, format!("{alerts} alerts")),
        ]
    }

    fn end(&self) -> Check {
        self.judge("sigterm", &[], self.end.status.code() == Some(0), self.end.status.to_string())
    }

    /// That an event with the fields of `which` is there and has those of `has` as well.
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
        let outcome = match (purposes.iter().all(|purpose| self.serves(purpose)), good) {
            (false, _) => Outcome::Blind,
            (true, true) => Outcome::Ok,
            (true, false) => Outcome::Failed,
        };
        Check { name: name.to_owned(), outcome, detail }
    }

    fn find<'a>(&'a self, fields: &'a [Field]) -> impl Iterator<Item = &'a Value> {
        self.end.events.iter().filter(|event| fields.iter().all(|field| holds(event, field)))
    }

    /// Whether the doctor names a hook for a purpose.
    fn serves(&self, purpose: &str) -> bool {
        self.service(purpose)["hook"].is_string()
    }

    /// What kind of hook that is.
    fn way(&self, purpose: &str) -> &Value {
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

fn connection(action: &str, transport: &str, address: &str, port: u16) -> [Field; 4] {
    [
        ("event.action", json!(action)),
        ("network.transport", json!(transport)),
        ("destination.ip", json!(address)),
        ("destination.port", json!(port)),
    ]
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

    use super::*;
    use crate::sequence::Ring;

    fn scene(purposes: &[&str], events: Vec<Value>) -> Scene {
        let purposes: Vec<_> =
            purposes.iter().map(|name| json!({ "name": name, "hook": "a hook", "way": "fexit" })).collect();
        Scene {
            doctor: json!({ "purposes": purposes }),
            sequence: Sequence {
                exiting: 40,
                ring: Ring { pid: 45, done: vec!["open".to_owned()] },
                registers: Err("not here"),
                spinning: 50,
                mapping: 55,
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
    fn without_events_everything_that_is_served_fails() {
        let checks = scene(&["exec", "udp"], Vec::new()).checks();
        for (name, expected) in [
            ("exec", Outcome::Failed),
            ("udp-connect-ipv4", Outcome::Failed),
            ("fork", Outcome::Blind),
            ("file-create", Outcome::Blind),
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
        let wrong = scene(&["exit"], vec![exit(1)]).life();
        assert_eq!(wrong[2].to_string(), "CHECK exit FAILED process.exit_code is 1, not 7");
        let right = scene(&["exit"], vec![exit(1), exit(sequence::CODE)]).life();
        assert_eq!(right[2].to_string(), "CHECK exit ok 2 seen");
    }

    #[test]
    fn bytes_of_datagrams_are_there_exactly_where_they_are_counted() {
        let cases = [
            (&["udp", "payload"][..], json!(DATAGRAM), Outcome::Ok),
            (&["udp", "payload"], Value::Null, Outcome::Failed),
            (&["udp"], Value::Null, Outcome::Ok),
            (&["udp"], json!(0), Outcome::Failed),
        ];
        for (purposes, bytes, expected) in cases {
            let checks = scene(purposes, vec![udp("close", &bytes); 2]).checks();
            assert_eq!(*outcome(&checks, "udp-close-ipv4"), expected, "{purposes:?} {bytes}");
        }
    }

    #[test]
    fn what_rings_do_is_seen_where_hooks_lie_behind_them() {
        let create = json!({
            "event": { "action": "file-create" }, "process": { "pid": 45 },
            "file": { "path": format!("{DIRECTORY}/by-ring") },
        });
        let checks = |events| scene(&["file-open", "tcp"], events).checks();
        assert_eq!(*outcome(&checks(vec![create]), "uring-create"), Outcome::Ok);
        assert_eq!(*outcome(&checks(Vec::new()), "uring-create"), Outcome::Failed);
        assert_eq!(
            *outcome(&checks(Vec::new()), "uring-connect"),
            Outcome::Blind,
            "the ring did not connect"
        );
        let mut on_calls = scene(&["file-open"], Vec::new());
        on_calls.doctor["purposes"][0]["way"] = json!("tracepoint");
        assert_eq!(*outcome(&on_calls.checks(), "uring-create"), Outcome::Blind);
    }

    #[test]
    fn registers_are_judged_where_they_were_opened() {
        let mut scene = scene(&["file-open"], Vec::new());
        assert_eq!(*outcome(&scene.checks(), "msr-open"), Outcome::Blind);
        scene.sequence.registers = Ok(48);
        assert_eq!(*outcome(&scene.checks(), "msr-open"), Outcome::Failed);
        scene.end.events = vec![json!({
            "event": { "kind": "alert" }, "process": { "pid": 48 }, "rule": { "id": "C4" },
            "minerwatch": { "verdict": "noted" },
        })];
        assert_eq!(*outcome(&scene.checks(), "msr-noted"), Outcome::Ok);
    }

    #[test]
    fn bpf_is_a_security_module_where_it_was_asked_for() {
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
    fn a_detail_stays_on_its_line() {
        let check = Check::failed("sequence", "first\nsecond".to_owned());
        assert_eq!(check.to_string(), "CHECK sequence FAILED first / second");
    }
}
