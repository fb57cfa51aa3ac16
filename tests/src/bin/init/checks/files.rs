//! Checks file changes by system calls and by `io_uring`, and opens of a processor's registers.

use serde_json::json;

use super::{Check, Field, Observed, Outcome, SENT, network::connection};
use crate::{
    guest,
    sequence::{DIRECTORY, TCP_PORT},
};

impl Observed {
    pub(super) fn files(&self) -> [Check; 8] {
        let change = |action: &str, file: &str| {
            [("event.action", json!(action)), ("file.path", json!(format!("{DIRECTORY}/{file}")))]
        };
        let by_simulator = [("process.executable", json!("/usr/bin/simulator"))];
        let mode = [("file.mode", json!("0750")), ("process.executable", json!("/usr/bin/chmod"))];
        let from = [("minerwatch.file.old_path", json!(format!("{DIRECTORY}/second")))];
        // The name that the call has first is that of the second event.
        let exchanged = [from[0].clone(), ("minerwatch.file.exchange", json!(true))];
        let target = [("file.target_path", json!("/tmp/nowhere"))];
        let (open, changed) = (&["file-open"], &["file-change"]);
        [
            self.expect("file-create", open, &change("file-create", "first"), &by_simulator),
            self.expect("file-write", open, &change("file-write", "first"), &by_simulator),
            self.expect("file-rename", changed, &change("file-rename", "second"), &by_simulator),
            self.expect("file-exchange", changed, &change("file-rename", "other"), &exchanged),
            self.expect("file-link", changed, &change("file-link", "third"), &from),
            self.expect("file-symlink", changed, &change("file-symlink", "fourth"), &target),
            self.expect("file-chmod", changed, &change("file-chmod", "second"), &mode),
            self.expect("file-delete", changed, &change("file-delete", "second"), &by_simulator),
        ]
    }

    /// Checks operations by `io_uring`. They bypass system calls, so hooks on system calls do not see them.
    pub(super) fn ring(&self) -> [Check; 5] {
        let done = |operation: &str| self.sequence.ring.done.iter().any(|done| done == operation);
        let seen = |name: &str, operation: &str, purpose: &str, event: &[Field]| {
            let mut event = event.to_vec();
            event.push(("process.pid", json!(self.sequence.ring.pid)));
            let check = self.expect(&format!("uring-{name}"), &[purpose], &event, &[]);
            match (done(operation), self.attach_type(purpose) == "tracepoint") {
                (true, false) => check,
                (true, true) => Check { outcome: Outcome::Unavailable, ..check },
                (false, _) => Check {
                    outcome: Outcome::Unavailable,
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

    /// Checks that the open of the registers is reported, and signal C4 with it.
    pub(super) fn registers(&self) -> [Check; 2] {
        let names = ["msr-open", "msr-noted"];
        let pid = match &self.sequence.registers {
            Ok(pid) => pid,
            Err(reason) => {
                return names.map(|name| Check {
                    name: name.to_owned(),
                    outcome: Outcome::Unavailable,
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
}
